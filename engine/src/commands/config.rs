//! `ringback config`: the settings with their defaults, each explained.

use std::io::Write;

use anyhow::Result;
use clap::Command;

use super::output::Out;
use crate::config;

/// The command's arguments: none.
pub(crate) fn command() -> Command {
    Command::new("config").about("Print the settings with their defaults, each explained")
}

/// Prints the file that is compiled in.
pub(crate) fn run() -> Result<()> {
    let mut out = Out::stdout();
    out.write_all(config::DEFAULT.as_bytes())?;
    out.flush()?;
    Ok(())
}
