//! Claims: the right to do one thing once, or for a while. The office's only compare-and-set.

use crate::actions::{self, Action, Status};
use crate::sqlite::{Row, Tx, args, sql};
use crate::tell::{customer, follow_up};
use crate::{Error, Office, Result};

/// What came of asking for a claim. Nothing was written unless it is `Yes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is yours.
    Yes,
    /// Nobody may do it now.
    Held {
        /// Why, for people.
        reason: String,
        /// When it may be tried again; `None`: never.
        retry_at: Option<i64>,
    },
    /// The action is not due: it is done, held, canceled, past its time, or not yet due.
    NotDue,
    /// Somebody else has it.
    Taken {
        /// Who.
        holder: String,
        /// Since when.
        since: i64,
    },
}

/// A claim that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What kind of thing.
    pub kind: String,
    /// Which one.
    pub key: String,
    /// Who has it.
    pub holder: String,
    /// Since when.
    pub at: i64,
    /// When it lapses; `None`: never.
    pub until: Option<i64>,
}

/// Asks for the right to dial, once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimDial {
    /// Of the action.
    pub action_key: String,
    /// Who will dial: one name a process.
    pub holder: String,
    /// The engine's time, in milliseconds.
    pub now: i64,
    /// When it is an orphan if nothing was heard of it; nobody else dials it then either.
    pub until: i64,
    /// The customer's.
    pub number: String,
    /// A number that was dialed or spoken with is not dialed again for so long, in milliseconds.
    pub redial_pause_ms: i64,
    /// Dials of one company within an hour.
    pub max_per_hour: i64,
}

/// The hour of `max_per_hour`.
const HOUR_MS: i64 = 3_600_000;

/// The kind of claim of a call back: it is never given to another.
const DIAL: &str = "dial";
/// The kind of claim of any other action: a lease.
const ACTION: &str = "action";

/// The kind of the claims of people who deal with a follow-up: of each the log hears.
pub(crate) const DEALING: &str = "follow_up";

/// The key of the claim of who deals with a follow-up.
pub(crate) fn deal_key(tenant: &str, name: &str) -> String {
    format!("{tenant}/{name}")
}

/// Under which kind an action is claimed.
pub(crate) fn kind_for(action: &Action) -> &'static str {
    if action.kind == "call_back" { DIAL } else { ACTION }
}

impl Office {
    /// Asks for the right to dial: whatever forbids it is looked up in the same transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such action, [`Error::Invalid`] if it is no call back.
    pub fn claim_dial(&self, ask: &ClaimDial) -> Result<Claimed> {
        self.database.write(|tx| {
            let action = actions::known(tx, &ask.action_key)?;
            if action.kind != "call_back" {
                return Err(Error::Invalid { what: format!("{} is no call back: {}", action.key, action.kind) });
            }
            if let Some(claim) = find(tx, DIAL, &action.key)? {
                return Ok(Claimed::Taken { holder: claim.holder, since: claim.at });
            }
            if !is_due(&action, ask.now) {
                return Ok(Claimed::NotDue);
            }
            if let Some((reason, retry_at)) = forbids(tx, &action, ask)? {
                return Ok(Claimed::Held { reason, retry_at });
            }
            let args = args![DIAL, &action.key, &ask.holder, ask.now, ask.until];
            if tx.one(sql!("claim_once"), args, |_| Ok(()))?.is_none() {
                return Ok(Claimed::NotDue);
            }
            tx.run(sql!("customer_dialed"), args![&action.tenant, &ask.number, ask.now])?;
            actions::begin(tx, &action, &ask.holder, Some(&ask.number), ask.now)?;
            Ok(Claimed::Yes)
        })
    }

    /// Asks for the right to do an action that is no call back; one whose lease has lapsed is given to another.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such action, [`Error::Invalid`] if it is a call back.
    pub fn claim_action(&self, key: &str, holder: &str, now: i64, until: i64) -> Result<Claimed> {
        self.database.write(|tx| {
            let action = actions::known(tx, key)?;
            if action.kind == "call_back" {
                return Err(Error::Invalid { what: format!("{key} is a call back: claim_dial claims it") });
            }
            let begun = action.status == Status::Claimed;
            if !begun && !is_due(&action, now) {
                return Ok(Claimed::NotDue);
            }
            if let Some(claim) = find(tx, ACTION, key)?
                && claim.until.is_none_or(|until| until > now)
            {
                return Ok(Claimed::Taken { holder: claim.holder, since: claim.at });
            }
            match take(tx, ACTION, key, holder, now, Some(until))? {
                Claimed::Yes => {}
                other => return Ok(other),
            }
            if begun {
                let detail = "nothing was heard of who tried it";
                actions::end_attempt(tx, &action, Status::Unknown, detail, None, now)?;
            }
            actions::begin(tx, &action, holder, None, now)?;
            Ok(Claimed::Yes)
        })
    }

    /// Asks for a claim of another kind; one's own is prolonged, one that has lapsed is given to another.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the kinds of actions and of people: [`Office::claim_dial`], [`Office::claim_action`] and [`Office::deal`]
    /// give those.
    pub fn claim(&self, kind: &str, key: &str, holder: &str, now: i64, until: Option<i64>) -> Result<Claimed> {
        if matches!(kind, DIAL | ACTION) {
            return Err(Error::Invalid { what: format!("a claim of kind {kind} is asked for with its action") });
        }
        not_of_people(kind)?;
        self.database.write(|tx| take(tx, kind, key, holder, now, until))
    }

    /// Moves the end of a claim. False: it is not this holder's any more.
    ///
    /// # Errors
    /// [`Error::Invalid`] for those of people: who deals with a follow-up deals with it again.
    pub fn prolong(&self, kind: &str, key: &str, holder: &str, until: i64) -> Result<bool> {
        not_of_people(kind)?;
        self.database.write(|tx| Ok(tx.run(sql!("claim_prolong"), args![until, kind, key, holder])? == 1))
    }

    /// Gives a claim back. False: it is not this holder's any more.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the kinds of actions and of people: what became of them is told with [`Office::ended`] and
    /// [`Office::give_back`].
    pub fn release(&self, kind: &str, key: &str, holder: &str) -> Result<bool> {
        if matches!(kind, DIAL | ACTION) {
            return Err(Error::Invalid { what: format!("a claim of kind {kind} ends with its action") });
        }
        not_of_people(kind)?;
        self.database.write(|tx| release(tx, kind, key, holder))
    }

    /// Every claim of a kind.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn claims_of(&self, kind: &str) -> Result<Vec<Claim>> {
        self.database.read(|tx| tx.all(sql!("claims_of"), args![kind], read_claim))
    }
}

/// Who deals with a follow-up is told to the log in the same transaction, which these functions know nothing of.
fn not_of_people(kind: &str) -> Result<()> {
    match kind {
        DEALING => Err(Error::Invalid {
            what: format!("a claim of kind {kind} is a person's: they deal with a follow-up, and give it back"),
        }),
        _ => Ok(()),
    }
}

pub(crate) fn take(tx: &Tx<'_>, kind: &str, key: &str, holder: &str, now: i64, until: Option<i64>) -> Result<Claimed> {
    if tx.one(sql!("claim_take"), args![kind, key, holder, now, until], |_| Ok(()))?.is_some() {
        return Ok(Claimed::Yes);
    }
    match find(tx, kind, key)? {
        Some(claim) => Ok(Claimed::Taken { holder: claim.holder, since: claim.at }),
        None => Err(Error::Invalid { what: format!("the claim {kind} {key} is neither free nor taken") }),
    }
}

pub(crate) fn release(tx: &Tx<'_>, kind: &str, key: &str, holder: &str) -> Result<bool> {
    Ok(tx.run(sql!("claim_release"), args![kind, key, holder])? == 1)
}

pub(crate) fn find(tx: &Tx<'_>, kind: &str, key: &str) -> Result<Option<Claim>> {
    tx.one(sql!("claim"), args![kind, key], read_claim)
}

fn read_claim(row: &Row<'_>) -> Result<Claim> {
    Ok(Claim { kind: row.get(0)?, key: row.get(1)?, holder: row.get(2)?, at: row.get(3)?, until: row.get(4)? })
}

fn is_due(action: &Action, now: i64) -> bool {
    action.status == Status::Due && action.due_at <= now && action.expires_at.is_none_or(|at| at > now)
}

/// Why a number may not be dialed for an action now, and when it may be tried again.
fn forbids(tx: &Tx<'_>, action: &Action, ask: &ClaimDial) -> Result<Option<(String, Option<i64>)>> {
    let tenant = &action.tenant;
    if let Some(name) = &action.follow_up {
        let Some(follow_up) = follow_up(tx, tenant, name)? else {
            return Ok(Some((format!("there is no follow-up `{name}`"), None)));
        };
        if let Some(reason) = follow_up.closed_because() {
            return Ok(Some((reason, None)));
        }
        // Who took it calls: what that person asks for is dialed, what others ask for waits.
        let dealing = find(tx, DEALING, &deal_key(tenant, &follow_up.name))?;
        if let Some(claim) = dealing
            && claim.holder != action.by
            && let Some(until) = claim.until.filter(|until| *until > ask.now)
        {
            return Ok(Some((format!("{} deals with it", claim.holder), Some(until))));
        }
    }
    let (spoken_at, dialed_at) = customer(tx, tenant, &ask.number)?;
    for (done, at) in [("somebody spoke with them", spoken_at), ("they were dialed", dialed_at)] {
        let Some(at) = at else { continue };
        let again_at = at.saturating_add(ask.redial_pause_ms);
        if again_at > ask.now {
            let (ago_s, pause_s) = ((ask.now - at).max(0) / 1000, ask.redial_pause_ms / 1000);
            return Ok(Some((format!("{done} {ago_s} s ago, and redial_pause_s is {pause_s}"), Some(again_at))));
        }
    }
    let dials = tx.one(sql!("attempts_since"), args![tenant, "call_back", ask.now - HOUR_MS], |row| {
        Ok((row.get::<i64>(0)?, row.get::<Option<i64>>(1)?))
    })?;
    if let Some((dials, oldest)) = dials
        && dials >= ask.max_per_hour
    {
        let reason = format!("{dials} dials within an hour, and max_per_hour is {}", ask.max_per_hour);
        return Ok(Some((reason, Some(oldest.unwrap_or(ask.now) + HOUR_MS))));
    }
    Ok(None)
}
