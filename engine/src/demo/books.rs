//! Where the records of a demo go: its log, with a source for each who writes.

use std::sync::Arc;

use anyhow::{Result, bail};
use generator::{Row, Shape};
use office::OutboxRecord;

use super::feed::{Fed, Feed};
use crate::acting::Outlet;
use crate::pipeline::now;
use crate::source::spool::{GrowingLog, LiveRecord, SpooledSource};

/// The log, and who writes into it.
#[derive(Clone)]
pub(crate) struct Books {
    pub(crate) log: Arc<GrowingLog>,
    /// The exchanges of the company's days, each with the number of its source.
    played: Vec<(String, u32)>,
    /// The demo's own exchange.
    exchange: u32,
    /// What the engine itself says.
    own: u32,
}

/// Records that are written together.
const AT_ONCE_MAX: usize = 4096;

impl Books {
    /// Opens them: the same sources at each start.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(crate) fn open(log: Arc<GrowingLog>) -> Result<Books> {
        let source = |name: String, adapter: &str, pbx: &str| SpooledSource {
            number: 0,
            identity: name.clone().into_bytes(),
            name,
            adapter: adapter.to_owned(),
            pbx: pbx.to_owned(),
        };
        let pbxes = Shape::pbxes();
        let mut sources: Vec<SpooledSource> =
            pbxes.iter().map(|pbx| source(format!("{}.{}", pbx.id, pbx.adapter), pbx.adapter, &pbx.id)).collect();
        if let Some(first) = pbxes.first() {
            sources.push(source(format!("{}, as it happens", first.id), first.adapter, &first.id));
        }
        sources.push(source("ringback".to_owned(), "ringback", ""));
        let numbers = log.declare(sources)?;
        let [played @ .., exchange, own] = &numbers[..] else { bail!("a company without exchanges") };
        let played = pbxes.iter().zip(played).map(|(pbx, number)| (pbx.id.clone(), *number)).collect();
        Ok(Books { log, played, exchange: *exchange, own: *own })
    }

    /// The exchanges of the company's days, each with the number of its source.
    pub(crate) fn played(&self) -> &[(String, u32)] {
        &self.played
    }

    /// How many records of the company's days are here.
    pub(crate) fn played_records(&self) -> u64 {
        self.played.iter().map(|(_, source)| self.log.records_of(*source)).sum()
    }

    /// How many records the demo's own exchange has written.
    pub(crate) fn exchange_records(&self) -> u64 {
        self.log.records_of(self.exchange)
    }

    /// Passes over what is here already. The moment of the last record; `None`: nothing is here.
    ///
    /// # Errors
    /// If what is here is of another company than the feed.
    pub(crate) fn resume(&self, feed: &mut Feed) -> Result<Option<adapters::leg::Moment>> {
        let Some(last) = feed.skip(self.played_records())? else { return Ok(None) };
        if !self.log.is_last(last.source, &last.bytes) {
            bail!(
                "what is in this folder was made by another version of Ringback, and cannot be gone on with; name another folder with --data"
            );
        }
        Ok(Some(last.at))
    }

    /// Writes records of the company's days. `is_live`: each comes at this moment, else at its own.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(crate) fn put(&self, fed: &[Fed], is_live: bool) -> Result<()> {
        for fed in fed.chunks(AT_ONCE_MAX) {
            let now = now();
            let at = |fed: &Fed| Some(if is_live { now } else { fed.at });
            let records: Vec<_> =
                fed.iter().map(|fed| LiveRecord { source: fed.source, at: at(fed), bytes: &fed.bytes }).collect();
            self.log.put_live(&records, now)?;
        }
        Ok(())
    }

    /// Writes records of a call that is over now.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(crate) fn put_call(&self, rows: &[Row]) -> Result<()> {
        let now = now();
        let (source, at) = (self.exchange, Some(now));
        let records: Vec<_> =
            rows.iter().map(|row| LiveRecord { source, at, bytes: row.bytes.trim_ascii_end() }).collect();
        self.log.put_live(&records, now)
    }
}

impl Outlet for Books {
    /// At the log's own moment: while a day is played, that is not now.
    fn send(&self, records: &[(&OutboxRecord, u32)]) -> Result<()> {
        let (source, at) = (self.own, self.log.is_live().then(now));
        let records: Vec<_> =
            records.iter().map(|(record, _)| LiveRecord { source, at, bytes: record.body.as_bytes() }).collect();
        self.log.put_live(&records, now())
    }
}
