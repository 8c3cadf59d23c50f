//! What plugins and people asked for: each action once, by its key, and what became of every try at it.

use crate::outbox::{Record, add_record};
use crate::queue::{event_body, rows};
use crate::sqlite::{Row, Tx, args, sql};
use crate::tell::{Adding, Queue, follow_up};
use crate::{Error, Office, Result, claims};

/// Where an action stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is to be done when its moment has come.
    #[default]
    Due,
    /// Its plugin is dry: it is noted and not done.
    Dry,
    /// Something forbids it; its reason says what.
    Held,
    /// Somebody has begun it.
    Claimed,
    /// A telephone rings for it.
    Dialed,
    /// It is done.
    Done,
    /// It did not succeed and will not.
    Failed,
    /// Its time was over before it was done.
    Expired,
    /// Nobody knows whether it was done: it is not done again.
    Unknown,
    /// Who asked for it did not want it any more.
    Canceled,
}

impl Status {
    /// Every one.
    pub const ALL: [Status; 10] = [
        Status::Due,
        Status::Dry,
        Status::Held,
        Status::Claimed,
        Status::Dialed,
        Status::Done,
        Status::Failed,
        Status::Expired,
        Status::Unknown,
        Status::Canceled,
    ];

    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Due => "due",
            Status::Dry => "dry",
            Status::Held => "held",
            Status::Claimed => "claimed",
            Status::Dialed => "dialed",
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Expired => "expired",
            Status::Unknown => "unknown",
            Status::Canceled => "canceled",
        }
    }

    /// The status of a word.
    ///
    /// # Errors
    /// [`Error::Invalid`] for any other word.
    pub fn parse(word: &str) -> Result<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word).ok_or_else(|| {
            let known: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
            Error::Invalid { what: format!("`{word}` is no status of an action: {}", known.join(", ")) }
        })
    }

    fn may_end(self) -> bool {
        matches!(self, Status::Done | Status::Failed | Status::Expired | Status::Unknown | Status::Held)
    }
}

/// An action that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAction {
    /// The same action has the same one, whoever asks for it and however often.
    pub key: String,
    /// `call_back`, `email`, `message`, `webhook`, `tag`, `settle`.
    pub kind: String,
    /// The event that made the plugin ask.
    pub event_id: String,
    /// The name of the follow-up that it is for.
    pub follow_up: Option<String>,
    /// The customer's number.
    pub customer: Option<String>,
    /// JSON.
    pub body: String,
    /// [`Status::Due`], [`Status::Dry`] or [`Status::Held`].
    pub status: Status,
    /// Why it is held, for people.
    pub reason: String,
    /// When it is to be done.
    pub due_at: i64,
    /// When it is too late.
    pub expires_at: Option<i64>,
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name.
    pub key: String,
    /// The company.
    pub tenant: String,
    /// `call_back`, `email`, `message`, `webhook`, `tag`, `settle`.
    pub kind: String,
    /// Who asked: `plugin:NAME` or `person:ID`.
    pub by: String,
    /// The event that made the plugin ask.
    pub event_id: String,
    /// The name of the follow-up that it is for.
    pub follow_up: Option<String>,
    /// The customer's number.
    pub customer: Option<String>,
    /// JSON.
    pub body: String,
    /// Where it stands.
    pub status: Status,
    /// Why, for people.
    pub reason: String,
    /// When it is to be done.
    pub due_at: i64,
    /// When it is too late.
    pub expires_at: Option<i64>,
    /// When it was asked for.
    pub asked_at: i64,
    /// How often it was begun.
    pub attempts: i64,
    /// The call that it made.
    pub call: Option<String>,
}

impl Action {
    /// A person asked for it, and no plugin.
    #[must_use]
    pub fn is_by_person(&self) -> bool {
        !self.by.starts_with("plugin:")
    }
}

/// One try at an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 is the first.
    pub attempt: i64,
    /// The number that was to be dialed.
    pub number: Option<String>,
    /// Who tried.
    pub holder: String,
    /// When it was begun.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How.
    pub status: Status,
    /// For people.
    pub detail: String,
    /// The call that it made.
    pub call: Option<String>,
}

/// What became of a try at an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Of the action.
    pub key: String,
    /// Who tried.
    pub holder: String,
    /// [`Status::Done`], [`Status::Failed`], [`Status::Expired`], [`Status::Unknown`] or [`Status::Held`].
    pub status: Status,
    /// For people.
    pub detail: String,
    /// The call that it made.
    pub call: Option<String>,
    /// The engine's time, in milliseconds.
    pub now: i64,
    /// It is to be tried again then.
    pub next_due_at: Option<i64>,
}

impl Office {
    /// A person (`person:ID`) asks for an action. False: it was asked for before.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a status in which no action begins.
    pub fn ask(&self, tenant: &str, by: &str, action: &NewAction, now: i64) -> Result<bool> {
        self.database.write(|tx| add(tx, tenant, by, action, now))
    }

    /// The actions of these kinds that are to be done by now, the longest due first; also those for which it is too late.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn due_actions(&self, kinds: &[&str], now: i64, limit: usize) -> Result<Vec<Action>> {
        self.database.read(|tx| {
            let mut due = Vec::new();
            for kind in kinds {
                due.extend(tx.all(sql!("actions_due"), args![*kind, now, rows(limit)], read)?);
            }
            due.sort_by(|a, b| (a.due_at, &a.key).cmp(&(b.due_at, &b.key)));
            due.truncate(limit);
            Ok(due)
        })
    }

    /// The actions of these kinds that somebody began and whose claim has lapsed.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn orphans(&self, kinds: &[&str], now: i64, limit: usize) -> Result<Vec<Action>> {
        self.database.read(|tx| {
            let mut orphans = Vec::new();
            for kind in kinds {
                orphans.extend(tx.all(sql!("actions_orphaned"), args![*kind, now, rows(limit)], read)?);
            }
            orphans.truncate(limit);
            Ok(orphans)
        })
    }

    /// One action.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn action(&self, key: &str) -> Result<Option<Action>> {
        self.database.read(|tx| tx.one(sql!("action"), args![key], read))
    }

    /// What was asked for a follow-up, by its name, in the order in which it was asked.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn actions_of(&self, tenant: &str, follow_up: &str) -> Result<Vec<Action>> {
        self.database.read(|tx| tx.all(sql!("actions_of"), args![tenant, follow_up], read))
    }

    /// The tries at an action, in order.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn attempts_of(&self, key: &str) -> Result<Vec<Attempt>> {
        self.database.read(|tx| {
            tx.all(sql!("attempts_of"), args![key], |row| {
                Ok(Attempt {
                    attempt: row.get(0)?,
                    number: row.get(1)?,
                    holder: row.get(2)?,
                    started_at: row.get(3)?,
                    ended_at: row.get(4)?,
                    status: Status::parse(&row.get::<String>(5)?)?,
                    detail: row.get(6)?,
                    call: row.get(7)?,
                })
            })
        })
    }

    /// A telephone rings for a call back, in the call of this name if it is known. False: it is not this holder's any more.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such action.
    pub fn dialed(&self, key: &str, holder: &str, at: i64, call: Option<&str>) -> Result<bool> {
        self.database.write(|tx| {
            let action = known(tx, key)?;
            if action.status != Status::Claimed || !is_holder(tx, &action, holder)? {
                return Ok(false);
            }
            tx.run(sql!("action_dialed"), args![call, key])?;
            tx.run(sql!("attempt_dialed"), args![call, key, action.attempts])?;
            if let Some(number) = tx.one(sql!("attempt_number"), args![key, action.attempts], |row| row.get(0))? {
                let number: Option<String> = number;
                if let Some(number) = number {
                    tx.run(sql!("customer_dialed"), args![&action.tenant, &number, at])?;
                }
            }
            Ok(true)
        })
    }

    /// Writes what became of a try. False: it is not this holder's any more, and nothing was written.
    ///
    /// Who is no holder may say of a due action that it is expired, failed or held, and of an orphan that its fate is unknown.
    /// Who dialed may say what became of it even when it was given up as unknown.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such action, [`Error::Invalid`] for a status in which no try ends.
    pub fn ended(&self, ended: &Ended) -> Result<bool> {
        if !ended.status.may_end() {
            return Err(Error::Invalid {
                what: format!("no try ends as {}: done, failed, expired, unknown, held", ended.status.as_str()),
            });
        }
        self.database.write(|tx| {
            let action = known(tx, &ended.key)?;
            if !may_tell(tx, &action, ended)? {
                return Ok(false);
            }
            end(tx, &action, ended)?;
            Ok(true)
        })
    }

    /// A due action is not done, and the reason is kept. False: it is not due any more.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such action.
    pub fn hold(&self, key: &str, reason: &str, now: i64) -> Result<bool> {
        self.ended(&Ended {
            key: key.to_owned(),
            status: Status::Held,
            detail: reason.to_owned(),
            now,
            ..Ended::default()
        })
    }

    /// A due action is due at another moment. False: it is not due any more.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn reschedule(&self, key: &str, due_at: i64, reason: &str) -> Result<bool> {
        self.database.write(|tx| Ok(tx.run(sql!("action_reschedule"), args![due_at, reason, key])? == 1))
    }
}

/// False: it was asked for before.
pub(crate) fn add(tx: &Tx<'_>, tenant: &str, by: &str, action: &NewAction, now: i64) -> Result<bool> {
    if !matches!(action.status, Status::Due | Status::Dry | Status::Held) {
        return Err(Error::Invalid { what: format!("no action begins as {}: due, dry, held", action.status.as_str()) });
    }
    let args = args![
        &action.key,
        tenant,
        &action.kind,
        by,
        &action.event_id,
        &action.follow_up,
        &action.customer,
        &action.body,
        action.status.as_str(),
        &action.reason,
        action.due_at,
        action.expires_at,
        now,
    ];
    Ok(tx.one(sql!("action_add"), args, |_| Ok(()))?.is_some())
}

pub(crate) fn known(tx: &Tx<'_>, key: &str) -> Result<Action> {
    tx.one(sql!("action"), args![key], read)?
        .ok_or_else(|| Error::NotFound { what: format!("there is no action `{key}`") })
}

/// Notes that somebody has it from now on.
pub(crate) fn begin(tx: &Tx<'_>, action: &Action, holder: &str, number: Option<&str>, now: i64) -> Result<()> {
    let attempt = action.attempts + 1;
    tx.run(sql!("action_begin"), args![attempt, &action.key])?;
    let args = args![&action.key, attempt, &action.tenant, &action.kind, number, holder, now];
    tx.run(sql!("attempt_add"), args)?;
    Ok(())
}

/// Notes how the last try ended.
pub(crate) fn end_attempt(
    tx: &Tx<'_>,
    action: &Action,
    status: Status,
    detail: &str,
    call: Option<&str>,
    now: i64,
) -> Result<()> {
    let args = args![now, status.as_str(), detail, call, &action.key, action.attempts];
    tx.run(sql!("attempt_end"), args).map(drop)
}

fn is_holder(tx: &Tx<'_>, action: &Action, holder: &str) -> Result<bool> {
    let claim = claims::find(tx, claims::kind_for(action), &action.key)?;
    Ok(claim.is_some_and(|claim| claim.holder == holder))
}

fn may_tell(tx: &Tx<'_>, action: &Action, ended: &Ended) -> Result<bool> {
    let claim = claims::find(tx, claims::kind_for(action), &action.key)?;
    let is_holder = claim.as_ref().is_some_and(|claim| claim.holder == ended.holder);
    let has_lapsed = claim.as_ref().is_some_and(|claim| claim.until.is_some_and(|until| until <= ended.now));
    Ok(match action.status {
        Status::Claimed | Status::Dialed => {
            // Nobody begins it in order to hold it.
            (is_holder && ended.status != Status::Held) || (ended.status == Status::Unknown && has_lapsed)
        }
        Status::Due => {
            ended.next_due_at.is_none() && matches!(ended.status, Status::Expired | Status::Failed | Status::Held)
        }
        Status::Unknown => is_holder && matches!(ended.status, Status::Done | Status::Failed),
        _ => false,
    })
}

fn end(tx: &Tx<'_>, action: &Action, ended: &Ended) -> Result<()> {
    // What was given up as unknown was shown to people as such: it is not done again by itself.
    let next_due_at = ended.next_due_at.filter(|_| action.status != Status::Unknown);
    let status = if next_due_at.is_some() { Status::Due } else { ended.status };
    let due_at = next_due_at.unwrap_or(action.due_at);
    let args = args![status.as_str(), &ended.detail, due_at, &ended.call, &action.key];
    tx.run(sql!("action_end"), args)?;
    if action.status != Status::Due {
        end_attempt(tx, action, ended.status, &ended.detail, ended.call.as_deref(), ended.now)?;
    }
    let kind = claims::kind_for(action);
    if next_due_at.is_some() || (action.kind != "call_back" && status != Status::Unknown) {
        claims::release(tx, kind, &action.key, &ended.holder)?;
    }
    tell_log(tx, action, ended, status)?;
    if next_due_at.is_none() {
        tell_plugin(tx, action, ended)?;
    }
    Ok(())
}

fn tell_log(tx: &Tx<'_>, action: &Action, ended: &Ended, status: Status) -> Result<()> {
    let follow_up = match &action.follow_up {
        Some(name) => follow_up(tx, &action.tenant, name)?,
        None => None,
    };
    let more = &[
        ("action", Some(&*action.key)),
        ("status", Some(status.as_str())),
        ("call", ended.call.as_deref().or(action.call.as_deref())),
        ("detail", Some(&*ended.detail)),
    ];
    add_record(
        tx,
        &Record {
            kind: "delivery",
            id: format!("delivery:{}:{}:{}", action.key, action.attempts, status.as_str()),
            at: ended.now,
            tenant: &action.tenant,
            follow_up: follow_up.as_ref(),
            by: &action.by,
            more,
        },
    )
    .map(drop)
}

/// A plugin that asked hears how it ended.
fn tell_plugin(tx: &Tx<'_>, action: &Action, ended: &Ended) -> Result<()> {
    let Some(plugin) = action.by.strip_prefix("plugin:") else { return Ok(()) };
    let event_id = format!("delivery-ended:{}:{}:{}", action.key, action.attempts, ended.status.as_str());
    let delivery = serde_json::json!({
        "action": action.key,
        "kind": action.kind,
        "status": ended.status.as_str(),
        "detail": ended.detail,
        "call": ended.call.as_deref().or(action.call.as_deref()),
    });
    let about = serde_json::json!({ "delivery": delivery });
    let body = event_body(&event_id, "delivery-ended", ended.now, ended.now, &action.tenant, &about);
    let mut queue = Queue::new(tx);
    queue.add(&Adding {
        tenant: &action.tenant,
        event_id: &event_id,
        kind: "delivery-ended",
        at: ended.now,
        now: ended.now,
        body: &body,
        follow_up: action.follow_up.as_deref(),
        call: ended.call.as_deref(),
        plugin: Some(plugin),
    })?;
    queue.end()
}

fn read(row: &Row<'_>) -> Result<Action> {
    Ok(Action {
        key: row.get(0)?,
        tenant: row.get(1)?,
        kind: row.get(2)?,
        by: row.get(3)?,
        event_id: row.get(4)?,
        follow_up: row.get(5)?,
        customer: row.get(6)?,
        body: row.get(7)?,
        status: Status::parse(&row.get::<String>(8)?)?,
        reason: row.get(9)?,
        due_at: row.get(10)?,
        expires_at: row.get(11)?,
        asked_at: row.get(12)?,
        attempts: row.get(13)?,
        call: row.get(14)?,
    })
}
