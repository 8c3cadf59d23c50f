//! Files that are spooled at once, record by record in the order of their moments: so the log has them as if it had taken each when
//! its exchange wrote it, in whatever order the files were named.

use std::collections::VecDeque;
use std::io::Read;

use adapters::framing::{Cut, Cutter};
use adapters::leg::{Moment, Position};
use adapters::{Adapter, Header, Leg, Legs, Record, Settings, reader};
use anyhow::{Context, Result};

use super::log::{Last, SpooledSource};
use crate::source::clocks::Clock;

/// What is read at once of each file.
const CHUNK_BYTES: usize = 1 << 18;

/// Records that wait for one that tells when they were: of a file that tells no moments, no more are held.
const UNTIMED_MAX: usize = 256;

/// A file to be spooled, from its beginning.
pub(crate) struct Incoming<'i> {
    pub(crate) source: SpooledSource,
    pub(crate) input: Box<dyn Read + 'i>,
    pub(crate) adapter: &'static dyn Adapter,
    pub(crate) settings: Settings,
}

/// A record that was read and waits for its turn.
pub(super) struct Waiting {
    /// Its number in its file, from 1.
    pub(super) number: u64,
    pub(super) byte: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) too_long: Option<u64>,
    /// What it tells itself.
    told: Option<Moment>,
    /// When it was written, as far as is known; of use when `is_timed`.
    pub(super) at: Option<Moment>,
    is_timed: bool,
}

/// Several files, side by side.
pub(super) struct Merged<'i> {
    files: Vec<Reading<'i>>,
    chunk: Vec<u8>,
    out: Legs,
}

struct Reading<'i> {
    incoming: Incoming<'i>,
    /// The last record that is spooled already.
    known: Option<Last>,
    cutter: Cutter,
    records: u64,
    header: Option<Header>,
    clock: Clock,
    waiting: VecDeque<Waiting>,
    has_ended: bool,
}

impl<'i> Merged<'i> {
    /// Each file with the last record of it that is spooled already: what comes up to there is passed over.
    pub(super) fn of(files: Vec<(Incoming<'i>, Option<Last>)>) -> Merged<'i> {
        let reading = |(incoming, known)| Reading {
            incoming,
            known,
            cutter: Cutter::default(),
            records: 0,
            header: None,
            clock: Clock::default(),
            waiting: VecDeque::new(),
            has_ended: false,
        };
        Merged { files: files.into_iter().map(reading).collect(), chunk: vec![0; CHUNK_BYTES], out: Legs::default() }
    }

    /// The record that was written first of those that are left, with the number of its file, from 0. `None`: there is none left.
    /// What tells no moment comes last. `progress` is told how many bytes were read.
    ///
    /// # Errors
    /// A file that cannot be read further.
    pub(super) fn next(&mut self, progress: &mut impl FnMut(u64)) -> Result<Option<(usize, Waiting)>> {
        for file in &mut self.files {
            file.read_on(&mut self.chunk, &mut self.out, progress)?;
        }
        let first = |file: &Reading<'_>| Some(file.waiting.front()?.at.unwrap_or(Moment(i64::MAX)));
        let heads = self.files.iter().enumerate().filter_map(|(index, file)| Some((first(file)?, index)));
        let Some((_, index)) = heads.min() else { return Ok(None) };
        Ok(self.files.get_mut(index).and_then(|file| Some((index, file.waiting.pop_front()?))))
    }
}

impl Reading<'_> {
    /// Reads until it is known when the next record was written, or the file has ended.
    fn read_on(&mut self, chunk: &mut [u8], out: &mut Legs, progress: &mut impl FnMut(u64)) -> Result<()> {
        while !self.has_ended && self.waiting.front().is_none_or(|w| !w.is_timed) {
            let read = self.incoming.input.read(chunk);
            let n = read.with_context(|| format!("{}: reading failed", self.incoming.source.name))?;
            let mut cutter = std::mem::take(&mut self.cutter);
            if n == 0 {
                self.has_ended = true;
                cutter.finish(|cut| self.take(cut, out));
                self.time(self.clock.at().or(self.clock.doubted()));
            } else {
                cutter.push(&chunk[..n], |cut| self.take(cut, out));
            }
            self.cutter = cutter;
            if self.waiting.iter().filter(|w| !w.is_timed).count() > UNTIMED_MAX {
                self.time(self.clock.at());
            }
            progress(n as u64);
        }
        Ok(())
    }

    fn take(&mut self, cut: Cut<'_>, out: &mut Legs) {
        let Incoming { source, adapter, settings, .. } = &self.incoming;
        let position = Position { file: source.number, record: self.records + 1, byte: cut.byte };
        let record =
            Record { bytes: cut.bytes, position, source: &source.identity, header: None, logged_at: self.clock.at() };
        if reader::read(*adapter, settings, &mut self.header, record, cut.too_long, out) != reader::Read::Nothing {
            self.records += 1;
        }
        self.clock.read(&out.legs);
        let told = out.legs.iter().filter_map(|leg: &Leg| leg.ended_at.or(leg.started_at)).max();
        out.legs.clear();
        out.marks.clear();
        out.rejects.clear();
        // The last record may have been the beginning of a line that was still being written: then the whole line comes after it.
        if !self.known.is_some_and(|last| last.has(&cut)) {
            self.waiting.push_back(Waiting {
                number: position.record,
                byte: cut.byte,
                bytes: cut.bytes.to_vec(),
                too_long: cut.too_long,
                told,
                at: None,
                is_timed: false,
            });
        }
        if self.clock.at().is_some() && self.clock.doubted().is_none() {
            self.time(self.clock.at());
        }
    }

    /// Everything that waits was written up to this moment, and none of it after what follows it.
    fn time(&mut self, mut until: Option<Moment>) {
        for waiting in self.waiting.iter_mut().rev().take_while(|w| !w.is_timed) {
            until = until.map(|until| waiting.told.map_or(until, |told| told.min(until)));
            (waiting.at, waiting.is_timed) = (until, true);
        }
    }
}
