//! `ringback demo`: everything in one process tree, on a machine with nothing installed.

use std::io::Write;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use portal::SiteFile;
use store::{Missed, Store};
use tokio::sync::Notify;

use super::arguments;
use super::data::{self, Data, Work};
use super::output::{Out, Progress};
use super::signals;
use super::site_file::Kept as KeptSiteFile;
use crate::WrongArguments;
use crate::demo::{self, Kept, Told};
use crate::embedded::Locate;
use crate::guessing;
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
            Arg::new("site").long("site").value_name("FILE").requires("records").value_parser(path()).help(
                "What is known of the company; without it, it is guessed from the records, and changed on a page",
            ),
        )
        .arg(
            Arg::new(LISTENER_ON_STDIN)
                .long(LISTENER_ON_STDIN)
                .action(ArgAction::SetTrue)
                .requires("records")
                .hide(true)
                .help("Standard input is where the portal before this one listened"),
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

/// Says that a demo which computes anew has its predecessor's place: whoever connects meanwhile waits until it answers.
const LISTENER_ON_STDIN: &str = "listener-on-stdin";

/// How long the answer to the form that changed the site file has to reach its browser before the demo ends.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// How often it is shown how far the reading has come.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// Runs until Ctrl-C.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let result = match matches.contains_id("records") {
        true => runtime.block_on(run_until_signal(matches)),
        false => runtime.block_on(run_company(matches)).map(|()| None),
    };
    runtime.shutdown_background();
    match result? {
        None => Ok(()),
        Some(again) => Err(again.start(matches)),
    }
}

/// What a demo leaves to the one that takes its place.
struct Again {
    listener: TcpListener,
    /// Of the database, if it was started here.
    clickhouse_port: Option<u16>,
}

impl Again {
    /// Starts this program again in the place of this process: with the same arguments, at the same addresses. Comes back only with
    /// why it could not.
    fn start(self, matches: &ArgMatches) -> anyhow::Error {
        let started = || -> Result<std::io::Error> {
            let program = std::env::current_exe().context("this program's own file is not known")?;
            let port = self.listener.local_addr().context("the portal has no address")?.port();
            let clickhouse_port = self.clickhouse_port.or_else(|| matches.get_one("clickhouse-port").copied());
            let mut command = std::process::Command::new(program);
            command.arg("demo").arg(format!("--{LISTENER_ON_STDIN}")).arg("--data").arg(folder(matches));
            command.arg("--port").arg(port.to_string());
            command.arg("--clickhouse-port").arg(clickhouse_port.unwrap_or_default().to_string());
            for name in ["pbx", "clickhouse"] {
                if let Some(told) = matches.get_one::<String>(name) {
                    command.arg(format!("--{name}")).arg(told);
                }
            }
            if let Some(settings) = matches.get_one::<PathBuf>("settings") {
                command.arg("--settings").arg(settings);
            }
            command.arg("--records").args(matches.get_many::<PathBuf>("records").into_iter().flatten());
            Ok(command.stdin(Stdio::from(OwnedFd::from(self.listener))).exec())
        };
        match started() {
            Ok(error) => anyhow::Error::from(error).context("the demo cannot be started again; start it by hand"),
            Err(error) => error,
        }
    }
}

/// Where the portal listens: where the one before it did, or at the port that is named.
fn listener(matches: &ArgMatches) -> Result<TcpListener> {
    if !matches.get_flag(LISTENER_ON_STDIN) {
        return viewing::listener(matches.get_one::<u16>("port").copied().unwrap_or(0));
    }
    let stdin = std::io::stdin().as_fd().try_clone_to_owned().context("standard input cannot be taken")?;
    Ok(TcpListener::from(stdin))
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

/// Runs until a signal, or until everything is to be computed anew.
async fn run_until_signal(matches: &ArgMatches) -> Result<Option<Again>> {
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
    let data = Data::of(&folder, path("site"), path("settings"))?;
    let files = files(matches);
    let is_changed_here = !data.is_site_named() && guessing::can_be_read_twice(&files);
    // Reading may take long, or wait for a pipe: in a thread, so that a signal is heard.
    let spooling = tokio::task::spawn_blocking(move || {
        let data = with_guess(data, &files)?;
        let spool = append(&files, &data)?;
        Ok::<_, anyhow::Error>((data, spool))
    });
    let (data, spool) = tokio::select! {
        spooled = spooling => spooled.context("reading the records stopped")??,
        () = &mut signaled => return Ok(None),
    };
    let directory = data.directory()?;
    let (changed, names_files) = (Arc::new(Notify::new()), spool.log.has_several_sources());
    let mut locate = Locate::anywhere(matches.get_one::<String>("clickhouse").cloned(), &data.config);
    locate.port = matches.get_one::<u16>("clickhouse-port").copied().unwrap_or(0);
    let (mut database, store) = tokio::select! {
        opened = data.open_store(&locate) => opened?,
        () = &mut signaled => return Ok(None),
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
            return Ok(None);
        }
    }
    if directory.is_guessed() {
        say(
            "no --site file, and a pipe cannot be read twice to guess one: the country is not known, extensions are numbers of up to six digits, outside numbers are longer",
        );
    }
    let site_file: Option<Arc<dyn SiteFile>> = is_changed_here.then(|| {
        let pbx = matches.get_one::<String>("pbx").map(String::as_str);
        Arc::new(KeptSiteFile::of(&data, pbx, names_files, Arc::clone(&changed))) as Arc<dyn SiteFile>
    });
    let logins = [DemoLogin::administrator()];
    let served = async {
        let listener = listener(matches)?;
        let again = listener.try_clone().context("the portal's place cannot be kept")?;
        let portal = DemoPortal { listener, acts: false, missed_call_now: None, site_file };
        Ok::<_, anyhow::Error>((
            again,
            viewing::serve_demo(&folder, &data.config, store.clone(), portal, &logins).await?,
        ))
    };
    let (listener, ready) = match served.await {
        Ok((listener, signing)) => {
            let ready = serde_json::json!({
                "portal": signing.url, "login": logins[0].login, "password": signing.passwords.first(), "clickhouse": database.url,
            });
            (listener, ready)
        }
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
    let mut is_again = false;
    if !matches.get_flag("once") {
        tokio::select! {
            () = &mut signaled => {}
            error = database.ended() => return Err(error.into()),
            () = changed.notified() => is_again = true,
        }
    }
    if is_again {
        say("the site file was changed on its page: everything is computed anew");
        tokio::select! {
            () = &mut signaled => is_again = false,
            error = database.ended() => return Err(error.into()),
            () = tokio::time::sleep(ANSWERED_WITHIN) => {}
        }
    }
    let clickhouse_port = database.port();
    database.shutdown().await?;
    Ok(is_again.then_some(Again { listener, clickhouse_port }))
}

/// The files that the command line names.
fn files(matches: &ArgMatches) -> Vec<Named> {
    let pbx = matches.get_one::<String>("pbx").cloned();
    let named = matches.get_many::<PathBuf>("records").into_iter().flatten();
    named.map(|path| Named { path: path.clone(), pbx: pbx.clone() }).collect()
}

/// With a site file that is guessed from these files, where there is none and they can be read once for it and once by it.
fn with_guess(data: Data, files: &[Named]) -> Result<Data> {
    if !data.has_no_site() || !guessing::can_be_read_twice(files) {
        return Ok(data);
    }
    let guessed = guessing::guessed(files)?;
    say(&format!(
        "{}: {} lines are guessed from the records; they can be changed there, or on the page /set-up/directory",
        data.folder().join(data::SITE).display(),
        guessed.lines
    ));
    Ok(data.with_site(&guessed.text))
}

/// Recognizes the files and appends what of them is new.
fn append(files: &[Named], data: &Data) -> Result<Spool> {
    let mut sources = input::open(files, &data.directory()?)?;
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
