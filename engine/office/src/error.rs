//! What can go wrong with the office, in sentences that say who can mend it.

use std::fmt;

use crate::Owner;

/// What the functions of the office return.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug)]
pub enum Error {
    /// No store that this version knows.
    Url {
        /// As given, without a password.
        url: String,
    },
    /// The tables are of a newer version.
    Newer {
        /// The file of the schema that this version does not have.
        name: String,
    },
    /// The tables are not those of the file that this version has.
    Changed {
        /// The file of the schema.
        name: String,
    },
    /// Somebody took the partition over: whoever gets this must write nothing more and end.
    Replaced {
        /// Of the log.
        topic: String,
        /// Of the log.
        partition: u32,
        /// Who wanted to write.
        owner: Owner,
        /// Who is there.
        by: Owner,
    },
    /// Other processes did not let a transaction through in time: nothing was written, and it may be tried again.
    Busy {
        /// What was being done.
        doing: String,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// What was named is not there.
    NotFound {
        /// In words.
        what: String,
    },
    /// What was given makes no sense, whatever is stored.
    Invalid {
        /// In words.
        what: String,
    },
    /// It is there and seen, and not theirs to change.
    Forbidden {
        /// In words.
        what: String,
    },
    /// Somebody changed it meanwhile: whoever gets this shows what is there now, and asks again.
    Overtaken {
        /// Who.
        by: String,
        /// When, in milliseconds.
        at: i64,
    },
    /// The database refused, or its file could not be read or written.
    Database {
        /// What was being done.
        doing: String,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Url { url } => {
                write!(f, "no office at `{url}`: write url = \"sqlite:PATH\" under [office] in engine.toml")
            }
            Error::Newer { name } => write!(
                f,
                "the office has {name}, which this version does not know: it is of a newer version; run that one"
            ),
            Error::Changed { name } => {
                write!(f, "{name} is not the one that was applied to the office: run the version that applied it")
            }
            Error::Replaced { topic, partition, owner, by } => write!(
                f,
                "another process has {topic}/{partition} (epoch {}, versions from {}; ours: epoch {}, versions from {}): \
                 end this process, the other one goes on",
                by.epoch, by.versions, owner.epoch, owner.versions
            ),
            Error::Busy { doing, waited_ms } => write!(
                f,
                "the office was busy for {waited_ms} ms ({doing}): another process writes or stands still while it \
                 writes; nothing was written, try again"
            ),
            Error::Overtaken { by, at } => write!(f, "changed by {by} at {}: look at it again", crate::rfc3339(*at)),
            Error::NotFound { what } | Error::Invalid { what } | Error::Forbidden { what } => f.write_str(what),
            Error::Database { doing, source } => write!(f, "the office failed ({doing}): {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Database { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
