//! `ringback demo`: everything in one process tree, on a machine with nothing installed.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use adapters::leg::Moment;
use anyhow::{Context, Result};
use calls::CallLine;
use calls::line::{FollowUpStatus, Word};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use directory::Directory;
use store::{Store, StoreError};

use super::arguments;
use super::output::{Out, Progress};
use super::signals;
use crate::config::Config;
use crate::embedded::{self, Locate};
use crate::input::{self, Named};
use crate::source::spool::{Spool, SpooledSource};
use crate::spooled::{self, Passed, Watch};

/// The command's arguments.
pub(crate) fn command() -> Command {
    let path = || value_parser!(PathBuf);
    Command::new("demo")
        .about("Read your own records into an embedded ClickHouse, and show who was missed")
        .arg(
            Arg::new("records")
                .long("records")
                .value_name("FILE")
                .num_args(1..)
                .required(true)
                .action(ArgAction::Append)
                .value_parser(path())
                .help("Files of call records; recognized, or as --pbx says"),
        )
        .arg(
            Arg::new("data")
                .long("data")
                .value_name("DIR")
                .default_value(".demo")
                .value_parser(path())
                .help("Where everything is kept; started again, it goes on"),
        )
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("N")
                .default_value("0")
                .value_parser(value_parser!(u16))
                .help("The port of ClickHouse's HTTP interface; 0 takes a free one"),
        )
        .arg(
            Arg::new("pbx")
                .long("pbx")
                .value_name("ADAPTER")
                .help("How to read the records, where they are not recognized"),
        )
        .arg(Arg::new("site").long("site").value_name("FILE").value_parser(path()).help("What is known of the company"))
        .arg(
            Arg::new("settings")
                .long("settings")
                .value_name("DIR")
                .value_parser(path())
                .help("The folder of engine.toml (see `ringback config`) and of site.toml"),
        )
        .arg(Arg::new("clickhouse").long("clickhouse").value_name("URL").help("A ClickHouse that runs already"))
        .arg(Arg::new("once").long("once").action(ArgAction::SetTrue).hide(true).help("End when everything is stored"))
}

/// Runs until Ctrl-C.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let result = runtime.block_on(run_until_signal(matches));
    runtime.shutdown_background();
    result
}

async fn run_until_signal(matches: &ArgMatches) -> Result<()> {
    let signaled = signals::first()?;
    tokio::pin!(signaled);
    let data = matches.get_one::<PathBuf>("data").cloned().unwrap_or_else(|| PathBuf::from(".demo"));
    let settings = matches.get_one::<PathBuf>("settings").map(PathBuf::as_path);
    let config = Config::of(settings)?;
    let site = arguments::SiteText::of(matches.get_one::<PathBuf>("site").map(PathBuf::as_path), settings)?;
    let directory = Arc::new(site.directory(&config)?);
    // What changes the conclusions of the same records.
    let in_force = format!("{}\n{}\n{}", env!("CARGO_PKG_VERSION"), config.tenant.one(), site.text());
    // Reading may take long, or wait for a pipe: in a thread, so that a signal is heard.
    let spooling = tokio::task::spawn_blocking({
        let (matches, data, directory) = (matches.clone(), data.clone(), Arc::clone(&directory));
        move || append(&matches, &data, &directory, in_force.as_bytes())
    });
    let spool = tokio::select! {
        spool = spooling => Arc::new(spool.context("reading the records stopped")??),
        () = &mut signaled => return Ok(()),
    };
    let mut locate = Locate::anywhere(matches.get_one::<String>("clickhouse").cloned(), &config);
    locate.port = matches.get_one::<u16>("port").copied().unwrap_or(0);
    let tables = data.join("clickhouse");
    let mut database = tokio::select! {
        opened = embedded::open(&locate, &tables, embedded::for_standard_error()) => opened?,
        () = &mut signaled => return Ok(()),
    };
    let store = Store::at(&database.url, &config.clickhouse.database);
    let mut seen = Seen::of(config.limits.missed_listed_max.get(), spool.records());
    let work = async {
        store.migrate().await?;
        spooled::run(&spool, &directory, &store, &config.limits, &mut seen).await
    };
    let passed = tokio::select! {
        passed = work => passed.map_err(|error| told(error, &tables))?,
        error = database.ended() => return Err(error.into()),
        () = &mut signaled => {
            database.shutdown().await?;
            return Ok(());
        }
    };
    if directory.is_guessed() {
        say(
            "no --site file: the country is not known, extensions are numbers of up to six digits, outside numbers are longer",
        );
    }
    let ready = serde_json::json!({"portal": null, "login": null, "password": null, "clickhouse": database.url});
    if let Err(error) = seen.show(&passed, &ready) {
        database.shutdown().await?;
        return Err(error);
    }
    if !matches.get_flag("once") {
        tokio::select! {
            () = &mut signaled => {}
            error = database.ended() => return Err(error.into()),
        }
    }
    database.shutdown().await?;
    Ok(())
}

/// What went wrong with the tables, and what would help.
fn told(error: anyhow::Error, tables: &Path) -> anyhow::Error {
    let is_full = error.downcast_ref::<StoreError>().is_some_and(StoreError::is_full_disk);
    if !is_full {
        return error;
    }
    let folder = tables.display();
    error
        .context(format!("no space left for the tables in {folder}: make room and start again, or name another --data"))
}

/// Recognizes the files and appends what of them is new.
fn append(matches: &ArgMatches, data: &Path, directory: &Directory, in_force: &[u8]) -> Result<Spool> {
    let pbx = matches.get_one::<String>("pbx").cloned();
    let files: Vec<Named> = matches
        .get_many::<PathBuf>("records")
        .into_iter()
        .flatten()
        .map(|path| Named { path: path.clone(), pbx: pbx.clone() })
        .collect();
    let sources = input::open(&files, directory)?;
    let mut spool = Spool::open(&data.join("spool"))?;
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Moment(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    };
    for mut source in sources {
        let mut told = SpooledSource {
            number: 0,
            name: source.name().to_owned(),
            identity: source.identity().to_vec(),
            adapter: source.adapter().about().name.to_owned(),
            pbx: source.pbx().to_owned(),
        };
        told.identity = spool.identity(&told, source.file().as_ref());
        let name = told.name.clone();
        let adapter = told.adapter.clone();
        let mut progress = Progress::of(source.size(), "bytes", true);
        let new = spool.append(told, &mut source.bytes(), now(), |bytes| progress.add(bytes, 0))?;
        progress.finish();
        say(&format!("{name}: {adapter}, {new} new records"));
    }
    spool.note_settings(in_force, now())?;
    Ok(spool)
}

/// What is shown at the end: the sums, and the latest missed calls.
struct Seen {
    listed_max: usize,
    calls: u64,
    inbound: u64,
    missed: u64,
    waiting: u64,
    /// Lines of the table, by when the call began, and its name.
    latest: BTreeSet<(Moment, String, String)>,
    progress: Progress,
}

impl Seen {
    fn of(listed_max: usize, records: u64) -> Seen {
        let progress = Progress::of(Some(records), "records", true);
        Seen { listed_max, calls: 0, inbound: 0, missed: 0, waiting: 0, latest: BTreeSet::new(), progress }
    }
    fn show(&self, passed: &Passed, ready: &serde_json::Value) -> Result<()> {
        self.progress.finish();
        let mut out = Out::stdout();
        writeln!(
            out,
            "{:<19}  {:<16}  {:<14}  {:>7}  {:<17}  follow-up",
            "missed at (UTC)", "caller", "called", "wait s", "why"
        )?;
        for (_, _, line) in &self.latest {
            writeln!(out, "{line}")?;
        }
        if self.missed > self.latest.len() as u64 {
            writeln!(out, "the last {} of {}", self.latest.len(), self.missed)?;
        }
        writeln!(
            out,
            "{} records, {} not understood; {} calls, {} came in, {} of them were missed, {} of these still wait",
            passed.records, passed.rejects, self.calls, self.inbound, self.missed, self.waiting,
        )?;
        writeln!(out, "ready {ready}")?;
        out.flush()?;
        Ok(())
    }
}

impl Watch for Seen {
    fn read(&mut self, records: u64, legs: usize) {
        self.progress.add(records, legs);
    }

    fn call(&mut self, line: &CallLine) {
        self.calls += 1;
        self.inbound += u64::from(line.direction == calls::journey::Direction::Inbound);
        if !line.missed {
            return;
        }
        self.missed += 1;
        self.waiting += u64::from(line.follow_up.as_ref().is_some_and(|f| f.status == FollowUpStatus::Open));
        self.latest.insert((line.started_at, line.call_id.to_string(), table_line(line)));
        if self.latest.len() > self.listed_max {
            self.latest.pop_first();
        }
    }
}

fn table_line(line: &CallLine) -> String {
    let started = adapters::line::moment(line.started_at);
    format!(
        "{:<19}  {:<16}  {:<14}  {:>7}  {:<17}  {}",
        started.get(..19).unwrap_or(&started).replace('T', " "),
        line.caller.as_ref().or(line.caller_raw.as_ref()).map_or("-", |c| c.as_str()),
        line.first_target.as_ref().or(line.dialed.as_ref()).map_or("-", |t| t.as_str()),
        line.wait_time_s.map_or_else(|| "?".to_owned(), |s| format!("{:.1}", s.ms as f64 / 1000.0)),
        line.reason.map_or("-", |r| r.word()),
        line.follow_up.as_ref().map_or_else(|| "-".to_owned(), |f| adapters::line::word(f.status)),
    )
}

fn say(sentence: &str) {
    let _ = writeln!(io::stderr().lock(), "{sentence}");
}
