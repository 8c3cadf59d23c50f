//! The pipeline of `ringback run`, forwards, on one screen: source -> machine of each partition -> store.
//!
//! One thread asks the source and drives the machines; nothing in it waits for the store. What the store does runs beside it
//! (`pipeline/storing.rs`), and answers come back as values. What each step does is in `pipeline/steps.rs`.

mod answers;
pub(crate) mod failpoint;
mod held;
mod progress;
mod questions;
mod steps;
mod storing;
mod taking_over;
pub(crate) mod telling;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adapters::leg::Moment;
use anyhow::Result;
use store::Store;
use stream::machine::Limits;
use stream::{Rules, Tenants};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::acting::Freshness;
use crate::source::Source;
use held::Held;
pub(crate) use progress::{Progress, say};
pub(crate) use questions::ledger;
use storing::Answer;
use telling::Teller;

/// What the pipeline is told once.
pub(crate) struct Settings {
    /// How much each partition does at once.
    pub(crate) limits: Limits,
    /// Of exactly once, or of once or more.
    pub(crate) rules: Rules,
    /// Records that are taken from the source before anything else is looked at.
    pub(crate) records_per_turn_max: usize,
    /// Of the settings that facts depend on.
    pub(crate) version: u32,
    /// Stored facts are read back so far before the register's time, in milliseconds.
    pub(crate) horizon_ms: i64,
    /// After an assign, so long passes before it is looked again for rows of an earlier owner.
    pub(crate) look_again_after: Duration,
    /// The longest that it goes on after it was told to stop.
    pub(crate) drain_max: Duration,
    /// Stop when everything that was in the log at the start is stored, as if the log ended there.
    pub(crate) until_end: bool,
    /// An epoch is a reading of the whole log: what earlier ones concluded is not taken for stored, and what this one does not conclude
    /// is told gone. False where an epoch goes on where the one before stood, as after a repair.
    pub(crate) has_whole_epochs: bool,
}

impl Settings {
    /// Conclusions of epochs before this one are drawn again, whatever they say.
    fn known_from(&self, epoch: u8) -> u8 {
        if self.has_whole_epochs { epoch } else { 0 }
    }
}

/// What is told of what is concluded, beside what is stored.
pub(crate) struct Outside {
    /// Events and follow-ups go to the office.
    pub(crate) teller: Teller,
    /// Of which companies everything is known.
    pub(crate) freshness: Arc<Freshness>,
}

/// Everything between the log and the tables.
pub(crate) struct Pipeline<'d, S> {
    source: S,
    store: Store,
    tenants: &'d Arc<Tenants>,
    settings: Settings,
    runtime: Handle,
    held: BTreeMap<u32, Held<'d>>,
    answers: Receiver<Answer>,
    sender: Sender<Answer>,
    committed_at: Instant,
    shown_at: Instant,
    progress: Arc<Progress>,
    /// `None`: there are no plugins that could hear anything.
    outside: Option<Outside>,
}

/// Answers of the store that may wait.
const ANSWERS_MAX: usize = 64;

impl<'d, S: Source> Pipeline<'d, S> {
    pub(crate) fn new(
        source: S,
        store: Store,
        tenants: &'d Arc<Tenants>,
        settings: Settings,
        runtime: Handle,
        progress: Arc<Progress>,
        outside: Option<Outside>,
    ) -> Pipeline<'d, S> {
        let (sender, answers) = channel(ANSWERS_MAX);
        let held = BTreeMap::new();
        let (committed_at, shown_at) = (Instant::now(), Instant::now());
        Pipeline {
            source,
            store,
            tenants,
            settings,
            runtime,
            held,
            answers,
            sender,
            committed_at,
            shown_at,
            progress,
            outside,
        }
    }

    /// Runs until it is told to stop, or the log has ended and everything is stored.
    ///
    /// # Errors
    /// What nobody can go on after; and what was read and could not be stored in time after it was told to stop.
    pub(crate) fn run(mut self, stop: &AtomicBool) -> Result<()> {
        let mut stopping_since = None;
        loop {
            let is_stopping = stop.load(Ordering::Relaxed);
            // Records go into the machines of their partitions, which form batches of them.
            self.hear(is_stopping)?;
            // What is stored, and what the store knows, goes there too.
            self.learn()?;
            // Batches that are old or full are sealed, with all that can be concluded.
            self.tick(is_stopping)?;
            // What is going to be stored is said first; then the office is told, and it is stored.
            self.commit(is_stopping)?;
            self.insert();
            self.ask();
            self.hold_back(is_stopping);
            self.show();
            if self.is_done(is_stopping) {
                self.source.leave();
                return Ok(());
            }
            if is_stopping && stopping_since.get_or_insert_with(Instant::now).elapsed() >= self.settings.drain_max {
                self.source.leave();
                return Err(self.not_drained());
            }
        }
    }
}

/// The wall clock.
pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Moment(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
}
