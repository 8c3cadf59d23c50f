//! What waits, for whoever watches; and what is old enough to be forgotten.

use crate::claims::DEALING;
use crate::queue::{OutcomeStatus, last_seq, rows};
use crate::sqlite::{Tx, args, sql};
use crate::tell::tenants;
use crate::{Office, Result};

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Actions by kind and status.
    pub actions: Vec<ActionCount>,
    /// What plugins have not heard yet, those that are off left out.
    pub events_waiting: Vec<Waiting>,
    /// Events that plugins will hear again.
    pub retries_waiting: i64,
    /// Timers that are set.
    pub timers_waiting: i64,
    /// Records that their logs do not have yet.
    pub outbox_waiting: i64,
    /// When the first of them was written, in milliseconds; `None`: there is none.
    pub outbox_oldest_at: Option<i64>,
}

/// How many actions of a kind have a status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionCount {
    /// `call_back`, `email`, `message`, `webhook`, `tag`, `settle`.
    pub kind: String,
    /// The word of a [`crate::Status`].
    pub status: String,
    /// How many.
    pub count: i64,
}

/// How many events a plugin has not heard yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Which one.
    pub plugin: String,
    /// Of which company.
    pub tenant: String,
    /// How many.
    pub count: i64,
}

/// What may be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prune {
    /// The engine's time, in milliseconds.
    pub now: i64,
    /// What is older, in milliseconds. An event that is told again after it was forgotten is heard again, so this is longer than
    /// the horizon in which the stream may tell one again.
    pub keep_ms: i64,
    /// Events, records of the outbox, and claims, that one transaction takes away.
    pub records_max: usize,
}

impl Office {
    /// What waits now.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn counts(&self) -> Result<Counts> {
        self.database.read(|tx| {
            let count = |statement| Ok(tx.one(statement, args![], |row| row.get(0))?.unwrap_or_default());
            Ok(Counts {
                actions: tx.all(sql!("count_actions"), args![], |row| {
                    Ok(ActionCount { kind: row.get(0)?, status: row.get(1)?, count: row.get(2)? })
                })?,
                events_waiting: tx.all(sql!("count_events"), args![], |row| {
                    Ok(Waiting { plugin: row.get(0)?, tenant: row.get(1)?, count: row.get(2)? })
                })?,
                retries_waiting: count(sql!("count_retries"))?,
                timers_waiting: count(sql!("count_timers"))?,
                outbox_waiting: count(sql!("count_outbox"))?,
                outbox_oldest_at: tx.one(sql!("outbox_oldest"), args![], |row| row.get(0))?,
            })
        })
    }

    /// Forgets events that every plugin has heard which is not off, what became of them, records that were sent, and claims of people who
    /// dealt with a follow-up until long ago; says how many. Called again while it says something else than 0.
    ///
    /// # Errors
    /// Where the store fails; nothing was forgotten then.
    pub fn prune(&self, prune: &Prune) -> Result<usize> {
        let before = prune.now.saturating_sub(prune.keep_ms);
        let tenants = self.database.read(tenants)?;
        let mut forgotten = 0;
        for tenant in tenants {
            forgotten += self.database.write(|tx| forget_events(tx, &tenant, before, prune.records_max))?;
        }
        let outbox = args![before, rows(prune.records_max)];
        forgotten += self.database.write(|tx| tx.run(sql!("outbox_delete"), outbox))?;
        let lapsed = args![DEALING, before, rows(prune.records_max)];
        Ok(forgotten + self.database.write(|tx| tx.run(sql!("claims_delete"), lapsed))?)
    }
}

fn forget_events(tx: &Tx<'_>, tenant: &str, before: i64, max: usize) -> Result<usize> {
    let first = |statement| tx.one(statement, args![tenant], |row| row.get::<Option<i64>>(0)).map(Option::flatten);
    let heard = match first(sql!("heard_by_all"))? {
        Some(heard) => heard,
        None => last_seq(tx, tenant)?,
    };
    let heard = first(sql!("retry_first"))?.map_or(heard, |retry| heard.min(retry - 1));
    let old = tx.one(sql!("events_old"), args![tenant, heard, before, rows(max)], |row| row.get(0))?;
    let Some(old): Option<i64> = old.flatten() else { return Ok(0) };
    let forgotten = tx.run(sql!("events_delete"), args![tenant, old, before])?;
    for plugin in tx.all(sql!("plugins"), args![], |row| row.get::<String>(0))? {
        // What a plugin wants to hear again and is older is that of one that is off: it would wait for what is not there any more.
        for status in [OutcomeStatus::Done, OutcomeStatus::Failed, OutcomeStatus::Later] {
            tx.run(sql!("outcomes_delete"), args![&plugin, tenant, status.as_str(), old])?;
        }
    }
    Ok(forgotten)
}
