//! The binary `ringback`: reads the command line and hands over to the command, one file each under `commands`.

mod commands;
mod embedded;
mod input;
mod pipeline;
mod source;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

/// Legs and lines are made and dropped by the million: the C library's allocator took a third of the time of `ringback calls`
/// (`benches/README.md`, *assemble*).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Finds missed inbound calls in the records of telephone exchanges, and proves what happened
#[derive(Debug, Parser)]
#[command(name = "ringback", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Clickhouse(commands::clickhouse::Arguments),
    #[command(hide = true)]
    ClickhouseChild(commands::clickhouse_child::Arguments),
}

fn main() -> ExitCode {
    let command = CommandLine::command()
        .subcommand(commands::calls::command())
        .subcommand(commands::legs::command())
        .subcommand(commands::adapters::command())
        .subcommand(commands::demo::command());
    let matches = command.get_matches();
    match matches.subcommand() {
        Some(("calls", told)) => end("calls", commands::calls::run(told)),
        Some(("legs", told)) => end("legs", commands::legs::run(told)),
        Some(("adapters", told)) => end("adapters", commands::adapters::run(told)),
        Some(("demo", told)) => end("demo", commands::demo::run(told)),
        _ => derived(&matches),
    }
}

fn derived(matches: &ArgMatches) -> ExitCode {
    match CommandLine::from_arg_matches(matches) {
        Ok(line) => match line.command {
            Command::Clickhouse(arguments) => commands::clickhouse::run(&arguments),
            Command::ClickhouseChild(arguments) => commands::clickhouse_child::run(&arguments),
        },
        Err(error) => error.exit(),
    }
}

/// A wrong argument that only the command can see: exit code 2, as for those that the command line itself refuses.
#[derive(Debug)]
pub(crate) struct WrongArguments(pub(crate) String);

impl std::fmt::Display for WrongArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongArguments {}

/// 0: done; 1: nothing could be done; 2: wrong arguments. Whoever reads our output may stop reading: that is no error.
fn end(command: &str, result: Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    let io_error = error.chain().find_map(|cause| {
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        cause.downcast_ref::<io::Error>().map(io::Error::kind).or(json)
    });
    if io_error == Some(io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let what = if io_error == Some(io::ErrorKind::StorageFull) { "standard output: " } else { "" };
    let _ = writeln!(io::stderr().lock(), "ringback {command}: {what}{error:#}");
    if error.downcast_ref::<WrongArguments>().is_some() { ExitCode::from(2) } else { ExitCode::FAILURE }
}
