//! The log: one file that only grows. Appends are synced before anybody is told; a torn tail is cut; one process has it at a time.
//!
//! The file begins with a mark and a random id. Then frames: length (u32), checksum (u32), and the payload, whose first byte is its kind:
//! a source (JSON), a record (source, its number and offset there, log time, bytes), or the beginning of a record that was too long (with
//! its whole length). The position of a record is its number among the records of the log, from 0.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::framing::{Cut, RECORD_BYTES_MAX};
use adapters::leg::Moment;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::incoming::{Incoming, Merged, Waiting};

const MARK: &[u8; 8] = b"RBSPOOL2";
const HEAD_BYTES: u64 = 24;
const KIND_SOURCE: u8 = 0;
const KIND_RECORD: u8 = 1;
const KIND_TOO_LONG: u8 = 2;

/// Kind, source, number, offset, log time, whole length.
const RECORD_HEAD_BYTES: usize = 37;

/// A frame longer than this is not one: what stands there is a torn tail.
const FRAME_BYTES_MAX: u32 = RECORD_BYTES_MAX as u32 + 4096;

/// The place of every such record is remembered, so that reading can begin anywhere.
const RECORDS_PER_PLACE: u64 = 1024;

/// What is read at once, of the log that is read back and of the one that is opened.
const READ_BYTES: usize = 1 << 20;

/// Who wrote a run of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpooledSource {
    /// Number in this spool, from 1.
    pub(crate) number: u32,
    /// As the user named it.
    pub(crate) name: String,
    /// What makes two files one: see [`crate::input::Source::identity`].
    pub(crate) identity: Vec<u8>,
    /// Who reads it.
    pub(crate) adapter: String,
    /// Which exchange wrote it.
    pub(crate) pbx: String,
}

/// A record that stands in the log.
pub(crate) struct SpooledRecord<'s> {
    /// Number of its source, from 1.
    pub(crate) source: u32,
    /// Its number in its source, from 1, lines with column names counted.
    pub(crate) number: u64,
    /// Its offset in its source.
    pub(crate) byte: u64,
    /// When it reached the log, by the log's clock.
    pub(crate) logged_at: Moment,
    /// Its bytes.
    pub(crate) bytes: &'s [u8],
    /// Its whole length, if it was too long to be one.
    pub(crate) too_long: Option<u64>,
}

/// A record that comes by itself, and not in a file.
pub(crate) struct LiveRecord<'r> {
    /// Number of its source, from 1.
    pub(crate) source: u32,
    /// When it reaches the log; `None`: at the log's own moment, whatever that is.
    pub(crate) at: Option<Moment>,
    /// Its bytes, without the end of its line.
    pub(crate) bytes: &'r [u8],
}

/// A log that this process has.
pub(crate) struct Log {
    path: PathBuf,
    file: Arc<File>,
    id: String,
    end: u64,
    sources: Vec<SpooledSource>,
    /// The last record of each source, and how many it has.
    last: Vec<Option<Last>>,
    counts: Vec<u64>,
    records: u64,
    /// Where the first of every [`RECORDS_PER_PLACE`] records begins.
    places: Vec<u64>,
    last_at: Moment,
}

/// The last record of a source.
#[derive(Clone, Copy)]
pub(super) struct Last {
    byte: u64,
    length: u64,
    sum: u32,
}

impl Log {
    /// Opens or begins the log in this folder, and cuts a torn tail.
    ///
    /// # Errors
    /// If another process has it, it is of another version, or the file system refuses.
    pub(crate) fn open(folder: &Path) -> Result<Log> {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made a folder", folder.display()))?;
        let path = folder.join("records.spool");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("{}: cannot be opened for writing", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{}: another process has this spool; stop it, or name another folder with --data", path.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{}: cannot be locked", path.display()));
            }
        }
        if file.metadata()?.len() < HEAD_BYTES {
            begin(&mut file, folder).with_context(|| format!("{}: writing failed", path.display()))?;
        }
        let mut head = [0; HEAD_BYTES as usize];
        file.read_exact_at(&mut head, 0)?;
        let (mark, id) = head.split_at(MARK.len());
        if mark != MARK {
            bail!("{}: is no spool of this version; name another folder with --data", path.display());
        }
        let length = file.metadata()?.len();
        let mut log = Log {
            path,
            file: Arc::new(file),
            id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
            end: HEAD_BYTES,
            sources: Vec::new(),
            last: Vec::new(),
            counts: Vec::new(),
            records: 0,
            places: Vec::new(),
            last_at: Moment(0),
        };
        log.find_what_is_there(length)?;
        if length > log.end {
            log.file.set_len(log.end)?;
            log.file.sync_all()?;
        }
        Ok(log)
    }

    /// Walks over all frames, up to the first that is not whole.
    fn find_what_is_there(&mut self, length: u64) -> Result<()> {
        let mut frames = Frames::of(&self.file, HEAD_BYTES, length);
        while let Some((from, to)) = frames.next()? {
            match entry(&frames.payload).with_context(|| format!("{}: at byte {from}", self.path.display()))? {
                Entry::Source(source) => {
                    self.sources.push(source);
                    self.last.push(None);
                    self.counts.push(0);
                }
                Entry::Record(record) => {
                    let last = Last::of(record.byte, record.too_long, record.bytes);
                    self.note(record.source as usize - 1, from, record.logged_at, last);
                }
            }
            self.end = to;
        }
        Ok(())
    }

    /// A record of this source begins here.
    fn note(&mut self, source: usize, from: u64, logged_at: Moment, last: Last) {
        if self.records.is_multiple_of(RECORDS_PER_PLACE) {
            self.places.push(from);
        }
        self.records += 1;
        self.last_at = self.last_at.max(logged_at);
        if let Some(known) = self.last.get_mut(source) {
            *known = Some(last);
        }
        if let Some(count) = self.counts.get_mut(source) {
            *count += 1;
        }
    }

    /// As long as this lives, no other process has it.
    pub(crate) fn lock(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// What it is called, here and nowhere else: the name of a log that was deleted and begun again is another one.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The source of this number.
    pub(crate) fn source(&self, number: u32) -> Option<&SpooledSource> {
        self.sources.get((number as usize).checked_sub(1)?)
    }

    /// True if its records are of more than one source.
    pub(crate) fn has_several_sources(&self) -> bool {
        self.sources.len() > 1
    }

    /// Where the next frame will begin.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The last record of this source has these bytes.
    pub(crate) fn is_last(&self, source: u32, bytes: &[u8]) -> bool {
        let last = (source as usize).checked_sub(1).and_then(|index| self.last.get(index)).copied().flatten();
        last.is_some_and(|last| (last.length, last.sum) == (bytes.len() as u64, checksum(bytes)))
    }

    /// How many records it has: the position of the next one.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// The identity under which this input is appended: its own; or, where the spool has a file of this identity whose last
    /// record is not in this one (it was replaced by another that begins alike), one with a number.
    pub(crate) fn identity(&self, source: &SpooledSource, file: Option<&File>) -> Vec<u8> {
        let Some(file) = file else { return source.identity.clone() };
        let mut told = source.clone();
        for number in 2u32.. {
            let last = self.index(&told).and_then(|index| self.last[index]);
            if last.is_none_or(|last| last.is_in(file)) {
                break;
            }
            told.identity = [&source.identity[..], b"\0", number.to_string().as_bytes()].concat();
        }
        told.identity
    }

    fn index(&self, source: &SpooledSource) -> Option<usize> {
        self.sources
            .iter()
            .position(|s| s.identity == source.identity && s.adapter == source.adapter && s.pbx == source.pbx)
    }

    /// Appends what of these files is not here yet, in the order of the records' moments; gives how many records of each are new.
    /// The log's time is theirs and never goes back; where nothing told any moment yet, it is `now`. Synced before it returns.
    ///
    /// # Errors
    /// A file that cannot be read, or a log that cannot be written.
    pub(crate) fn append(
        &mut self,
        files: Vec<Incoming<'_>>,
        now: Moment,
        mut progress: impl FnMut(u64),
    ) -> Result<Vec<u64>> {
        let failed = format!("{}: writing failed", self.path.display());
        let mut out = BufWriter::with_capacity(1 << 20, self.file.try_clone()?);
        out.seek(SeekFrom::Start(self.end))?;
        let mut indexes = Vec::new();
        let mut merging = Vec::new();
        for mut file in files {
            let index = self.begin_source(&mut file.source, &mut out).with_context(|| failed.clone())?;
            indexes.push(index);
            merging.push((file, self.last.get(index).copied().flatten()));
        }
        let mut new = vec![0; indexes.len()];
        let mut merged = Merged::of(merging);
        while let Some((file, record)) = merged.next(&mut progress)? {
            self.put(indexes[file], &record, now, &mut out).with_context(|| failed.clone())?;
            new[file] += 1;
        }
        out.flush().and_then(|()| self.file.sync_data()).with_context(|| failed)?;
        Ok(new)
    }

    /// The source as it is known, or a new one.
    fn begin_source(&mut self, source: &mut SpooledSource, out: &mut impl Write) -> Result<usize> {
        if let Some(index) = self.index(source) {
            source.number = self.sources[index].number;
            return Ok(index);
        }
        source.number = u32::try_from(self.sources.len() + 1).context("too many sources in one spool")?;
        self.end += frame(out, &[&[KIND_SOURCE], &serde_json::to_vec(source)?])?;
        self.sources.push(source.clone());
        self.last.push(None);
        self.counts.push(0);
        Ok(self.sources.len() - 1)
    }

    /// These sources, known or new, by their numbers from 1. Synced before it returns.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(crate) fn declare(&mut self, sources: Vec<SpooledSource>) -> Result<Vec<u32>> {
        let failed = format!("{}: writing failed", self.path.display());
        let mut out = BufWriter::new(self.file.try_clone()?);
        out.seek(SeekFrom::Start(self.end))?;
        let mut numbers = Vec::new();
        for mut source in sources {
            self.begin_source(&mut source, &mut out).with_context(|| failed.clone())?;
            numbers.push(source.number);
        }
        out.flush().and_then(|()| self.file.sync_data()).with_context(|| failed)?;
        Ok(numbers)
    }

    /// How many records of this source are here; its number is from 1.
    pub(crate) fn records_of(&self, source: u32) -> u64 {
        (source as usize).checked_sub(1).and_then(|index| self.counts.get(index)).copied().unwrap_or(0)
    }

    /// Appends records of sources that were declared, in this order; synced before it returns. What could not be written is not here.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(crate) fn put_live(&mut self, records: &[LiveRecord<'_>], now: Moment) -> Result<()> {
        let (mut bytes, mut put) = (Vec::new(), Vec::new());
        let (mut last, mut counts) = (self.last.clone(), self.counts.clone());
        let (mut end, mut last_at) = (self.end, self.last_at);
        for record in records {
            let index = (record.source as usize).checked_sub(1).filter(|index| *index < last.len());
            let index = index.context("a record of a source that was not declared")?;
            counts[index] += 1;
            let byte = last[index].map_or(0, |last| last.byte + last.length + 1);
            let latest = if last_at == Moment(0) { now } else { last_at };
            let at = record.at.map_or(latest, |at| at.max(last_at));
            let whole = Last::of(byte, None, record.bytes);
            let framed = record_frame(&mut bytes, record.source, counts[index], byte, at, None, record.bytes)?;
            (last[index], last_at) = (Some(whole), at);
            put.push((index, end, at, whole));
            end += framed;
        }
        let written = self.file.write_all_at(&bytes, self.end).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("{}: writing failed", self.path.display()))?;
        for (index, from, at, whole) in put {
            self.note(index, from, at, whole);
        }
        self.end = end;
        Ok(())
    }

    fn put(&mut self, source: usize, record: &Waiting, now: Moment, out: &mut impl Write) -> io::Result<()> {
        let latest = if self.last_at == Moment(0) { now } else { self.last_at };
        let at = record.at.map_or(latest, |at| at.max(self.last_at));
        let last = Last::of(record.byte, record.too_long, &record.bytes);
        let number = self.sources[source].number;
        let written = record_frame(out, number, record.number, record.byte, at, record.too_long, &record.bytes)?;
        self.note(source, self.end, at, last);
        self.end += written;
        Ok(())
    }

    /// Reads from this position on, to what is the end now.
    ///
    /// # Errors
    /// If the log has no such position, or is damaged before it.
    pub(crate) fn read(&self, position: u64) -> Result<Records> {
        if position > self.records {
            bail!("{}: has {} records, and none at position {position}", self.path.display(), self.records);
        }
        let place = position / RECORDS_PER_PLACE;
        let (from, at) = match self.places.get(usize::try_from(place)?) {
            Some(from) => (*from, place * RECORDS_PER_PLACE),
            // The end falls between two places.
            None => (self.end, position),
        };
        let frames = Frames::of(&self.file, from, self.end);
        let mut records = Records { frames, path: self.path.clone(), position: at };
        while records.position < position && records.next()?.is_some() {}
        Ok(records)
    }
}

fn begin(file: &mut File, folder: &Path) -> io::Result<()> {
    file.set_len(0)?;
    let mut id = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut id)?;
    file.write_all(MARK)?;
    file.write_all(&id)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

impl Last {
    fn of(byte: u64, too_long: Option<u64>, bytes: &[u8]) -> Last {
        Last { byte, length: too_long.unwrap_or(bytes.len() as u64), sum: checksum(bytes) }
    }

    /// This piece of the source comes no later than the record, or is the record itself.
    pub(super) fn has(self, cut: &Cut<'_>) -> bool {
        let length = cut.too_long.unwrap_or(cut.bytes.len() as u64);
        cut.byte < self.byte || (cut.byte, length) == (self.byte, self.length)
    }

    /// The file still has these bytes at this place; where that cannot be known, it has.
    fn is_in(self, file: &File) -> bool {
        let kept = self.length.min(RECORD_BYTES_MAX as u64) as usize;
        let mut bytes = vec![0; kept];
        match file.read_exact_at(&mut bytes, self.byte) {
            Ok(()) => checksum(&bytes) == self.sum,
            Err(error) => error.kind() != io::ErrorKind::UnexpectedEof,
        }
    }
}

/// Records of a log, in its order.
pub(crate) struct Records {
    frames: Frames,
    path: PathBuf,
    /// Of the next record.
    position: u64,
}

impl Records {
    /// The next one with its position; `None` at the end.
    ///
    /// # Errors
    /// If the log is damaged here.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, SpooledRecord<'_>)>> {
        // A source is no record.
        loop {
            if self.frames.next()?.is_none() {
                if let Some(byte) = self.frames.broken_at() {
                    bail!("{}: is damaged at byte {byte}; name another folder with --data", self.path.display());
                }
                return Ok(None);
            }
            if self.frames.payload.first() != Some(&KIND_SOURCE) {
                break;
            }
        }
        match entry(&self.frames.payload)? {
            Entry::Record(record) => {
                self.position += 1;
                Ok(Some((self.position - 1, record)))
            }
            Entry::Source(_) => Ok(None),
        }
    }
}

impl Records {
    /// Of the next record.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The log has grown up to here.
    pub(super) fn reach(&mut self, end: u64) {
        self.frames.to = end;
        self.frames.input.get_mut().to = end;
    }
}

/// Frames of a part of the log.
struct Frames {
    input: BufReader<Part>,
    at: u64,
    to: u64,
    payload: Vec<u8>,
}

/// A part of a file, read without moving the file's own place: it is appended at the same time.
struct Part {
    file: Arc<File>,
    at: u64,
    to: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.to - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let n = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Frames {
    fn of(file: &Arc<File>, from: u64, to: u64) -> Frames {
        let part = Part { file: Arc::clone(file), at: from, to };
        Frames { input: BufReader::with_capacity(READ_BYTES, part), at: from, to, payload: Vec::new() }
    }

    /// The next whole frame is in `payload`; gives from where to where it stands. `None` at the end, and at what is no frame.
    fn next(&mut self) -> Result<Option<(u64, u64)>> {
        let mut head = [0; 8];
        if !whole(self.input.read_exact(&mut head))? {
            return Ok(None);
        }
        let (length, sum) = (u32_at(&head, 0), u32_at(&head, 4));
        if length == 0 || length > FRAME_BYTES_MAX {
            return Ok(None);
        }
        self.payload.resize(length as usize, 0);
        if !whole(self.input.read_exact(&mut self.payload))? || checksum(&self.payload) != sum {
            return Ok(None);
        }
        let from = self.at;
        self.at += 8 + u64::from(length);
        Ok(Some((from, self.at)))
    }

    fn broken_at(&self) -> Option<u64> {
        (self.at != self.to).then_some(self.at)
    }
}

/// What a frame holds.
enum Entry<'s> {
    Source(SpooledSource),
    Record(SpooledRecord<'s>),
}

fn entry(payload: &[u8]) -> Result<Entry<'_>> {
    match payload.split_first() {
        Some((&KIND_SOURCE, json)) => {
            let source = serde_json::from_slice(json).context("the spool names a source that is not understood")?;
            Ok(Entry::Source(source))
        }
        Some((&kind @ (KIND_RECORD | KIND_TOO_LONG), _))
            if payload.len() >= RECORD_HEAD_BYTES && u32_at(payload, 1) > 0 =>
        {
            Ok(Entry::Record(SpooledRecord {
                source: u32_at(payload, 1),
                number: u64_at(payload, 5),
                byte: u64_at(payload, 13),
                logged_at: Moment(u64_at(payload, 21) as i64),
                bytes: &payload[RECORD_HEAD_BYTES..],
                too_long: (kind == KIND_TOO_LONG).then_some(u64_at(payload, 29)),
            }))
        }
        _ => bail!("a frame of an unknown kind: written by a newer version"),
    }
}

/// False at an end in the middle.
fn whole(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn frame(out: &mut impl Write, parts: &[&[u8]]) -> io::Result<u64> {
    let payload = parts.concat();
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&checksum(&payload).to_le_bytes())?;
    out.write_all(&payload)?;
    Ok(8 + u64::from(length))
}

/// A record of the source with this number.
fn record_frame(
    out: &mut impl Write,
    source: u32,
    number: u64,
    byte: u64,
    at: Moment,
    too_long: Option<u64>,
    bytes: &[u8],
) -> io::Result<u64> {
    let kind = if too_long.is_some() { KIND_TOO_LONG } else { KIND_RECORD };
    let length = too_long.unwrap_or(bytes.len() as u64);
    let [number, byte, length] = [number, byte, length].map(u64::to_le_bytes);
    frame(out, &[&[kind], &source.to_le_bytes(), &number, &byte, &at.0.to_le_bytes(), &length, bytes])
}

fn checksum(bytes: &[u8]) -> u32 {
    xxhash_rust::xxh3::xxh3_64(bytes) as u32
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}
