//! What happens in one call, step by step, in no PBX's words. Moments are true milliseconds since 1970, UTC.

use crate::company::PersonAt;

/// Who placed the call.
#[derive(Clone)]
pub(crate) enum Caller {
    /// From outside; E.164, empty if withheld.
    Outside(String),
    Person(PersonAt),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Inbound,
    Outbound,
    Internal,
}

pub(crate) struct Call {
    pub(crate) serial: u64,
    pub(crate) kind: Kind,
    /// Index of the exchange where it began.
    pub(crate) pbx: usize,
    /// Index among that exchange's lines.
    pub(crate) line: usize,
    pub(crate) caller: Caller,
    /// Index among the exchange's DIDs, inbound.
    pub(crate) did: usize,
    /// The number dialed, outbound; E.164.
    pub(crate) customer: String,
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: i64,
    pub(crate) ended_by_caller: bool,
    pub(crate) steps: Vec<Step>,
}

impl Call {
    /// A call of this exchange in which nothing happened.
    pub(crate) fn nothing(pbx: usize) -> Call {
        Call {
            serial: 0,
            kind: Kind::Outbound,
            pbx,
            line: 0,
            caller: Caller::Outside(String::new()),
            did: 0,
            customer: String::new(),
            started_ms: 0,
            ended_ms: 0,
            ended_by_caller: false,
            steps: Vec::new(),
        }
    }
}

/// A length of time within a call.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

pub(crate) enum Step {
    /// The menu plays; `left` if the caller hung up in it.
    Menu {
        span: Span,
        left: bool,
    },
    /// A message that turns callers away.
    Closed {
        span: Span,
    },
    Mailbox {
        person: PersonAt,
        span: Span,
    },
    /// Telephones of people ring together.
    Ring(Ring),
    /// The caller waits in a queue.
    Wait {
        queue: usize,
        limit_s: i64,
        rounds: Vec<Round>,
        span: Span,
        end: WaitEnd,
    },
    /// A far telephone outside rings: outbound.
    Outside {
        span: Span,
        answered: Option<i64>,
        busy: bool,
    },
    /// The one who spoke dials a colleague, speaks, and joins the caller; until then the caller is on hold.
    Attended {
        by: PersonAt,
        to: PersonAt,
        dialed: i64,
        answered: i64,
        joined: i64,
        until: i64,
    },
    /// The one who spoke parks the caller.
    Park {
        span: Span,
        end: ParkEnd,
    },
    /// The call goes to a person of another exchange, over a tie.
    Cross {
        pbx: usize,
        ring: Ring,
        back: Option<Ring>,
    },
}

#[derive(Clone)]
pub(crate) struct Ring {
    /// Index among the exchange's hunt groups, if one was dialed.
    pub(crate) hunt_group: Option<usize>,
    pub(crate) people: Vec<PersonAt>,
    pub(crate) limit_s: i64,
    /// Who passed the caller on to here, by a blind transfer.
    pub(crate) passed_by: Option<PersonAt>,
    pub(crate) span: Span,
    pub(crate) end: RingEnd,
}

/// How a ringing ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RingEnd {
    /// Who answered, when, and until when they spoke; the ringing's span ends at the answer.
    Answered {
        by: PersonAt,
        until: i64,
    },
    NoAnswer,
    Busy,
    CallerLeft,
}

/// One round of a queue: its free agents ring.
pub(crate) struct Round {
    pub(crate) span: Span,
    pub(crate) people: Vec<PersonAt>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitEnd {
    /// Answered at the end of the last round.
    Answered {
        by: PersonAt,
        until: i64,
    },
    TimedOut,
    CallerLeft,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParkEnd {
    Retrieved { by: PersonAt, until: i64 },
    CallerLeft,
}
