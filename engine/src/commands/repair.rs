//! `ringback repair --from-ledger`: writes the registers of a topic anew from what the tables have, with all engines stopped.
//!
//! What is done is decided by [`plan`]; everything else here asks and does.

use std::io::Write;

use adapters::leg::Moment;
use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use store::{FactsBuilder, Reached, Store};
use stream::machine::Limits;
use stream::register::{Unreadable, record_hash};
use stream::{Assigned, PartitionMachine, Register, Rules, Stop};

use super::arguments;
use super::output::Out;
use super::run::{self, Companies};
use crate::config::{Config, Delivery};
use crate::pipeline;
use crate::source::kafka::outside::Outside;
use crate::source::{Commit, Partition};

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("repair")
        .about("Write lost registers anew from what the tables have, with all engines stopped")
        .arg(arguments::settings().required(true))
        .arg(
            Arg::new("from-ledger")
                .long("from-ledger")
                .required(true)
                .action(ArgAction::SetTrue)
                .help("What is stored is believed, and not the registers"),
        )
        .arg(
            Arg::new("yes")
                .long("yes")
                .action(ArgAction::SetTrue)
                .help("Do it; without this it is only said what would be done"),
        )
}

/// Says for each partition what is wrong and what is done.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let folder = arguments::settings_of(matches);
    let config = Config::of(Some(&folder))?;
    if config.kafka.delivery == Delivery::AtLeastOnce {
        bail!(
            "delivery is \"at_least_once\" under [kafka] in engine.toml: registers are not compared with the tables, and there is nothing to repair"
        );
    }
    let companies = run::tenants(&config, &folder)?;
    let url = super::store_url(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let store = Store::at(&url, &config.clickhouse.database);
    let does = matches.get_flag("yes");
    let (mut out, mut refused) = (Out::stdout(), 0);
    for topic in run::topics(&config)? {
        let outside = Outside::of(&config.kafka, topic)?;
        check_nobody_is_in(&outside, &config)?;
        let mut commits = Vec::new();
        for partition in outside.look()? {
            let place = format!("{topic}/{}", partition.number);
            let known =
                runtime.block_on(known(&store, topic, &partition)).with_context(|| format!("the database at {url}"))?;
            let stop = stop(&partition, known.reached, &companies);
            let stop = match stop {
                None => other_log(&outside, &partition)?,
                stop => stop,
            };
            if let Some(stop) = &stop {
                writeln!(out, "{place}: {}", found(stop))?;
            }
            match plan(stop.as_ref(), &partition, &known) {
                Plan::Leave => writeln!(out, "{place}: its register agrees with the tables: nothing is to be done")?,
                Plan::Refuse(why) => {
                    refused += 1;
                    writeln!(out, "{place}: cannot be mended here: {why}")?;
                }
                Plan::Write { epoch, high, lost, forget } => {
                    if let Some((from, to)) = &lost {
                        writeln!(
                            out,
                            "{place}: the records from {from} to {to} are in neither the tables nor the log: they are lost"
                        )?;
                    }
                    if let Some(from) = forget {
                        forget_from(&runtime, &store, topic, &partition, &known, from, does, &mut out)?;
                    }
                    let clock = runtime.block_on(store.clock(topic, partition.number, high))?;
                    let last = if high > 0 { outside.record(&partition, high - 1)? } else { None };
                    let register = Register {
                        clock: clock.unwrap_or(Moment(0)),
                        // Of a log that begins here the record before is another one's.
                        last_record: last.filter(|_| lost.is_none()).map_or(0, |bytes| record_hash(&bytes)),
                        ..Register::new(epoch, high, companies.version, partition.partitions)
                    };
                    let would = if does { "" } else { "would be " };
                    writeln!(out, "{place}: {would}written: everything below {high} is stored, epoch {epoch}")?;
                    commits.push(Commit { partition: partition.number, offset: high, text: register.text() });
                }
            }
        }
        if does && !commits.is_empty() {
            out.flush()?;
            check_nobody_is_in(&outside, &config)?;
            outside.write(&commits)?;
            writeln!(out, "{topic}: {} registers are written", commits.len())?;
        } else if !commits.is_empty() {
            writeln!(out, "{topic}: nothing was changed; --yes does it")?;
        }
    }
    out.flush()?;
    if refused > 0 {
        bail!("{refused} partitions cannot be mended here");
    }
    Ok(())
}

#[allow(clippy::too_many_arguments)] // One step of `run`, with what it has in hand.
fn forget_from(
    runtime: &tokio::runtime::Runtime,
    store: &Store,
    topic: &str,
    partition: &Partition,
    known: &Known,
    from: u64,
    does: bool,
    out: &mut Out,
) -> Result<()> {
    let Some(reached) = known.reached else { return Ok(()) };
    let rows = runtime.block_on(store.rows_from(topic, partition.number, reached.epoch, from))?;
    let would = if does { "" } else { "would be " };
    writeln!(
        out,
        "{topic}/{}: {} legs, {} marks and {} rejects from {from} on are of batches that were not stored to their end, or behind one \
         that was not: {would}taken away, and stored again from the log",
        partition.number, rows.legs, rows.marks, rows.rejects
    )?;
    if does {
        out.flush()?;
        runtime.block_on(store.forget_from(topic, partition.number, reached.epoch, from))?;
    }
    Ok(())
}

/// Registers are written from outside only while nobody else writes them.
fn check_nobody_is_in(outside: &Outside, config: &Config) -> Result<()> {
    let members = outside.members()?;
    if members > 0 {
        bail!(
            "the group {} has {members} members: stop every `ringback run` of it first; one that was killed counts until its session ends, \
             after {} s",
            config.kafka.group,
            config.kafka.session_timeout_s
        );
    }
    Ok(())
}

/// What the tables have of a partition.
pub(super) struct Known {
    pub(super) reached: Option<Reached>,
    /// Up to where earlier epochs reach.
    before: u64,
}

/// Asks the tables.
///
/// # Errors
/// The server's own words.
pub(super) async fn known(store: &Store, topic: &str, partition: &Partition) -> Result<Known> {
    let reached = store.reached(topic, partition.number).await?;
    let before = match reached {
        Some(reached) => store.reached_before(topic, partition.number, reached.epoch).await?,
        None => 0,
    };
    Ok(Known { reached, before })
}

/// Why `ringback run` would not take this partition over, if it would not.
pub(super) fn stop(partition: &Partition, reached: Option<Reached>, companies: &Companies) -> Option<Stop> {
    let assigned = Assigned {
        partition: partition.number,
        partitions: partition.partitions,
        register: partition.register.as_deref(),
        first: partition.first,
        next: partition.next,
        settings: companies.version,
    };
    let ledger = pipeline::ledger(reached);
    let machine = PartitionMachine::<FactsBuilder>::assigned(
        &assigned,
        ledger,
        &companies.tenants,
        Limits::default(),
        Rules::ALL,
    );
    machine.err()
}

/// Whether the record before the register's position is the one that was stored.
///
/// # Errors
/// If the record cannot be read.
pub(super) fn other_log(outside: &Outside, partition: &Partition) -> Result<Option<Stop>> {
    let register = partition.register.as_deref().and_then(|text| Register::from_text(text).ok());
    let Some(register) = register.filter(|register| register.last_record != 0 && register.high > 0) else {
        return Ok(None);
    };
    let is_other = match outside.record(partition, register.high - 1)? {
        Some(bytes) => record_hash(&bytes) != register.last_record,
        None => false,
    };
    Ok(is_other.then_some(Stop::OtherLog { position: register.high }))
}

/// What was found, without what is to be done: that follows.
fn found(stop: &Stop) -> String {
    let text = stop.to_string();
    text.split("; stop all engines").next().unwrap_or_default().to_owned()
}

/// What is done with a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Plan {
    /// Nothing: all agrees.
    Leave,
    /// Nothing, since this is not the way to mend it.
    Refuse(String),
    /// A register is written.
    Write {
        epoch: u8,
        /// Everything below is stored.
        high: u64,
        /// Records that are in neither the tables nor the log.
        lost: Option<(u64, u64)>,
        /// Facts of the tables' last epoch from here on are taken away first.
        forget: Option<u64>,
    },
}

/// Decides what is done. The tables are believed up to where batches follow one another; what is stored behind that has borders that
/// nobody knows any more, so it is read again, under an epoch of its own: the server remembers the tokens of the old one.
fn plan(stop: Option<&Stop>, partition: &Partition, known: &Known) -> Plan {
    let Some(stop) = stop else { return Plan::Leave };
    let register = partition.register.as_deref().and_then(|text| Register::from_text(text).ok());
    let Partition { first, next, .. } = *partition;
    let reached = known.reached;
    let epoch = reached.map_or(0, |r| r.epoch).max(register.map_or(0, |r| r.epoch));
    let stored = reached.map_or(0, |r| if r.batches == 0 { known.before } else { r.next });
    let is_other_log = match stop {
        Stop::OtherLog { .. } => true,
        Stop::RegisterLost { .. }
        | Stop::RegisterBehind { .. }
        | Stop::StoreBehind { .. }
        | Stop::OtherEpoch { .. }
        | Stop::Gone { .. }
        | Stop::Register(Unreadable::Empty | Unreadable::Damaged(_)) => stored > next,
        Stop::Register(Unreadable::NewerFormat(_))
        | Stop::Partitions { .. }
        | Stop::CommitUnknown(_)
        | Stop::Reformed { .. } => return Plan::Refuse(stop.to_string()),
    };
    let has_more = reached.is_some_and(|r| r.stored.max(r.batches) > stored);
    let lost = (!is_other_log && stored < first).then_some((stored, first));
    let is_anew = is_other_log || has_more || lost.is_some() || matches!(stop, Stop::StoreBehind { .. });
    let Some(epoch) = epoch.checked_add(u8::from(is_anew)) else {
        return Plan::Refuse(
            "it has the last epoch that there is: move its records to a topic of another name".to_owned(),
        );
    };
    Plan::Write {
        epoch,
        high: if is_other_log { first } else { stored.max(first) },
        lost,
        forget: (has_more && !is_other_log).then_some(stored.max(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(register: Option<Register>, first: u64, next: u64) -> Partition {
        let register = register.map(|register| register.text().into_bytes());
        Partition { number: 3, partitions: 4, register, first, next }
    }

    fn stored(epoch: u8, next: u64, stored: u64, batches: u64) -> Known {
        Known { reached: Some(Reached { epoch, next, stored, batches }), before: 0 }
    }

    fn write(epoch: u8, high: u64, lost: Option<(u64, u64)>, forget: Option<u64>) -> Plan {
        Plan::Write { epoch, high, lost, forget }
    }

    #[test]
    fn the_tables_are_believed_up_to_where_batches_follow_one_another() {
        let lost = Stop::RegisterLost { stored: 200 };
        let none = partition(None, 0, 230);
        assert_eq!(plan(None, &none, &stored(1, 200, 200, 200)), Plan::Leave);
        assert_eq!(plan(Some(&lost), &none, &stored(1, 200, 200, 200)), write(1, 200, None, None));
        // A batch that was not stored to its end, and a hole.
        assert_eq!(plan(Some(&lost), &none, &stored(1, 200, 223, 200)), write(2, 200, None, Some(200)));
        assert_eq!(plan(Some(&lost), &none, &stored(1, 200, 200, 220)), write(2, 200, None, Some(200)));
        // Of the last epoch no batch is whole: those before it go on to count.
        let begun = Known { before: 180, ..stored(2, 0, 190, 0) };
        assert_eq!(plan(Some(&lost), &none, &begun), write(3, 180, None, Some(180)));
        let behind = Stop::RegisterBehind { register: 100, stored: 200 };
        let old = partition(Some(Register::new(1, 100, 7, 4)), 0, 230);
        assert_eq!(plan(Some(&behind), &old, &stored(1, 200, 200, 200)), write(1, 200, None, None));
    }

    #[test]
    fn tables_that_were_set_back_are_read_on_under_a_new_epoch() {
        let behind = Stop::StoreBehind { register: 200, stored: 150 };
        let ahead = partition(Some(Register::new(1, 200, 7, 4)), 0, 230);
        assert_eq!(plan(Some(&behind), &ahead, &stored(1, 150, 150, 150)), write(2, 150, None, None));
        assert_eq!(plan(Some(&behind), &ahead, &Known { reached: None, before: 0 }), write(2, 0, None, None));
    }

    #[test]
    fn what_the_log_has_no_more_is_lost_and_said_so() {
        let gone = Stop::Gone { from: 200, first: 210 };
        let behind = partition(Some(Register::new(1, 200, 7, 4)), 210, 230);
        assert_eq!(plan(Some(&gone), &behind, &stored(1, 200, 200, 200)), write(2, 210, Some((200, 210)), None));
        // Rows of them that are there are all that is left: they stay.
        assert_eq!(plan(Some(&gone), &behind, &stored(1, 200, 220, 200)), write(2, 210, Some((200, 210)), Some(210)));
    }

    #[test]
    fn another_log_is_read_from_its_beginning() {
        let other = Stop::OtherLog { position: 200 };
        let made_anew = partition(Some(Register::new(1, 200, 7, 4)), 0, 30);
        assert_eq!(plan(Some(&other), &made_anew, &stored(1, 200, 200, 200)), write(2, 0, None, None));
        let lost = Stop::RegisterLost { stored: 200 };
        assert_eq!(plan(Some(&lost), &partition(None, 0, 30), &stored(1, 200, 200, 200)), write(2, 0, None, None));
    }

    #[test]
    fn what_is_not_lost_is_left_alone() {
        let none = partition(None, 0, 230);
        for stop in [Stop::Register(Unreadable::NewerFormat(2)), Stop::Partitions { register: 4, topic: 5 }] {
            assert_eq!(plan(Some(&stop), &none, &stored(1, 200, 200, 200)), Plan::Refuse(stop.to_string()));
        }
        let last = plan(Some(&Stop::RegisterLost { stored: 200 }), &none, &stored(255, 100, 200, 200));
        assert!(matches!(last, Plan::Refuse(_)), "{last:?}");
    }
}
