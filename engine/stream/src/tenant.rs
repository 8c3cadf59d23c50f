//! A company's part of a partition: its records to legs, its legs to conclusions.

use std::collections::BTreeMap;

use adapters::leg::{Moment, Position, Text};
use adapters::line::word;
use adapters::reader::{self, Read};
use adapters::{Adapter, Header, Legs, Reject, Settings};
use calls::live::Live;
use calls::window::Kept;
use calls::{Site, Windows, live};
use directory::{Directory, SiteError};
use rustc_hash::FxHashMap;

use crate::facts::{Counts, Facts, From, Mark, Place};
use crate::record::LogRecord;

/// The companies whose records may come, by the key of their records.
#[derive(Default)]
pub struct Tenants {
    companies: BTreeMap<Text, Directory>,
}

impl Tenants {
    /// One company.
    ///
    /// # Errors
    /// As of [`Tenants::add`].
    pub fn of(directory: Directory) -> Result<Tenants, SiteError> {
        let mut tenants = Tenants::default();
        tenants.add(directory)?;
        Ok(tenants)
    }

    /// Adds a company; one of the same name is replaced.
    ///
    /// # Errors
    /// A limit on a measure that there is not.
    pub fn add(&mut self, directory: Directory) -> Result<(), SiteError> {
        Windows::new(Kept::default(), &directory)?;
        self.companies.insert(directory.tenant().into(), directory);
        Ok(())
    }

    /// The company of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Directory> {
        self.companies.get(name)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Directory> {
        self.companies.values()
    }

    /// Their names, for whoever wrote another one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.companies.keys().map(Text::as_str)
    }
}

/// One company's records, legs and conclusions.
pub(crate) struct Company<'d> {
    directory: &'d Directory,
    readings: Vec<Reading>,
    pub(crate) live: Live<'d>,
}

/// How the records of one exchange in one format are read.
struct Reading {
    pbx: Text,
    adapter: &'static dyn Adapter,
    settings: Settings,
    /// By file or collector: the column names that stood before its records.
    headers: FxHashMap<Vec<u8>, Headed>,
}

/// The column names of a source, and how many such lines it has had: they are not counted as records.
#[derive(Default)]
struct Headed {
    header: Option<Header>,
    lines: u64,
}

impl<'d> Company<'d> {
    pub(crate) fn new(directory: &'d Directory, several_sources: bool, limits: live::Limits) -> Company<'d> {
        let mut live = Live::new(Site::new(directory), several_sources, limits);
        if let Ok(windows) = Windows::new(Kept::default(), directory) {
            live = live.counted(windows);
        }
        Company { directory, readings: Vec::new(), live }
    }

    /// The reading for these records; or what is wrong with their names.
    fn reading(&mut self, pbx: &str, adapter: &str) -> Result<usize, String> {
        let known = self.readings.iter().position(|r| r.pbx == pbx && r.adapter.about().name == adapter);
        if let Some(at) = known {
            return Ok(at);
        }
        let Some(read_by) = adapters::pbx::named(adapter) else {
            return Err(format!("no adapter is called `{adapter}`: `ringback adapters` lists them"));
        };
        // What the engine writes itself is of no exchange.
        let is_ours = read_by.about().name == OURS;
        if self.directory.pbx(pbx).is_none() && !self.directory.is_guessed() && !is_ours {
            let known: Vec<&str> = self.directory.pbx_ids().collect();
            return Err(format!("the site file has no [[pbx]] with the id `{pbx}`; it has {}", known.join(", ")));
        }
        let settings = calls::settings::settings(self.directory, pbx, read_by.about().name);
        self.readings.push(Reading { pbx: pbx.into(), adapter: read_by, settings, headers: FxHashMap::default() });
        Ok(self.readings.len() - 1)
    }

    /// Notes the column names that stood before a source's records, as they were stored; `lines` such lines stood there so far.
    pub(crate) fn header(&mut self, pbx: &str, adapter: &str, source: &[u8], line: &[u8], lines: u64) {
        let Ok(at) = self.reading(pbx, adapter) else { return };
        let Some(reading) = self.readings.get_mut(at) else { return };
        let headed = reading.headers.entry(source.to_vec()).or_default();
        if let Some(told) = reading.adapter.header(line, &reading.settings) {
            told.take(&mut headed.header);
        }
        headed.lines = headed.lines.max(lines);
    }

    /// Takes a record that told something and is no leg, as it was stored.
    pub(crate) fn stored_mark(&mut self, pbx: &str, adapter: &str, value: &[u8], logged_at: Moment) {
        let Ok(at) = self.reading(pbx, adapter) else { return };
        let Some(reading) = self.readings.get(at) else { return };
        let (position, mut out) = (Position::default(), Legs::default());
        let record = adapters::Record { bytes: value, position, source: b"", header: None, logged_at: Some(logged_at) };
        reader::read(reading.adapter, &reading.settings, &mut None, record, None, &mut out);
        out.marks.iter().for_each(|mark| self.live.mark(mark, logged_at));
    }

    /// Reads a record: its rows go to `facts`, its legs and marks to the fold.
    pub(crate) fn record<F: Facts>(
        &mut self,
        record: &LogRecord<'_>,
        place: Place,
        out: &mut Legs,
        facts: &mut F,
        counts: &mut Counts,
    ) {
        let at = match self.reading(record.pbx, record.adapter) {
            Ok(at) => at,
            Err(what) => return refuse(record, what, place, facts, counts),
        };
        let Some(reading) = self.readings.get_mut(at) else { return };
        let mut none = Headed::default();
        let headed = reading.headers.get_mut(record.source).unwrap_or(&mut none);
        let mut position = record.position;
        position.record = position.record.saturating_sub(headed.lines);
        let read = reader::read(
            reading.adapter,
            &reading.settings,
            &mut headed.header,
            adapters::Record {
                bytes: record.bytes,
                position,
                source: record.source,
                header: None,
                logged_at: Some(record.logged_at),
            },
            record.too_long,
            out,
        );
        if read == Read::Header {
            headed.lines += 1;
            let lines = headed.lines.to_string();
            if none.lines > 0 {
                reading.headers.insert(record.source.to_vec(), none);
            }
            let mark = Mark {
                tenant: record.tenant,
                pbx: record.pbx,
                adapter: record.adapter,
                kind: "header",
                subject: &lines,
                source: record.source,
                value: record.bytes,
            };
            facts.mark(mark, place);
            counts.marks += 1;
            counts.headers += 1;
        }
        for (mark, part) in out.marks.drain(..).zip(0..) {
            let kind = word(mark.kind);
            let fact = Mark {
                tenant: record.tenant,
                pbx: record.pbx,
                adapter: record.adapter,
                kind: &kind,
                subject: mark.follow_up.as_deref().unwrap_or_default(),
                source: record.source,
                value: record.bytes,
            };
            facts.mark(fact, Place { part, ..place });
            counts.marks += 1;
            self.live.mark(&mark, record.logged_at);
        }
        for (reject, part) in out.rejects.drain(..).zip(0..) {
            facts.reject(&reject, of(record), Place { part, ..place });
            counts.rejects += 1;
        }
        for (leg, part) in out.legs.drain(..).zip(0..) {
            facts.leg(&leg, Place { part, ..place });
            counts.legs += 1;
            self.live.push(leg, record.logged_at, record.offset);
        }
    }
}

/// The adapter of the engine's own records.
pub const OURS: &str = "ringback";

fn of<'a>(record: &LogRecord<'a>) -> From<'a> {
    From { tenant: record.tenant, pbx: record.pbx, adapter: record.adapter, source: record.source }
}

/// A record that nobody can read, as a whole.
pub(crate) fn refuse<F: Facts>(record: &LogRecord<'_>, what: String, place: Place, facts: &mut F, counts: &mut Counts) {
    facts.reject(&Reject::new(record.position, record.bytes, what), of(record), place);
    counts.rejects += 1;
}

/// Where a record stands that came with nothing else: its number is that of its place in the partition, from 1.
#[must_use]
pub fn position(offset: u64, byte: u64) -> Position {
    Position { file: 0, record: offset + 1, byte }
}
