//! The spool: a log of records in one file, for machines without a broker. Appends are synced before anybody is told;
//! a torn tail is cut; one process has it at a time.
//!
//! The file begins with a mark and a random id. Then frames: length (u32), checksum (u32), and the payload, whose first byte is its kind:
//! a source (JSON), a record (source, offset, log time, bytes), or the beginning of a record that was too long (with its whole length).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
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

/// A frame longer than this is not one: what stands there is a torn tail.
const FRAME_BYTES_MAX: u32 = RECORD_BYTES_MAX as u32 + 4096;

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

/// One thing that stands in the spool.
pub(crate) enum Entry<'s> {
    /// A source; its records follow.
    Source(SpooledSource),
    /// A record.
    Record {
        /// Whose.
        source: u32,
        /// Its offset there.
        byte: u64,
        /// When it was appended.
        logged_at: Moment,
        /// Its bytes.
        bytes: &'s [u8],
        /// Its whole length, if it was too long to be one.
        too_long: Option<u64>,
    },
}

/// A spool that this process has.
pub(crate) struct Spool {
    path: PathBuf,
    file: File,
    end: u64,
    sources: Vec<SpooledSource>,
    /// For each source, the offset behind its last record.
    read_to: Vec<u64>,
    last_at: Moment,
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
            file.set_len(0)?;
            file.write_all(MARK)?;
            let mut id = [0; 16];
            File::open("/dev/urandom")?.read_exact(&mut id)?;
            file.write_all(&id)?;
            file.sync_all()?;
            File::open(folder)?.sync_all()?;
        }
        let mut mark = [0; 8];
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut mark)?;
        if &mark != MARK {
            bail!("{}: is no spool of this version; name another folder with --data", path.display());
        }
        let mut spool =
            Spool { path, file, end: HEAD_BYTES, sources: Vec::new(), read_to: Vec::new(), last_at: Moment(i64::MIN) };
        let (mut sources, mut read_to, mut last_at) = (Vec::new(), Vec::new(), Moment(i64::MIN));
        let end = spool.each(|entry| {
            match entry {
                Entry::Source(source) => {
                    sources.push(source);
                    read_to.push(0);
                }
                Entry::Record { source, byte, logged_at, bytes, too_long } => {
                    if let Some(to) = read_to.get_mut(source as usize - 1) {
                        *to = byte + too_long.unwrap_or(bytes.len() as u64);
                    }
                    last_at = logged_at;
                }
            }
            Ok(())
        })?;
        (spool.sources, spool.read_to, spool.last_at, spool.end) = (sources, read_to, last_at, end);
        if spool.file.metadata()?.len() > end {
            spool.file.set_len(end)?;
            spool.file.sync_all()?;
        }
        Ok(spool)
    }

    /// Sources in the order in which they came.
    pub(crate) fn sources(&self) -> &[SpooledSource] {
        &self.sources
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
        let at = self.last_at.max(now);
        let mut out = BufWriter::with_capacity(1 << 20, self.file.try_clone()?);
        out.seek(SeekFrom::Start(self.end))?;
        let known = self
            .sources
            .iter()
            .find(|s| s.identity == source.identity && s.adapter == source.adapter && s.pbx == source.pbx);
        let number = match known {
            Some(known) => known.number,
            None => {
                source.number = u32::try_from(self.sources.len() + 1).context("too many sources in one spool")?;
                let json = serde_json::to_vec(&source)?;
                self.end += frame(&mut out, &[&[KIND_SOURCE], &json])?;
                self.sources.push(source.clone());
                self.read_to.push(0);
                source.number
            }
        };
        let index = number as usize - 1;
        let from = self.read_to[index];
        let (mut appended, mut failed) = (0, None);
        let (mut end, mut read_to) = (self.end, from);
        let mut put = |cut: Cut<'_>| {
            if cut.byte < from || failed.is_some() {
                return;
            }
            let kind = if cut.too_long.is_some() { KIND_TOO_LONG } else { KIND_RECORD };
            let length = cut.too_long.unwrap_or(cut.bytes.len() as u64);
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
                Ok(bytes) => end += bytes,
                Err(error) => failed = Some(error),
            }
            read_to = cut.byte + length;
            appended += 1;
        };
        let mut cutter = Cutter::default();
        let mut chunk = vec![0; 1 << 18];
        loop {
            let n = input.read(&mut chunk).with_context(|| format!("{}: reading failed", source.name))?;
            if n == 0 {
                break;
            }
            cutter.push(&chunk[..n], &mut put);
            progress(n as u64);
        }
        cutter.finish(&mut put);
        if let Some(error) = failed {
            return Err(error);
        }
        out.flush().with_context(|| format!("{}: writing failed", self.path.display()))?;
        drop(out);
        self.file.sync_data().with_context(|| format!("{}: writing failed", self.path.display()))?;
        (self.end, self.read_to[index], self.last_at) = (end, read_to, at);
        Ok(appended)
    }

    /// Reads everything from the beginning; gives the offset behind the last whole frame.
    pub(crate) fn each(&self, mut take: impl FnMut(Entry<'_>) -> Result<()>) -> Result<u64> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(HEAD_BYTES))?;
        let mut input = BufReader::with_capacity(1 << 20, file);
        let mut payload = Vec::new();
        let mut end = HEAD_BYTES;
        loop {
            let mut head = [0; 8];
            if input.read_exact(&mut head).is_err() {
                return Ok(end);
            }
            let (length, sum) = (u32_at(&head, 0), u32_at(&head, 4));
            if length == 0 || length > FRAME_BYTES_MAX {
                return Ok(end);
            }
            payload.resize(length as usize, 0);
            if input.read_exact(&mut payload).is_err() || checksum(&payload) != sum {
                return Ok(end);
            }
            end += 8 + u64::from(length);
            match payload.split_first() {
                Some((&KIND_SOURCE, json)) => take(Entry::Source(
                    serde_json::from_slice(json).context("the spool names a source that is not understood")?,
                ))?,
                Some((&kind @ (KIND_RECORD | KIND_TOO_LONG), body)) if body.len() >= 28 => {
                    let length = u64_at(body, 20);
                    take(Entry::Record {
                        source: u32_at(body, 0),
                        byte: u64_at(body, 4),
                        logged_at: Moment(u64_at(body, 12) as i64),
                        bytes: &body[28..],
                        too_long: (kind == KIND_TOO_LONG).then_some(length),
                    })?;
                }
                _ => bail!(
                    "{}: a frame of an unknown kind at byte {end}: written by a newer version",
                    self.path.display()
                ),
            }
        }
    }
}

fn frame(out: &mut impl Write, parts: &[&[u8]]) -> Result<u64> {
    let payload = parts.concat();
    let length = u32::try_from(payload.len()).context("a frame is too long")?;
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
        spool
            .each(|entry| {
                if let Entry::Record { byte, bytes, .. } = entry {
                    found.push((byte, bytes.to_vec()));
                }
                Ok(())
            })
            .unwrap();
        found
    }

    #[test]
    fn what_is_there_is_not_appended_twice_and_growth_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        assert_eq!(spool.append(source(), &mut &b"a\nb\n"[..], Moment(5), |_| {}).unwrap(), 2);
        assert_eq!(spool.append(source(), &mut &b"a\nb\nc\n"[..], Moment(6), |_| {}).unwrap(), 1);
        drop(spool);
        let spool = Spool::open(folder.path()).unwrap();
        assert_eq!(records(&spool), [(0, b"a".to_vec()), (2, b"b".to_vec()), (4, b"c".to_vec())]);
        assert_eq!(spool.sources().len(), 1);
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
