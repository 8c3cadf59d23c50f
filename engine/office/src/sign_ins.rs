//! Sign-ins: what browsers hold. Only a hash of each is here, and failed ones are counted, so that a limit holds across processes.

use serde_json::json;

use crate::changes::note;
use crate::logins::{Login, NAME_CHARS_MAX, find, known};
use crate::sqlite::{args, sql};
use crate::{Office, Result};

/// A sign-in that begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSignIn {
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub secret_hash: String,
    /// Of whom.
    pub login: String,
    /// The version of the login whose password was looked at.
    pub login_version: i64,
    /// When, in milliseconds.
    pub now: i64,
    /// When it ends at the latest.
    pub ends_at: i64,
    /// What the browser says of itself.
    pub agent: String,
    /// Where it came from, as [`Office::may_sign_in`] was told.
    pub address: String,
    /// When [`Office::may_sign_in`] was asked: that try has not failed.
    pub tried_at: i64,
}

/// A sign-in, with its login as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Of whom.
    pub login: Login,
    /// When it began.
    pub began_at: i64,
    /// When it ends at the latest.
    pub ends_at: i64,
}

/// A sign-in as the list of a login has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSignIn {
    /// By which it is ended with [`Office::sign_out`].
    pub secret_hash: String,
    /// When it began, in milliseconds.
    pub began_at: i64,
    /// When somebody looked last, to the minute.
    pub seen_at: i64,
    /// When it ends at the latest.
    pub ends_at: i64,
    /// What the browser said of itself.
    pub agent: String,
}

/// Failed sign-ins count for so long, in milliseconds.
pub const FAILURES_SPAN_MS: i64 = 15 * 60_000;

/// That somebody looked is written no more often than this, in milliseconds: looking at a page costs no transaction.
const SEEN_EVERY_MS: i64 = 60_000;

/// Sign-ins of one login: of more, those end that nobody looked through for longest.
const SIGN_INS_MAX: i64 = 100;

impl Office {
    /// Begins a sign-in, and forgets the failed ones of its login. What is old is forgotten too. False: the login is disabled, or it was
    /// changed since its password was looked at, which takes a while.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sign_in(&self, new: &NewSignIn) -> Result<bool> {
        self.database.write(|tx| {
            let is_as_seen = |login: &Login| !login.is_disabled && login.version == new.login_version;
            if find(tx, &new.login)?.filter(is_as_seen).is_none() {
                return Ok(false);
            }
            let args = args![&new.secret_hash, &new.login, new.now, new.ends_at, &new.agent];
            tx.run(sql!("sign_in_add"), args)?;
            tx.run(sql!("sign_ins_keep"), args![&new.login, SIGN_INS_MAX])?;
            tx.run(sql!("login_signed_in"), args![new.now, &new.login])?;
            let of_login = of_login(&new.login);
            let of_address = of_address(&new.address);
            tx.run(sql!("failures_clear"), args![&*of_login])?;
            tx.run(sql!("failure_take_back"), args![&*of_address, new.tried_at])?;
            tx.run(sql!("sign_ins_old"), args![new.now])?;
            Ok(true)
        })
    }

    /// The sign-ins of a login that have not ended by their time, the one seen last first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sign_ins_of(&self, login: &str, now: i64) -> Result<Vec<HeldSignIn>> {
        self.database.read(|tx| {
            tx.all(sql!("sign_ins_of"), args![login, now], |row| {
                Ok(HeldSignIn {
                    secret_hash: row.get(0)?,
                    began_at: row.get(1)?,
                    seen_at: row.get(2)?,
                    ends_at: row.get(3)?,
                    agent: row.get(4)?,
                })
            })
        })
    }

    /// Whose sign-in this is; `None`: nobody's, or it has ended.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sign_in_of(&self, secret_hash: &str, now: i64, idle_max_ms: i64) -> Result<Option<SignIn>> {
        let found = self.database.read(|tx| {
            let row = tx.one(sql!("sign_in"), args![secret_hash], |row| {
                Ok((row.get::<String>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?, row.get::<i64>(3)?))
            })?;
            let Some((login, began_at, seen_at, ends_at)) = row else { return Ok(None) };
            if now >= ends_at || now.saturating_sub(seen_at) >= idle_max_ms {
                return Ok(None);
            }
            let login = find(tx, &login)?.filter(|login| !login.is_disabled);
            Ok(login.map(|login| (SignIn { login, began_at, ends_at }, seen_at)))
        })?;
        let Some((sign_in, seen_at)) = found else { return Ok(None) };
        if now - seen_at >= SEEN_EVERY_MS {
            self.database.write(|tx| tx.run(sql!("sign_in_seen"), args![now, secret_hash]))?;
        }
        Ok(Some(sign_in))
    }

    /// Ends a sign-in.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sign_out(&self, secret_hash: &str) -> Result<()> {
        self.database.write(|tx| tx.run(sql!("sign_in_end"), args![secret_hash]).map(drop))
    }

    /// Ends all sign-ins of a login.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sign_out_all(&self, login: &str) -> Result<()> {
        self.database.write(|tx| tx.run(sql!("sign_ins_end"), args![login]).map(drop))
    }

    /// Ends all sign-ins of somebody else's login, which stands in the list of changes.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if there is no such login.
    pub fn end_sign_ins(&self, login: &str, by: &str, now: i64) -> Result<usize> {
        self.database.write(|tx| {
            let login = known(tx, login)?;
            let ended = tx.run(sql!("sign_ins_end"), args![&login.login])?;
            note(
                tx,
                &login.tenant,
                by,
                "sign-ins ended",
                &login.login,
                &json!({ "from": { "sign_ins": ended } }),
                now,
            )?;
            Ok(ended)
        })
    }

    /// Takes note of a try at signing in before the password is looked at, if there were not too many failed ones of this login or from
    /// this address. False: there were.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn may_sign_in(&self, login: &str, address: &str, failures_max: i64, now: i64) -> Result<bool> {
        let (login, address) = (of_login(login), of_address(address));
        self.database.write(|tx| {
            // Nobody need ever succeed: what only failed is forgotten too.
            tx.run(sql!("failures_old"), args![now - FAILURES_SPAN_MS])?;
            for whom in [&login, &address] {
                let args = args![whom, now - FAILURES_SPAN_MS];
                let failed: i64 = tx.one(sql!("failures_since"), args, |row| row.get(0))?.unwrap_or_default();
                if failed >= failures_max {
                    return Ok(false);
                }
            }
            // It counts as failed until it has not: many tries at once have no more chances than many in a row.
            for whom in [&login, &address] {
                tx.run(sql!("failure_add"), args![whom, now])?;
            }
            Ok(true)
        })
    }
}

/// What is longer than any name is nobody's, and kept no longer than one.
fn of_login(login: &str) -> String {
    let name: String = login.chars().take(NAME_CHARS_MAX + 1).collect();
    format!("login:{name}")
}

fn of_address(address: &str) -> String {
    format!("address:{address}")
}
