//! The queue of a plugin: what it hears, in order, and what came of it, once.

use crate::actions::{self, NewAction};
use crate::people::{self, NewSettlement, NewTag};
use crate::sqlite::{Row, Tx, args, sql};
use crate::tell::{Adding, EVENTS, Queue};
use crate::{Error, NewRecord, Office, Result, outbox, rfc3339};

/// Up to where a plugin has heard the events of a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The last event that it heard.
    pub seq: i64,
    /// How often anything of this plugin and tenant was committed: of two that began from one turn, only one commits.
    pub turn: i64,
}

/// An event in the queue of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its place: they have no gaps.
    pub seq: i64,
    /// Its name.
    pub event_id: String,
    /// One of the contract's kinds.
    pub kind: String,
    /// When it happened, by the log.
    pub at: i64,
    /// The engine's time when it was told: the same however often it is handled.
    pub told_at: i64,
    /// JSON, as it was told.
    pub body: String,
    /// The name of the follow-up that it is about.
    pub follow_up: Option<String>,
    /// The call that it is about.
    pub call: Option<String>,
    /// Only this plugin hears it; `None`: every one.
    pub plugin: Option<String>,
}

/// An event that a plugin wanted to hear again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// As it was.
    pub event: StoredEvent,
    /// How often it was handled already.
    pub attempts: i64,
}

/// How the handling of an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutcomeStatus {
    /// For good.
    Done,
    /// It is to be heard again.
    Later,
    /// For good, and not as it should.
    Failed,
}

impl OutcomeStatus {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OutcomeStatus::Done => "done",
            OutcomeStatus::Later => "later",
            OutcomeStatus::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Result<OutcomeStatus> {
        [OutcomeStatus::Done, OutcomeStatus::Later, OutcomeStatus::Failed]
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| Error::Invalid { what: format!("`{word}` is no outcome: done, later or failed") })
    }
}

/// What became of an event in a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Of the event.
    pub event_id: String,
    /// Of the event.
    pub seq: i64,
    /// How it ended.
    pub status: OutcomeStatus,
    /// How often it was handled, this time included.
    pub attempts: i64,
    /// When it is to be heard again.
    pub due_at: Option<i64>,
    /// For people.
    pub detail: String,
}

/// A change of a plugin's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The plugin's name for it.
    pub key: String,
    /// `None`: it is gone.
    pub value: Option<Vec<u8>>,
}

/// A timer that a plugin sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTimer {
    /// By which it can be canceled.
    pub key: String,
    /// The plugin's name for it: set again it is another moment.
    pub name: String,
    /// When it is due.
    pub at: i64,
    /// What the plugin gets back.
    pub payload: String,
}

/// Something that a plugin asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// To be done by others.
    Action(NewAction),
    /// A timer.
    Timer(NewTimer),
    /// What this plugin asked for under this key, and nobody has begun.
    Cancel {
        /// Of an action or a timer.
        key: String,
    },
    /// A tag.
    Tag(NewTag),
    /// A follow-up is settled.
    Settle(NewSettlement),
    /// A record for the tenant's log.
    Record(NewRecord),
}

/// What came of events in a plugin: written all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handled {
    /// Whose.
    pub plugin: String,
    /// The company.
    pub tenant: String,
    /// As it was before the events and the state were read.
    pub position: Position,
    /// The last event that is heard now; the position's own `seq` if events were heard again.
    pub to_seq: i64,
    /// The engine's time, in milliseconds.
    pub now: i64,
    /// Of the events that the plugin heard.
    pub outcomes: Vec<Outcome>,
    /// What it keeps.
    pub state: Vec<Change>,
    /// What it asks for, in the order in which it asked.
    pub asked: Vec<Ask>,
}

impl Office {
    /// Up to where a plugin has heard a tenant's events: read it before the events and the state.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn position(&self, plugin: &str, tenant: &str) -> Result<Position> {
        self.database.read(|tx| {
            let read = |row: &Row<'_>| Ok(Position { seq: row.get(0)?, turn: row.get(1)? });
            Ok(tx.one(sql!("position"), args![plugin, tenant], read)?.unwrap_or_default())
        })
    }

    /// Lets a plugin hear what comes after `seq`.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn set_position(&self, plugin: &str, tenant: &str, seq: i64) -> Result<()> {
        self.database.write(|tx| set_position(tx, plugin, tenant, seq))
    }

    /// The number of the last event of a tenant; 0 if there was none.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn last_seq(&self, tenant: &str) -> Result<i64> {
        self.database.read(|tx| last_seq(tx, tenant))
    }

    /// The events after `seq`, in order, also those that only another plugin hears.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn events_after(&self, tenant: &str, seq: i64, limit: usize) -> Result<Vec<StoredEvent>> {
        self.database.read(|tx| tx.all(sql!("events_after"), args![tenant, seq, rows(limit)], read_event))
    }

    /// What a plugin wanted to hear again by now, the longest due first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn retries_due(&self, plugin: &str, tenant: &str, now: i64, limit: usize) -> Result<Vec<Retry>> {
        self.database.read(|tx| {
            tx.all(sql!("retries_due"), args![plugin, tenant, now, rows(limit)], |row| {
                Ok(Retry { event: read_event(row)?, attempts: row.get(9)? })
            })
        })
    }

    /// What became of events in a plugin, the latest first, those before the event at `before`.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn outcomes(
        &self,
        plugin: &str,
        tenant: &str,
        status: OutcomeStatus,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Outcome>> {
        self.database.read(|tx| {
            let args = args![plugin, tenant, status.as_str(), before.unwrap_or(i64::MAX), rows(limit)];
            tx.all(sql!("outcomes"), args, |row| {
                Ok(Outcome {
                    event_id: row.get(0)?,
                    seq: row.get(1)?,
                    status: OutcomeStatus::parse(&row.get::<String>(2)?)?,
                    attempts: row.get(3)?,
                    due_at: row.get(4)?,
                    detail: row.get(5)?,
                })
            })
        })
    }

    /// What a plugin keeps under a key.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn state(&self, plugin: &str, tenant: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let stored = |tx: &Tx<'_>| tx.one(sql!("state_get"), args![plugin, tenant, key], |row| row.get::<String>(0));
        self.database.read(stored)?.map(|value| from_text(&value)).transpose()
    }

    /// The keys that begin with `prefix` and come after `after`, in order.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn state_keys(
        &self,
        plugin: &str,
        tenant: &str,
        prefix: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<String>> {
        self.database.read(|tx| {
            let args = args![plugin, tenant, prefix, after.unwrap_or_default(), rows(max)];
            tx.all(sql!("state_keys"), args, |row| row.get(0))
        })
    }

    /// The bytes of all keys and values that a plugin keeps.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn state_bytes(&self, plugin: &str, tenant: &str) -> Result<i64> {
        self.database
            .read(|tx| Ok(tx.one(sql!("state_bytes"), args![plugin, tenant], |row| row.get(0))?.unwrap_or_default()))
    }

    /// Writes what came of events. False: somebody else committed since the position was read, and nothing was written.
    ///
    /// # Errors
    /// Where the store fails; nothing was written then.
    pub fn handled(&self, handled: &Handled) -> Result<bool> {
        self.database.write(|tx| {
            if !advance(tx, handled)? {
                return Ok(false);
            }
            let Handled { plugin, tenant, now, .. } = handled;
            for outcome in &handled.outcomes {
                let args = args![
                    plugin,
                    tenant,
                    &outcome.event_id,
                    outcome.seq,
                    outcome.status.as_str(),
                    outcome.attempts,
                    outcome.due_at,
                    &outcome.detail,
                    *now,
                ];
                tx.run(sql!("outcome_set"), args)?;
            }
            for change in &handled.state {
                match &change.value {
                    None => tx.run(sql!("state_delete"), args![plugin, tenant, &change.key])?,
                    Some(value) => {
                        let text = to_text(value);
                        let args =
                            args![plugin, tenant, &change.key, &text, bytes(change.key.len()), bytes(value.len())];
                        tx.run(sql!("state_set"), args)?
                    }
                };
            }
            let by = format!("plugin:{plugin}");
            for ask in &handled.asked {
                match ask {
                    Ask::Action(action) => {
                        actions::add(tx, tenant, &by, action, *now)?;
                    }
                    Ask::Timer(timer) => {
                        let args = args![plugin, tenant, &timer.name, &timer.key, timer.at, &timer.payload];
                        tx.run(sql!("timer_set"), args)?;
                    }
                    Ask::Cancel { key } => {
                        tx.run(sql!("timer_cancel"), args![plugin, tenant, key])?;
                        tx.run(sql!("action_cancel"), args![key, &by, tenant])?;
                    }
                    Ask::Tag(tag) => people::tag(tx, tenant, &by, tag, *now)?,
                    Ask::Settle(settlement) => {
                        people::settle(tx, tenant, &by, settlement, None, *now)?;
                    }
                    Ask::Record(record) => {
                        outbox::add(tx, tenant, &record.id, &record.body, *now)?;
                    }
                }
            }
            Ok(true)
        })
    }

    /// Puts timers that are due into the queues as events `timer-due`, each once; says how many.
    ///
    /// # Errors
    /// Where the store fails; nothing was written then.
    pub fn tell_timers(&self, now: i64, limit: usize) -> Result<usize> {
        let due = |tx: &Tx<'_>| {
            tx.all(sql!("timers_due"), args![now, rows(limit)], |row| {
                let names: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((names, row.get::<i64>(3)?, row.get::<String>(4)?))
            })
        };
        // Mostly nothing is due, and then nobody is kept from writing.
        if self.database.read(due)?.is_empty() {
            return Ok(0);
        }
        self.database.write(|tx| {
            let due = due(tx)?;
            let mut queue = Queue::new(tx);
            for ((plugin, tenant, name), at, payload) in &due {
                tx.run(sql!("timer_delete"), args![plugin, tenant, name])?;
                // The place in the queue makes it another event than that of the same timer set again.
                let event_id = format!("timer-due:{plugin}:{name}:{}", queue.end_of(tenant)? + 1);
                let timer = serde_json::json!({ "name": name, "due_at": rfc3339(*at), "payload": payload });
                let about = serde_json::json!({ "timer": timer });
                let body = event_body(&event_id, "timer-due", *at, now, tenant, &about);
                queue.add(&Adding {
                    tenant,
                    event_id: &event_id,
                    kind: "timer-due",
                    at: *at,
                    now,
                    body: &body,
                    follow_up: None,
                    call: None,
                    plugin: Some(plugin),
                })?;
            }
            queue.end()?;
            Ok(due.len())
        })
    }
}

/// An event of the office's own, as plugins hear it.
pub(crate) fn event_body(id: &str, kind: &str, at: i64, now: i64, tenant: &str, about: &serde_json::Value) -> String {
    let (at, now) = (rfc3339(at), rfc3339(now));
    serde_json::json!({ "id": id, "kind": kind, "at": at, "now": now, "tenant": tenant, "about": about }).to_string()
}

pub(crate) fn last_seq(tx: &Tx<'_>, tenant: &str) -> Result<i64> {
    Ok(tx.one(sql!("counter_now"), args![tenant, EVENTS], |row| row.get(0))?.unwrap_or_default())
}

pub(crate) fn set_position(tx: &Tx<'_>, plugin: &str, tenant: &str, seq: i64) -> Result<()> {
    tx.run(sql!("position_set"), args![plugin, tenant, seq]).map(drop)
}

/// A limit as an argument.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn bytes(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn advance(tx: &Tx<'_>, handled: &Handled) -> Result<bool> {
    let Handled { plugin, tenant, position, to_seq, .. } = handled;
    if *to_seq < position.seq {
        return Err(Error::Invalid {
            what: format!("{plugin} cannot go back from event {} to {to_seq}: set_position does", position.seq),
        });
    }
    let changed = if *position == Position::default() {
        tx.run(sql!("position_first"), args![plugin, tenant, *to_seq])?
    } else {
        tx.run(sql!("position_move"), args![*to_seq, plugin, tenant, position.seq, position.turn])?
    };
    Ok(changed == 1)
}

fn read_event(row: &Row<'_>) -> Result<StoredEvent> {
    Ok(StoredEvent {
        seq: row.get(0)?,
        event_id: row.get(1)?,
        kind: row.get(2)?,
        at: row.get(3)?,
        told_at: row.get(4)?,
        body: row.get(5)?,
        follow_up: row.get(6)?,
        call: row.get(7)?,
        plugin: row.get(8)?,
    })
}

/// Tables have texts only, and not every store takes a NUL in one.
fn to_text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains('\0') => format!("t{text}"),
        _ => {
            let digits = value.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            let digits = digits.map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or_default());
            std::iter::once('x').chain(digits).collect()
        }
    }
}

fn from_text(stored: &str) -> Result<Vec<u8>> {
    let wrong =
        || Error::Invalid { what: "a value of a plugin's state is damaged: it is no text and no digits".into() };
    match stored.split_at_checked(1) {
        Some(("t", text)) => Ok(text.as_bytes().to_vec()),
        Some(("x", digits)) if digits.len().is_multiple_of(2) => {
            let pairs = digits.as_bytes().chunks_exact(2);
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
            pairs.map(byte).collect::<Option<Vec<u8>>>().ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_it_went_in() {
        for value in [&b""[..], b"7", "ще раз".as_bytes(), b"a\0b", &[0xff, 0x00, 0x10]] {
            assert_eq!(from_text(&to_text(value)).unwrap(), value);
        }
        assert!(from_text("x1").is_err());
        assert!(from_text("").is_err());
        assert!(from_text("x+1").is_err());
    }
}
