//! `ringback audit`: proves that every record of the log is stored once, or says what is lost or doubled, and where.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use store::{Audit, LogEnd, Store, StoredSums};
use stream::Register;
use tokio::runtime::Runtime;

use super::data::Data;
use super::output::Out;
use super::{arguments, run};
use crate::config::Config;
use crate::embedded::Locate;
use crate::pipeline::say;
use crate::source::Partition;
use crate::source::kafka::outside::Outside;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("audit")
        .about("Compare the log, the batches, the ledger and the tables: what is lost or doubled, and where")
        .arg(
            arguments::settings()
                .required_unless_present("data")
                .help("The folder of engine.toml (see `ringback config`)"),
        )
        .arg(arguments::data())
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("One JSON line with the sums; what was found goes to standard error"),
        )
}

/// A log, and what became of it.
struct Audited {
    partitions: Vec<(String, Partition)>,
    audit: Audit,
    sums: Vec<StoredSums>,
}

/// Prints what was found; an error if anything was.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let Audited { partitions, audit, sums } = match matches.get_one::<PathBuf>("data") {
        Some(folder) => runtime.block_on(of_spool(folder))?,
        None => of_topics(&runtime, &arguments::settings_of(matches))?,
    };
    let mut out = Out::stdout();
    if matches.get_flag("json") {
        audit.findings.iter().for_each(|finding| say(finding));
        let Audit { lost, doubled, unexplained, .. } = audit;
        writeln!(out, "{{\"lost\":{lost},\"doubled\":{doubled},\"unexplained\":{unexplained}}}")?;
    } else {
        for (topic, partition) in &partitions {
            let of_it = sums.iter().find(|s| s.topic == *topic && s.partition == partition.number);
            writeln!(out, "{}", sentence(topic, partition, of_it))?;
        }
        for finding in &audit.findings {
            writeln!(out, "{finding}")?;
        }
        writeln!(out, "{}", sums_of(&audit))?;
    }
    out.flush()?;
    if !audit.is_clean() {
        bail!("the tables do not hold what the log says: {}", sums_of(&audit));
    }
    Ok(())
}

fn of_topics(runtime: &Runtime, folder: &Path) -> Result<Audited> {
    let config = Config::of(Some(folder))?;
    let url = super::store_url(&config)?;
    let mut partitions = Vec::new();
    for topic in run::topics(&config)? {
        let of_it = Outside::of(&config.kafka, topic)?.look()?;
        partitions.extend(of_it.into_iter().map(|partition| (topic.clone(), partition)));
    }
    let store = Store::at(&url, &config.clickhouse.database);
    runtime.block_on(compare(&store, &url, partitions))
}

/// The folder is ours meanwhile: of a demo that runs nobody else may open the database.
async fn of_spool(folder: &Path) -> Result<Audited> {
    let data = Data::existing(folder)?;
    let spool = data.take()?;
    let (database, store) = data.open_store(&Locate::anywhere(None, &data.config)).await?;
    let audited = compare(&store, &database.url, vec![(spool.topic(), spool.partition()?)]).await?;
    database.shutdown().await?;
    Ok(audited)
}

async fn compare(store: &Store, url: &str, partitions: Vec<(String, Partition)>) -> Result<Audited> {
    let named = || format!("the database at {url}");
    let mut ends = Vec::new();
    for (topic, partition) in &partitions {
        let is_stored = store.reached(topic, partition.number).await.with_context(named)?.is_some();
        ends.push(end(topic, partition, is_stored)?);
    }
    let audit = store.audit(&ends).await.with_context(named)?;
    let sums = store.stored_sums().await.with_context(named)?;
    Ok(Audited { partitions, audit, sums })
}

fn sums_of(audit: &Audit) -> String {
    format!("{} lost, {} doubled, {} unexplained", audit.lost, audit.doubled, audit.unexplained)
}

/// What the audit is told of a partition. `is_stored`: the tables have something of it.
///
/// # Errors
/// If its register is one that this version cannot read.
fn end(topic: &str, partition: &Partition, is_stored: bool) -> Result<LogEnd> {
    let Partition { number, first, next, .. } = *partition;
    let register = match partition.register.as_deref() {
        None | Some(b"") => None,
        Some(text) => Some(
            Register::from_text(text)
                .map_err(|why| anyhow::anyhow!("{topic}/{number}: {}", stream::Stop::Register(why)))?,
        ),
    };
    // A register under which nothing was stored yet begins where the log began then.
    let stored_below = register.map(|r| if r.last_record == 0 && !is_stored { 0 } else { r.high });
    Ok(LogEnd { topic: topic.to_owned(), partition: number, stored_below, first, end: next })
}

/// How far a partition is.
fn sentence(topic: &str, partition: &Partition, sums: Option<&StoredSums>) -> String {
    let register = partition.register.as_deref().and_then(|text| Register::from_text(text).ok());
    let stored = match (&register, sums) {
        (Some(register), _) => format!("stored below {}", register.high),
        (None, None) => "nothing is stored".to_owned(),
        (None, Some(_)) => "its register is gone (`ringback repair --from-ledger`)".to_owned(),
    };
    let sums = sums.map_or_else(String::new, |s| {
        format!("; {} records gave {} legs, {} marks and {} rejects", s.records, s.legs, s.marks, s.rejects)
    });
    format!("{topic}/{}: {stored}, the log ends at {}{sums}", partition.number, partition.next)
}
