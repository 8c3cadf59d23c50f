//! `kill -9` at chosen places of the protocol, again and again: in the end the tables are those of one undisturbed run.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;

use indicatif::{ProgressBar, ProgressStyle};

use crate::faults::weeks;
use crate::member::lines;
use crate::process::{LONG, run};
use crate::windows::windows_equal_a_recount;
use crate::world::{Sender, World, written_ms};

/// Where a process is killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    BeforeIntent,
    BeforeInsert,
    BeforeCommit,
    TakingOver,
    GivingAway,
}

/// One after the other, again and again: each comes as often as any other.
const PLACES: [Place; 5] =
    [Place::BeforeInsert, Place::BeforeCommit, Place::TakingOver, Place::GivingAway, Place::BeforeIntent];

impl Place {
    fn failpoint(self) -> &'static str {
        match self {
            Place::BeforeIntent => "before_commit",
            Place::BeforeInsert => "after_intent",
            Place::BeforeCommit => "after_insert",
            Place::TakingOver => "assigned",
            Place::GivingAway => "revoked",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Place::BeforeIntent => "between reading and intent",
            Place::BeforeInsert => "between intent and insert",
            Place::BeforeCommit => "between insert and commit",
            Place::TakingOver => "in a rebalance, taking a partition over",
            Place::GivingAway => "in a rebalance, giving a partition away",
        }
    }
}

/// Rounds: five in the gate. The long run is `RINGBACK_ROUNDS=50 cargo test -p engine --test stream -- --nocapture`, which also keeps
/// what breaks broken for longer.
fn rounds() -> usize {
    std::env::var("RINGBACK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(PLACES.len())
}

pub fn is_long() -> bool {
    rounds() > PLACES.len()
}

const COMPANIES: [&str; 2] = ["acme", "bolt"];

#[test]
fn killed_again_and_again_every_leg_is_stored_once() {
    let world = World::start();
    world.topic("cdr", COMPANIES.len() as i32);
    let settings = world.settings_of("cdr", &COMPANIES);
    let sender = Sender::to(&world.bootstrap, "cdr");
    let records = weeks(if is_long() { 12 } else { 2 });
    let lines: Vec<&str> = records.lines().collect();
    let (rounds, mut histogram) = (rounds(), BTreeMap::new());
    let bar = Bar::of(rounds);
    for round in 0..rounds {
        for line in &lines[lines.len() * round / rounds..lines.len() * (round + 1) / rounds] {
            for (company, partition) in COMPANIES.iter().zip(0..) {
                sender.send(company, Some(partition), written_ms(line.as_bytes()), line.as_bytes());
            }
        }
        sender.flush();
        let place = PLACES[round % PLACES.len()];
        // Also where the place is passed the second time: the first may be a batch that is formed again.
        let nth = 1 + (round / PLACES.len()) % 2;
        match place {
            Place::TakingOver => {
                let mut first = Victim::start(&world, &settings, None);
                first.wait_for("goes on at");
                Victim::start(&world, &settings, Some(format!("{}:1", place.failpoint()))).wait_for("failpoint ");
            }
            Place::GivingAway => {
                let mut first = Victim::start(&world, &settings, Some(format!("{}:1", place.failpoint())));
                first.wait_for("goes on at");
                let _second = Victim::start(&world, &settings, None);
                first.wait_for("failpoint ");
            }
            _ => Victim::start(&world, &settings, Some(format!("{}:{nth}", place.failpoint()))).wait_for("failpoint "),
        }
        *histogram.entry(place).or_insert(0) += 1;
        bar.killed(round, rounds, place);
    }
    bar.end();
    println!("{}", shown(&histogram));
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.check_companies(&COMPANIES, records.as_bytes());
    world.check_audit();
    world.check_nothing_is_left("cdr");
    windows_equal_a_recount(&world, &COMPANIES, records.as_bytes());
}

/// A line for each place, with a mark for each time.
fn shown(histogram: &BTreeMap<Place, usize>) -> String {
    let line = |(place, times): (&Place, &usize)| format!("{:41} {:3} {}\n", place.words(), times, "#".repeat(*times));
    histogram.iter().map(line).collect()
}

/// A process that will be killed: when this goes, wherever it is.
struct Victim {
    process: Child,
    said: std::sync::mpsc::Receiver<String>,
}

impl Victim {
    fn start(world: &World, settings: &Path, failpoint: Option<String>) -> Victim {
        let mut command = world.run(settings, &[]);
        if let Some(failpoint) = failpoint {
            command.env("RINGBACK_FAILPOINT", failpoint);
        }
        let mut process = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let (sender, said) = channel();
        let lines = lines(&mut process);
        std::thread::spawn(move || lines.into_iter().try_for_each(|line| sender.send(line)));
        Victim { process, said }
    }

    /// Waits until it says something with these words.
    fn wait_for(&mut self, words: &str) {
        let mut before = Vec::new();
        loop {
            let line =
                self.said.recv_timeout(LONG).unwrap_or_else(|error| panic!("no {words:?} ({error}): {before:#?}"));
            if line.contains(words) {
                return;
            }
            before.push(line);
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How far it is: a bar on a terminal, lines elsewhere.
enum Bar {
    Drawn(ProgressBar),
    Lines,
}

impl Bar {
    fn of(rounds: usize) -> Bar {
        if !std::io::stderr().is_terminal() {
            return Bar::Lines;
        }
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len} kills, {eta} left, last {msg}");
        Bar::Drawn(ProgressBar::new(rounds as u64).with_style(style.expect("a template")))
    }

    fn killed(&self, round: usize, rounds: usize, place: Place) {
        match self {
            Bar::Drawn(bar) => {
                bar.set_message(place.words());
                bar.inc(1);
            }
            Bar::Lines => println!("{} of {rounds} kills: {}", round + 1, place.words()),
        }
    }

    fn end(&self) {
        if let Bar::Drawn(bar) = self {
            bar.finish();
        }
    }
}
