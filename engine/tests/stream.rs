//! `ringback run` from outside: a real broker, the real ClickHouse engine, real records, and processes that are killed.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(missing_docs)]

#[path = "stream/at_least_once.rs"]
mod at_least_once;
#[path = "stream/audit.rs"]
mod audit;
#[path = "stream/drain.rs"]
mod drain;
#[path = "stream/faults.rs"]
mod faults;
#[path = "stream/generated.rs"]
mod generated;
#[path = "stream/kills.rs"]
mod kills;
#[path = "stream/member.rs"]
mod member;
#[path = "stream/mixed.rs"]
mod mixed;
#[path = "process/mod.rs"]
#[allow(dead_code)]
mod process;
#[path = "stream/repair.rs"]
mod repair;
#[path = "stream/said.rs"]
mod said;
#[path = "stream/settle.rs"]
mod settle;
#[path = "stream/started.rs"]
mod started;
#[path = "stream/tied.rs"]
mod tied;
#[path = "stream/windows.rs"]
mod windows;
#[path = "stream/world.rs"]
mod world;
#[path = "stream/written.rs"]
mod written;

use process::{all_cases, run};
use windows::windows_equal_a_recount;
use world::World;

#[test]
fn the_tables_say_what_calls_says() {
    let world = World::start();
    let records = all_cases("cdr-full.csv");
    world.topic("cdr", 1);
    world.produce("cdr", &records);
    let settings = world.settings("cdr");
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.check_calls(&records);
    world.check_audit();
    world.check_nothing_is_left("cdr");
    windows_equal_a_recount(&world, &["main"], &records);

    // Nothing more is there: started again, it comes to the same.
    let before = world.ask("SELECT call_id, content FROM calls FINAL ORDER BY call_id");
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.ask("SELECT call_id, content FROM calls FINAL ORDER BY call_id"), before);
    world.check_calls(&records);
}
