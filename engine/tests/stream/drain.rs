//! Told to end while the database is away: it ends in time, and says what the next start stores.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::audit::check_audit;
use crate::process::{all_cases, run, signal, wait_until, write};
use crate::world::World;

#[test]
fn what_cannot_be_stored_when_it_is_told_to_end_is_stored_by_the_next_start() {
    let mut world = World::start();
    let records = all_cases("cdr-full.csv");
    world.topic("cdr", 1);
    let settings = world.settings("cdr");
    let text = std::fs::read_to_string(settings.join("engine.toml")).expect("read");
    write(&settings, "engine.toml", format!("{text}drain_s = 1\n"));
    let mut process = world.run(&settings, &[]).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stderr = BufReader::new(process.stderr.take().expect("a pipe"));
    let mut wait_for = |word: &str| {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert!(stderr.read_line(&mut line).expect("read") > 0, "it ended before it said `{word}`");
        }
    };
    wait_for("goes on at 0");
    world.stop_database();
    world.produce("cdr", &records);
    wait_for("clickhouse: ");
    signal("TERM", process.id());
    let mut status = None;
    wait_until("the end of the process", || {
        status = process.try_wait().expect("waited");
        status.is_some()
    });
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("read");
    assert_eq!(status.and_then(|status| status.code()), Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    let begin = "ringback run: not all of cdr was stored within 1 s (`drain_s` under [limits] in engine.toml): partition 0: the records from 0 to ";
    let read = last.strip_prefix(begin).unwrap_or_else(|| panic!("{said}"));
    let (read, rest) = read.split_once(' ').expect("a number and words");
    assert!(read.parse::<u64>().is_ok_and(|read| read > 0), "{said}");
    assert_eq!(rest, "are read and not stored; nothing is lost: the next start stores it");

    world.start_database();
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.check_calls(&records);
    world.check_audit();
    check_audit(&world, &settings, &[], (0, 0, 0));
}
