//! What `ringback demo` does with its spool, forwards: source -> adapter -> legs -> calls -> store.
//!
//! Memory holds the calls that are open, the missed ones whose follow-up can still change, and one batch of rows:
//! it does not grow with the length of the log. A call is written when it is final and its follow-up is decided; all that is
//! left, when the log ends. If the log goes on later, what is decided anew is a row of a later version, and what turned out
//! to be no call of that name is deleted (see [`Versions`]).

use std::sync::Arc;

use adapters::leg::Moment;
use adapters::reader::Reader;
use adapters::{Ends, Leg, Legs, Reject, Settings};
use anyhow::{Context, Result};
use calls::{CallLine, Calls, Site, Told};
use directory::Directory;
use store::{CallRow, FactsBuilder, From, Place, Store};
use stream::Facts;
use tokio::sync::mpsc::{Sender, channel};

use crate::config::Limits;
use crate::source::Clocks;
use crate::source::spool::{Spool, SpooledSource};
use crate::versions::Versions;

/// Records that are read of one source before the others are looked at.
const RECORDS_PER_TURN_MAX: usize = 256;

/// What the log is called in its facts.
const TOPIC: &str = "spool";

/// What came through.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) records: u64,
    pub(crate) legs: u64,
    pub(crate) rejects: u64,
}

/// Who is shown what comes through, as it does.
pub(crate) trait Watch {
    /// So many records were read, and they told so many legs.
    fn read(&mut self, records: u64, legs: usize);
    /// A call is done.
    fn call(&mut self, line: &CallLine);
}

/// Takes everything that is in the spool to its tables. What is there already is written again and stays one row.
pub(crate) async fn run(
    spool: &Arc<Spool>,
    directory: &Directory,
    store: &Store,
    limits: &Limits,
    watch: &mut impl Watch,
) -> Result<Passed> {
    let sources = spool.sources().iter().map(|s| Sourced::of(s, directory)).collect::<Result<Vec<_>>>()?;
    let sources = Arc::new(sources);
    let ends: Vec<Ends> = sources.iter().map(|s| s.adapter.about().ends).collect();
    let mut calls = Calls::new(Site::new(directory), &ends, sources.len() > 1).whole();
    let mut batch = Batch::new(store, &sources, limits, spool.settings_at());
    let mut passed = Passed::default();
    let turns_ahead = limits.records_ahead_max.get().div_ceil(RECORDS_PER_TURN_MAX);
    let (sender, mut turns) = channel::<Turn>(turns_ahead);
    let reading = tokio::task::spawn_blocking({
        let (spool, sources) = (Arc::clone(spool), Arc::clone(&sources));
        move || read(&spool, &sources, &sender)
    });
    while let Some(turn) = turns.recv().await {
        watch.read(turn.records, turn.legs.len());
        passed.records += turn.records;
        passed.legs += turn.legs.len() as u64;
        passed.rejects += turn.rejects.len() as u64;
        for (leg, _) in &turn.legs {
            calls.push(leg.clone());
        }
        if let Some(clock) = turn.clock {
            calls.advance(clock);
        }
        batch.take(&turn);
        calls.drain(|told| batch.call(told, watch));
        batch.write_if_full().await?;
    }
    reading.await.context("reading the spool stopped")??;
    batch.versions.end();
    calls.finish(|told| batch.call(told, watch));
    batch.write().await?;
    store.forget(directory.tenant(), &batch.versions.gaps()).await?;
    Ok(passed)
}

/// Some records of one source, as its adapter understood them.
#[derive(Default)]
struct Turn {
    source: usize,
    records: u64,
    legs: Vec<(Leg, Place)>,
    rejects: Vec<(Reject, Place)>,
    /// The latest moment at which one of them reached the log.
    logged_at: Moment,
    /// Everything that ended before has been read.
    clock: Option<Moment>,
}

/// Reads all sources side by side and sends what they tell. The order is a function of the log alone.
fn read(spool: &Spool, sources: &[Sourced], sender: &Sender<Turn>) -> Result<()> {
    let mut open: Vec<_> = sources.iter().enumerate().map(|(i, s)| (spool.read(i), s.reader())).collect();
    let mut clocks = Clocks::of(open.len());
    let mut out = Legs::default();
    let mut positions = vec![0u64; open.len()];
    while let Some(source) = clocks.furthest_behind() {
        let (records, reader) = &mut open[source];
        let mut turn = Turn { source, ..Turn::default() };
        let mut is_over = false;
        for _ in 0..RECORDS_PER_TURN_MAX {
            let Some(record) = records.next()? else {
                is_over = true;
                break;
            };
            let at = record.logged_at;
            reader.record(record.bytes, record.byte, record.too_long, Some(at), &mut out);
            turn.records += 1;
            turn.logged_at = turn.logged_at.max(at);
            clocks.read(source, &out.legs);
            // Each source is a partition of its own, so that a place does not depend on how far the others are.
            let (partition, position) = (sources[source].number, positions[source]);
            let place = |part| Place { partition, position, part, logged_at: at, ..Place::default() };
            turn.legs.extend((0..).map(place).zip(out.legs.drain(..)).map(|(place, leg)| (leg, place)));
            turn.rejects.extend((0..).map(place).zip(out.rejects.drain(..)).map(|(place, reject)| (reject, place)));
            positions[source] += 1;
        }
        turn.clock = clocks.all(false);
        if is_over {
            clocks.ended(source);
        }
        sender.blocking_send(turn).context("the pipeline has stopped")?;
    }
    Ok(())
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

/// Rows that wait to be written together.
struct Batch<'s> {
    store: &'s Store,
    sources: &'s [Sourced],
    limits: &'s Limits,
    facts: FactsBuilder,
    legs: usize,
    reject_bytes: usize,
    calls: Vec<CallRow>,
    versions: Versions,
}

impl<'s> Batch<'s> {
    fn new(store: &'s Store, sources: &'s [Sourced], limits: &'s Limits, begins_at: Moment) -> Batch<'s> {
        let versions = Versions::from(begins_at);
        Batch {
            store,
            sources,
            limits,
            facts: FactsBuilder::default(),
            legs: 0,
            reject_bytes: 0,
            calls: Vec::new(),
            versions,
        }
    }

    /// Facts, as they are.
    fn take(&mut self, turn: &Turn) {
        self.versions.read(turn.records, turn.logged_at);
        self.legs += turn.legs.len();
        turn.legs.iter().for_each(|(leg, place)| self.facts.leg(leg, *place));
        let Some(source) = self.sources.get(turn.source) else { return };
        let origin = &source.settings.origin;
        let (tenant, pbx, adapter) = (origin.tenant.as_str(), origin.pbx.as_str(), origin.adapter);
        let from = From { tenant, pbx, adapter, source: source.name.as_bytes() };
        for (reject, place) in &turn.rejects {
            self.reject_bytes += reject.bytes.len();
            self.facts.reject(reject, from, *place);
        }
    }

    /// A conclusion of what was read so far.
    fn call(&mut self, told: Told, watch: &mut impl Watch) {
        // The fold keeps whole lines for us; text is for those that print.
        let Told::Call(line) = told else { return };
        watch.call(&line);
        let customer = line.caller.as_ref().or(line.caller_raw.as_ref()).filter(|raw| !directory::is_withheld(raw));
        let customer = customer.map(ToString::to_string);
        let (version, decided_at) = (self.versions.now(), self.versions.clock());
        let content = calls::content::of(&*line);
        self.calls.push(CallRow { customer, keys: Vec::new(), line: *line, version, content, decided_at });
    }

    async fn write_if_full(&mut self) -> Result<()> {
        let is_full = self.legs >= self.limits.legs_per_batch_max.get()
            || self.calls.len() >= self.limits.calls_per_batch_max.get()
            || self.reject_bytes >= self.limits.reject_bytes_per_batch_max.get();
        if is_full { self.write().await } else { Ok(()) }
    }

    /// Facts first: a call that is there rests on legs that are.
    async fn write(&mut self) -> Result<()> {
        self.store.write_rows(&self.facts.seal_rows(TOPIC)).await?;
        self.store.write_calls(&self.calls).await?;
        self.legs = 0;
        self.reject_bytes = 0;
        self.calls.clear();
        Ok(())
    }
}
