//! `ringback check`: looks at an installation as `ringback run` would find it, one line for each thing: ok, or what is wrong and what to
//! do; a note where it may be meant so.

mod acting;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Command};
use store::Store;
use stream::Register;

use super::output::Out;
use super::run::{self, Companies};
use super::{arguments, repair, store_url};
use crate::config::{Config, Delivery};
use crate::source::Partition;
use crate::source::kafka::outside::Outside;
use crate::source::kafka::probe::{self, Probed};
use crate::source::kafka::topic;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("check")
        .about("Look at an installation before `run` does: settings, plugins, database, brokers, topics, registers")
        .arg(arguments::settings().required(true))
}

/// Prints every finding; an error if anything is wrong.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let folder = arguments::settings_of(matches);
    let mut findings = Findings { out: Out::stdout(), wrong: 0 };
    look(&folder, &mut findings)?;
    findings.out.flush()?;
    match findings.wrong {
        0 => Ok(()),
        1 => bail!("1 thing is wrong"),
        wrong => bail!("{wrong} things are wrong"),
    }
}

/// Lines as they are found.
struct Findings {
    out: Out,
    wrong: u32,
}

impl Findings {
    fn ok(&mut self, what: &str) -> Result<()> {
        Ok(writeln!(self.out, "ok: {what}")?)
    }

    fn note(&mut self, what: &str) -> Result<()> {
        Ok(writeln!(self.out, "note: {what}")?)
    }

    fn wrong(&mut self, what: &str) -> Result<()> {
        self.wrong += 1;
        Ok(writeln!(self.out, "wrong: {what}")?)
    }

    /// What came out, or why nothing did.
    fn of<T>(&mut self, result: Result<T>, ok: impl FnOnce(&T) -> String) -> Result<Option<T>> {
        match result {
            Ok(found) => {
                self.ok(&ok(&found))?;
                Ok(Some(found))
            }
            Err(error) => {
                self.wrong(&format!("{error:#}"))?;
                Ok(None)
            }
        }
    }
}

fn look(folder: &Path, findings: &mut Findings) -> Result<()> {
    let config = Config::of(Some(folder));
    let Some(config) = findings.of(config, |_| format!("settings: {}", folder.join(crate::config::FILE).display()))?
    else {
        return Ok(());
    };
    let companies = findings.of(run::tenants(&config, folder), |companies| {
        let names: Vec<&str> = companies.tenants.names().collect();
        format!("site files: {}", names.join(", "))
    })?;
    acting::look(folder, &config, companies.as_ref().map(|companies| companies.horizon_ms), findings)?;
    let database = look_at_database(&config, findings)?;
    look_at_brokers(&config, companies.as_ref(), database.as_ref(), findings)
}

/// A database that answered.
struct Database {
    runtime: tokio::runtime::Runtime,
    store: Store,
}

fn look_at_database(config: &Config, findings: &mut Findings) -> Result<Option<Database>> {
    let url = match store_url(config) {
        Ok(url) => url,
        Err(error) => {
            findings.wrong(&format!("{error:#}"))?;
            return Ok(None);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let store = Store::at(&url, &config.clickhouse.database);
    let name = format!("database {} at {url}", config.clickhouse.database);
    let schema = match runtime.block_on(store.check_schema()) {
        Ok(schema) => schema,
        Err(error) => {
            findings.wrong(&format!("{name}: {:#}", anyhow::Error::from(error)))?;
            return Ok(None);
        }
    };
    let has_tables = schema.is_empty();
    for what in &schema {
        findings.wrong(&format!("{name}: {what}"))?;
    }
    if has_tables {
        findings.ok(&format!("{name}: its tables are of this version"))?;
    }
    let exact = runtime.block_on(store.check_exact()).map_err(anyhow::Error::from);
    match exact.with_context(|| name.clone()) {
        Err(error) => findings.wrong(&format!("{error:#}"))?,
        Ok(exact) if exact.is_empty() => findings.ok(&format!("{name}: it stores exactly once"))?,
        // Tables that are not there were told above.
        Ok(exact) => {
            for what in exact.iter().filter(|what| has_tables || !what.contains("ringback migrate")) {
                findings.wrong(&format!("{name}: {what}"))?;
            }
        }
    }
    Ok(has_tables.then_some(Database { runtime, store }))
}

fn look_at_brokers(
    config: &Config,
    companies: Option<&Companies>,
    database: Option<&Database>,
    findings: &mut Findings,
) -> Result<()> {
    let topics = match run::topics(config) {
        Ok(topics) => topics,
        Err(error) => return findings.wrong(&format!("{error:#}")),
    };
    for (nth, name) in topics.iter().enumerate() {
        let found = topic::check(&config.kafka, name).with_context(|| format!("kafka at {}", config.kafka.bootstrap));
        let found = findings.of(found, |partitions| {
            format!(
                "kafka topic {name} at {}: {partitions} partitions, and set up as it has to be",
                config.kafka.bootstrap
            )
        })?;
        if found.is_none() {
            continue;
        }
        if nth == 0 {
            look_at_delivery(config, name, findings)?;
        }
        let looked = Outside::of(&config.kafka, name).and_then(|outside| Ok((outside.look()?, outside)));
        let (partitions, outside) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                findings.wrong(&format!("{error:#}"))?;
                continue;
            }
        };
        if config.kafka.delivery == Delivery::AtLeastOnce {
            // What brokers keep beside an offset is not relied on, and not compared.
            continue;
        }
        let (Some(companies), Some(database)) = (companies, database) else { continue };
        for partition in &partitions {
            let place = format!("{name}/{}", partition.number);
            match look_at_register(&outside, name, partition, companies, database) {
                Ok(sentence) => findings.ok(&format!("{place}: {sentence}"))?,
                Err(error) => findings.wrong(&format!("{place}: {error:#}"))?,
            }
        }
    }
    Ok(())
}

/// Whether the brokers are good for what the settings promise.
fn look_at_delivery(config: &Config, topic: &str, findings: &mut Findings) -> Result<()> {
    if config.kafka.delivery == Delivery::AtLeastOnce {
        return findings.ok("delivery: at_least_once, as the settings say; a row may be stored twice after a crash");
    }
    match probe::probe(&config.kafka, topic) {
        Ok(Probed::Exact) => {
            findings.ok("delivery: exactly_once; the brokers keep registers, and refuse those of strangers")
        }
        Ok(Probed::NotExact(why)) => findings.wrong(&run::not_exact(config, &why)),
        Err(error) => findings.wrong(&format!("{error:#}")),
    }
}

/// Whether `run` would take the partition over.
fn look_at_register(
    outside: &Outside,
    topic: &str,
    partition: &Partition,
    companies: &Companies,
    database: &Database,
) -> Result<String> {
    let known = database.runtime.block_on(repair::known(&database.store, topic, partition))?;
    if let Some(stop) = repair::stop(partition, known.reached, companies) {
        bail!(stop);
    }
    if let Some(stop) = repair::other_log(outside, partition)? {
        bail!(stop);
    }
    let register = partition.register.as_deref().and_then(|text| Register::from_text(text).ok());
    Ok(match register {
        Some(register) => {
            format!("its register agrees with the tables: stored below {} of {}", register.high, partition.next)
        }
        None => format!("nothing of it is stored yet; the log has {} to {}", partition.first, partition.next),
    })
}
