//! How long a call of Asterisk has to wait after its marker for other rows: what the corpus says, with the moments at which the PBX
//! wrote them.

use std::collections::BTreeMap;

use adapters::leg::{Leg, Moment};
use adapters::reader::Reader;
use adapters::{Ends, Legs, pbx};
use calls::assemble::stored_keys;
use calls::live::{Conclusion, Limits, Live};
use calls::{CallLine, Site};
use directory::Directory;

use crate::process::site;
use crate::written::{Written, runs};

/// The settling time is so many times what the slowest call of the corpus needed.
const MARGIN: i64 = 20;

fn settle_ms() -> i64 {
    match pbx::named("asterisk_cdr").expect("an adapter").about().ends {
        Ends::Marker { settle_s } => i64::from(settle_s) * 1000,
        other => panic!("no marker: {other:?}"),
    }
}

#[test]
fn rows_of_a_call_come_with_its_marker() {
    let (mut marked, mut followed, mut longest_us) = (0, 0, 0);
    for rows in runs().values() {
        let mut by_linkedid: BTreeMap<&str, (Option<i64>, i64)> = BTreeMap::new();
        for row in rows {
            let columns: Vec<&str> = row.line.split("\",\"").collect();
            let (unique, linked) = (columns[16], columns[18]);
            let (marker, last) = by_linkedid.entry(linked).or_insert((None, 0));
            if unique == linked {
                marker.get_or_insert(row.at_us);
            }
            *last = row.at_us;
        }
        for (marker, last) in by_linkedid.values() {
            let after_us = last - marker.expect("every linkedid has a row of its own channel");
            marked += 1;
            followed += usize::from(after_us > 0);
            longest_us = longest_us.max(after_us);
        }
    }
    println!("{marked} linkedids, {followed} with rows after their marker, the latest after {longest_us} µs");
    assert!(marked > 1000 && followed > 500, "{marked} {followed}");
    assert!(settle_ms() * 1000 >= longest_us * MARGIN, "{} ms are too few after {longest_us} µs", settle_ms());
}

#[test]
fn no_call_that_is_answered_in_the_end_is_final_and_missed_before() {
    let text = std::fs::read_to_string(site()).expect("read");
    let directory = Directory::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    let as_written = turned(1, &directory);
    assert_eq!((as_written.missed_when_final, as_written.turned_when_final), (0, 0), "of {}", as_written.calls);
    assert!(as_written.calls > 1000 && as_written.missed_when_early > 50, "{as_written:?}");
    // The PBX as many times slower is a settling time as many times shorter.
    let slower = turned(MARGIN, &directory);
    assert_eq!((slower.missed_when_final, slower.turned_when_final), (0, 0), "{MARGIN} times slower");
    // Ten milliseconds are too few, and that is seen here.
    let too_soon = turned(settle_ms() / 10, &directory);
    println!("{as_written:?}\n{slower:?}\n{too_soon:?}");
    assert!(too_soon.missed_when_final > 0, "{too_soon:?}");
}

/// What became of the calls of the whole corpus.
#[derive(Default, Debug)]
struct Turned {
    calls: usize,
    /// Answered in the end, and missed by a final verdict before.
    missed_when_final: usize,
    /// The same by a verdict that was early.
    missed_when_early: usize,
    /// Final verdicts with another outcome than the last.
    turned_when_final: usize,
}

/// A leg, and when the log brings it.
type Logged = (Leg, Moment);

fn turned(slower: i64, directory: &Directory) -> Turned {
    let mut sum = Turned::default();
    for rows in runs().values() {
        let told = tell(&legs(rows, slower, directory), directory);
        for lines in told.values() {
            let Some(end) = lines.last() else { continue };
            let is_answered = end.answered_at.is_some() && !end.missed;
            let missed = |is_final: bool| lines.iter().any(|line| line.missed && line.is_final == is_final);
            let turns = |line: &&CallLine| line.is_final && (line.outcome, line.missed) != (end.outcome, end.missed);
            sum.calls += 1;
            sum.missed_when_final += usize::from(is_answered && missed(true));
            sum.missed_when_early += usize::from(is_answered && missed(false));
            sum.turned_when_final += usize::from(lines.iter().filter(turns).count() > 0);
        }
    }
    sum
}

/// The legs of rows, each logged as many times later than the first as it was written.
fn legs(rows: &[Written], slower: i64, directory: &Directory) -> Vec<Logged> {
    let adapter = pbx::named("asterisk_cdr").expect("an adapter");
    let settings = calls::settings::settings(directory, &directory.first_pbx().id, adapter.about().name);
    let mut reader = Reader::new(adapter, &settings, b"cdr-full.csv", 1);
    let first = rows[0].at_us;
    let mut logged = Vec::new();
    for row in rows {
        let mut out = Legs::default();
        reader.push(format!("{}\n", row.line).as_bytes(), None, &mut out);
        let at = Moment((first + (row.at_us - first) * slower) / 1000);
        logged.extend(out.legs.into_iter().map(|leg| (leg, at)));
    }
    logged
}

/// Every line that is told of each call, in order, by the name that it has in the end: concluded with every leg and whenever
/// something is due.
fn tell(log: &[Logged], directory: &Directory) -> BTreeMap<String, Vec<CallLine>> {
    let mut live = Live::new(Site::new(directory), false, Limits::default());
    let mut told: BTreeMap<String, Vec<CallLine>> = BTreeMap::new();
    let mut take = |conclusion| match conclusion {
        Conclusion::Call { line, .. } => told.entry(line.call_id.to_string()).or_default().push(*line),
        Conclusion::Gone { call_id, merged_into, .. } => {
            // A consultation that nobody answered is no customer's call, and was not missed.
            let before = told.remove(call_id.as_str()).unwrap_or_default();
            let missed = before.into_iter().filter(|line| line.missed);
            told.entry(merged_into.to_string()).or_default().extend(missed);
        }
        Conclusion::FollowUp { .. } | Conclusion::Window(_) => {}
    };
    for (number, (leg, at)) in log.iter().enumerate() {
        while let Some(due) = live.next_due().filter(|due| due <= at) {
            live.advance(due);
            live.conclude(true, &mut take);
        }
        live.push(leg.clone(), *at, number as u64);
        answer(&mut live, &log[..=number]);
        live.conclude(true, &mut take);
    }
    live.end(&mut take);
    told
}

/// What the store would answer for late legs.
fn answer(live: &mut Live<'_>, stored: &[Logged]) {
    while let Some(wanted) = live.wanted(stored.len() as u64) {
        let is_wanted = |leg: &&Logged| {
            let at = leg.0.started_at.unwrap_or_default();
            (wanted.from..=wanted.to).contains(&at) && stored_keys(&leg.0).any(|key| wanted.keys.contains(&key))
        };
        live.answer(stored.iter().filter(is_wanted).map(|(leg, _)| leg.clone()).collect::<Vec<_>>());
    }
}
