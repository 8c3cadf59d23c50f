//! SQLite: the only module that knows it.
//!
//! One connection writes, a few read; whoever writes holds the store's only lock from the first statement to the commit, so that what a
//! transaction reads is true until it is committed.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, TransactionBehavior};

use crate::{Error, Result};

/// Connections for reading that are kept open; more are opened while more threads read.
const READERS_MAX: usize = 4;
/// Prepared statements that each connection keeps: more than there are files in `sql/office`.
const PREPARED_MAX: usize = 160;
/// A transaction that could not begin is tried again after so long, in milliseconds, until `busy_ms` are over.
const RETRY_MS: u64 = 2;

/// A statement of `sql/office`, by the name of its file.
#[derive(Clone, Copy)]
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// The statement of a file in `sql/office`.
macro_rules! sql {
    ($name:literal) => {
        $crate::sqlite::Statement {
            name: $name,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/office/", $name, ".sql")),
        }
    };
}
pub(crate) use sql;

/// The arguments of a statement, `$1` first.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::sqlite::Value::from($value)),*] };
}
pub(crate) use args;

/// An argument.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Value::Null, Value::Int)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        value.map_or(Value::Null, Value::Text)
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(value: &'a Option<String>) -> Self {
        value.as_deref().map_or(Value::Null, Value::Text)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
        }))
    }
}

/// What a statement answered.
pub(crate) struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
    of: Statement,
}

impl Row<'_> {
    /// The column at `index`, from 0: `i64`, `String`, or an `Option` of one.
    pub(crate) fn get<T: rusqlite::types::FromSql>(&self, index: usize) -> Result<T> {
        self.row.get(index).map_err(|e| failed(self.of.name, e))
    }
}

/// What reads and writes: a transaction, or a connection that only reads.
pub(crate) struct Tx<'c> {
    connection: &'c Connection,
}

impl Tx<'_> {
    /// How many rows were changed.
    pub(crate) fn run(&self, statement: Statement, args: &[Value<'_>]) -> Result<usize> {
        let run = || self.connection.prepare_cached(statement.text)?.execute(rusqlite::params_from_iter(args));
        run().map_err(|e| failed(statement.name, e))
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        statement: Statement,
        args: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let wrong = |e| failed(statement.name, e);
        let mut prepared = self.connection.prepare_cached(statement.text).map_err(wrong)?;
        let mut rows = prepared.query(rusqlite::params_from_iter(args)).map_err(wrong)?;
        match rows.next().map_err(wrong)? {
            Some(row) => read(&Row { row, of: statement }).map(Some),
            None => Ok(None),
        }
    }

    /// Every row.
    pub(crate) fn all<T>(
        &self,
        statement: Statement,
        args: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let wrong = |e| failed(statement.name, e);
        let mut prepared = self.connection.prepare_cached(statement.text).map_err(wrong)?;
        let mut rows = prepared.query(rusqlite::params_from_iter(args)).map_err(wrong)?;
        let mut answer = Vec::new();
        while let Some(row) = rows.next().map_err(wrong)? {
            answer.push(read(&Row { row, of: statement })?);
        }
        Ok(answer)
    }

    /// A statement that has no file: one of `sql/office/schema`, by its name.
    pub(crate) fn apply(&self, name: &str, text: &str) -> Result<()> {
        self.connection.execute_batch(text).map_err(|e| failed(name, e))
    }
}

/// The connections to one store.
pub(crate) struct Database {
    path: String,
    busy_ms: u64,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Database {
    pub(crate) fn open(path: &str, busy_ms: u64) -> Result<Database> {
        create_private(path)?;
        let writer = connect(path, busy_ms, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let database =
            Database { path: path.to_owned(), busy_ms, writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) };
        database.make_durable()?;
        Ok(database)
    }

    /// One transaction: it is committed if `work` succeeds, and leaves nothing behind otherwise.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let mut writer = held(&self.writer);
        let began = Instant::now();
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| self.busy_or_failed("begin", e, began))?;
        let answer = work(&Tx { connection: &transaction })?;
        transaction.commit().map_err(|e| self.busy_or_failed("commit", e, began))?;
        Ok(answer)
    }

    /// Reads one state of the store; what `work` reads in several statements is of one moment.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        if self.is_in_memory() {
            return work(&Tx { connection: &held(&self.writer) });
        }
        let kept = held(&self.readers).pop();
        let mut reader = match kept {
            Some(reader) => reader,
            None => connect(&self.path, self.busy_ms, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let began = Instant::now();
        let transaction = reader.transaction().map_err(|e| self.busy_or_failed("begin to read", e, began))?;
        let answer = work(&Tx { connection: &transaction });
        let ended = transaction.rollback();
        let mut readers = held(&self.readers);
        if ended.is_ok() && readers.len() < READERS_MAX {
            readers.push(reader);
        }
        answer
    }

    /// Write-ahead log, and a commit is answered only when it is on the disk.
    fn make_durable(&self) -> Result<()> {
        let writer = held(&self.writer);
        let began = Instant::now();
        // Changing the mode does not wait for others on every path, so it is tried again until the time is over.
        loop {
            match writer.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)) {
                Ok(mode) if mode == "wal" || self.is_in_memory() => break,
                Ok(mode) => {
                    return Err(Error::Database {
                        doing: format!("open {}", self.path),
                        source: format!(
                            "its file system allows the journal mode {mode} only: put the file on a local disk"
                        )
                        .into(),
                    });
                }
                Err(e) if is_busy(&e) && began.elapsed() < Duration::from_millis(self.busy_ms) => {
                    std::thread::sleep(Duration::from_millis(RETRY_MS));
                }
                Err(e) => return Err(self.busy_or_failed("open", e, began)),
            }
        }
        let full = writer.pragma_update(None, "synchronous", "full");
        full.map_err(|e| failed("open", e))
    }

    fn is_in_memory(&self) -> bool {
        self.path == ":memory:"
    }

    fn busy_or_failed(&self, doing: &str, error: rusqlite::Error, began: Instant) -> Error {
        if is_busy(&error) {
            let waited_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            return Error::Busy { doing: doing.to_owned(), waited_ms };
        }
        failed(&format!("{doing} {}", self.path), error)
    }
}

fn connect(path: &str, busy_ms: u64, flags: OpenFlags) -> Result<Connection> {
    // Connections are behind mutexes, so SQLite's own are not needed.
    let connection = Connection::open_with_flags(Path::new(path), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|e| failed(&format!("open {path}"), e))?;
    connection.busy_timeout(Duration::from_millis(busy_ms)).map_err(|e| failed("open", e))?;
    connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
    Ok(connection)
}

/// Customers' numbers are in it, so nobody else on the machine reads it; SQLite gives the files beside it the same mode.
fn create_private(path: &str) -> Result<()> {
    if path == ":memory:" {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::Database { doing: format!("create {path}"), source: Box::new(e) })
        }
        _ => Ok(()),
    }
}

/// A thread that panicked left no transaction behind, so what it held may be used.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn failed(doing: &str, error: rusqlite::Error) -> Error {
    if is_busy(&error) {
        return Error::Busy { doing: doing.to_owned(), waited_ms: 0 };
    }
    Error::Database { doing: doing.to_owned(), source: Box::new(error) }
}
