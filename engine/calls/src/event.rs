//! What the flow tells the outside, and plugins hear: one event, with all that travels with it.
//!
//! These are the records of `plugins/sdk/wit/v1/plugin.wit` in JSON: the same names with `_` for `-`, moments in RFC 3339 with milliseconds.
//! `kind` is an open vocabulary: [`KINDS`] lists what is told today.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is told today, and of what.
pub const KINDS: [(&str, &str); 11] = [
    ("call-ended", "call: its verdict is final, whatever it is"),
    ("call-missed", "missed: a call is final and owed a follow-up; never because a colleague answered"),
    ("call-revised", "call: a late record changed a verdict that was final"),
    ("follow-up-opened", "follow_up: something is owed to a customer"),
    ("follow-up-due", "follow_up: it is still open, and its time has come"),
    ("follow-up-settled", "follow_up: it is open no more, for whatever reason"),
    ("limit-crossed", "limit: a figure rose above a limit of the site file"),
    ("limit-cleared", "limit: it fell to where the limit is cleared"),
    ("window-closed", "json: the watermark passed the end of a window of the company"),
    ("timer-due", "timer: the plugin's own, at its moment"),
    ("delivery-ended", "delivery: what became of an action that the plugin had asked for"),
];

/// Names and values that no record of the contract has a field for.
pub type Pairs = BTreeMap<String, String>;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its name: the same event told again has the same one.
    pub id: String,
    /// Of [`KINDS`].
    pub kind: String,
    /// When it happened, by the log.
    pub at: Time,
    /// The engine's time when it was told: the same however often it is handled.
    pub now: Time,
    /// The company.
    pub tenant: String,
    /// What it is about.
    pub about: About,
    /// Who was rung, in order: asked for by plugins that want to know, so it does not travel into each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A call.
    Call(Box<Call>),
    /// A call that nobody answered, and what is owed.
    Missed(Box<Missed>),
    /// What is owed.
    FollowUp(Box<FollowUp>),
    /// A figure and its limit.
    Limit(Limit),
    /// A timer that the plugin set.
    Timer(Timer),
    /// An action that the plugin asked for.
    Delivery(Delivery),
    /// Something that has no record yet, as JSON.
    Json(String),
}

/// One side of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Party {
    /// E.164 where it could be normalized, else as the PBX gave it; `None` if withheld.
    pub number: Option<String>,
    /// Of a person of ours.
    pub extension: Option<String>,
    /// Id in the directory.
    pub person: Option<String>,
    /// As recorded.
    pub name: Option<String>,
}

/// A call with its verdict; the fields are those of the line of `ringback calls`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Call {
    /// The call's name.
    pub id: String,
    /// inbound, outbound, internal.
    pub direction: String,
    /// One of the outcomes.
    pub outcome: String,
    /// Missed by the company.
    pub missed: bool,
    /// The caller hung up almost at once.
    pub short: bool,
    /// By the calendar or a closed route.
    pub out_of_hours: bool,
    /// Why it was missed.
    pub reason: Option<String>,
    /// Who called.
    pub caller: Party,
    /// The number of ours that was dialed.
    pub did: Option<String>,
    /// Of the outside party.
    pub trunk: Option<String>,
    /// What the DID led to.
    pub entry: Option<String>,
    /// The last queue.
    pub queue: Option<String>,
    /// Of the first person, queue or hunt group.
    pub group: Option<String>,
    /// `person:ID` or `group:ID` that owes the return of a missed call.
    pub owner: Option<String>,
    /// Extensions, in order of speaking.
    pub answered_by: Vec<String>,
    /// When it began.
    pub started_at: Time,
    /// When a person answered first.
    pub answered_at: Option<Time>,
    /// When the caller was gone.
    pub ended_at: Time,
    /// Whole seconds, rounded down; `None` where the record cannot tell.
    pub wait_time_s: Option<u32>,
    /// Whole seconds, rounded down.
    pub talk_time_s: Option<u32>,
    /// What else is known.
    pub facts: Pairs,
}

/// One ringing of one person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Offer {
    /// Extension, or the outside number.
    pub target: String,
    /// Who has it.
    pub person: Option<String>,
    /// Their group.
    pub group: Option<String>,
    /// `None`: the device never rang.
    pub rang_at: Option<Time>,
    /// When it stopped.
    pub ended_at: Option<Time>,
    /// answered, no_answer, busy, declined, answered_elsewhere, caller_left, not_registered, do_not_disturb, failed.
    pub end: String,
    /// Why it was not answered.
    pub reason: Option<String>,
}

/// What is owed to a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FollowUp {
    /// Its name: it keeps it, whatever late records change.
    pub id: String,
    /// open, dealing, returned_by_us, reached_us, settled_by_hand, not_returnable, expired.
    pub status: String,
    /// How often the customer called in vain.
    pub customer_calls: u32,
    /// How often we tried.
    pub our_attempts: u32,
    /// When the first of those calls began.
    pub first_at: Time,
    /// When the last of them began.
    pub last_at: Time,
    /// When it should be done.
    pub due_at: Option<Time>,
    /// `person:ID` or `group:ID`.
    pub owner: Option<String>,
    /// `customer`, `priority` and what else is known.
    pub facts: Pairs,
}

/// A missed call and what is owed for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Missed {
    /// The call.
    pub call: Call,
    /// What is owed.
    pub follow_up: FollowUp,
}

/// A figure that crossed a limit, or is below it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// In the site file.
    pub name: String,
    /// Whose figure: `queue:600`, `group:sales`, `tenant:acme`.
    pub subject: String,
    /// The window's first moment.
    pub since: Time,
    /// The first moment after it.
    pub until: Time,
    /// In the measure's unit.
    pub value: f64,
    /// In the measure's unit.
    pub threshold: f64,
    /// It rose above; false: it is cleared.
    pub raised: bool,
}

/// A timer that the plugin set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timer {
    /// The plugin's name for it.
    pub name: String,
    /// When it was due.
    pub due_at: Time,
    /// What the plugin gave with it.
    pub payload: String,
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The action's key.
    pub action: String,
    /// `call_back`, `email`, `message`, `webhook`.
    pub kind: String,
    /// dry, held, done, failed, expired, unknown.
    pub status: String,
    /// For people.
    pub detail: String,
    /// The call that it made.
    pub call: Option<String>,
}

/// A moment: milliseconds since 1970-01-01 UTC; in JSON RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = adapters::leg::Moment(i64::try_from(self.0).unwrap_or(i64::MAX));
        serializer.serialize_str(&adapters::line::moment(moment))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let read = chrono::DateTime::parse_from_rfc3339(&text).map_err(|_| {
            serde::de::Error::custom(format!("`{text}` is no moment: write it like 2026-11-23T10:00:00.000Z"))
        })?;
        u64::try_from(read.timestamp_millis()).map(Time).map_err(|_| serde::de::Error::custom("before 1970"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_back_unchanged() {
        let text = r#"{"id":"e1","kind":"call-missed","at":"2026-11-23T10:00:00.000Z","now":"2026-11-23T10:00:00.250Z","tenant":"acme","about":{"missed":{"call":{"id":"c1","direction":"inbound","outcome":"abandoned","missed":true,"short":false,"out_of_hours":false,"reason":"rang_unanswered","caller":{"number":"+447700900331","extension":null,"person":null,"name":null},"did":"+442079460000","trunk":null,"entry":"person","queue":null,"group":"sales","owner":"person:ann","answered_by":[],"started_at":"2026-11-23T09:59:30.000Z","answered_at":null,"ended_at":"2026-11-23T10:00:00.000Z","wait_time_s":30,"talk_time_s":0,"facts":{}},"follow_up":{"id":"f1","status":"open","customer_calls":1,"our_attempts":0,"first_at":"2026-11-23T09:59:30.000Z","last_at":"2026-11-23T09:59:30.000Z","due_at":null,"owner":"person:ann","facts":{"customer":"+447700900331"}}}}}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
    }
}
