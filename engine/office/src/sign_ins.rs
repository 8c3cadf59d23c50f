//! Sign-ins: what browsers hold. Only a hash of each is here, and failed ones are counted, so that a limit holds across processes.

use crate::logins::{Login, find};
use crate::sqlite::{args, sql};
use crate::{Office, Result};

/// A sign-in that begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSignIn {
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub secret_hash: String,
    /// Of whom.
    pub login: String,
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

/// Failed sign-ins count for so long, in milliseconds.
pub const FAILURES_SPAN_MS: i64 = 15 * 60_000;

/// That somebody looked is written no more often than this, in milliseconds: looking at a page costs no transaction.
const SEEN_EVERY_MS: i64 = 60_000;

impl Office {
    /// Begins a sign-in, and forgets the failed ones of its login. What is old is forgotten too.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sign_in(&self, new: &NewSignIn) -> Result<()> {
        self.database.write(|tx| {
            let args = args![&new.secret_hash, &new.login, new.now, new.ends_at, &new.agent];
            tx.run(sql!("sign_in_add"), args)?;
            tx.run(sql!("login_signed_in"), args![new.now, &new.login])?;
            let of_login = of_login(&new.login);
            let of_address = of_address(&new.address);
            tx.run(sql!("failures_clear"), args![&*of_login])?;
            tx.run(sql!("failure_take_back"), args![&*of_address, new.tried_at])?;
            tx.run(sql!("failures_old"), args![new.now - FAILURES_SPAN_MS])?;
            tx.run(sql!("sign_ins_old"), args![new.now]).map(drop)
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

    /// Takes note of a try at signing in before the password is looked at, if there were not too many failed ones of this login or from
    /// this address. False: there were.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn may_sign_in(&self, login: &str, address: &str, failures_max: i64, now: i64) -> Result<bool> {
        let (login, address) = (of_login(login), of_address(address));
        self.database.write(|tx| {
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

fn of_login(login: &str) -> String {
    format!("login:{login}")
}

fn of_address(address: &str) -> String {
    format!("address:{address}")
}
