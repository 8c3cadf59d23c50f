//! `ringback adapters`: the formats that can be read, from the code's own list.

use std::io::Write;

use adapters::{Ends, Provenance};
use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::output::Out;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("adapters")
        .about("List the record formats that can be read")
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("One JSON line an adapter"))
}

/// Prints the list.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let mut out = Out::stdout();
    for adapter in adapters::pbx::ADAPTERS {
        let about = adapter.about();
        if !matches.get_flag("json") {
            writeln!(out, "{:<20} {}", about.name, about.title)?;
            continue;
        }
        let ends = match about.ends {
            Ends::EachRecord => json!({"kind": "each_record"}),
            Ends::Marker { settle_s } => json!({"kind": "marker", "settle_s": settle_s}),
            Ends::Silence { idle_s, because } => json!({"kind": "silence", "idle_s": idle_s, "because": because}),
            Ends::Never => json!({"kind": "never"}),
        };
        let provenance = match about.provenance {
            Provenance::RealPbx => "from a real PBX",
            Provenance::RealRecords => "from real records",
            Provenance::Documentation => "from documentation",
        };
        let tells: Vec<String> = about.tells.iter().map(adapters::line::word).collect();
        let line = json!({
            "name": about.name, "title": about.title, "versions": about.versions, "provenance": provenance,
            "ends": ends, "tells": tells, "needs": about.needs, "typical_delay_s": about.typical_delay_s,
        });
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}
