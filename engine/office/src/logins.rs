//! Logins: ways to sign in, each with a role and whose calls it may see. What they may do is decided by whoever asks.

use serde_json::{Value, json};

use crate::changes::note;
use crate::sqlite::{Row, Tx, args, sql};
use crate::{Error, Office, Result};

/// A login that is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewLogin {
    /// Its name: 1 to 100 characters of `a-z 0-9 . _ - @ +`.
    pub login: String,
    /// The company.
    pub tenant: String,
    /// `administrator`, `analyst`, `head`, `person`.
    pub role: String,
    /// Who it is in the directory; a head and a person are somebody.
    pub person: Option<String>,
    /// The groups that an analyst is given.
    pub groups: Vec<String>,
    /// In which language its pages are; `None`: the browser's.
    pub language: Option<String>,
    /// Of its password, in the PHC string format; `None`: it cannot sign in by password.
    pub password_hash: Option<String>,
}

/// A login.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub login: String,
    /// The company.
    pub tenant: String,
    /// `administrator`, `analyst`, `head`, `person`.
    pub role: String,
    /// Who it is in the directory.
    pub person: Option<String>,
    /// The groups that an analyst was given.
    pub groups: Vec<String>,
    /// In which language its pages are; `None`: the browser's.
    pub language: Option<String>,
    /// Of its password.
    pub password_hash: Option<String>,
    /// Nobody signs in with it any more.
    pub is_disabled: bool,
    /// Grows with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it was changed last.
    pub changed_at: i64,
    /// By whom.
    pub changed_by: String,
    /// When somebody signed in with it last.
    pub signed_in_at: Option<i64>,
}

/// Whoever writes a login to a log writes no hash.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({} of {}, {}, version {})", self.login, self.tenant, self.role, self.version)
    }
}

/// What a login is to be from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginChange {
    /// Which one.
    pub login: String,
    /// As it was read.
    pub version: i64,
    /// Its role.
    pub role: String,
    /// Who it is.
    pub person: Option<String>,
    /// The groups that it is given.
    pub groups: Vec<String>,
    /// Nobody signs in with it.
    pub is_disabled: bool,
}

/// The roles, of which a login has one.
const ROLES: [&str; 4] = ["administrator", "analyst", "head", "person"];

/// Characters of a login's name.
pub(crate) const NAME_CHARS_MAX: usize = 100;

impl Office {
    /// Makes a login. False: there is one of that name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name or a role that is none, and a head or a person who is nobody.
    pub fn login_add(&self, new: &NewLogin, by: &str, now: i64) -> Result<bool> {
        check(&new.login, &new.role, new.person.as_deref())?;
        let groups = json!(new.groups).to_string();
        self.database.write(|tx| {
            let args = args![
                &new.login,
                &new.tenant,
                &new.role,
                &new.person,
                &*groups,
                &new.language,
                &new.password_hash,
                now,
                by
            ];
            if tx.one(sql!("login_add"), args, |_| Ok(()))?.is_none() {
                return Ok(false);
            }
            let detail = json!({ "to": told(&new.role, new.person.as_deref(), &new.groups, false) });
            note(tx, &new.tenant, by, "login added", &new.login, &detail, now)?;
            Ok(true)
        })
    }

    /// A login by its name.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn login(&self, login: &str) -> Result<Option<Login>> {
        self.database.read(|tx| find(tx, login))
    }

    /// The first login of a person.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn login_of(&self, tenant: &str, person: &str) -> Result<Option<Login>> {
        self.database.read(|tx| tx.one(sql!("login_of_person"), args![tenant, person], read))
    }

    /// The logins of a company, in the order of their names.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn logins(&self, tenant: &str) -> Result<Vec<Login>> {
        self.database.read(|tx| tx.all(sql!("logins"), args![tenant], read))
    }

    /// Changes a login. Its sign-ins end; when it is disabled, its tokens do too.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Overtaken`] if it was changed since it was read, [`Error::Invalid`] as of [`Office::login_add`], and
    /// for what would leave a company without an administrator.
    pub fn login_change(&self, change: &LoginChange, by: &str, now: i64) -> Result<()> {
        check(&change.login, &change.role, change.person.as_deref())?;
        let groups = json!(change.groups).to_string();
        self.database.write(|tx| {
            let login = known(tx, &change.login)?;
            let leads = change.role == "administrator" && !change.is_disabled;
            if login.role == "administrator" && !login.is_disabled && !leads {
                let others: i64 = tx
                    .one(sql!("administrators_else"), args![&login.tenant, &login.login], |row| row.get(0))?
                    .unwrap_or_default();
                if others == 0 {
                    return Err(Error::Invalid {
                        what: format!(
                            "{} is the last administrator of {}: make another one first",
                            login.login, login.tenant
                        ),
                    });
                }
            }
            let disabled = i64::from(change.is_disabled);
            let args = args![&change.role, &change.person, &*groups, disabled, now, by, &change.login, change.version];
            if tx.run(sql!("login_change"), args)? == 0 {
                return Err(Error::Overtaken { by: login.changed_by, at: login.changed_at });
            }
            tx.run(sql!("sign_ins_end"), args![&login.login])?;
            if change.is_disabled {
                tx.run(sql!("tokens_revoke"), args![&login.login])?;
            }
            let from = told(&login.role, login.person.as_deref(), &login.groups, login.is_disabled);
            let to = told(&change.role, change.person.as_deref(), &change.groups, change.is_disabled);
            let detail = json!({"from": from, "to": to});
            note(tx, &login.tenant, by, "login changed", &login.login, &detail, now)
        })
    }

    /// Gives a login another password. Its sign-ins end.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn login_password(&self, login: &str, password_hash: &str, by: &str, now: i64) -> Result<()> {
        self.database.write(|tx| {
            let login = known(tx, login)?;
            tx.run(sql!("login_password"), args![password_hash, now, by, &login.login])?;
            tx.run(sql!("sign_ins_end"), args![&login.login])?;
            note(tx, &login.tenant, by, "password changed", &login.login, &json!({}), now)
        })
    }

    /// In which language its pages are from now on.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn login_language(&self, login: &str, language: &str) -> Result<()> {
        self.database.write(|tx| tx.run(sql!("login_language"), args![language, login]).map(drop))
    }
}

/// What a change of a login is told with: never its password.
fn told(role: &str, person: Option<&str>, groups: &[String], is_disabled: bool) -> Value {
    json!({"role": role, "person": person, "groups": groups, "is_disabled": is_disabled})
}

fn check(login: &str, role: &str, person: Option<&str>) -> Result<()> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_@+".contains(c);
    if login.is_empty() || login.len() > NAME_CHARS_MAX || !login.chars().all(is_of_name) {
        let what = format!("`{login}` is no name of a login: 1 to {NAME_CHARS_MAX} characters of a-z 0-9 . _ - @ +");
        return Err(Error::Invalid { what });
    }
    if !ROLES.contains(&role) {
        return Err(Error::Invalid { what: format!("`{role}` is no role: {}", ROLES.join(", ")) });
    }
    if matches!(role, "head" | "person") && person.is_none() {
        return Err(Error::Invalid {
            what: format!("a login of role {role} is somebody's: say whose, by their id in the site file"),
        });
    }
    Ok(())
}

pub(crate) fn find(tx: &Tx<'_>, login: &str) -> Result<Option<Login>> {
    tx.one(sql!("login"), args![login], read)
}

pub(crate) fn known(tx: &Tx<'_>, login: &str) -> Result<Login> {
    find(tx, login)?.ok_or_else(|| Error::NotFound { what: format!("there is no login `{login}`") })
}

fn read(row: &Row<'_>) -> Result<Login> {
    Ok(Login {
        login: row.get(0)?,
        tenant: row.get(1)?,
        role: row.get(2)?,
        person: row.get(3)?,
        groups: serde_json::from_str(&row.get::<String>(4)?).unwrap_or_default(),
        language: row.get(5)?,
        password_hash: row.get(6)?,
        is_disabled: row.get::<i64>(7)? != 0,
        version: row.get(8)?,
        created_at: row.get(9)?,
        changed_at: row.get(10)?,
        changed_by: row.get(11)?,
        signed_in_at: row.get(12)?,
    })
}
