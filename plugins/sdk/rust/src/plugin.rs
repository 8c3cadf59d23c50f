//! What an author writes: one method for each kind of event, each with an answer that does nothing.

use std::fmt;

use crate::cx::{Cx, Level};
use crate::event::{About, Call, Delivery, Event, FollowUp, Limit, Missed, Timer};
use crate::words::Kind;

/// A plugin; `Default` makes it anew for each batch of events, so what it has to remember belongs into [`Cx::state`].
pub trait Plugin: Default {
    /// A verdict is final, whatever it is.
    ///
    /// # Errors
    /// What it answers with decides what happens to the event: [`Failure`].
    fn call_ended(&self, _cx: &Cx, _call: &Call) -> Answer {
        Ok(())
    }

    /// A call is final and owed a follow-up; never because a colleague answered.
    ///
    /// # Errors
    /// [`Failure`].
    fn call_missed(&self, _cx: &Cx, _missed: &Missed) -> Answer {
        Ok(())
    }

    /// A late record changed a verdict that was final.
    ///
    /// # Errors
    /// [`Failure`].
    fn call_revised(&self, _cx: &Cx, _call: &Call) -> Answer {
        Ok(())
    }

    /// Something is owed to a customer.
    ///
    /// # Errors
    /// [`Failure`].
    fn follow_up_opened(&self, _cx: &Cx, _follow_up: &FollowUp) -> Answer {
        Ok(())
    }

    /// It is still open, and its time has come.
    ///
    /// # Errors
    /// [`Failure`].
    fn follow_up_due(&self, _cx: &Cx, _follow_up: &FollowUp) -> Answer {
        Ok(())
    }

    /// It is open no more, for whatever reason.
    ///
    /// # Errors
    /// [`Failure`].
    fn follow_up_settled(&self, _cx: &Cx, _follow_up: &FollowUp) -> Answer {
        Ok(())
    }

    /// A figure rose above a limit of the site file.
    ///
    /// # Errors
    /// [`Failure`].
    fn limit_crossed(&self, _cx: &Cx, _limit: &Limit) -> Answer {
        Ok(())
    }

    /// It fell to where the limit is cleared.
    ///
    /// # Errors
    /// [`Failure`].
    fn limit_cleared(&self, _cx: &Cx, _limit: &Limit) -> Answer {
        Ok(())
    }

    /// A timer of the plugin, at its moment.
    ///
    /// # Errors
    /// [`Failure`].
    fn timer_due(&self, _cx: &Cx, _timer: &Timer) -> Answer {
        Ok(())
    }

    /// What became of an action that the plugin had asked for.
    ///
    /// # Errors
    /// [`Failure`].
    fn delivery_ended(&self, _cx: &Cx, _delivery: &Delivery) -> Answer {
        Ok(())
    }

    /// Every other kind, those that are newer than this SDK too; [`Cx::event`] is the same event.
    ///
    /// # Errors
    /// [`Failure`].
    fn other(&self, _cx: &Cx, _event: &Event) -> Answer {
        Ok(())
    }
}

/// What a method of [`Plugin`] answers: `Ok(())` keeps what was asked for and put into the state.
pub type Answer = Result<(), Failure>;

/// Why an event was not handled: nothing of what it asked for or put into the state is kept.
///
/// `?` makes one of every error, and of a [`Refusal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Hear it again after so many seconds.
    Later(u32),
    /// It cannot be handled, for this reason; it is shown to the administrator.
    Failed(String),
}

impl Failure {
    /// It cannot be handled, for this reason.
    #[must_use]
    pub fn failed(why: impl Into<String>) -> Failure {
        Failure::Failed(why.into())
    }
}

// A failure is no `Error` itself, so that this and the next can stand beside each other.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Failed(error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        match refusal {
            Refusal::OverLimit { after_s } => Failure::Later(after_s),
            other => Failure::Failed(other.to_string()),
        }
    }
}

/// The host's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The manifest or the settings do not grant it; the text has the line to add.
    NotGranted(String),
    /// The host cannot make sense of what was given.
    Invalid(String),
    /// Too much in too short a time: again after so many seconds.
    OverLimit {
        /// Seconds.
        after_s: u32,
    },
    /// There is no such thing.
    NotFound,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotGranted(text) | Refusal::Invalid(text) => f.write_str(text),
            Refusal::OverLimit { after_s } => write!(f, "over a limit: again after {after_s} s"),
            Refusal::NotFound => f.write_str("not found"),
        }
    }
}

/// Gives each event to its method.
pub(crate) fn handle(plugin: &impl Plugin, events: &[Event]) -> Vec<Answer> {
    let answer = |(cause, event): (u32, &Event)| {
        let cx = Cx::new(cause, event);
        let answer = match (&event.kind, &event.about) {
            (Kind::CallEnded, About::Call(call)) => plugin.call_ended(&cx, call),
            (Kind::CallMissed, About::Missed(missed)) => plugin.call_missed(&cx, missed),
            (Kind::CallRevised, About::Call(call)) => plugin.call_revised(&cx, call),
            (Kind::FollowUpOpened, About::FollowUp(follow_up)) => plugin.follow_up_opened(&cx, follow_up),
            (Kind::FollowUpDue, About::FollowUp(follow_up)) => plugin.follow_up_due(&cx, follow_up),
            (Kind::FollowUpSettled, About::FollowUp(follow_up)) => plugin.follow_up_settled(&cx, follow_up),
            (Kind::LimitCrossed, About::Limit(limit)) => plugin.limit_crossed(&cx, limit),
            (Kind::LimitCleared, About::Limit(limit)) => plugin.limit_cleared(&cx, limit),
            (Kind::TimerDue, About::Timer(timer)) => plugin.timer_due(&cx, timer),
            (Kind::DeliveryEnded, About::Delivery(delivery)) => plugin.delivery_ended(&cx, delivery),
            _ => plugin.other(&cx, event),
        };
        if let Err(Failure::Failed(why)) = &answer {
            cx.log(Level::Error, why);
        }
        answer
    };
    (0..).zip(events).map(answer).collect()
}
