//! `demo` from its files to its tables: started again, cut down at any moment, grown, and always the same rows.

mod guessed;
mod kills;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

use crate::process::{
    Running, all_cases, case, check_refused, folder, is_root, months, processes_over, ringback, run, site, text,
    wait_until, write,
};

/// The views, and what of each is the place or the moment of its reading and not of its content.
const VIEWS: [(&str, &str); 7] = [
    ("legs_now", "topic, epoch, settings, position, logged_at"),
    ("rejects_now", "topic, epoch, settings, position, logged_at"),
    // How often a call was revised depends on when its records came.
    ("calls_now", "revision"),
    ("offers_now", ""),
    ("visits_now", ""),
    ("verdicts_now", "version, decided_at, revision"),
    ("follow_ups_now", ""),
];

/// A running demo.
struct Demo {
    running: Running,
    url: String,
}

fn command(data: &Path, records: &[&Path]) -> Command {
    let mut command = ringback(["demo", "--port", "0", "--data"]);
    command.arg(data).arg("--site").arg(site()).arg("--records").args(records).stderr(Stdio::null());
    command
}

impl Demo {
    fn start(data: &Path, records: &[&Path]) -> Demo {
        Demo::of(&mut command(data, records))
    }

    fn of(command: &mut Command) -> Demo {
        let running = Running::start(command);
        let ready = running.ready();
        for key in ["portal", "login", "password"] {
            assert!(ready[key].is_string(), "{key}");
        }
        Demo { url: text(&ready["clickhouse"]).to_owned(), running }
    }

    /// What the database answers, in one of its formats.
    fn ask(&self, query: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client = clickhouse::Client::default().with_url(&self.url);
            let (query, format) = query.rsplit_once(" FORMAT ").unwrap_or((query, "TSV"));
            let mut answer = client.query(&query.replace('?', "??")).fetch_bytes(format).expect("a query");
            let answer = answer.collect().await.unwrap_or_else(|error| panic!("{query}: {error}"));
            String::from_utf8_lossy(&answer).into_owned()
        })
    }

    /// For each view: how many rows, and a hash of them in their order.
    fn hashes(&self, with_moments: bool) -> BTreeMap<&'static str, String> {
        let hash = |(view, moments): (&'static str, &str)| {
            // A verdict that is concluded again has a higher version, and is no revision.
            let is_whole = moments.is_empty() || with_moments && view != "verdicts_now";
            let except = if is_whole { String::new() } else { format!("EXCEPT ({moments})") };
            let rows = self.ask(&format!("SELECT * {except} FROM {view} FORMAT JSONEachRow"));
            let mut rows: Vec<&str> = rows.lines().collect();
            rows.sort_unstable();
            let count = self.ask(&format!("SELECT count() FROM {view}"));
            assert_eq!(count.trim(), rows.len().to_string(), "{view}");
            let hash = xxhash_rust::xxh3::xxh3_64(rows.join("\n").as_bytes());
            (view, format!("{} rows, {hash:016x}", rows.len()))
        };
        VIEWS.into_iter().map(hash).collect()
    }

    /// Ends it as Ctrl-C does; it leaves nothing behind.
    fn interrupt(mut self, data: &Path) {
        self.running.signal("INT");
        assert_eq!(self.running.end().code(), Some(0));
        assert_eq!(processes_over(data), [0; 0], "processes are left");
    }
}

/// Records of the corpus with some that are none.
fn records(folder: &Path) -> PathBuf {
    let mut bytes = all_cases("cdr-full.csv");
    bytes.extend(b"what is this\n\xff\xfe\0\n");
    write(folder, "records.csv", bytes)
}

#[test]
fn it_says_ready_and_started_again_nothing_is_doubled() {
    let folder = folder();
    let (data, file) = (folder.path().join("data"), records(folder.path()));
    let demo = Demo::start(&data, &[&file]);
    let first = demo.hashes(true);
    assert!(first.values().all(|rows| !rows.starts_with("0 ")), "{first:#?}");
    assert!(first["rejects_now"].starts_with("2 "), "{first:#?}");
    demo.interrupt(&data);
    for _ in 0..2 {
        let demo = Demo::start(&data, &[&file]);
        assert_eq!(demo.hashes(true), first);
        demo.interrupt(&data);
    }
}

#[test]
fn killed_at_any_moment_the_rows_are_the_same_in_the_end() {
    let folder = folder();
    let file = records(folder.path());
    let whole = folder.path().join("whole");
    let demo = Demo::start(&whole, &[&file]);
    let expected = demo.hashes(false);
    demo.interrupt(&whole);

    let data = folder.path().join("killed");
    for after_ms in [Some(5), Some(50), Some(200), Some(350), Some(500), Some(1000), Some(2000), None] {
        let mut running = Running::start(&mut command(&data, &[&file]));
        match after_ms {
            // The moments of a start are as many as there are; these are some of them, wherever they fall.
            Some(after_ms) => std::thread::sleep(std::time::Duration::from_millis(after_ms)),
            None => drop(running.ready()),
        }
        running.signal("KILL");
        assert_eq!(running.end().code(), None);
        wait_until("the end of the database", || processes_over(&data).is_empty());
    }
    let demo = Demo::start(&data, &[&file]);
    assert_eq!(demo.hashes(false), expected);
    demo.interrupt(&data);

    // Each in a folder of its own: killed once, then started again.
    for after_ms in [50, 200, 500, 1000] {
        let data = folder.path().join(format!("killed-{after_ms}"));
        let mut running = Running::start(&mut command(&data, &[&file]));
        std::thread::sleep(std::time::Duration::from_millis(after_ms));
        running.signal("KILL");
        running.end();
        let demo = Demo::start(&data, &[&file]);
        assert_eq!(demo.hashes(false), expected, "killed after {after_ms} ms");
        demo.interrupt(&data);
    }
}

#[test]
fn a_killed_database_is_told_and_the_next_start_goes_on() {
    let folder = folder();
    let (data, file) = (folder.path().join("data"), records(folder.path()));
    let mut demo = Demo::of(command(&data, &[&file]).stderr(Stdio::piped()));
    let expected = demo.hashes(true);
    let pid = fs::read_to_string(data.join("clickhouse/ringback.lock")).expect("a lock");
    crate::process::signal("KILL", pid.trim().parse().expect("a number"));
    assert_eq!(demo.running.end().code(), Some(1));
    let demo = Demo::start(&data, &[&file]);
    assert_eq!(demo.hashes(true), expected);
    demo.interrupt(&data);
}

#[test]
fn what_grew_is_what_is_there_whole() {
    let folder = folder();
    let all = months(6).into_bytes();
    let whole = folder.path().join("whole");
    let file = write(folder.path(), "grows.csv", &all);
    let demo = Demo::start(&whole, &[&file]);
    let expected = demo.hashes(false);
    demo.interrupt(&whole);

    // Cut between records, within calls of several, and once in the middle of a line.
    let data = folder.path().join("grown");
    let line_ends: Vec<usize> = (1..=all.len()).filter(|at| all[at - 1] == b'\n').collect();
    let mut verdicts = 0;
    for at in [line_ends[7], line_ends[300] + 40, line_ends[301], line_ends[900], all.len()] {
        write(folder.path(), "grows.csv", &all[..at]);
        let demo = Demo::start(&data, &[&file]);
        let now: u32 = demo.ask("SELECT count() FROM verdicts_now").trim().parse().expect("a number");
        assert!(now >= verdicts, "{now} verdicts after {verdicts}");
        verdicts = now;
        if at == all.len() {
            let mut grown = demo.hashes(false);
            // What was half a line at the time was not understood at the time: that stays told.
            let half = demo.ask("SELECT count() FROM rejects_now");
            assert_eq!(half.trim(), "1");
            grown.insert("rejects_now", expected["rejects_now"].clone());
            assert_eq!(grown, expected);
        }
        demo.interrupt(&data);
    }
}

/// What one caller missed on these days of October, one file of a PBX.
fn missed_on(days: &[u32], caller: &str) -> String {
    let case = String::from_utf8(case("ringgroup-nobody", "cdr-full.csv")).expect("text");
    let on = |day: &u32| {
        let id = format!("{}.{}", 1_790_000_000 + day * 86_400, caller.len());
        case.replace("2026-11-22", &format!("2026-10-{day:02}"))
            .replace("1795381919.147", &id)
            .replace("07700900464", caller)
    };
    days.iter().map(on).collect()
}

/// A start reads back eleven days, and a follow-up lasts seven: what joined one that was opened before those eleven opens none of its own.
#[test]
fn what_joined_a_follow_up_that_is_not_read_back_opens_no_other() {
    let folder = folder();
    let file = |calls: &[String]| write(folder.path(), "calls.csv", calls.concat());
    let (caller, others) = ("07700900464", |days: &[u32]| missed_on(days, "07700900581"));
    let calls = [missed_on(&[1, 5, 7], caller), others(&[13]), missed_on(&[14], caller), others(&[15])];
    let owed = |demo: &Demo| {
        demo.ask("SELECT customer, opened_at, status, customer_calls, closed_at FROM follow_ups_now ORDER BY customer, opened_at")
    };
    let whole = folder.path().join("whole");
    let demo = Demo::start(&whole, &[&file(&calls)]);
    let expected = owed(&demo);
    demo.interrupt(&whole);
    assert_eq!(expected.lines().count(), 3, "{expected}");

    let data = folder.path().join("grown");
    let mut first = String::new();
    for some in 2..=calls.len() {
        let demo = Demo::start(&data, &[&file(&calls[..some])]);
        if first.is_empty() {
            first = owed(&demo);
            assert_eq!(first.lines().count(), 2, "{first}");
        }
        if some == calls.len() {
            assert_eq!(owed(&demo), expected);
        }
        demo.interrupt(&data);
    }
}

#[test]
fn other_settings_give_the_calls_of_those_settings() {
    let folder = folder();
    let (data, file) = (folder.path().join("data"), records(folder.path()));
    let mut guessed = ringback(["demo", "--data"]);
    let demo = Demo::of(guessed.arg(&data).arg("--records").arg(&file).stderr(Stdio::null()));
    let before = demo.hashes(false);
    demo.interrupt(&data);
    let demo = Demo::start(&data, &[&file]);
    let after = demo.hashes(false);
    demo.interrupt(&data);
    assert_ne!(after["calls_now"], before["calls_now"]);

    let fresh = folder.path().join("fresh");
    let demo = Demo::start(&fresh, &[&file]);
    let expected = demo.hashes(false);
    demo.interrupt(&fresh);
    assert_eq!(after, expected);
}

/// A row of `calls_now` as the line has it: what JSON writes in two ways is written in one.
fn same(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let object: Map<String, Value> = object.iter().map(|(k, v)| (k.clone(), same(v))).collect();
            // A follow-up that there is none of is a tuple of nulls in the view, and null in the line.
            if !object.is_empty() && object.values().all(Value::is_null) { Value::Null } else { Value::Object(object) }
        }
        Value::Array(list) => Value::Array(list.iter().map(same).collect()),
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        other => other.clone(),
    }
}

/// `calls_now` has what `ringback calls` prints of these files.
fn check_calls(demo: &Demo, files: &[&Path]) {
    let settings = "SETTINGS date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0, \
        output_format_json_named_tuples_as_objects = 1, output_format_json_quote_decimals = 0";
    let rows = demo.ask(&format!("SELECT * FROM calls_now {settings} FORMAT JSONEachRow"));
    let mut rows: BTreeMap<String, Value> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).expect("JSON"))
        .map(|row| (text(&row["call_id"]).to_owned(), row))
        .collect();
    let lines = run(ringback(["calls", "--site"]).arg(site()).args(files)).lines();
    assert_eq!(rows.len(), lines.len());
    for line in lines {
        let row = rows.remove(text(&line["call_id"])).expect("a row of each call");
        let (line, row) = (line.as_object().expect("an object"), row.as_object().expect("an object"));
        let keys: Vec<_> = line.keys().collect();
        assert_eq!(keys, row.keys().collect::<Vec<_>>());
        // How often a call was revised depends on when its records came.
        for (key, told) in line.iter().filter(|(key, _)| *key != "revision") {
            // Numbers of records are text in the view, since with several files they are.
            let told = if key == "records" {
                told.as_array().expect("a list").iter().map(|r| r.to_string().replace('"', "")).collect()
            } else {
                told.clone()
            };
            assert_eq!(same(&told), same(&row[key]), "{key} of {}", line["call_id"]);
        }
    }
}

#[test]
fn calls_now_is_what_calls_prints() {
    let folder = folder();
    let data = folder.path().join("data");
    let names = ["cdr-full.csv", "cel.csv", "queue_log"];
    let [cdr, cel, queue_log] = names.map(|name| write(folder.path(), name, all_cases(name)));
    let long = write(folder.path(), "long.csv", months(8));
    let long: &[&Path] = &[&long];
    let one: &[&Path] = &[&cdr];
    let several: &[&Path] = &[&cdr, &cel, &queue_log];
    for (name, files) in [("long", long), ("one", one), ("several", several)] {
        let data = data.with_extension(name);
        let demo = Demo::start(&data, files);
        check_calls(&demo, files);
        demo.interrupt(&data);
    }
}

#[test]
fn a_folder_in_use_is_said() {
    let folder = folder();
    let (data, file) = (folder.path().join("data"), records(folder.path()));
    let demo = Demo::start(&data, &[&file]);
    check_refused(command(&data, &[&file]).stderr(Stdio::piped()), 1, &["records.spool", "another process", "--data"]);
    demo.interrupt(&data);
    check_refused(command(&file, &[&file]).stderr(Stdio::piped()), 1, &["records.csv"]);
}

#[test]
fn several_files_are_recognized_and_a_file_that_cannot_be_read_stops_the_start() {
    let folder = folder();
    let data = folder.path().join("data");
    let [cdr, queue_log] =
        ["cdr-full.csv", "queue_log"].map(|name| write(folder.path(), name, case("queue-answered", name)));
    let nowhere = folder.path().join("nowhere.csv");
    check_refused(command(&data, &[&cdr, &nowhere]).stderr(Stdio::piped()), 1, &["nowhere.csv", "no such file"]);
    assert!(!data.exists(), "nothing was begun");
    let demo = Demo::start(&data, &[&queue_log, &cdr]);
    let adapters = demo.ask("SELECT DISTINCT adapter FROM legs_now ORDER BY adapter");
    assert_eq!(adapters, "asterisk_cdr\nasterisk_queue_log\n");
    assert_eq!(demo.ask("SELECT count() FROM calls_now"), "1\n");
    demo.interrupt(&data);
}

#[test]
fn settings_choose_the_tenant_and_the_database() {
    let folder = folder();
    let (data, file) = (folder.path().join("data"), records(folder.path()));
    let engine = "[clickhouse]\ndatabase = \"tele`phone\"\n[limits]\nbatch_legs_max = 10\nrecords_per_turn_max = 1\n";
    write(folder.path(), "engine.toml", engine);
    let mut small = ringback(["demo", "--settings"]);
    small.arg(folder.path()).arg("--data").arg(&data).arg("--site").arg(site()).arg("--records").arg(&file);
    let demo = Demo::of(small.stderr(Stdio::null()));
    let calls = demo.ask("SELECT count() FROM `tele\\`phone`.calls_now");
    demo.interrupt(&data);
    let large = folder.path().join("large");
    let demo = Demo::start(&large, &[&file]);
    assert_eq!(demo.ask("SELECT count() FROM calls_now"), calls, "small batches make the same calls");
    demo.interrupt(&large);

    write(folder.path(), "engine.toml", "tenant = \"acme\"\n");
    let data = folder.path().join("acme");
    let mut named = ringback(["demo", "--settings"]);
    let demo =
        Demo::of(named.arg(folder.path()).arg("--data").arg(&data).arg("--records").arg(&file).stderr(Stdio::null()));
    assert_eq!(demo.ask("SELECT DISTINCT tenant FROM legs_now"), "acme\n");
    demo.interrupt(&data);
}

#[test]
fn migrate_makes_the_tables_once_and_says_which_database_it_wants() {
    let folder = folder();
    let data = folder.path().join("data");
    let migrated = || {
        let done = run(ringback(["migrate", "--data"]).arg(&data));
        (done.code, String::from_utf8(done.stdout).expect("UTF-8"))
    };
    let (code, first) = migrated();
    assert_eq!(code, 0);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/schema");
    let mut files: Vec<String> = fs::read_dir(schema)
        .expect("the schema")
        .map(|file| file.expect("a file").file_name().into_string().expect("UTF-8") + "\n")
        .collect();
    files.sort();
    assert_eq!(first, files.concat());
    assert_eq!(migrated(), (0, "nothing to apply\n".to_owned()));
    check_refused(&mut ringback(["migrate"]), 2, &["--clickhouse", "--data"]);
}

/// A file system of one megabyte, as long as it is held.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Small> {
        let folder = folder();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path()).output();
        let is_mounted = is_root() && mount.is_ok_and(|done| done.status.success());
        if !is_mounted {
            println!("skipped: a small file system cannot be mounted here");
        }
        is_mounted.then(|| Small(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_said_and_with_room_again_it_goes_on() {
    let Some(small) = Small::mount() else { return };
    let folder = folder();
    let data = small.0.path().join("data");
    // More than fits: the records themselves.
    let many = write(folder.path(), "many.csv", all_cases("cdr-full.csv").repeat(40));
    check_refused(command(&data, &[&many]).stderr(Stdio::piped()), 1, &["records.spool", "No space left"]);
    // The records fit, and the tables do not.
    fs::remove_dir_all(&data).expect("removed");
    let few = records(folder.path());
    check_refused(command(&data, &[&few]).stderr(Stdio::piped()), 1, &["no space left", "data/clickhouse", "--data"]);
    wait_until("the end of the database", || processes_over(&data).is_empty());

    let grown =
        Command::new("mount").args(["-o", "remount,size=64m"]).arg(small.0.path()).status().expect("mount runs");
    assert!(grown.success());
    let demo = Demo::start(&data, &[&few]);
    let expected = run(ringback(["calls", "--site"]).arg(site()).arg(&few)).lines();
    let calls = expected.iter().filter(|line| line.get("call_id").is_some()).count();
    assert_eq!(demo.ask("SELECT count() FROM calls_now").trim(), calls.to_string());
    demo.interrupt(&data);
}
