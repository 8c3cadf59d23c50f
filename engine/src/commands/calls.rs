//! `ringback calls`: files of records in, one line a call out, with its verdict.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use adapters::Ends;
use anyhow::Result;
use calls::line::Word;
use calls::{CallLine, Calls, Site, Told};
use clap::{Arg, ArgAction, ArgMatches, Command};
use compact_str::CompactString;
use serde_json::Value;

use super::arguments::{self, ReadArguments};
use super::output::{Out, Progress, Rejects};
use super::signals::Signals;
use crate::input::{self, Step};

/// The command's arguments.
pub(crate) fn command() -> Command {
    arguments::add(
        Command::new("calls")
            .about("Print the calls that files of records tell, one line each, with the verdict and its proof"),
    )
    .arg(
        Arg::new("follow")
            .long("follow")
            .action(ArgAction::SetTrue)
            .help("Go on reading as the files grow, and print early verdicts too"),
    )
}

/// Reads, folds, prints.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let arguments = ReadArguments::of(matches)?;
    let directory = arguments.directory()?;
    let sources = input::open(&arguments.files, &directory)?;
    let several = sources.len() > 1;
    let ends: Vec<Ends> = sources.iter().map(|s| s.adapter().about().ends).collect();
    let settle_ms = ends
        .iter()
        .map(|e| if let Ends::Marker { settle_s } = e { i64::from(*settle_s) * 1000 } else { 0 })
        .max()
        .unwrap_or(0);
    let table = io::stdout().is_terminal() && !arguments.json;
    let mut progress = Progress::over(&sources);
    let mut printer =
        Printer { out: Out::stdout(), table, line: Vec::new(), summary: Summary::default(), revisions: HashMap::new() };
    printer.head()?;
    let mut rejects = Rejects::new(several);
    let mut calls = Calls::new(Site::new(&directory), &ends, several);
    if arguments.follow {
        calls = calls.with_open();
    }
    let mut touched = Vec::new();
    let signals = if arguments.follow { Some(Signals::listen()?) } else { None };
    let is_signaled = |wait: Duration| signals.as_ref().is_some_and(|s| s.came_within(wait));
    let read = input::read(sources, arguments.follow, |step| {
        match step {
            Step::Read { legs, bytes, clock } => {
                progress.add(bytes, legs.legs.len());
                for reject in legs.rejects.drain(..) {
                    rejects.print(&mut printer.out, &reject, table)?;
                }
                // Of a whole file the clock first: legs that were read together are held beyond the last of them, in whatever order they stand.
                // What is followed comes as it happens.
                if let (Some(clock), false) = (clock, arguments.follow) {
                    calls.advance(clock);
                }
                for leg in legs.legs.drain(..) {
                    let slot = calls.push(leg);
                    if arguments.follow {
                        touched.push(slot);
                    }
                }
                if let Some(clock) = clock {
                    calls.advance(clock);
                }
                let mut failed = None;
                calls.drain(|told| failed = failed.take().or(printer.print(&told).err()));
                if let Some(error) = failed {
                    return Err(error);
                }
                calls.merged().iter().try_for_each(|line| printer.print_now(line))?;
                if is_signaled(Duration::ZERO) {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Step::Waiting => {
                touched.sort_unstable();
                touched.dedup();
                for slot in touched.drain(..) {
                    if let Some(call) = calls.now(slot, settle_ms) {
                        printer.print_now(&call.line)?;
                    }
                }
                calls.merged().iter().try_for_each(|line| printer.print_now(line))?;
                printer.out.flush()?;
                if is_signaled(LOOK_AGAIN_AFTER) {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    // A signal ends the reading and not the calls: what was known of the open ones has been printed.
    if read.is_break() {
        progress.finish();
        printer.out.flush()?;
        return Ok(());
    }
    let mut failed = None;
    calls.finish(|told| failed = failed.take().or(printer.print(&told).err()));
    if let Some(error) = failed {
        return Err(error);
    }
    calls.merged().iter().try_for_each(|line| printer.print_now(line))?;
    progress.finish();
    printer.foot(&rejects)
}

/// How long files that are followed are left alone.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

struct Printer<W: Write> {
    out: W,
    table: bool,
    /// The line that is written, kept for its memory.
    line: Vec<u8>,
    summary: Summary,
    /// Calls that may be printed again.
    revisions: HashMap<CompactString, Printed>,
}

/// How often a call was printed, and a hash of what was printed last.
#[derive(Default)]
struct Printed {
    revision: u32,
    content: u64,
}

#[derive(Default)]
struct Summary {
    calls: u64,
    inbound: u64,
    missed: u64,
    by_outcome: std::collections::BTreeMap<&'static str, u64>,
    by_follow_up: std::collections::BTreeMap<&'static str, u64>,
}

impl<W: Write> Printer<W> {
    fn head(&mut self) -> Result<()> {
        if self.table {
            writeln!(
                self.out,
                "{:<19}  {:<8}  {:<16}  {:<17}  {:<12}  {:<6}  {:>7}  {:>7}  outcome",
                "started (UTC)", "way", "caller", "called", "answered by", "", "wait s", "talk s"
            )?;
        }
        Ok(())
    }

    /// A call as it is known now, that will be given again.
    fn print_now(&mut self, line: &CallLine) -> Result<()> {
        let json = serde_json::to_string(&CallLine { revision: 1, ..line.clone() })?;
        self.print_again(&line.call_id, &json)
    }

    /// A call that is final.
    fn print(&mut self, told: &Told) -> Result<()> {
        if let Told::Open(held) = told {
            return self.print_again(&held.call_id, &told.json());
        }
        self.summary.count(told);
        match self.revisions.get(told.call_id().as_str()) {
            None if !self.table => {
                self.line.clear();
                told.write_json(&mut self.line);
                self.line.push(b'\n');
                self.out.write_all(&self.line)?;
                Ok(())
            }
            None => self.write(&told.json()),
            Some(_) => {
                self.print_again(told.call_id(), &told.json())?;
                self.revisions.remove(told.call_id().as_str());
                Ok(())
            }
        }
    }

    /// Prints a line whose revision is written as 1 with the one that it has; nothing if it was printed so already.
    fn print_again(&mut self, call_id: &CompactString, json: &str) -> Result<()> {
        let printed = self.revisions.entry(call_id.clone()).or_default();
        let content = xxhash_rust::xxh3::xxh3_64(json.as_bytes());
        if printed.revision > 0 && printed.content == content {
            return Ok(());
        }
        *printed = Printed { revision: printed.revision + 1, content };
        let revision = format!("\"revision\":{},", printed.revision);
        self.write(&json.replacen("\"revision\":1,", &revision, 1))
    }

    fn write(&mut self, json: &str) -> Result<()> {
        if !self.table {
            self.out.write_all(json.as_bytes())?;
            self.out.write_all(b"\n")?;
            return Ok(());
        }
        let line: Value = serde_json::from_str(json)?;
        let text = |key: &str| line.get(key).and_then(Value::as_str);
        let seconds =
            |key: &str| line.get(key).and_then(Value::as_f64).map_or_else(|| "?".to_owned(), |s| format!("{s:.1}"));
        let answered_by: Vec<&str> =
            line["answered_by"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        writeln!(
            self.out,
            "{:<19}  {:<8}  {:<16}  {:<17}  {:<12}  {:<6}  {:>7}  {:>7}  {}",
            text("started_at").and_then(|t| t.get(..19)).unwrap_or("-").replace('T', " "),
            text("direction").unwrap_or("-"),
            text("caller").or(text("caller_extension")).or(text("caller_raw")).unwrap_or("-"),
            text("first_target").or(text("dialed")).unwrap_or("-"),
            answered_by.join(","),
            if line["missed"] == true { "MISSED" } else { "" },
            seconds("wait_time_s"),
            seconds("talk_time_s"),
            text("outcome").unwrap_or("-"),
        )?;
        Ok(())
    }

    fn foot(&mut self, rejects: &Rejects) -> Result<()> {
        let summary = &self.summary;
        if self.table {
            writeln!(
                self.out,
                "\n{} calls, {} of them inbound; {} missed; {} records were not understood",
                summary.calls, summary.inbound, summary.missed, rejects.count
            )?;
            let outcomes: Vec<String> = summary.by_outcome.iter().map(|(o, n)| format!("{o} {n}")).collect();
            writeln!(self.out, "inbound by outcome: {}", outcomes.join(", "))?;
            let follow_ups: Vec<String> = summary.by_follow_up.iter().map(|(s, n)| format!("{s} {n}")).collect();
            if !follow_ups.is_empty() {
                writeln!(self.out, "missed by follow-up: {}", follow_ups.join(", "))?;
            }
        }
        self.out.flush()?;
        Ok(())
    }
}

impl Summary {
    fn count(&mut self, told: &Told) {
        let (direction, outcome, missed, follow_up) = told.facts();
        self.calls += 1;
        if direction == calls::journey::Direction::Inbound {
            self.inbound += 1;
            *self.by_outcome.entry(outcome.word()).or_default() += 1;
        }
        if missed {
            self.missed += 1;
            let status = follow_up.map_or("none", |f| f.status.word());
            *self.by_follow_up.entry(status).or_default() += 1;
        }
    }
}
