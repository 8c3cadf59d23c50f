//! A call that Ringback had a PBX place is never the customer's, whatever became of it and however its records were written:
//! else each attempt that nobody answered would be one more missed call, and one more call back, for ever.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the records are files, and a script writes their site file; the crate itself touches neither"
)]

#[path = "verdicts/run.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod run;

use std::path::Path;

use directory::Directory;
use run::Run;
use serde_json::Value;

/// The rows that a real PBX wrote of calls with our names, by dialogue.
fn rows() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deliver/tests/dialogues/asterisk_ami");
    let mut rows: Vec<(String, String)> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "csv"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    rows.sort();
    assert!(rows.len() > 10, "{rows:?}");
    rows
}

/// Every call of these records is ours to the customer.
fn check(what: &str, name: &str, adapter: &'static str, records: &str, directory: &Directory) {
    let run = Run { name: what.to_owned(), files: vec![(name.to_owned(), records.into())], truth: Vec::new() };
    let sources: &'static [(&str, &str)] = Box::leak(Box::new([(&*name.to_owned().leak(), adapter)]));
    let calls = run.calls(sources, directory);
    assert!(!calls.is_empty(), "{what}: no call");
    for call in calls {
        let told = |key: &str| call[key].clone();
        assert_eq!(
            (told("direction"), told("missed"), told("follow_up"), told("caller_extension").is_string()),
            (Value::from("outbound"), Value::from(false), Value::Null, true),
            "{what}: {call}"
        );
        // Events of a call that ended before its dialplan had it do not tell whom it was for.
        let dialed = call["dialed"].as_str().unwrap_or_default();
        let is_told = dialed.starts_with('+') && records.contains(dialed);
        assert!(is_told || adapter == "asterisk_cel" && dialed == "s", "{what}: {call}");
    }
}

/// With the site file of the PBX that wrote them, and without any.
fn directories() -> [(&'static str, Directory); 2] {
    let known = run::directory(&run::pbx_json(&run::root()));
    [("with its site file", known), ("without a site file", Directory::without_site_file("main"))]
}

#[test]
fn a_placed_call_is_never_the_customers() {
    for (how, directory) in directories() {
        for (name, rows) in rows() {
            check(&format!("{name} {how}"), "cdr-full.csv", "asterisk_cdr", &rows, &directory);
        }
    }
}

/// Columns of `cdr_custom` that `Master.csv` has, in its order.
const MASTER: [usize; 16] = [15, 1, 2, 3, 0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];

#[test]
fn the_account_alone_tells_it_where_the_rows_have_no_ids() {
    for (how, directory) in directories() {
        for (name, rows) in rows().into_iter().filter(|(name, _)| name.starts_with("person-")) {
            // Older releases call what rang the telephone otherwise.
            let rows: String =
                rows.lines().map(|row| format!("{}\n", master(row).replace("AppDial2", "AppDial"))).collect();
            check(&format!("{name} as Master.csv {how}"), "cdr.csv", "asterisk_cdr", &rows, &directory);
        }
    }
}

fn master(row: &str) -> String {
    // No value of these rows has a comma but the arguments of Dial, which begin and end with a quote as all do.
    let columns: Vec<&str> = row.split("\",\"").map(|value| value.strip_prefix('"').unwrap_or(value)).collect();
    // The caller id begins with a quote of its own.
    let value = |index: usize| if index == 0 { &row[1..row.find("\",\"").unwrap()] } else { columns[index] };
    MASTER.iter().map(|index| format!("\"{}\"", value(*index))).collect::<Vec<_>>().join(",")
}

#[test]
fn events_of_a_placed_call_are_never_the_customers() {
    for (story, unique) in
        [("originate-employee-noanswer", "1795383501.1009"), ("originate-answered", "1795383423.983")]
    {
        let text = std::fs::read_to_string(run::root().join(story).join("cel.csv")).unwrap();
        let named = format!("rb-5afe000000000000-{}.1", unique.split('.').next().unwrap());
        let ours: String = text
            .lines()
            .filter(|line| line.contains(unique))
            .map(|line| format!("{}\n", line.replace(unique, &named).replace("\"callback\"", "\"ringback\"")))
            .collect();
        for (how, directory) in directories() {
            check(&format!("{story} {how}"), "cel.csv", "asterisk_cel", &ours, &directory);
        }
    }
}
