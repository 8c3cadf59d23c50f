//! One call as its caller went through it: offers, visits, talks and stays. Every source of records ends here,
//! and every verdict is decided from here.

use adapters::leg::{Disposition, End, LegId, Moment, MoveKind, Side, Stage, Text};

/// What happened to one caller, from all legs of the call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journey {
    /// Who placed the call.
    pub caller: End,
    /// Inbound, outbound or internal.
    pub direction: Direction,
    /// When it began.
    pub started_at: Moment,
    /// When the caller was gone.
    pub ended_at: Moment,
    /// The number of ours that was dialed, as recorded.
    pub did: Text,
    /// The digits as dialed.
    pub dialed: Text,
    /// Each ringing of each person or outside number, in order.
    pub offers: Vec<Offer>,
    /// The caller's time with somebody, in order.
    pub talks: Vec<Talk>,
    /// The caller's time alone with the PBX, in order.
    pub stays: Vec<Stay>,
    /// How the caller was moved, in order.
    pub transfers: Vec<Transfer>,
    /// The caller was passed on after the last talk, and met nobody.
    pub passed_on: bool,
    /// The caller left by a tie after the last talk, and no record tells who answered there.
    pub left_by_tie: Option<LegId>,
    /// The caller left first; `None`: not told.
    pub caller_left: Option<bool>,
    /// Which side ended the call; `None`: not told.
    pub ended_by: Option<Side>,
    /// The release code that the caller got.
    pub cause: Option<u16>,
    /// How the last path without a far end was disposed of.
    pub refused: Option<Disposition>,
    /// The caller's channel was answered by the PBX.
    pub taken_by_machine: bool,
    /// The engine, or somebody through the PBX's control, had this call placed.
    pub own_call: bool,
    /// A message was left.
    pub message_left: Option<bool>,
    /// Where the recording is.
    pub recording: Text,
    /// The queue log or CEL told the moments, so that they are exact.
    pub exact: bool,
    /// Moments are no finer than this, in milliseconds.
    pub grain_ms: i64,
}

/// Which way a call went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From outside to us.
    Inbound,
    /// From us to outside.
    Outbound,
    /// Among us.
    #[default]
    Internal,
}

/// One ringing of one person, or of an outside number.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Whom.
    pub to: End,
    /// When it was tried.
    pub tried_at: Moment,
    /// When the device began to ring; `None`: it never did.
    pub rang_at: Option<Moment>,
    /// When it was answered.
    pub answered_at: Option<Moment>,
    /// When it stopped.
    pub ended_at: Moment,
    /// How it ended.
    pub end: OfferEnd,
    /// The queue or hunt group that offered it.
    pub queue: Text,
    /// The person who tried it for the caller, in a consultation.
    pub by: Text,
    /// The leg that tells it.
    pub leg: LegId,
    /// How the leg was disposed of, before what the others tell.
    pub disposition: Disposition,
    /// The PBX gave up ringing.
    pub timed_out: Option<bool>,
}

/// How an offer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OfferEnd {
    /// This one took the call.
    Answered,
    /// It rang until the PBX gave up.
    NoAnswer,
    /// The device was busy.
    Busy,
    /// Refused.
    Declined,
    /// Another was faster.
    AnsweredElsewhere,
    /// The caller gave up while it rang.
    CallerLeft,
    /// No device is registered.
    NotRegistered,
    /// Do-not-disturb.
    DoNotDisturb,
    /// A fault.
    Failed,
}

/// The caller's time with somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Talk {
    /// With whom.
    pub with: End,
    /// From when.
    pub from: Moment,
    /// To when.
    pub to: Moment,
    /// False if the record tells only that it began at some moment after `from`.
    pub exact: bool,
    /// The leg that tells it.
    pub leg: LegId,
    /// Of it, on hold or away, in milliseconds.
    pub hold_ms: i64,
}

/// The caller's time in one place of the PBX.
#[derive(Clone, Debug, PartialEq)]
pub struct Stay {
    /// Where.
    pub stage: Stage,
    /// Its name.
    pub place: Text,
    /// From when.
    pub from: Moment,
    /// To when.
    pub to: Moment,
    /// How it ended, as far as told.
    pub end: Option<StayEnd>,
    /// The leg that tells it.
    pub leg: LegId,
}

/// How a stay in a queue or hunt group ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StayEnd {
    /// Somebody took the caller.
    Answered,
    /// The caller hung up.
    Abandoned,
    /// The queue gave the caller up.
    TimedOut,
    /// The caller left by a key.
    LeftByKey,
    /// Nobody was signed in any more.
    Emptied,
    /// The caller could not join.
    NotJoined,
    /// The call went on elsewhere.
    MovedOn,
}

/// One move of the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// How.
    pub kind: MoveKind,
    /// Who moved the caller: an extension or number.
    pub by: Text,
    /// To what.
    pub to: Text,
    /// When.
    pub at: Moment,
}

impl Journey {
    /// The caller's last time with somebody.
    #[must_use]
    pub fn last_talk(&self) -> Option<&Talk> {
        self.talks.iter().max_by_key(|t| (t.to, t.from))
    }

    /// True if the caller was in a place of this kind.
    #[must_use]
    pub fn was_in(&self, stage: Stage) -> bool {
        self.stays.iter().any(|s| s.stage == stage)
    }
}
