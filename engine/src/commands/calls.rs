//! `ringback calls`: files of records in, one line a call out, with its verdict.

use std::collections::HashMap;
use std::io::{self, BufWriter, IsTerminal, Write};

use adapters::Ends;
use anyhow::Result;
use calls::line::Word;
use calls::{CallLine, Calls, Site, Told};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;

use super::arguments::{self, ReadArguments};
use super::output::{Progress, Rejects};
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
    let arguments = ReadArguments::of(matches);
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
    let mut printer = Printer {
        out: BufWriter::with_capacity(1 << 16, io::stdout().lock()),
        table,
        line: Vec::new(),
        summary: Summary::default(),
        revisions: HashMap::new(),
    };
    printer.head()?;
    let mut rejects = Rejects::new(several);
    let mut calls = Calls::new(Site::new(&directory), &ends, several);
    let mut touched = Vec::new();
    input::read(sources, arguments.follow, |step| {
        match step {
            Step::Read { legs, bytes, clock } => {
                progress.add(bytes, legs.legs.len());
                for reject in legs.rejects.drain(..) {
                    rejects.print(&mut printer.out, &reject, table)?;
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
            }
            Step::Waiting => {
                touched.sort_unstable();
                touched.dedup();
                for slot in touched.drain(..) {
                    if let Some(call) = calls.now(slot, settle_ms) {
                        printer.print_now(call.line)?;
                    }
                }
                printer.out.flush()?;
            }
        }
        Ok(())
    })?;
    let mut failed = None;
    calls.finish(|told| failed = failed.take().or(printer.print(&told).err()));
    if let Some(error) = failed {
        return Err(error);
    }
    progress.finish();
    printer.foot(&rejects)
}

struct Printer<W: Write> {
    out: W,
    table: bool,
    /// The line that is written, kept for its memory.
    line: Vec<u8>,
    summary: Summary,
    /// Of calls that may be printed again: how often they were, and what was printed.
    revisions: HashMap<compact_str::CompactString, (u32, String)>,
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

    /// A call as it is known now; nothing if it was printed so already.
    fn print_now(&mut self, mut line: CallLine) -> Result<()> {
        let content = serde_json::to_string(&CallLine { revision: 0, ..line.clone() })?;
        let known = self.revisions.entry(line.call_id.clone()).or_default();
        if known.1 == content {
            return Ok(());
        }
        known.0 += 1;
        known.1 = content;
        line.revision = known.0;
        self.write(&serde_json::to_string(&line)?)
    }

    /// A call that is done, for good.
    fn print(&mut self, told: &Told) -> Result<()> {
        self.summary.count(told);
        if self.revisions.is_empty() && !self.table {
            self.line.clear();
            told.write_json(&mut self.line);
            self.line.push(b'\n');
            self.out.write_all(&self.line)?;
            return Ok(());
        }
        let mut json = told.json();
        if let Some((revision, _)) = self.revisions.remove(told.call_id().as_str()) {
            json = json.replacen("\"revision\":1,", &format!("\"revision\":{},", revision + 1), 1);
        }
        self.write(&json)
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
