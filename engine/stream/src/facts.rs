//! What a batch stores for certain: the rows that are a function of its records and of the settings alone.

use adapters::leg::{Leg, Moment};
use adapters::reject::Reject;

/// Where a fact stands in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    /// Which reading of the log stored it.
    pub epoch: u8,
    /// The partition.
    pub partition: u32,
    /// The record's position in the partition.
    pub position: u64,
    /// Number of this row among those of its record and table, from 0.
    pub part: u16,
    /// When the record reached the log.
    pub logged_at: Moment,
    /// The settings that it was read with.
    pub settings: u32,
}

/// A fact that is no leg and no reject.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mark<'a> {
    /// The company.
    pub tenant: &'a str,
    /// The exchange.
    pub pbx: &'a str,
    /// The adapter.
    pub adapter: &'a str,
    /// What kind: `header` is a line that names the columns of the records after it.
    pub kind: &'a str,
    /// Of what it is told; of a header line, the number of such lines that its source had so far.
    pub subject: &'a str,
    /// The file or collector that it came from.
    pub source: &'a [u8],
    /// What it says.
    pub value: &'a [u8],
}

/// Who a record that was not understood came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct From<'a> {
    /// The company, as the log names it.
    pub tenant: &'a str,
    /// The exchange, as the log names it.
    pub pbx: &'a str,
    /// The adapter, as the log names it.
    pub adapter: &'a str,
    /// The file or collector.
    pub source: &'a [u8],
}

/// Collects the rows of one batch. The same calls in the same order make the same bytes.
pub trait Facts: Default {
    /// A leg.
    fn leg(&mut self, leg: &Leg, place: Place);
    /// A record, or a part of one, that was not understood.
    fn reject(&mut self, reject: &Reject, from: From<'_>, place: Place);
    /// Another fact.
    fn mark(&mut self, mark: Mark<'_>, place: Place);
    /// What it takes of memory, in bytes.
    fn bytes(&self) -> usize;
}

/// How much a batch has of each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Records that were read.
    pub records: u32,
    /// Records that only name the columns of others.
    pub headers: u32,
    /// Rows of `legs`.
    pub legs: u32,
    /// Rows of `marks`.
    pub marks: u32,
    /// Rows of `rejects`.
    pub rejects: u32,
}
