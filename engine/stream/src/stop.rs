//! Why a partition cannot go on: what was found, and who can mend it how.

use std::fmt;

use crate::register::{FORMAT, Unreadable};

/// A reason to leave a partition alone, or to end the process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The register cannot be read.
    Register(Unreadable),
    /// The tables have rows of this partition, and there is no register that knows of them.
    RegisterLost {
        /// The position after the last stored one.
        stored: u64,
    },
    /// The tables have rows beyond all that the register knows of.
    RegisterBehind {
        /// The position up to which the register knows.
        register: u64,
        /// The position after the last stored one.
        stored: u64,
    },
    /// The register says that more is stored than the tables have.
    StoreBehind {
        /// The position up to which the register says that all is stored.
        register: u64,
        /// The position after the last stored one.
        stored: u64,
    },
    /// The tables were written by a later reading of the log.
    OtherEpoch {
        /// The register's.
        register: u8,
        /// The tables'.
        stored: u8,
    },
    /// Another log has this name now.
    OtherLog {
        /// The position at which it was noticed.
        position: u64,
    },
    /// Records that were not stored yet have been removed from the log.
    Gone {
        /// The first that is missing.
        from: u64,
        /// The first that is there.
        first: u64,
    },
    /// The topic has another number of partitions than when reading began.
    Partitions {
        /// The register's.
        register: u32,
        /// The topic's.
        topic: u32,
    },
    /// A commit was sent, and nobody knows whether it was stored.
    CommitUnknown(String),
    /// A pending batch cannot be formed again as it was.
    Reformed {
        /// Its first position.
        first: u64,
        /// The position after its last.
        next: u64,
        /// What is not as it was.
        what: String,
    },
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const REPAIR: &str =
            "stop all engines of this group, look at what `ringback repair --from-ledger` would do, and let it";
        match self {
            Stop::Register(Unreadable::Empty) => {
                write!(f, "an offset was committed for it by something else, without a register; {REPAIR}")
            }
            Stop::Register(Unreadable::NewerFormat(format)) => write!(
                f,
                "its register has format {format}, and this version knows {FORMAT}: a newer Ringback has it; run that version"
            ),
            Stop::Register(Unreadable::Damaged(what)) => write!(f, "its register cannot be read: {what}; {REPAIR}"),
            Stop::RegisterLost { stored } => {
                write!(f, "the tables have its records up to {stored}, but its register is gone; {REPAIR}")
            }
            Stop::RegisterBehind { register, stored } => write!(
                f,
                "the tables have its records up to {stored}, but its register knows only of those up to {register}: it was reset; {REPAIR}"
            ),
            Stop::StoreBehind { register, stored } => write!(
                f,
                "its register says that the records up to {register} are stored, but the tables have them only up to {stored}: \
                 they were emptied, or `[clickhouse] url` or `database` names another database; restore them, or {REPAIR}"
            ),
            Stop::OtherEpoch { register, stored } => write!(
                f,
                "the tables are of epoch {stored}, its register of epoch {register}: the log was read anew by another engine; {REPAIR}"
            ),
            Stop::OtherLog { position } => write!(
                f,
                "the record before position {position} is not the one that was stored: the topic was deleted and made again; \
                 give the new one another name, or {REPAIR}"
            ),
            Stop::Gone { from, first } => write!(
                f,
                "the records from {from} to {first} were removed from the log before they were stored: they are lost; \
                 to go on without them, {REPAIR}"
            ),
            Stop::Partitions { register, topic } => write!(
                f,
                "the topic has {topic} partitions, and had {register} when reading began: a company's records would be split; \
                 set the number back, or move the records to a topic of another name"
            ),
            Stop::CommitUnknown(why) => write!(
                f,
                "a commit was sent, and it is not known whether it was stored ({why}): ending, so that a new start can look"
            ),
            Stop::Reformed { first, next, what } => {
                write!(f, "the batch from {first} to {next} cannot be formed again as it was: {what}")
            }
        }
    }
}

impl std::error::Error for Stop {}
