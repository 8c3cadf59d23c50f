//! What the pipeline holds of a partition that is ours.

use std::sync::Arc;
use std::time::Instant;

use adapters::leg::Moment;
use prometheus_client::metrics::counter::Counter;
use store::FactsBuilder;
use stream::PartitionMachine;

use super::storing::Lease;
use super::taking_over::Opening;

/// A partition that is ours.
pub(super) struct Held<'d> {
    pub(super) lease: Arc<Lease>,
    pub(super) since: Instant,
    pub(super) state: State<'d>,
    /// Its records that were taken.
    pub(super) records: Counter,
    pub(super) is_paused: bool,
    /// The log's end when it was assigned.
    pub(super) end: u64,
    /// What was stored was read back from here: it is looked again for what landed since, however far the log has gone.
    pub(super) read_since: Moment,
    pub(super) is_looking_again: bool,
    pub(super) is_asking_left: bool,
    /// The office knows that this process has it.
    pub(super) has_taken_over: bool,
    pub(super) retracting: Retracting,
}

/// What earlier epochs concluded, and this one has not, is told gone when the log has been read to where it ended at the assign.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Retracting {
    NotYet,
    Asked,
    Done,
}

pub(super) enum State<'d> {
    /// What is stored is being read.
    Opening(Box<Opening>),
    /// The machine has it.
    Open(Box<PartitionMachine<'d, FactsBuilder>>),
}

impl<'d> Held<'d> {
    pub(super) fn new(lease: Arc<Lease>, state: State<'d>, records: Counter, end: u64) -> Held<'d> {
        Held {
            lease,
            since: Instant::now(),
            state,
            records,
            is_paused: false,
            end,
            read_since: Moment(i64::MIN),
            is_looking_again: false,
            is_asking_left: false,
            has_taken_over: false,
            retracting: Retracting::NotYet,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(&self.state, State::Open(machine) if machine.is_settled())
    }
}
