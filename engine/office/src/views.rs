//! Views: filters that people saved, each its owner's, and everybody's of the company where they share it.
//!
//! A view narrows what its viewer may see and never widens it: whose calls somebody sees is decided by their login, not here.

use serde_json::{Value, json};

use crate::changes::note;
use crate::logins::{Login, known};
use crate::sqlite::{Row, Tx, args, sql};
use crate::{Error, Office, Result};

/// A view that is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewView {
    /// Whose; it is of the company of this login.
    pub login: String,
    /// Of which page it is a view, for example `calls`: 1 to 40 characters of `a-z -`.
    pub page: String,
    /// What it is called: 1 to 100 characters, without those around it that cannot be seen.
    pub name: String,
    /// The query of the page's address, without the `?`: at most 4,000 bytes.
    pub query: String,
    /// Everybody of the company finds it.
    pub is_shared: bool,
}

/// A view that somebody saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// Its number in its company.
    pub id: i64,
    /// Whose.
    pub login: String,
    /// Of which page.
    pub page: String,
    /// What it is called.
    pub name: String,
    /// The query of the page's address.
    pub query: String,
    /// Everybody of the company finds it.
    pub is_shared: bool,
    /// Grows with each change.
    pub version: i64,
    /// When it was saved first, in milliseconds.
    pub created_at: i64,
    /// When it was changed last, in milliseconds.
    pub changed_at: i64,
    /// By whom.
    pub changed_by: String,
}

/// What a view is to be from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewChange {
    /// Which one.
    pub id: i64,
    /// As it was read.
    pub version: i64,
    /// What it is called.
    pub name: String,
    /// The query of the page's address.
    pub query: String,
    /// Everybody of the company finds it.
    pub is_shared: bool,
}

/// The counter of a company's views.
const VIEWS: &str = "views";

/// Characters of the name of a page.
const PAGE_CHARS_MAX: usize = 40;
/// Characters of a view's name.
const NAME_CHARS_MAX: usize = 100;
/// Bytes of a view's query: every column named, and a filter of each.
const QUERY_BYTES_MAX: usize = 4000;
/// Views of one login.
const VIEWS_MAX: i64 = 200;
/// Views that one company shares: each of its viewers is shown them all.
const SHARED_MAX: i64 = 500;

impl Office {
    /// Saves a view, and gives its number.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such login, [`Error::Invalid`] for what cannot be saved and where there are too many.
    pub fn view_add(&self, new: &NewView, now: i64) -> Result<i64> {
        let is_of_page = |c: char| c.is_ascii_lowercase() || c == '-';
        if new.page.is_empty() || new.page.len() > PAGE_CHARS_MAX || !new.page.chars().all(is_of_page) {
            let what = format!("`{}` is no page of a view: 1 to {PAGE_CHARS_MAX} characters of a-z -", new.page);
            return Err(Error::Invalid { what });
        }
        let name = checked(&new.name, &new.query)?;
        self.database.write(|tx| {
            let login = known(tx, &new.login)?;
            let tenant = &login.tenant;
            let own: i64 =
                tx.one(sql!("count_views"), args![tenant, &login.login], |row| row.get(0))?.unwrap_or_default();
            if own >= VIEWS_MAX {
                return Err(Error::Invalid { what: format!("{own} views are saved already: delete one first") });
            }
            if new.is_shared {
                may_share(tx, tenant)?;
            }
            let end: i64 = tx.one(sql!("counter"), args![tenant, VIEWS], |row| row.get(0))?.unwrap_or_default();
            let (id, shared) = (end + 1, i64::from(new.is_shared));
            tx.run(sql!("view_add"), args![tenant, id, &login.login, &new.page, name, &new.query, shared, now])?;
            tx.run(sql!("counter_set"), args![id, tenant, VIEWS])?;
            let to = told(name, &new.query, new.is_shared);
            note(tx, tenant, &login.login, "view added", &of(id), &json!({ "to": to }), now)?;
            Ok(id)
        })
    }

    /// The views of a page that a login finds, by their names: its own, and those that its company shares.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such login.
    pub fn views_of(&self, login: &str, page: &str) -> Result<Vec<SavedView>> {
        self.database.read(|tx| {
            let login = known(tx, login)?;
            tx.all(sql!("views_of"), args![&login.tenant, page, &login.login], read)
        })
    }

    /// A view, if this login may see it: its own, a shared one of its company, and an administrator every one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such login.
    pub fn view(&self, login: &str, id: i64) -> Result<Option<SavedView>> {
        self.database.read(|tx| find(tx, &known(tx, login)?, id))
    }

    /// Changes a view: its owner does, and an administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a login or a view that is not there or not seen, [`Error::Forbidden`] if it is somebody else's,
    /// [`Error::Overtaken`] if it was changed since it was read, [`Error::Invalid`] as of [`Office::view_add`].
    pub fn view_change(&self, change: &ViewChange, by: &str, now: i64) -> Result<()> {
        let name = checked(&change.name, &change.query)?;
        self.database.write(|tx| {
            let by = known(tx, by)?;
            let view = changeable(tx, &by, change.id)?;
            if change.is_shared && !view.is_shared {
                may_share(tx, &by.tenant)?;
            }
            let shared = i64::from(change.is_shared);
            let args = args![name, &change.query, shared, now, &by.login, &by.tenant, change.id, change.version];
            if tx.run(sql!("view_change"), args)? == 0 {
                return Err(Error::Overtaken { by: view.changed_by, at: view.changed_at });
            }
            let from = told(&view.name, &view.query, view.is_shared);
            let to = told(name, &change.query, change.is_shared);
            note(tx, &by.tenant, &by.login, "view changed", &of(view.id), &json!({"from": from, "to": to}), now)
        })
    }

    /// Takes a view away: its owner does, and an administrator.
    ///
    /// # Errors
    /// As of [`Office::view_change`].
    pub fn view_delete(&self, id: i64, version: i64, by: &str, now: i64) -> Result<()> {
        self.database.write(|tx| {
            let by = known(tx, by)?;
            let view = changeable(tx, &by, id)?;
            if tx.run(sql!("view_delete"), args![&by.tenant, id, version])? == 0 {
                return Err(Error::Overtaken { by: view.changed_by, at: view.changed_at });
            }
            let from = told(&view.name, &view.query, view.is_shared);
            note(tx, &by.tenant, &by.login, "view deleted", &of(id), &json!({ "from": from }), now)
        })
    }
}

/// How a view is named in the list of changes.
fn of(id: i64) -> String {
    format!("view {id}")
}

/// What a change of a view is told with.
fn told(name: &str, query: &str, is_shared: bool) -> Value {
    json!({"name": name, "query": query, "is_shared": is_shared})
}

/// The name as it is kept.
fn checked<'a>(name: &'a str, query: &str) -> Result<&'a str> {
    let kept = name.trim();
    if kept.is_empty() || kept.chars().count() > NAME_CHARS_MAX || kept.contains(char::is_control) {
        let what = format!("`{kept}` is no name of a view: 1 to {NAME_CHARS_MAX} characters, on one line");
        return Err(Error::Invalid { what });
    }
    if query.len() > QUERY_BYTES_MAX {
        let what = format!("a view's query has {} bytes: at most {QUERY_BYTES_MAX} are kept", query.len());
        return Err(Error::Invalid { what });
    }
    if query.starts_with('?') || query.contains(char::is_control) {
        let what = "a view's query is what follows the `?` of the page's address".to_owned();
        return Err(Error::Invalid { what });
    }
    Ok(kept)
}

fn may_share(tx: &Tx<'_>, tenant: &str) -> Result<()> {
    let shared: i64 = tx.one(sql!("count_views_shared"), args![tenant], |row| row.get(0))?.unwrap_or_default();
    if shared >= SHARED_MAX {
        return Err(Error::Invalid {
            what: format!("{tenant} shares {shared} views already: keep this one to yourself"),
        });
    }
    Ok(())
}

fn find(tx: &Tx<'_>, login: &Login, id: i64) -> Result<Option<SavedView>> {
    let found = tx.one(sql!("view"), args![&login.tenant, id], read)?;
    Ok(found.filter(|view| view.is_shared || may_change(view, login)))
}

fn may_change(view: &SavedView, login: &Login) -> bool {
    view.login == login.login || login.role == "administrator"
}

/// The view that somebody wants to change; what they do not see is not there.
fn changeable(tx: &Tx<'_>, by: &Login, id: i64) -> Result<SavedView> {
    let view = find(tx, by, id)?.ok_or_else(|| Error::NotFound { what: format!("there is no view {id}") })?;
    if !may_change(&view, by) {
        let what = format!("the view `{}` is changed by {}, and by administrators", view.name, view.login);
        return Err(Error::Forbidden { what });
    }
    Ok(view)
}

fn read(row: &Row<'_>) -> Result<SavedView> {
    Ok(SavedView {
        id: row.get(0)?,
        login: row.get(1)?,
        page: row.get(2)?,
        name: row.get(3)?,
        query: row.get(4)?,
        is_shared: row.get::<i64>(5)? != 0,
        version: row.get(6)?,
        created_at: row.get(7)?,
        changed_at: row.get(8)?,
        changed_by: row.get(9)?,
    })
}
