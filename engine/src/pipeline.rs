//! The pipeline, forwards, on one screen: source -> adapter -> legs -> calls -> store.

use std::collections::HashMap;
use std::sync::Arc;

use adapters::leg::Moment;
use adapters::reader::Reader;
use adapters::{Ends, Legs, Settings};
use anyhow::{Context, Result};
use calls::{CallLine, Calls, Site, Told};
use directory::Directory;
use store::{CallRow, LegRow, RejectRow, Store};

use crate::source::spool::{Entry, Spool, SpooledSource};

/// Legs that wait to be written together.
const LEGS_PER_BATCH_MAX: usize = 100_000;

/// Records that are read before the fold asks for them.
const RECORDS_AHEAD_MAX: usize = 4096;

/// What came through.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) records: u64,
    pub(crate) legs: u64,
    pub(crate) rejects: u64,
    pub(crate) calls: Vec<CallLine>,
}

/// Takes everything that is in the spool to its tables. What is there already is written again and stays one row.
pub(crate) async fn run(spool: &Arc<Spool>, directory: &Directory, store: &Store) -> Result<Passed> {
    let adapters = spool.sources().iter().map(|s| Sourced::of(s, directory)).collect::<Result<Vec<_>>>()?;
    let ends: Vec<Ends> = adapters.iter().map(|s| s.adapter.about().ends).collect();
    let mut readers: HashMap<u32, Reader<'_>> = adapters.iter().map(|s| (s.number, s.reader())).collect();
    let mut calls = Calls::new(Site::new(directory), &ends, adapters.len() > 1).whole();
    let mut batch = Batch::new(store, &adapters);
    let mut passed = Passed::default();
    let (sender, mut records) = tokio::sync::mpsc::channel::<Record>(RECORDS_AHEAD_MAX);
    let from = Arc::clone(spool);
    let reading = tokio::task::spawn_blocking(move || from.each(|entry| send(&sender, &entry)));
    let mut out = Legs::default();
    while let Some(record) = records.recv().await {
        let Some(reader) = readers.get_mut(&record.source) else { continue };
        reader.record(&record.bytes, record.byte, record.too_long, Some(record.logged_at), &mut out);
        passed.records += 1;
        passed.legs += out.legs.len() as u64;
        passed.rejects += out.rejects.len() as u64;
        for leg in &out.legs {
            calls.push(leg.clone());
        }
        batch.add(&mut out, &record).await?;
    }
    reading.await.context("reading the spool stopped")??;
    batch.write().await?;
    calls.finish(|told| {
        if let Told::Call(line) = told {
            passed.calls.push(*line);
        }
    });
    store.write_calls(&batch.rows(&passed.calls)).await?;
    Ok(passed)
}

/// A record on its way.
struct Record {
    source: u32,
    byte: u64,
    logged_at: Moment,
    bytes: Vec<u8>,
    too_long: Option<u64>,
}

fn send(sender: &tokio::sync::mpsc::Sender<Record>, entry: &Entry<'_>) -> Result<()> {
    let Entry::Record { source, byte, logged_at, bytes, too_long } = entry else { return Ok(()) };
    let (source, byte, logged_at, too_long) = (*source, *byte, *logged_at, *too_long);
    sender
        .blocking_send(Record { source, byte, logged_at, bytes: bytes.to_vec(), too_long })
        .context("the pipeline has stopped")
}

/// A source with what reads it.
struct Sourced {
    number: u32,
    name: String,
    identity: Vec<u8>,
    adapter: &'static dyn adapters::Adapter,
    settings: Settings,
}

impl Sourced {
    fn of(source: &SpooledSource, directory: &Directory) -> Result<Sourced> {
        let adapter = adapters::pbx::named(&source.adapter).with_context(|| {
            format!(
                "{}: was spooled for the adapter `{}`, which this version does not have",
                source.name, source.adapter
            )
        })?;
        let settings = calls::settings::settings(directory, &source.pbx, adapter.about().name);
        Ok(Sourced {
            number: source.number,
            name: source.name.clone(),
            identity: source.identity.clone(),
            adapter,
            settings,
        })
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(self.adapter, &self.settings, &self.identity, self.number)
    }
}

/// Facts that wait to be written.
struct Batch<'s> {
    store: &'s Store,
    sources: &'s [Sourced],
    legs: Vec<LegRow>,
    rejects: Vec<RejectRow>,
    clock: Moment,
    position: u64,
}

impl<'s> Batch<'s> {
    fn new(store: &'s Store, sources: &'s [Sourced]) -> Batch<'s> {
        Batch { store, sources, legs: Vec::new(), rejects: Vec::new(), clock: Moment(0), position: 0 }
    }

    async fn add(&mut self, out: &mut Legs, record: &Record) -> Result<()> {
        self.clock = self.clock.max(record.logged_at);
        self.position += 1;
        let logged_at = record.logged_at;
        self.legs.extend(out.legs.drain(..).map(|leg| LegRow { leg, logged_at }));
        if let Some(source) = self.sources.iter().find(|s| s.number == record.source) {
            let origin = &source.settings.origin;
            self.rejects.extend(out.rejects.drain(..).map(|reject| RejectRow {
                reject,
                tenant: origin.tenant.to_string(),
                pbx: origin.pbx.to_string(),
                adapter: origin.adapter,
                source: source.name.clone(),
                logged_at,
            }));
        }
        if self.legs.len() >= LEGS_PER_BATCH_MAX { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<()> {
        self.store.write_legs(&self.legs).await?;
        self.store.write_rejects(&self.rejects).await?;
        self.legs.clear();
        self.rejects.clear();
        Ok(())
    }

    /// Conclusions of what was read so far: the version is the log's time and position, so that a repeat of the same log is the same version.
    fn rows(&self, lines: &[CallLine]) -> Vec<CallRow> {
        let version = store::version(0, self.clock.0, self.position);
        let row = |line: &CallLine| {
            let customer = line.caller.as_ref().or(line.caller_raw.as_ref()).filter(|raw| !directory::is_withheld(raw));
            CallRow { customer: customer.map(ToString::to_string), line: line.clone(), version, decided_at: self.clock }
        };
        lines.iter().map(row).collect()
    }
}
