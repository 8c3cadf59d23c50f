//! What is concluded is told to the office before it is stored: whoever finds a conclusion in the tables may rely on it that its events
//! are in the office, and a crash in between only tells them again, under the same names.
//!
//! One thread writes, in the order in which batches were sealed; what waits for it is written together.

use std::sync::mpsc;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use adapters::leg::Moment;
use anyhow::{Context, Result, anyhow};
use calls::CallLine;
use calls::event::{About, Event};
use calls::line::Word;
use calls::telling;
use calls::verdict::Outcome;
use office::{FollowUpNow, MergedCall, Office, Owner, Spoken, Told};
use stream::Conclusions;
use stream::comparing::Key;
use stream::events::Tellable;
use tokio::sync::oneshot;

use super::progress::Progress;

/// Hands what was concluded to the office.
#[derive(Clone)]
pub(crate) struct Teller {
    sender: mpsc::Sender<Request>,
    heard: Heard,
    since: Since,
}

/// What of the log is news.
#[derive(Clone, Copy)]
pub(crate) struct Since {
    /// No event is told of a call that ended before.
    pub(crate) acts_from: Moment,
    /// Records have the moments of their making, and not those of their coming: history is read.
    pub(crate) is_history: bool,
}

/// The kinds of events that plugins hear: nothing else is told.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<RwLock<Vec<String>>>);

impl Heard {
    /// From now on these are heard.
    pub(crate) fn set(&self, kinds: Vec<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = kinds;
    }

    fn kinds(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whose words these are: a process that was replaced says nothing any more.
#[derive(Clone, Copy)]
pub(crate) struct Speaker<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: u32,
    pub(crate) owner: Owner,
}

/// The answer to something that is on its way to the office.
pub(super) type Answer = oneshot::Receiver<Result<()>>;

enum Request {
    TakeOver { topic: String, partition: u32, owner: Owner, answer: oneshot::Sender<Result<()>> },
    Tell { told: Box<Told>, answer: oneshot::Sender<Result<()>> },
}

/// The office was busy: it is asked again after so long.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

impl Teller {
    /// Starts the thread that writes. `told` is called after something was written that somebody may hear.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(crate) fn start(
        office: Office,
        heard: Heard,
        since: Since,
        progress: Arc<Progress>,
        told: impl Fn() + Send + 'static,
    ) -> Result<Teller> {
        let (sender, requests) = mpsc::channel::<Request>();
        let work = move || {
            for request in requests {
                match request {
                    Request::TakeOver { topic, partition, owner, answer } => {
                        let _ = answer.send(again(&progress, || office.take_over(&topic, partition, owner)));
                    }
                    Request::Tell { told: what, answer } => {
                        let result = again(&progress, || office.tell(&what));
                        if result.as_ref().is_ok_and(|written| written.events > 0 || written.follow_ups > 0) {
                            told();
                        }
                        let _ = answer.send(result.map(|_| ()));
                    }
                }
            }
        };
        std::thread::Builder::new().name("telling".to_owned()).spawn(work).context("cannot start a thread")?;
        Ok(Teller { sender, heard, since })
    }

    /// From now on this is whose word counts for a partition.
    pub(super) fn take_over(&self, speaker: Speaker<'_>) -> Answer {
        let (answer, receiver) = oneshot::channel();
        let Speaker { topic, partition, owner } = speaker;
        let _ = self.sender.send(Request::TakeOver { topic: topic.to_owned(), partition, owner, answer });
        receiver
    }

    /// Tells what was concluded; `None`: none of it is anything for the office.
    pub(super) fn tell(&self, speaker: Speaker<'_>, conclusions: &Conclusions, now: Moment) -> Option<Answer> {
        let now = if self.since.is_history { conclusions.clock } else { now.max(conclusions.clock) };
        let kinds = self.heard.kinds();
        let told = told(speaker, conclusions, now, &kinds, self.since.acts_from);
        if told.events.is_empty()
            && told.follow_ups.is_empty()
            && told.merged.is_empty()
            && told.spoken.is_empty()
            && told.unspoken.is_empty()
        {
            return None;
        }
        let (answer, receiver) = oneshot::channel();
        let _ = self.sender.send(Request::Tell { told: Box::new(told), answer });
        Some(receiver)
    }
}

/// What the office is told of these conclusions, with the events that are heard; none of calls that ended before `acts_from`.
pub(crate) fn told(
    speaker: Speaker<'_>,
    conclusions: &Conclusions,
    now: Moment,
    kinds: &[String],
    acts_from: Moment,
) -> Told {
    let is_heard = |kind: &str| kinds.iter().any(|heard| heard == kind);
    let events = stream::events::events(conclusions, now, is_heard);
    let events = events.iter().filter(|told| is_news(&told.event, acts_from)).filter_map(written).collect();
    let follow_ups = conclusions.follow_ups.iter().map(|owed| now_of(&owed.told.0, owed.version));
    Told {
        topic: speaker.topic.to_owned(),
        partition: speaker.partition,
        owner: speaker.owner,
        now: now.0,
        events,
        follow_ups: follow_ups.chain(gone(conclusions)).collect(),
        merged: merged(conclusions),
        spoken: conclusions.calls.iter().filter_map(|call| spoken(&call.told.0)).collect(),
        unspoken: conclusions.calls.iter().filter_map(|call| unspoken(&call.told.0)).collect(),
    }
}

/// Until the office takes it or says that it never will.
fn again<T>(progress: &Progress, write: impl Fn() -> office::Result<T>) -> Result<T> {
    loop {
        match write() {
            Err(office::Error::Busy { .. }) => {
                progress.waits("the office", &"it is busy with another process");
                std::thread::sleep(AGAIN_AFTER);
            }
            result => return result.map_err(|error| anyhow!("the office: {error}")),
        }
    }
}

/// What is owed may be settled now whenever it was opened: that is news in any case.
fn is_news(event: &Event, acts_from: Moment) -> bool {
    let at = match &event.about {
        About::Call(call) => call.ended_at,
        About::Missed(missed) => missed.call.ended_at,
        About::FollowUp(owed) if event.kind != "follow-up-settled" => owed.last_at,
        _ => return true,
    };
    i64::try_from(at.0).unwrap_or(i64::MAX) >= acts_from.0
}

fn written(told: &Tellable) -> Option<office::Event> {
    let event = &told.event;
    Some(office::Event {
        tenant: event.tenant.clone(),
        id: event.id.clone(),
        kind: event.kind.clone(),
        at: i64::try_from(event.at.0).ok()?,
        body: serde_json::to_string(event).ok()?,
        follow_up: told.follow_up.as_ref().map(ToString::to_string),
        call: told.call.as_ref().map(ToString::to_string),
        once: told.once.clone(),
    })
}

fn now_of(owed: &calls::customers::FollowUp, version: u64) -> FollowUpNow {
    FollowUpNow {
        tenant: owed.tenant.to_string(),
        id: owed.line.id.to_string(),
        customer: owed.customer.as_ref().map(ToString::to_string),
        opened_at: owed.opened_at.0,
        after: owed.after.map(|at| at.0),
        closed_at: owed.closed_at.map(|at| at.0),
        last_at: owed.last_at.0,
        status: owed.line.status.word().to_owned(),
        owner: owed.line.owner.as_ref().map(ToString::to_string),
        due_at: owed.line.due_at.map(|at| at.0),
        our_attempts: i64::from(owed.line.our_attempts),
        customer_calls: i64::from(owed.line.customer_calls),
        version,
        merged_into: None,
    }
}

/// Names of follow-ups that are none any more.
fn gone(conclusions: &Conclusions) -> impl Iterator<Item = FollowUpNow> {
    conclusions.gone.iter().filter_map(|gone| match &gone.told {
        (tenant, Key::FollowUp(id), merged_into, _) => Some(FollowUpNow {
            tenant: tenant.to_string(),
            id: id.to_string(),
            version: gone.version,
            merged_into: Some(merged_into.to_string()),
            ..FollowUpNow::default()
        }),
        _ => None,
    })
}

fn merged(conclusions: &Conclusions) -> Vec<MergedCall> {
    let merged = conclusions.gone.iter().filter_map(|gone| match &gone.told {
        (tenant, Key::Call(id), into, _) if !into.is_empty() => {
            Some(MergedCall { tenant: tenant.to_string(), from: id.to_string(), into: into.to_string() })
        }
        _ => None,
    });
    merged.collect()
}

/// A talk that settles what is owed to a customer: nobody dials them again soon, also while the verdict is early.
fn spoken(line: &CallLine) -> Option<Spoken> {
    talk(line).filter(|_| line.outcome == Outcome::Answered)
}

/// A caller who was lost after a talk is owed a call back all the same, also if the call had seemed to be answered before.
fn unspoken(line: &CallLine) -> Option<Spoken> {
    talk(line).filter(|_| line.outcome == Outcome::LostInTransfer)
}

fn talk(line: &CallLine) -> Option<Spoken> {
    let (tenant, number) = (line.tenant.to_string(), telling::customer(line)?.to_string());
    Some(Spoken { tenant, number, at: line.ended_at.0, call: line.call_id.to_string() })
}
