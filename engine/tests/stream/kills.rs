//! `kill -9` at chosen places of the protocol, again and again: in the end the tables are those of one undisturbed run.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::process::{all_cases, run};
use crate::world::World;

/// Where a round kills.
const POINTS: [&str; 5] = ["after_intent", "after_insert", "before_commit", "assigned", "after_intent"];

/// Rounds; `RINGBACK_ROUNDS=50 cargo test -p engine --test stream kill` runs more.
fn rounds() -> usize {
    std::env::var("RINGBACK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(5)
}

#[test]
fn killed_again_and_again_every_leg_is_stored_once() {
    let world = World::start();
    let records = all_cases("cdr-full.csv");
    world.topic("cdr", 1);
    let settings = world.settings("cdr");
    let lines: Vec<&[u8]> = records.split_inclusive(|b| *b == b'\n').collect();
    let (mut histogram, rounds) = (std::collections::BTreeMap::new(), rounds());
    for round in 0..rounds {
        let (from, to) = (lines.len() * round / rounds, lines.len() * (round + 1) / rounds);
        world.produce("cdr", &lines[from..to].concat());
        let point = POINTS[round % POINTS.len()];
        let nth = 1 + (round / POINTS.len()) % 2;
        let mut process = world
            .run(&settings, &[])
            .env("RINGBACK_FAILPOINT", format!("{point}:{nth}"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let reached = wait_for_failpoint(&mut process);
        process.kill().expect("killed");
        process.wait().expect("waited");
        *histogram.entry(if reached { point } else { "between" }).or_insert(0) += 1;
        println!("round {round}: killed at {}", if reached { point } else { "rest" });
    }
    println!("{histogram:?}");
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.check_calls(&records);
    world.check_audit();
}

/// True if the process came to its failpoint; false if it came to rest before.
fn wait_for_failpoint(process: &mut Child) -> bool {
    let stderr = BufReader::new(process.stderr.take().expect("a pipe"));
    let (sender, lines): (_, Receiver<String>) = channel();
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let until = Instant::now() + Duration::from_secs(25);
    let mut said = Vec::new();
    while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if line.starts_with("failpoint ") {
            return true;
        }
        said.push(line);
    }
    assert!(process.try_wait().expect("waited").is_none(), "it ended: {said:#?}");
    false
}
