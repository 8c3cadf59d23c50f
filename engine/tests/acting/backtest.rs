//! `ringback plugin backtest`: history through a plugin, and what deliver would have made of what it asks for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::installation::built;
use crate::process::{all_cases, ringback, run, text};
use crate::world::World;

#[test]
fn history_through_a_plugin_says_who_would_have_been_called_and_who_not() {
    let world = World::start();
    let records = all_cases("cdr-full.csv");
    world.topic("cdr", 1);
    world.produce("cdr", &records);
    let settings = world.settings("cdr");
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let engine = std::fs::read_to_string(settings.join("engine.toml")).expect("read");
    let more =
        "[deliver]\nquiet_hours = []\n[plugin.call_back.grants]\ncall_back = true\ntimers = true\ndirectory = true\n";
    std::fs::write(settings.join("engine.toml"), format!("{engine}{more}")).expect("written");
    let mut backtest = ringback(["plugin", "backtest", "--json", "--until", "2026-12-01T00:00:00Z", "--settings"]);
    let lines = run(backtest.arg(&settings).arg(built("call_back"))).lines();
    let asked: Vec<&Value> = lines.iter().filter_map(|line| line.get("asked")).collect();
    let of = |decision: &str| -> BTreeSet<&str> {
        asked.iter().filter(|asked| asked["decision"] == decision).map(|asked| text(&asked["customer"])).collect()
    };
    let (done, held) = (of("done"), of("held"));
    // Whoever was lost after a talk is owed a call back, and that talk holds none back.
    let lost = world.ask(
        "SELECT DISTINCT c.caller FROM calls_now c JOIN follow_ups_now f ON has(f.calls, c.call_id) \
         WHERE c.outcome = 'lost_in_transfer' AND f.status = 'open' AND length(f.calls) = 1",
    );
    let lost: Vec<&str> = lost.lines().collect();
    assert!(lost.len() > 3, "{lost:?}");
    let missing: Vec<&&str> = lost.iter().filter(|customer| !done.contains(**customer)).collect();
    assert!(missing.is_empty(), "{missing:?} are owed a call back and would not have been called; held: {held:?}");
    let sums = lines.iter().find_map(|line| line.get("sums")).expect("sums");
    assert_eq!(
        sums["call_back done"].as_u64().expect("a number"),
        asked.iter().filter(|a| a["decision"] == "done").count() as u64
    );
}
