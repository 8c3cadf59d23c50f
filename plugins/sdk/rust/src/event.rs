//! What a plugin hears: the records of `wit/v1/plugin.wit`, in JSON as the engine writes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Time;
use crate::words::{DeliveryStatus, Direction, Entry, FollowUpStatus, Kind, OfferEnd, Outcome, Reason};

/// Names and values that no record of the contract has a field for.
pub type Pairs = BTreeMap<String, String>;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its name: the same event told again has the same one.
    pub id: String,
    /// What it tells.
    pub kind: Kind,
    /// When it happened, by the log.
    pub at: Time,
    /// The engine's time when it was told: the same however often it is handled.
    pub now: Time,
    /// The company.
    pub tenant: String,
    /// What it is about.
    pub about: About,
    /// Who was rung, in order: empty in what a plugin gets, [`crate::Cx::offers`] answers with them.
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
    /// E.164 where it could be normalized, else as the PBX gave it; `None` if withheld; masked without the grant `numbers`.
    pub number: Option<String>,
    /// Of a person of the company.
    pub extension: Option<String>,
    /// Id in the directory.
    pub person: Option<String>,
    /// As recorded.
    pub name: Option<String>,
}

/// A call with its verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Call {
    /// The call's name.
    pub id: String,
    /// Which way it went.
    pub direction: Direction,
    /// How it ended for the caller.
    pub outcome: Outcome,
    /// Missed by the company.
    pub missed: bool,
    /// The caller hung up almost at once.
    pub short: bool,
    /// By the calendar or a closed route.
    pub out_of_hours: bool,
    /// Why it was missed.
    pub reason: Option<Reason>,
    /// Who called.
    pub caller: Party,
    /// The number of the company that was dialed.
    pub did: Option<String>,
    /// Of the outside party.
    pub trunk: Option<String>,
    /// What the DID led to.
    pub entry: Option<Entry>,
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
    /// How it ended.
    pub end: OfferEnd,
    /// Why it was not answered.
    pub reason: Option<Reason>,
}

/// What is owed to a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FollowUp {
    /// Its name: it keeps it, whatever late records change.
    pub id: String,
    /// Where it stands.
    pub status: FollowUpStatus,
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
    /// Whose figure: `queue:ID`, `group:ID`, `tenant:ID`.
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
    /// The action's key, as the function that asked for it gave it.
    pub action: String,
    /// `call_back`, `email`, `message`, `webhook`.
    pub kind: String,
    /// What became of it.
    pub status: DeliveryStatus,
    /// For people.
    pub detail: String,
    /// The call that it made.
    pub call: Option<String>,
}
