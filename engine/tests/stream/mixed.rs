//! A quarter of an hour of a real PBX with many calls at once, in the order and with the moments in which it wrote its rows.

use crate::member::Member;
use crate::process::{run, wait_until, write};
use crate::windows::windows_equal_a_recount;
use crate::world::{Sender, World};
use crate::written::runs;

/// Rows that the PBX wrote within so many microseconds are sent together.
const STEP_US: i64 = 1_500_000;

#[test]
fn a_quarter_of_an_hour_of_a_pbx_is_told_as_it_was_and_soon() {
    let world = World::start();
    let rows = runs().remove("mixed").expect("the run");
    world.topic("cdr", 1);
    let settings = world.settings("cdr");
    let text = std::fs::read_to_string(settings.join("engine.toml")).expect("read");
    write(&settings, "engine.toml", text.replace("batch_age_ms = 100", "batch_age_ms = 5"));
    let member = Member::start("only", &world, &settings);
    member.wait_for_partitions(1);

    // What is sent is taken in before the log's clock goes on, however slow this machine is.
    let sender = Sender::to(&world.bootstrap, "cdr");
    let (first, mut sent) = (rows[0].at_us, 0);
    for together in rows.chunk_by(|one, next| (one.at_us - first) / STEP_US == (next.at_us - first) / STEP_US) {
        for row in together {
            sender.send("main", None, row.at_us / 1000, row.line.as_bytes());
        }
        sender.flush();
        sent += together.len() as u64;
        let stored = || member.figure("ringback_position_stored{partition=\"0\"}").unwrap_or(0);
        wait_until("the rows are stored", || stored() >= sent);
    }
    member.leave();
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);

    let records: Vec<u8> = rows.iter().flat_map(|row| [row.line.as_bytes(), b"\n"].concat()).collect();
    world.check_calls(&records);
    world.check_audit();
    world.check_nothing_is_left("cdr");
    windows_equal_a_recount(&world, &["main"], &records);

    // Under its own name, or under one that it had before it was joined with another.
    let of_answered = "SELECT is_final, count() FROM verdicts AS v \
         INNER JOIN (SELECT call_id, coalesce(merged_into, call_id) AS into FROM calls FINAL) AS n ON v.call_id = n.call_id \
         INNER JOIN (SELECT call_id FROM calls_now WHERE answered = 'answered' AND NOT missed) AS c ON n.into = c.call_id \
         WHERE v.missed AND v.merged_into IS NULL GROUP BY is_final ORDER BY is_final";
    let told = world.ask(of_answered);
    println!("missed verdicts of calls that were answered in the end, by is_final:\n{told}");
    assert!(told.starts_with("false\t") && !told.contains("true"), "early ones only: {told:?}");

    let waits = world.ask(
        "SELECT quantilesExact(0.5, 0.9, 1)(wait_ms) FROM (SELECT min(toUnixTimestamp64Milli(v.decided_at)) - \
         toUnixTimestamp64Milli(any(c.ended_at)) AS wait_ms FROM verdicts AS v INNER JOIN calls_now AS c ON v.call_id = c.call_id \
         WHERE v.is_final GROUP BY v.call_id)",
    );
    println!(
        "from the end of a call to its first final verdict, in milliseconds of the log's time: p50, p90, longest {waits}"
    );
    let median: f64 = waits.trim_start_matches('[').split(',').next().and_then(|n| n.parse().ok()).expect("a number");
    assert!(median < 5000.0, "half of the calls wait longer than {median} ms for their final verdict");
}
