//! The proof that nothing is lost or doubled: batches say what was to be stored, the ledger what every insert brought, the tables what is there.
//!
//! Three accounts of the same rows, made at three moments. Whoever changes a table by hand changes one of them.

use clickhouse::Row;
use serde::Deserialize;

use crate::{Store, StoreError, without_places};

/// The tables whose rows a batch promises; a column of `batches` is called like each.
const PROMISED: [&str; 3] = ["legs", "marks", "rejects"];

/// Up to where a partition of the log is stored, by its register, and where it begins and ends, by the broker.
///
/// Positions are not records: a log also gives positions to the marks of transactions, and keeps those of records that are gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEnd {
    /// The log.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// Everything below is stored; what is not below may be on its way, and is not judged. `None`: there is no register, and all that
    /// is stored is judged.
    pub stored_below: Option<u64>,
    /// The first position that the log still has.
    pub first: u64,
    /// The position that the next record will have.
    pub end: u64,
}

/// What batches say was stored of one partition, over all readings of the log.
#[derive(Clone, PartialEq, Eq, Debug, Row, Deserialize)]
pub struct StoredSums {
    /// The log.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// Records that were read.
    pub records: u64,
    /// Rows of `legs`.
    pub legs: u64,
    /// Rows of `marks`.
    pub marks: u64,
    /// Rows of `rejects`.
    pub rejects: u64,
}

/// What does not agree.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Audit {
    /// Rows that were promised and are not there, and records that nothing accounts for.
    pub lost: u64,
    /// Rows that came more often than they were promised.
    pub doubled: u64,
    /// Rows that no batch promises, or that the ledger does not know.
    pub unexplained: u64,
    /// One sentence each.
    pub findings: Vec<String>,
}

impl Audit {
    /// Nothing is lost, doubled or unexplained.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        (self.lost, self.doubled, self.unexplained) == (0, 0, 0)
    }
}

/// How far one partition can be shown to be stored without its register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    /// The last reading of the log that stored anything.
    pub epoch: u8,
    /// Its batches follow each other up to here: the position of the first record that is in none.
    pub next: u64,
    /// Behind the highest position of which the ledger knows a row, 0 if there is none: more than `next` where a batch was not stored
    /// to its end.
    pub stored: u64,
    /// Behind its last batch, 0 if there is none.
    pub batches: u64,
}

/// A batch whose accounts are not equal.
#[derive(Row, Deserialize)]
struct Unequal {
    topic: String,
    partition: u32,
    epoch: u8,
    first: u64,
    next: u64,
    is_overlapped: bool,
    promised: u64,
    rows: u64,
    different: u64,
    accounted: u64,
}

impl Store {
    /// Compares what batches promise, what the ledger accounts for and what the tables have, and that with the log's own ends.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn audit(&self, ends: &[LogEnd]) -> Result<Audit, StoreError> {
        let mut audit = Audit::default();
        for table in PROMISED {
            self.audit_batches(table, ends, &mut audit).await?;
            self.audit_outside(table, ends, &mut audit).await?;
        }
        self.audit_holes(ends, &mut audit).await?;
        self.audit_ends(ends, &mut audit).await?;
        Ok(audit)
    }

    /// What batches say was stored, partition by partition.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn stored_sums(&self) -> Result<Vec<StoredSums>, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/audit_sums.sql")));
        query.fetch_all().await.map_err(failed)
    }

    /// How far a partition is stored, by its facts alone; `None`: nothing of it is.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn reached(&self, topic: &str, partition: u32) -> Result<Option<Reached>, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/repair.sql")));
        let query = query.param("topic", topic).param("partition", partition);
        let found: Option<(u8, u64, u64, u64)> = query.fetch_optional().await.map_err(failed)?;
        Ok(found.map(|(epoch, next, stored, batches)| Reached { epoch, next, stored, batches }))
    }

    async fn audit_batches(&self, table: &str, ends: &[LogEnd], audit: &mut Audit) -> Result<(), StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/audit_batches.sql")));
        let (places, below) = judged(ends);
        let query = query.param("table", table).param("places", places).param("below", below);
        let found: Vec<Unequal> = query.fetch_all().await.map_err(failed)?;
        for batch in found {
            let Unequal { topic, partition, epoch, first, next, is_overlapped, promised, rows, different, accounted } =
                batch;
            // Of positions that two batches promise it cannot be told what each of them meant: what is more than once there came twice.
            let meant = if is_overlapped { different } else { promised };
            let lost = meant.saturating_sub(different);
            let doubled =
                [rows.saturating_sub(different), accounted.saturating_sub(meant), different.saturating_sub(meant)];
            let doubled = doubled.into_iter().max().unwrap_or(0);
            // What never came is not in the ledger either: that is no second finding.
            let unexplained = meant.saturating_sub(accounted).saturating_sub(lost);
            audit.lost += lost;
            audit.doubled += doubled;
            audit.unexplained += unexplained;
            audit.findings.push(format!(
                "{table}: the batch {first}-{next} of {topic}/{partition} (epoch {epoch}) promises {promised} rows; {different} different ones are there, \
                 {rows} with those that are there twice, and the ledger has {accounted}"
            ));
        }
        Ok(())
    }

    async fn audit_outside(&self, table: &str, ends: &[LogEnd], audit: &mut Audit) -> Result<(), StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/audit_outside.sql")));
        let (places, below) = judged(ends);
        let query = query.param("table", table).param("places", places).param("below", below);
        let rows: Vec<(String, u32, u8, u64, u64, u64)> = query.fetch_all().await.map_err(failed)?;
        for (topic, partition, epoch, rows, lowest, highest) in rows {
            audit.unexplained += rows;
            audit.findings.push(format!(
                "{table}: {rows} rows of {topic}/{partition} (epoch {epoch}), positions {lowest} to {highest}, are of no batch"
            ));
        }
        Ok(())
    }

    async fn audit_holes(&self, ends: &[LogEnd], audit: &mut Audit) -> Result<(), StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/audit_holes.sql")));
        let rows: Vec<(String, u32, u8, u64, u64, u64)> = query.fetch_all().await.map_err(failed)?;
        for (topic, partition, epoch, covered, first, next) in rows {
            let of_it = ends.iter().find(|end| end.topic == topic && end.partition == partition);
            let below = of_it.and_then(|end| end.stored_below).unwrap_or(u64::MAX);
            if first > covered {
                // Of batches that are on their way a later one may be stored before an earlier one.
                let first = first.min(below);
                if covered < first {
                    self.missing(&topic, partition, epoch, covered, first, audit).await?;
                }
            } else {
                audit.unexplained += covered.min(next) - first;
                audit.findings.push(format!(
                    "positions {first} to {} of {topic}/{partition} (epoch {epoch}) are in two batches",
                    covered.min(next)
                ));
            }
        }
        Ok(())
    }

    async fn audit_ends(&self, ends: &[LogEnd], audit: &mut Audit) -> Result<(), StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/audit_ends.sql")));
        let rows: Vec<(String, u32, u8, u64, u64)> = query.fetch_all().await.map_err(failed)?;
        for LogEnd { topic, partition, stored_below, first, end } in ends {
            let found = rows.iter().find(|(t, p, ..)| t == topic && p == partition);
            let (epoch, begun, reached) =
                found.map_or((0, None, 0), |(_, _, epoch, begun, r)| (*epoch, Some(*begun), *r));
            // Reading begins with the first record that the log has, and that only moves on.
            if let Some(begun) = begun.filter(|begun| first < begun) {
                self.missing(topic, *partition, epoch, *first, begun, audit).await?;
            }
            let below = stored_below.unwrap_or(0);
            if reached < below {
                self.missing(topic, *partition, epoch, reached, below, audit).await?;
            }
            // A log that is written goes on while the tables are looked at.
            if reached > *end && stored_below.is_none_or(|below| below > *end) {
                audit.unexplained += reached - end;
                audit.findings.push(format!(
                    "batches of {topic}/{partition} (epoch {epoch}) reach to {reached}, and the log ends at {end}: was the topic made anew?"
                ));
            }
        }
        Ok(())
    }

    /// Positions that are in no batch: lost, unless rows say that only the batch's own row is gone.
    async fn missing(
        &self,
        topic: &str,
        partition: u32,
        epoch: u8,
        first: u64,
        next: u64,
        audit: &mut Audit,
    ) -> Result<(), StoreError> {
        let rows = self.count_range(topic, partition, epoch, first, next).await?;
        let is_lost = rows.legs + rows.marks + rows.rejects == 0;
        if is_lost {
            audit.lost += next - first;
        }
        audit.findings.push(format!(
            "positions {first} to {next} of {topic}/{partition} (epoch {epoch}) are in no batch{}",
            if is_lost { ", and nothing of them is stored" } else { ", though rows of them are stored" }
        ));
        Ok(())
    }
}

/// Partitions whose register is known, and up to where each is judged.
fn judged(ends: &[LogEnd]) -> (Vec<String>, Vec<u64>) {
    ends.iter().filter_map(|end| Some((format!("{}/{}", end.topic, end.partition), end.stored_below?))).unzip()
}

fn failed(error: clickhouse::error::Error) -> StoreError {
    StoreError::new("comparing what is stored", error)
}
