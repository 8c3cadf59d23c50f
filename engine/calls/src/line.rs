//! The line that `ringback calls` prints, which is also the columns of `calls_now`: one call, with its verdict and its proof.
//!
//! Keys are a contract: they keep their names. Moments are UTC, RFC 3339 with milliseconds; lengths are decimal seconds;
//! what is not told is null.

use adapters::Leg;
use adapters::leg::{Moment, Side, Text};
use serde::{Serialize, Serializer};

use crate::journey::{Direction, OfferEnd};
use crate::verdict::{Outcome, Reason};

/// In place of a moment that every other call has, where no record of the call tells any.
pub const NOT_TOLD: Moment = Moment(i64::MIN);

/// One call.
#[derive(Clone, Debug, PartialEq, Hash, Serialize)]
pub struct CallLine {
    /// The call's name: 32 hex digits.
    pub call_id: Text,
    /// The call that this one turned out to be part of.
    pub merged_into: Option<Text>,
    /// The company.
    pub tenant: Text,
    /// The site of the exchange.
    pub site: Option<Text>,
    /// The exchange where the caller came in.
    pub pbx: Text,
    /// Every exchange that told of it.
    pub pbxes: Vec<Text>,
    /// Every link key and native id.
    pub link_keys: Vec<Text>,
    /// inbound, outbound, internal.
    pub direction: Direction,
    /// answered or unanswered.
    pub answered: Answered,
    /// The outcome.
    pub outcome: Outcome,
    /// Missed by the company.
    pub missed: bool,
    /// The caller hung up almost at once.
    pub short: bool,
    /// By the calendar or by a closed route.
    pub out_of_hours: bool,
    /// Why it was missed.
    pub reason: Option<Reason>,
    /// E.164, of an outside caller.
    pub caller: Option<Text>,
    /// As recorded.
    pub caller_raw: Option<Text>,
    /// As recorded.
    pub caller_name: Option<Text>,
    /// Of a caller of ours.
    pub caller_extension: Option<Text>,
    /// Of a caller of ours.
    pub caller_person: Option<Text>,
    /// The number of ours that was dialed, E.164.
    pub did: Option<Text>,
    /// The digits dialed: E.164 where they are a number.
    pub dialed: Option<Text>,
    /// The trunk of the outside party.
    pub trunk: Option<Text>,
    /// What the DID led to.
    pub entry: Option<Text>,
    /// Menus passed, in order.
    pub menu_path: Vec<Text>,
    /// The first person, group or queue.
    pub first_target: Option<Text>,
    /// The last queue.
    pub queue: Option<Text>,
    /// The group of the first person, queue or hunt group.
    pub group: Option<Text>,
    /// Of a miss: `person:ID` or `group:ID`.
    pub owner: Option<Text>,
    /// Extensions in order of speaking.
    pub answered_by: Vec<Text>,
    /// person or outside, of the first.
    pub answered_by_kind: Option<Text>,
    /// How the caller was moved.
    pub transfers: Vec<TransferLine>,
    /// When it began.
    #[serde(serialize_with = "moment")]
    pub started_at: Moment,
    /// When the caller came to the first queue.
    #[serde(serialize_with = "moment_or_null")]
    pub queued_at: Option<Moment>,
    /// When the first device began to ring.
    #[serde(serialize_with = "moment_or_null")]
    pub rang_at: Option<Moment>,
    /// When a person answered first.
    #[serde(serialize_with = "moment_or_null")]
    pub answered_at: Option<Moment>,
    /// When the caller was gone.
    #[serde(serialize_with = "moment")]
    pub ended_at: Moment,
    /// caller, callee, network.
    #[serde(serialize_with = "side")]
    pub ended_by: Option<Side>,
    /// Q.850.
    pub cause: Option<u16>,
    /// Until the first answer, or until nothing could lead to a person.
    pub wait_time_s: Option<Seconds>,
    /// The same from the first queue, or from the first ringing.
    pub queue_wait_time_s: Option<Seconds>,
    /// First ringing until answered or given up.
    pub ring_time_s: Option<Seconds>,
    /// With people.
    pub talk_time_s: Option<Seconds>,
    /// On hold.
    pub hold_time_s: Option<Seconds>,
    /// In parking places.
    pub park_time_s: Option<Seconds>,
    /// With machines.
    pub machine_time_s: Option<Seconds>,
    /// From the beginning to the end.
    pub duration_s: Seconds,
    /// A message was left.
    pub voicemail_left: Option<bool>,
    /// Where the recording is.
    pub recording_url: Option<Text>,
    /// Each ringing of each person.
    pub offers: Vec<OfferLine>,
    /// The rule that decided.
    pub rule: &'static str,
    /// What it rests on: leg ids, and marks of what is not told.
    pub evidence: Vec<Text>,
    /// What is owed to the customer.
    pub follow_up: Option<FollowUpLine>,
    /// Records of the call, 1-based in their file.
    pub records: Vec<RecordRef>,
    /// How often it was printed.
    pub revision: u32,
    /// Nothing that is still to come can turn the verdict.
    pub is_final: bool,
    /// Each stay in a queue or hunt group; a table of its own, not in the line.
    #[serde(skip)]
    pub visits: Vec<VisitLine>,
}

impl CallLine {
    /// The outside party's number, as far as the line tells it: who called, or who was dialed. `None` of an internal call, or if the
    /// caller withheld it.
    #[must_use]
    pub fn customer(&self) -> Option<&Text> {
        match self.direction {
            Direction::Inbound => {
                self.caller.as_ref().or(self.caller_raw.as_ref().filter(|raw| !directory::is_withheld(raw)))
            }
            Direction::Outbound => self.dialed.as_ref(),
            Direction::Internal => None,
        }
    }

    /// The group in whose figures the call is: the owner's of a miss, else that of the first person, queue or hunt group.
    #[must_use]
    pub fn owner_group(&self) -> Option<&str> {
        let owners = match self.owner.as_deref().and_then(|owner| owner.split_once(':')) {
            Some(("group", id)) => Some(id),
            Some((_, id)) => {
                self.offers.iter().find(|o| o.person.as_deref() == Some(id)).and_then(|o| o.group.as_deref())
            }
            None => None,
        };
        owners.or(self.group.as_deref())
    }
}

/// The two values of the two clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// A person spoke with the caller.
    Answered,
    /// Nobody did.
    Unanswered,
}

/// One move of the caller.
#[derive(Clone, Debug, PartialEq, Hash, Serialize)]
pub struct TransferLine {
    /// blind, attended, park, forward, pickup.
    pub kind: Text,
    /// Who.
    pub by: Option<Text>,
    /// To what.
    pub to: Option<Text>,
    /// When.
    #[serde(serialize_with = "moment")]
    pub at: Moment,
}

/// One ringing of one person.
#[derive(Clone, Debug, PartialEq, Hash, Serialize)]
pub struct OfferLine {
    /// Extension, or the outside number.
    pub target: Option<Text>,
    /// person or outside.
    pub kind: &'static str,
    /// Who has the extension.
    pub person: Option<Text>,
    /// Their group.
    pub group: Option<Text>,
    /// The queue or hunt group that offered it.
    #[serde(skip)]
    pub queue: Option<Text>,
    /// How often this target had been rung before, plus one.
    pub round: u32,
    /// `None`: the device never rang.
    #[serde(serialize_with = "moment_or_null")]
    pub rang_at: Option<Moment>,
    /// When it stopped.
    #[serde(serialize_with = "moment")]
    pub ended_at: Moment,
    /// How it ended.
    pub end: OfferEnd,
    /// Why it was not answered.
    pub reason: Option<Reason>,
    /// It counts as missed by this person.
    #[serde(skip)]
    pub person_missed: bool,
}

/// One stay in a queue or hunt group.
#[derive(Clone, Debug, PartialEq, Hash, Serialize)]
pub struct VisitLine {
    /// `queue` or `hunt_group`.
    pub kind: &'static str,
    /// Its number or name.
    pub queue: Text,
    /// The group behind it.
    pub group: Option<Text>,
    /// From when.
    #[serde(serialize_with = "moment")]
    pub entered_at: Moment,
    /// To when.
    #[serde(serialize_with = "moment")]
    pub left_at: Moment,
    /// answered, abandoned, timed_out, left_by_key, emptied, not_joined, moved_on.
    pub end: Option<Text>,
}

/// What is owed to a customer after a missed call.
#[derive(Clone, Debug, PartialEq, Hash, Serialize)]
pub struct FollowUpLine {
    /// Its name: 32 hex digits.
    pub id: Text,
    /// open, dealing, returned_by_us, reached_us, settled_by_hand, not_returnable, expired.
    pub status: FollowUpStatus,
    /// Whose duty it is.
    pub owner: Option<Text>,
    /// When it should be done.
    #[serde(serialize_with = "moment_or_null")]
    pub due_at: Option<Moment>,
    /// The talk that settled it.
    pub settled_by_call: Option<Text>,
    /// Who talked, or settled it by hand.
    pub settled_by: Option<Text>,
    /// How often we tried.
    pub our_attempts: u32,
    /// How often the customer called in vain.
    pub customer_calls: u32,
    /// End of the first miss to the answer of the settling talk.
    pub time_to_return_s: Option<Seconds>,
}

/// The states of a follow-up. The calls alone tell all but two: people tell that they deal with it, or that they settled it by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FollowUpStatus {
    /// Nobody has dealt with it.
    Open,
    /// Somebody deals with it now.
    Dealing,
    /// We called and talked.
    ReturnedByUs,
    /// The customer called again and was answered.
    ReachedUs,
    /// A person says that it is settled.
    SettledByHand,
    /// There is no number to call, or none that may be called.
    NotReturnable,
    /// Too old.
    Expired,
}

/// A record's number in its file; with several files, `FILE:RECORD`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum RecordRef {
    /// In the only file.
    Number(u64),
    /// In one of several.
    InFile(Text),
}

impl RecordRef {
    /// Where a leg's record stands.
    #[must_use]
    pub fn of(leg: &Leg, several_files: bool) -> RecordRef {
        if several_files {
            RecordRef::InFile(compact_str::format_compact!("{}:{}", leg.position.file, leg.position.record))
        } else {
            RecordRef::Number(leg.position.record)
        }
    }
}

/// A length in seconds to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seconds {
    /// Milliseconds.
    pub ms: i64,
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.ms % 1000 == 0 {
            serializer.serialize_i64(self.ms / 1000)
        } else {
            serializer.serialize_f64(self.ms as f64 / 1000.0)
        }
    }
}

fn moment<S: Serializer>(moment: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
    if *moment == NOT_TOLD {
        return serializer.serialize_none();
    }
    serializer.serialize_str(&adapters::line::moment(*moment))
}

fn moment_or_null<S: Serializer>(moment_or_null: &Option<Moment>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment_or_null {
        Some(at) => moment(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// The word for an enum's value in JSON and in tables.
pub trait Word {
    /// In snake case, as in the vocabulary.
    fn word(&self) -> &'static str;
}

macro_rules! words {
    ($type:ty, $($value:ident => $word:literal),+ $(,)?) => {
        impl Word for $type {
            fn word(&self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}

words!(Direction, Inbound => "inbound", Outbound => "outbound", Internal => "internal");
words!(Outcome,
    Answered => "answered", LostInTransfer => "lost_in_transfer", Overflowed => "overflowed", Voicemail => "voicemail",
    Served => "served", Failed => "failed", Closed => "closed", Blocked => "blocked", Abandoned => "abandoned",
    Busy => "busy", Declined => "declined", NoAnswer => "no_answer");
words!(Reason,
    OutOfHours => "out_of_hours", Fault => "fault", Blocked => "blocked", ShortAbandon => "short_abandon",
    AbandonedInMenu => "abandoned_in_menu", LeftByKey => "left_by_key", Busy => "busy", NobodySignedIn => "nobody_signed_in",
    NotRegistered => "not_registered", NobodyRung => "nobody_rung", Declined => "declined", DoNotDisturb => "do_not_disturb",
    RangUnanswered => "rang_unanswered", LostInTransfer => "lost_in_transfer", Unknown => "unknown");
words!(OfferEnd,
    Answered => "answered", NoAnswer => "no_answer", Busy => "busy", Declined => "declined",
    AnsweredElsewhere => "answered_elsewhere", CallerLeft => "caller_left", NotRegistered => "not_registered",
    DoNotDisturb => "do_not_disturb", Failed => "failed");
words!(FollowUpStatus,
    Open => "open", Dealing => "dealing", ReturnedByUs => "returned_by_us", ReachedUs => "reached_us",
    SettledByHand => "settled_by_hand", NotReturnable => "not_returnable", Expired => "expired");
impl FollowUpStatus {
    /// Somebody still has to do something.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, FollowUpStatus::Open | FollowUpStatus::Dealing)
    }
}

words!(crate::journey::StayEnd,
    Answered => "answered", Abandoned => "abandoned", TimedOut => "timed_out", LeftByKey => "left_by_key",
    Emptied => "emptied", NotJoined => "not_joined", MovedOn => "moved_on");

impl Word for Side {
    fn word(&self) -> &'static str {
        match self {
            Side::Caller => "caller",
            Side::Callee => "callee",
            Side::Network => "network",
        }
    }
}

fn side<S: Serializer>(side: &Option<Side>, serializer: S) -> Result<S::Ok, S::Error> {
    match side {
        Some(side) => serializer.serialize_str(side.word()),
        None => serializer.serialize_none(),
    }
}
