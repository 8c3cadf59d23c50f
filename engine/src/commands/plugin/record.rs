//! `ringback plugin record`: prints events of an installation as JSON lines, to make fixtures of or to run a plugin over.

use std::io::Write;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::commands::{arguments, output::Out};
use crate::installation::Installation;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("record")
        .about("Print events that plugins were told, as JSON lines: each is the event.json of a fixture")
        .arg(arguments::settings().required(true))
        .arg(
            Arg::new("kind")
                .long("kind")
                .value_name("KIND")
                .action(ArgAction::Append)
                .help("Only events of this kind, for example call-missed"),
        )
        .arg(
            Arg::new("last")
                .long("last")
                .value_name("N")
                .default_value("20")
                .value_parser(value_parser!(usize))
                .help("At most so many of each company, the latest"),
        )
}

/// Events that are asked for at once.
const READ_AT_ONCE: usize = 1000;

/// The oldest first.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let installation = Installation::of(&arguments::settings_of(matches))?;
    let kinds: Vec<&String> = matches.get_many("kind").into_iter().flatten().collect();
    let last = matches.get_one::<usize>("last").copied().unwrap_or_default();
    let office = installation.office()?;
    let mut out = Out::stdout();
    for tenant in office.tenants()? {
        let mut kept = std::collections::VecDeque::new();
        let mut seq = 0;
        loop {
            let events = office.events_after(&tenant, seq, READ_AT_ONCE)?;
            let Some(end) = events.last() else { break };
            seq = end.seq;
            for event in events.into_iter().filter(|event| kinds.is_empty() || kinds.contains(&&event.kind)) {
                kept.push_back(
                    runner::read(&event).map_or(event.body, |event| serde_json::to_string(&event).unwrap_or_default()),
                );
                if kept.len() > last {
                    kept.pop_front();
                }
            }
        }
        for line in kept {
            writeln!(out, "{line}")?;
        }
    }
    Ok(out.flush()?)
}
