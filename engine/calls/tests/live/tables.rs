//! What a live fold tells, as the tables have it in the end; with a store that has what was read before.

use std::collections::BTreeMap;

use adapters::leg::{Leg, Moment};
use calls::assemble::stored_keys;
use calls::customers::FollowUp;
use calls::live::{Conclusion, Limits, Live};
use calls::measure::Thousandths;
use calls::window::{Keep, Kept, Size, WindowKey};
use calls::{CallLine, Calls, Contribution, Site, Windows};
use directory::{Directory, Scope};

/// A leg, and when the log brings it.
pub type Logged = (Leg, Moment);

/// What stands in the tables in the end.
#[derive(Default, PartialEq, Debug)]
pub struct Tables {
    pub calls: BTreeMap<String, CallLine>,
    pub follow_ups: BTreeMap<String, FollowUp>,
    pub windows: BTreeMap<(WindowKey, &'static str), Thousandths>,
}

impl Tables {
    pub fn take(&mut self, conclusion: Conclusion) {
        match conclusion {
            Conclusion::Call { line, .. } => drop(self.calls.insert(line.call_id.to_string(), *line)),
            Conclusion::Gone { call_id, .. } => {
                assert!(self.calls.remove(call_id.as_str()).is_some(), "{call_id} was never told");
            }
            Conclusion::FollowUp { told, .. } if told.merged_into.is_some() => {
                assert!(self.follow_ups.remove(told.line.id.as_str()).is_some(), "{} was never told", told.line.id);
            }
            Conclusion::FollowUp { told, .. } => drop(self.follow_ups.insert(told.line.id.to_string(), *told)),
            Conclusion::Window(told) => {
                for (measure, value) in &told.values {
                    self.windows.insert((told.key.clone(), measure), *value);
                }
            }
        }
    }
}

/// What the log brings, read live: concluded every few legs, with a store that has all that was read before.
pub fn live(log: &[Logged], directory: &Directory, several: bool, every: usize) -> (Tables, u64) {
    let kept = if every.is_multiple_of(3) { kept_shortly() } else { Kept::default() };
    let windows = Windows::new(kept, directory).unwrap();
    let mut live = Live::new(Site::new(directory), several, Limits::default()).counted(windows);
    let mut tables = Tables::default();
    let mut ever_final: BTreeMap<String, bool> = BTreeMap::new();
    for (number, (leg, at)) in log.iter().enumerate() {
        live.push(leg.clone(), *at, number as u64);
        if number % every == 0 {
            let stored = number.saturating_sub(5);
            answer(&mut live, &log[..stored]);
            recount(&mut live, &log[..stored], directory);
            live.conclude(number % 2 == 0, &mut |c| {
                if let Conclusion::Call { line, .. } = &c
                    && line.is_final
                {
                    *ever_final.entry(line.call_id.to_string()).or_default() |= line.missed;
                }
                tables.take(c);
            });
            live.count(false, &mut |c| tables.take(c));
        }
    }
    while {
        answer(&mut live, log);
        live.end(&mut |c| tables.take(c));
        live.is_waiting()
    } {}
    live.count(true, &mut |c| tables.take(c));
    // What was told last may have been of windows that are to be counted again.
    while live.counting().unwrap().is_recounting() {
        recount(&mut live, log, directory);
        live.count(false, &mut |c| tables.take(c));
    }
    (tables, live.reopened_calls())
}

/// So short that most of what is late changes windows that are kept no more.
pub fn kept_shortly() -> Kept {
    let keep = Keep { keep_s: 600, windows_max: 2 };
    let all = Scope::ALL.into_iter().flat_map(|scope| Size::ALL.map(|size| (scope, size)));
    all.fold(Kept::default(), |kept, (scope, size)| kept.with(scope, size, keep))
}

fn answer(live: &mut Live<'_>, stored: &[Logged]) {
    while let Some(wanted) = live.wanted(stored.len() as u64) {
        let is_wanted = |leg: &&Logged| {
            let at = leg.0.started_at.unwrap_or_default();
            (wanted.from..=wanted.to).contains(&at) && stored_keys(&leg.0).any(|k| wanted.keys.contains(&k))
        };
        live.answer(stored.iter().filter(is_wanted).map(|(leg, _)| leg.clone()).collect::<Vec<_>>());
    }
}

/// Windows that are kept no more are counted again from all legs that are stored.
fn recount(live: &mut Live<'_>, log: &[Logged], directory: &Directory) {
    while let Some(mut recount) = live.recount(log.len() as u64) {
        let ends: Vec<_> = adapters::pbx::ADAPTERS.iter().map(|a| a.about().ends).collect();
        let mut calls = Calls::new(Site::new(directory), &ends, false).whole();
        for ((leg, _), position) in log.iter().zip(0..) {
            if recount.takes(leg, Some(position)) {
                calls.push(leg.clone());
            }
        }
        calls.finish(|told| {
            let calls::Told::Call(line) = told else { panic!("a line was packed") };
            recount.call(&line, directory);
        });
        live.counting_mut().unwrap().recounted(Some(recount.end()));
    }
}

/// Each window is the sum of these calls.
pub fn check_windows(name: &str, tables: &Tables, calls: &BTreeMap<String, CallLine>, directory: &Directory) {
    let mut windows = Windows::new(Kept::default(), directory).unwrap();
    calls.values().for_each(|line| windows.add(&Contribution::of(line, directory)));
    let mut expected = BTreeMap::new();
    windows.advance(Moment(i64::MAX / 2), Some(Moment(i64::MAX / 2)), |now| {
        expected.extend(now.values.iter().map(|(measure, value)| ((now.key.clone(), *measure), *value)));
    });
    let told = tables.windows.iter().filter(|(_, value)| **value != Thousandths(0));
    let told: BTreeMap<_, _> = told.map(|(key, value)| (key.clone(), *value)).collect();
    let differs = expected.iter().chain(&told).find(|(key, _)| expected.get(key) != told.get(key));
    if let Some((key, _)) = differs {
        panic!("{name}: {key:?} is {:?} and should be {:?}", told.get(key), expected.get(key));
    }
}
