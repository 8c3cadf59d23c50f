//! `ringback run`: takes the records of the log to the tables, exactly once, until it is told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adapters::leg::Moment;
use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use directory::Directory;
use store::Store;
use stream::{Rules, Tenants};

use super::{arguments, signals};
use crate::WrongArguments;
use crate::acting::{Acting, Needs};
use crate::config::{Config, Delivery, LogTime, TenantKey};
use crate::installation::Installation;
use crate::pipeline::{Outside, Pipeline, Progress, Settings, say};
use crate::source::kafka::probe::Probed;
use crate::source::kafka::produce::Producer;
use crate::source::kafka::{self, KafkaSource};
use crate::{telemetry, viewing};

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("run")
        .about("Take the records of the log to the tables, exactly once, until SIGTERM")
        .arg(arguments::settings().required_unless_present("data"))
        .arg(arguments::data())
        .arg(
            Arg::new("until-end")
                .long("until-end")
                .action(ArgAction::SetTrue)
                .help("Stop when everything that is in the topics now is stored, as if the log ended there"),
        )
}

/// Runs until a signal, or the end.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    if let Some(data) = matches.get_one::<PathBuf>("data") {
        return super::data::run(data, matches.get_flag("until-end"));
    }
    let folder = arguments::settings_of(matches);
    let config = Config::of(Some(&folder))?;
    let companies = tenants(&config, &folder)?;
    let keep_ms = config.office.keep_ms(companies.horizon_ms)?;
    let url = super::store_url(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let store = Store::at(&url, &config.clickhouse.database);
    let store = if config.portal.listen.is_empty() { store.without_places() } else { store };
    let progress = Arc::new(Progress::default());
    let stop = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        let findings = store.check_exact().await.with_context(|| format!("the database at {url}"))?;
        if !findings.is_empty() {
            bail!("the database at {url} cannot store exactly once:\n{}", findings.join("\n"));
        }
        let address = telemetry::serve(&config.http.listen, Arc::clone(&progress)).await?;
        say(&format!("http://{address}/ready"));
        let signaled = signals::first()?;
        let stop = Arc::clone(&stop);
        tokio::spawn(async move {
            signaled.await;
            stop.store(true, Ordering::Relaxed);
        });
        Ok(())
    })?;
    let topic = topic(&config)?;
    let rules = match config.kafka.delivery {
        Delivery::AtLeastOnce => Rules::AT_LEAST_ONCE,
        Delivery::ExactlyOnce => match kafka::probe::probe(&config.kafka, topic)? {
            Probed::Exact => Rules::ALL,
            Probed::NotExact(why) => bail!("{}", not_exact(&config, &why)),
        },
    };
    progress.delivers(config.kafka.delivery);
    let is_history = config.kafka.log_time == LogTime::CreateTime;
    let installation = Installation::with(&folder, config.clone());
    let acting = Acting::start(Needs {
        installation: &installation,
        outlet: Box::new(Producer::to(&config.kafka, topic)?),
        keep_ms,
        is_history,
        acts_from: Moment(i64::MIN),
        store: store.clone(),
        progress: Arc::clone(&progress),
        runtime: runtime.handle(),
    })?;
    if !config.portal.listen.is_empty() {
        runtime.block_on(store.catch_up_with_places())?;
        let served = viewing::serve(&installation, config.portal.clone(), store.clone(), true);
        let address = runtime.block_on(served)?;
        say(&format!("http://{address}/"));
    }
    let source = KafkaSource::join(&config, topic)?;
    let settings = Settings { rules, ..settings(&config, &companies, matches.get_flag("until-end")) };
    let outside = Some(Outside { teller: acting.teller.clone(), freshness: Arc::clone(&acting.freshness) });
    let runtime_handle = runtime.handle().clone();
    let pipeline = Pipeline::new(source, store, &companies.tenants, settings, runtime_handle, progress, outside);
    let result = pipeline.run(&stop);
    acting.end();
    runtime.shutdown_background();
    result
}

/// What the pipeline is told, where every row is to be stored once.
pub(crate) fn settings(config: &Config, companies: &Companies, until_end: bool) -> Settings {
    Settings {
        limits: config.limits.stream(),
        rules: Rules::ALL,
        records_per_turn_max: config.limits.records_per_turn_max.get(),
        version: companies.version,
        horizon_ms: companies.horizon_ms,
        look_again_after: Duration::from_secs(config.limits.look_again_s.get()),
        drain_max: Duration::from_secs(config.limits.drain_s.get()),
        until_end,
        has_whole_epochs: false,
    }
}

/// The topics of the log.
///
/// # Errors
/// If none is named, or no brokers are.
pub(crate) fn topics(config: &Config) -> Result<&[String]> {
    let missing = match (config.kafka.topics.is_empty(), config.kafka.bootstrap.is_empty()) {
        (true, _) => "no `topics` under [kafka] in engine.toml: name the topic with the PBX records",
        (_, true) => "no `bootstrap` under [kafka] in engine.toml: name the brokers, HOST:PORT, several with commas",
        _ => return Ok(&config.kafka.topics),
    };
    Err(WrongArguments(missing.to_owned()).into())
}

/// What brokers lack that do not pass the probe, and what can be done.
pub(crate) fn not_exact(config: &Config, why: &str) -> String {
    format!(
        "the brokers at {} cannot keep the register that exactly once needs: {why}; use Apache Kafka, or set delivery = \"at_least_once\" \
         under [kafka] in engine.toml: figures stay right, a row may be stored twice after a crash",
        config.kafka.bootstrap
    )
}

/// The topic that is read.
fn topic(config: &Config) -> Result<&str> {
    match topics(config)? {
        [topic] => Ok(topic),
        topics => Err(WrongArguments(format!(
            "`topics` under [kafka] in engine.toml names {}: one process reads one topic; run one for each",
            topics.len()
        ))
        .into()),
    }
}

/// The companies of an installation, and what of their site files facts depend on.
pub(crate) struct Companies {
    pub(crate) tenants: Arc<Tenants>,
    /// A hash of what facts depend on: the site files and the program.
    pub(crate) version: u32,
    /// What is stored is read back so far, in milliseconds.
    pub(crate) horizon_ms: i64,
}

impl Companies {
    /// One company with the text of its site file. `names_files`: where calls name the files of their records, which is said of all
    /// or of none.
    ///
    /// # Errors
    /// A limit of the site file on a measure that there is not.
    pub(crate) fn of(directory: Directory, site: &str, names_files: bool) -> Result<Companies> {
        let mut text = text_of(&directory, site);
        if names_files {
            text.push_str("\nseveral files");
        }
        let horizon_ms = horizon_ms(directory.expires_after_ms());
        Ok(Companies { tenants: Arc::new(Tenants::of(directory)?), version: version(&text), horizon_ms })
    }
}

/// What of a company facts depend on.
fn text_of(directory: &Directory, site: &str) -> String {
    format!("{}\n{site}", directory.tenant())
}

fn version(text: &str) -> u32 {
    let text = [env!("CARGO_PKG_VERSION"), text].concat();
    xxhash_rust::xxh3::xxh3_64(text.as_bytes()) as u32
}

/// Calls that began before the horizon of follow-ups may have legs before it.
fn horizon_ms(follow_ups_ms: i64) -> i64 {
    follow_ups_ms + 2 * calls::live::CALL_SPAN_MS
}

/// The directories of the companies that the settings name.
///
/// # Errors
/// What is wrong in which file.
pub(crate) fn directories(config: &Config, folder: &Path) -> Result<Vec<Directory>> {
    match &config.tenant {
        TenantKey::One(_) => Ok(vec![arguments::SiteText::of(None, Some(folder))?.directory(config)?]),
        TenantKey::Each(each) => each
            .iter()
            .map(|(name, entry)| {
                let site = arguments::SiteText::of(Some(&folder.join(&entry.site)), None)?;
                site.directory(&Config { tenant: TenantKey::One(name.clone()), ..config.clone() })
            })
            .collect(),
    }
}

/// Reads the site file of each company.
///
/// # Errors
/// What is wrong in which file.
pub(crate) fn tenants(config: &Config, folder: &Path) -> Result<Companies> {
    let mut tenants = Tenants::default();
    let mut text = String::new();
    let mut follow_ups_ms = 0;
    let mut add = |directory: Directory, site: &str| {
        text.push_str(&text_of(&directory, site));
        follow_ups_ms = follow_ups_ms.max(directory.expires_after_ms());
        tenants.add(directory)
    };
    match &config.tenant {
        TenantKey::One(_) => {
            let site = arguments::SiteText::of(None, Some(folder))?;
            let directory = site.directory(config)?;
            add(directory, site.text())?;
        }
        TenantKey::Each(each) => {
            for (name, entry) in each {
                let path = folder.join(&entry.site);
                let site = arguments::SiteText::of(Some(&path), None)?;
                let directory = site.directory(&Config { tenant: TenantKey::One(name.clone()), ..config.clone() })?;
                add(directory, site.text())?;
            }
        }
    }
    if tenants.all().next().is_none() {
        return Err(
            WrongArguments("no tenant: name one with `tenant`, or several with [tenant.NAME]".to_owned()).into()
        );
    }
    Ok(Companies { tenants: Arc::new(tenants), version: version(&text), horizon_ms: horizon_ms(follow_ups_ms) })
}
