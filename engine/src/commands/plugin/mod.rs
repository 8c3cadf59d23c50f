//! `ringback plugin`: what an author of plugins and an administrator do with them, one subcommand, one file.

mod build;
mod new;

use anyhow::Result;
use clap::{ArgMatches, Command};

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("plugin")
        .about("Write and build plugins")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(new::command())
        .subcommand(build::command())
}

/// Hands over to the subcommand.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("new", told)) => new::run(told),
        Some(("build", told)) => build::run(told),
        // The command line asks for one of them.
        _ => Ok(()),
    }
}
