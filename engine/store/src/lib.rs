//! The store: ClickHouse. Alone knows `sql/` and the Native format; facts and conclusions go in, rows come out.
//!
//! The floor: ids are deterministic, every table replaces by key and version, views read with FINAL.
//! So whatever is written twice is one row on every view.

mod audit;
pub mod block;
mod column;
mod conclusions;
mod decode;
mod exact;
mod facts;
mod frame;
mod migrate;
mod native;
mod owed;
pub mod period;
mod places;
mod question;
mod repair;
mod rows;
pub mod scope;
mod summary;
mod superseded;
mod told;
pub mod view;
mod viewed;
mod weeks;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clickhouse::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub use audit::{Audit, LogEnd, Reached, StoredSums};
pub use conclusions::{Concluded, Conclusions, Lasted};
pub use decode::{LegCursor, LegsOf, MarksOf, StoredMark};
pub use exact::{DEDUPLICATION_WINDOW_MIN, InsertError, InsertErrorKind, RangeRows, SETTINGS_VERSION, Stored};
pub use facts::{BATCH_ROWS_MAX, Batch, FactsBuilder, From, Mark, Place, Sealed, SealedBlock};
pub use migrate::MIGRATIONS;
pub use rows::{CallRow, FollowUpRow, MergedRow, Stood, WindowRow};
pub use stream::version::version;
pub use summary::{Missed, Sums};
pub use superseded::TABLES_OF_FACTS;
pub use told::ConclusionRows;
pub use viewed::{
    CallPage, Customer, Dashboard, Early, Figure, Funnel, Group, Grouped, JsonRow, Measured, OneCall, Reader,
    ReturnTime, Slot, Source, StateCount, ViewTotal, WorkPage, WorkTotal,
};

use block::Block;
use weeks::Kept;

/// What went wrong, and in which table or file.
#[derive(Debug)]
pub struct StoreError {
    what: String,
    source: Option<clickhouse::error::Error>,
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The server's words are the source: whoever prints the chain prints them once.
        f.write_str(&self.what)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|s| s as &(dyn std::error::Error + 'static))
    }
}

impl StoreError {
    /// The server says that its disk is full.
    #[must_use]
    pub fn is_full_disk(&self) -> bool {
        let words = self.source.as_ref().map(ToString::to_string).unwrap_or_default();
        ["NOT_ENOUGH_SPACE", "No space left", "errno: 28"].iter().any(|full| words.contains(full))
    }

    /// The server will never take this: nobody but a person can mend it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.source.as_ref().is_some_and(|error| exact::kind(error) == InsertErrorKind::Refused)
    }

    fn new(what: impl Into<String>, source: clickhouse::error::Error) -> StoreError {
        StoreError { what: what.into(), source: Some(source) }
    }

    fn plain(what: impl Into<String>) -> StoreError {
        StoreError { what: what.into(), source: None }
    }
}

/// Rows of one insert at most: below the server's own block size, so that it is never cut.
pub const ROWS_PER_INSERT_MAX: usize = 200_000;

/// How often an insert is tried again when the server is away; the rows' ids make it harmless.
const TRIES_MAX: u32 = 5;

/// A database with our tables.
#[derive(Clone)]
pub struct Store {
    client: Client,
    database: String,
    limits: Limits,
    /// Calls are put in the order of time, too.
    places: bool,
    /// What was answered of weeks of calls.
    kept: Arc<Kept>,
}

impl Store {
    /// A store at this URL. Nothing is asked of the server yet.
    #[must_use]
    pub fn at(url: &str, database: &str) -> Store {
        Store::with_limits(url, database, Limits::default())
    }

    /// The same, with other limits.
    #[must_use]
    pub fn with_limits(url: &str, database: &str, limits: Limits) -> Store {
        let kept = Arc::new(Kept::new(weeks::ROWS_MAX));
        Store { client: client(url, database, &limits), database: database.to_owned(), limits, places: true, kept }
    }

    /// The same, which keeps so many rows at most of what was answered of weeks of calls; 0: none, and every question reads all
    /// that it is of.
    /// Behind one address there has to be one server, since what it tells of its parts is taken for what all answers are of.
    #[must_use]
    pub fn keeping(mut self, rows_max: usize) -> Store {
        self.kept = Arc::new(Kept::new(rows_max));
        self
    }

    /// The parts of each week of calls; where a question is of what is owed, too, of that with them.
    async fn parts_of_weeks(&self, with_follow_ups: bool) -> Result<weeks::Parts, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/parts_of_weeks.sql")));
        let found: Vec<(u8, i64, u64)> =
            query.fetch_all().await.map_err(|e| StoreError::new("the parts of calls in the order of time", e))?;
        Ok(weeks::parts(&found, with_follow_ups))
    }

    /// The same, which does not put calls in the order of time: only pages need that, and it costs a database that is busy half of its
    /// time. [`Store::catch_up_with_places`] does it later.
    #[must_use]
    pub fn without_places(mut self) -> Store {
        self.places = false;
        self
    }

    /// Brings the database to this version's tables; twice does no harm. Gives the names of what was applied.
    ///
    /// # Errors
    /// A statement that the server refuses, a file that was changed after it was applied, a database of a newer version.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, StoreError> {
        migrate::run(&self.client, &self.database).await
    }

    /// What of this version's tables and views the database lacks, or has of another version: one sentence each, none where all is well.
    ///
    /// # Errors
    /// The server's own words, where it cannot be asked.
    pub async fn check_schema(&self) -> Result<Vec<String>, StoreError> {
        migrate::check(&self.client, &self.database).await
    }

    /// Writes facts that are of no batch (see [`FactsBuilder::seal_rows`]): the same rows written again stay one on every view.
    ///
    /// # Errors
    /// The server's own words, with the table.
    pub async fn write_rows(&self, rows: &Sealed) -> Result<(), StoreError> {
        for block in rows.blocks() {
            let client = self.client_of_one_insert();
            self.retried(block.table, block.rows, || self.send_packed(&client, block)).await?;
        }
        Ok(())
    }

    /// Writes calls with their offers, visits, verdicts and follow-ups. The calls come last: a reader who sees one sees its parts.
    ///
    /// # Errors
    /// The server's own words, with the table.
    pub async fn write_calls(&self, rows: &[CallRow]) -> Result<(), StoreError> {
        self.write_follow_ups(&rows::follow_ups_of(rows)).await?;
        for part in rows.chunks(ROWS_PER_INSERT_MAX / 8) {
            self.insert("offers", rows::offers(part)).await?;
            self.insert("visits", rows::visits(part)).await?;
            self.insert("verdicts", rows::verdicts(part)).await?;
            if self.places {
                self.place_calls(part).await?;
            }
            self.insert("calls", rows::calls(part)).await?;
        }
        Ok(())
    }

    /// Writes follow-ups.
    ///
    /// # Errors
    /// The server's own words, with the table.
    pub async fn write_follow_ups(&self, rows: &[FollowUpRow]) -> Result<(), StoreError> {
        for part in rows.chunks(ROWS_PER_INSERT_MAX) {
            let written = self.leave_places(part).await?;
            self.insert("follow_ups", rows::follow_ups(&written)).await?;
        }
        Ok(())
    }

    /// Writes measures of windows.
    ///
    /// # Errors
    /// The server's own words, with the table.
    pub async fn write_windows(&self, rows: &[WindowRow]) -> Result<(), StoreError> {
        for part in rows.chunks(ROWS_PER_INSERT_MAX / calls::window::MEASURES_MAX) {
            self.insert("windows", rows::windows(part)).await?;
        }
        Ok(())
    }

    /// Writes that names are no calls any more: no view shows them from then on.
    ///
    /// # Errors
    /// The server's own words, with the table.
    pub async fn write_merged(&self, rows: &[MergedRow]) -> Result<(), StoreError> {
        for part in rows.chunks(ROWS_PER_INSERT_MAX) {
            self.insert("verdicts", rows::merged_verdicts(part)).await?;
            if self.places {
                self.take_places(part).await?;
            }
            self.insert("calls", rows::merged_calls(part)).await?;
        }
        Ok(())
    }

    /// Writes that names are no follow-ups any more: no view shows them from then on.
    ///
    /// # Errors
    /// The server's own words, with the table.
    pub async fn write_merged_follow_ups(&self, rows: &[MergedRow]) -> Result<(), StoreError> {
        for part in rows.chunks(ROWS_PER_INSERT_MAX) {
            let written = self.leave_places_of_merged(part).await?;
            self.insert("follow_ups", rows::merged_follow_ups(&written)).await?;
        }
        Ok(())
    }

    /// Runs a query of ours and gives its rows as lines of JSON.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn json_lines(&self, query: &str) -> Result<String, StoreError> {
        let mut cursor =
            self.client.query(query).fetch_bytes("JSONEachRow").map_err(|e| StoreError::new("query", e))?;
        let bytes = cursor.collect().await.map_err(|e| StoreError::new("query", e))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::plain("query: the answer is not UTF-8"))
    }

    pub(crate) async fn insert(&self, table: &str, block: Block) -> Result<(), StoreError> {
        if block.rows() == 0 {
            return Ok(());
        }
        let statement = format!("INSERT INTO {table} ({}) FORMAT Native", block.names());
        let (rows, bytes) = (block.rows() as u64, Bytes::from(block.sealed()));
        let client = self.client_of_one_insert();
        self.retried(table, rows, || send(&client, &self.limits, statement.clone(), bytes.clone())).await
    }

    /// The same rows may come again after others of their keys, and count then: a server that knows the block would drop it.
    /// A token of its own says that it is another one, in words that every version of the server understands; a retry has the same.
    fn client_of_one_insert(&self) -> Client {
        static INSERTS: AtomicU64 = AtomicU64::new(0);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let token = format!("once/{}/{since}/{}", std::process::id(), INSERTS.fetch_add(1, Ordering::Relaxed));
        // Calls of many months may come at once, each of which is a table partition of the calls in the order of time.
        self.client
            .clone()
            .with_setting("insert_deduplication_token", token)
            .with_setting("max_partitions_per_insert_block", "0")
            // What is new is little, and read as it is: a skip index is made when parts are merged. Made with each insert too, it took
            // a third of what the order of time costs.
            .with_setting("materialize_skip_indexes_on_insert", "0")
    }

    async fn retried<F>(&self, table: &str, rows: u64, send: impl Fn() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), clickhouse::error::Error>>,
    {
        let mut tries = 1;
        loop {
            match send().await {
                Ok(()) => return Ok(()),
                Err(clickhouse::error::Error::Network(_)) if tries < TRIES_MAX => {
                    tokio::time::sleep(std::time::Duration::from_millis(200 << tries)).await;
                    tries += 1;
                }
                Err(error) => return Err(StoreError::new(format!("insert into {table} ({rows} rows)"), error)),
            }
        }
    }
}

async fn send(
    client: &Client,
    limits: &Limits,
    statement: String,
    bytes: Bytes,
) -> Result<(), clickhouse::error::Error> {
    let (send, receive) =
        (Duration::from_millis(limits.send_timeout_ms), Duration::from_millis(limits.receive_timeout_ms));
    let mut insert = client.insert_formatted_with(statement).with_timeouts(Some(send), Some(receive));
    insert.send(bytes).await?;
    insert.end().await
}

/// How long the server is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Until a connection is there, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Until a part of a request is taken, in milliseconds.
    pub send_timeout_ms: u64,
    /// Until an insert is answered, or the next part of an answer comes, in milliseconds.
    pub receive_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connect_timeout_ms: 3_000, send_timeout_ms: 60_000, receive_timeout_ms: 60_000 }
    }
}

/// A client that does not wait for ever for a connection.
fn client(url: &str, database: &str, limits: &Limits) -> Client {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(Duration::from_millis(limits.connect_timeout_ms)));
    connector.set_keepalive(Some(KEEPALIVE));
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .build(connector);
    // Pinned on every insert, so that a server's own defaults change nothing (design section 5).
    Client::with_http_client(http)
        .with_url(url)
        .with_database(database)
        .with_compression(clickhouse::Compression::None)
        .with_setting("async_insert", "0")
        .with_setting("wait_end_of_query", "1")
        .with_setting("input_format_parallel_parsing", "0")
        .with_setting("materialized_views_ignore_errors", "0")
}

/// The server closes idle connections after three seconds by default: ours are closed before.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(2);
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The client takes `?` as a place for a value; our statements have parameters with names.
fn without_places(statement: &str) -> String {
    statement.replace('?', "??")
}
