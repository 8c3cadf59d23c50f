//! The pipeline of `ringback run`, forwards, on one screen: source -> machine of each partition -> store.
//!
//! One thread asks the source and drives the machines; nothing in it waits for the store. What the store does runs beside it
//! (`pipeline/storing.rs`), and answers come back as values.

pub(crate) mod failpoint;
mod progress;
mod questions;
mod storing;
mod taking_over;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adapters::leg::Moment;
use anyhow::{Context, Result, anyhow};
use prometheus_client::metrics::counter::Counter;
use store::{FactsBuilder, Store};
use stream::machine::Limits;
use stream::{PartitionMachine, Rules, Tenants};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::source::{Commit, Happened, Source};
pub(crate) use progress::{Progress, say};
pub(crate) use questions::ledger;
use questions::{Question, Since};
use storing::{Answer, Lease};
use taking_over::Opening;

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

/// A partition that is ours.
struct Held<'d> {
    lease: Arc<Lease>,
    since: Instant,
    state: State<'d>,
    /// Its records that were taken.
    records: Counter,
    is_paused: bool,
    /// The log's end when it was assigned.
    end: u64,
    /// What was stored was read back from here: it is looked again for what landed since, however far the log has gone.
    read_since: Moment,
    is_looking_again: bool,
    is_asking_left: bool,
    retracting: Retracting,
}

/// What earlier epochs concluded, and this one has not, is told gone when the log has been read to where it ended at the assign.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retracting {
    NotYet,
    Asked,
    Done,
}

enum State<'d> {
    /// What is stored is being read.
    Opening(Box<Opening>),
    /// The machine has it.
    Open(Box<PartitionMachine<'d, FactsBuilder>>),
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
}

/// Answers of the store that may wait.
const ANSWERS_MAX: usize = 64;

/// How long the source is waited for where nothing else goes on, and where something does.
const IDLE_WAIT: Duration = Duration::from_millis(50);
const BUSY_WAIT: Duration = Duration::from_millis(2);

/// How often the figures of partitions are brought up to date.
const SHOW_EVERY: Duration = Duration::from_millis(200);

impl<'d, S: Source> Pipeline<'d, S> {
    pub(crate) fn new(
        source: S,
        store: Store,
        tenants: &'d Arc<Tenants>,
        settings: Settings,
        runtime: Handle,
        progress: Arc<Progress>,
    ) -> Pipeline<'d, S> {
        let (sender, answers) = channel(ANSWERS_MAX);
        let held = BTreeMap::new();
        let (committed_at, shown_at) = (Instant::now(), Instant::now());
        Pipeline { source, store, tenants, settings, runtime, held, answers, sender, committed_at, shown_at, progress }
    }

    /// Runs until it is told to stop, or the log has ended and everything is stored.
    ///
    /// # Errors
    /// What nobody can go on after; and what was read and could not be stored in time after it was told to stop.
    pub(crate) fn run(mut self, stop: &AtomicBool) -> Result<()> {
        let mut stopping_since = None;
        loop {
            let is_stopping = stop.load(Ordering::Relaxed);
            self.hear(is_stopping)?;
            self.learn()?;
            self.tick(is_stopping)?;
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

    /// What was not stored when there was no more time for it.
    fn not_drained(&self) -> anyhow::Error {
        let mut left = Vec::new();
        for (partition, held) in &self.held {
            let State::Open(machine) = &held.state else { continue };
            let (stored, read) = (machine.high(), machine.next());
            if stored < read {
                left.push(format!(
                    "partition {partition}: the records from {stored} to {read} are read and not stored"
                ));
            } else if !machine.is_drained() {
                left.push(format!("partition {partition}: what is stored below {read} is not noted in its register"));
            }
        }
        anyhow!(
            "not all of {} was stored within {} s (`drain_s` under [limits] in engine.toml): {}; nothing is lost: the next start stores it",
            self.source.topic(),
            self.settings.drain_max.as_secs(),
            left.join("; ")
        )
    }

    /// What the source tells: partitions that come and go, records, answers to commits.
    fn hear(&mut self, is_stopping: bool) -> Result<()> {
        let now = now();
        let is_busy = self.held.values().any(|held| !held.is_idle());
        let wait = if is_busy { BUSY_WAIT } else { IDLE_WAIT };
        let records_max = if is_stopping { 0 } else { self.settings.records_per_turn_max };
        let (held, settings, store) = (&mut self.held, &self.settings, &self.store);
        let (runtime, sender, progress) = (&self.runtime, &self.sender, &self.progress);
        let topic = self.source.topic().to_owned();
        let mut failed = None;
        self.source.poll(wait, records_max, &mut |happened| {
            let result = match happened {
                Happened::Assigned(partition) => {
                    failpoint::reach("assigned");
                    let end = partition.next;
                    let (number, lease) = (partition.number, Arc::new(Lease::default()));
                    let opening = Opening::new(partition, settings.version);
                    let question = Question::of(store, number, &lease, sender);
                    runtime.spawn(question.ledger(topic.clone(), opening.high_without_clock(settings.rules)));
                    let records = progress.records(number);
                    held.insert(number, Held::new(lease, State::Opening(Box::new(opening)), records, end));
                    progress.assigned(number);
                    Ok(())
                }
                Happened::Revoked { partition } => {
                    failpoint::reach("revoked");
                    if let Some(held) = held.remove(&partition) {
                        held.lease.revoke();
                    }
                    progress.revoked(partition);
                    Ok(())
                }
                Happened::Record { partition, record } => match held.get_mut(&partition) {
                    Some(Held { state: State::Open(machine), records, .. }) => {
                        progress.record(records, &record);
                        machine.record(&record, now).map_err(|stop| (partition, stop))
                    }
                    _ => Ok(()),
                },
                Happened::Committed(outcomes) => outcomes.into_iter().try_for_each(|(partition, outcome)| {
                    progress.committed(&outcome);
                    match held.get_mut(&partition).map(|h| &mut h.state) {
                        Some(State::Open(machine)) => machine.committed(outcome).map_err(|stop| (partition, stop)),
                        _ => Ok(()),
                    }
                }),
            };
            failed = failed.take().or(result.err());
        })?;
        match failed {
            Some((partition, stop)) => Err(anyhow!("partition {partition} of {topic}: {stop}")),
            None => Ok(()),
        }
    }

    /// What the store has answered.
    fn learn(&mut self) -> Result<()> {
        while let Ok(answer) = self.answers.try_recv() {
            self.take(answer)?;
        }
        Ok(())
    }

    /// What time does.
    fn tick(&mut self, is_stopping: bool) -> Result<()> {
        let now = now();
        let has_log_time = self.source.has_log_time();
        for (number, held) in &mut self.held {
            let State::Open(machine) = &mut held.state else { continue };
            let is_caught_up = self.source.next(*number).is_none_or(|next| machine.next() >= next);
            machine.read_kept(now).map_err(|stop| anyhow!("partition {number} of {}: {stop}", self.source.topic()))?;
            machine.tick(now, (has_log_time && is_caught_up && machine.is_running()).then_some(now));
            if is_stopping {
                machine.drain();
            }
            if self.settings.until_end && machine.next() >= held.end && machine.is_idle() {
                machine.end();
            }
        }
        Ok(())
    }

    /// The registers that have changed, in one request.
    fn commit(&mut self, is_stopping: bool) -> Result<()> {
        if !self.source.may_commit() {
            return Ok(());
        }
        let is_time = self.committed_at.elapsed() >= Duration::from_millis(self.settings.limits.commit_age_ms as u64);
        let all = is_time || is_stopping || self.settings.until_end;
        let mut commits = Vec::new();
        for (partition, held) in &mut self.held {
            let State::Open(machine) = &mut held.state else { continue };
            machine.still_assigned();
            if let Some(register) = machine.commit(all) {
                commits.push(Commit { partition: *partition, offset: register.high, text: register.text() });
            }
        }
        if !commits.is_empty() {
            self.committed_at = Instant::now();
            failpoint::reach("before_commit");
            self.source.commit(&commits)?;
        }
        Ok(())
    }

    /// Batches whose intent is committed.
    fn insert(&mut self) {
        for (partition, held) in &mut self.held {
            let State::Open(machine) = &mut held.state else { continue };
            while let Some(insert) = machine.insert() {
                if insert.facts.is_some() {
                    failpoint::reach("after_intent");
                }
                let place = storing::Place {
                    topic: self.source.topic().to_owned(),
                    partition: *partition,
                    settings: self.settings.version,
                    is_exact: self.settings.rules.names_batches,
                };
                let work = storing::store(
                    self.store.clone(),
                    place,
                    insert,
                    Arc::clone(&held.lease),
                    self.sender.clone(),
                    Arc::clone(&self.progress),
                );
                self.runtime.spawn(work);
            }
        }
    }

    /// What late legs, windows and doubted names wait for.
    fn ask(&mut self) {
        let is_ours = self.source.is_ours();
        for (partition, held) in &mut self.held {
            held.lease.renew(is_ours);
            let State::Open(machine) = &mut held.state else { continue };
            let question = Question::of(&self.store, *partition, &held.lease, &self.sender);
            if let Some((tenant, windows, uncounted)) = machine.recount() {
                let question = Question::of(&self.store, *partition, &held.lease, &self.sender);
                self.runtime.spawn(question.windows(Arc::clone(self.tenants), tenant, windows, uncounted));
            }
            if let Some((tenant, wanted)) = machine.ask() {
                self.runtime.spawn(question.legs(tenant, wanted));
            } else if let Some(left) = machine.left().filter(|_| !held.is_asking_left) {
                held.is_asking_left = true;
                self.runtime.spawn(question.keys(left.to_vec()));
            } else if machine.should_look_again()
                && !held.is_looking_again
                && (held.since.elapsed() >= self.settings.look_again_after || self.settings.until_end)
            {
                held.is_looking_again = true;
                let since = held.read_since;
                let known_from = self.settings.known_from(machine.epoch());
                self.runtime.spawn(question.known(self.source.topic().to_owned(), known_from, since));
            } else if held.retracting == Retracting::NotYet && machine.next() >= held.end && machine.is_settled() {
                held.retracting = Retracting::Asked;
                self.runtime.spawn(question.retract_before(self.source.topic().to_owned(), machine.epoch()));
            }
        }
    }

    /// Partitions that must wait are not read.
    fn hold_back(&mut self, is_stopping: bool) {
        for (partition, held) in &mut self.held {
            let State::Open(machine) = &mut held.state else { continue };
            let wants = machine.wants_records() && !is_stopping;
            if wants == held.is_paused {
                held.is_paused = !wants;
                if wants { self.source.resume(*partition) } else { self.source.pause(*partition) }
            }
        }
    }

    fn show(&mut self) {
        if self.shown_at.elapsed() < SHOW_EVERY {
            return;
        }
        self.shown_at = Instant::now();
        for (partition, held) in &self.held {
            if let State::Open(machine) = &held.state {
                self.progress.partition(*partition, machine, self.source.next(*partition));
            }
        }
    }

    fn is_done(&self, is_stopping: bool) -> bool {
        let machines = || {
            self.held.values().map(|held| match &held.state {
                State::Open(machine) => Some((machine, held)),
                State::Opening(_) => None,
            })
        };
        if is_stopping {
            // What is on its way is finished; late legs and what they wait for are found again by the next start.
            return machines().all(|m| m.is_none_or(|(machine, _)| machine.is_drained()));
        }
        let is_at_end = |machine: &PartitionMachine<'d, FactsBuilder>, held: &Held<'d>| {
            let is_read = machine.next() >= held.end && machine.is_settled() && machine.is_ended();
            is_read && !machine.should_look_again() && held.retracting == Retracting::Done
        };
        self.settings.until_end && !self.held.is_empty() && machines().all(|m| m.is_some_and(|(m, h)| is_at_end(m, h)))
    }

    /// One answer of the store. What comes for a partition that is ours no more is dropped.
    fn take(&mut self, answer: Answer) -> Result<()> {
        let Some(held) = self.held.get_mut(&answer.partition).filter(|held| Arc::ptr_eq(&held.lease, &answer.lease))
        else {
            return Ok(());
        };
        let named = || format!("partition {} of {}", answer.partition, self.source.topic());
        match (&mut held.state, answer.what) {
            (_, storing::What::Failed(error)) => return Err(error).with_context(named),
            (State::Opening(opening), what) => {
                if let Some(mut machine) = opening
                    .take(&what, self.tenants, self.settings.limits, self.settings.rules)
                    .map_err(|stop| anyhow!("{}: {stop}", named()))?
                {
                    if !self.settings.rules.names_batches {
                        machine.conclude_above(now());
                    }
                    let since = Since { clock: machine.register_clock(), horizon_ms: self.settings.horizon_ms };
                    held.read_since = since.clock.plus_ms(-since.horizon_ms);
                    let question = Question::of(&self.store, answer.partition, &held.lease, &self.sender);
                    let topic = self.source.topic().to_owned();
                    let known_from = self.settings.known_from(machine.epoch());
                    let (epoch, high) = (machine.epoch(), machine.high());
                    self.runtime.spawn(question.stored(topic, known_from, epoch, high, since));
                    held.retracting = if known_from == 0 { Retracting::Done } else { Retracting::NotYet };
                    held.state = State::Open(Box::new(machine));
                }
            }
            (State::Open(machine), what) => match what {
                storing::What::Known(stored) => {
                    for (tenant, known) in stored {
                        machine.known(&tenant, known);
                    }
                }
                storing::What::Header(mark) => {
                    machine.stored_header(
                        &mark.tenant,
                        &mark.pbx,
                        &mark.adapter,
                        &mark.source,
                        &mark.value,
                        &mark.subject,
                    );
                }
                storing::What::Legs(legs) => {
                    for (leg, place) in legs {
                        machine.stored_leg(leg, place.logged_at, place.position);
                    }
                }
                storing::What::Restored => {
                    machine.restored();
                    let from = machine.read_from();
                    self.source.read_from(answer.partition, from)?;
                    self.progress.restored(answer.partition, from);
                }
                storing::What::Stored(number) => machine.stored(number),
                storing::What::Asked(Some(legs)) => machine.answer(legs),
                storing::What::Asked(None) => machine.not_answered(),
                storing::What::Recounted(windows) => machine.recounted(windows),
                storing::What::KnownSince(moment) => machine.known_since(moment),
                storing::What::Keys(keys) => {
                    held.is_asking_left = false;
                    machine.answer_left(keys);
                }
                storing::What::KnownAgain(known) => machine.look_again(known),
                storing::What::Retracted => held.retracting = Retracting::Done,
                storing::What::Ledger(..) | storing::What::Failed(_) => {}
            },
        }
        Ok(())
    }
}

impl<'d> Held<'d> {
    fn new(lease: Arc<Lease>, state: State<'d>, records: Counter, end: u64) -> Held<'d> {
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
            retracting: Retracting::NotYet,
        }
    }

    fn is_idle(&self) -> bool {
        matches!(&self.state, State::Open(machine) if machine.is_settled())
    }
}

/// The wall clock.
pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Moment(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
}
