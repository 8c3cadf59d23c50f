//! What earlier readings of a log left behind: facts are deleted, and what nothing concludes any more is told gone.

use std::ops::Range;

use adapters::leg::Moment;

use crate::{MergedRow, ROWS_PER_INSERT_MAX, Stood, Store, StoreError, version, without_places};

/// The tables that one reading of a log fills, the ledger and the batches last: what they account for goes before them.
pub const TABLES_OF_FACTS: [&str; 5] = ["legs", "marks", "rejects", "ledger", "batches"];

impl Store {
    /// Companies with facts of these epochs of a partition.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn tenants_of(&self, topic: &str, partition: u32, epochs: Range<u16>) -> Result<Vec<String>, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/tenants_of.sql")));
        let query = query.param("topic", topic).param("partition", partition);
        query.param("from", epochs.start).param("to", epochs.end).fetch_all().await.map_err(failed)
    }

    /// Deletes what earlier epochs of this log stored in one of [`TABLES_OF_FACTS`]; it is gone when this returns.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn delete_before(&self, table: &str, topic: &str, epoch: u8) -> Result<(), StoreError> {
        let asked = |sql: &str| {
            self.client
                .query(&without_places(&sql.replace("{table}", table)))
                .param("topic", topic)
                .param("epoch", epoch)
        };
        let count: u64 =
            asked(include_str!("../../../sql/store/count_before.sql")).fetch_one().await.map_err(failed)?;
        if count > 0 {
            asked(include_str!("../../../sql/store/delete_before.sql")).execute().await.map_err(failed)?;
        }
        Ok(())
    }

    /// Tells gone what a company's earlier epochs concluded and this one has not, with the lowest version of this epoch: whatever it
    /// concludes later counts. A measure of a window has no name to be told gone, and is deleted.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn retract_before(&self, tenant: &str, epoch: u8) -> Result<(), StoreError> {
        let lowest = version(epoch, i64::MIN, 0);
        let asked =
            |sql: &str| self.client.query(&without_places(sql)).param("tenant", tenant).param("version", lowest);
        let named = |ids: Vec<String>| {
            let row = |id| MergedRow {
                tenant: tenant.to_owned(),
                id,
                merged_into: String::new(),
                version: lowest,
                decided_at: Moment(0),
                stood: Stood::UNKNOWN,
            };
            ids.into_iter().map(row).collect::<Vec<MergedRow>>()
        };
        let follow_ups = asked(include_str!("../../../sql/store/follow_ups_before.sql"));
        let follow_ups: Vec<String> = follow_ups.fetch_all().await.map_err(failed)?;
        for part in named(follow_ups).chunks(ROWS_PER_INSERT_MAX) {
            self.write_merged_follow_ups(part).await?;
        }
        let calls: Vec<String> =
            asked(include_str!("../../../sql/store/calls_before.sql")).fetch_all().await.map_err(failed)?;
        self.write_merged(&named(calls)).await?;
        let windows: u64 =
            asked(include_str!("../../../sql/store/windows_before_count.sql")).fetch_one().await.map_err(failed)?;
        if windows > 0 {
            asked(include_str!("../../../sql/store/windows_before_delete.sql")).execute().await.map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(error: clickhouse::error::Error) -> StoreError {
    StoreError::new("leaving behind what earlier readings of the log stored", error)
}
