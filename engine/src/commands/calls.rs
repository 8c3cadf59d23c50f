//! `ringback calls`: files of records in, one line a call out, with its verdict.

use std::collections::HashMap;
use std::io::{self, BufWriter, IsTerminal, Write};

use adapters::Ends;
use anyhow::Result;
use calls::line::Word;
use calls::{CallLine, Calls, Site};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::arguments::{self, ReadArguments};
use super::output::{Progress, Rejects};
use crate::input::{self, Step};

/// The command's arguments.
pub(crate) fn command() -> Command {
    arguments::add(Command::new("calls").about("Print the calls that files of records tell, one line each, with the verdict and its proof"))
        .arg(Arg::new("follow").long("follow").action(ArgAction::SetTrue).help("Go on reading as the files grow, and print early verdicts too"))
}

/// Reads, folds, prints.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let arguments = ReadArguments::of(matches);
    let directory = arguments.directory()?;
    let sources = input::open(&arguments.files, &directory)?;
    let several = sources.len() > 1;
    let ends: Vec<Ends> = sources.iter().map(|s| s.adapter().about().ends).collect();
    let settle_ms = ends.iter().map(|e| if let Ends::Marker { settle_s } = e { i64::from(*settle_s) * 1000 } else { 0 }).max().unwrap_or(0);
    let table = io::stdout().is_terminal() && !arguments.json;
    let mut progress = Progress::over(&sources);
    let mut printer = Printer { out: BufWriter::with_capacity(1 << 16, io::stdout().lock()), table, summary: Summary::default(), revisions: HashMap::new(), follow: arguments.follow };
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
                calls.drain(|line| failed = failed.take().or(printer.print(line).err()));
                if let Some(error) = failed {
                    return Err(error);
                }
            }
            Step::Waiting => {
                touched.sort_unstable();
                touched.dedup();
                for slot in touched.drain(..) {
                    if let Some(call) = calls.now(slot, settle_ms) {
                        printer.print(call.line)?;
                    }
                }
                printer.out.flush()?;
            }
        }
        Ok(())
    })?;
    let mut failed = None;
    calls.finish(|line| failed = failed.take().or(printer.print(line).err()));
    if let Some(error) = failed {
        return Err(error);
    }
    progress.finish();
    printer.foot(&rejects)
}

struct Printer<W: Write> {
    out: W,
    table: bool,
    summary: Summary,
    follow: bool,
    /// Of calls that may be printed again: how often they were, and what was printed.
    revisions: HashMap<compact_str::CompactString, (u32, String)>,
}

#[derive(Default)]
struct Summary {
    calls: u64,
    inbound: u64,
    missed: u64,
    by_outcome: std::collections::BTreeMap<&'static str, u64>,
    by_follow_up: std::collections::BTreeMap<String, u64>,
}

impl<W: Write> Printer<W> {
    fn head(&mut self) -> Result<()> {
        if self.table {
            writeln!(self.out, "{:<19}  {:<8}  {:<16}  {:<17}  {:<12}  {:<10}  {:>7}  {:>7}  {}", "started (UTC)", "way", "caller", "called", "answered by", "", "wait s", "talk s", "outcome")?;
        }
        Ok(())
    }

    fn print(&mut self, mut line: CallLine) -> Result<()> {
        if self.follow {
            let content = serde_json::to_string(&CallLine { revision: 0, ..line.clone() })?;
            let known = self.revisions.entry(line.call_id.clone()).or_default();
            if known.1 == content {
                return Ok(());
            }
            known.0 += 1;
            known.1 = content;
            line.revision = known.0;
        }
        if line.revision == 1 {
            self.summary.count(&line);
        }
        if !self.table {
            serde_json::to_writer(&mut self.out, &line)?;
            self.out.write_all(b"\n")?;
            return Ok(());
        }
        let dash = || "-".into();
        let started = adapters::line::moment(line.started_at);
        let seconds = |s: Option<calls::line::Seconds>| s.map_or_else(|| "?".to_owned(), |s| format!("{:.1}", s.ms as f64 / 1000.0));
        writeln!(
            self.out,
            "{:<19}  {:<8}  {:<16}  {:<17}  {:<12}  {:<10}  {:>7}  {:>7}  {}",
            started.get(..19).unwrap_or(&started).replace('T', " "),
            line.direction.word(),
            line.caller.clone().or(line.caller_extension.clone()).or(line.caller_raw.clone()).unwrap_or_else(dash),
            line.first_target.clone().or(line.dialed.clone()).unwrap_or_else(dash),
            line.answered_by.join(","),
            if line.missed { "MISSED" } else { "" },
            seconds(line.wait_time_s),
            seconds(line.talk_time_s),
            line.outcome.word(),
        )?;
        Ok(())
    }

    fn foot(&mut self, rejects: &Rejects) -> Result<()> {
        let summary = &self.summary;
        if self.table {
            writeln!(self.out, "\n{} calls, {} of them inbound; {} missed; {} records were not understood", summary.calls, summary.inbound, summary.missed, rejects.count)?;
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
    fn count(&mut self, line: &CallLine) {
        self.calls += 1;
        if line.direction == calls::journey::Direction::Inbound {
            self.inbound += 1;
            *self.by_outcome.entry(line.outcome.word()).or_default() += 1;
        }
        if line.missed {
            self.missed += 1;
            let status = line.follow_up.as_ref().map_or_else(|| "none".to_owned(), |f| adapters::line::word(f.status));
            *self.by_follow_up.entry(status).or_default() += 1;
        }
    }
}
