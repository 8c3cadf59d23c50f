//! A site file from the records of files that can be read twice: once for it, once by it.

use std::io::{ErrorKind, Read};

use adapters::Settings;
use adapters::leg::Leg;
use adapters::reader::Reader;
use anyhow::{Context, Result};
use calls::guess::{Guessed, Guesser, READ_IN};
use directory::Directory;

use crate::commands::output::Progress;
use crate::input::{self, CHUNK_BYTES, Named, Source};

/// Legs of one file from which is guessed; what comes behind them in a larger one is not looked at.
const FILE_LEGS_MAX: u64 = 2_000_000;

/// Every one of them can be read again from its beginning: none is a pipe.
pub(crate) fn can_be_read_twice(files: &[Named]) -> bool {
    let is_pipe = |file: &Named| {
        let told = std::fs::metadata(&file.path);
        file.path.as_os_str() == "-" || told.is_ok_and(|told| !told.is_file() && !told.is_dir())
    };
    !files.iter().any(is_pipe)
}

/// What the records of these files show of their company, and the clock of this machine.
///
/// # Errors
/// As of [`input::open`]; a file that cannot be read further.
pub(crate) fn guessed(files: &[Named]) -> Result<Guessed> {
    let mut sources = input::open(files, &Directory::without_site_file("main"))?;
    let mut progress = Progress::of(sources.iter().map(Source::size).sum(), "bytes", true);
    let mut guesser = Guesser::default();
    for (source, file) in sources.iter_mut().zip(1..) {
        read(source, file, &mut guesser, &mut progress)?;
    }
    progress.finish();
    let machine = iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok());
    Ok(guesser.site_file(machine))
}

fn read(source: &mut Source, file: u32, guesser: &mut Guesser, progress: &mut Progress) -> Result<()> {
    let (adapter, identity, name) = (source.adapter(), source.identity().to_vec(), source.name().to_owned());
    let settings = READ_IN.map(|zone| Settings { zone, ..source.settings().clone() });
    let mut readers = settings.each_ref().map(|settings| Reader::new(adapter, settings, &identity, file));
    let mut legs = [(); READ_IN.len()].map(|()| adapters::Legs::default());
    let mut bytes = source.bytes();
    let (mut chunk, mut count) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let read = match bytes.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).with_context(|| format!("{name}: reading failed")),
        };
        for (reader, out) in readers.iter_mut().zip(&mut legs) {
            match chunk.get(..read) {
                Some(new) if !new.is_empty() => reader.push(new, None, out),
                _ => reader.finish(None, out),
            }
        }
        let [told, in_utc, far] = &mut legs;
        count += told.legs.len() as u64;
        told.legs.iter().for_each(|leg| guesser.add(leg));
        clocks(guesser, &told.legs, &in_utc.legs, &far.legs);
        for out in [told, in_utc, far] {
            out.legs.clear();
            out.marks.clear();
            out.rejects.clear();
        }
        progress.add(read as u64, 0);
        if read == 0 {
            return Ok(());
        }
        if count >= FILE_LEGS_MAX {
            guesser.is_part();
            return Ok(());
        }
    }
}

/// What three readings of the same legs tell of clocks. A record that one of them refused, since its end would be before its start, makes
/// them different: then these legs say nothing.
fn clocks(guesser: &mut Guesser, told: &[Leg], in_utc: &[Leg], far: &[Leg]) {
    if told.len() != in_utc.len() || told.len() != far.len() {
        return;
    }
    for ((told, in_utc), far) in told.iter().zip(in_utc).zip(far) {
        if told.leg_id == in_utc.leg_id && told.leg_id == far.leg_id {
            guesser.add_clock(told, in_utc, far);
        }
    }
}
