//! The live fold comes to what the whole set of legs says, however the log brings them: in order, doubled, late by hours.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(missing_docs)]

#[path = "verdicts/run.rs"]
#[allow(dead_code)]
mod run;
#[path = "live/tables.rs"]
mod tables;

use std::collections::BTreeMap;

use adapters::leg::{Leg, LegId, Moment};
use calls::live::{Limits, Live};
use calls::measure::Thousandths;
use calls::window::{Kept, WindowNow};
use calls::{CallLine, Calls, Contribution, Site, Windows};
use directory::Directory;
use run::{SETS, Sources, pbx_json, root, runs};
use smallvec::SmallVec;
use tables::{Logged, Tables, check_windows, kept_shortly, live};

/// What the whole set says, by the fold that reads files.
fn whole(log: &[Logged], directory: &Directory, ends: &[adapters::Ends], several: bool) -> BTreeMap<String, CallLine> {
    let mut calls = Calls::new(Site::new(directory), ends, several).whole();
    let mut log: Vec<&Logged> = log.iter().collect();
    log.sort_by_key(|(leg, _)| leg.position);
    for (leg, _) in log {
        calls.push(leg.clone());
    }
    let mut lines = BTreeMap::new();
    calls.finish(|told| {
        let calls::Told::Call(line) = told else { panic!("a line was packed") };
        lines.insert(line.call_id.to_string(), *line);
    });
    lines
}

/// The calls equal those of the whole set, and each missed call is part of the follow-up that its line says.
fn check(
    name: &str,
    log: &[Logged],
    directory: &Directory,
    ends: &[adapters::Ends],
    several: bool,
    every: usize,
) -> u64 {
    let expected = whole(log, directory, ends, several);
    let (tables, reopened) = live(log, directory, several, every);
    let ids = |c: &BTreeMap<String, CallLine>| c.keys().cloned().collect::<Vec<_>>();
    let one = |c: &BTreeMap<String, CallLine>, other: &BTreeMap<String, CallLine>| {
        c.values()
            .filter(|l| !other.contains_key(l.call_id.as_str()))
            .map(|l| (l.call_id.clone(), l.link_keys.clone(), l.records.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(one(&tables.calls, &expected), one(&expected, &tables.calls), "{name}: the calls");
    assert_eq!(ids(&tables.calls), ids(&expected), "{name}: the calls");
    check_windows(name, &tables, &expected, directory);
    for (id, line) in &expected {
        let told = &tables.calls[id];
        let plain = CallLine { follow_up: None, ..line.clone() };
        assert_eq!(told, &plain, "{name}: call {id}");
        let Some(expected) = &line.follow_up else { continue };
        let of_it = tables.follow_ups.values().find(|f| f.calls.iter().any(|c| c == id));
        // When it expires depends on the clock: the whole set's stands at its last leg.
        assert_eq!(of_it.map(|f| &f.line), Some(expected), "{name}: follow-up of {id}");
    }
    let owed = expected.values().filter(|l| l.follow_up.is_some()).count();
    assert_eq!(tables.follow_ups.values().map(|f| f.calls.len()).sum::<usize>(), owed, "{name}: follow-ups");
    reopened
}

fn log_of(legs: Vec<Leg>) -> Vec<Logged> {
    let mut last = Moment(0);
    let mut log: Vec<Logged> = Vec::new();
    for leg in legs {
        last = last.max(leg.ended_at.or(leg.started_at).unwrap_or(last));
        log.push((leg, last));
    }
    log
}

fn corpus(mut each: impl FnMut(&str, Vec<Leg>, &Directory, &[adapters::Ends], bool)) {
    let directory = run::directory(&pbx_json(&root()));
    for (set, sources) in SETS {
        let sources: Sources = sources;
        for run in runs(&root()) {
            let (legs, ends) = run.legs(sources, &directory);
            each(&format!("{set} {}", run.name), legs, &directory, &ends, sources.len() > 1);
        }
    }
}

#[test]
fn live_comes_to_what_the_whole_set_says() {
    corpus(|name, legs, directory, ends, several| {
        for every in [1, 3, 1000] {
            check(name, &log_of(legs.clone()), directory, ends, several, every);
        }
    });
}

/// Some legs hours late, some doubled, each at its own place of the log.
fn disordered(legs: Vec<Leg>, random: &mut Random, late_in_ten: u64) -> Vec<Logged> {
    let mut log: Vec<Logged> = Vec::new();
    for (leg, at) in log_of(legs) {
        let late = at.plus_ms(6 * 3_600_000 + random.below(50_000_000) as i64);
        match random.below(10) {
            n if n < late_in_ten => log.push((leg, late)),
            9 => log.extend([(leg.clone(), at), (leg, late)]),
            _ => log.push((leg, at)),
        }
    }
    log.sort_by_key(|(_, at)| *at);
    for (number, (leg, _)) in log.iter_mut().enumerate() {
        leg.position.record = number as u64 + 1;
        leg.position.byte = 0;
    }
    log
}

#[test]
fn a_leg_that_comes_hours_late_is_judged_with_its_call() {
    let (mut reopened, mut random) = (0, Random(7));
    let mut together: BTreeMap<&str, Vec<Leg>> = BTreeMap::new();
    corpus(|name, legs, directory, ends, several| {
        for round in 0..6 {
            let log = disordered(legs.clone(), &mut random, 3);
            reopened += check(&format!("{name} round {round}"), &log, directory, ends, several, 1 + round);
        }
        let (set, _) = SETS.iter().find(|(set, _)| name.starts_with(&format!("{set} "))).unwrap();
        // Where a format has no id, that of a leg is its place in a file, and the runs' files have one name.
        let of_run = xxhash(name);
        together.entry(set).or_default().extend(legs.into_iter().map(|mut leg| {
            leg.leg_id.0 ^= of_run;
            leg
        }));
    });
    let directory = run::directory(&pbx_json(&root()));
    for (set, sources) in SETS {
        let legs = together.remove(set).unwrap();
        let ends: Vec<adapters::Ends> =
            sources.iter().map(|(_, adapter)| adapters::pbx::named(adapter).unwrap().about().ends).collect();
        for round in 0..10 {
            let mut legs = legs.clone();
            legs.sort_by_key(|l| (l.ended_at.or(l.started_at), l.leg_id));
            let log = disordered(legs, &mut random, 1 + round % 6);
            reopened += check(&format!("{set} together"), &log, &directory, &ends, sources.len() > 1, 7);
        }
    }
    assert!(reopened > 200, "only {reopened} calls were read back");
}

#[test]
fn what_is_counted_again_is_what_was_told() {
    let directory = run::directory(&pbx_json(&root()));
    let sources: Sources = SETS[0].1;
    let of_run = |number: usize| log_of(runs(&root())[number].legs(sources, &directory).0);
    let (closed, open) = (of_run(0), of_run(1));
    let windows = Windows::new(kept_shortly(), &directory).unwrap();
    let mut live = Live::new(Site::new(&directory), false, Limits::default()).counted(windows);
    let (mut tables, mut of_closed) = (Tables::default(), Tables::default());
    for ((leg, at), position) in closed.iter().zip(0..) {
        live.push(leg.clone(), *at, position);
    }
    let later = closed.iter().chain(&open).map(|(_, at)| *at).max().unwrap().plus_ms(6 * 3_600_000);
    live.advance(later);
    live.conclude(true, &mut |told| of_closed.take(told));
    live.count(false, &mut |told| of_closed.take(told));
    let next = closed.len() as u64;
    for ((leg, _), position) in open.iter().zip(next..) {
        live.push(leg.clone(), later, position);
    }
    let at = later.plus_ms(60_000);
    live.advance(at);
    live.conclude(true, &mut |told| tables.take(told));
    live.count(false, &mut |told| tables.take(told));
    let told: Vec<&CallLine> = tables.calls.values().filter(|line| line.is_final).collect();
    assert!(!told.is_empty() && live.open_calls() == told.len(), "{} told, {} open", told.len(), live.open_calls());

    // More of a call that was told, and the first of one that was not.
    let stored = next + open.len() as u64;
    let more = Leg { leg_id: LegId(7), ..open[0].0.clone() };
    let first = Leg { leg_id: LegId(8), link_keys: SmallVec::new(), ..open[0].0.clone() };
    live.push(more.clone(), at, stored);
    live.push(first.clone(), at, stored + 1);
    assert!(live.recount(stored - 1).is_none(), "not everything is stored");
    let mut recount = live.recount(stored + 2).unwrap();
    assert!(closed.iter().zip(0..).all(|((leg, _), position)| recount.takes(leg, Some(position))));
    assert!(open.iter().zip(next..).all(|((leg, _), position)| !recount.takes(leg, Some(position))));
    assert!(!recount.takes(&more, Some(stored)) && !recount.takes(&first, Some(stored + 1)));
    // What is stored and was not read yet.
    assert!(!recount.takes(&closed[0].0, Some(stored + 2)));
    assert!(recount.takes(&closed[0].0, None), "of another partition");

    let mut expected = Windows::new(Kept::default(), &directory).unwrap();
    of_closed.calls.values().for_each(|line| recount.call(line, &directory));
    let all = of_closed.calls.values().chain(told.iter().copied());
    all.for_each(|line| expected.add(&Contribution::of(line, &directory)));
    let values = |now: WindowNow| now.values.into_iter().filter(|v| v.1 != Thousandths(0)).collect::<Vec<_>>();
    let mut expected_values = BTreeMap::new();
    expected.tell_all(|now| drop(expected_values.insert(now.key.clone(), values(now))));
    let counted = recount.end();
    assert!(counted.len() > 10);
    for now in counted {
        let key = now.key.clone();
        assert_eq!(values(now), expected_values.remove(&key).unwrap_or_default(), "{key:?}");
    }
}

fn xxhash(name: &str) -> u128 {
    name.bytes().fold(1, |sum: u128, byte| sum.wrapping_mul(0x0100_0000_0000_01b3).wrapping_add(u128::from(byte)))
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
