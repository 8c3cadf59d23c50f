//! `kill -9` at chosen places of a reading of the spool, and of the change from one reading to the next: in the end the tables are those
//! of one undisturbed reading.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Demo, check_calls, command};
use crate::process::{all_cases, check_refused, folder, processes_over, ringback, run, site, wait_until, write};

/// Where a round kills.
const POINTS: [&str; 5] = ["after_intent", "after_insert", "before_commit", "after_commit", "assigned"];

/// Where the change to another reading of the log is killed, and where that reading is; and whether the settings change before it.
const EPOCH_POINTS: [(bool, &str); 8] = [
    (true, "epoch_begun:1"),
    (false, "epoch_deleted:2"),
    (true, "epoch_retracted:1"),
    (true, "epoch_deleted:5"),
    (true, "after_insert:2"),
    (false, "after_intent:1"),
    (true, "before_commit:3"),
    (false, "after_insert:1"),
];

/// Rounds; `RINGBACK_ROUNDS=50 cargo test -p engine --test commands kills` runs more.
fn rounds() -> usize {
    std::env::var("RINGBACK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(5)
}

/// Small batches, so that each start has several.
fn settings(folder: &Path) -> PathBuf {
    let settings = folder.join("settings");
    fs::create_dir_all(&settings).expect("made");
    write(&settings, "engine.toml", "[limits]\nbatch_legs_max = 20\nrecords_per_turn_max = 10\n");
    settings
}

/// Runs to this place and kills there; false if it ended before.
fn kill_at(command: &mut Command, point: &str, data: &Path) -> bool {
    let mut process = command
        .env("RINGBACK_FAILPOINT", point)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stderr = BufReader::new(process.stderr.take().expect("a pipe"));
    let mut said = Vec::new();
    let mut is_reached = false;
    for line in stderr.lines().map_while(Result::ok) {
        is_reached = line.starts_with("failpoint ");
        if is_reached {
            break;
        }
        said.push(line);
    }
    let _ = process.kill();
    let status = process.wait().expect("waited");
    assert!(is_reached || status.success(), "{point}: {said:#?}");
    wait_until("the end of the database", || processes_over(data).is_empty());
    is_reached
}

/// Every leg is physically there once, of one reading, and every record is accounted for.
fn check_facts(demo: &Demo) {
    let one = demo.ask("SELECT uniqExact(epoch, topic, settings), count() - uniqExact(position, part) FROM legs");
    assert_eq!(one.trim(), "1\t0", "readings, and legs that are stored twice");
    let holes = demo.ask(
        "SELECT count() FROM (SELECT first, lagInFrame(next, 1, 0) OVER (ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED \
         FOLLOWING) AS before FROM batches) WHERE first != before",
    );
    assert_eq!(holes.trim(), "0", "holes between batches");
    let promised = "SELECT sum(legs) = (SELECT count() FROM legs), sum(rejects) = (SELECT count() FROM rejects), \
         sum(legs) = (SELECT sum(rows) FROM ledger WHERE of = 'legs') FROM batches";
    assert_eq!(demo.ask(promised).trim(), "1\t1\t1", "what batches promise");
}

/// `audit` finds nothing in the folder that nobody has.
fn check_audit(data: &Path) {
    let ran = run(ringback(["audit", "--json", "--data"]).arg(data));
    let said = std::str::from_utf8(&ran.stdout).expect("UTF-8");
    assert_eq!((said, ran.code), ("{\"lost\":0,\"doubled\":0,\"unexplained\":0}\n", 0), "{}", ran.stderr);
}

#[test]
fn killed_again_and_again_on_the_spool_every_leg_is_stored_once() {
    let folder = folder();
    let (data, settings) = (folder.path().join("data"), settings(folder.path()));
    let records = all_cases("cdr-full.csv");
    let lines: Vec<&[u8]> = records.split_inclusive(|b| *b == b'\n').collect();
    let file = folder.path().join("records.csv");
    let (mut histogram, rounds) = (BTreeMap::new(), rounds());
    for round in 0..rounds {
        // The file grows; what is new is read by a demo that is killed, and then by a run that is killed.
        fs::write(&file, lines[..lines.len() * (round + 1) / rounds].concat()).expect("written");
        let mut demo = command(&data, &[&file]);
        let mut again = ringback(["run", "--until-end", "--data"]);
        for (half, command) in
            [demo.args(["--once", "--settings"]).arg(&settings), again.arg(&data)].into_iter().enumerate()
        {
            let point = POINTS[(2 * round + half) % POINTS.len()];
            let nth = if point == "assigned" { 1 } else { 1 + (round / POINTS.len()) % 2 };
            let place = if kill_at(command, &format!("{point}:{nth}"), &data) { point } else { "ended" };
            *histogram.entry(place).or_insert(0) += 1;
        }
    }
    println!("{histogram:?}");
    check_audit(&data);
    let demo = Demo::start(&data, &[&file]);
    check_facts(&demo);
    check_calls(&demo, &[&file]);
    demo.interrupt(&data);
}

#[test]
fn killed_while_the_settings_change_the_tables_are_of_the_new_ones() {
    let folder = folder();
    let (data, settings) = (folder.path().join("data"), settings(folder.path()));
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    // Without a site file, as a company of another name.
    let mut guessed = ringback(["demo", "--once", "--data"]);
    let ran = run(guessed.arg(&data).arg("--settings").arg(&settings).arg("--records").arg(&file));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let known = fs::read_to_string(site()).expect("read");
    let mut changes = 0;
    for (is_change, point) in EPOCH_POINTS {
        if is_change {
            changes += 1;
            fs::write(data.join("site.toml"), format!("{known}\n# change {changes}\n")).expect("written");
        }
        let reached = kill_at(ringback(["run", "--until-end", "--data"]).arg(&data), point, &data);
        assert!(reached, "{point} was not reached");
    }
    let demo = Demo::of(ringback(["demo", "--data"]).arg(&data).arg("--records").arg(&file).stderr(Stdio::null()));
    check_facts(&demo);
    check_calls(&demo, &[&file]);
    assert_eq!(demo.ask("SELECT DISTINCT epoch FROM legs").trim(), changes.to_string(), "each change is one");
    check_refused(ringback(["audit", "--data"]).arg(&data), 1, &["another process has this spool"]);
    demo.ask("ALTER TABLE legs DELETE WHERE position = (SELECT min(position) FROM legs) SETTINGS mutations_sync = 1");
    demo.interrupt(&data);
    check_refused(ringback(["audit", "--data"]).arg(&data), 1, &["1 lost, 0 doubled, 0 unexplained"]);
}

#[test]
fn what_new_settings_conclude_no_more_is_gone() {
    let folder = folder();
    let (data, settings) = (folder.path().join("data"), settings(folder.path()));
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let mut guessed = ringback(["demo", "--once", "--data"]);
    assert_eq!(run(guessed.arg(&data).arg("--records").arg(&file)).code, 0);
    let counts = |demo: &Demo| {
        let count = |view: &str| demo.ask(&format!("SELECT count(), groupUniqArray(tenant) FROM {view}"));
        ["calls_now", "verdicts_now", "follow_ups_now", "offers_now", "visits_now", "legs", "rejects"].map(count)
    };
    let expected = counts(&Demo::start(&data, &[&file]));

    // Another company of the same records.
    write(&settings, "engine.toml", "tenant = \"acme\"\n");
    let mut renamed = ringback(["demo", "--once", "--data"]);
    renamed.arg(&data).arg("--settings").arg(&settings).arg("--records").arg(&file);
    assert!(kill_at(&mut renamed, "epoch_retracted:1", &data));
    let demo = Demo::of(ringback(["demo", "--data"]).arg(&data).arg("--records").arg(&file).stderr(Stdio::null()));
    assert_eq!(counts(&demo), expected.map(|count| count.replace("main", "acme")));
    check_facts(&demo);
    demo.interrupt(&data);

    // A site that does not know the exchange any more: nothing is understood, and nothing is concluded.
    write(
        &data,
        "site.toml",
        "tenant = \"acme\"\n[[site]]\nid = \"main\"\nzone = \"UTC\"\ncountry = \"GB\"\n[[pbx]]\nid = \"other\"\n",
    );
    let ran = run(ringback(["run", "--until-end", "--data"]).arg(&data));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let database =
        crate::process::Running::start(ringback(["clickhouse", "--port", "0", "--data"]).arg(data.join("clickhouse")));
    let url = crate::process::text(&database.ready()["clickhouse"]).to_owned();
    let demo = Demo { running: database, url };
    let [calls, verdicts, follow_ups, offers, visits, legs, rejects] = counts(&demo);
    for nothing in [calls, verdicts, follow_ups, offers, visits, legs] {
        assert_eq!(nothing.trim(), "0\t[]");
    }
    let lines = fs::read_to_string(&file).expect("read").lines().count();
    assert_eq!(rejects.trim(), format!("{lines}\t['acme']"));
}

#[test]
fn a_register_that_does_not_fit_stops_the_start() {
    let folder = folder();
    let data = folder.path().join("data");
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let demo = Demo::start(&data, &[&file]);
    let again = || {
        let mut again = ringback(["run", "--until-end", "--data"]);
        again.arg(&data);
        again
    };
    check_refused(&mut again(), 1, &["records.spool", "another process has this spool"]);
    demo.interrupt(&data);

    let register = data.join("spool/register");
    let text = fs::read(&register).expect("read");
    for (bytes, why) in [(&text[..text.len() - 3], "its sum"), (b"garbage", "does not begin"), (b"", "it is empty")] {
        fs::write(&register, bytes).expect("written");
        check_refused(&mut again(), 1, &["spool/register", why, "demo --data"]);
    }
    fs::remove_file(&register).expect("removed");
    check_refused(&mut again(), 1, &["its register is gone"]);
    fs::write(&register, &text).expect("written");
    let ran = run(&mut again());
    assert_eq!(ran.code, 0, "{}", ran.stderr);

    // Tables that were emptied are not taken for full.
    fs::remove_dir_all(data.join("clickhouse")).expect("removed");
    check_refused(&mut again(), 1, &["they were emptied"]);
    check_refused(&mut ringback(["run", "--data", "/nowhere"]), 2, &["/nowhere", "ringback demo --data"]);
    check_refused(&mut ringback(["audit", "--data", "/nowhere"]), 2, &["/nowhere", "ringback demo --data"]);
    check_refused(ringback(["run", "--settings", "x", "--data"]).arg(&data), 2, &["--settings"]);
    check_refused(&mut ringback(["run"]), 2, &["--settings"]);
}
