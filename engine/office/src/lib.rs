//! The transactional store of what is decided once, and of what people made.
//!
//! What the stream tells, what plugins and people ask for, who may do it, and what became of it: each function of [`Office`] is one transaction.
//! Time is an argument, and every wait is short; the functions block, so asynchronous code calls them from threads made for that.

mod actions;
mod changes;
mod claims;
mod counts;
mod dealing;
mod error;
mod fence;
mod logins;
mod outbox;
mod people;
mod plugins;
mod queue;
mod results;
mod schema;
mod sign_ins;
mod sqlite;
mod tell;
mod tokens;
mod views;

pub use actions::{Action, Attempt, Ended, NewAction, Status};
pub use changes::Changed;
pub use claims::{Claim, ClaimDial, Claimed};
pub use counts::{ActionCount, Counts, Prune, Waiting};
pub use dealing::Dealing;
pub use error::{Error, Result};
pub use fence::Owner;
pub use logins::{Login, LoginChange, NewLogin};
pub use outbox::{NewRecord, OutboxRecord};
pub use people::{Message, NewMessage, NewSettlement, NewTag};
pub use plugins::{NewPlugin, Plugin, PluginCounts, PluginState, PluginSwitch};
pub use queue::{Ask, Change, Handled, NewTimer, Outcome, OutcomeStatus, Position, Retry, StoredEvent};
pub use sign_ins::{FAILURES_SPAN_MS, HeldSignIn, NewSignIn, SignIn};
pub use tell::{Event, FollowUp, FollowUpNow, MergedCall, Spoken, TellAnswer, Told};
pub use tokens::{NewToken, Token};
pub use views::{NewView, SavedView, ViewChange};

use std::sync::Arc;

use sqlite::Database;

/// The office: clones share one store, and so do processes of one machine that open the same file.
#[derive(Clone)]
pub struct Office {
    database: Arc<Database>,
}

impl Office {
    /// Opens the store, and makes or completes its tables.
    ///
    /// `url` is `sqlite:PATH`, or `sqlite::memory:` for one that is gone with the last clone.
    /// `busy_ms` is how long, in milliseconds, a transaction waits for those of other processes.
    ///
    /// # Errors
    /// [`Error::Url`] for another kind of store, [`Error::Newer`] and [`Error::Changed`] where the tables are those of another version,
    /// [`Error::Busy`], and [`Error::Database`] where the file cannot be opened or written.
    pub fn open(url: &str, busy_ms: u64) -> Result<Office> {
        let path = url.strip_prefix("sqlite:").filter(|path| !path.is_empty());
        let path = path.ok_or_else(|| Error::Url { url: without_password(url) })?;
        let database = Database::open(path, busy_ms)?;
        schema::apply(&database)?;
        Ok(Office { database: Arc::new(database) })
    }
}

/// The address as it may be shown: what stands between `//` and `@` can be a secret.
fn without_password(url: &str) -> String {
    match (url.find("//"), url.rfind('@')) {
        (Some(from), Some(to)) if from + 2 <= to => format!("{}...{}", &url[..from + 2], &url[to..]),
        _ => url.to_owned(),
    }
}

/// A moment as people and records write it: RFC 3339, UTC, with milliseconds.
fn rfc3339(at: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_millis(at).unwrap_or_default();
    moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
