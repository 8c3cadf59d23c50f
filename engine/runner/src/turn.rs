//! One turn: each plugin is given what is new for it, and what came of it is written in one transaction.

use calls::event::{About, Event};
use office::{
    Ask, Handled as Written, NewAction, NewSettlement, NewTag, NewTimer, Outcome, OutcomeStatus, Status, StoredEvent,
};
use sandbox::{Action, Asked, Fault, Handled, Handling, MayRun, Plugin};

use crate::installed::Installed;
use crate::{Limits, Parts, Runner};

/// What a turn did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Events that plugins have handled.
    pub handled: usize,
    /// Actions that deliver may have to do.
    pub asked: usize,
    /// There is more to do at once.
    pub has_more: bool,
    /// For whoever reads the log of this process.
    pub said: Vec<String>,
}

/// What is to be written of a batch.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) written: Written,
    actions: usize,
    heard: usize,
    /// Everything in the queue was looked at.
    is_all: bool,
}

/// Timers that are told at once.
const TIMERS_MAX: usize = 1000;

/// That a plugin does not hear what comes is noted no more often than this, in milliseconds.
const NOTE_EVERY_MS: i64 = 30_000;

impl Runner {
    /// Does what is to be done now for these companies.
    ///
    /// # Errors
    /// If the office cannot be asked or written.
    pub fn turn(&mut self, tenants: &[String], now: i64) -> Result<Turn, office::Error> {
        let mut turn = Turn { said: self.refresh(now)?, ..Turn::default() };
        self.parts.office.tell_timers(now, TIMERS_MAX)?;
        for name in self.installed.keys().cloned().collect::<Vec<_>>() {
            for tenant in tenants {
                while let Some(prepared) = self.prepare(&name, tenant, now, &mut turn)? {
                    let is_all = prepared.is_all;
                    self.commit(&prepared, &mut turn)?;
                    if is_all {
                        break;
                    }
                    turn.has_more = true;
                    // Others have their turn too.
                    if turn.handled >= self.limits.batch_events_max * 4 {
                        break;
                    }
                }
            }
        }
        Ok(turn)
    }

    /// Writes it, unless another process was there first.
    pub(crate) fn commit(&mut self, prepared: &Prepared, turn: &mut Turn) -> Result<(), office::Error> {
        let is_written = self.parts.office.handled(&prepared.written)?;
        if is_written {
            turn.handled += prepared.heard;
            turn.asked += prepared.actions;
        }
        let place =
            self.installed.get_mut(&prepared.written.plugin).and_then(|i| i.places.get_mut(&prepared.written.tenant));
        if let Some(place) = place {
            place.skipped_to = i64::MIN;
            place.note_at = i64::MAX;
        }
        Ok(())
    }

    /// Gives a plugin what is new of a company; `None`: there is nothing to be written.
    pub(crate) fn prepare(
        &mut self,
        name: &str,
        tenant: &str,
        now: i64,
        turn: &mut Turn,
    ) -> Result<Option<Prepared>, office::Error> {
        let (parts, limits) = (&self.parts, self.limits);
        let Some(installed) = self.installed.get_mut(name) else { return Ok(None) };
        let batch_max = match installed.breaker.may_run(now) {
            MayRun::Yes => limits.batch_events_max,
            MayRun::Probe => 1,
            MayRun::No { .. } => return Ok(None),
        };
        let Some(place) = installed.place(parts, name, tenant) else { return Ok(None) };
        let position = parts.office.position(name, tenant)?;
        let from = place.skipped_to.max(position.seq);
        let world = std::sync::Arc::clone(&place.world);
        let batch = Batch::next(parts, &installed.plugin, tenant, from, batch_max, now)?;
        let Batch { heard, outcomes, last, is_all, is_retry } = batch;
        if heard.is_empty() && outcomes.is_empty() {
            return Ok(skip(installed, tenant, name, position, last, now));
        }
        let events: std::sync::Arc<[Event]> = heard.iter().map(|heard| heard.event.clone()).collect();
        let handlings = installed.plugin.handle(&events, &world);
        let mut written = Written {
            plugin: name.to_owned(),
            tenant: tenant.to_owned(),
            to_seq: if is_retry { position.seq } else { last },
            position,
            now,
            outcomes,
            state: Vec::new(),
            asked: Vec::new(),
        };
        let (mut actions, mut count) = (0, 0);
        for (Heard { event, stored, attempts }, handling) in heard.iter().zip(handlings) {
            installed.breaker.heard(&handling.handled, now);
            turn.said.extend(said(name, stored, &handling));
            let Some(outcome) = judge(event, stored, *attempts, &handling, limits, now) else {
                // What this event waits for is ours: it comes again, with all that follow it.
                written.to_seq = if is_retry { written.to_seq } else { stored.seq - 1 };
                break;
            };
            let is_done = outcome.status == OutcomeStatus::Done;
            written.outcomes.push(outcome);
            count += 1;
            if is_done {
                for (key, value) in handling.state {
                    written.state.retain(|change| change.key != key);
                    written.state.push(office::Change { key, value });
                }
                for asked in handling.asked {
                    let ask = ask(asked, event, stored, installed.is_live, now);
                    actions += usize::from(matches!(&ask, Ask::Action(action) if action.status == Status::Due));
                    written.asked.push(ask);
                }
            }
        }
        let paused = installed.breaker.paused();
        if paused.is_some() != installed.was_paused {
            installed.was_paused = paused.is_some();
            turn.said.push(match paused {
                Some(paused) => {
                    format!("plugin {name} is paused after {} faults in a minute: {}", paused.faults, paused.why)
                }
                None => format!("plugin {name} goes on"),
            });
        }
        if written.outcomes.is_empty() && written.to_seq <= written.position.seq {
            return Ok(None);
        }
        Ok(Some(Prepared { written, actions, heard: count, is_all }))
    }
}

/// An event that a plugin hears.
struct Heard {
    event: Event,
    stored: StoredEvent,
    /// How often it was handled before.
    attempts: i64,
}

/// What comes next of a plugin and a company.
struct Batch {
    heard: Vec<Heard>,
    /// Of events that cannot be read.
    outcomes: Vec<Outcome>,
    /// The queue was looked at up to here.
    last: i64,
    /// That is its end.
    is_all: bool,
    /// It is an event that was put off, alone.
    is_retry: bool,
}

impl Batch {
    fn next(
        parts: &Parts,
        plugin: &Plugin,
        tenant: &str,
        from: i64,
        batch_max: usize,
        now: i64,
    ) -> Result<Batch, office::Error> {
        let name = plugin.manifest().name.as_str();
        let mut batch = Batch { heard: Vec::new(), outcomes: Vec::new(), last: from, is_all: false, is_retry: false };
        if let Some(retry) = parts.office.retries_due(name, tenant, now, 1)?.into_iter().next() {
            batch.is_retry = true;
            batch.take(plugin, retry.event, retry.attempts);
            return Ok(batch);
        }
        while !batch.is_all && batch.heard.is_empty() && batch.outcomes.is_empty() {
            let stored = parts.office.events_after(tenant, batch.last, batch_max)?;
            batch.is_all = stored.len() < batch_max;
            for event in stored {
                batch.last = event.seq;
                batch.take(plugin, event, 0);
            }
        }
        Ok(batch)
    }

    fn take(&mut self, plugin: &Plugin, stored: StoredEvent, attempts: i64) {
        if stored.plugin.as_deref().is_some_and(|of| of != plugin.manifest().name) {
            return;
        }
        match read(&stored) {
            Ok(event) if plugin.hears(&event) => self.heard.push(Heard { event, stored, attempts }),
            // What it hears no more since it was put off is done.
            Ok(_) if self.is_retry => {
                self.outcomes.push(outcome(&stored, OutcomeStatus::Done, attempts + 1, None, String::new()));
            }
            Ok(_) => {}
            Err(why) => self.outcomes.push(outcome(&stored, OutcomeStatus::Failed, attempts + 1, None, why)),
        }
    }
}

/// Nothing of what came is for this plugin: that is noted now and then.
fn skip(
    installed: &mut Installed,
    tenant: &str,
    plugin: &str,
    position: office::Position,
    last: i64,
    now: i64,
) -> Option<Prepared> {
    let place = installed.places.get_mut(tenant)?;
    if last <= position.seq {
        return None;
    }
    if now < place.note_at {
        place.skipped_to = last;
        place.note_at = place.note_at.min(now.saturating_add(NOTE_EVERY_MS));
        return None;
    }
    let (plugin, tenant) = (plugin.to_owned(), tenant.to_owned());
    let (outcomes, state, asked) = (Vec::new(), Vec::new(), Vec::new());
    let written = Written { plugin, tenant, position, to_seq: last, now, outcomes, state, asked };
    Some(Prepared { written, actions: 0, heard: 0, is_all: true })
}

/// An event of the queue, with the name that the office has for its follow-up.
///
/// # Errors
/// If it is not what this version writes.
pub fn read(stored: &StoredEvent) -> Result<Event, String> {
    let mut event: Event = serde_json::from_str(&stored.body)
        .map_err(|error| format!("event {} of the office is not readable: {error}", stored.event_id))?;
    event.id.clone_from(&stored.event_id);
    if let Some(name) = &stored.follow_up {
        match &mut event.about {
            About::Missed(missed) => missed.follow_up.id.clone_from(name),
            About::FollowUp(follow_up) => follow_up.id.clone_from(name),
            _ => {}
        }
    }
    Ok(event)
}

/// What is written of an event; `None`: it was not really handled, and comes again.
fn judge(
    event: &Event,
    stored: &StoredEvent,
    attempts: i64,
    handling: &Handling,
    limits: Limits,
    now: i64,
) -> Option<Outcome> {
    let attempts = attempts + 1;
    let told_at = i64::try_from(event.now.0).unwrap_or(i64::MAX);
    Some(match &handling.handled {
        Handled::Done => outcome(stored, OutcomeStatus::Done, attempts, None, handling.refused.join("; ")),
        Handled::Later { after_s } => {
            let due_at = now.saturating_add(i64::from(*after_s) * 1000);
            if due_at.saturating_sub(told_at) > limits.put_off_max_ms {
                let why = format!("it was put off for longer than {} s", limits.put_off_max_ms / 1000);
                outcome(stored, OutcomeStatus::Failed, attempts, None, why)
            } else {
                outcome(stored, OutcomeStatus::Later, attempts, Some(due_at), String::new())
            }
        }
        Handled::Failed { why } => outcome(stored, OutcomeStatus::Failed, attempts, None, why.clone()),
        Handled::Fault { kind: Fault::Host, .. } | Handled::NotRun => return None,
        Handled::Fault { why, .. } if attempts >= i64::from(limits.faults_max) => {
            outcome(stored, OutcomeStatus::Failed, attempts, None, why.clone())
        }
        Handled::Fault { why, .. } => {
            let due_at = now.saturating_add(1000 << attempts.min(10));
            outcome(stored, OutcomeStatus::Later, attempts, Some(due_at), why.clone())
        }
    })
}

fn outcome(stored: &StoredEvent, status: OutcomeStatus, attempts: i64, due_at: Option<i64>, detail: String) -> Outcome {
    Outcome { event_id: stored.event_id.clone(), seq: stored.seq, status, attempts, due_at, detail }
}

/// What the log of the process has of it: what the plugin said, and why it failed.
fn said(plugin: &str, stored: &StoredEvent, handling: &Handling) -> Vec<String> {
    let of = format!("plugin {plugin}, event {} ({})", stored.event_id, stored.kind);
    let mut said: Vec<String> =
        handling.log.iter().map(|(level, text)| format!("{of}: {}: {text}", level.as_str())).collect();
    said.extend(handling.refused.iter().map(|text| format!("{of}: {text}")));
    match &handling.handled {
        Handled::Failed { why } => said.push(format!("{of} failed: {why}")),
        Handled::Fault { why, .. } => said.push(format!("{of} was stopped: {why}")),
        Handled::Done | Handled::Later { .. } | Handled::NotRun => {}
    }
    said
}

/// What a plugin asked for, as the office keeps it.
fn ask(asked: Asked, event: &Event, stored: &StoredEvent, is_live: bool, now: i64) -> Ask {
    let Asked { key, action } = asked;
    match action {
        Action::Timer { name, at, payload } => Ask::Timer(NewTimer { key, name, at, payload }),
        Action::Cancel { key } => Ask::Cancel { key },
        Action::Tag { id, tag } if is_live => Ask::Tag(NewTag { id, tag }),
        Action::Settle { follow_up, note } if is_live => Ask::Settle(NewSettlement { follow_up, why: note }),
        action => {
            let (not_before, not_after) = moments(&action);
            let (status, reason) = match is_live {
                true => (Status::Due, String::new()),
                false => (Status::Dry, "the plugin runs dry: `ringback plugin enable` lets it act".to_owned()),
            };
            Ask::Action(NewAction {
                key,
                kind: action.kind().to_owned(),
                event_id: stored.event_id.clone(),
                follow_up: action.follow_up().map(str::to_owned).or_else(|| stored.follow_up.clone()),
                customer: customer(event),
                body: action.body().to_string(),
                status,
                reason,
                due_at: not_before.unwrap_or(now).max(now),
                expires_at: not_after,
            })
        }
    }
}

/// The options `not_before` and `not_after`, in milliseconds.
fn moments(action: &Action) -> (Option<i64>, Option<i64>) {
    let options = match action {
        Action::CallBack { options, .. }
        | Action::Email { options, .. }
        | Action::Message { options, .. }
        | Action::Webhook { options, .. } => options,
        _ => return (None, None),
    };
    let moment = |key: &str| {
        let told = serde_json::Value::String(options.get(key)?.clone());
        let time: calls::event::Time = serde_json::from_value(told).ok()?;
        i64::try_from(time.0).ok()
    };
    (moment("not_before"), moment("not_after"))
}

/// Whom the event is about, outside.
fn customer(event: &Event) -> Option<String> {
    match &event.about {
        About::Missed(missed) => missed.follow_up.facts.get("customer").cloned(),
        About::FollowUp(follow_up) => follow_up.facts.get("customer").cloned(),
        _ => None,
    }
}
