//! The records of all exchanges in the order of their moments. Holds only those of calls that are not over, and late ones.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use adapters::leg::{Moment, Text};

/// One record, as its exchange's collector would receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The exchange's id in the site file.
    pub pbx: Text,
    /// The adapter that reads it.
    pub adapter: &'static str,
    /// When it was written, true time.
    pub at: Moment,
    /// Its bytes, with the line's end.
    pub bytes: Vec<u8>,
}

/// A record on its way.
pub(crate) struct Written {
    pub(crate) pbx: usize,
    pub(crate) at_ms: i64,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Rows {
    heap: BinaryHeap<Waiting>,
    serial: u64,
}

struct Waiting {
    at_ms: i64,
    serial: u64,
    written: Written,
}

impl Rows {
    pub(crate) fn push(&mut self, written: Written) {
        self.serial += 1;
        self.heap.push(Waiting { at_ms: written.at_ms, serial: self.serial, written });
    }

    /// The next record, if it was written before this moment.
    pub(crate) fn pop_before(&mut self, at_ms: i64) -> Option<Written> {
        if self.heap.peek()?.at_ms >= at_ms {
            return None;
        }
        self.heap.pop().map(|w| w.written)
    }
}

impl Ord for Waiting {
    /// The heap gives the greatest first: that is the earliest here, and of one moment the one that came first.
    fn cmp(&self, other: &Waiting) -> Ordering {
        (other.at_ms, other.serial).cmp(&(self.at_ms, self.serial))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}
