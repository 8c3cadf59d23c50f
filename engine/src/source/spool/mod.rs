//! The spool: a log of one partition in a folder, for machines without a broker, as a source of the pipeline.
//!
//! Its register is a file beside the log ([`register`]), and whoever holds the log's lock has both for as long as it lives. The wall
//! clock is not the log's: files are read long after they were written, so that the records' own moments are its time ([`incoming`]).
//! Facts depend on the settings. Here the whole log is at hand, so that other settings mean another reading of it, a new epoch
//! ([`epoch`]).

pub(crate) mod epoch;
mod growing;
mod incoming;
mod log;
mod register;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapters::leg::Position;
use anyhow::{Context, Result};
use stream::LogRecord;
use stream::keeper::CommitOutcome;

use super::{Commit, Happened, Partition, Source};
use crate::pipeline::failpoint;
pub(crate) use growing::GrowingLog;
pub(crate) use incoming::Incoming;
pub(crate) use log::{LiveRecord, SpooledSource};
use log::{Log, Records};
use register::RegisterFile;
pub(crate) use register::replace;

/// The only partition.
const PARTITION: u32 = 0;

/// A spool that this process has.
pub(crate) struct Spool {
    pub(crate) log: Arc<GrowingLog>,
    register: RegisterFile,
}

impl Spool {
    /// Opens or begins the spool in this folder.
    ///
    /// # Errors
    /// If another process has it, it is of another version, or the file system refuses.
    pub(crate) fn open(folder: &Path) -> Result<Spool> {
        let log = Arc::new(GrowingLog::of(Log::open(folder)?));
        Ok(Spool { log, register: RegisterFile::beside(folder) })
    }

    /// What the log is called in tokens and tables.
    pub(crate) fn topic(&self) -> String {
        format!("spool-{}", self.log.id())
    }

    /// How far it is, and what its register says.
    ///
    /// # Errors
    /// If the register cannot be read.
    pub(crate) fn partition(&self) -> Result<Partition> {
        let register = self.register.read()?.map(|register| register.text().into_bytes());
        Ok(Partition { number: PARTITION, partitions: 1, register, first: 0, next: self.log.records() })
    }
}

/// A spool whose records are taken.
pub(crate) struct SpoolSource {
    spool: Spool,
    topic: String,
    tenant: String,
    is_assigned: bool,
    is_paused: bool,
    records: Option<Records>,
    /// The sources of records, by their numbers from 1, as far as they occurred.
    sources: Vec<SpooledSource>,
    /// A register was written, and it was not said yet.
    has_committed: bool,
}

impl SpoolSource {
    /// The records of the spool as those of this company.
    pub(crate) fn of(spool: Spool, tenant: &str) -> SpoolSource {
        SpoolSource {
            topic: spool.topic(),
            spool,
            tenant: tenant.to_owned(),
            is_assigned: false,
            is_paused: false,
            records: None,
            sources: Vec::new(),
            has_committed: false,
        }
    }

    /// Gives what is next; how many records there were.
    fn read(&mut self, records_max: usize, tell: &mut dyn FnMut(Happened<'_>)) -> Result<usize> {
        let Some(records) = self.records.as_mut().filter(|_| !self.is_paused) else { return Ok(0) };
        self.spool.log.reach(records);
        for told in 0..records_max {
            let Some((offset, record)) = records.next()? else { return Ok(told) };
            while self.sources.len() < record.source as usize {
                let number = u32::try_from(self.sources.len() + 1).unwrap_or(u32::MAX);
                let source = self.spool.log.source(number).context("a record of the spool is of no source")?;
                self.sources.push(source);
            }
            let source = &self.sources[record.source as usize - 1];
            let record = LogRecord {
                offset,
                logged_at: record.logged_at,
                tenant: &self.tenant,
                pbx: &source.pbx,
                adapter: &source.adapter,
                source: &source.identity,
                position: Position { file: record.source, record: record.number, byte: record.byte },
                bytes: record.bytes,
                too_long: record.too_long,
            };
            tell(Happened::Record { partition: PARTITION, record });
        }
        Ok(records_max)
    }
}

impl Source for SpoolSource {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn poll(&mut self, wait: Duration, records_max: usize, tell: &mut dyn FnMut(Happened<'_>)) -> Result<()> {
        if !self.is_assigned {
            self.is_assigned = true;
            tell(Happened::Assigned(self.spool.partition()?));
            return Ok(());
        }
        let has_committed = std::mem::take(&mut self.has_committed);
        if has_committed {
            tell(Happened::Committed(vec![(PARTITION, CommitOutcome::Stored)]));
        }
        if self.read(records_max, tell)? == 0 && !has_committed {
            match &self.records {
                Some(records) if !self.is_paused && records_max > 0 => self.spool.log.wait(records.position(), wait),
                _ => std::thread::sleep(wait),
            }
        }
        Ok(())
    }

    fn read_from(&mut self, _partition: u32, offset: u64) -> Result<()> {
        self.records = Some(self.spool.log.read(offset)?);
        Ok(())
    }

    fn pause(&mut self, _partition: u32) {
        self.is_paused = true;
    }

    fn resume(&mut self, _partition: u32) {
        self.is_paused = false;
    }

    /// Written at once; it is said by the next poll, as it is by a broker. What could not be written ends the process.
    fn commit(&mut self, commits: &[Commit]) -> Result<()> {
        for commit in commits {
            self.spool.register.write(&commit.text)?;
            failpoint::reach("after_commit");
        }
        self.has_committed = true;
        Ok(())
    }

    fn may_commit(&self) -> bool {
        !self.has_committed
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn next(&self, _partition: u32) -> Option<u64> {
        Some(self.spool.log.records())
    }

    fn has_log_time(&self) -> bool {
        self.spool.log.is_live()
    }

    fn is_complete(&self) -> bool {
        self.spool.log.is_live()
    }

    fn leave(&mut self) {}
}

#[cfg(test)]
mod tests;
