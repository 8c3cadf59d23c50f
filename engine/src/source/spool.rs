//! The spool: a log of records in one file, for machines without a broker. Appends are synced before anybody is told;
//! a torn tail is cut; one process has it at a time.
//!
//! The file begins with a mark and a random id. Then frames: length (u32), checksum (u32), and the payload, whose first byte is its kind:
//! a source (JSON), a record (source, offset, log time, bytes), the beginning of a record that was too long (with its whole length),
//! or a hash of the settings with which all records are read from then on (with the log time).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use adapters::framing::{Cut, Cutter, RECORD_BYTES_MAX};
use adapters::leg::Moment;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

const MARK: &[u8; 8] = b"RBSPOOL1";
const HEAD_BYTES: u64 = 24;
const KIND_SOURCE: u8 = 0;
const KIND_RECORD: u8 = 1;
const KIND_TOO_LONG: u8 = 2;
const KIND_SETTINGS: u8 = 3;

/// A frame longer than this is not one: what stands there is a torn tail.
const FRAME_BYTES_MAX: u32 = RECORD_BYTES_MAX as u32 + 4096;

/// Half as many records as the versions of conclusions can count in one millisecond of the log's time: see [`Spool::next_at`].
const RECORDS_PER_MS_BITS: u32 = 13;

/// What is read at once: of a file that is appended, of each source when it is read back, and of the spool when it is opened.
const APPEND_BYTES: usize = 1 << 18;
const READ_BYTES: usize = 1 << 16;
const SCAN_BYTES: usize = 1 << 20;

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

/// A record that stands in the spool.
pub(crate) struct SpooledRecord<'s> {
    /// Its offset in its source.
    pub(crate) byte: u64,
    /// When it was appended.
    pub(crate) logged_at: Moment,
    /// Its bytes.
    pub(crate) bytes: &'s [u8],
    /// Its whole length, if it was too long to be one.
    pub(crate) too_long: Option<u64>,
}

/// A spool that this process has.
pub(crate) struct Spool {
    path: PathBuf,
    file: File,
    end: u64,
    sources: Vec<SpooledSource>,
    /// What of each source stands where.
    stored: Vec<Stored>,
    records: u64,
    last_at: Moment,
    settings: Option<(u64, Moment)>,
}

/// What the spool has of one source.
#[derive(Default)]
struct Stored {
    /// Frames one after the other, from byte to byte of the spool.
    runs: Vec<(u64, u64)>,
    last: Option<Last>,
    /// Where the last frame begins.
    last_from: u64,
}

/// The last record of a source.
#[derive(Clone, Copy)]
struct Last {
    byte: u64,
    length: u64,
    sum: u32,
}

impl Spool {
    /// Opens or begins the spool in this folder, and cuts a torn tail.
    pub(crate) fn open(folder: &Path) -> Result<Spool> {
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
        let mut mark = [0; 8];
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut mark)?;
        if &mark != MARK {
            bail!("{}: is no spool of this version; name another folder with --data", path.display());
        }
        let length = file.metadata()?.len();
        let mut spool = Spool {
            path,
            file,
            end: HEAD_BYTES,
            sources: Vec::new(),
            stored: Vec::new(),
            records: 0,
            last_at: Moment(0),
            settings: None,
        };
        spool.find_what_is_there(length)?;
        if length > spool.end {
            spool.file.set_len(spool.end)?;
            spool.file.sync_all()?;
        }
        Ok(spool)
    }

    /// Walks over all frames, up to the first that is not whole.
    fn find_what_is_there(&mut self, length: u64) -> Result<()> {
        let file = self.file.try_clone()?;
        let all = [(HEAD_BYTES, length)];
        let mut frames = Frames::of(&file, &all, SCAN_BYTES);
        while let Some((from, to)) = frames.next()? {
            match entry(&frames.payload).with_context(|| format!("{}: at byte {from}", self.path.display()))? {
                Entry::Source(source) => {
                    self.sources.push(source);
                    self.stored.push(Stored::default());
                }
                Entry::Record(source, record) => {
                    let Some(stored) = self.stored.get_mut(source as usize - 1) else { continue };
                    stored.add(from, to, Last::of(&record));
                    self.records += 1;
                    self.last_at = self.last_at.max(record.logged_at);
                }
                Entry::Settings(sum, at) => {
                    self.settings = Some((sum, at));
                    self.last_at = self.last_at.max(at);
                }
            }
            self.end = to;
        }
        Ok(())
    }

    /// Sources in the order in which they came.
    pub(crate) fn sources(&self) -> &[SpooledSource] {
        &self.sources
    }

    /// How many records it has.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// The log's time from which on the settings are those in force.
    pub(crate) fn settings_at(&self) -> Moment {
        self.settings.map_or(Moment(0), |(_, at)| at)
    }

    /// Notes that from here on the records are read with these settings, if they are others than before:
    /// conclusions of the same records then have a later version.
    pub(crate) fn note_settings(&mut self, settings: &[u8], now: Moment) -> Result<()> {
        let sum = xxhash_rust::xxh3::xxh3_64(settings);
        if self.settings.is_some_and(|(known, _)| known == sum) {
            return Ok(());
        }
        let at = self.next_at(now);
        let mut bytes = Vec::new();
        frame(&mut bytes, &[&[KIND_SETTINGS], &sum.to_le_bytes(), &at.0.to_le_bytes()])?;
        self.file
            .write_all_at(&bytes, self.end)
            .and_then(|()| self.file.sync_data())
            .with_context(|| format!("{}: writing failed", self.path.display()))?;
        self.end += bytes.len() as u64;
        (self.settings, self.last_at) = (Some((sum, at)), at);
        Ok(())
    }

    /// The identity under which this input is appended: its own; or, where the spool has a file of this identity whose last
    /// record is not in this one (it was replaced by another that begins alike), one with a number.
    pub(crate) fn identity(&self, source: &SpooledSource, file: Option<&File>) -> Vec<u8> {
        let Some(file) = file else { return source.identity.clone() };
        let mut told = source.clone();
        for number in 2u32.. {
            let last = self.index(&told).and_then(|index| self.stored[index].last);
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

    /// The log's time of an append: the wall clock, but later than all before it by as many milliseconds as their number fills,
    /// so that versions (see `crate::versions`) only grow, whatever the wall clock does.
    fn next_at(&self, now: Moment) -> Moment {
        let filled = i64::try_from(self.records >> RECORDS_PER_MS_BITS).unwrap_or(i64::MAX);
        now.max(self.last_at.plus_ms(1).plus_ms(filled))
    }

    /// Appends what of this input is not in the spool yet. `now` is the wall clock; the log's time never goes back.
    /// Synced before it returns.
    pub(crate) fn append(
        &mut self,
        mut source: SpooledSource,
        input: &mut dyn Read,
        now: Moment,
        mut progress: impl FnMut(u64),
    ) -> Result<u64> {
        let at = self.next_at(now);
        let failed_at = |path: &Path| format!("{}: writing failed", path.display());
        let mut out = BufWriter::with_capacity(1 << 20, self.file.try_clone()?);
        out.seek(SeekFrom::Start(self.end))?;
        let index = match self.index(&source) {
            Some(index) => index,
            None => {
                source.number = u32::try_from(self.sources.len() + 1).context("too many sources in one spool")?;
                let json = serde_json::to_vec(&source)?;
                self.end += frame(&mut out, &[&[KIND_SOURCE], &json]).with_context(|| failed_at(&self.path))?;
                self.sources.push(source.clone());
                self.stored.push(Stored::default());
                self.sources.len() - 1
            }
        };
        let number = self.sources[index].number;
        let known = self.stored[index].last;
        let (mut appended, mut failed) = (0, None);
        let (mut end, stored) = (self.end, &mut self.stored[index]);
        let mut put = |cut: Cut<'_>| {
            let length = cut.too_long.unwrap_or(cut.bytes.len() as u64);
            // The last record may have been the beginning of a line that was still being written: then the whole line takes its place.
            let is_known =
                known.is_some_and(|last| cut.byte < last.byte || (cut.byte, length) == (last.byte, last.length));
            if is_known || failed.is_some() {
                return;
            }
            let kind = if cut.too_long.is_some() { KIND_TOO_LONG } else { KIND_RECORD };
            let written = frame(
                &mut out,
                &[
                    &[kind],
                    &number.to_le_bytes(),
                    &cut.byte.to_le_bytes(),
                    &at.0.to_le_bytes(),
                    &length.to_le_bytes(),
                    cut.bytes,
                ],
            );
            match written {
                Ok(bytes) => {
                    stored.add(end, end + bytes, Last { byte: cut.byte, length, sum: checksum(cut.bytes) });
                    end += bytes;
                    appended += 1;
                }
                Err(error) => failed = Some(error),
            }
        };
        let mut cutter = Cutter::default();
        let mut chunk = vec![0; APPEND_BYTES];
        loop {
            let n = input.read(&mut chunk).with_context(|| format!("{}: reading failed", source.name))?;
            if n == 0 {
                break;
            }
            cutter.push(&chunk[..n], &mut put);
            progress(n as u64);
        }
        cutter.finish(&mut put);
        let written = match failed {
            Some(error) => Err(error),
            None => out.flush().and_then(|()| self.file.sync_data()),
        };
        written.with_context(|| failed_at(&self.path))?;
        (self.end, self.last_at) = (end, if appended > 0 { at } else { self.last_at });
        self.records += appended;
        Ok(appended)
    }

    /// Reads one source back, in its order.
    pub(crate) fn read(&self, index: usize) -> SpooledRecords<'_> {
        let runs = self.stored.get(index).map_or(&[][..], |stored| &stored.runs);
        SpooledRecords { frames: Frames::of(&self.file, runs, READ_BYTES), path: &self.path }
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

impl Stored {
    fn add(&mut self, from: u64, to: u64, last: Last) {
        // The beginning of a line, and then the whole of it: the beginning is passed over.
        if self.last.is_some_and(|known| known.byte == last.byte)
            && let Some((_, end)) = self.runs.last_mut()
        {
            *end = self.last_from;
        }
        match self.runs.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ => self.runs.push((from, to)),
        }
        (self.last, self.last_from) = (Some(last), from);
    }
}

impl Last {
    fn of(record: &SpooledRecord<'_>) -> Last {
        let length = record.too_long.unwrap_or(record.bytes.len() as u64);
        Last { byte: record.byte, length, sum: checksum(record.bytes) }
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

/// The records of one source.
pub(crate) struct SpooledRecords<'s> {
    frames: Frames<'s>,
    path: &'s Path,
}

impl SpooledRecords<'_> {
    /// The next one; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<SpooledRecord<'_>>> {
        if self.frames.next()?.is_none() {
            if let Some(byte) = self.frames.broken_at() {
                bail!("{}: is damaged at byte {byte}; name another folder with --data", self.path.display());
            }
            return Ok(None);
        }
        match entry(&self.frames.payload)? {
            Entry::Record(_, record) => Ok(Some(record)),
            _ => bail!("{}: a frame that is no record stands among records", self.path.display()),
        }
    }
}

/// Frames of some parts of a spool.
struct Frames<'f> {
    file: &'f File,
    runs: &'f [(u64, u64)],
    buffer_bytes: usize,
    input: Option<BufReader<Part<'f>>>,
    at: u64,
    to: u64,
    payload: Vec<u8>,
}

/// A part of a file, read without moving the file's own place: several read one file at once.
struct Part<'f> {
    file: &'f File,
    at: u64,
    to: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.to - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let n = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl<'f> Frames<'f> {
    fn of(file: &'f File, runs: &'f [(u64, u64)], buffer_bytes: usize) -> Frames<'f> {
        Frames { file, runs, buffer_bytes, input: None, at: 0, to: 0, payload: Vec::new() }
    }

    /// The next whole frame is in `payload`; gives from where to where it stands. `None` at the end, and at what is no frame.
    fn next(&mut self) -> Result<Option<(u64, u64)>> {
        while self.at == self.to {
            let Some(((from, to), later)) = self.runs.split_first() else { return Ok(None) };
            (self.at, self.to, self.runs) = (*from, *to, later);
            let part = Part { file: self.file, at: *from, to: *to };
            self.input = Some(BufReader::with_capacity(self.buffer_bytes, part));
        }
        let Some(input) = &mut self.input else { return Ok(None) };
        let mut head = [0; 8];
        if !whole(input.read_exact(&mut head))? {
            return Ok(None);
        }
        let (length, sum) = (u32_at(&head, 0), u32_at(&head, 4));
        if length == 0 || length > FRAME_BYTES_MAX {
            return Ok(None);
        }
        self.payload.resize(length as usize, 0);
        if !whole(input.read_exact(&mut self.payload))? || checksum(&self.payload) != sum {
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
    Record(u32, SpooledRecord<'s>),
    Settings(u64, Moment),
}

fn entry(payload: &[u8]) -> Result<Entry<'_>> {
    match payload.split_first() {
        Some((&KIND_SOURCE, json)) => {
            let source = serde_json::from_slice(json).context("the spool names a source that is not understood")?;
            Ok(Entry::Source(source))
        }
        Some((&kind @ (KIND_RECORD | KIND_TOO_LONG), body)) if body.len() >= 28 && u32_at(body, 0) > 0 => {
            let record = SpooledRecord {
                byte: u64_at(body, 4),
                logged_at: Moment(u64_at(body, 12) as i64),
                bytes: &body[28..],
                too_long: (kind == KIND_TOO_LONG).then_some(u64_at(body, 20)),
            };
            Ok(Entry::Record(u32_at(body, 0), record))
        }
        Some((&KIND_SETTINGS, body)) if body.len() == 16 => {
            Ok(Entry::Settings(u64_at(body, 0), Moment(u64_at(body, 8) as i64)))
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

fn checksum(bytes: &[u8]) -> u32 {
    xxhash_rust::xxh3::xxh3_64(bytes) as u32
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> SpooledSource {
        SpooledSource {
            number: 0,
            name: "x".into(),
            identity: b"x".to_vec(),
            adapter: "generic_csv".into(),
            pbx: "main".into(),
        }
    }

    fn records(spool: &Spool) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        for index in 0..spool.sources().len() {
            let mut records = spool.read(index);
            while let Some(record) = records.next().unwrap() {
                found.push((record.byte, record.bytes.to_vec()));
            }
        }
        found
    }

    #[test]
    fn what_is_there_is_not_appended_twice_and_growth_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        assert_eq!(spool.append(source(), &mut &b"a\nb\n"[..], Moment(5), |_| {}).unwrap(), 2);
        assert_eq!(spool.append(source(), &mut &b"a\nb\nc\n"[..], Moment(6), |_| {}).unwrap(), 1);
        let whole = [(0, b"a".to_vec()), (2, b"b".to_vec()), (4, b"c".to_vec())];
        assert_eq!(records(&spool), whole);
        drop(spool);
        let spool = Spool::open(folder.path()).unwrap();
        assert_eq!(records(&spool), whole);
        assert_eq!(spool.sources().len(), 1);
    }

    #[test]
    fn a_line_that_was_being_written_is_replaced_by_the_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        for (text, new) in [(&b"a\nb"[..], 2), (b"a\nb", 0), (b"a\nbb", 1), (b"a\nbb\n", 0), (b"a\nbb\nc\n", 1)] {
            assert_eq!(spool.append(source(), &mut &text[..], Moment(5), |_| {}).unwrap(), new, "{text:?}");
        }
        let whole = [(0, b"a".to_vec()), (2, b"bb".to_vec()), (5, b"c".to_vec())];
        assert_eq!(records(&spool), whole);
        drop(spool);
        assert_eq!(records(&Spool::open(folder.path()).unwrap()), whole);
    }

    #[test]
    fn a_file_that_was_replaced_is_another_source() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&folder.path().join("spool")).unwrap();
        let path = folder.path().join("records");
        let mut append = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let told = source();
            let identity = spool.identity(&told, Some(&File::open(&path).unwrap()));
            let told = SpooledSource { identity, ..told };
            let new = spool.append(told, &mut text.as_bytes(), Moment(5), |_| {}).unwrap();
            (spool.sources().len(), new)
        };
        assert_eq!(append("head\none\n"), (1, 2));
        assert_eq!(append("head\none\ntwo\n"), (1, 1));
        assert_eq!(append("head\nsix\nten\n"), (2, 3), "another file that begins alike");
        assert_eq!(append("head\nsix\nten\n"), (2, 0));
        assert_eq!(append("head\n"), (3, 1), "a shorter one");
    }

    #[test]
    fn versions_grow_whatever_the_wall_clock_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        let many = "x\n".repeat(40_000);
        spool.append(source(), &mut many.as_bytes(), Moment(1000), |_| {}).unwrap();
        let other = SpooledSource { pbx: "other".into(), ..source() };
        spool.append(other, &mut &b"y\n"[..], Moment(7), |_| {}).unwrap();
        assert!(spool.read(1).next().unwrap().unwrap().logged_at >= Moment(1000 + (40_000 >> 13) + 1));
        spool.note_settings(b"one", Moment(7)).unwrap();
        let at = spool.settings_at();
        assert!(at > spool.read(1).next().unwrap().unwrap().logged_at);
        spool.note_settings(b"one", Moment(i64::MAX)).unwrap();
        assert_eq!(spool.settings_at(), at, "the same settings are noted once");
        drop(spool);
        let mut spool = Spool::open(folder.path()).unwrap();
        assert_eq!(spool.settings_at(), at);
        spool.note_settings(b"two", Moment(7)).unwrap();
        assert!(spool.settings_at() > at);
    }

    #[test]
    fn a_torn_tail_is_cut_wherever_it_tears() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        spool.append(source(), &mut &b"one\ntwo\n"[..], Moment(5), |_| {}).unwrap();
        drop(spool);
        let path = folder.path().join("records.spool");
        let whole = std::fs::read(&path).unwrap();
        for length in HEAD_BYTES as usize..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let mut spool = Spool::open(folder.path()).unwrap();
            spool.append(source(), &mut &b"one\ntwo\n"[..], Moment(6), |_| {}).unwrap();
            assert_eq!(records(&spool), [(0, b"one".to_vec()), (4, b"two".to_vec())], "torn at {length}");
        }
    }

    #[test]
    fn one_process_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let _held = Spool::open(folder.path()).unwrap();
        assert!(Spool::open(folder.path()).err().unwrap().to_string().contains("another process"));
    }
}
