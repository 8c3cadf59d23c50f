//! A call's line that waits for its follow-up: kept as compressed text, since a company can owe hundreds of thousands of calls for a week.

use adapters::leg::{Moment, Text};
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

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
    /// As text, for whoever prints it.
    Text(Packed),
}

/// A line as compressed JSON.
#[derive(Clone, Debug)]
struct Packed {
    bytes: Box<[u8]>,
    length: u32,
    /// Where the follow-up's value belongs.
    follow_up_at: u32,
}

/// Where the follow-up belongs in the text: a key that no quoted value can look like.
const NO_FOLLOW_UP: &[u8] = b"\"follow_up\":null";
const NULL: &[u8] = b"null";

/// Packs lines, with the memory that it takes to pack one.
#[derive(Default)]
pub(crate) struct Packer {
    json: Vec<u8>,
    packed: Vec<u8>,
    table: CompressTable,
}

impl Packer {
    fn pack(&mut self, line: &CallLine) -> Option<Packed> {
        self.json.clear();
        serde_json::to_writer(&mut self.json, line).ok()?;
        let key = memchr::memmem::find(&self.json, NO_FOLLOW_UP)?;
        self.packed.resize(get_maximum_output_size(self.json.len()), 0);
        let length = compress_into_with_table(&self.json, &mut self.packed, &mut self.table).ok()?;
        Some(Packed {
            bytes: self.packed.get(..length)?.into(),
            length: u32::try_from(self.json.len()).ok()?,
            follow_up_at: u32::try_from(key + NO_FOLLOW_UP.len() - NULL.len()).ok()?,
        })
    }
}

impl Packed {
    fn write(&self, follow_up: Option<&FollowUpLine>, out: &mut Vec<u8>) {
        let start = out.len();
        let end = start + self.length as usize;
        out.resize(end, 0);
        let Ok(_) = lz4_flex::block::decompress_into(&self.bytes, &mut out[start..]) else { return };
        let Some(told) = follow_up.and_then(|f| serde_json::to_vec(f).ok()) else { return };
        let at = start + self.follow_up_at as usize;
        out.splice(at..at + NULL.len(), told);
    }
}

impl Held {
    /// Puts a line without a follow-up by: as text, or as it is.
    pub(crate) fn new(line: Box<CallLine>, packer: Option<&mut Packer>) -> Held {
        Held {
            call_id: line.call_id.clone(),
            started_at: line.started_at,
            direction: line.direction,
            outcome: line.outcome,
            missed: line.missed,
            follow_up: None,
            tenant: line.tenant.clone(),
            kept: match packer.and_then(|p| p.pack(&line)) {
                Some(packed) => Kept::Text(packed),
                None => Kept::Line(line),
            },
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

    fn write_json(&self, out: &mut Vec<u8>) {
        match &self.kept {
            Kept::Line(line) => write(&CallLine { follow_up: self.follow_up.clone(), ..(**line).clone() }, out),
            Kept::Text(packed) => packed.write(self.follow_up.as_ref(), out),
        }
    }
}

impl Told {
    /// The line as JSON, added to `out`.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Told::Call(line) => write(line, out),
            Told::Held(held) | Told::Open(held) => held.write_json(out),
        }
    }

    /// The line as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = Vec::new();
        self.write_json(&mut out);
        String::from_utf8(out).unwrap_or_default()
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

fn write(line: &CallLine, out: &mut Vec<u8>) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, line).is_err() {
        out.truncate(start);
    }
}
