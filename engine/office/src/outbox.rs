//! The outbox: what the office tells the log of a tenant, in order, so that the fold of follow-ups knows what was decided here.

use serde_json::{Map, Value};

use crate::queue::rows;
use crate::sqlite::{Tx, args, sql};
use crate::tell::FollowUp;
use crate::{Office, Result, rfc3339};

/// A record that somebody else made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// One record with this name is sent, however often it is asked for.
    pub id: String,
    /// One JSON object, as the adapter `ringback` reads it.
    pub body: String,
}

/// A record that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRecord {
    /// Its place.
    pub seq: i64,
    /// To whose log.
    pub tenant: String,
    /// Its name.
    pub id: String,
    /// One JSON object.
    pub body: String,
}

impl Office {
    /// What is not in its log yet, in order.
    ///
    /// One process at a time sends, under a claim of its own: what is sent twice is found by its name, what is sent out of order is not.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn outbox_unsent(&self, limit: usize) -> Result<Vec<OutboxRecord>> {
        self.database.read(|tx| {
            tx.all(sql!("outbox_unsent"), args![rows(limit)], |row| {
                Ok(OutboxRecord { seq: row.get(0)?, tenant: row.get(1)?, id: row.get(2)?, body: row.get(3)? })
            })
        })
    }

    /// Their logs have them.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sent(&self, seqs: &[i64], at: i64) -> Result<()> {
        self.database.write(|tx| {
            for seq in seqs {
                tx.run(sql!("outbox_sent"), args![at, *seq])?;
            }
            Ok(())
        })
    }
}

/// The counter of the outbox: one for all tenants.
const OUTBOX: &str = "outbox";

/// Adds a record. False: one of the same name is there already, and stays.
pub(crate) fn add(tx: &Tx<'_>, tenant: &str, id: &str, body: &str, now: i64) -> Result<bool> {
    let end: i64 = tx.one(sql!("counter"), args!["", OUTBOX], |row| row.get(0))?.unwrap_or_default();
    if tx.one(sql!("outbox_add"), args![end + 1, tenant, id, body, now], |_| Ok(()))?.is_none() {
        return Ok(false);
    }
    tx.run(sql!("counter_set"), args![end + 1, "", OUTBOX])?;
    Ok(true)
}

/// A record of the office's own.
pub(crate) struct Record<'a> {
    pub(crate) kind: &'a str,
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) tenant: &'a str,
    pub(crate) follow_up: Option<&'a FollowUp>,
    pub(crate) by: &'a str,
    pub(crate) more: &'a [(&'a str, Option<&'a str>)],
}

/// As of [`add`].
pub(crate) fn add_record(tx: &Tx<'_>, record: &Record<'_>) -> Result<bool> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), Value::from(value));
        }
    };
    let opened_at = record.follow_up.map(|f| rfc3339(f.opened_at));
    put("kind", Some(record.kind));
    put("id", Some(&record.id));
    put("at", Some(&rfc3339(record.at)));
    put("tenant", Some(record.tenant));
    put("follow_up", record.follow_up.map(|f| &*f.name));
    put("customer", record.follow_up.and_then(|f| f.customer.as_deref()));
    put("opened_at", opened_at.as_deref());
    put("by", Some(record.by));
    for (key, value) in record.more {
        put(key, *value);
    }
    body.insert("v".to_owned(), Value::from(1));
    add(tx, record.tenant, &record.id, &Value::Object(body).to_string(), record.at)
}
