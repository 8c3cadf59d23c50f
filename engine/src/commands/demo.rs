//! `ringback demo`: everything in one process tree, on a machine with nothing installed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use adapters::leg::Moment;
use anyhow::{Context, Result};
use calls::line::Word;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use directory::Directory;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};

use super::arguments;
use crate::embedded::{self, Locate};
use crate::input::{self, Named};
use crate::pipeline::{self, Passed};
use crate::source::spool::{Spool, SpooledSource};

/// Missed calls that are shown; the rest are in the database.
const MISSED_SHOWN_MAX: usize = 50;

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
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let signaled = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::pin!(signaled);
    let data = matches.get_one::<PathBuf>("data").cloned().unwrap_or_else(|| PathBuf::from(".demo"));
    let directory = arguments::directory(matches.get_one::<PathBuf>("site").map(PathBuf::as_path))?;
    let spool = tokio::select! {
        spool = async { tokio::task::block_in_place(|| spooled(matches, &data, &directory)) } => spool?,
        () = &mut signaled => return Ok(()),
    };
    let spool = Arc::new(spool);
    let mut locate = Locate::new(matches.get_one::<String>("clickhouse").cloned());
    locate.port = matches.get_one::<u16>("port").copied().unwrap_or(0);
    let tables = data.join("clickhouse");
    let mut database = tokio::select! {
        opened = embedded::open(&locate, &tables, embedded::for_standard_error()) => opened?,
        () = &mut signaled => return Ok(()),
    };
    say(&format!("ClickHouse: {}", database.how));
    let store = Store::at(&database.url, "default");
    let work = async {
        store.migrate().await?;
        pipeline::run(&spool, &directory, &store).await
    };
    let passed = tokio::select! {
        passed = work => passed?,
        error = database.ended() => return Err(error.into()),
        () = &mut signaled => {
            database.shutdown().await?;
            return Ok(());
        }
    };
    show(&passed, &directory)?;
    let ready = serde_json::json!({"portal": null, "login": null, "password": null, "clickhouse": database.url});
    writeln!(io::stdout().lock(), "ready {ready}")?;
    if !matches.get_flag("once") {
        tokio::select! {
            () = &mut signaled => {}
            error = database.ended() => return Err(error.into()),
        }
    }
    database.shutdown().await?;
    Ok(())
}

/// Recognizes the files and appends what of them is new.
fn spooled(matches: &ArgMatches, data: &Path, directory: &Directory) -> Result<Spool> {
    let pbx = matches.get_one::<String>("pbx").cloned();
    let files: Vec<Named> = matches
        .get_many::<PathBuf>("records")
        .into_iter()
        .flatten()
        .map(|path| Named { path: path.clone(), pbx: pbx.clone() })
        .collect();
    let sources = input::open(&files, directory)?;
    let mut spool = Spool::open(&data.join("spool"))?;
    for mut source in sources {
        let told = SpooledSource {
            number: 0,
            name: source.name().to_owned(),
            identity: source.identity().to_vec(),
            adapter: source.adapter().about().name.to_owned(),
            pbx: source.pbx().to_owned(),
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        let name = told.name.clone();
        let adapter = told.adapter.clone();
        let new = spool.append(told, &mut source.bytes(), Moment(now), |_| {})?;
        say(&format!("{name}: {adapter}, {new} new records"));
    }
    Ok(spool)
}

/// The missed calls, and the sums.
fn show(passed: &Passed, directory: &Directory) -> Result<()> {
    let mut out = io::stdout().lock();
    if directory.is_guessed() {
        say(
            "no --site file: the country is not known, extensions are numbers of up to six digits, outside numbers are longer",
        );
    }
    let missed: Vec<_> = passed.calls.iter().filter(|c| c.missed).collect();
    writeln!(
        out,
        "{:<19}  {:<16}  {:<14}  {:>7}  {:<17}  follow-up",
        "missed at (UTC)", "caller", "called", "wait s", "why"
    )?;
    for line in missed.iter().rev().take(MISSED_SHOWN_MAX).rev() {
        let started = adapters::line::moment(line.started_at);
        writeln!(
            out,
            "{:<19}  {:<16}  {:<14}  {:>7}  {:<17}  {}",
            started.get(..19).unwrap_or(&started).replace('T', " "),
            line.caller.as_ref().or(line.caller_raw.as_ref()).map_or("-", |c| c.as_str()),
            line.first_target.as_ref().or(line.dialed.as_ref()).map_or("-", |t| t.as_str()),
            line.wait_time_s.map_or_else(|| "?".to_owned(), |s| format!("{:.1}", s.ms as f64 / 1000.0)),
            line.reason.map_or("-", |r| r.word()),
            line.follow_up.as_ref().map_or_else(|| "-".to_owned(), |f| adapters::line::word(f.status)),
        )?;
    }
    if missed.len() > MISSED_SHOWN_MAX {
        writeln!(out, "the last {MISSED_SHOWN_MAX} of {}", missed.len())?;
    }
    let inbound = passed.calls.iter().filter(|c| c.direction == calls::journey::Direction::Inbound).count();
    let waiting = missed
        .iter()
        .filter(|c| c.follow_up.as_ref().is_some_and(|f| f.status == calls::line::FollowUpStatus::Open))
        .count();
    writeln!(
        out,
        "{} records, {} not understood; {} calls, {inbound} came in, {} of them were missed, {waiting} of these still wait",
        passed.records,
        passed.rejects,
        passed.calls.len(),
        missed.len(),
    )?;
    Ok(())
}

fn say(sentence: &str) {
    let _ = writeln!(io::stderr().lock(), "{sentence}");
}
