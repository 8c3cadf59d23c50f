//! A demo of its own: a company that does not exist, whose days are played live, with an exchange that calls back.
//!
//! ```text
//! seed ─► feed ─ history at once, a day played, then as it happens ─► the log ─► pipeline ─► tables ─► portal
//!                                                                       ▲            │
//!         "make a missed call now" ─► its records ──────────────────────┤            ▼
//!         the exchange ─► records of the calls it placed ───────────────┤         plugins, deliver
//!              ▲                                                        │            │
//!              └──────────── commands of call backs ────────────────────┼────────────┤
//!                                    what people and plugins did ───────┘◄─ office ◄─┘
//! ```

mod books;
mod exchange;
mod feed;
mod kept;
mod logins;
mod missed;
mod play;
mod plugins;
mod timing;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use deliver::control::{ControlSettings, NumberForm};
use generator::Shape;
use generator::shape::FIRST_PBX;
use generator::single::Single;
use portal::MissedCallNow;
use tokio::runtime::Handle;

use crate::acting::{Acting, Needs};
use crate::commands::data::{Data, Work};
use crate::commands::output::{Out, Progress as Bar};
use crate::commands::{signals, user};
use crate::config::PbxEntry;
use crate::embedded::{Database, Locate};
use crate::installation::Installation;
use crate::pipeline::{Outside, Progress, now, say};
use crate::viewing::{self, DemoPortal, Signing};
use books::Books;
use exchange::Exchange;
use feed::Feed;
pub(crate) use kept::Kept;
use missed::MissedCalls;
use play::{Hurry, Play, Playing};
use timing::{Pace, at_once_until};

/// What the command line says.
pub(crate) struct Told {
    pub(crate) folder: PathBuf,
    /// Of the portal, and of ClickHouse; 0 takes a free one.
    pub(crate) port: u16,
    pub(crate) clickhouse_port: u16,
    /// A ClickHouse that runs already.
    pub(crate) clickhouse: Option<String>,
    /// Of the company, where there is none yet.
    pub(crate) seed: u64,
    /// How long a day is played, in milliseconds.
    pub(crate) day_ms: i64,
}

/// How often it is looked how far the reading has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The secret of the demo's exchange, in its folder; another one at each start.
const SECRET: &str = "exchange.secret";

/// Runs until Ctrl-C or SIGTERM.
///
/// # Errors
/// Why it could not go on.
pub(crate) async fn run(told: Told) -> Result<()> {
    let signaled = signals::first()?;
    tokio::pin!(signaled);
    let spool = Data::spool(&told.folder)?;
    let kept = Kept::of(&told.folder, told.seed, &zone(), now())?;
    let data = Data::of(&told.folder, None, None)?;
    let books = Books::open(Arc::clone(&spool.log))?;
    let putting = tokio::task::spawn_blocking({
        let (kept, books) = (kept.clone(), books.clone());
        move || put_history(&kept, &books)
    });
    let (feed, until, records) = tokio::select! {
        put = putting => put.context("the company's days stopped")??,
        () = &mut signaled => return Ok(()),
    };
    let mut locate = Locate::anywhere(told.clickhouse.clone(), &data.config);
    locate.port = told.clickhouse_port;
    let (database, store) = tokio::select! {
        opened = data.open_store(&locate) => opened?,
        () = &mut signaled => return Ok(()),
    };
    let (topic, tenant) = (spool.topic(), data.directory()?.tenant().to_owned());
    let single = single(&kept, &books)?;
    let installation = installation(&told.folder, &data, &books, &single).await?;
    let progress = Arc::new(Progress::default());
    let acting = acting(&installation, &data, &kept, &books, store.clone(), Arc::clone(&progress)).await?;
    let outside = Outside { teller: acting.teller.clone(), freshness: Arc::clone(&acting.freshness) };
    let work = data.start(spool, store.clone(), false, Arc::clone(&progress), Some(outside))?;
    let mut parts = Parts { playing: None, work, acting, database };
    let stored = tokio::select! {
        stored = stored(&mut parts, &progress, records) => stored.map(|()| true),
        () = &mut signaled => Ok(false),
    };
    match stored {
        Ok(true) => {}
        Ok(false) => return parts.end().await,
        Err(error) => return Err(error),
    }
    let hurry = Hurry::default();
    let missed = MissedCalls::new(books.clone(), single, hurry.clone());
    let make: MissedCallNow = Arc::new(move |person| missed.make(person).map_err(|error| format!("{error:#}")));
    let logins = logins::of(&data.directory()?);
    let served = async {
        let listener = viewing::listener(told.port)?;
        let portal = DemoPortal { listener, acts: true, missed_call_now: Some(make), site_file: None };
        viewing::serve_demo(&told.folder, &installation.config, store.clone(), portal, &logins).await
    };
    let signing = match served.await {
        Ok(signing) => signing,
        Err(error) => {
            let _ = parts.end().await;
            return Err(error);
        }
    };
    let sums = store.sums(&topic, &tenant).await?;
    say(&format!(
        "{} records of {} calls are here, {} of them were missed; the day up to now is played from here on",
        sums.records, sums.calls, sums.missed
    ));
    show(&signing, &logins, &parts.database.url)?;
    let pace = Pace::of(until, now(), told.day_ms);
    parts.playing = Some(Play { books, feed, pace, hurry }.start());
    tokio::select! {
        ended = parts.ended() => ended,
        () = &mut signaled => parts.end().await,
    }
}

/// The zone of this machine, as its people live in it.
fn zone() -> String {
    iana_time_zone::get_timezone().unwrap_or_else(|_| "UTC".to_owned())
}

/// Everything that is due at once: the feed from there on, up to which moment that was, and how many records the log has.
fn put_history(kept: &Kept, books: &Books) -> Result<(Feed, adapters::leg::Moment, u64)> {
    let mut feed = Feed::of(kept, books.played())?;
    let until = at_once_until(books.resume(&mut feed)?, now());
    let mut bar = Bar::of(None, "records", true);
    let records = Play::put_at_once(books, &mut feed, until, |put| bar.add(put, 0))?;
    bar.finish();
    Ok((feed, until, records))
}

/// The exchange that writes single calls.
fn single(kept: &Kept, books: &Books) -> Result<Arc<Mutex<Single>>> {
    let counted = books.exchange_records();
    let site = kept.shape().site_toml();
    let single = Single::new(&site, &Shape::pbxes(), FIRST_PBX, now(), counted).map_err(|error| anyhow!(error.0))?;
    Ok(Arc::new(Mutex::new(single)))
}

/// The settings of the folder, with the demo's exchange for whoever has no own.
async fn installation(folder: &Path, data: &Data, books: &Books, single: &Arc<Mutex<Single>>) -> Result<Installation> {
    let mut config = data.config.clone();
    if !config.pbx.contains_key(FIRST_PBX) {
        let secret = user::secret(24)?;
        let path = folder.join(SECRET);
        viewing::write_private(&path, &secret).with_context(|| format!("{}: cannot be written", path.display()))?;
        let address = Exchange::start(books.clone(), Arc::clone(single), secret).await?;
        let control = ControlSettings {
            address: address.to_string(),
            user: exchange::USER.to_owned(),
            secret_file: SECRET.into(),
            context: exchange::CONTEXT.to_owned(),
            number_form: NumberForm::E164,
            outside_prefix: Some(String::new()),
            ..ControlSettings::default()
        };
        config.pbx.insert(FIRST_PBX.to_owned(), PbxEntry { control });
    }
    Ok(Installation::with(folder, config))
}

/// Starts plugins and deliver; loading plugins takes a while.
async fn acting(
    installation: &Installation,
    data: &Data,
    kept: &Kept,
    books: &Books,
    store: store::Store,
    progress: Arc<Progress>,
) -> Result<Acting> {
    let (folder, config) = (installation.folder().to_owned(), installation.config.clone());
    let not_after_ms = i64::try_from(config.deliver.not_after_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    let (acts_from, keep_ms) = (kept.acts_from(now(), not_after_ms), data.keep_ms()?);
    let (outlet, runtime) = (Box::new(books.clone()), Handle::current());
    let started = tokio::task::spawn_blocking(move || {
        let installation = Installation::with(&folder, config);
        plugins::install_new(&installation, &installation.office()?)?.iter().for_each(|said| say(said));
        let is_history = false;
        Acting::start(Needs {
            installation: &installation,
            outlet,
            keep_ms,
            is_history,
            acts_from,
            store,
            progress,
            runtime: &runtime,
        })
    });
    started.await.context("the plugins stopped")?
}

/// What runs.
struct Parts {
    playing: Option<Playing>,
    work: Work,
    acting: Acting,
    database: Database,
}

impl Parts {
    /// Waits until one of them cannot go on.
    async fn ended(&mut self) -> Result<()> {
        let playing = async {
            match &mut self.playing {
                Some(playing) => playing.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = playing => ended,
            ended = self.work.ended() => ended,
            error = self.database.ended() => Err(error.into()),
        }
    }

    /// Ends them in order: nothing new comes, what is on its way is stored.
    async fn end(mut self) -> Result<()> {
        if let Some(playing) = &mut self.playing {
            playing.stop();
            playing.ended().await?;
        }
        self.work.stop();
        tokio::select! {
            ended = self.work.ended() => ended?,
            error = self.database.ended() => return Err(error.into()),
        }
        let acting = self.acting;
        tokio::task::spawn_blocking(move || acting.end()).await.context("the plugins stopped")?;
        self.database.shutdown().await?;
        Ok(())
    }
}

/// Waits until so many records of the log are stored, and shows how far that is.
async fn stored(parts: &mut Parts, progress: &Progress, records: u64) -> Result<()> {
    let mut bar = Bar::of(Some(records), "records", true);
    let mut before = 0;
    while progress.stored_below(0) < records {
        if let Ok(ended) = tokio::time::timeout(LOOK_EVERY, parts.ended()).await {
            return ended;
        }
        let taken = progress.stored_below(0).min(records);
        bar.add(taken.saturating_sub(before), 0);
        before = taken.max(before);
    }
    bar.finish();
    Ok(())
}

/// Who may sign in, and that it is ready.
fn show(signing: &Signing, logins: &[viewing::DemoLogin], clickhouse: &str) -> Result<()> {
    let mut out = Out::stdout();
    let url = &signing.url;
    writeln!(out, "{:<14}  {:<8}  {:<16}  address", "sign in as", "login", "password")?;
    for (login, password) in logins.iter().zip(&signing.passwords) {
        writeln!(out, "{:<14}  {:<8}  {password:<16}  {url}/sign-in?login={}", login.role, login.login, login.login)?;
    }
    let of_administrator = logins.iter().position(|login| login.role == "administrator");
    let (login, password) = match of_administrator.and_then(|at| Some((logins.get(at)?, signing.passwords.get(at)?))) {
        Some((login, password)) => (Some(login.login), Some(password)),
        None => (None, None),
    };
    let ready = serde_json::json!({"portal": url, "login": login, "password": password, "clickhouse": clickhouse});
    writeln!(out, "ready {ready}")?;
    Ok(out.flush()?)
}
