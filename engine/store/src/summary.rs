//! What is shown at the end of a reading: a few sums, and the latest missed calls.

use adapters::leg::Moment;

use crate::{Store, StoreError, without_places};

/// Sums over one log and its company.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sums {
    /// Records that were read.
    pub records: u64,
    /// Records, or parts of one, that were not understood.
    pub rejects: u64,
    /// Calls.
    pub calls: u64,
    /// Of these, from outside.
    pub inbound: u64,
    /// Of these, missed.
    pub missed: u64,
    /// Of these, still owed a call back.
    pub waiting: u64,
}

/// A missed call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missed {
    /// When it began.
    pub started_at: Moment,
    /// Who called, as far as is known.
    pub caller: Option<String>,
    /// Who was called: the first target, else the digits.
    pub called: Option<String>,
    /// How long the caller waited, in milliseconds.
    pub wait_ms: Option<i64>,
    /// Why it was missed.
    pub reason: Option<String>,
    /// What became of the follow-up.
    pub follow_up: Option<String>,
}

impl Store {
    /// The sums of a log and its company.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn sums(&self, topic: &str, tenant: &str) -> Result<Sums, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/sums.sql")));
        let (records, rejects, calls, inbound, missed, waiting) =
            query.param("topic", topic).param("tenant", tenant).fetch_one().await.map_err(failed)?;
        Ok(Sums { records, rejects, calls, inbound, missed, waiting })
    }

    /// A number that changes with each insert into what pages show, and with nothing else.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn inserted(&self) -> Result<u64, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/inserted.sql")));
        let error = |error| StoreError::new("asking for what is new", error);
        query.fetch_one().await.map_err(error)
    }

    /// The latest missed calls of a company, at most so many, the latest first.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn missed_latest(&self, tenant: &str, max: u64) -> Result<Vec<Missed>, StoreError> {
        type Found = (i64, Option<String>, Option<String>, Option<i64>, Option<String>, Option<String>);
        let query = self.client.query(&without_places(include_str!("../../../sql/store/missed_latest.sql")));
        let rows: Vec<Found> = query.param("tenant", tenant).param("max", max).fetch_all().await.map_err(failed)?;
        let missed = |(started_at, caller, called, wait_ms, reason, follow_up)| Missed {
            started_at: Moment(started_at),
            caller,
            called,
            wait_ms,
            reason,
            follow_up,
        };
        Ok(rows.into_iter().map(missed).collect())
    }
}

fn failed(error: clickhouse::error::Error) -> StoreError {
    StoreError::new("summing up what is stored", error)
}
