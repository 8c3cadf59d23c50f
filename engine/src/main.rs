//! The binary `ringback`: reads the command line and hands over to the command, one file each under `commands`.

mod acting;
mod commands;
mod config;
mod demo;
mod embedded;
mod guessing;
mod input;
mod installation;
mod pipeline;
mod source;
mod telemetry;
mod viewing;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use commands::output::OutputError;

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
        .subcommand(commands::config::command())
        .subcommand(commands::migrate::command())
        .subcommand(commands::demo::command())
        .subcommand(commands::run::command())
        .subcommand(commands::audit::command())
        .subcommand(commands::check::command())
        .subcommand(commands::repair::command())
        .subcommand(commands::generate::command())
        .subcommand(commands::plugin::command())
        .subcommand(commands::user::command());
    let matches = command.get_matches();
    match matches.subcommand() {
        Some(("calls", told)) => end("calls", commands::calls::run(told)),
        Some(("legs", told)) => end("legs", commands::legs::run(told)),
        Some(("adapters", told)) => end("adapters", commands::adapters::run(told)),
        Some(("config", _)) => end("config", commands::config::run()),
        Some(("migrate", told)) => end("migrate", commands::migrate::run(told)),
        Some(("plugin", told)) => end("plugin", commands::plugin::run(told)),
        Some(("user", told)) => end("user", commands::user::run(told)),
        Some(("generate", told)) => end("generate", commands::generate::run(told)),
        Some(("demo", told)) => end("demo", commands::demo::run(told)),
        Some(("run", told)) => end("run", commands::run::run(told)),
        Some(("audit", told)) => end("audit", commands::audit::run(told)),
        Some(("check", told)) => end("check", commands::check::run(told)),
        Some(("repair", told)) => end("repair", commands::repair::run(told)),
        _ => derived(&matches),
    }
}

fn derived(matches: &ArgMatches) -> ExitCode {
    match CommandLine::from_arg_matches(matches) {
        Ok(line) => match line.command {
            Command::Clickhouse(arguments) => end("clickhouse", commands::clickhouse::run(&arguments)),
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
    let output_error = |cause: &(dyn std::error::Error + 'static)| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.and_then(|inner| inner.downcast_ref::<OutputError>()).map(|told| told.kind)
    };
    if error.chain().find_map(output_error) == Some(io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(io::stderr().lock(), "ringback {command}: {error:#}");
    if error.downcast_ref::<WrongArguments>().is_some() { ExitCode::from(2) } else { ExitCode::FAILURE }
}
