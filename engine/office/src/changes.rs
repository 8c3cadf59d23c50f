//! Who changed what, and when: written in the transaction of the change itself.

use serde_json::json;

use crate::queue::rows;
use crate::sqlite::{Tx, args, sql};
use crate::{Office, Result};

/// A change that somebody made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its place among all of them.
    pub seq: i64,
    /// When, in milliseconds.
    pub at: i64,
    /// Who: a login, or `command` for whoever has the machine.
    pub by: String,
    /// What was done, for example `login added`.
    pub what: String,
    /// Of what, for example a login.
    pub of: String,
    /// JSON: `from`, what it was, and `to`, what it is since; one of them is left out where there was, or is, nothing. Never a secret.
    pub detail: String,
}

/// The counter of changes: one for all companies.
const CHANGES: &str = "changes";

impl Office {
    /// Changes of a company, the latest first, before this place.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn changes(&self, tenant: &str, before: Option<i64>, limit: usize) -> Result<Vec<Changed>> {
        self.database.read(|tx| {
            tx.all(sql!("changes"), args![tenant, before.unwrap_or(i64::MAX), rows(limit)], |row| {
                Ok(Changed {
                    seq: row.get(0)?,
                    at: row.get(1)?,
                    by: row.get(2)?,
                    what: row.get(3)?,
                    of: row.get(4)?,
                    detail: row.get(5)?,
                })
            })
        })
    }

    /// Notes that somebody changed the site file: `from`, the lines that are gone, and `to`, those that came.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn site_file_changed(&self, tenant: &str, by: &str, from: &str, to: &str, now: i64) -> Result<()> {
        let lines = |text: &str| (!text.is_empty()).then(|| json!({ "lines": text }));
        let detail = json!({"from": lines(from), "to": lines(to)});
        self.database.write(|tx| note(tx, tenant, by, "site file changed", "site.toml", &detail, now))
    }
}

/// Notes a change.
pub(crate) fn note(
    tx: &Tx<'_>,
    tenant: &str,
    by: &str,
    what: &str,
    of: &str,
    detail: &serde_json::Value,
    now: i64,
) -> Result<()> {
    let end: i64 = tx.one(sql!("counter"), args!["", CHANGES], |row| row.get(0))?.unwrap_or_default();
    let detail = detail.to_string();
    tx.run(sql!("change_add"), args![end + 1, tenant, now, by, what, of, &*detail])?;
    tx.run(sql!("counter_set"), args![end + 1, "", CHANGES]).map(drop)
}
