//! What people say of follow-ups comes over the log like everything else, changes what is owed, and still holds after a restart.

use super::process::{all_cases, run};
use super::world::{Sender, World, written_ms};

/// The office's records are told in the end, long after the calls; again, they come from the tables.
#[test]
fn what_people_say_changes_what_is_owed_and_is_read_back() {
    let world = World::start();
    let records = all_cases("cdr-full.csv");
    world.topic("said", 1);
    world.produce("said", &records);
    let settings = world.settings("said");
    let start = || {
        let ran = run(&mut world.run(&settings, &["--until-end"]));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    };
    start();
    let of = |status: &str| {
        let query = format!(
            "SELECT follow_up_id, customer, replaceOne(toString(opened_at), ' ', 'T') || 'Z' FROM follow_ups_now \
             WHERE status = '{status}' AND customer IN (SELECT customer FROM follow_ups_now GROUP BY customer HAVING count() = 1) ORDER BY opened_at, follow_up_id LIMIT 2"
        );
        let rows = world.ask(&query);
        let rows: Vec<Vec<String>> = rows.lines().map(|row| row.split('\t').map(str::to_owned).collect()).collect();
        assert_eq!(rows.len(), 2, "{status}: {rows:?}");
        rows
    };
    let (open, returned) = (of("open"), of("returned_by_us"));

    let sender = Sender::to(&world.bootstrap, "said");
    let last_ms = records.split(|b| *b == b'\n').map(written_ms).max().expect("records");
    let say = |kind: &str, of: &[String], more: &str| {
        let (id, customer, opened_at) = (&of[0], &of[1], &of[2]);
        let record = format!(
            r#"{{"v":1,"kind":"{kind}","id":"{kind}:{id}","at":"{opened_at}","tenant":"main","follow_up":"{id}","customer":"{customer}","opened_at":"{opened_at}","by":"person:ann"{more}}}"#
        );
        for _ in 0..2 {
            sender.send_of(("", "ringback"), "main", None, last_ms, record.as_bytes());
        }
    };
    say("settlement", &open[0], r#","why":"by mail""#);
    say("delivery", &open[1], r#","action":"call_back:00ff","status":"failed","call":"rb-00ff-a""#);
    say("reopening", &returned[0], &format!(r#","call":"{}""#, settling_call(&world, &returned[0][0])));
    say("clam", &open[1], "");
    sender.flush();
    start();

    let told = |of: &[String]| {
        let id = &of[0];
        world.ask(&format!(
            "SELECT status, settled_by, why, our_attempts FROM follow_ups_now WHERE follow_up_id = '{id}'"
        ))
    };
    let check = || {
        assert_eq!(told(&open[0]), "settled_by_hand\tann\tby mail\t0\n");
        assert!(told(&open[1]).starts_with("open\t\\N\t\\N\t1\n"), "{}", told(&open[1]));
        assert!(!told(&returned[0]).starts_with("returned_by_us"), "{}", told(&returned[0]));
        assert_eq!(world.ask("SELECT count() FROM deliveries_now"), "1\n");
    };
    check();
    assert_eq!(world.ask("SELECT count() FROM rejects_now WHERE adapter = 'ringback'"), "2\n");
    world.check_audit();

    // Read back from the tables, it says the same: nothing of it is written again. (The last calls of the log are final by its end
    // alone, so that theirs is.)
    let rows = || {
        let ids = [&open[0][0], &open[1][0], &returned[0][0]].map(|id| format!("'{id}'")).join(", ");
        world.ask(&format!("SELECT * FROM follow_ups FINAL WHERE follow_up_id IN ({ids}) ORDER BY follow_up_id"))
    };
    let contents = || world.ask("SELECT follow_up_id, content FROM follow_ups FINAL ORDER BY follow_up_id");
    let before = (rows(), contents());
    start();
    check();
    assert_eq!((rows(), contents()), before);
}

fn settling_call(world: &World, follow_up: &str) -> String {
    let query = format!("SELECT settled_by_call FROM follow_ups_now WHERE follow_up_id = '{follow_up}'");
    world.ask(&query).trim().to_owned()
}
