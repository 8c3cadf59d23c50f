//! `ringback legs`: files of records in, one line a leg out, as the adapter understood it.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;

use anyhow::Result;
use calls::Site;
use clap::{ArgMatches, Command};
use serde_json::Value;

use super::arguments::{self, ReadArguments};
use super::output::{Out, Progress, Rejects};
use crate::input::{self, Step};

/// The command's arguments.
pub(crate) fn command() -> Command {
    arguments::add(
        Command::new("legs")
            .about("Print the legs that files of records tell, one line each, as the adapter understood them"),
    )
}

/// Reads and prints. Numbers are as recorded, and in E.164 beside it where they are one.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let arguments = ReadArguments::of(matches)?;
    let directory = arguments.directory()?;
    let sources = input::open(&arguments.files, &directory)?;
    let several = sources.len() > 1;
    let mut progress = Progress::over(&sources);
    let mut out = Out::stdout();
    let table = io::stdout().is_terminal() && !arguments.json;
    let mut rejects = Rejects::new(several);
    let mut site = Site::new(&directory);
    let mut count = 0;
    if table {
        table_head(&mut out)?;
    }
    let _read_to_the_end = input::read(sources, false, |step| {
        let Step::Read { legs, bytes, .. } = step else { return Ok(ControlFlow::Continue(())) };
        progress.add(bytes, legs.legs.len());
        for reject in legs.rejects.drain(..) {
            rejects.print(&mut out, &reject, table)?;
        }
        for leg in legs.legs.drain(..) {
            let record = match several {
                true => Value::from(format!("{}:{}", leg.position.file, leg.position.record)),
                false => Value::from(leg.position.record),
            };
            let mut line = adapters::line::line(&leg, "");
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
                told.insert("record".to_owned(), record);
                told.insert("did_e164".to_owned(), did);
                told.insert("dialed_e164".to_owned(), dialed);
            }
            if table {
                table_line(&mut out, &line)?;
            } else {
                writeln!(out, "{line}")?;
            }
            count += 1;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    progress.finish();
    if table {
        writeln!(out, "\n{count} legs; {} records were not understood", rejects.count)?;
    }
    out.flush()?;
    Ok(())
}

fn table_head(out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "{:>8}  {:<19}  {:<16}  {:<16}  {:<12}  {:<13}  disposition",
        "record", "started (UTC)", "from", "to", "stage", "event"
    )?;
    Ok(())
}

/// What helps to find a leg; the whole of it is in its JSON line.
fn table_line(out: &mut impl Write, line: &Value) -> Result<()> {
    let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
    let party = |end: &str| {
        let told = &line[end];
        ["number", "device", "channel"].iter().find_map(|key| text(&told[*key])).unwrap_or_else(|| "-".to_owned())
    };
    let record = text(&line["record"]).unwrap_or_else(|| line["record"].to_string());
    let word = |key: &str| text(&line[key]).unwrap_or_else(|| "-".to_owned());
    writeln!(
        out,
        "{record:>8}  {:<19}  {:<16}  {:<16}  {:<12}  {:<13}  {}",
        word("started_at").get(..19).unwrap_or("-").replace('T', " "),
        party("from"),
        party("to"),
        word("stage"),
        word("event"),
        word("disposition"),
    )?;
    Ok(())
}
