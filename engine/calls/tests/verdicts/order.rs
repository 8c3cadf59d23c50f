//! Legs pushed one by one in many orders.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use adapters::Ends;
use adapters::leg::{Leg, Moment};
use calls::{Calls, Site};
use directory::Directory;

use crate::run::{Run, Sources};

/// Orders tried of each run.
const ORDERS: u64 = 12;

/// Calls whose early verdict is looked at after every leg: those of the last legs.
const RECENT: usize = 40;

/// Final verdicts are the same bytes in every order, with legs told more than once, with early verdicts asked for on the way,
/// and from two feeds of which either runs ahead.
pub fn check(set: &str, run: &Run, sources: Sources, directory: &Directory) {
    let (legs, ends) = run.legs(sources, directory);
    let several = sources.len() > 1;
    let wanted = fold(&legs, &ends, several, directory, 0);
    for seed in 1..=ORDERS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut some: Vec<Leg> = legs.clone();
        match seed % 3 {
            // Any order, and a third of them twice.
            0 => {
                let twice: Vec<Leg> = legs.iter().filter(|_| random.below(3) == 0).cloned().collect();
                some.extend(twice);
                random.shuffle(&mut some);
            }
            // Two feeds, each in its order, the one as far ahead of the other as it likes.
            1 => {
                let (mut one, mut other): (Vec<Leg>, Vec<Leg>) =
                    legs.iter().cloned().partition(|_| random.below(2) == 0);
                some.clear();
                one.reverse();
                other.reverse();
                while !one.is_empty() || !other.is_empty() {
                    let from =
                        if other.is_empty() || !one.is_empty() && random.below(4) > 0 { &mut one } else { &mut other };
                    some.extend(from.pop());
                }
            }
            // Backwards, then once more forwards.
            _ => {
                some.reverse();
                some.extend(legs.iter().cloned());
            }
        }
        let found = fold(&some, &ends, several, directory, seed);
        assert_eq!(wanted, found, "{set}, {}: seed {seed}", run.name);
    }
}

/// A channel's rows are written together when it closes, but the clock here is that of the ends that they tell, which lie so far apart,
/// in milliseconds. `engine/tests/stream/settle.rs` has the moments of writing.
const BETWEEN_ENDS_MS: i64 = 10_000;

/// In the order in which the PBX wrote the records: what was once called final is never another outcome later, and a call that was
/// answered in the end was never both final and missed.
pub fn check_final(set: &str, run: &Run, sources: Sources, directory: &Directory) {
    let (legs, ends) = run.legs(sources, directory);
    let settle_ms = ends.iter().find_map(|e| match e {
        Ends::Marker { settle_s } => Some((i64::from(*settle_s) * 1000).max(BETWEEN_ENDS_MS)),
        _ => None,
    });
    let mut calls = Calls::new(Site::new(directory), &ends, false);
    let mut recent = VecDeque::new();
    let mut called_final = BTreeMap::new();
    for leg in &legs {
        recent.push_back(calls.push(leg.clone()));
        if recent.len() > RECENT {
            recent.pop_front();
        }
        calls.advance(leg.ended_at.or(leg.started_at).unwrap_or_default());
        for call in recent.iter().filter_map(|slot| calls.now(*slot, settle_ms.unwrap_or(0))) {
            if call.line.is_final {
                called_final.insert(call.line.call_id.clone(), (call.line.outcome, call.line.missed));
            }
        }
    }
    calls.finish(|told| {
        let (_, outcome, missed, _) = told.facts();
        if let Some(before) = called_final.get(told.call_id()) {
            assert_eq!(*before, (outcome, missed), "{set}, {}: {} was final before", run.name, told.call_id());
        }
    });
}

fn fold(legs: &[Leg], ends: &[Ends], several: bool, directory: &Directory, seed: u64) -> Vec<String> {
    let mut random = Random(seed | 1);
    let mut calls = Calls::new(Site::new(directory), ends, several);
    let mut printed = Vec::new();
    let mut told_early = BTreeSet::new();
    let mut merged = BTreeMap::new();
    for leg in legs {
        let ended = leg.ended_at.or(leg.started_at);
        let slot = calls.push(leg.clone());
        if seed > 0 && random.below(3) == 0 {
            told_early.extend(calls.now(slot, 10_000).map(|call| call.line.call_id));
        }
        if seed.is_multiple_of(2) {
            calls.advance(ended.unwrap_or(Moment(0)));
            calls.drain(|told| printed.push(told.json()));
        }
    }
    calls.finish(|told| printed.push(told.json()));
    // A name that was told early is the name of a call in the end, or leads to one.
    merged.extend(calls.merged().into_iter().map(|line| (line.call_id, line.merged_into)));
    for mut name in told_early {
        while let Some(Some(into)) = merged.get(&name) {
            name = into.clone();
        }
        let key = format!("\"call_id\":\"{name}\"");
        assert!(printed.iter().any(|line| line.contains(&key)), "seed {seed}: {name} was told, and is nowhere");
    }
    printed.sort();
    printed
}

/// xorshift64*: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
