//! A log that grows while it is read: whoever has records appends them, and the source hears of it.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapters::leg::Moment;
use anyhow::Result;

use super::incoming::Incoming;
use super::log::{LiveRecord, Log, Records, SpooledSource};

/// A log that several have in this process, and no other process has.
pub(crate) struct GrowingLog {
    log: Mutex<Log>,
    has_grown: Condvar,
    /// Everything that exchanges have to tell is here or comes at its moment: the wall clock is the log's clock.
    is_live: AtomicBool,
}

impl GrowingLog {
    pub(super) fn of(log: Log) -> GrowingLog {
        GrowingLog { log: Mutex::new(log), has_grown: Condvar::new(), is_live: AtomicBool::new(false) }
    }

    fn held(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As of [`Log::lock`].
    pub(crate) fn lock(&self) -> Arc<File> {
        self.held().lock()
    }

    /// As of [`Log::id`].
    pub(crate) fn id(&self) -> String {
        self.held().id().to_owned()
    }

    /// As of [`Log::source`].
    pub(crate) fn source(&self, number: u32) -> Option<SpooledSource> {
        self.held().source(number).cloned()
    }

    /// As of [`Log::has_several_sources`].
    pub(crate) fn has_several_sources(&self) -> bool {
        self.held().has_several_sources()
    }

    /// As of [`Log::records`].
    pub(crate) fn records(&self) -> u64 {
        self.held().records()
    }

    /// As of [`Log::records_of`].
    pub(crate) fn records_of(&self, source: u32) -> u64 {
        self.held().records_of(source)
    }

    /// As of [`Log::is_last`].
    pub(crate) fn is_last(&self, source: u32, bytes: &[u8]) -> bool {
        self.held().is_last(source, bytes)
    }

    /// As of [`Log::identity`].
    pub(crate) fn identity(&self, source: &SpooledSource, file: Option<&File>) -> Vec<u8> {
        self.held().identity(source, file)
    }

    /// As of [`Log::append`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn append(&self, files: Vec<Incoming<'_>>, now: Moment, progress: impl FnMut(u64)) -> Result<Vec<u64>> {
        self.held().append(files, now, progress)
    }

    /// As of [`Log::declare`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn declare(&self, sources: Vec<SpooledSource>) -> Result<Vec<u32>> {
        self.held().declare(sources)
    }

    /// As of [`Log::put_live`]; whoever waits for records is woken.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn put_live(&self, records: &[LiveRecord<'_>], now: Moment) -> Result<()> {
        self.held().put_live(records, now)?;
        self.has_grown.notify_all();
        Ok(())
    }

    /// As of [`Log::read`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn read(&self, position: u64) -> Result<Records> {
        self.held().read(position)
    }

    /// Lets these records go on to what is the end now.
    pub(super) fn reach(&self, records: &mut Records) {
        records.reach(self.held().end());
    }

    /// Waits at most so long for the log to have more records than this.
    pub(super) fn wait(&self, records: u64, at_most: Duration) {
        let waited = self.has_grown.wait_timeout_while(self.held(), at_most, |log| log.records() <= records);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// From now on what comes, comes at its moment.
    pub(crate) fn go_live(&self) {
        self.is_live.store(true, Ordering::Relaxed);
    }

    /// [`GrowingLog::go_live`] was called.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live.load(Ordering::Relaxed)
    }
}
