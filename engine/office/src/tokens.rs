//! Tokens: what programs hold. Only a hash of each is here; each has no more power than its login.

use serde_json::json;

use crate::changes::note;
use crate::logins::{Login, find, known};
use crate::sqlite::{Row, args, sql};
use crate::{Office, Result};

/// A token that is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewToken {
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub secret_hash: String,
    /// What it is known by.
    pub id: String,
    /// Whose.
    pub login: String,
    /// What it is for, in its owner's words.
    pub name: String,
    /// `read`, `act`.
    pub scopes: Vec<String>,
    /// When it ends, in milliseconds; `None`: when it is revoked.
    pub ends_at: Option<i64>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is known by.
    pub id: String,
    /// Whose.
    pub login: String,
    /// What it is for.
    pub name: String,
    /// `read`, `act`.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it ends.
    pub ends_at: Option<i64>,
    /// When it was used last, to the minute.
    pub used_at: Option<i64>,
}

/// That it was used is written no more often than this, in milliseconds.
const USED_EVERY_MS: i64 = 60_000;

impl Office {
    /// Makes a token.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if there is no such login.
    pub fn token_add(&self, new: &NewToken, by: &str, now: i64) -> Result<()> {
        let scopes = json!(new.scopes).to_string();
        self.database.write(|tx| {
            let login = known(tx, &new.login)?;
            let args = args![&new.secret_hash, &new.id, &new.login, &new.name, &*scopes, now, new.ends_at];
            tx.run(sql!("token_add"), args)?;
            let detail = json!({"id": new.id, "name": new.name, "scopes": new.scopes, "ends_at": new.ends_at});
            note(tx, &login.tenant, by, "token added", &new.login, &detail, now)
        })
    }

    /// Whose token this is, with its login as it is now; `None`: nobody's, or it has ended.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn token_of(&self, secret_hash: &str, now: i64) -> Result<Option<(Token, Login)>> {
        let found = self.database.read(|tx| {
            let Some(token) = tx.one(sql!("token"), args![secret_hash], read)? else { return Ok(None) };
            if token.ends_at.is_some_and(|ends_at| now >= ends_at) {
                return Ok(None);
            }
            let login = find(tx, &token.login)?.filter(|login| !login.is_disabled);
            Ok(login.map(|login| (token, login)))
        })?;
        if let Some((token, _)) = &found
            && token.used_at.is_none_or(|used_at| now - used_at >= USED_EVERY_MS)
        {
            self.database.write(|tx| tx.run(sql!("token_used"), args![now, secret_hash]))?;
        }
        Ok(found)
    }

    /// The tokens of a login, the oldest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn tokens_of(&self, login: &str) -> Result<Vec<Token>> {
        self.database.read(|tx| tx.all(sql!("tokens_of"), args![login], read))
    }

    /// Ends a token at once. False: the login has none of this id.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if there is no such login.
    pub fn token_revoke(&self, login: &str, id: &str, by: &str, now: i64) -> Result<bool> {
        self.database.write(|tx| {
            let login = known(tx, login)?;
            if tx.run(sql!("token_revoke"), args![id, &login.login])? == 0 {
                return Ok(false);
            }
            note(tx, &login.tenant, by, "token revoked", &login.login, &json!({"id": id}), now)?;
            Ok(true)
        })
    }
}

fn read(row: &Row<'_>) -> Result<Token> {
    Ok(Token {
        id: row.get(0)?,
        login: row.get(1)?,
        name: row.get(2)?,
        scopes: serde_json::from_str(&row.get::<String>(3)?).unwrap_or_default(),
        created_at: row.get(4)?,
        ends_at: row.get(5)?,
        used_at: row.get(6)?,
    })
}
