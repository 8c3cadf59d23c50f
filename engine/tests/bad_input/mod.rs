//! Records that are no records. Every byte is in a leg or in a reject, and no bad line costs a good one.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::process::{all_cases, case, check_refused, folder, is_root, months, ringback, run, site, text, write};

/// What the corpus tells, each call as a line, without the numbers of its records, which a bad line before them moves.
fn calls(file: &Path) -> BTreeSet<String> {
    let ran = run(ringback(["calls", "--json", "--pbx", "asterisk_cdr", "--site"]).arg(site()).arg(file));
    let calls = ran.lines().into_iter().filter(|line| line.get("reject").is_none());
    calls
        .map(|mut call| {
            call.as_object_mut().expect("an object").remove("records");
            call.to_string()
        })
        .collect()
}

/// Every line of the file is a leg's record or a reject's, and every reject has the bytes that stand at its place.
fn check_bytes(file: &Path, adapter: &str) {
    let bytes = std::fs::read(file).expect("read");
    let told = run(ringback(["legs", "--json", "--pbx", adapter]).arg(file)).lines();
    let mut records = BTreeSet::new();
    for line in &told {
        let Some(reject) = line.get("reject") else {
            records.insert(line["record"].as_u64().expect("a number"));
            continue;
        };
        records.insert(reject["record"].as_u64().expect("a number"));
        let kept = STANDARD.decode(text(&reject["bytes_base64"])).expect("base64");
        let (at, total) = (reject["byte"].as_u64().expect("a place") as usize, reject["bytes_total"].as_u64());
        assert_eq!(bytes.get(at..at + kept.len()), Some(kept.as_slice()), "{reject}");
        assert!(total.is_some_and(|total| total >= kept.len() as u64 && at as u64 + total <= bytes.len() as u64));
        assert!(!text(&reject["reason"]).is_empty());
    }
    let (mut accounted, mut record) = (0, 0);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if !line.iter().all(u8::is_ascii_whitespace) {
            record += 1;
            assert!(records.contains(&record), "line {record} is in no leg and no reject");
        }
        accounted += line.len();
    }
    assert_eq!((accounted, records.len() as u64), (bytes.len(), record));
}

/// Puts `bad` between the good lines, at three places, and compares.
fn check_costs_nothing(bad: &[u8]) {
    let folder = folder();
    let good = all_cases("cdr-full.csv");
    let clean = calls(&write(folder.path(), "clean.csv", &good));
    let lines: Vec<&[u8]> = good.split_inclusive(|b| *b == b'\n').collect();
    for at in [0, lines.len() / 2, lines.len()] {
        let (before, after) = lines.split_at(at);
        let file = write(folder.path(), "bad.csv", [&before.concat(), bad, &after.concat()].concat());
        check_bytes(&file, "asterisk_cdr");
        let dirty = calls(&file);
        let lost: Vec<_> = clean.difference(&dirty).collect();
        assert!(lost.is_empty(), "bad lines before line {at} cost {lost:#?}");
    }
}

/// A line of a call that is not in the corpus, and of another day: the names of its channels are given again.
fn other_line() -> Vec<u8> {
    let line = case("direct-answered", "cdr-full.csv");
    let line = String::from_utf8(line).expect("UTF-8").lines().next().expect("a line").to_owned();
    line.replace("17953", "17963").replace("2026-11-2", "2026-11-1").into_bytes()
}

#[test]
fn lines_cut_anywhere() {
    let line = other_line();
    let mut bad = Vec::new();
    for length in (1..line.len()).step_by(7) {
        bad.extend_from_slice(&line[..length]);
        bad.push(b'\n');
    }
    check_costs_nothing(&bad);
}

#[test]
fn nul_bytes() {
    let line = other_line();
    let hole = vec![0; 4096];
    check_costs_nothing(&[&hole[..], &line, b"\n", &line[..20], b"\0\0", &line[20..], b"\n", &hole, b"\n"].concat());
    // A hole right before a good line: only the hole is lost.
    check_costs_nothing(&hole);
}

#[test]
fn what_is_not_utf_8() {
    let line = other_line();
    check_costs_nothing(&[&b"\xff\xfe\x00\xc3\x28\n\x80\n"[..], &line[..9], b"\xe9\xff", &line[9..], b"\n"].concat());
}

#[test]
fn a_line_of_ten_megabytes() {
    check_costs_nothing(&[vec![b'x'; 10 << 20], b"\n".to_vec()].concat());
    let mut many = other_line();
    many.extend(b",\"x\"".repeat(3 << 20));
    check_costs_nothing(&[many, b"\n".to_vec()].concat());
}

#[test]
fn other_more_and_fewer_columns() {
    let line = String::from_utf8(other_line()).expect("UTF-8");
    let fewer = line.split(',').take(5).collect::<Vec<_>>().join(",");
    let bad = format!("a,b,c\n{line},\"1\",\"2\",\"3\",\"4\",\"5\"\n{fewer}\n;;;;;\n\"\n\"\"\"\n{{\"json\": true}}\n");
    check_costs_nothing(bad.as_bytes());
}

#[test]
fn wrong_dates_end_no_call() {
    let folder = folder();
    let months = months(12);
    let clean = calls(&write(folder.path(), "clean.csv", &months));
    let line = String::from_utf8(other_line()).expect("UTF-8");
    let wrong: Vec<String> = ["1970-01-01", "2099-12-31"]
        .into_iter()
        .cycle()
        .enumerate()
        .map(|(n, day)| line.replace("2026-11-12", day).replace("17963", &format!("18{n:03}")))
        .zip(months.lines().skip(20).step_by(41))
        .map(|(wrong, before)| format!("{wrong}\n{before}\n"))
        .collect();
    let mut at = wrong.iter();
    let lines = months.lines().enumerate().map(|(n, line)| match n {
        n if n >= 20 && (n - 20).is_multiple_of(41) => at.next().expect("a line").clone(),
        _ => format!("{line}\n"),
    });
    let file = write(folder.path(), "wrong.csv", lines.collect::<String>());
    let dirty = calls(&file);
    let lost: Vec<_> = clean.difference(&dirty).collect();
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn line_ends_of_other_systems_and_none() {
    let folder = folder();
    let good = all_cases("cdr-full.csv");
    let clean = calls(&write(folder.path(), "clean.csv", &good));
    let text = String::from_utf8(good).expect("UTF-8");
    for (name, other) in [
        ("crlf.csv", text.replace('\n', "\r\n")),
        ("cr.csv", text.replace('\n', "\r")),
        ("blank.csv", text.replace('\n', "\n\n \n")),
        ("no-end.csv", text.trim_end().to_owned()),
    ] {
        assert_eq!(calls(&write(folder.path(), name, other)), clean, "{name}");
    }
}

#[test]
fn every_adapter_accounts_for_what_it_does_not_know() {
    let folder = folder();
    let mut bytes = all_cases("cdr-full.csv");
    bytes.extend(all_cases("queue_log"));
    bytes.extend(b"\0\0\0\n\xff\xff\n\"\n,,,,\n");
    let file = write(folder.path(), "mixed", bytes);
    let adapters = run(&mut ringback(["adapters", "--json"])).lines();
    assert!(adapters.len() >= 5);
    for adapter in adapters {
        check_bytes(&file, text(&adapter["name"]));
        assert_eq!(run(ringback(["calls", "--pbx", text(&adapter["name"])]).arg(&file)).code, 0);
    }
}

#[test]
fn an_empty_file() {
    let folder = folder();
    for (name, bytes) in [("empty", ""), ("blank", "\n \r\n\n")] {
        let file = write(folder.path(), name, bytes);
        for command in ["calls", "legs"] {
            check_refused(ringback([command]).arg(&file), 1, &[name, "is empty", "--pbx"]);
            let ran = run(ringback([command, "--pbx", "asterisk_cdr"]).arg(&file));
            assert_eq!((ran.code, ran.stdout.as_slice(), ran.stderr.as_str()), (0, &b""[..], ""));
        }
    }
}

#[test]
fn what_cannot_be_read_is_said_before_anything_is_printed() {
    let folder = folder();
    let good = write(folder.path(), "good.csv", case("direct-answered", "cdr-full.csv"));
    for command in ["calls", "legs"] {
        check_refused(ringback([command]).arg(folder.path().join("nowhere.csv")), 1, &["nowhere.csv", "no such file"]);
        check_refused(ringback([command]).arg(folder.path()), 1, &["is a folder", "/*"]);
        check_refused(&mut ringback([command, "/dev/null"]), 1, &["/dev/null", "is empty"]);
        // Half of the records would tell wrong verdicts: nobody is rung who is in the file that is missing.
        let ran = run(ringback([command]).arg(&good).arg(folder.path().join("nowhere.csv")).arg(&good));
        assert_eq!((ran.code, ran.stdout.as_slice()), (1, &b""[..]), "{}", ran.stderr);
        assert!(ran.stderr.contains("nowhere.csv"));
    }
    let packed = write(folder.path(), "old.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0");
    check_refused(ringback(["calls"]).arg(&packed), 1, &["old.csv.gz", "compressed", "zcat"]);
    let noise = write(folder.path(), "noise", "to be\nor not\nto be\n");
    check_refused(ringback(["calls"]).arg(&noise), 1, &["noise", "not recognized", "--pbx ADAPTER"]);
}

#[test]
fn a_file_without_rights() {
    use std::os::unix::fs::PermissionsExt;
    if !is_root() {
        println!("skipped: only root can run a command as somebody else");
        return;
    }
    let folder = folder();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("set");
    let file = write(folder.path(), "secret.csv", case("direct-answered", "cdr-full.csv"));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("set");
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid", "65534", "--clear-groups", crate::process::BINARY, "calls"]).arg(&file);
    check_refused(&mut command, 1, &["secret.csv", "no permission"]);
}

#[test]
fn standard_input_and_several_files_with_several_adapters() {
    let folder = folder();
    let [cdr, cel, queue_log] =
        ["cdr-full.csv", "cel.csv", "queue_log"].map(|name| write(folder.path(), name, case("queue-answered", name)));
    let of_file = run(ringback(["calls", "--site"]).arg(site()).arg(&cdr));
    let mut piped = ringback(["calls", "--site"]);
    let of_stdin = run(piped.arg(site()).arg("-").stdin(std::fs::File::open(&cdr).expect("open")));
    assert_eq!(of_file.lines(), of_stdin.lines());

    let mut command = ringback(["calls", "--site"]);
    command.arg(site()).args(["--pbx", "asterisk_cdr"]).arg(&cdr);
    command.args(["--pbx", "asterisk_cel"]).arg(&cel).args(["--pbx", "asterisk_queue_log"]).arg(&queue_log);
    let together = run(&mut command).lines();
    assert_eq!(together.len(), of_file.lines().len(), "three sources of one exchange tell the same calls");
    let files: BTreeSet<String> = together
        .iter()
        .flat_map(|call| call["records"].as_array().expect("a list"))
        .map(|record| text(record).split(':').next().expect("a file").to_owned())
        .collect();
    assert_eq!(files, ["1", "2", "3"].map(str::to_owned).into());
    let is_answered = |calls: &[Value]| calls.iter().map(|call| call["answered"].clone()).collect::<Vec<_>>();
    assert_eq!(is_answered(&together), is_answered(&of_file.lines()));
}

#[test]
fn old_files_may_be_named_after_new_ones() {
    let folder = folder();
    let all = all_cases("cdr-full.csv");
    let lines: Vec<&[u8]> = all.split_inclusive(|b| *b == b'\n').collect();
    let [old, new] = [&lines[..lines.len() / 2], &lines[lines.len() / 2..]];
    let [old, new] = [("old.csv", old), ("new.csv", new)].map(|(n, lines)| write(folder.path(), n, lines.concat()));
    let calls = |files: [&Path; 2]| -> BTreeSet<String> {
        let mut lines = run(ringback(["calls", "--site"]).arg(site()).args(files)).lines();
        lines.iter_mut().for_each(|call| drop(call.as_object_mut().expect("an object").remove("records")));
        lines.iter().map(Value::to_string).collect()
    };
    assert_eq!(calls([&old, &new]), calls([&new, &old]));
}
