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

/// A record of another call, days later by the log's clock.
fn days_later() -> String {
    two_records()[0].replace("2026-11-22", "2026-11-28").replace("17953", "17963")
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

        append(&file, &days_later());
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
