//! `ringback run`: takes the records of the log to the tables, exactly once, until it is told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use directory::Directory;
use store::Store;
use stream::Tenants;

use super::{arguments, signals};
use crate::WrongArguments;
use crate::config::{Config, TenantKey};
use crate::pipeline::{self, Pipeline, Progress, say};
use crate::source::kafka::probe::Probed;
use crate::source::kafka::{self, KafkaSource};
use crate::telemetry;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("run")
        .about("Take the records of the log to the tables, exactly once, until SIGTERM")
        .arg(
            Arg::new("settings")
                .long("settings")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The folder of engine.toml (see `ringback config`) and of site.toml"),
        )
        .arg(
            Arg::new("until-end")
                .long("until-end")
                .action(ArgAction::SetTrue)
                .help("Stop when everything that is in the topics now is stored, as if the log ended there"),
        )
}

/// Runs until a signal, or the end.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let folder = matches.get_one::<PathBuf>("settings").cloned().unwrap_or_default();
    let config = Config::of(Some(&folder))?;
    let companies = tenants(&config, &folder)?;
    let url = super::store_url(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let store = Store::at(&url, &config.clickhouse.database);
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
    match kafka::probe::probe(&config.kafka, topic)? {
        Probed::Exact => {}
        Probed::NotExact(why) => bail!(
            "the brokers at {} cannot keep the register that exactly once needs: {why}; use Apache Kafka",
            config.kafka.bootstrap
        ),
    }
    let source = KafkaSource::join(&config, topic)?;
    let settings = pipeline::Settings {
        limits: config.limits.stream(),
        records_per_turn_max: config.limits.records_per_turn_max.get(),
        version: companies.version,
        horizon_ms: companies.horizon_ms,
        look_again_after: Duration::from_secs(config.limits.look_again_s.get()),
        until_end: matches.get_flag("until-end"),
    };
    let pipeline = Pipeline::new(source, store, &companies.tenants, settings, runtime.handle().clone(), progress);
    let result = pipeline.run(&stop);
    runtime.shutdown_background();
    result
}

/// The topic that is read.
fn topic(config: &Config) -> Result<&str> {
    match config.kafka.topics.as_slice() {
        [topic] if !config.kafka.bootstrap.is_empty() => Ok(topic),
        [_] => Err(WrongArguments(
            "no `bootstrap` under [kafka] in engine.toml: name the brokers, HOST:PORT, several with commas".to_owned(),
        )
        .into()),
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

/// Reads the site file of each company.
///
/// # Errors
/// What is wrong in which file.
pub(crate) fn tenants(config: &Config, folder: &Path) -> Result<Companies> {
    let mut tenants = Tenants::default();
    let mut text = env!("CARGO_PKG_VERSION").to_owned();
    let mut horizon_ms = 0;
    let mut add = |directory: Directory, site: &str| {
        text.push_str(directory.tenant());
        text.push('\n');
        text.push_str(site);
        horizon_ms = horizon_ms.max(directory.expires_after_ms());
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
    // Calls that began before the horizon may have legs before it.
    let horizon_ms = horizon_ms + 2 * calls::live::CALL_SPAN_MS;
    Ok(Companies {
        tenants: Arc::new(tenants),
        version: xxhash_rust::xxh3::xxh3_64(text.as_bytes()) as u32,
        horizon_ms,
    })
}
