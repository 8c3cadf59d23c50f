//! `ringback demo`: everything in one process tree, on a machine with nothing installed.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use store::{Missed, Store};

use super::arguments;
use super::data::{Data, Work};
use super::output::{Out, Progress};
use super::signals;
use crate::WrongArguments;
use crate::demo::{self, Kept, Told};
use crate::embedded::Locate;
use crate::input::{self, Named};
use crate::pipeline::{self, now, say};
use crate::source::spool::{Incoming, Spool, SpooledSource};
use crate::viewing::{self, DemoLogin, DemoPortal};

/// The command's arguments.
pub(crate) fn command() -> Command {
    let path = || value_parser!(PathBuf);
    Command::new("demo")
        .about("Show a company that does not exist, live; or read your own records into an embedded ClickHouse")
        .arg(
            Arg::new("records")
                .long("records")
                .value_name("FILE")
                .num_args(1..)
                .action(ArgAction::Append)
                .value_parser(path())
                .help("Files of call records; recognized, or as --pbx says. Without any, a company is generated"),
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
                .help("The port of the portal; 0 takes a free one"),
        )
        .arg(
            Arg::new("clickhouse-port")
                .long("clickhouse-port")
                .value_name("N")
                .default_value("0")
                .value_parser(value_parser!(u16))
                .help("The port of ClickHouse's HTTP interface; 0 takes a free one"),
        )
        .arg(
            Arg::new("pbx")
                .long("pbx")
                .value_name("ADAPTER")
                .requires("records")
                .help("How to read the records, where they are not recognized"),
        )
        .arg(
            Arg::new("site")
                .long("site")
                .value_name("FILE")
                .requires("records")
                .value_parser(path())
                .help("What is known of the company"),
        )
        .arg(arguments::settings().requires("records"))
        .arg(Arg::new("clickhouse").long("clickhouse").value_name("URL").help("A ClickHouse that runs already"))
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .requires("records")
                .hide(true)
                .help("End when everything is stored"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("S")
                .default_value("1")
                .value_parser(value_parser!(u64))
                .hide(true)
                .help("Of the generated company, where there is none yet"),
        )
        .arg(
            Arg::new("day-s")
                .long("day-s")
                .value_name("SECONDS")
                .default_value("180")
                .value_parser(value_parser!(u32).range(1..=86_400))
                .hide(true)
                .help("How long a day of the generated company is played"),
        )
}

/// How often it is shown how far the reading has come.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// Runs until Ctrl-C.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let result = match matches.contains_id("records") {
        true => runtime.block_on(run_until_signal(matches)),
        false => runtime.block_on(run_company(matches)),
    };
    runtime.shutdown_background();
    result
}

fn folder(matches: &ArgMatches) -> PathBuf {
    matches.get_one::<PathBuf>("data").cloned().unwrap_or_else(|| PathBuf::from(".demo"))
}

/// A demo with a generated company.
async fn run_company(matches: &ArgMatches) -> Result<()> {
    let folder = folder(matches);
    if Data::has_records(&folder) && !Kept::is_in(&folder) {
        return Err(WrongArguments(format!(
            "--data {}: there are records of files in it; name these again with --records, or another folder",
            folder.display()
        ))
        .into());
    }
    let port = |name: &str| matches.get_one::<u16>(name).copied().unwrap_or(0);
    let day_s = matches.get_one::<u32>("day-s").copied().unwrap_or(180);
    demo::run(Told {
        port: port("port"),
        clickhouse_port: port("clickhouse-port"),
        clickhouse: matches.get_one::<String>("clickhouse").cloned(),
        seed: matches.get_one::<u64>("seed").copied().unwrap_or(1),
        day_ms: i64::from(day_s) * 1000,
        folder,
    })
    .await
}

async fn run_until_signal(matches: &ArgMatches) -> Result<()> {
    let signaled = signals::first()?;
    tokio::pin!(signaled);
    let folder = folder(matches);
    if Kept::is_in(&folder) {
        return Err(WrongArguments(format!(
            "--data {}: a generated company is in it; name another folder for your own records",
            folder.display()
        ))
        .into());
    }
    let path = |name: &str| matches.get_one::<PathBuf>(name).map(PathBuf::as_path);
    let data = Arc::new(Data::of(&folder, path("site"), path("settings"))?);
    let directory = data.directory()?;
    // Reading may take long, or wait for a pipe: in a thread, so that a signal is heard.
    let spooling = tokio::task::spawn_blocking({
        let (matches, data) = (matches.clone(), Arc::clone(&data));
        move || append(&matches, &data)
    });
    let spool = tokio::select! {
        spool = spooling => spool.context("reading the records stopped")??,
        () = &mut signaled => return Ok(()),
    };
    let mut locate = Locate::anywhere(matches.get_one::<String>("clickhouse").cloned(), &data.config);
    locate.port = matches.get_one::<u16>("clickhouse-port").copied().unwrap_or(0);
    let (mut database, store) = tokio::select! {
        opened = data.open_store(&locate) => opened?,
        () = &mut signaled => return Ok(()),
    };
    let (topic, records) = (spool.topic(), spool.log.records());
    let figures = Arc::new(pipeline::Progress::default());
    let mut work = data.start(spool, store.clone(), true, Arc::clone(&figures), None)?;
    tokio::select! {
        ended = shown(&mut work, records, &figures) => ended?,
        error = database.ended() => return Err(error.into()),
        () = &mut signaled => {
            work.stop();
            tokio::select! {
                ended = work.ended() => ended?,
                error = database.ended() => return Err(error.into()),
            }
            database.shutdown().await?;
            return Ok(());
        }
    }
    if directory.is_guessed() {
        say(
            "no --site file: the country is not known, extensions are numbers of up to six digits, outside numbers are longer",
        );
    }
    let port = matches.get_one::<u16>("port").copied().unwrap_or(0);
    let portal = DemoPortal { port, acts: false, missed_call_now: None };
    let logins = [DemoLogin::administrator()];
    let ready = match viewing::serve_demo(&folder, &data.config, store.clone(), portal, &logins).await {
        Ok(signing) => serde_json::json!({
            "portal": signing.url, "login": logins[0].login, "password": signing.passwords.first(), "clickhouse": database.url,
        }),
        Err(error) => {
            database.shutdown().await?;
            return Err(error);
        }
    };
    let listed_max = data.config.limits.missed_listed_max.get() as u64;
    if let Err(error) = show(&store, &topic, directory.tenant(), listed_max, &ready).await {
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

/// Recognizes the files and appends what of them is new.
fn append(matches: &ArgMatches, data: &Data) -> Result<Spool> {
    let pbx = matches.get_one::<String>("pbx").cloned();
    let files: Vec<Named> = matches
        .get_many::<PathBuf>("records")
        .into_iter()
        .flatten()
        .map(|path| Named { path: path.clone(), pbx: pbx.clone() })
        .collect();
    let mut sources = input::open(&files, &data.directory()?)?;
    let spool = data.take()?;
    let mut progress = Progress::of(sources.iter().map(input::Source::size).sum(), "bytes", true);
    let mut incoming = Vec::new();
    for source in &mut sources {
        let mut told = SpooledSource {
            number: 0,
            name: source.name().to_owned(),
            identity: source.identity().to_vec(),
            adapter: source.adapter().about().name.to_owned(),
            pbx: source.pbx().to_owned(),
        };
        told.identity = spool.log.identity(&told, source.file().as_ref());
        let (adapter, settings) = (source.adapter(), source.settings().clone());
        incoming.push(Incoming { source: told, input: Box::new(source.bytes()), adapter, settings });
    }
    let new = spool.log.append(incoming, now(), |bytes| progress.add(bytes, 0))?;
    progress.finish();
    for (source, new) in sources.iter().zip(new) {
        say(&format!("{}: {}, {new} new records", source.name(), source.adapter().about().name));
    }
    Ok(spool)
}

/// Waits for the pipeline, and shows how far it has come.
async fn shown(work: &mut Work, records: u64, figures: &pipeline::Progress) -> Result<()> {
    let mut progress = Progress::of(Some(records), "records", true);
    let mut before = (0, 0);
    loop {
        let ended = tokio::time::timeout(SHOW_EVERY, work.ended()).await;
        let taken = figures.taken(0);
        progress.add(taken.0 - before.0, (taken.1 - before.1) as usize);
        before = taken;
        if let Ok(ended) = ended {
            progress.finish();
            return ended;
        }
    }
}

/// The latest missed calls, the sums, and where to ask further.
async fn show(store: &Store, topic: &str, tenant: &str, listed_max: u64, ready: &serde_json::Value) -> Result<()> {
    let sums = store.sums(topic, tenant).await?;
    let latest = store.missed_latest(tenant, listed_max).await?;
    let mut out = Out::stdout();
    writeln!(
        out,
        "{:<19}  {:<16}  {:<14}  {:>7}  {:<17}  follow-up",
        "missed at (UTC)", "caller", "called", "wait s", "why"
    )?;
    for missed in latest.iter().rev() {
        writeln!(out, "{}", table_line(missed))?;
    }
    if sums.missed > latest.len() as u64 {
        writeln!(out, "the last {} of {}", latest.len(), sums.missed)?;
    }
    writeln!(
        out,
        "{} records, {} not understood; {} calls, {} came in, {} of them were missed, {} of these still wait",
        sums.records, sums.rejects, sums.calls, sums.inbound, sums.missed, sums.waiting,
    )?;
    writeln!(out, "ready {ready}")?;
    out.flush()?;
    Ok(())
}

fn table_line(missed: &Missed) -> String {
    let started = adapters::line::moment(missed.started_at);
    let or_none = |told: &Option<String>| told.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{:<19}  {:<16}  {:<14}  {:>7}  {:<17}  {}",
        started.get(..19).unwrap_or(&started).replace('T', " "),
        or_none(&missed.caller),
        or_none(&missed.called),
        missed.wait_ms.map_or_else(|| "?".to_owned(), |ms| format!("{:.1}", ms as f64 / 1000.0)),
        or_none(&missed.reason),
        or_none(&missed.follow_up),
    )
}
