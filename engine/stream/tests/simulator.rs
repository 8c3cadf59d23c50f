//! The machine of a partition in a world that fails at every step that a seed chooses; and each rule of the protocol taken away,
//! which the same world must notice.
//!
//! `RINGBACK_SEEDS=10000 cargo test --release -p stream --test simulator` runs more; a failure names its seed, and
//! `RINGBACK_SEED=N` runs that one alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(missing_docs)]

#[path = "simulator/broker.rs"]
mod broker;
#[path = "simulator/database.rs"]
mod database;
#[path = "simulator/log.rs"]
mod log;
#[path = "simulator/random.rs"]
mod random;
#[path = "simulator/world.rs"]
mod world;

use std::collections::BTreeMap;

use adapters::leg::{Moment, Text};
use calls::customers::FollowUp;
use calls::line::FollowUpStatus;
use calls::measure::Thousandths;
use calls::window::Kept;
use calls::{CallLine, Contribution, Windows};
use log::Corpus;
use random::Random;
use stream::Rules;
use world::{Seen, World};

/// Legs of each seed's log, at least.
const RECORDS: usize = 330;

/// Runs one seed: everything is stored once, and what is concluded is what the whole log says.
fn run(corpus: &Corpus, seed: u64, rules: Rules) -> Result<Seen, String> {
    let log = corpus.log(&mut Random::of(seed ^ 0xabcd), RECORDS);
    let mut world = World::new(seed, rules, &corpus.tenants, &log);
    world.run()?;
    let database = &world.database;
    let expected = corpus.legs(&log);
    if expected.len() < 300 {
        return Err(format!("a log of {} legs", expected.len()));
    }
    let stored: Vec<_> = database.legs.values().map(|rows| &rows[0].0).collect();
    if stored.len() != expected.len() {
        return Err(format!("{} legs are stored of {}", stored.len(), expected.len()));
    }
    if let Some((leg, _)) = expected.iter().zip(&stored).find(|(a, b)| a.leg_id != b.leg_id) {
        return Err(format!("the leg at {:?} is another one", leg.position));
    }
    compare(&corpus.truth(&log), database)?;
    let follow_ups = corpus.follow_ups(&log, world.clock);
    compare_follow_ups(&follow_ups, &world)?;
    compare_windows(corpus, database)?;
    let by_hand = follow_ups.values().filter(|f| f.line.status == FollowUpStatus::SettledByHand).count() as u64;
    Ok(Seen { doubled: database.doubled, by_hand, due: world.due.len() as u64, ..world.seen })
}

/// Each window holds what the calls of the tables add up to, in one pass.
fn compare_windows(corpus: &Corpus, database: &database::Database) -> Result<(), String> {
    let mut windows = Windows::new(Kept::default(), corpus.directory()).unwrap();
    for (_, _, line) in database.calls.values() {
        line.iter().for_each(|line| windows.add(&Contribution::of(line, corpus.directory())));
    }
    let mut expected = BTreeMap::new();
    windows.advance(Moment(i64::MAX / 2), Some(Moment(i64::MAX / 2)), |now| {
        expected.extend(now.values.iter().map(|(measure, value)| ((now.key.clone(), *measure), *value)));
    });
    let stored = database.windows.iter().map(|(key, (_, _, (value, _)))| (key, *value));
    let stored: BTreeMap<_, _> = stored.filter(|(_, value)| *value != Thousandths(0)).collect();
    if let Some((key, value)) = expected.iter().find(|(key, value)| stored.get(key) != Some(value)) {
        return Err(format!("{key:?} is {value:?} and is stored as {:?}", stored.get(key)));
    }
    match stored.iter().find(|(key, _)| !expected.contains_key(key)) {
        Some((key, value)) => Err(format!("{key:?} is stored as {value:?} and is none")),
        None => Ok(()),
    }
}

fn compare(truth: &BTreeMap<String, CallLine>, database: &database::Database) -> Result<(), String> {
    let calls: BTreeMap<&String, &CallLine> =
        database.calls.iter().filter_map(|(id, (_, _, line))| Some((id, line.as_ref()?))).collect();
    for (id, line) in &calls {
        if !truth.contains_key(*id) {
            return Err(format!("call {id} is stored and is none: {:?}", line.records));
        }
    }
    let follow_ups: Vec<_> = database.follow_ups.values().filter_map(|(_, _, told)| told.as_ref()).collect();
    for (id, line) in truth {
        let Some(told) = calls.get(id) else { return Err(format!("call {id} is not stored")) };
        let plain = CallLine { follow_up: None, ..line.clone() };
        if **told != plain {
            return Err(format!("call {id} is stored as\n{told:?}\nand is\n{plain:?}"));
        }
        let of_it: Vec<_> = follow_ups.iter().filter(|f| f.calls.iter().any(|c| c == id)).collect();
        let owes = usize::from(line.follow_up.is_some());
        if of_it.len() != owes {
            return Err(format!(
                "call {id} is part of {} follow-ups, and should be of {owes}: {of_it:#?}",
                of_it.len()
            ));
        }
    }
    Ok(())
}

/// What is owed is what one fold says that nothing disturbed; and whatever is open and due was told so.
fn compare_follow_ups(expected: &BTreeMap<Text, FollowUp>, world: &World<'_>) -> Result<(), String> {
    let stored = world.database.follow_ups.iter();
    let stored: BTreeMap<_, _> = stored.filter_map(|(id, (.., told))| Some((id.as_str(), told.as_ref()?))).collect();
    for (id, expected) in expected {
        // Where one that is forgotten ended is not told again.
        let is_it = |told: &&&FollowUp| FollowUp { after: expected.after, ..(**told).clone() } == *expected;
        if stored.get(id.as_str()).filter(is_it).is_none() {
            return Err(format!("{id} is\n{expected:?}\nand is stored as\n{:?}", stored.get(id.as_str())));
        }
        let is_due = expected.line.due_at.is_some_and(|at| at <= world.clock);
        if expected.line.status == FollowUpStatus::Open && is_due && !world.due.contains(id) {
            return Err(format!("{id} is due, and nobody was told"));
        }
    }
    match stored.keys().find(|id| !expected.contains_key(**id)) {
        Some(id) => Err(format!("follow-up {id} is stored and is none")),
        None => Ok(()),
    }
}

fn seeds(default: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    match number("RINGBACK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RINGBACK_SEEDS").unwrap_or(default),
    }
}

/// Runs seeds on all cores; gives the first that failed, with what was wrong, or what all of them saw.
fn run_all(corpus: &Corpus, seeds: std::ops::Range<u64>, rules: Rules) -> Result<Vec<Seen>, (u64, String)> {
    let next = std::sync::atomic::AtomicU64::new(seeds.start);
    let results = std::sync::Mutex::new((Vec::new(), None::<(u64, String)>));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= seeds.end || results.lock().unwrap().1.is_some() {
                        return;
                    }
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(corpus, seed, rules)))
                        .unwrap_or_else(|_| Err("it panicked".into()));
                    let mut results = results.lock().unwrap();
                    match result {
                        Ok(seen) => results.0.push(seen),
                        Err(what) => {
                            let is_first = results.1.as_ref().is_none_or(|(other, _)| seed < *other);
                            if is_first {
                                results.1 = Some((seed, what));
                            }
                        }
                    }
                }
            });
        }
    });
    let (seen, failed) = results.into_inner().unwrap();
    failed.map_or(Ok(seen), Err)
}

#[test]
fn every_leg_is_stored_once_whatever_fails() {
    let corpus = Corpus::read();
    let seeds = seeds(300);
    match run_all(&corpus, seeds.clone(), Rules::ALL) {
        Err((seed, what)) => panic!("seed {seed}: {what}\nRINGBACK_SEED={seed} runs it alone"),
        Ok(seen) => {
            let sum = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>();
            println!(
                "{} seeds: {} restarts, {} take-overs, {} unknown commits, {} refused, {} batches formed again, \
                 {} inserts sent again, {} questions, {} recounts, {} stops, {} settled by hand, {} told as due",
                seen.len(),
                sum(|s| s.restarts),
                sum(|s| s.takeovers),
                sum(|s| s.unknown_commits),
                sum(|s| s.refused_commits),
                sum(|s| s.redone),
                sum(|s| s.resent),
                sum(|s| s.questions),
                sum(|s| s.recounts),
                sum(|s| s.stops),
                sum(|s| s.by_hand),
                sum(|s| s.due),
            );
            assert!(seen.len() < 50 || sum(|s| s.by_hand) > 0 && sum(|s| s.due) > 0, "nobody said anything");
            assert!(seen.iter().all(|s| s.restarts >= 3));
        }
    }
}

#[test]
fn at_least_once_loses_nothing_with_brokers_that_keep_only_offsets() {
    let corpus = Corpus::read();
    match run_all(&corpus, seeds(100), Rules::AT_LEAST_ONCE) {
        Err((seed, what)) => panic!("seed {seed}: {what}\nRINGBACK_SEED={seed} runs it alone"),
        Ok(seen) => {
            let doubled = seen.iter().map(|s| s.doubled).sum::<u64>();
            println!("{} seeds: {doubled} legs are there more than once", seen.len());
            assert!(seen.len() < 50 || doubled > 0, "the world is too kind: nothing is doubled");
        }
    }
    let rules = Rules { moves_over_stored_only: false, ..Rules::AT_LEAST_ONCE };
    match run_all(&corpus, 0..1000, rules) {
        Err((seed, what)) => println!("without moves_over_stored_only: seed {seed}: {what}"),
        Ok(_) => panic!("an offset that moves over what is not stored was not noticed"),
    }
}

#[test]
fn without_any_rule_the_harm_is_found() {
    let corpus = Corpus::read();
    let mutants: [(&str, Rules); 11] = [
        ("R1 sends_only_what_is_committed", Rules { sends_only_what_is_committed: false, ..Rules::ALL }),
        ("R2 stops_on_unknown_commit", Rules { stops_on_unknown_commit: false, ..Rules::ALL }),
        ("R3 compares_with_the_ledger", Rules { compares_with_the_ledger: false, ..Rules::ALL }),
        ("R4 counts_before_sending_again", Rules { counts_before_sending_again: false, ..Rules::ALL }),
        ("R5 waits_for_the_assignment", Rules { waits_for_the_assignment: false, ..Rules::ALL }),
        ("R6 refuses_newer_formats", Rules { refuses_newer_formats: false, ..Rules::ALL }),
        ("keeps_borders", Rules { keeps_borders: false, ..Rules::ALL }),
        ("moves_over_stored_only", Rules { moves_over_stored_only: false, ..Rules::ALL }),
        ("commits_the_clock_first", Rules { commits_the_clock_first: false, ..Rules::ALL }),
        ("commits_its_versions_first", Rules { commits_its_versions_first: false, ..Rules::ALL }),
        ("compares_conclusions", Rules { compares_conclusions: false, ..Rules::ALL }),
    ];
    for (name, rules) in mutants {
        match run_all(&corpus, 0..1000, rules) {
            Err((seed, what)) => println!("{name}: seed {seed}: {}", what.lines().next().unwrap_or_default()),
            Ok(_) => panic!("without {name}, 1000 seeds found nothing"),
        }
    }
}
