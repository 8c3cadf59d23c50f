//! Who deals with a follow-up now, how somebody else takes it over, and what of it was said here.

use serde_json::Value;

use crate::claims::{self, Claimed, DEALING, deal_key};
use crate::outbox::{Record, add_record};
use crate::people::known;
use crate::sqlite::{Tx, args, sql};
use crate::{Office, Result};

/// Somebody deals with a follow-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dealing {
    /// Who: `person:ID`, or `login:NAME` where a login is nobody's.
    pub by: String,
    /// Since when, in milliseconds.
    pub since: i64,
    /// Until when, unless they say it again.
    pub until: Option<i64>,
}

/// The kinds of records that people's words are.
const WORDS: [&str; 5] = ["claim", "release", "settlement", "reopening", "note"];

impl Office {
    /// Who deals with a follow-up at this moment.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if there is no such follow-up.
    pub fn dealing(&self, tenant: &str, name: &str, now: i64) -> Result<Option<Dealing>> {
        self.database.read(|tx| {
            let follow_up = known(tx, tenant, name)?;
            let claim = claims::find(tx, DEALING, &deal_key(tenant, &follow_up.name))?;
            let holds = claim.filter(|claim| claim.until.is_none_or(|until| until > now));
            Ok(holds.map(|claim| Dealing { by: claim.holder, since: claim.at, until: claim.until }))
        })
    }

    /// A person (`person:ID`) deals with a follow-up from now on, whoever did before. Who may do that is decided by whoever asks.
    /// [`Claimed::Held`] if nothing is owed any more.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if there is no such follow-up.
    pub fn deal_instead(&self, tenant: &str, name: &str, person: &str, now: i64, until: i64) -> Result<Claimed> {
        self.database.write(|tx| {
            let follow_up = known(tx, tenant, name)?;
            if let Some(reason) = follow_up.closed_because() {
                return Ok(Claimed::Held { reason, retry_at: None });
            }
            let key = deal_key(tenant, &follow_up.name);
            if let Some(claim) = claims::find(tx, DEALING, &key)?.filter(|claim| claim.holder != person) {
                claims::release(tx, DEALING, &key, &claim.holder)?;
            }
            let claimed = claims::take(tx, DEALING, &key, person, now, Some(until))?;
            if claimed == Claimed::Yes {
                let id = format!("claim:{}:{person}:{now}", follow_up.name);
                let by = person;
                add_record(
                    tx,
                    &Record { kind: "claim", id, at: now, tenant, follow_up: Some(&follow_up), by, more: &[] },
                )?;
            }
            Ok(claimed)
        })
    }

    /// What was said of a follow-up here, as far as it is kept: the records that its log has or will have, in the order in which they
    /// were written, each a JSON object as the adapter `ringback` reads it.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if there is no such follow-up.
    pub fn said_of(&self, tenant: &str, name: &str) -> Result<Vec<Value>> {
        self.database.read(|tx| {
            let follow_up = known(tx, tenant, name)?;
            let mut said: Vec<(i64, String)> = Vec::new();
            for word in WORDS {
                said.extend(records(tx, tenant, &format!("{word}:{}", follow_up.name))?);
            }
            said.sort_unstable();
            Ok(said.iter().filter_map(|(_, body)| serde_json::from_str(body).ok()).collect())
        })
    }
}

/// The records whose names begin so, before a colon.
fn records(tx: &Tx<'_>, tenant: &str, begins: &str) -> Result<Vec<(i64, String)>> {
    // A semicolon is what comes after a colon.
    let (from, to) = (format!("{begins}:"), format!("{begins};"));
    tx.all(sql!("outbox_named"), args![tenant, &*from, &*to], |row| Ok((row.get(0)?, row.get(1)?)))
}
