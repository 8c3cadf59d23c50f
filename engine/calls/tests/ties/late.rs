//! Calls over a tie in the stream: one exchange is silent for an hour or for a day, halves come late and twice, and each call is one all
//! the same, and counted once.

use std::collections::BTreeMap;

use adapters::leg::{Leg, Moment};
use calls::Site;
use calls::line::CallLine;
use calls::live::{Conclusion, Limits, Live};

use crate::fold;
use crate::many::{Random, calls};
use crate::records::{at, directory};
use crate::tables::{Logged, check_windows, live};

const HOUR_MS: i64 = 3_600_000;

/// The log, with the moment at which each leg is told moved by `delay_ms`.
fn log(calls: &[Vec<Leg>], mut delay_ms: impl FnMut(&Leg) -> i64) -> Vec<Logged> {
    let mut log: Vec<Logged> = calls
        .iter()
        .flatten()
        .map(|leg| (leg.clone(), leg.ended_at.unwrap_or_default().plus_ms(2_000 + delay_ms(leg))))
        .collect();
    log.sort_by_key(|(_, at)| *at);
    let mut last = Moment(0);
    for (number, (leg, at)) in log.iter_mut().enumerate() {
        last = last.max(*at);
        *at = last;
        leg.position.record = number as u64 + 1;
    }
    log
}

/// What is told in the end is what all legs say, and the windows add it up; gives how many calls were read back.
fn check(name: &str, log: &[Logged], every: usize) -> u64 {
    let directory = directory();
    let legs: Vec<Leg> = log.iter().map(|(leg, _)| leg.clone()).collect();
    let expected: BTreeMap<String, CallLine> =
        fold(&legs).into_iter().map(|line| (line.call_id.to_string(), line)).collect();
    let (tables, reopened) = live(log, &directory, false, every);
    for (id, line) in &expected {
        let plain = CallLine { follow_up: None, ..line.clone() };
        assert_eq!(tables.calls.get(id), Some(&plain), "{name}: call {id}");
        let of_it = tables.follow_ups.values().filter(|f| f.calls.iter().any(|call| call == id)).count();
        assert_eq!(of_it, usize::from(line.follow_up.is_some()), "{name}: follow-ups of {id}");
    }
    assert_eq!(tables.calls.len(), expected.len(), "{name}");
    check_windows(name, &tables, &expected, &directory);
    reopened
}

#[test]
fn a_silent_exchange_tells_the_same_calls_later() {
    let mut reopened = 0;
    for (seed, ahead_s) in [(11, 40), (12, -40), (13, 0), (14, 300)] {
        let calls = calls(seed, ahead_s, &directory());
        check(&format!("seed {seed}, at once"), &log(&calls, |_| 0), 1);
        for pbx in ["lamp", "tower"] {
            for hours in [1, 9, 30] {
                let silent = log(&calls, |leg| if leg.origin.pbx == pbx { hours * HOUR_MS } else { 0 });
                reopened += check(&format!("seed {seed}, {pbx} silent for {hours} h"), &silent, 3);
            }
        }
    }
    assert!(reopened > 100, "{reopened}");
}

/// The first half is gone from the store: the other one is a call of its own, and nobody waits for ever.
#[test]
fn a_half_whose_call_is_stored_no_more_stays_alone() {
    let directory = directory();
    let [near, far] = <[Leg; 2]>::try_from(crate::answered(40)).unwrap();
    let mut live = Live::new(Site::new(&directory), false, Limits::default());
    let mut told = BTreeMap::new();
    let mut take = |c: Conclusion| match c {
        Conclusion::Call { line, .. } => drop(told.insert(line.call_id.to_string(), line.pbxes.len())),
        other => assert!(matches!(other, Conclusion::FollowUp { .. }), "{other:?}"),
    };
    live.push(near, at(200), 0);
    live.advance(at(40_000));
    live.conclude(true, &mut take);
    assert_eq!(live.open_calls(), 0);
    live.push(far, at(40_001), 1);
    live.end(&mut take);
    assert!(live.is_waiting());
    while live.wanted(2).is_some() {
        live.answer([]);
    }
    live.end(&mut take);
    assert!(!live.is_waiting());
    assert_eq!(told.into_values().collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn halves_that_come_late_and_twice_find_their_calls() {
    for seed in 21..29 {
        let mut random = Random(seed * 7919);
        let mut calls = calls(seed, 40, &directory());
        let again: Vec<Vec<Leg>> = calls.iter().filter(|_| random.below(5) == 0).cloned().collect();
        calls.extend(again);
        let late = log(&calls, |_| match random.below(10) {
            0 => HOUR_MS + random.below(20 * 3_600_000) as i64,
            1 => random.below(600_000) as i64,
            _ => 0,
        });
        check(&format!("seed {seed}"), &late, 1 + (seed % 7) as usize);
    }
}
