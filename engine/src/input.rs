//! Files and standard input as one stream of legs in the order of the log's time, whatever their sizes.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adapters::leg::Moment;
use adapters::reader::Reader;
use adapters::recognize::{RECORDS_TRIED_MAX, recognize};
use adapters::{Adapter, Legs, Settings, framing};
use anyhow::{Context, Result, bail};
use directory::Directory;

use crate::WrongArguments;
use crate::source::{Clocks, Followed, Trickle};

/// What is read at once.
pub(crate) const CHUNK_BYTES: usize = 1 << 18;

/// How much of an unknown file is looked at.
const SAMPLE_BYTES: usize = 1 << 18;

/// One file as the user named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The file; `-` is standard input.
    pub path: PathBuf,
    /// `ADAPTER[@PBX]`, if `--pbx` stood before it.
    pub pbx: Option<String>,
}

/// One opened file, with what reads it.
pub struct Source {
    name: String,
    path: PathBuf,
    input: Box<dyn Read + Send>,
    adapter: &'static dyn Adapter,
    settings: Settings,
    identity: Vec<u8>,
    sample: Vec<u8>,
    size: Option<u64>,
}

/// Opens every file and finds its adapter.
///
/// # Errors
/// A file that cannot be read, an adapter that does not exist, a file that no adapter understands: each says what, where, and what would work.
pub fn open(files: &[Named], directory: &Directory) -> Result<Vec<Source>> {
    // A wrong argument is told before any file is looked at.
    files.iter().filter_map(|file| file.pbx.as_deref()).try_for_each(|told| named_adapter(told).map(|_| ()))?;
    files.iter().map(|file| open_one(file, directory)).collect()
}

fn open_one(file: &Named, directory: &Directory) -> Result<Source> {
    let name = file.path.display().to_string();
    let (mut input, size): (Box<dyn Read + Send>, _) = if name == "-" {
        (Box::new(io::stdin()), None)
    } else {
        let (file, size) = open_file(&file.path)?;
        (Box::new(file), size)
    };
    let mut sample = Sample::default();
    let failed = || format!("{name}: reading failed");
    sample.read_on(&mut input, size.is_some()).with_context(failed)?;
    let (adapter, pbx) = match &file.pbx {
        Some(told) => named_adapter(told)?,
        None => loop {
            match recognized(&name, &sample) {
                Err(_) if sample.may_grow() => sample.read_on(&mut input, size.is_some()).with_context(failed)?,
                recognized => break (recognized?, None),
            }
        },
    };
    let sample = sample.bytes;
    let pbx = pbx.unwrap_or_else(|| directory.first_pbx().id.to_string());
    let known = directory.pbx(&pbx).is_some() || directory.is_guessed();
    if !known {
        let ids: Vec<&str> = directory.pbx_ids().collect();
        let told = file.pbx.as_deref().unwrap_or_default();
        return Err(WrongArguments(format!(
            "--pbx {told}: the site file has no PBX `{pbx}`; it has {}",
            ids.join(", ")
        ))
        .into());
    }
    let settings = calls::settings::settings(directory, &pbx, adapter.about().name);
    let identity = identity_of(&file.path, &sample);
    Ok(Source { name, path: file.path.clone(), input, adapter, settings, identity, sample, size })
}

fn open_file(path: &Path) -> Result<(File, Option<u64>)> {
    let name = path.display();
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            anyhow::anyhow!("{name}: no such file; name a file of call records, or - for standard input")
        }
        io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!("{name}: no permission to read it; run as a user who may, or change its mode")
        }
        _ => anyhow::anyhow!("{name}: cannot be opened: {error}"),
    })?;
    let told = file.metadata().with_context(|| format!("{name}: cannot be looked at"))?;
    if told.is_dir() {
        bail!("{name}: is a folder; name the files in it, for example {name}/*");
    }
    Ok((file, told.is_file().then_some(told.len())))
}

/// The beginning of an input, for recognizing it.
#[derive(Default)]
struct Sample {
    bytes: Vec<u8>,
    /// The input ends here.
    is_whole: bool,
}

impl Sample {
    /// Reads on: a file up to the size of a sample; a pipe up to the next line end that is there, so that one who writes slowly
    /// is not waited for.
    fn read_on(&mut self, input: &mut dyn Read, is_file: bool) -> io::Result<()> {
        let mut length = self.bytes.len();
        self.bytes.resize(SAMPLE_BYTES, 0);
        while length < SAMPLE_BYTES && !self.is_whole {
            match input.read(&mut self.bytes[length..]) {
                Ok(n) => {
                    self.is_whole = n == 0;
                    let new = length..length + n;
                    length = new.end;
                    if !is_file && self.bytes[new].contains(&b'\n') {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.truncate(length);
        Ok(())
    }

    fn may_grow(&self) -> bool {
        !self.is_whole && self.bytes.len() < SAMPLE_BYTES
    }
}

/// A file's identity: where it is, and how it begins. Two files that begin alike are two files; one file named twice is one.
fn identity_of(path: &Path, sample: &[u8]) -> Vec<u8> {
    let first_line = sample.split(|b| *b == b'\n').next().unwrap_or_default();
    let mut identity = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string().into_encoded_bytes();
    identity.push(0);
    identity.extend_from_slice(first_line.get(..IDENTITY_BYTES).unwrap_or(first_line));
    identity
}

/// How much of a file's first line is part of its identity.
const IDENTITY_BYTES: usize = 256;

fn named_adapter(told: &str) -> Result<(&'static dyn Adapter, Option<String>)> {
    let (name, pbx) = told.split_once('@').map_or((told, None), |(n, p)| (n, Some(p.to_owned())));
    let Some(adapter) = adapters::pbx::named(name) else {
        let all: Vec<&str> = adapters::pbx::ADAPTERS.iter().map(|a| a.about().name).collect();
        return Err(WrongArguments(format!(
            "--pbx {told}: there is no adapter `{name}`; there are {}",
            all.join(", ")
        ))
        .into());
    };
    Ok((adapter, pbx))
}

/// How compressed files begin, and what unpacks them: old logs are often kept so.
const PACKED: [(&[u8], &str); 4] =
    [(b"\x1f\x8b", "zcat"), (b"BZh", "bzcat"), (b"\xfd7zXZ", "xzcat"), (b"\x28\xb5\x2f\xfd", "zstdcat")];

fn recognized(name: &str, sample: &Sample) -> Result<&'static dyn Adapter> {
    if sample.bytes.iter().all(u8::is_ascii_whitespace) {
        bail!("{name}: is empty; name its adapter with --pbx to read it all the same");
    }
    if let Some((_, unpack)) = PACKED.iter().find(|(begin, _)| sample.bytes.starts_with(begin)) {
        bail!("{name}: is compressed; unpack it on the way: {unpack} {name} | ringback ... -");
    }
    let mut cutter = framing::Cutter::default();
    let mut records: Vec<Vec<u8>> = Vec::new();
    cutter.push(&sample.bytes, |cut| records.push(cut.bytes.to_vec()));
    if sample.is_whole || records.is_empty() {
        cutter.finish(|cut| records.push(cut.bytes.to_vec()));
    }
    records.truncate(RECORDS_TRIED_MAX);
    let borrowed: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let found = recognize(&borrowed);
    match found.first() {
        Some(best) if best.share() >= 0.5 => Ok(best.adapter),
        _ => {
            let shares: Vec<String> = found
                .iter()
                .filter(|u| u.understood > 0)
                .map(|u| format!("{} {:.0} %", u.adapter.about().name, u.share() * 100.0))
                .collect();
            let shares = if shares.is_empty() { "no adapter understood any".to_owned() } else { shares.join(", ") };
            bail!(
                "{name}: not recognized (of its first {} records: {shares}); say what it is with --pbx ADAPTER",
                borrowed.len()
            )
        }
    }
}

impl Source {
    /// Which adapter reads it.
    #[must_use]
    pub fn adapter(&self) -> &'static dyn Adapter {
        self.adapter
    }

    /// The exchange that wrote it.
    #[must_use]
    pub fn pbx(&self) -> &str {
        &self.settings.origin.pbx
    }

    /// What its adapter is told.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// As the user named it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What makes two files one.
    #[must_use]
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// All its bytes, from the beginning.
    pub fn bytes(&mut self) -> impl Read + '_ {
        self.sample.as_slice().chain(&mut *self.input)
    }

    /// The file itself, where it is one that may be read anywhere.
    #[must_use]
    pub fn file(&self) -> Option<File> {
        self.size.and_then(|_| File::open(&self.path).ok())
    }

    /// From here on, what is not there yet is not waited for: a file is followed by its name, a pipe to its end.
    fn follow(&mut self) -> io::Result<Option<Arc<AtomicBool>>> {
        if self.size.is_some() {
            self.input = Box::new(Followed::behind(&self.sample, self.path.clone())?);
            return Ok(None);
        }
        let trickle = Trickle::of(std::mem::replace(&mut self.input, Box::new(io::empty())));
        let over = trickle.is_over();
        self.input = Box::new(trickle);
        Ok(Some(over))
    }

    /// Bytes, of a file.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }
}

/// What reading tells while it goes on.
pub enum Step<'s> {
    /// Legs and rejects of one source, and the moment up to which every source has been read.
    Read {
        /// What was read.
        legs: &'s mut Legs,
        /// Bytes read.
        bytes: u64,
        /// Everything that ended before has been seen; `None` until each source has told a moment.
        clock: Option<Moment>,
    },
    /// Every source has been read as far as it goes now, and more may come (`--follow`). Whoever hears this waits a while.
    Waiting,
}

/// Reads all sources side by side, until each has ended (a file that is followed never does) or `each` breaks.
///
/// # Errors
/// A source that cannot be read further; what was read is in the steps before.
pub fn read(
    mut sources: Vec<Source>,
    follow: bool,
    mut each: impl FnMut(Step<'_>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    struct Open<'s> {
        name: &'s str,
        input: &'s mut (dyn Read + Send),
        reader: Reader<'s>,
        sample: &'s [u8],
        /// Of a followed pipe: its other side was closed.
        over: Option<Arc<AtomicBool>>,
        finished: bool,
    }
    let mut overs: Vec<Option<Arc<AtomicBool>>> = Vec::new();
    for source in &mut sources {
        let followed = if follow { source.follow() } else { Ok(None) };
        overs.push(followed.with_context(|| format!("{}: reading failed", source.name))?);
    }
    let mut open: Vec<Open<'_>> = (1u32..)
        .zip(sources.iter_mut().zip(overs))
        .map(|(file, (s, over))| Open {
            name: &s.name,
            input: &mut *s.input,
            reader: Reader::new(s.adapter, &s.settings, &s.identity, file),
            sample: &s.sample,
            over,
            finished: false,
        })
        .collect();
    let mut clocks = Clocks::of(open.len());
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut legs = Legs::default();
    loop {
        let Some(index) = clocks.furthest_behind() else {
            if open.iter().all(|s| s.finished) {
                return Ok(ControlFlow::Continue(()));
            }
            if each(Step::Waiting)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            (0..open.len()).filter(|i| !open[*i].finished).for_each(|i| clocks.goes_on(i));
            continue;
        };
        let behind = &mut open[index];
        let bytes = if behind.sample.is_empty() {
            let n = behind.input.read(&mut chunk).with_context(|| format!("{}: reading failed", behind.name))?;
            behind.reader.push(&chunk[..n], None, &mut legs);
            if n == 0 {
                clocks.ended(index);
                let is_over = behind.over.as_ref().is_some_and(|over| over.load(Ordering::Relaxed));
                if !follow || is_over {
                    behind.reader.finish(None, &mut legs);
                    behind.finished = true;
                }
            }
            n
        } else {
            // Small steps, so that no source runs ahead of the others.
            let (now, later) = behind.sample.split_at(behind.sample.len().min(CHUNK_BYTES));
            behind.reader.push(now, None, &mut legs);
            behind.sample = later;
            now.len()
        };
        clocks.read(index, &legs.legs);
        let clock = clocks.all(follow);
        if each(Step::Read { legs: &mut legs, bytes: bytes as u64, clock })?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        legs.legs.clear();
        legs.marks.clear();
        legs.rejects.clear();
    }
}
