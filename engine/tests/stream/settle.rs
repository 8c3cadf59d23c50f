//! How long after its marker a call of Asterisk has to wait for other rows: what the corpus says, with the moments at which the PBX wrote them.

use std::collections::BTreeMap;

use adapters::leg::{Leg, Moment};
use adapters::reader::Reader;
use adapters::{Legs, pbx};
use calls::assemble::stored_keys;
use calls::live::{Conclusion, Limits, Live};
use calls::{CallLine, Site};
use directory::Directory;

use crate::process::site;
use crate::written::{Written, runs};

/// A leg, and when the log brings it.
type Logged = (Leg, Moment);

/// The legs of rows, each logged so many times as late after the first as it was written.
fn legs(rows: &[Written], stretch: i64, directory: &Directory) -> Vec<Logged> {
    let adapter = pbx::named("asterisk_cdr").expect("an adapter");
    let settings = calls::settings::settings(directory, &directory.first_pbx().id, adapter.about().name);
    let mut reader = Reader::new(adapter, &settings, b"cdr-full.csv", 1);
    let first = rows.first().map_or(0, |row| row.at_us);
    let mut logged = Vec::new();
    for row in rows {
        let mut out = Legs::default();
        reader.push(row.line.as_bytes(), None, &mut out);
        reader.push(b"\n", None, &mut out);
        let at = Moment((first + (row.at_us - first) * stretch) / 1000);
        logged.extend(out.legs.into_iter().map(|leg| (leg, at)));
    }
    logged
}

/// What was told of a call, one after the other.
#[derive(Default)]
struct Told {
    lines: BTreeMap<String, Vec<(CallLine, Moment)>>,
    merged: BTreeMap<String, String>,
}

fn conclude(live: &mut Live<'_>, told: &mut Told, at: Moment) {
    live.advance(at);
    live.conclude(true, &mut |conclusion| match conclusion {
        Conclusion::Call { line, .. } => told.lines.entry(line.call_id.to_string()).or_default().push((*line, at)),
        Conclusion::Gone { call_id, merged_into } => {
            told.merged.insert(call_id.to_string(), merged_into.to_string());
        }
        Conclusion::FollowUp(_) => {}
    });
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

fn tell(log: &[Logged], directory: &Directory) -> Told {
    let mut live = Live::new(Site::new(directory), false, Limits::default());
    let mut told = Told::default();
    for (number, (leg, at)) in log.iter().enumerate() {
        while let Some(due) = live.next_due().filter(|due| due <= at) {
            conclude(&mut live, &mut told, due);
        }
        live.push(leg.clone(), *at, number as u64);
        answer(&mut live, &log[..=number]);
        conclude(&mut live, &mut told, *at);
    }
    while let Some(due) = live.next_due() {
        let before = live.clock();
        conclude(&mut live, &mut told, due);
        answer(&mut live, log);
        if live.clock().ms_since(log[log.len() - 1].1) > 86_400_000 || live.clock() == before && live.next_due() == Some(due) { break; }
    }
    told
}

#[test]
fn explore() {
    let directory = Directory::from_toml(&std::fs::read_to_string(site()).expect("read")).unwrap_or_else(|e| panic!("{e}"));
    for stretch in [1, 5, 20, 100, 1000, 10000, 100000] {
        let (mut calls, mut turned, mut missed, mut joined) = (0, 0, 0, 0);
        let mut waits = Vec::new();
        for (run, rows) in runs() {
            let log = legs(&rows, stretch, &directory);
            let told = tell(&log, &directory);
            for (id, lines) in &told.lines {
                if let Some(into) = told.merged.get(id) {
                    joined += 1;
                    let finals: Vec<_> = lines.iter().filter(|(l, _)| l.is_final).map(|(l,_)| (l.outcome, l.missed)).collect();
                    let end = told.lines.get(into).and_then(|l| l.last());
                    if let (Some((end, _)), false) = (end, finals.is_empty()) {
                        if finals.iter().any(|f| *f != (end.outcome, end.missed)) {
                            println!("{stretch} {run} {id}: was {finals:?}, became part of {:?} {}", end.outcome, end.missed);
                        }
                    }
                    continue;
                }
                calls += 1;
                let (end, _) = lines.last().expect("a line");
                let finals: Vec<_> = lines.iter().filter(|(l, _)| l.is_final).collect();
                if finals.iter().any(|(l, _)| (l.outcome, l.missed) != (end.outcome, end.missed)) {
                    turned += 1;
                    println!("{stretch} {run} {id}: {:?} -> {:?} {}", finals.iter().map(|(l, a)| (l.outcome, l.missed, *a)).collect::<Vec<_>>(), end.outcome, end.missed);
                }
                if !end.missed && end.answered_at.is_some() && finals.iter().any(|(l, _)| l.missed) { missed += 1; }
                if let Some((l, at)) = finals.first() { if run == "mixed" { waits.push(at.ms_since(l.ended_at)); } } else { println!("{stretch} {run} {id} never final {:?}", end.link_keys) }
            }
        }
        waits.sort();
        println!("== {stretch}: {calls} calls, {joined} joined, {turned} turned, {missed} missed though answered; mixed {:?} {:?} {:?}", waits[waits.len() / 2], waits[waits.len() * 9 / 10], waits.last());
    }
}
