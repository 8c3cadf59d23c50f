//! `ringback plugin backtest`: history through a plugin, with what it would have asked for and what deliver would have made of that.
//!
//! The stored legs of a span of time are folded again as they reached the log, into an office in memory; the plugin hears what it would
//! have heard then. Beside it the version in force does the same, where there is another. Nothing is done.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::Leg;
use adapters::leg::{Moment, Text};
use anyhow::{Context, Result, anyhow, bail};
use calls::event::{Event, Pairs};
use calls::window::Kept;
use calls::{Live, Site, Windows};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use deliver::decide::{Decision, decide};
use deliver::known::{KnownOf, claim_of};
use directory::Directory;
use office::{Action, ClaimDial, Claimed, NewPlugin, Office, PluginState};
use runner::{Limits, RawRecords, Runner};
use serde_json::{Value, json};
use store::{LegsOf, Store};
use stream::Conclusions;

use crate::WrongArguments;
use crate::commands::{arguments, output::Out, store_url};
use crate::installation::Installation;
use crate::pipeline::telling::{Speaker, told};
use crate::pipeline::{now, say};

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("backtest")
        .about("Run the calls that are stored through a plugin: what it would have asked for, and what would have been held back")
        .arg(arguments::settings().required(true))
        .arg(
            Arg::new("plugin")
                .value_name("FOLDER|NAME")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("A built plugin's folder, or the name of one that is installed"),
        )
        .arg(
            Arg::new("last-days")
                .long("last-days")
                .value_name("N")
                .default_value("30")
                .value_parser(value_parser!(u32).range(1..=400))
                .help("So many days"),
        )
        .arg(
            Arg::new("until")
                .long("until")
                .value_name("MOMENT")
                .value_parser(moment)
                .help("Up to this moment, for example 2026-11-25T00:00:00Z; left out, up to now"),
        )
        .arg(Arg::new("tenant").long("tenant").value_name("NAME").help("Which company, where there are several"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("JSON lines, also on a terminal"))
}

fn moment(text: &str) -> Result<Moment, String> {
    let told = Value::String(text.to_owned());
    let time: calls::event::Time = serde_json::from_value(told).map_err(|error| error.to_string())?;
    i64::try_from(time.0).map(Moment).map_err(|error| error.to_string())
}

const DAY_MS: i64 = 86_400_000;

/// Plugins have their turn after so much of the log's time, in milliseconds.
const STEP_MS: i64 = 1000;

/// Due actions that are looked at after a step.
const DUE_MAX: usize = 10_000;

/// Prints what each version would have asked for, and the sums.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let installation = Installation::of(&arguments::settings_of(matches))?;
    let named = matches.get_one::<PathBuf>("plugin").cloned().unwrap_or_default();
    let directories = installation.directories()?;
    let tenant = match (matches.get_one::<String>("tenant"), directories.len()) {
        (Some(tenant), _) => tenant.clone(),
        (None, 1) => directories.keys().next().cloned().unwrap_or_default(),
        (None, _) => {
            let known: Vec<&str> = directories.keys().map(String::as_str).collect();
            return Err(WrongArguments(format!("--tenant: name one of {}", known.join(", "))).into());
        }
    };
    let directory = directories
        .get(&tenant)
        .cloned()
        .ok_or_else(|| WrongArguments(format!("--tenant {tenant}: engine.toml names no such company")))?;
    let days = matches.get_one::<u32>("last-days").copied().unwrap_or(30);
    let until = matches.get_one::<Moment>("until").copied().unwrap_or_else(now);
    let span = (until.plus_ms(-i64::from(days) * DAY_MS), until);
    let store = Store::at(&store_url(&installation.config)?, &installation.config.clickhouse.database);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let mut out = Out::stdout();
    let mut versions = Vec::new();
    for (label, folder) in folders(&installation, &named) {
        let mut tested = Tested::of(&installation, &folder, &tenant, &directory)?;
        let history = History { store: &store, tenant: &tenant, directory: &directory, span };
        runtime.block_on(history.play(&mut tested))?;
        for line in &tested.lines {
            if matches.get_flag("json") {
                writeln!(out, "{}", json!({"version": label, "asked": line}))?;
            } else {
                writeln!(out, "{label:<9} {}", shown(line))?;
            }
        }
        versions.push((label, tested.sums()));
    }
    for (label, sums) in versions {
        if matches.get_flag("json") {
            writeln!(out, "{}", json!({"version": label, "sums": sums}))?;
            continue;
        }
        let sums: Vec<String> = sums.iter().map(|(what, count)| format!("{count} {what}")).collect();
        let sums = if sums.is_empty() { "nothing would have been asked for".to_owned() } else { sums.join(", ") };
        writeln!(out, "{label:<9} in {days} days: {sums}")?;
    }
    Ok(out.flush()?)
}

/// The plugin that is tested, and the one in force, where that is another.
fn folders(installation: &Installation, named: &Path) -> Vec<(&'static str, PathBuf)> {
    let own = installation.plugins();
    if !named.join("plugin.toml").is_file() {
        return vec![("in force", own.join(named))];
    }
    let mut folders = vec![("tested", named.to_owned())];
    if let Ok(name) = super::manifest_of(named)
        && own.join(&name).join("plugin.wasm").is_file()
        && own.join(&name).canonicalize().ok() != named.canonicalize().ok()
    {
        folders.push(("in force", own.join(name)));
    }
    folders
}

/// A plugin with an office of its own, in memory.
struct Tested {
    office: Office,
    runner: Runner,
    kinds: Vec<String>,
    settings: deliver::settings::DeliverSettings,
    tenant: String,
    directory: Arc<Directory>,
    lines: Vec<Value>,
}

struct NoRaw;

impl RawRecords for NoRaw {
    fn raw(&self, _: &Event) -> Result<Vec<Pairs>, String> {
        Ok(Vec::new())
    }
}

impl Tested {
    fn of(installation: &Installation, folder: &Path, tenant: &str, directory: &Arc<Directory>) -> Result<Tested> {
        let name = super::manifest_of(folder)?;
        let parent = folder.canonicalize().ok().and_then(|folder| folder.parent().map(Path::to_owned));
        let Some(parent) = parent.filter(|_| folder.canonicalize().is_ok_and(|folder| folder.ends_with(&name))) else {
            bail!("{}: the folder of the plugin {name} must be called so", folder.display());
        };
        let office = Office::open("sqlite::memory:", installation.config.office.busy_ms.get())?;
        office.install(&NewPlugin {
            name,
            version: String::new(),
            sha256: String::new(),
            state: PluginState::Live,
            by: "backtest".to_owned(),
            note: String::new(),
            now: 0,
        })?;
        let parts = runner::Parts {
            office: office.clone(),
            sandbox: installation.sandbox()?,
            folder: parent,
            told: installation.told(),
            directories: BTreeMap::from([(tenant.to_owned(), Arc::clone(directory))]),
            raw: Arc::new(NoRaw),
        };
        let mut runner = Runner::new(parts, Limits::default());
        runner.turn(&[], 0)?.said.iter().for_each(|said| say(said));
        let kinds = runner.heard_kinds();
        if kinds.is_empty() {
            bail!("{}: the plugin cannot be loaded, or hears nothing", folder.display());
        }
        let settings = installation.config.deliver.clone();
        let (tenant, directory) = (tenant.to_owned(), Arc::clone(directory));
        Ok(Tested { office, runner, kinds, settings, tenant, directory, lines: Vec::new() })
    }

    /// Something was concluded, or only time has passed.
    fn step(&mut self, conclusions: &Conclusions) -> Result<()> {
        let owner = office::Owner { epoch: 0, versions: 0 };
        let speaker = Speaker { topic: "history", partition: 0, owner };
        self.office.tell(&told(speaker, conclusions, conclusions.clock, &self.kinds, Moment(i64::MIN)))?;
        let now = conclusions.clock.0;
        while self.runner.turn(std::slice::from_ref(&self.tenant), now)?.has_more {}
        for action in self.office.due_actions(&deliver::driver::KINDS, now, DUE_MAX)? {
            let (decision, why) = self.decided(&action, now)?;
            if decision == "waits" {
                continue;
            }
            self.lines.push(json!({
                "at": adapters::line::moment(Moment(now)), "kind": action.kind, "key": action.key, "follow_up": action.follow_up,
                "customer": action.customer, "decision": decision, "why": why,
                "body": serde_json::from_str::<Value>(&action.body).unwrap_or_default(),
            }));
        }
        Ok(())
    }

    /// What deliver would have made of it. What it would have done is taken as done, without saying how it ended.
    fn decided(&self, action: &Action, now: i64) -> Result<(&'static str, String)> {
        let known = match KnownOf::read(&self.office, action)? {
            Ok(known) => known,
            Err(why) => {
                self.office.hold(&action.key, &why, now)?;
                return Ok(("held", why));
            }
        };
        Ok(match decide(known.as_asked(action), &self.settings, self.directory.zone(), now) {
            Decision::Wait { until, why } => {
                self.office.reschedule(&action.key, until, &why)?;
                ("waits", why)
            }
            Decision::Hold { why } => {
                self.office.hold(&action.key, &why, now)?;
                ("held", why)
            }
            Decision::Expire { why } => {
                self.office.hold(&action.key, &why, now)?;
                ("expired", why)
            }
            Decision::Go => match self.claimed(action, &known, now)? {
                Claimed::Held { reason, .. } => {
                    self.office.hold(&action.key, &reason, now)?;
                    ("held", reason)
                }
                _ => ("done", String::new()),
            },
        })
    }

    /// Nothing that was claimed lapses: how it would have ended is not known.
    fn claimed(&self, action: &Action, known: &KnownOf, now: i64) -> Result<Claimed> {
        let (holder, until) = ("backtest", i64::MAX);
        if !known.is_dial {
            return Ok(self.office.claim_action(&action.key, holder, now, until)?);
        }
        let number = known.customer.as_deref().unwrap_or_default();
        let dial = claim_of(&self.settings, &action.key, holder, number, now);
        Ok(self.office.claim_dial(&ClaimDial { until, ..dial })?)
    }

    fn sums(&self) -> BTreeMap<String, usize> {
        let mut sums = BTreeMap::new();
        for line in &self.lines {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            *sums.entry(format!("{} {}", text("kind"), text("decision"))).or_default() += 1;
        }
        sums
    }
}

/// What is stored of a company in a span of time.
struct History<'h> {
    store: &'h Store,
    tenant: &'h str,
    directory: &'h Directory,
    span: (Moment, Moment),
}

impl History<'_> {
    async fn play(&self, tested: &mut Tested) -> Result<()> {
        let windows = Windows::new(Kept::default(), self.directory).map_err(|error| anyhow!("{error}"))?;
        let mut live = Live::new(Site::new(self.directory), false, calls::live::Limits::default()).counted(windows);
        let (from, to) = self.span;
        let of = LegsOf::Logged { tenant: self.tenant.to_owned(), from, to };
        let mut legs = self.store.legs(&of).context("the stored legs")?;
        let (mut version, mut position, mut stepped_at) = (0, 0, Moment(i64::MIN));
        while let Some(block) = legs.next_block().await.context("the stored legs")? {
            for (leg, place) in block {
                let logged_at: Moment = place.logged_at;
                if stepped_at.0 != i64::MIN && logged_at.ms_since(stepped_at) >= STEP_MS {
                    self.catch_up(&mut live, tested, logged_at, &mut version)?;
                }
                if stepped_at.0 == i64::MIN || logged_at.ms_since(stepped_at) >= STEP_MS {
                    stepped_at = logged_at;
                }
                push(&mut live, leg, logged_at, &mut position);
            }
        }
        self.catch_up(&mut live, tested, to, &mut version)
    }

    /// Concludes everything that time has brought about up to this moment, each at its own.
    fn catch_up(&self, live: &mut Live<'_>, tested: &mut Tested, until: Moment, version: &mut u64) -> Result<()> {
        loop {
            let due = live.next_due().filter(|due| *due < until && *due > live.clock());
            let clock = due.unwrap_or(until);
            self.conclude(live, tested, clock.min(until), version)?;
            if due.is_none() {
                return Ok(());
            }
        }
    }

    fn conclude(&self, live: &mut Live<'_>, tested: &mut Tested, clock: Moment, version: &mut u64) -> Result<()> {
        live.advance(clock);
        let mut told = Vec::new();
        let tenant = Text::from(self.tenant);
        live.conclude(false, &mut |conclusion| told.push((tenant.clone(), conclusion)));
        live.count(false, &mut |_| {});
        let mut conclusions = Conclusions::collect(clock, told, version);
        conclusions.due = live.take_due();
        conclusions.events = live.counting_mut().map(calls::counting::Counting::events).unwrap_or_default();
        tested.step(&conclusions)
    }
}

fn push(live: &mut Live<'_>, leg: Leg, logged_at: Moment, position: &mut u64) {
    live.push(leg, logged_at, *position);
    *position += 1;
}

/// A line for people.
fn shown(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let why = if line["why"] == "" { String::new() } else { format!(": {}", text("why")) };
    format!("{} {:<9} {:<16} {}{why}", text("at"), text("kind"), text("customer"), text("decision"))
}
