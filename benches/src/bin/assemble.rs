//! What it costs to make calls of legs: joining them by their link keys, then folding, the verdict and the follow-ups, then printing.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

use adapters::reader::Reader;
use adapters::{Leg, Legs};
use benches::arguments::{Arguments, site_toml};
use benches::cpu::{self, Subject};
use benches::records::{self, Plan};
use benches::table::{Table, short};
use calls::assemble::{Assembly, Hold};
use calls::{Calls, Site};
use directory::Directory;

/// Legs that come with one chunk of a file, after which `ringback calls` asks for what is final.
const CHUNK_LEGS: usize = 900;

fn main() {
    let arguments = Arguments::of_process(&["rows", "file", "rounds", "an-hour", "customers", "only"]);
    let plan = Plan {
        file: arguments.word("file", "cdr-full.csv").to_owned(),
        records: arguments.number("rows", 100_000),
        records_an_hour: arguments.number("an-hour", 5_000),
        customers: arguments.number("customers", 300_000),
        shuffled_s: 0,
        only: arguments.word("only", "").to_owned(),
    };
    let adapter = if plan.file.starts_with("cel") { "asterisk_cel" } else { "asterisk_cdr" };
    let directory = Directory::from_toml(&site_toml()).expect("the site file");
    let legs = legs(&plan, adapter, &directory);
    let ends = [adapters::pbx::named(adapter).expect("the adapter").about().ends];
    let calls = || Calls::new(Site::new(&directory), &ends, false);

    let mut subjects = [
        Subject {
            name: "legs copied, the limit",
            round: Box::new(|| legs.iter().map(|leg| std::hint::black_box(leg.clone()).order & 1).sum()),
        },
        Subject { name: "… and joined by link keys", round: Box::new(|| join(&legs)) },
        Subject { name: "… and folded, with verdict and follow-up", round: Box::new(|| fold(&legs, calls(), |_| 0)) },
        Subject {
            name: "… and printed as JSON",
            round: Box::new(|| fold(&legs, calls(), |told| told.json().len() as u64)),
        },
    ];
    let took = cpu::in_turn(arguments.number("rounds", 5), &mut subjects);
    let limit = took.first().copied().unwrap_or(f64::NAN);
    println!("{} legs of {}, on {}", legs.len(), plan.file, cpu::machine());
    let mut table = Table::new(&["", "CPU ns a leg", "more than the line above", "times the limit"]);
    let mut above = 0.0;
    for (subject, took) in subjects.iter().zip(&took) {
        let ns = |t: f64| short(t / legs.len() as f64);
        table.row(&[subject.name.to_owned(), ns(*took), ns(took - above), short(took / limit)]);
        above = *took;
    }
    table.print();
}

fn legs(plan: &Plan, adapter: &str, directory: &Directory) -> Vec<Leg> {
    let mut bytes = Vec::new();
    records::write(plan, &mut bytes).expect("the records are written");
    let adapter = adapters::pbx::named(adapter).expect("the adapter");
    let settings = calls::settings::settings(directory, directory.first_pbx().id.as_str(), adapter.about().name);
    let mut legs = Legs::default();
    let mut reader = Reader::new(adapter, &settings, b"bench", 1);
    reader.push(&bytes, None, &mut legs);
    reader.finish(None, &mut legs);
    legs.legs
}

fn join(legs: &[Leg]) -> u64 {
    let mut assembly = Assembly::new(Hold { marked_ms: 0, idle_ms: 0, among_us_ms: 0, by_log_time: false });
    for leg in legs.iter().cloned() {
        let clock = leg.ended_at.or(leg.started_at).unwrap_or_default();
        assembly.push(leg, clock);
    }
    assembly.open_calls() as u64
}

fn fold(legs: &[Leg], mut calls: Calls<'_>, each: impl Fn(&calls::Told) -> u64) -> u64 {
    let mut count = 0;
    for chunk in legs.chunks(CHUNK_LEGS) {
        for leg in chunk.iter().cloned() {
            calls.push(leg);
        }
        if let Some(clock) = chunk.iter().filter_map(|l| l.ended_at.or(l.started_at)).max() {
            calls.advance(clock);
        }
        calls.drain(|told| count += 1 + each(&told));
    }
    calls.finish(|told| count += 1 + each(&told));
    count
}
