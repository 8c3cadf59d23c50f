//! What the facts say of a partition whose register is lost, and taking away what no register can explain any more.

use adapters::leg::Moment;

use crate::exact::RangeRows;
use crate::{Store, StoreError, without_places};

/// What takes facts away, the ledger last: an end in the middle is found by the next look.
static FORGET_FROM: [&str; 5] = [
    include_str!("../../../sql/store/forget_from_legs.sql"),
    include_str!("../../../sql/store/forget_from_marks.sql"),
    include_str!("../../../sql/store/forget_from_rejects.sql"),
    include_str!("../../../sql/store/forget_from_batches.sql"),
    include_str!("../../../sql/store/forget_from_ledger.sql"),
];

impl Store {
    /// The log's clock when everything of a partition below this position was stored, as far as facts and conclusions tell; `None`
    /// where nothing of it is stored.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn clock(&self, topic: &str, partition: u32, below: u64) -> Result<Option<Moment>, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/repair_clock.sql")));
        let query = query.param("topic", topic).param("partition", partition).param("below", below);
        let clock_ms: i64 = query.fetch_one().await.map_err(failed)?;
        Ok((clock_ms > 0).then_some(Moment(clock_ms)))
    }

    /// Up to where the batches of earlier epochs than this one reach; 0 if there are none.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn reached_before(&self, topic: &str, partition: u32, epoch: u8) -> Result<u64, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/repair_before.sql")));
        let query = query.param("topic", topic).param("partition", partition).param("epoch", epoch);
        query.fetch_one().await.map_err(failed)
    }

    /// How many rows the tables of facts have of this epoch from a position on, and how many batches.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn rows_from(&self, topic: &str, partition: u32, epoch: u8, from: u64) -> Result<RangeRows, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/repair_rows.sql")));
        let query = query.param("topic", topic).param("partition", partition).param("epoch", epoch).param("from", from);
        let (legs, marks, rejects, batches) = query.fetch_one().await.map_err(failed)?;
        Ok(RangeRows { legs, marks, rejects, batches })
    }

    /// Takes away the facts of this epoch from a position on, so that they are stored again from the log. Only for positions that the
    /// log still has, with all engines stopped, and never under the same epoch again: the server knows their tokens.
    ///
    /// # Errors
    /// The server's own words. What was taken away by then is taken away; it may be asked again.
    pub async fn forget_from(&self, topic: &str, partition: u32, epoch: u8, from: u64) -> Result<(), StoreError> {
        for statement in FORGET_FROM {
            let query = self.client.query(&without_places(statement)).param("topic", topic);
            let query = query.param("partition", partition).param("epoch", epoch).param("from", from);
            let failed = |e| StoreError::new("taking away facts that are to be stored again", e);
            query.execute().await.map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(error: clickhouse::error::Error) -> StoreError {
    StoreError::new("asking how far a partition is stored", error)
}
