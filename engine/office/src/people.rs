//! What people do by hand: they deal with a follow-up, settle it, read their messages; and tags.

use crate::claims::{self, Claimed, DEALING, deal_key};
use crate::outbox::{Record, add_record};
use crate::queue::rows;
use crate::sqlite::{Tx, args, sql};
use crate::tell::{FollowUp, find};
use crate::{Error, Office, Result};

/// A notification for a person's cabinet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// The company.
    pub tenant: String,
    /// Whose: the person's id.
    pub person: String,
    /// What it says.
    pub text: String,
    /// When it was written, in milliseconds.
    pub at: i64,
    /// The action that it is: one message a person comes of it.
    pub action_key: String,
}

/// A notification in a person's cabinet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place among those of the tenant.
    pub seq: i64,
    /// Whose: the person's id.
    pub person: String,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub at: i64,
    /// When it was read.
    pub read_at: Option<i64>,
    /// The action that it is.
    pub action_key: String,
}

/// A tag of a call or a follow-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTag {
    /// Of the call or the follow-up.
    pub id: String,
    /// The tag.
    pub tag: String,
}

/// Somebody says that nothing is owed any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSettlement {
    /// Its name, or an id under which it was told.
    pub follow_up: String,
    /// For people.
    pub why: String,
}

impl Office {
    /// Adds a message. False: it was there.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn add_message(&self, message: &NewMessage) -> Result<bool> {
        self.database.write(|tx| {
            let tenant = &message.tenant;
            let end: i64 = tx.one(sql!("counter"), args![tenant, MESSAGES], |row| row.get(0))?.unwrap_or_default();
            let args = args![tenant, end + 1, &message.person, &message.text, message.at, &message.action_key];
            let added = tx.one(sql!("message_add"), args, |_| Ok(()))?.is_some();
            if added {
                tx.run(sql!("counter_set"), args![end + 1, tenant, MESSAGES])?;
            }
            Ok(added)
        })
    }

    /// The messages of a person, the latest first, those before the one at `before`.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn messages_of(&self, tenant: &str, person: &str, before: Option<i64>, limit: usize) -> Result<Vec<Message>> {
        self.database.read(|tx| {
            let args = args![tenant, person, before.unwrap_or(i64::MAX), rows(limit)];
            tx.all(sql!("messages_of"), args, |row| {
                Ok(Message {
                    seq: row.get(0)?,
                    person: row.get(1)?,
                    text: row.get(2)?,
                    at: row.get(3)?,
                    read_at: row.get(4)?,
                    action_key: row.get(5)?,
                })
            })
        })
    }

    /// A person has read a message. False: there is none, or it was read before.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn mark_read(&self, tenant: &str, person: &str, seq: i64, now: i64) -> Result<bool> {
        self.database.write(|tx| Ok(tx.run(sql!("message_read"), args![now, tenant, person, seq])? == 1))
    }

    /// A person has read their messages up to this one. Says how many were unread.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn mark_all_read(&self, tenant: &str, person: &str, seq: i64, now: i64) -> Result<usize> {
        self.database.write(|tx| tx.run(sql!("messages_read"), args![now, tenant, person, seq]))
    }

    /// How many messages a person has not read.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn unread(&self, tenant: &str, person: &str) -> Result<i64> {
        self.database
            .read(|tx| Ok(tx.one(sql!("count_unread"), args![tenant, person], |row| row.get(0))?.unwrap_or_default()))
    }

    /// A person (`person:ID`) deals with a follow-up until a moment; dealing again prolongs it.
    /// [`Claimed::Held`] if nothing is owed any more.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such follow-up.
    pub fn deal(&self, tenant: &str, name: &str, person: &str, now: i64, until: i64) -> Result<Claimed> {
        self.database.write(|tx| {
            let follow_up = known(tx, tenant, name)?;
            if let Some(reason) = follow_up.closed_because() {
                return Ok(Claimed::Held { reason, retry_at: None });
            }
            let claimed = claims::take(tx, DEALING, &deal_key(tenant, &follow_up.name), person, now, Some(until))?;
            if claimed == Claimed::Yes {
                let id = format!("claim:{}:{person}:{now}", follow_up.name);
                let record =
                    Record { kind: "claim", id, at: now, tenant, follow_up: Some(&follow_up), by: person, more: &[] };
                add_record(tx, &record)?;
            }
            Ok(claimed)
        })
    }

    /// A person does not deal with a follow-up any more. False: it was not theirs.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such follow-up.
    pub fn give_back(&self, tenant: &str, name: &str, person: &str, now: i64) -> Result<bool> {
        self.database.write(|tx| {
            let follow_up = known(tx, tenant, name)?;
            if !claims::release(tx, DEALING, &deal_key(tenant, &follow_up.name), person)? {
                return Ok(false);
            }
            let id = format!("release:{}:{person}:{now}", follow_up.name);
            let more = &[("status", Some("released"))];
            let by = person;
            add_record(tx, &Record { kind: "claim", id, at: now, tenant, follow_up: Some(&follow_up), by, more })?;
            Ok(true)
        })
    }

    /// A person (`person:ID`) settles a follow-up, whoever deals with it. `why` is a word, and `note` what they say beside it.
    /// False: it was settled before.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such follow-up, [`Error::Invalid`] for a note that is too long.
    pub fn settle(&self, tenant: &str, name: &str, by: &str, why: &str, note: Option<&str>, now: i64) -> Result<bool> {
        let note = note.map(noted).transpose()?;
        self.database.write(|tx| {
            known(tx, tenant, name)?;
            let settlement = NewSettlement { follow_up: name.to_owned(), why: why.to_owned() };
            settle(tx, tenant, by, &settlement, note, now)
        })
    }

    /// What settled a follow-up did not: a mailbox answered. It is open again, as far as the office is concerned; the stream decides by
    /// the record. False: nothing settled it, or somebody said so of this settlement before.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such follow-up.
    pub fn reopen(&self, tenant: &str, name: &str, by: &str, why: &str, now: i64) -> Result<bool> {
        self.database.write(|tx| {
            let follow_up = known(tx, tenant, name)?;
            // A record takes back one settlement: a second one of the same would take back what settled it before.
            let settled_at = follow_up.settled_at.or_else(|| follow_up.closed_at.filter(|_| was_settled(&follow_up)));
            let Some(settled_at) = settled_at.filter(|_| follow_up.merged_into.is_none()) else { return Ok(false) };
            tx.run(sql!("follow_up_reopen"), args![tenant, &follow_up.name])?;
            let id = format!("reopening:{}:{settled_at}", follow_up.name);
            let more = &[("why", Some(why))];
            add_record(tx, &Record { kind: "reopening", id, at: now, tenant, follow_up: Some(&follow_up), by, more })
        })
    }

    /// A person (`person:ID`) says something about a follow-up, and the log keeps it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such follow-up, [`Error::Invalid`] for a note that says nothing or is too long.
    pub fn add_note(&self, tenant: &str, name: &str, by: &str, note: &str, now: i64) -> Result<()> {
        let note = noted(note)?;
        self.database.write(|tx| {
            let follow_up = known(tx, tenant, name)?;
            let id = format!("note:{}:{by}:{now}", follow_up.name);
            let more = &[("why", Some(note))];
            add_record(tx, &Record { kind: "note", id, at: now, tenant, follow_up: Some(&follow_up), by, more })?;
            Ok(())
        })
    }

    /// The tags of a call or a follow-up, in the order of the alphabet.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn tags_of(&self, tenant: &str, id: &str) -> Result<Vec<String>> {
        self.database.read(|tx| tx.all(sql!("tags_of"), args![tenant, id], |row| row.get(0)))
    }
}

/// The counter of a tenant's messages.
const MESSAGES: &str = "messages";

/// Bytes of what a person says about a follow-up.
const NOTE_BYTES_MAX: usize = 2000;

/// A note as it is kept.
fn noted(note: &str) -> Result<&str> {
    let kept = note.trim();
    match kept.len() {
        1..=NOTE_BYTES_MAX => Ok(kept),
        length => Err(Error::Invalid { what: format!("a note has {length} bytes: 1 to {NOTE_BYTES_MAX} are kept") }),
    }
}

/// A talk or somebody's word settled it, by what the stream told; what expired and what cannot be returned was not settled.
fn was_settled(follow_up: &FollowUp) -> bool {
    matches!(&*follow_up.status, "returned_by_us" | "reached_us" | "settled_by_hand")
}

pub(crate) fn known(tx: &Tx<'_>, tenant: &str, name: &str) -> Result<FollowUp> {
    find(tx, tenant, name)?
        .ok_or_else(|| Error::NotFound { what: format!("there is no follow-up `{name}` of {tenant}") })
}

/// False: it is not known, or it was settled before.
pub(crate) fn settle(
    tx: &Tx<'_>,
    tenant: &str,
    by: &str,
    settlement: &NewSettlement,
    note: Option<&str>,
    now: i64,
) -> Result<bool> {
    let Some(follow_up) = find(tx, tenant, &settlement.follow_up)? else { return Ok(false) };
    let args = args![now, by, &settlement.why, tenant, &follow_up.name];
    if tx.run(sql!("follow_up_settle"), args)? == 0 {
        return Ok(false);
    }
    let id = format!("settlement:{}:{by}:{now}", follow_up.name);
    let more = &[("why", Some(&*settlement.why)), ("detail", note)];
    add_record(tx, &Record { kind: "settlement", id, at: now, tenant, follow_up: Some(&follow_up), by, more })?;
    Ok(true)
}

pub(crate) fn tag(tx: &Tx<'_>, tenant: &str, by: &str, tag: &NewTag, now: i64) -> Result<()> {
    tx.run(sql!("tag_add"), args![tenant, &tag.id, &tag.tag, now, by]).map(drop)
}
