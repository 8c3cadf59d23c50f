//! Where records come from: a log in partitions, each with its records in order and with a register beside it.

mod clocks;
mod followed;
pub(crate) mod kafka;
pub(crate) mod spool;
mod trickle;

use std::time::Duration;

use anyhow::Result;
use stream::LogRecord;
use stream::keeper::CommitOutcome;

pub(crate) use clocks::Clocks;
pub(crate) use followed::Followed;
pub(crate) use trickle::Trickle;

/// What happened at the source since it was asked last.
pub(crate) enum Happened<'a> {
    /// A partition is ours from now on. Nothing is read of it before [`Source::read_from`].
    Assigned(Partition),
    /// It is ours no more: nothing of it may be committed or sent from now on. The commit that was out has been answered before.
    Revoked {
        /// Its number.
        partition: u32,
    },
    /// The next record of a partition.
    Record {
        /// The partition.
        partition: u32,
        /// The record; `tenant`, `pbx` and `adapter` as its key and headers say, or as the settings do where they say nothing.
        record: LogRecord<'a>,
    },
    /// The commit that was out, for each of its partitions.
    Committed(Vec<(u32, CommitOutcome)>),
}

/// A partition that became ours.
pub(crate) struct Partition {
    pub(crate) number: u32,
    /// How many the topic has.
    pub(crate) partitions: u32,
    /// What was committed last: the text beside the offset. `None` if nothing ever was.
    pub(crate) register: Option<Vec<u8>>,
    /// The first position that the log still has.
    pub(crate) first: u64,
    /// The position after its last record.
    pub(crate) next: u64,
}

/// A register to be committed.
pub(crate) struct Commit {
    pub(crate) partition: u32,
    /// Everything below is stored.
    pub(crate) offset: u64,
    /// The register's text.
    pub(crate) text: String,
}

/// A log. One thread asks it, again and again: that also keeps the partitions ours.
pub(crate) trait Source {
    /// The log's name, as it stands in tokens and tables.
    fn topic(&self) -> &str;

    /// Waits at most this long for something to happen, and tells it: at most so many records.
    ///
    /// # Errors
    /// What nobody can go on after: the process ends.
    fn poll(&mut self, wait: Duration, records_max: usize, tell: &mut dyn FnMut(Happened<'_>)) -> Result<()>;

    /// Begins, or begins again, to read a partition here.
    ///
    /// # Errors
    /// If the log has no such position.
    fn read_from(&mut self, partition: u32, offset: u64) -> Result<()>;

    /// No records of this partition until [`Source::resume`].
    fn pause(&mut self, partition: u32);

    /// Goes on after [`Source::pause`].
    fn resume(&mut self, partition: u32);

    /// Sends registers in one request. The answer comes by [`Source::poll`]; one may be out at a time.
    ///
    /// # Errors
    /// If it cannot be sent at all.
    fn commit(&mut self, commits: &[Commit]) -> Result<()>;

    /// True if a commit may be sent: none is out, and since the last refusal the assignment has been shown again.
    fn may_commit(&self) -> bool;

    /// True while the partitions are ours for certain, by this machine's own clock: what has no token may be sent only then.
    fn is_ours(&self) -> bool;

    /// The position after the last record of this partition, as far as is known.
    fn next(&self, partition: u32) -> Option<u64>;

    /// The wall clock is the log's clock: where the log itself stamps records when it takes them.
    fn has_log_time(&self) -> bool;

    /// Nothing is held back before the log: whoever has read it all knows all that exchanges have told up to now.
    fn is_complete(&self) -> bool {
        true
    }

    /// Leaves, so that others can have the partitions at once.
    fn leave(&mut self);
}
