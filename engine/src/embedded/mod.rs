//! A ClickHouse for machines without servers: found or fetched, started as a child process, ended with its parent.
//!
//! The engine itself (libchdb) runs in a process of its own, because it replaces signal handlers that others need and
//! because a crash of the database must leave the rest alive. That process speaks ClickHouse's HTTP interface on
//! loopback, so that whoever asks cannot tell it from a server.
//!
//! ```text
//! this process                          the child (`ringback clickhouse-child`)
//! open ── locate ── fetch               serve ── http ── execute ── ffi ── libchdb
//!      └─ child ──── pipe, kept open ────┘        │        ├─ statement: where do the data begin?
//!            └────── ping, over HTTP ─────────────┘        └─ body, codec: bytes in, bytes out
//! ```
//!
//! What a server has and the engine behind this interface has not: users, roles, row policies and quotas (any name and
//! key are taken), Keeper and replication, `INSERT … SELECT … FROM input()`, external tables in a form, progress
//! headers, and the restriction of `file()` to one folder: whoever may connect to loopback reads with our rights.

mod body;
mod child;
mod codec;
mod exception;
mod execute;
mod fetch;
mod ffi;
mod http;
mod locate;
mod multipart;
mod ping;
mod progress;
mod serve;
mod server;
mod statement;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use child::{Child, Program};
use locate::Found;

pub(crate) use locate::Locate;
pub(crate) use progress::{Progress, for_standard_error};
pub(crate) use serve::{ChildArguments, serve};

/// A database that answers.
pub(crate) struct Database {
    /// Where it answers, as it was given or `http://127.0.0.1:PORT`. A given one may hold a password.
    pub url: String,
    /// Its version; none for an `https` URL, which is not asked here.
    pub version: Option<String>,
    /// A sentence that says which database this is and why this one.
    pub how: String,
    child: Option<Child>,
}

/// Finds a database as `locate` says, starts it over the folder `data` where it has to be started, and waits until it
/// answers.
pub(crate) async fn open(locate: &Locate, data: &Path, progress: Arc<dyn Progress>) -> Result<Database, Error> {
    let (found, how) = locate::find(locate, data, Arc::clone(&progress)).await?;
    progress.step(&format!("database: {how}"));
    let program = match found {
        Found::Url(url) => {
            let version = if url.starts_with("https://") { None } else { Some(ping::version(&url).await?) };
            return Ok(Database { url, version, how, child: None });
        }
        Found::Server(program) => Program::Server(program),
        Found::Library(library) => Program::Library(library),
    };
    let child = Child::start(&program, data, locate, progress.as_ref()).await?;
    Ok(Database { url: child.url.clone(), version: Some(child.version.clone()), how, child: Some(child) })
}

impl Database {
    /// Waits for the database's own end, which is always an error. Never returns for one that was not started here.
    pub(crate) async fn ended(&mut self) -> Error {
        match &mut self.child {
            Some(child) => child.ended().await,
            None => std::future::pending().await,
        }
    }

    /// The port of one that was started here.
    pub(crate) fn port(&self) -> Option<u16> {
        self.child.as_ref().and_then(|child| child.url.rsplit(':').next()?.parse().ok())
    }

    /// Ends a database that was started here; leaves any other alone.
    pub(crate) async fn shutdown(self) -> Result<(), Error> {
        match self.child {
            Some(child) => child.shutdown().await,
            None => Ok(()),
        }
    }
}

/// Why there is no database. Each text says what, where, and what would have worked.
#[derive(Debug)]
pub(crate) enum Error {
    /// None of the places has one; `tried` says what each lacked.
    NotFound { tried: Vec<String> },
    /// `npm` was there and did not give the library.
    Fetch { why: String },
    /// The library came, and is not the one whose sum is known.
    WrongSum { file: PathBuf, expected: String, got: String },
    /// A file or folder on the way.
    File { path: PathBuf, doing: &'static str, source: io::Error },
    /// A URL, path or folder that cannot be right.
    Setting { what: String },
    /// The child process said why it ended.
    Child(String),
    /// The child process could not be started or watched.
    Spawn(io::Error),
    /// The child process said nothing, and was killed.
    Silent { waited_s: u64 },
    /// The child process is gone.
    Ended { status: ExitStatus, last_words: Vec<String> },
    /// Something may be there, and it does not answer.
    NoAnswer { url: String, why: String },
}

/// The ways to a database, in the order in which they are tried.
const WAYS: &str = "any of these would do:\n\
    \x20 1. --clickhouse URL, of a ClickHouse server\n\
    \x20 2. CLICKHOUSE_URL=URL in the environment, or [clickhouse] url in the settings\n\
    \x20 3. the program `clickhouse` on PATH\n\
    \x20 4. RINGBACK_LIBCHDB=FILE, the path of a libchdb.so\n\
    \x20 5. `npm` on PATH, to fetch that library once (178 MB)";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotFound { tried } => write!(f, "no database was found: {}; {WAYS}", tried.join("; ")),
            Error::Fetch { why } => write!(f, "npm could not fetch the database's library: {why}; {WAYS}"),
            Error::WrongSum { file, expected, got } => write!(
                f,
                "`{}` is not the file that this program knows: its sha512 is {got}, and {expected} was expected; \
                 fetch again, or point RINGBACK_LIBCHDB at a libchdb.so that you trust",
                file.display()
            ),
            Error::File { path, doing, source } => write!(f, "cannot {doing} `{}`: {source}", path.display()),
            Error::Setting { what } | Error::Child(what) => f.write_str(what),
            Error::Spawn(source) => write!(f, "cannot run the database's process: {source}"),
            Error::Silent { waited_s } => {
                write!(f, "the database's process said nothing for {waited_s} s and was ended; start it again")
            }
            Error::Ended { status, last_words } => {
                write!(f, "the database's process ended ({status}); what was acknowledged is kept, start it again")?;
                for line in last_words {
                    write!(f, "\n  {line}")?;
                }
                Ok(())
            }
            Error::NoAnswer { url, why } => write!(f, "the database at {url} does not answer: {why}"),
        }
    }
}

impl std::error::Error for Error {}
