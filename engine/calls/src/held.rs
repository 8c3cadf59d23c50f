//! A call's line that waits for its follow-up: kept as compressed text, since a company can owe hundreds of thousands of calls for a week.

use adapters::leg::{Moment, Text};

use crate::journey::Direction;
use crate::line::{CallLine, FollowUpLine};
use crate::verdict::Outcome;

/// A call that is given to whoever asked.
#[derive(Debug)]
pub enum Told {
    /// One that owes nothing, or whose follow-up was decided with it.
    Call(Box<CallLine>),
    /// One that waited.
    Held(Box<Held>),
    /// One that goes on waiting, as it is now: it is given again.
    Open(Box<Held>),
}

/// A line that waited, with the follow-up that came of it.
#[derive(Clone, Debug)]
pub struct Held {
    /// The call.
    pub call_id: Text,
    /// When it began.
    pub started_at: Moment,
    /// Which way.
    pub direction: Direction,
    /// How it ended.
    pub outcome: Outcome,
    /// Missed by the company.
    pub missed: bool,
    /// What became of it.
    pub follow_up: Option<FollowUpLine>,
    tenant: Text,
    kept: Kept,
}

/// How a line is kept.
#[derive(Clone, Debug)]
enum Kept {
    /// As it is, for whoever stores it.
    Line(Box<CallLine>),
    /// As compressed text, for whoever prints it.
    Text(Box<[u8]>),
}

/// Where the follow-up belongs in the text: a key that no quoted value can look like.
const NO_FOLLOW_UP: &str = "\"follow_up\":null";

impl Held {
    /// Puts a line by: as text, or as it is.
    pub(crate) fn new(line: &CallLine, as_text: bool) -> Held {
        let bare = CallLine { follow_up: None, ..line.clone() };
        let json = if as_text { serde_json::to_vec(&bare).ok() } else { None };
        let kept = match json {
            Some(json) => Kept::Text(lz4_flex::block::compress_prepend_size(&json).into_boxed_slice()),
            None => Kept::Line(Box::new(bare)),
        };
        Held {
            call_id: line.call_id.clone(),
            started_at: line.started_at,
            direction: line.direction,
            outcome: line.outcome,
            missed: line.missed,
            follow_up: line.follow_up.clone(),
            tenant: line.tenant.clone(),
            kept,
        }
    }

    /// The call, as it is given.
    pub(crate) fn told(mut self) -> Told {
        match self.kept {
            Kept::Line(mut line) => {
                line.follow_up = self.follow_up.take();
                Told::Call(line)
            }
            Kept::Text(_) => Told::Held(Box::new(self)),
        }
    }

    pub(crate) fn tenant(&self) -> &Text {
        &self.tenant
    }

    /// The line as JSON, with its follow-up.
    #[must_use]
    pub fn json(&self) -> String {
        let text = match &self.kept {
            Kept::Line(line) => serde_json::to_string(line).unwrap_or_default(),
            Kept::Text(bytes) => {
                let bytes = lz4_flex::block::decompress_size_prepended(bytes).unwrap_or_default();
                String::from_utf8(bytes).unwrap_or_default()
            }
        };
        match self.follow_up.as_ref().and_then(|f| serde_json::to_string(f).ok()) {
            Some(follow_up) => text.replacen(NO_FOLLOW_UP, &format!("\"follow_up\":{follow_up}"), 1),
            None => text,
        }
    }
}

impl Told {
    /// The line as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        match self {
            Told::Call(line) => serde_json::to_string(line).unwrap_or_default(),
            Told::Held(held) | Told::Open(held) => held.json(),
        }
    }

    /// The call's name.
    #[must_use]
    pub fn call_id(&self) -> &Text {
        match self {
            Told::Call(line) => &line.call_id,
            Told::Held(held) | Told::Open(held) => &held.call_id,
        }
    }

    /// When it began.
    #[must_use]
    pub fn started_at(&self) -> Moment {
        match self {
            Told::Call(line) => line.started_at,
            Told::Held(held) | Told::Open(held) => held.started_at,
        }
    }

    /// Which way it went, how it ended, whether it was missed, and what is owed.
    #[must_use]
    pub fn facts(&self) -> (Direction, Outcome, bool, Option<&FollowUpLine>) {
        match self {
            Told::Call(line) => (line.direction, line.outcome, line.missed, line.follow_up.as_ref()),
            Told::Held(held) | Told::Open(held) => (held.direction, held.outcome, held.missed, held.follow_up.as_ref()),
        }
    }
}
