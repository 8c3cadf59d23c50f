//! `calls --follow`: early verdicts while the files grow, and the end by a signal or by a closed pipe.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::process::{Running, case, folder, ringback, site, text, write};

/// A call of two records.
fn two_records() -> [String; 2] {
    let bytes = String::from_utf8(case("blind-transfer-answered", "cdr-full.csv")).expect("UTF-8");
    let lines: Vec<String> = bytes.lines().map(|line| format!("{line}\n")).collect();
    lines.try_into().expect("two records")
}

/// Records of other calls, on a later day by the log's clock: two, since one alone might have a wrong date.
fn later_day(day: &str) -> String {
    two_records().map(|line| line.replace("2026-11-22", day).replace("17953", "17963")).concat()
}

fn append(file: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(file).expect("open");
    file.write_all(text.as_bytes()).expect("written");
}

fn call(line: &str) -> Option<Value> {
    let line: Value = serde_json::from_str(line).expect("JSON");
    line.get("call_id").is_some().then_some(line)
}

#[test]
fn a_growing_file_gives_early_verdicts_and_then_the_final_one() {
    let folder = folder();
    let [first, second] = two_records();
    let (half, rest) = second.split_at(second.len() / 2);
    let file = write(folder.path(), "growing.csv", &first);
    for signal in ["INT", "TERM"] {
        write(folder.path(), "growing.csv", &first);
        let mut command = ringback(["calls", "--follow", "--pbx", "asterisk_cdr", "--site"]);
        let mut following = Running::start(command.arg(site()).arg(&file));
        let early = following.wait_for("early verdict", call);
        assert_eq!(
            (&early["revision"], &early["is_final"], &early["records"]),
            (&1.into(), &false.into(), &[1].into())
        );

        // Half a line is no record yet.
        append(&file, half);
        append(&file, rest);
        let later = following.wait_for("revision", call);
        assert_eq!(later["call_id"], early["call_id"]);
        assert_eq!(
            (&later["revision"], &later["is_final"], &later["records"]),
            (&2.into(), &false.into(), &[1, 2].into())
        );

        append(&file, &later_day("2026-11-28"));
        let last = following.wait_for("final verdict", |line| call(line).filter(|l| l["call_id"] == early["call_id"]));
        assert_eq!((&last["revision"], &last["is_final"]), (&3.into(), &true.into()));
        assert_eq!(text(&last["outcome"]), "answered");
        following.signal(signal);
        assert_eq!(following.end().code(), Some(0), "SIG{signal}");
    }
}

#[test]
fn a_pipe_is_followed_to_its_end() {
    let mut command = ringback(["calls", "--follow", "--pbx", "asterisk_cdr", "--site"]);
    let mut following = Running::start(command.arg(site()).arg("-").stdin(Stdio::piped()));
    let mut pipe = following.process.stdin.take().expect("a pipe");
    let [first, second] = two_records();
    pipe.write_all(first.as_bytes()).expect("written");
    let early = following.wait_for("early verdict", call);
    assert_eq!((&early["revision"], &early["is_final"]), (&1.into(), &false.into()));
    // The last line has no end, but the pipe has.
    pipe.write_all(second.trim_end().as_bytes()).expect("written");
    drop(pipe);
    let last = following.wait_for("final verdict", call);
    assert_eq!((&last["call_id"], &last["revision"], &last["is_final"]), (&early["call_id"], &2.into(), &true.into()));
    assert_eq!(following.end().code(), Some(0));
}

#[test]
fn a_signal_ends_the_wait_for_a_silent_pipe() {
    let mut command = ringback(["calls", "--follow", "--pbx", "asterisk_cdr"]);
    let mut following = Running::start(command.arg("-").stdin(Stdio::piped()));
    let mut pipe = following.process.stdin.take().expect("a pipe");
    pipe.write_all(two_records()[0].as_bytes()).expect("written");
    following.wait_for("early verdict", call);
    following.signal("TERM");
    assert_eq!(following.end().code(), Some(0));
}

#[test]
fn a_missed_call_is_told_at_once_when_it_is_final_and_when_it_is_settled() {
    let folder = folder();
    let bytes = String::from_utf8(case("missed-second-callback-works", "cdr-full.csv")).expect("UTF-8");
    let mut lines = bytes.lines().map(|line| format!("{line}\n"));
    let missed: String = lines.by_ref().take(2).collect();
    let file = write(folder.path(), "growing.csv", &missed);
    let mut command = ringback(["calls", "--follow", "--pbx", "asterisk_cdr", "--site"]);
    let mut following = Running::start(command.arg(site()).arg(&file));
    let early = following.wait_for("early verdict", call);
    let told = |line: &Value| (line["missed"] == true, line["is_final"] == true, line["follow_up"]["status"].clone());
    assert_eq!(told(&early), (true, false, Value::Null));

    let mine = |line: &str| call(line).filter(|l| l["call_id"] == early["call_id"]);
    append(&file, &later_day("2026-11-23"));
    let open = following.wait_for("final verdict", mine);
    assert_eq!(told(&open), (true, true, "open".into()));
    assert_eq!(open["revision"], 2);

    // The call backs, of which the second works, and a day that lets them be final.
    let rest: String = lines.collect();
    append(&file, &rest);
    append(&file, &later_day("2026-11-25"));
    let settled = following.wait_for("settled", |line| mine(line).filter(|l| told(l).2 == "returned_by_us"));
    assert!(settled["revision"].as_u64() > Some(2), "{settled}");
    following.signal("TERM");
    assert_eq!(following.end().code(), Some(0));
}

#[test]
fn a_rotated_file_is_followed_by_its_name() {
    let folder = folder();
    let [first, second] = two_records();
    let file = write(folder.path(), "Master.csv", &first);
    let mut command = ringback(["calls", "--follow", "--pbx", "asterisk_cdr", "--site"]);
    let mut following = Running::start(command.arg(site()).arg(&file));
    let early = following.wait_for("early verdict", call);
    append(&file, &second);
    std::fs::rename(&file, folder.path().join("Master.csv.1")).expect("renamed");
    write(folder.path(), "Master.csv", later_day("2026-11-28"));
    let last = following.wait_for("final verdict", |line| {
        call(line).filter(|l| l["call_id"] == early["call_id"] && l["is_final"] == true)
    });
    assert_eq!(last["records"].as_array().map(Vec::len), Some(2));
    following.signal("INT");
    assert_eq!(following.end().code(), Some(0));
}
