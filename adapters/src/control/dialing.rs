//! One call back as a machine: it is told what the PBX showed and what time it is, and says how the call ended.
//!
//! Two legs, two ends: the telephone of one of ours is rung first, and only when somebody takes it does the dialplan dial the customer.
//! That the first leg was answered says nothing of the second.
//! What is not known is [`DialEnd::Unknown`]: then nobody may dial again.

/// How long is waited for what; all in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the PBX to say that it took the command.
    pub answer_ms: i64,
    /// For one of ours to take their telephone.
    pub ring_ms: i64,
    /// For the customer to answer, after one of ours did.
    pub dial_ms: i64,
    /// A talk that is shorter settles nothing; one of this length is reported, and not followed to its end.
    pub talk_min_ms: i64,
    /// For what the PBX still says after the end, and for a call to go away that was told to.
    pub settle_ms: i64,
}

/// Whose leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The telephone of one of ours, which is rung first.
    Ours,
    /// The customer's.
    Customer,
}

/// What the PBX showed of this call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It took the command; nothing has rung yet.
    Accepted,
    /// It did not take the command.
    Refused(Refusal, String),
    /// A channel was made for this side.
    Made(Side),
    /// This side is being dialed or rings.
    Rings(Side),
    /// This side answered.
    Answered(Side),
    /// Ringing this side ended without an answer, in the PBX's word.
    NotAnswered(Side, String),
    /// This side's channel is gone.
    Gone {
        /// Whose.
        side: Side,
        /// The network's release code.
        cause: u16,
        /// SIP's code, where it is told.
        sip: Option<u16>,
    },
    /// The PBX gave up on the first leg; what its channel says besides may come before or after.
    GaveUp {
        /// Nobody took the telephone in time.
        timed_out: bool,
    },
    /// The connection to the PBX is gone: whatever happens now is not seen.
    Lost,
}

/// Why a PBX did not take a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not know us.
    SignIn,
    /// We may not do this.
    Grant,
    /// A value is wrong: no such extension or context, no such kind of device.
    Value,
}

/// How one of ours did not come to the telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonEnd {
    /// The telephone is not registered, or there is none of this name.
    Offline,
    /// It is busy.
    Busy,
    /// They declined.
    Declined,
    /// They did not take it in time.
    NoAnswer,
    /// They took it, and the call ended before the customer was seen to be dialed: they hung up, or the dialplan does not dial this number.
    LeftEarly,
}

/// What became of the customer's leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerEnd {
    /// Their line is busy.
    Busy,
    /// They declined.
    Declined,
    /// Nobody answered, or ours hung up before.
    NoAnswer,
    /// There is no such number.
    Invalid,
    /// The network could not reach it.
    Network,
    /// The line was answered; by a person or by a machine, no PBX can tell.
    Answered {
        /// How long both were connected, in milliseconds; at least, where they still are.
        talk_ms: i64,
        /// Both are still connected.
        goes_on: bool,
    },
}

/// How a call back ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialEnd {
    /// The command never left: nothing happened.
    NotSent(String),
    /// The PBX did not take the command: nothing happened.
    Refused(Refusal, String),
    /// One of ours did not come to the telephone: the customer was not seen to be dialed.
    Person(PersonEnd, String),
    /// The customer was dialed.
    Customer(CustomerEnd, String),
    /// The command left, and what became of it is not known.
    Unknown(String),
}

impl DialEnd {
    /// True where it is sure that the customer's line was not dialed.
    #[must_use]
    pub fn is_customer_untouched(&self) -> bool {
        match self {
            DialEnd::NotSent(_) | DialEnd::Refused(..) => true,
            // Once the dialplan had the call, it may have done what is not seen.
            DialEnd::Person(end, _) => *end != PersonEnd::LeftEarly,
            DialEnd::Customer(..) | DialEnd::Unknown(_) => false,
        }
    }
}

/// One call back, from the command on.
#[derive(Clone, Debug)]
pub struct Dialing {
    limits: Limits,
    sent_at: i64,
    accepted_at: Option<i64>,
    is_made: bool,
    gave_up_at: Option<(i64, bool)>,
    answered_at: Option<i64>,
    /// The word with which ringing ours ended.
    person_status: String,
    is_customer_dialed: bool,
    customer_answered_at: Option<i64>,
    customer_status: String,
    /// Cause and SIP's code of the customer's last channel.
    customer_cause: Option<(u16, Option<u16>)>,
    /// When it was told to hang up, since it took too long.
    hung_up_at: Option<i64>,
    end: Option<DialEnd>,
}

impl Dialing {
    /// The command is about to leave.
    #[must_use]
    pub fn new(limits: Limits, sent_at: i64) -> Dialing {
        Dialing {
            limits,
            sent_at,
            accepted_at: None,
            is_made: false,
            gave_up_at: None,
            answered_at: None,
            person_status: String::new(),
            is_customer_dialed: false,
            customer_answered_at: None,
            customer_status: String::new(),
            customer_cause: None,
            hung_up_at: None,
            end: None,
        }
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn end(&self) -> Option<&DialEnd> {
        self.end.as_ref()
    }

    /// Takes what the PBX showed.
    pub fn hear(&mut self, seen: Seen, at: i64) {
        if self.end.is_some() {
            return;
        }
        match seen {
            Seen::Accepted => self.accepted_at = self.accepted_at.or(Some(at)),
            Seen::Refused(refusal, text) => self.end = Some(DialEnd::Refused(refusal, text)),
            Seen::Made(Side::Ours) | Seen::Rings(Side::Ours) => self.is_made = true,
            Seen::Answered(Side::Ours) => {
                self.is_made = true;
                self.answered_at = self.answered_at.or(Some(at));
            }
            Seen::NotAnswered(Side::Ours, word) => self.person_status = word,
            Seen::Made(Side::Customer) => self.is_customer_dialed = true,
            Seen::Rings(Side::Customer) => {
                // A dialplan may try a second way out after the first failed: what counts is the last one.
                self.is_customer_dialed = true;
                self.customer_status.clear();
                self.customer_cause = None;
            }
            Seen::Answered(Side::Customer) => {
                self.is_customer_dialed = true;
                self.answered_at = self.answered_at.or(Some(at));
                self.customer_answered_at = self.customer_answered_at.or(Some(at));
            }
            Seen::NotAnswered(Side::Customer, word) => {
                self.is_customer_dialed = true;
                self.customer_status = word;
            }
            Seen::Gone { side: Side::Customer, cause, sip } => self.customer_cause = Some((cause, sip)),
            Seen::Gone { side: Side::Ours, cause, sip } => self.end = Some(self.ended(cause, sip, at)),
            Seen::GaveUp { timed_out } => self.gave_up_at = self.gave_up_at.or(Some((at, timed_out))),
            Seen::Lost => self.end = Some(self.lost(at)),
        }
    }

    /// Takes the time; true where the call must be hung up now, because it takes too long.
    pub fn pass(&mut self, now: i64) -> bool {
        if self.end.is_some() || now < self.next_at() {
            return false;
        }
        let limits = self.limits;
        if let Some(answered_at) = self.customer_answered_at {
            self.end = Some(talked(now - answered_at, true));
        } else if let Some((_, timed_out)) = self.gave_up_at {
            self.end = Some(self.given_up(timed_out));
        } else if self.hung_up_at.is_some() {
            let what = "the PBX was told to hang up a call that took too long, and has not said that it did";
            self.end = Some(DialEnd::Unknown(what.to_owned()));
        } else if self.accepted_at.is_none() && !self.is_made {
            self.end = Some(DialEnd::Unknown(format!("the PBX has not answered within {} ms", limits.answer_ms)));
        } else {
            self.hung_up_at = Some(now);
            return true;
        }
        false
    }

    /// When [`Dialing::pass`] has something to do at the latest.
    #[must_use]
    pub fn next_at(&self) -> i64 {
        let limits = self.limits;
        if let Some(answered_at) = self.customer_answered_at {
            answered_at + limits.talk_min_ms
        } else if let Some((at, _)) = self.gave_up_at {
            at + limits.settle_ms
        } else if let Some(at) = self.hung_up_at {
            at + limits.settle_ms
        } else if let Some(at) = self.answered_at {
            at + limits.dial_ms
        } else if self.accepted_at.is_some() || self.is_made {
            // The PBX gives up by itself; it is helped a little later.
            self.accepted_at.unwrap_or(self.sent_at) + limits.ring_ms + limits.settle_ms
        } else {
            self.sent_at + limits.answer_ms
        }
    }

    /// The first channel is gone, and with it the call.
    fn ended(&self, cause: u16, sip: Option<u16>, at: i64) -> DialEnd {
        if let Some(answered_at) = self.customer_answered_at {
            return talked(at - answered_at, false);
        }
        if self.is_customer_dialed {
            let (customer_cause, customer_sip) = self.customer_cause.unwrap_or((cause, sip));
            return customer_end(&self.customer_status, customer_cause, customer_sip);
        }
        if self.answered_at.is_some() {
            let said = format!("the customer was not dialed before the call ended ({})", shown(cause, sip));
            return DialEnd::Person(PersonEnd::LeftEarly, said);
        }
        DialEnd::Person(person_end(&self.person_status, cause, sip), shown(cause, sip))
    }

    /// The PBX gave up, and said no more of a channel.
    fn given_up(&self, timed_out: bool) -> DialEnd {
        let end = if timed_out {
            PersonEnd::NoAnswer
        } else if self.is_made {
            person_end(&self.person_status, 0, None)
        } else {
            PersonEnd::Offline
        };
        let said = if self.is_made { "the PBX gave up" } else { "the PBX could not make a channel" };
        DialEnd::Person(end, said.to_owned())
    }

    fn lost(&self, at: i64) -> DialEnd {
        match self.customer_answered_at {
            // That is known, and how long they talked is not needed.
            Some(answered_at) => talked((at - answered_at).max(0), true),
            None => match self.gave_up_at {
                Some((_, timed_out)) => self.given_up(timed_out),
                None => DialEnd::Unknown("the connection to the PBX was lost while it placed the call".to_owned()),
            },
        }
    }
}

fn talked(talk_ms: i64, goes_on: bool) -> DialEnd {
    let at_least = if goes_on { "at least " } else { "" };
    let said = format!(
        "connected for {at_least}{} s; whether a person or a machine answered, the PBX cannot tell",
        talk_ms.max(0) / 1000
    );
    DialEnd::Customer(CustomerEnd::Answered { talk_ms: talk_ms.max(0), goes_on }, said)
}

fn shown(cause: u16, sip: Option<u16>) -> String {
    match sip {
        Some(sip) => format!("cause {cause}, SIP {sip}"),
        None => format!("cause {cause}"),
    }
}

/// Q.850: 17 busy, 21 declined, 20 absent, 1 and 3 no such number or way, 27 out of order; SIP's code where the cause is a general one.
fn person_end(status: &str, cause: u16, sip: Option<u16>) -> PersonEnd {
    match (status, cause, sip) {
        ("BUSY", ..) | (_, 17, _) | (_, _, Some(486 | 600)) => PersonEnd::Busy,
        (_, 21, _) | (_, _, Some(403 | 603)) => PersonEnd::Declined,
        ("CHANUNAVAIL", ..) | (_, 1 | 3 | 20 | 27, _) | (_, _, Some(404 | 410)) => PersonEnd::Offline,
        _ => PersonEnd::NoAnswer,
    }
}

/// As [`person_end`]; a word of the PBX decides only where no cause does, since 404 from a provider comes with `NOANSWER`.
fn customer_end(status: &str, cause: u16, sip: Option<u16>) -> DialEnd {
    let end = match (status, cause, sip) {
        ("CANCEL", ..) => CustomerEnd::NoAnswer,
        (_, 17, _) | (_, _, Some(486 | 600)) | ("BUSY", ..) => CustomerEnd::Busy,
        (_, 21, _) | (_, _, Some(603)) => CustomerEnd::Declined,
        (_, 1 | 22 | 28, _) | (_, _, Some(404 | 410 | 484)) | ("INVALIDARGS", ..) => CustomerEnd::Invalid,
        (_, 2 | 3 | 27 | 34 | 38 | 41 | 42 | 44 | 47 | 58, _) | ("CONGESTION" | "CHANUNAVAIL", ..) => {
            CustomerEnd::Network
        }
        _ => CustomerEnd::NoAnswer,
    };
    let who = if status == "CANCEL" { "; ours hung up first" } else { "" };
    DialEnd::Customer(end, format!("{}{who}", shown(cause, sip)))
}
