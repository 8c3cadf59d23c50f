//! `ringback clickhouse-child`: the process that the engine of the database runs in. Started by `embedded::open` only.

use std::process::ExitCode;

use crate::embedded::{self, ChildArguments};

/// Run the database's process; started by others of these commands
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    child: ChildArguments,
}

/// Runs until standard input closes.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    embedded::serve(&arguments.child)
}
