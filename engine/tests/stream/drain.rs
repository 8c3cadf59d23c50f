//! Told to end while the database is away: it ends in time, and says what the next start stores.

use crate::audit::check_audit;
use crate::process::{all_cases, run, write};
use crate::started::Started;
use crate::world::World;

#[test]
fn what_cannot_be_stored_when_it_is_told_to_end_is_stored_by_the_next_start() {
    let mut world = World::start();
    let records = all_cases("cdr-full.csv");
    world.topic("cdr", 1);
    let settings = world.settings("cdr");
    let text = std::fs::read_to_string(settings.join("engine.toml")).expect("read");
    write(&settings, "engine.toml", format!("{text}drain_s = 1\n"));
    let mut process = Started::of(&mut world.run(&settings, &[]));
    process.wait_for("goes on at 0");
    world.stop_database();
    world.produce("cdr", &records);
    process.wait_for("clickhouse: ");
    let (code, last) = process.end();
    assert_eq!(code, Some(1), "{last}");
    let begin = "ringback run: not all of cdr was stored within 1 s (`drain_s` under [limits] in engine.toml): partition 0: the records from 0 to ";
    let read = last.strip_prefix(begin).unwrap_or_else(|| panic!("{last}"));
    let (read, rest) = read.split_once(' ').expect("a number and words");
    assert!(read.parse::<u64>().is_ok_and(|read| read > 0), "{last}");
    assert_eq!(rest, "are read and not stored; nothing is lost: the next start stores it");

    world.start_database();
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.check_calls(&records);
    world.check_audit();
    check_audit(&world, &settings, &[], (0, 0, 0));
}
