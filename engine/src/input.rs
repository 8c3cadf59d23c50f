//! Files and standard input as one stream of legs in the order of the log's time, whatever their sizes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use adapters::leg::Moment;
use adapters::reader::Reader;
use adapters::recognize::{RECORDS_TRIED_MAX, recognize};
use adapters::{Adapter, Legs, Settings, framing};
use anyhow::{Context, Result, bail};
use directory::Directory;

use crate::WrongArguments;

/// What is read at once.
const CHUNK_BYTES: usize = 1 << 18;

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
    let mut sample = Vec::new();
    io::copy(&mut input.by_ref().take(SAMPLE_BYTES as u64), &mut sample)
        .with_context(|| format!("{name}: reading failed"))?;
    let (adapter, pbx) = match &file.pbx {
        Some(told) => named_adapter(told)?,
        None => (recognized(&name, &sample)?, None),
    };
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
    Ok(Source { name, input, adapter, settings, identity, sample, size })
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

fn recognized(name: &str, sample: &[u8]) -> Result<&'static dyn Adapter> {
    if sample.iter().all(u8::is_ascii_whitespace) {
        bail!("{name}: is empty; name its adapter with --pbx to read it all the same");
    }
    let mut cutter = framing::Cutter::default();
    let mut records: Vec<Vec<u8>> = Vec::new();
    let whole = sample.len() < SAMPLE_BYTES;
    cutter.push(sample, |cut| records.push(cut.bytes.to_vec()));
    if whole || records.is_empty() {
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
    /// Every source has been read to its end, and more may come (`--follow`).
    Waiting,
}

/// Reads all sources side by side, always on with the one that is furthest behind, so that the records of one call that stand
/// in several files come together.
///
/// # Errors
/// A source that cannot be read further; what was read is in the steps before.
pub fn read(sources: Vec<Source>, follow: bool, mut each: impl FnMut(Step<'_>) -> Result<()>) -> Result<()> {
    struct Open<'s> {
        name: &'s str,
        input: &'s mut (dyn Read + Send),
        reader: Reader<'s>,
        sample: &'s [u8],
        clock: Option<Moment>,
        ended: bool,
    }
    let mut sources = sources;
    let mut open: Vec<Open<'_>> = (1u32..)
        .zip(&mut sources)
        .map(|(file, s)| Open {
            name: &s.name,
            input: &mut *s.input,
            reader: Reader::new(s.adapter, &s.settings, &s.identity, file),
            sample: &s.sample,
            clock: None,
            ended: false,
        })
        .collect();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut legs = Legs::default();
    loop {
        let Some(behind) = open.iter_mut().filter(|s| !s.ended).min_by_key(|s| s.clock) else {
            if !follow {
                return Ok(());
            }
            each(Step::Waiting)?;
            std::thread::sleep(std::time::Duration::from_millis(200));
            open.iter_mut().for_each(|s| s.ended = false);
            continue;
        };
        let bytes = if behind.sample.is_empty() {
            let n = behind.input.read(&mut chunk).with_context(|| format!("{}: reading failed", behind.name))?;
            behind.reader.push(&chunk[..n], None, &mut legs);
            if n == 0 {
                behind.ended = true;
                if !follow {
                    behind.reader.finish(None, &mut legs);
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
        let told = legs.legs.iter().filter_map(|l| l.ended_at.or(l.started_at)).max();
        behind.clock = behind.clock.max(told);
        let clock = open.iter().filter(|s| !s.ended || follow).map(|s| s.clock).min().flatten();
        each(Step::Read { legs: &mut legs, bytes: bytes as u64, clock })?;
        legs.legs.clear();
        legs.rejects.clear();
    }
}
