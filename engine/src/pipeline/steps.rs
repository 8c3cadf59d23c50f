//! What each step of a turn does, in the order of [`Pipeline::run`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use store::FactsBuilder;
use stream::PartitionMachine;

use super::held::{Held, Retracting, State};
use super::questions::Question;
use super::storing::{self, Lease};
use super::taking_over::Opening;
use super::telling::Speaker;
use super::{Outside, Pipeline, failpoint, now};
use crate::source::{Commit, Happened, Source};

/// How long the source is waited for where nothing else goes on, and where something does.
const IDLE_WAIT: Duration = Duration::from_millis(50);
const BUSY_WAIT: Duration = Duration::from_millis(2);

/// A partition is read up to now if what was read last reached the log no longer ago, in milliseconds.
const RECENT_MS: i64 = 1500;

/// How often the figures of partitions are brought up to date.
const SHOW_EVERY: Duration = Duration::from_millis(200);

impl<'d, S: Source> Pipeline<'d, S> {
    /// What the source tells: partitions that come and go, records, answers to commits.
    pub(super) fn hear(&mut self, is_stopping: bool) -> Result<()> {
        let now = now();
        let is_busy = self.held.values().any(|held| !held.is_idle());
        let wait = if is_busy { BUSY_WAIT } else { IDLE_WAIT };
        let records_max = if is_stopping { 0 } else { self.settings.records_per_turn_max };
        let (held, settings, store) = (&mut self.held, &self.settings, &self.store);
        let (runtime, sender, progress, outside) = (&self.runtime, &self.sender, &self.progress, &self.outside);
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
                    if let Some(outside) = outside {
                        outside.freshness.revoked(partition);
                    }
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
    pub(super) fn learn(&mut self) -> Result<()> {
        while let Ok(answer) = self.answers.try_recv() {
            self.take(answer)?;
        }
        Ok(())
    }

    /// What time does.
    pub(super) fn tick(&mut self, is_stopping: bool) -> Result<()> {
        let now = now();
        let has_log_time = self.source.has_log_time();
        for (number, held) in &mut self.held {
            let State::Open(machine) = &mut held.state else { continue };
            let is_caught_up = self.source.next(*number).is_none_or(|next| machine.next() >= next);
            machine.read_kept(now).map_err(|stop| anyhow!("partition {number} of {}: {stop}", self.source.topic()))?;
            // While records flow, the last one that was read says how late it is: nobody waits for a moment without any.
            let read_until = if is_caught_up { now } else { machine.clock() };
            let is_now = has_log_time && now.ms_since(read_until) < RECENT_MS;
            machine.tick(now, (is_now && machine.is_running()).then_some(read_until));
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
    pub(super) fn commit(&mut self, is_stopping: bool) -> Result<()> {
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
    pub(super) fn insert(&mut self) {
        let now = now();
        for (partition, held) in &mut self.held {
            let State::Open(machine) = &mut held.state else { continue };
            while let Some(mut insert) = machine.insert() {
                // Another reading of the log may have put any call anywhere.
                insert.conclusions.may_stand_elsewhere |= held.retracting != Retracting::Done;
                if insert.facts.is_some() {
                    failpoint::reach("after_intent");
                }
                let place = storing::Place {
                    topic: self.source.topic().to_owned(),
                    partition: *partition,
                    settings: self.settings.version,
                    is_exact: self.settings.rules.names_batches,
                };
                let told = self.outside.as_ref().map(|Outside { teller, .. }| {
                    let (epoch, versions) = machine.owner();
                    let owner = office::Owner { epoch, versions };
                    let speaker = Speaker { topic: self.source.topic(), partition: *partition, owner };
                    let has_taken_over = std::mem::replace(&mut held.has_taken_over, true);
                    let taken_over = (!has_taken_over).then(|| teller.take_over(speaker));
                    taken_over.into_iter().chain(teller.tell(speaker, &insert.conclusions, now)).collect()
                });
                let work = storing::store(
                    self.store.clone(),
                    place,
                    insert,
                    told.unwrap_or_default(),
                    Arc::clone(&held.lease),
                    self.sender.clone(),
                    Arc::clone(&self.progress),
                );
                self.runtime.spawn(work);
            }
        }
    }

    /// What late legs, windows and doubted names wait for.
    pub(super) fn ask(&mut self) {
        let is_ours = self.source.is_ours();
        for (partition, held) in &mut self.held {
            held.lease.renew(is_ours);
            let State::Open(machine) = &mut held.state else { continue };
            let question = Question::of(&self.store, *partition, &held.lease, &self.sender);
            if let Some((tenant, recount)) = machine.recount() {
                let question = Question::of(&self.store, *partition, &held.lease, &self.sender);
                self.runtime.spawn(question.windows(Arc::clone(self.tenants), tenant, recount));
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
                let topic = self.source.topic().to_owned();
                self.runtime.spawn(question.known_again(topic, known_from, since, machine.owner()));
            } else if held.retracting == Retracting::NotYet && machine.next() >= held.end && machine.is_settled() {
                held.retracting = Retracting::Asked;
                self.runtime.spawn(question.retract_before(self.source.topic().to_owned(), machine.epoch()));
            }
        }
    }

    /// Partitions that must wait are not read.
    pub(super) fn hold_back(&mut self, is_stopping: bool) {
        for (partition, held) in &mut self.held {
            let State::Open(machine) = &mut held.state else { continue };
            let wants = machine.wants_records() && !is_stopping;
            if wants == held.is_paused {
                held.is_paused = !wants;
                if wants { self.source.resume(*partition) } else { self.source.pause(*partition) }
            }
        }
    }

    /// Brings the figures of partitions up to date.
    pub(super) fn show(&mut self) {
        if self.shown_at.elapsed() < SHOW_EVERY {
            return;
        }
        self.shown_at = Instant::now();
        for (partition, held) in &self.held {
            let State::Open(machine) = &held.state else { continue };
            let next = self.source.next(*partition);
            self.progress.partition(*partition, machine, next);
            if let Some(outside) = &self.outside {
                let is_read = self.source.is_complete() && next.is_some_and(|next| machine.next() >= next);
                let is_recent = self.source.has_log_time() && now().ms_since(machine.clock()) < RECENT_MS;
                let tenants = machine.companies_with_legs().map(str::to_owned).collect();
                outside.freshness.set(*partition, tenants, machine.is_running() && (is_read || is_recent));
            }
        }
    }

    /// Everything that was to be done is.
    pub(super) fn is_done(&self, is_stopping: bool) -> bool {
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

    /// What was not stored when there was no more time for it.
    pub(super) fn not_drained(&self) -> anyhow::Error {
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
}
