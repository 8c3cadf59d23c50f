//! `ringback legs`: files of records in, one JSON line a leg out, as the adapter understood it.

use std::io::{self, BufWriter, IsTerminal, Write};

use anyhow::Result;
use calls::Site;
use clap::{ArgMatches, Command};
use serde_json::Value;

use super::arguments::{self, ReadArguments};
use super::output::{Progress, Rejects};
use crate::input::{self, Step};

/// The command's arguments.
pub(crate) fn command() -> Command {
    arguments::add(Command::new("legs").about("Print the legs that files of records tell, one JSON line each"))
}

/// Reads and prints. Numbers are as recorded, and in E.164 beside it where they are one.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let arguments = ReadArguments::of(matches);
    let directory = arguments.directory()?;
    let sources = input::open(&arguments.files, &directory)?;
    let several = sources.len() > 1;
    let mut progress = Progress::over(&sources);
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let table = io::stdout().is_terminal() && !arguments.json;
    let mut rejects = Rejects::new(several);
    let mut site = Site::new(&directory);
    input::read(sources, false, |step| {
        let Step::Read { legs, bytes, .. } = step else { return Ok(()) };
        progress.add(bytes, legs.legs.len());
        for reject in legs.rejects.drain(..) {
            rejects.print(&mut out, &reject, table)?;
        }
        for leg in legs.legs.drain(..) {
            let record = if several {
                format!("{}:{}", leg.position.file, leg.position.record)
            } else {
                leg.position.record.to_string()
            };
            let mut line = adapters::line::line(&leg, &record);
            let mut number =
                |raw: &str| site.e164(&leg.origin.pbx, raw).map_or(Value::Null, |n| Value::String(n.into()));
            for end in ["from", "to"] {
                if let Some(Value::Object(told)) = line.get_mut(end) {
                    let e164 = number(told.get("number").and_then(Value::as_str).unwrap_or_default());
                    told.insert("e164".to_owned(), e164);
                }
            }
            let (did, dialed) = (number(&leg.did), number(&leg.dialed));
            if let Value::Object(told) = &mut line {
                told.insert("did_e164".to_owned(), did);
                told.insert("dialed_e164".to_owned(), dialed);
            }
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    progress.finish();
    out.flush()?;
    Ok(())
}
