//! Takes due actions from the office, one try at a time for each, and writes what became of it.
//!
//! Several processes do this over one office. Whoever dials has claimed the action in the office before, for good; whoever mails holds it
//! for a while. A process that dies leaves a dial that nobody knows the fate of: it is told as unknown, and nobody dials again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use directory::Directory;
use office::{Action, Claimed, Ended, Office, Status};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::attempt::{Attempted, Status as TryStatus};
use crate::decide::{Decision, decide, next_try};
use crate::doing::{Doing, Tried};
use crate::known::{KnownOf, claim_of};
use crate::settings::{DeliverSettings, ms};

/// Kinds of actions that are done here; the others are done when they are asked for.
pub const KINDS: [&str; 4] = ["call_back", "email", "message", "webhook"];

/// The same by what they wait for: a mail does not wait behind a telephone that rings.
const DIALS: [&str; 1] = ["call_back"];
const SENT: [&str; 3] = ["email", "message", "webhook"];

/// Of companies that this process knows all about, at this moment: their records are read up to now.
pub trait Known: Send + Sync {
    /// Customers of this company may be dialed: whoever spoke with them is known.
    fn is_fresh(&self, tenant: &str) -> bool;
    /// It is this process that acts for this company.
    fn is_ours(&self, tenant: &str) -> bool;
}

/// What the driver needs.
pub struct Parts {
    /// The office.
    pub office: Office,
    /// `[deliver]`.
    pub settings: DeliverSettings,
    /// By company.
    pub directories: BTreeMap<String, Arc<Directory>>,
    /// What is known here.
    pub known: Arc<dyn Known>,
    /// The ways to the outside.
    pub doing: Doing,
    /// Names this process in claims.
    pub holder: String,
    /// For whoever reads the log of this process.
    pub say: fn(&str),
    /// A place that a test may stop this process at.
    pub reach: fn(&'static str),
}

/// Does what is due, until the process ends.
pub struct Driver {
    pub(crate) parts: Parts,
    /// Turns of dials, and of what is sent.
    dials: Arc<Semaphore>,
    sent: Arc<Semaphore>,
    /// Actions that are being done here.
    busy: Mutex<BTreeSet<String>>,
}

/// Due actions that are looked at in one turn.
const LOOKED_AT_MAX: usize = 500;

/// However quiet it is, it is looked so often for what became due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// While nobody of ours is there, it is looked again at the latest after so many seconds.
const WAIT_FOR_PEOPLE_S: u64 = 30;

/// A company whose records are not read up to now waits so long.
const NOT_FRESH_MS: i64 = 1000;

/// Nobody is dialed this long after the dial was claimed: a process that was frozen in between has been overtaken.
const CLAIM_GOES_STALE_MS: i64 = 2000;

impl Driver {
    /// Nothing is done before [`Driver::run`].
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Driver> {
        let at_once = usize::try_from(parts.settings.at_once_max).unwrap_or(1).max(1);
        let turns = || Arc::new(Semaphore::new(at_once));
        Arc::new(Driver { parts, dials: turns(), sent: turns(), busy: Mutex::default() })
    }

    /// Does what is due, whenever it is woken and now and then.
    pub async fn run(self: Arc<Self>, wake: Arc<Notify>) {
        let mut tries = JoinSet::new();
        loop {
            let looked = Arc::clone(&self);
            let due = tokio::task::spawn_blocking(move || looked.look()).await;
            match due {
                Ok(Ok(due)) => {
                    for (action, turn) in due {
                        let (driver, wake) = (Arc::clone(&self), Arc::clone(&wake));
                        tries.spawn(async move {
                            driver.try_one(action).await;
                            drop(turn);
                            // Something may have waited for the turn.
                            wake.notify_one();
                        });
                    }
                }
                Ok(Err(error)) => (self.parts.say)(&format!("the office: {error}")),
                Err(error) => (self.parts.say)(&format!("deliver: {error}")),
            }
            while tries.try_join_next().is_some() {}
            let _ = tokio::time::timeout(LOOK_EVERY, wake.notified()).await;
        }
    }

    /// What is due and may be done, each with its turn; what may not be is written down.
    fn look(&self) -> office::Result<Vec<(Action, OwnedSemaphorePermit)>> {
        let office = &self.parts.office;
        let now = now();
        for orphan in office.orphans(&DIALS, now, LOOKED_AT_MAX)? {
            let detail = "whoever claimed the dial has not said what became of it: it is not dialed again";
            self.end(&orphan, Status::Unknown, detail, now)?;
        }
        let mut may = Vec::new();
        if self.dials.available_permits() > 0 {
            self.choose(office.due_actions(&DIALS, now, LOOKED_AT_MAX)?, &self.dials, now, &mut may)?;
        }
        if self.sent.available_permits() > 0 {
            let mut due = office.due_actions(&SENT, now, LOOKED_AT_MAX)?;
            due.extend(office.orphans(&SENT, now, LOOKED_AT_MAX)?);
            self.choose(due, &self.sent, now, &mut may)?;
        }
        Ok(may)
    }

    /// Decides each of these, as long as there are turns.
    fn choose(
        &self,
        due: Vec<Action>,
        turns: &Arc<Semaphore>,
        now: i64,
        may: &mut Vec<(Action, OwnedSemaphorePermit)>,
    ) -> office::Result<()> {
        let Parts { office, known, .. } = &self.parts;
        for action in due {
            if !known.is_ours(&action.tenant) || self.busy().contains(&action.key) {
                continue;
            }
            let Ok(turn) = Arc::clone(turns).try_acquire_owned() else { return Ok(()) };
            let asked = match KnownOf::read(office, &action)? {
                Ok(asked) => asked,
                Err(why) => {
                    self.end(&action, Status::Failed, &why, now)?;
                    continue;
                }
            };
            let zone = self.parts.directories.get(&action.tenant).map_or(chrono_tz::UTC, |directory| directory.zone());
            match decide(asked.as_asked(&action), &self.parts.settings, zone, now) {
                Decision::Go if asked.is_dial && !known.is_fresh(&action.tenant) => {
                    office.reschedule(
                        &action.key,
                        now + NOT_FRESH_MS,
                        "the company's records are not read up to now",
                    )?;
                }
                Decision::Go => {
                    self.busy().insert(action.key.clone());
                    may.push((action, turn));
                }
                Decision::Wait { until, why } => drop(office.reschedule(&action.key, until, &why)?),
                Decision::Hold { why } => self.end(&action, Status::Held, &why, now)?,
                Decision::Expire { why } => self.end(&action, Status::Expired, &why, now)?,
            }
        }
        Ok(())
    }

    fn end(&self, action: &Action, status: Status, detail: &str, now: i64) -> office::Result<()> {
        let (key, holder) = (action.key.clone(), self.parts.holder.clone());
        let ended = Ended { key, holder, status, detail: detail.to_owned(), call: None, now, next_due_at: None };
        self.parts.office.ended(&ended).map(|_| ())
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One try at an action.
    async fn try_one(self: Arc<Self>, action: Action) {
        let key = action.key.clone();
        let attempted = match action.kind.as_str() {
            "call_back" => self.dial(&action).await,
            _ => self.send(&action).await,
        };
        if let Err(error) = attempted {
            (self.parts.say)(&format!("action {key}: the office: {error}"));
        }
        self.busy().remove(&key);
    }

    /// Mails, webhooks and messages: claimed for a while, so that a process that dies lets another have them.
    async fn send(self: &Arc<Self>, action: &Action) -> office::Result<()> {
        let attempt_ms = ms(self.parts.settings.attempt_s);
        let (key, holder) = (action.key.clone(), self.parts.holder.clone());
        let now_ms = now();
        let claimed = self.ask(move |office| office.claim_action(&key, &holder, now_ms, now_ms + attempt_ms)).await?;
        if !matches!(claimed, Claimed::Yes) {
            return Ok(());
        }
        (self.parts.reach)("after_claim");
        let Some(directory) = self.parts.directories.get(&action.tenant).cloned() else { return Ok(()) };
        let attempted = self.parts.doing.send(self, action, &directory).await?;
        (self.parts.reach)("after_send");
        self.write(action, attempted).await
    }

    /// A call back: claimed for good at the last moment, when somebody of ours is known to be there.
    async fn dial(self: &Arc<Self>, action: &Action) -> office::Result<()> {
        let Some(directory) = self.parts.directories.get(&action.tenant).cloned() else { return Ok(()) };
        match self.parts.doing.call_back(self, action, &directory).await? {
            Some(Tried::Claimed(attempted)) => {
                (self.parts.reach)("after_dial");
                self.write(action, attempted).await
            }
            Some(Tried::BeforeClaim(attempted)) => self.put_off(action, attempted).await,
            None => Ok(()),
        }
    }

    /// Nobody was rung: the action waits, or it never will be done.
    async fn put_off(self: &Arc<Self>, action: &Action, attempted: Attempted) -> office::Result<()> {
        let TryStatus::Again { after_s } = attempted.status else { return self.write(action, attempted).await };
        let wait_s = u64::from(after_s.unwrap_or(0)).max(self.parts.settings.retry_after_s.min(WAIT_FOR_PEOPLE_S));
        let due_at = now().saturating_add(ms(wait_s));
        let key = action.key.clone();
        self.ask(move |office| office.reschedule(&key, due_at, &attempted.detail)).await.map(|_| ())
    }

    /// The last look before a telephone rings: whether the dial is ours, and nobody spoke with the customer.
    pub(crate) async fn may_dial(
        self: &Arc<Self>,
        action: &Action,
        number: &str,
        is_claimed: bool,
    ) -> office::Result<MayDial> {
        let no = MayDial { may: false, is_claimed };
        let settings = &self.parts.settings;
        let now_ms = now();
        if !self.parts.known.is_fresh(&action.tenant) {
            let key = action.key.clone();
            let why = "the company's records are not read up to now";
            self.ask(move |office| office.reschedule(&key, now_ms + NOT_FRESH_MS, why)).await?;
            return Ok(no);
        }
        if is_claimed {
            let (tenant, follow_up) = (action.tenant.clone(), action.follow_up.clone().unwrap_or_default());
            let row = self.ask(move |office| office.follow_up(&tenant, &follow_up)).await?;
            let by_person = action.is_by_person();
            let is_owed = |status: &str| status == "open" || (status == "dealing" && by_person);
            let may = row.is_some_and(|row| is_owed(&row.status)) && now() - now_ms < CLAIM_GOES_STALE_MS;
            return Ok(MayDial { may, is_claimed });
        }
        let key = action.key.clone();
        let dial = claim_of(settings, &key, &self.parts.holder, number, now_ms);
        let claimed = self.ask(move |office| office.claim_dial(&dial)).await?;
        (self.parts.reach)("after_dial_claim");
        match claimed {
            // Whoever was frozen between the claim and here has been taken for dead.
            Claimed::Yes => {
                let is_prompt = now() - now_ms < CLAIM_GOES_STALE_MS;
                Ok(MayDial { may: is_prompt && self.parts.known.is_fresh(&action.tenant), is_claimed: true })
            }
            Claimed::Held { reason, retry_at } => {
                let now = now();
                self.ask(move |office| match retry_at {
                    Some(at) => office.reschedule(&key, at, &reason),
                    None => office.hold(&key, &reason, now),
                })
                .await?;
                Ok(no)
            }
            Claimed::NotDue | Claimed::Taken { .. } => Ok(no),
        }
    }

    /// Writes what came of a try.
    async fn write(self: &Arc<Self>, action: &Action, attempted: Attempted) -> office::Result<()> {
        let now = now();
        let attempts = u32::try_from(action.attempts).unwrap_or(u32::MAX).saturating_add(1);
        let next = |after_s| next_try(&self.parts.settings, attempts, after_s, now);
        let (status, next_due_at) = match attempted.status {
            TryStatus::Done => (Status::Done, None),
            TryStatus::Failed => (Status::Failed, None),
            TryStatus::Unknown => (Status::Unknown, None),
            TryStatus::Again { after_s } => match next(after_s) {
                Some(at) => (Status::Due, Some(at)),
                None => (Status::Failed, None),
            },
        };
        let Attempted { detail, call, .. } = attempted;
        let ended = Ended {
            key: action.key.clone(),
            holder: self.parts.holder.clone(),
            status,
            detail,
            call,
            now,
            next_due_at,
        };
        self.ask(move |office| office.ended(&ended)).await.map(|_| ())
    }

    /// Asks the office on a thread that may wait.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Office) -> office::Result<T> + Send + 'static,
    ) -> office::Result<T> {
        let office = self.parts.office.clone();
        match tokio::task::spawn_blocking(move || question(&office)).await {
            Ok(answer) => answer,
            Err(error) => Err(office::Error::Invalid { what: format!("a question to the office: {error}") }),
        }
    }
}

/// The answer to the last look before a telephone rings.
#[derive(Clone, Copy)]
pub(crate) struct MayDial {
    /// It may ring.
    pub(crate) may: bool,
    /// The dial is claimed here.
    pub(crate) is_claimed: bool,
}

/// The wall clock, in milliseconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
