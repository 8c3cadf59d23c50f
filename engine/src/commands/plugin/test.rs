//! `ringback plugin test`: runs a built plugin over its fixtures, in the sandbox with its limits.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use sandbox::{HostLimits, Sandbox, fixture};

use crate::commands::output::Out;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("test")
        .about("Run a built plugin over its fixtures, in the sandbox with its limits")
        .arg(
            Arg::new("folder")
                .value_name("FOLDER")
                .default_value(".")
                .value_parser(value_parser!(PathBuf))
                .help("The plugin's folder"),
        )
        .arg(
            Arg::new("bless")
                .long("bless")
                .action(ArgAction::SetTrue)
                .help("Write what came out into each actions.json: read the difference before you commit it"),
        )
}

/// Exit code 1 if one fixture fails, or there is none.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let folder = matches.get_one::<PathBuf>("folder").cloned().unwrap_or_default();
    let manifest = super::manifest_text(&folder)?;
    let wasm = folder.join("plugin.wasm");
    let wasm = std::fs::read(&wasm).with_context(|| {
        format!("{}: cannot be read; `ringback plugin build {}` makes it", wasm.display(), folder.display())
    })?;
    let sandbox = Sandbox::new(&HostLimits::default(), None).map_err(|error| anyhow!("{error}"))?;
    let all = super::asked(&folder)?.into_iter().collect();
    let plugin = sandbox
        .load_bytes(&manifest, &wasm, &toml::Table::new(), &all)
        .map_err(|error| anyhow!("{}: {error}", folder.display()))?;
    let fixtures = fixture::read(&folder).map_err(|error| anyhow!("{error}"))?;
    if fixtures.is_empty() {
        bail!(
            "{}: there are no fixtures; make fixtures/BEHAVIOR/event.json and actions.json (`ringback plugin record` gives events)",
            folder.display()
        );
    }
    let mut out = Out::stdout();
    let mut failed = 0;
    for fixture in &fixtures {
        let report = fixture::run(&plugin, fixture);
        if !report.passed() && matches.get_flag("bless") {
            let path = folder.join("fixtures").join(&fixture.name).join("actions.json");
            let text = serde_json::to_string_pretty(&report.actual)?;
            std::fs::write(&path, format!("{text}\n"))
                .with_context(|| format!("{}: cannot be written", path.display()))?;
            writeln!(out, "{}: written", path.display())?;
            continue;
        }
        failed += usize::from(!report.passed());
        writeln!(out, "{report}")?;
    }
    writeln!(out, "{} fixtures, {failed} failed", fixtures.len())?;
    out.flush()?;
    if failed > 0 {
        bail!("{failed} of {} fixtures failed", fixtures.len());
    }
    Ok(())
}
