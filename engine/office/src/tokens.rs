//! Tokens: what programs hold. Only a hash of each is here; each has no more power than its login.

use serde_json::{Value, json};

use crate::changes::note;
use crate::logins::{Login, find, known};
use crate::sqlite::{Row, args, sql};
use crate::{Error, Office, Result};

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
    /// What it may do: at least one of `read`, `act`, `admin`.
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
    /// What it may do, of `read`, `act`, `admin`.
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

/// What a token may do, as far as its login may.
const SCOPES: [&str; 3] = ["read", "act", "admin"];

/// Tokens of one login.
const TOKENS_MAX: i64 = 100;

/// Characters of what a token is for.
const NAME_CHARS_MAX: usize = 100;

impl Office {
    /// Makes a token. Those of its login that have ended are forgotten.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such login; [`Error::Invalid`] if it is disabled, if it has too many tokens, and for a name or
    /// scopes that are none.
    pub fn token_add(&self, new: &NewToken, by: &str, now: i64) -> Result<()> {
        let name = checked(new)?;
        let scopes = json!(new.scopes).to_string();
        self.database.write(|tx| {
            let login = known(tx, &new.login)?;
            if login.is_disabled {
                return Err(Error::Invalid {
                    what: format!("the login {} is disabled: nobody may use it", login.login),
                });
            }
            tx.run(sql!("tokens_old"), args![&login.login, now])?;
            let tokens: i64 = tx.one(sql!("count_tokens"), args![&login.login], |row| row.get(0))?.unwrap_or_default();
            if tokens >= TOKENS_MAX {
                return Err(Error::Invalid { what: format!("{} has {tokens} tokens: revoke one first", login.login) });
            }
            let args = args![&new.secret_hash, &new.id, &new.login, name, &*scopes, now, new.ends_at];
            tx.run(sql!("token_add"), args)?;
            let detail = json!({ "to": told(&new.id, name, &new.scopes, new.ends_at) });
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
    /// [`Error::NotFound`] if there is no such login.
    pub fn token_revoke(&self, login: &str, id: &str, by: &str, now: i64) -> Result<bool> {
        self.database.write(|tx| {
            let login = known(tx, login)?;
            let tokens = tx.all(sql!("tokens_of"), args![&login.login], read)?;
            let Some(token) = tokens.iter().find(|token| token.id == id) else { return Ok(false) };
            tx.run(sql!("token_revoke"), args![id, &login.login])?;
            let detail = json!({ "from": told(&token.id, &token.name, &token.scopes, token.ends_at) });
            note(tx, &login.tenant, by, "token revoked", &login.login, &detail, now)?;
            Ok(true)
        })
    }
}

/// What a change of a token is told with: never its secret, nor what is kept of it.
fn told(id: &str, name: &str, scopes: &[String], ends_at: Option<i64>) -> Value {
    json!({"id": id, "name": name, "scopes": scopes, "ends_at": ends_at})
}

/// The name as it is kept.
fn checked(new: &NewToken) -> Result<&str> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
        let what = format!("`{name}` is no name of a token: 1 to {NAME_CHARS_MAX} characters, on one line");
        return Err(Error::Invalid { what });
    }
    match new.scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        Some(scope) => Err(Error::Invalid { what: format!("`{scope}` is no scope: {}", SCOPES.join(", ")) }),
        None if new.scopes.is_empty() => {
            Err(Error::Invalid { what: format!("a token may do something: {}", SCOPES.join(", ")) })
        }
        None => Ok(name),
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
