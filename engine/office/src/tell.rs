//! What the stream tells: events for plugins, the state of follow-ups, and when somebody spoke with a customer.
//!
//! The stream computes a follow-up's id from the set of calls, so it changes when an earlier call comes late.
//! People and plugins need a name that stays: the office keeps the one that it heard first.

use std::collections::HashMap;

use crate::sqlite::{Row, Tx, args, sql};
use crate::{Office, Owner, Result, fence};

/// What one batch of the stream tells, all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Of the log.
    pub topic: String,
    /// Of the log.
    pub partition: u32,
    /// Who tells it.
    pub owner: Owner,
    /// The engine's time, in milliseconds.
    pub now: i64,
    /// In the order in which plugins hear them.
    pub events: Vec<Event>,
    /// As they stand now.
    pub follow_ups: Vec<FollowUpNow>,
    /// Calls that have another name now.
    pub merged: Vec<MergedCall>,
    /// Talks with customers; those to whom nothing was ever owed are not kept.
    pub spoken: Vec<Spoken>,
    /// Calls of which a talk may have been told that settles nothing: the caller was lost after it.
    pub unspoken: Vec<Spoken>,
}

/// An event as the stream tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// The company.
    pub tenant: String,
    /// The same event told again has the same one; not used for `follow-up-*`, whose name is made of kind, follow-up and `once`.
    pub id: String,
    /// One of the contract's kinds.
    pub kind: String,
    /// When it happened, by the log.
    pub at: i64,
    /// JSON; where it names the follow-up it may say the stream's id, [`crate::StoredEvent::follow_up`] has the name.
    pub body: String,
    /// The stream's id of the follow-up that it is about.
    pub follow_up: Option<String>,
    /// The call that it is about.
    pub call: Option<String>,
    /// What tells this event from others of its kind about the same follow-up: a due time, a status.
    pub once: Option<String>,
}

/// A follow-up as the stream has it now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FollowUpNow {
    /// The company.
    pub tenant: String,
    /// The stream's id, which may change.
    pub id: String,
    /// The customer's number; `None` if withheld.
    pub customer: Option<String>,
    /// When its first missed call began.
    pub opened_at: i64,
    /// When the customer's previous follow-up ended.
    pub after: Option<i64>,
    /// When it was settled or expired; `None` while it is open.
    pub closed_at: Option<i64>,
    /// When its last missed call began.
    pub last_at: i64,
    /// open, dealing, returned_by_us, reached_us, settled_by_hand, not_returnable, expired.
    pub status: String,
    /// `person:ID` or `group:ID`.
    pub owner: Option<String>,
    /// When it should be done.
    pub due_at: Option<i64>,
    /// How often we tried.
    pub our_attempts: i64,
    /// How often the customer called in vain.
    pub customer_calls: i64,
    /// Of the conclusion: what is older than what is known changes nothing.
    pub version: u64,
    /// The id is no more: the one that took its place, empty where nothing did.
    pub merged_into: Option<String>,
}

/// A call that was told under another name before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedCall {
    /// The company.
    pub tenant: String,
    /// The name that is no more.
    pub from: String,
    /// The name that it has now.
    pub into: String,
}

/// Somebody of ours spoke with a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// The company.
    pub tenant: String,
    /// The customer's.
    pub number: String,
    /// When the talk began or ended: the latest counts.
    pub at: i64,
    /// The call.
    pub call: String,
}

/// What was new in what was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TellAnswer {
    /// Events that plugins will hear because of it.
    pub events: usize,
    /// Follow-ups whose state was written.
    pub follow_ups: usize,
}

/// A follow-up as the office keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowUp {
    /// The name that stays.
    pub name: String,
    /// The stream's id of today.
    pub id: String,
    /// The customer's number; `None` if withheld.
    pub customer: Option<String>,
    /// When its first missed call began.
    pub opened_at: i64,
    /// When it was settled or expired.
    pub closed_at: Option<i64>,
    /// When its last missed call began.
    pub last_at: i64,
    /// As the stream told it last.
    pub status: String,
    /// `person:ID` or `group:ID`.
    pub owner: Option<String>,
    /// When it should be done.
    pub due_at: Option<i64>,
    /// How often we tried.
    pub our_attempts: i64,
    /// How often the customer called in vain.
    pub customer_calls: i64,
    /// Of what the stream told last.
    pub version: u64,
    /// It is no more: the stream's id of what took its place, empty where nothing did.
    pub merged_into: Option<String>,
    /// When a person or a plugin settled it here, whether or not the stream knows it already.
    pub settled_at: Option<i64>,
    /// Who did.
    pub settled_by: Option<String>,
    /// And why.
    pub settled_why: Option<String>,
}

impl FollowUp {
    /// Why nobody is to be called for it, if so; for people.
    #[must_use]
    pub fn closed_because(&self) -> Option<String> {
        match (&self.merged_into, &self.settled_by) {
            (Some(into), _) if into.is_empty() => {
                Some("the follow-up is no more: its calls were not missed".to_owned())
            }
            (Some(into), _) => Some(format!("the follow-up became part of {into}")),
            (None, Some(by)) => Some(format!("the follow-up was settled by {by}")),
            (None, None) if matches!(&*self.status, "open" | "dealing") => None,
            (None, None) => Some(format!("the follow-up is {}", self.status)),
        }
    }
}

impl Office {
    /// Writes what the stream tells; told again it changes nothing.
    ///
    /// # Errors
    /// [`crate::Error::Replaced`] if a later owner is there: then nothing was written.
    pub fn tell(&self, told: &Told) -> Result<TellAnswer> {
        self.database.write(|tx| {
            fence::check(tx, &told.topic, told.partition, told.owner)?;
            let mut answer = TellAnswer::default();
            for merged in &told.merged {
                merge_call(tx, merged)?;
            }
            let (gone, present): (Vec<_>, Vec<_>) = told.follow_ups.iter().partition(|f| f.merged_into.is_some());
            let mut left = Vec::new();
            for follow_up in present {
                answer.follow_ups += usize::from(set_follow_up(tx, follow_up, &mut left)?);
            }
            // A name whose follow-up is gone or has another one now, and that none of the others took, is nobody's.
            for follow_up in gone {
                let name = name_for(tx, &follow_up.tenant, &follow_up.id)?;
                left.extend(name.map(|name| (name, follow_up)));
            }
            for (name, follow_up) in left {
                answer.follow_ups += usize::from(remove_name(tx, &name, follow_up)?);
            }
            for spoken in &told.spoken {
                let Spoken { tenant, number, at, call } = spoken;
                // Who is owed nothing is not dialed; and what comes to be owed later is open only if no talk settled it.
                if tx.one(sql!("customer_is_known"), args![tenant, number], |_| Ok(()))?.is_some() {
                    tx.run(sql!("customer_spoken"), args![tenant, number, *at, call])?;
                }
            }
            for Spoken { tenant, number, call, .. } in &told.unspoken {
                tx.run(sql!("customer_unspoken"), args![tenant, number, call])?;
            }
            let mut queue = Queue::new(tx);
            for event in &told.events {
                answer.events += usize::from(tell_event(&mut queue, event, told.now)?);
            }
            queue.end()?;
            Ok(answer)
        })
    }

    /// A follow-up, by its name or by any id under which it was told; where a name is another one's id, by the name.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn follow_up(&self, tenant: &str, name_or_id: &str) -> Result<Option<FollowUp>> {
        self.database.read(|tx| find(tx, tenant, name_or_id))
    }

    /// The name of the follow-up that the stream calls so.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn follow_up_name(&self, tenant: &str, id: &str) -> Result<Option<String>> {
        self.database.read(|tx| name_for(tx, tenant, id))
    }

    /// When somebody last spoke with a number.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn spoken(&self, tenant: &str, number: &str) -> Result<Option<i64>> {
        self.database.read(|tx| Ok(customer(tx, tenant, number)?.0))
    }

    /// When a number was last dialed by us.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn dialed_at(&self, tenant: &str, number: &str) -> Result<Option<i64>> {
        self.database.read(|tx| Ok(customer(tx, tenant, number)?.1))
    }

    /// The companies of which anything was told.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn tenants(&self) -> Result<Vec<String>> {
        self.database.read(tenants)
    }
}

pub(crate) fn tenants(tx: &Tx<'_>) -> Result<Vec<String>> {
    tx.all(sql!("counter_tenants"), args![EVENTS], |row| row.get(0))
}

/// When a number was last spoken with and dialed.
pub(crate) fn customer(tx: &Tx<'_>, tenant: &str, number: &str) -> Result<(Option<i64>, Option<i64>)> {
    let known = |at: i64| (at > 0).then_some(at);
    let found = tx.one(sql!("customer"), args![tenant, number], |row| Ok((known(row.get(0)?), known(row.get(1)?))))?;
    Ok(found.unwrap_or_default())
}

/// A follow-up by its name, even one that is gone; by an id where nothing has that name.
pub(crate) fn follow_up(tx: &Tx<'_>, tenant: &str, name: &str) -> Result<Option<FollowUp>> {
    let named = |name: &str| tx.one(sql!("follow_up"), args![tenant, name], read_follow_up);
    match named(name)? {
        Some(found) => Ok(Some(found)),
        None => name_for(tx, tenant, name)?.map_or(Ok(None), |name| named(&name)),
    }
}

/// A follow-up as people may name it: what is gone comes last.
pub(crate) fn find(tx: &Tx<'_>, tenant: &str, name_or_id: &str) -> Result<Option<FollowUp>> {
    let found = follow_up(tx, tenant, name_or_id)?;
    if found.as_ref().is_none_or(|found| found.merged_into.is_none()) {
        return Ok(found);
    }
    let other = match name_for(tx, tenant, name_or_id)? {
        Some(name) => follow_up(tx, tenant, &name)?,
        None => None,
    };
    Ok(other.or(found))
}

fn name_for(tx: &Tx<'_>, tenant: &str, id: &str) -> Result<Option<String>> {
    tx.one(sql!("follow_up_name"), args![tenant, id], |row| row.get(0))
}

fn read_follow_up(row: &Row<'_>) -> Result<FollowUp> {
    Ok(FollowUp {
        name: row.get(0)?,
        id: row.get(1)?,
        customer: row.get(2)?,
        opened_at: row.get(3)?,
        closed_at: row.get(4)?,
        last_at: row.get(5)?,
        status: row.get(6)?,
        owner: row.get(7)?,
        due_at: row.get(8)?,
        our_attempts: row.get(9)?,
        customer_calls: row.get(10)?,
        version: row.get::<i64>(11)?.cast_unsigned(),
        merged_into: row.get(12)?,
        settled_at: row.get(13)?,
        settled_by: row.get(14)?,
        settled_why: row.get(15)?,
    })
}

/// The counter of a tenant's events.
pub(crate) const EVENTS: &str = "events";

/// The ends of the tenants' queues while one transaction adds to them: numbers have no gap, whoever else writes.
pub(crate) struct Queue<'t> {
    tx: &'t Tx<'t>,
    ends: HashMap<String, (i64, i64)>,
}

/// An event on its way into the queue.
pub(crate) struct Adding<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) event_id: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) at: i64,
    pub(crate) now: i64,
    pub(crate) body: &'a str,
    pub(crate) follow_up: Option<&'a str>,
    pub(crate) call: Option<&'a str>,
    pub(crate) plugin: Option<&'a str>,
}

impl<'t> Queue<'t> {
    pub(crate) fn new(tx: &'t Tx<'t>) -> Queue<'t> {
        Queue { tx, ends: HashMap::new() }
    }

    /// The number of the last event of a tenant.
    pub(crate) fn end_of(&mut self, tenant: &str) -> Result<i64> {
        if let Some((_, now)) = self.ends.get(tenant) {
            return Ok(*now);
        }
        let end: i64 = self.tx.one(sql!("counter"), args![tenant, EVENTS], |row| row.get(0))?.unwrap_or_default();
        self.ends.insert(tenant.to_owned(), (end, end));
        Ok(end)
    }

    /// False: it is there already.
    pub(crate) fn add(&mut self, event: &Adding<'_>) -> Result<bool> {
        let seq = self.end_of(event.tenant)? + 1;
        let args = args![
            event.tenant,
            seq,
            event.event_id,
            event.kind,
            event.at,
            event.now,
            event.body,
            event.follow_up,
            event.call,
            event.plugin,
        ];
        let added = self.tx.one(sql!("event_add"), args, |_| Ok(()))?.is_some();
        if added && let Some((_, now)) = self.ends.get_mut(event.tenant) {
            *now = seq;
        }
        Ok(added)
    }

    pub(crate) fn end(self) -> Result<()> {
        for (tenant, (before, now)) in &self.ends {
            if before != now {
                self.tx.run(sql!("counter_set"), args![*now, tenant, EVENTS])?;
            }
        }
        Ok(())
    }
}

fn tell_event(queue: &mut Queue<'_>, event: &Event, now: i64) -> Result<bool> {
    let tx = queue.tx;
    let name = match &event.follow_up {
        None => None,
        Some(id) => Some(name_for(tx, &event.tenant, id)?.unwrap_or_else(|| id.clone())),
    };
    // Once for a call, whatever it is called.
    if let Some(call) = &event.call
        && matches!(&*event.kind, "call-ended" | "call-missed")
        && told_by_another_name(tx, &event.tenant, &event.kind, call)?
    {
        return Ok(false);
    }
    let event_id = match &name {
        Some(name) if event.kind.starts_with("follow-up-") => {
            format!("{}:{name}:{}", event.kind, event.once.as_deref().unwrap_or_default())
        }
        _ => event.id.clone(),
    };
    queue.add(&Adding {
        tenant: &event.tenant,
        event_id: &event_id,
        kind: &event.kind,
        at: event.at,
        now,
        body: &event.body,
        follow_up: name.as_deref(),
        call: event.call.as_deref(),
        plugin: None,
    })
}

fn told_by_another_name(tx: &Tx<'_>, tenant: &str, kind: &str, call: &str) -> Result<bool> {
    let root = tx.one(sql!("call_name_root"), args![tenant, call], |row| row.get::<String>(0))?;
    let root = match root {
        Some(root) => root,
        None => {
            let others = tx.one(sql!("call_name_is_root"), args![tenant, call], |_| Ok(()))?;
            if others.is_none() {
                return Ok(false);
            }
            call.to_owned()
        }
    };
    Ok(tx.one(sql!("event_of_call"), args![tenant, kind, &root], |_| Ok(()))?.is_some())
}

/// Both names are of one call from now on, whichever way the stream told it and however often it turned.
fn merge_call(tx: &Tx<'_>, merged: &MergedCall) -> Result<()> {
    let tenant = &merged.tenant;
    let root_of = |call: &String| -> Result<String> {
        let root = tx.one(sql!("call_name_root"), args![tenant, call], |row| row.get(0))?;
        Ok(root.unwrap_or_else(|| call.clone()))
    };
    let (from, into) = (root_of(&merged.from)?, root_of(&merged.into)?);
    if from != into {
        tx.run(sql!("call_names_move"), args![&into, tenant, &from])?;
        tx.run(sql!("call_name_add"), args![tenant, &from, &into])?;
    }
    Ok(())
}

/// Whether anything was written. In `left`: names that it had until now.
fn set_follow_up<'t>(tx: &Tx<'_>, told: &'t FollowUpNow, left: &mut Vec<(String, &'t FollowUpNow)>) -> Result<bool> {
    let tenant = &told.tenant;
    let name = name_of(tx, told)?;
    let before = name_for(tx, tenant, &told.id)?;
    if before.as_ref() != Some(&name) {
        tx.run(sql!("follow_up_name_set"), args![tenant, &told.id, &name])?;
        left.extend(before.map(|before| (before, told)));
    }
    if let Some((_, version)) = version_of(tx, tenant, &name)?
        && version > told.version
    {
        return Ok(false);
    }
    let args = args![
        tenant,
        &name,
        &told.id,
        &told.customer,
        told.opened_at,
        told.opened_at,
        told.closed_at,
        told.last_at,
        &told.status,
        &told.owner,
        told.due_at,
        told.our_attempts,
        told.customer_calls,
        told.version.cast_signed(),
        &told.merged_into,
    ];
    tx.run(sql!("follow_up_set"), args)?;
    Ok(true)
}

/// The name of a follow-up: the first that one of this customer had within its territory, else its own id.
///
/// Names without a call in common are not taken over: what was asked for that name was asked for another follow-up.
/// A territory goes from the end of the customer's previous follow-up to its own end; those of one customer do not overlap.
fn name_of(tx: &Tx<'_>, told: &FollowUpNow) -> Result<String> {
    let Some(customer) = &told.customer else { return Ok(told.id.clone()) };
    let from = told.after.map_or(i64::MIN, |after| after.saturating_add(1).min(told.opened_at));
    let until = told.closed_at.map_or(i64::MAX, |closed| closed.max(told.opened_at.saturating_add(1)));
    let args = args![&told.tenant, customer, from, until, &told.id, told.opened_at];
    if let Some(name) = tx.one(sql!("follow_up_name_within"), args, |row| row.get(0))? {
        return Ok(name);
    }
    if version_of(tx, &told.tenant, &told.id)?.is_some() {
        // Its own name, from when its opening call was believed to have begun at another moment.
        tx.run(sql!("follow_up_named_at"), args![told.opened_at, &told.tenant, &told.id])?;
    }
    Ok(told.id.clone())
}

/// Nothing that is told has this name any more, unless another id has it already, or somebody knew more.
fn remove_name(tx: &Tx<'_>, name: &str, told: &FollowUpNow) -> Result<bool> {
    match version_of(tx, &told.tenant, name)? {
        Some((id, version)) if id == told.id && version <= told.version => {
            let merged_into = told.merged_into.as_deref().unwrap_or_default();
            let args = args![merged_into, told.version.cast_signed(), &told.tenant, name];
            tx.run(sql!("follow_up_gone"), args)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn version_of(tx: &Tx<'_>, tenant: &str, name: &str) -> Result<Option<(String, u64)>> {
    tx.one(sql!("follow_up_version"), args![tenant, name], |row| Ok((row.get(0)?, row.get::<i64>(1)?.cast_unsigned())))
}
