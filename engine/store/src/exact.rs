//! Inserts that are stored once however often they are sent, and what a server must be like for that.
//!
//! A block has a token, and goes out with the same bytes and the same settings until the server has answered:
//! it drops what it has already, table partition by table partition.

use std::fmt;

use clickhouse::Client;
use clickhouse::error::Error;

use crate::facts::{Sealed, SealedBlock, TABLES};
use crate::{Store, StoreError, without_places};

/// What every exact insert says, whatever the server's defaults are: under other block settings the same rows are other blocks.
/// [`SETTINGS_VERSION`] counts changes of this list.
pub(crate) static PINNED: &[(&str, &str)] = &[
    // What older servers hear, and what newer ones do: those take no notice of the first.
    ("insert_deduplicate", "1"),
    ("deduplicate_insert", "enable"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    ("async_insert", "0"),
    ("wait_end_of_query", "1"),
    ("max_insert_block_size", "1048576"),
    ("min_insert_block_size_rows", "1048576"),
    ("max_insert_block_size_bytes", "0"),
    ("min_insert_block_size_bytes", "0"),
    ("input_format_parallel_parsing", "0"),
    ("materialized_views_ignore_errors", "0"),
    ("parallel_view_processing", "0"),
    // A batch of old records may reach over many months, each of which is a table partition.
    ("max_partitions_per_insert_block", "0"),
];

/// What a table of facts is made with, so that an answered insert outlives a power cut: settings of the table and not of an insert.
const SYNCED: [&str; 2] = ["fsync_after_insert", "fsync_part_directory"];

/// The version of the pinned settings: what was sent with one is sent again with the same.
pub const SETTINGS_VERSION: u32 = 1;

/// Not a setting of the server's list but of its HTTP interface.
const HTTP_ONLY: [&str; 1] = ["wait_end_of_query"];

/// Blocks that a table of facts remembers at least.
pub const DEDUPLICATION_WINDOW_MIN: u64 = 10_000;

/// Why a block is not known to be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InsertErrorKind {
    /// The server will never take these bytes: nobody but a person can mend it.
    Refused,
    /// No connection: nothing was sent. Send the same again later.
    Away,
    /// It may be stored or not. Send the same again.
    Unknown,
}

/// A block that is not known to be stored.
#[derive(Debug)]
pub struct InsertError {
    /// What is to be done.
    pub kind: InsertErrorKind,
    /// The table.
    pub table: &'static str,
    /// The block's token.
    pub token: String,
    /// The server's own words, or the network's.
    pub text: String,
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            InsertErrorKind::Refused => "was refused and will not be sent again",
            InsertErrorKind::Away => "waits: the server cannot be reached",
            InsertErrorKind::Unknown => "may be stored or not, and is sent again",
        };
        write!(f, "batch {} for the table {} {what}: {}", self.token, self.table, self.text)
    }
}

impl std::error::Error for InsertError {}

/// Codes of the server that mean: not this data, not these tables, not this statement. Each with its name in `ErrorCodes.cpp`.
static REFUSALS: [u32; 29] = [
    6,   // CANNOT_PARSE_TEXT
    8,   // THERE_IS_NO_COLUMN
    9,   // SIZES_OF_COLUMNS_DOESNT_MATCH
    10,  // NOT_FOUND_COLUMN_IN_BLOCK
    16,  // NO_SUCH_COLUMN_IN_TABLE
    20,  // NUMBER_OF_COLUMNS_DOESNT_MATCH
    27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    33,  // CANNOT_READ_ALL_DATA
    36,  // BAD_ARGUMENTS
    43,  // ILLEGAL_TYPE_OF_ARGUMENT
    44,  // ILLEGAL_COLUMN
    47,  // UNKNOWN_IDENTIFIER
    50,  // UNKNOWN_TYPE
    53,  // TYPE_MISMATCH
    60,  // UNKNOWN_TABLE
    62,  // SYNTAX_ERROR
    69,  // ARGUMENT_OUT_OF_BOUND
    70,  // CANNOT_CONVERT_TYPE
    72,  // CANNOT_PARSE_NUMBER
    73,  // UNKNOWN_FORMAT
    81,  // UNKNOWN_DATABASE
    115, // UNKNOWN_SETTING
    117, // INCORRECT_DATA
    128, // TOO_LARGE_ARRAY_SIZE
    131, // TOO_LARGE_STRING_SIZE
    190, // SIZES_OF_ARRAYS_DONT_MATCH
    349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    407, // DECIMAL_OVERFLOW
    469, // VIOLATED_CONSTRAINT
];

/// The number in `Code: N. DB::Exception: …`.
fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

pub(crate) fn kind(error: &Error) -> InsertErrorKind {
    match error {
        Error::Network(inner) => {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&**inner);
            while let Some(error) = cause {
                if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect()) {
                    return InsertErrorKind::Away;
                }
                cause = error.source();
            }
            InsertErrorKind::Unknown
        }
        Error::BadResponse(text) if code(text).is_some_and(|code| REFUSALS.contains(&code)) => InsertErrorKind::Refused,
        _ => InsertErrorKind::Unknown,
    }
}

/// An error and everything that it says it came from.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

/// Rows that the tables of facts have of one range of the log, each row counted once.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RangeRows {
    /// Of `legs`.
    pub legs: u64,
    /// Of `marks`.
    pub marks: u64,
    /// Of `rejects`.
    pub rejects: u64,
    /// Of `batches`: 1 where this very range was stored.
    pub batches: u64,
}

/// How much of a batch is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    /// Every row.
    All,
    /// No row.
    None,
    /// Some: the same block is to be sent again while the server remembers its token.
    Some,
}

impl RangeRows {
    /// What of this batch is among them.
    #[must_use]
    pub fn of(self, batch: &Sealed) -> Stored {
        let found = [self.legs, self.marks, self.rejects, self.batches];
        let wanted: Vec<u64> = TABLES.iter().map(|(table, _)| batch.rows(table)).collect();
        if found == wanted[..] {
            Stored::All
        } else if found == [0; 4] {
            Stored::None
        } else {
            Stored::Some
        }
    }
}

impl Store {
    /// Sends a batch once: every table's block, the batch's own row last. What was there already is dropped by the server.
    ///
    /// # Errors
    /// The first block that is not known to be stored. All of the batch may be sent again, and nothing else instead.
    pub async fn insert_sealed(&self, batch: &Sealed) -> Result<(), InsertError> {
        for block in batch.blocks() {
            let failed = |error: &Error| InsertError {
                kind: kind(error),
                table: block.table,
                token: block.token.clone(),
                text: chain(error),
            };
            let mut client = self.client.clone().with_setting("insert_deduplication_token", &block.token);
            for (name, value) in PINNED {
                client = client.with_setting(*name, *value);
            }
            self.send_packed(&client, block).await.map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    pub(crate) async fn send_packed(&self, client: &Client, block: &SealedBlock) -> Result<(), Error> {
        let client = client.clone().with_setting("decompress", "1");
        crate::send(&client, &self.limits, statement(block.table), block.body.clone()).await
    }

    /// Counts what the tables of facts have of a range of the log.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn count_range(
        &self,
        topic: &str,
        partition: u32,
        epoch: u8,
        first: u64,
        next: u64,
    ) -> Result<RangeRows, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/count_range.sql")));
        let query = query.param("topic", topic).param("partition", partition).param("epoch", epoch);
        let query = query.param("first", first).param("next", next);
        let (legs, marks, rejects, batches) =
            query.fetch_one().await.map_err(|e| StoreError::new("counting the rows of a batch", e))?;
        Ok(RangeRows { legs, marks, rejects, batches })
    }

    /// What of this server and its tables would make exact inserts inexact: one sentence each, none where all is well.
    ///
    /// # Errors
    /// The server's own words, where it cannot be asked.
    pub async fn check_exact(&self) -> Result<Vec<String>, StoreError> {
        let failed = |e| StoreError::new("asking the server for its settings and tables", e);
        let mut findings = Vec::new();
        let names: Vec<&str> = PINNED.iter().map(|(n, _)| *n).filter(|n| !HTTP_ONLY.contains(n)).collect();
        let query = self.client.query(&without_places(include_str!("../../../sql/store/check_settings.sql")));
        let known: Vec<String> = query.param("names", &names).fetch_all().await.map_err(failed)?;
        for name in names.iter().filter(|name| !known.iter().any(|k| k == **name)) {
            findings.push(format!(
                "the server does not know the setting {name}, without which a batch may be stored twice: use a newer server"
            ));
        }

        let query = self.client.query(&without_places(include_str!("../../../sql/store/check_tables.sql")));
        let tables: Vec<(String, String, String)> = query.fetch_all().await.map_err(failed)?;
        for table in TABLES.iter().map(|(table, _)| *table).chain(["ledger"]) {
            let Some((_, engine, made)) = tables.iter().find(|(name, ..)| name == table) else {
                findings.push(format!("there is no table {table}: run `ringback migrate`"));
                continue;
            };
            if !engine.ends_with("MergeTree") {
                findings.push(format!(
                    "{table} has the engine {engine}: exact inserts go to a MergeTree table, not through {engine}"
                ));
                continue;
            }
            let setting = if engine.starts_with("Replicated") || engine.starts_with("Shared") {
                "replicated_deduplication_window"
            } else {
                "non_replicated_deduplication_window"
            };
            let window = setting_of(made, setting);
            for name in SYNCED.iter().filter(|name| setting_of(made, name) != Some(1)) {
                findings.push(format!(
                    "{table} may lose in a power cut what it has answered for: ALTER TABLE {table} MODIFY SETTING {name} = 1"
                ));
            }
            // A replicated table remembers as many by default.
            let is_enough = window.map_or(setting.starts_with("replicated"), |w| w >= DEDUPLICATION_WINDOW_MIN);
            if !is_enough {
                findings.push(format!(
                    "{table} remembers {} blocks, and {DEDUPLICATION_WINDOW_MIN} are needed: ALTER TABLE {table} MODIFY SETTING {setting} = {DEDUPLICATION_WINDOW_MIN}",
                    window.unwrap_or(0)
                ));
            }
        }

        let query = self.client.query(&without_places(include_str!("../../../sql/store/check_columns.sql")));
        let columns: Vec<(String, String, String)> = query.fetch_all().await.map_err(failed)?;
        for (table, described) in TABLES {
            let of_table = || columns.iter().filter(|(t, ..)| t == table);
            for (name, kind) in described {
                match of_table().find(|(_, n, _)| n == name) {
                    None => findings.push(format!("{table} has no column {name}: run `ringback migrate`")),
                    Some((_, _, found)) if bare(found) != *kind => findings.push(format!(
                        "{table}.{name} is {found}, and {kind} is written: what does not fit would be changed silently"
                    )),
                    Some(_) => {}
                }
            }
            for (_, name, _) in of_table().filter(|(_, n, _)| !described.iter().any(|(d, _)| d == n)) {
                findings.push(format!("{table} has a column {name} that is not ours: a value of its own may differ from one insert to the next"));
            }
        }

        let query = self.client.query(&without_places(include_str!("../../../sql/store/check_views.sql")));
        let strangers: Vec<(String, String)> = query.fetch_all().await.map_err(failed)?;
        for (view, table) in strangers {
            findings.push(format!(
                "the materialized view {view} reads {table} and is not ours: where it fails, batches of {table} wait; let it read on a schedule instead"
            ));
        }
        Ok(findings)
    }
}

/// The number that a table has for this setting.
fn setting_of(made: &str, setting: &str) -> Option<u64> {
    let (_, settings) = made.split_once("SETTINGS ")?;
    settings.split(|c: char| c == ',' || c.is_whitespace()).collect::<Vec<_>>().windows(3).find_map(|w| match w {
        [name, "=", value] if *name == setting => value.parse().ok(),
        _ => None,
    })
}

/// A type without what only says how it is kept.
fn bare(kind: &str) -> &str {
    kind.strip_prefix("LowCardinality(").and_then(|k| k.strip_suffix(')')).unwrap_or(kind)
}

fn statement(table: &str) -> String {
    let columns = TABLES.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, columns)| columns);
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!("INSERT INTO {table} ({}) FORMAT Native", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_is_to_be_done() {
        let answer = |text: &str| kind(&Error::BadResponse(text.to_owned()));
        assert_eq!(answer("Code: 117. DB::Exception: Unexpected (INCORRECT_DATA)"), InsertErrorKind::Refused);
        assert_eq!(answer("Code: 252. DB::Exception: Too many parts (TOO_MANY_PARTS)"), InsertErrorKind::Unknown);
        assert_eq!(answer("502 Bad Gateway"), InsertErrorKind::Unknown);
        assert_eq!(kind(&Error::TimedOut), InsertErrorKind::Unknown);
    }

    #[test]
    fn a_setting_is_read_from_how_the_table_was_made() {
        let made = "CREATE TABLE d.t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 8192 COMMENT 'x'";
        assert_eq!(setting_of(made, "non_replicated_deduplication_window"), Some(10_000));
        assert_eq!(setting_of(made, "replicated_deduplication_window"), None);
        assert_eq!(setting_of("CREATE TABLE d.t (a UInt8) ENGINE = Memory", "x"), None);
    }
}
