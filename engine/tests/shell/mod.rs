//! What every command does with its arguments, its output and its settings.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::process::{BINARY, all_cases, check_refused, folder, ringback, run, site, write};

#[test]
fn wrong_arguments_end_with_2_and_say_what_would_have_worked() {
    let folder = folder();
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let file = file.to_str().expect("UTF-8");
    for command in ["calls", "legs"] {
        check_refused(&mut ringback([command, "--pbx", "asterix", file]), 2, &["`asterix`", "asterisk_cdr"]);
        let site = site().to_str().expect("UTF-8");
        let elsewhere = ["--site", site, "--pbx", "asterisk_cdr@moon", file];
        check_refused(ringback([command]).args(elsewhere), 2, &["asterisk_cdr@moon", "`moon`", "it has"]);
        check_refused(&mut ringback([command, "--flag", file]), 2, &["--flag"]);
        check_refused(
            &mut ringback([command, file, "--pbx", "asterisk_cel"]),
            2,
            &["asterisk_cel", "before its files"],
        );
        let twice = [command, "--pbx", "asterisk_cel", "--pbx", "asterisk_cdr", file];
        check_refused(&mut ringback(twice), 2, &["--pbx asterisk_cel: no file"]);
        check_refused(&mut ringback([command]), 2, &["FILE"]);
    }
    check_refused(&mut ringback(["no-command"]), 2, &["no-command"]);
    check_refused(&mut ringback(["demo", "--site", file]), 2, &["--records"]);
    check_refused(&mut ringback(["demo", "--records", file, "--port", "80000"]), 2, &["80000"]);
    check_refused(&mut ringback(["clickhouse"]), 2, &["--data"]);
    check_refused(&mut ringback(["config", "more"]), 2, &["more"]);
    let data = folder.path().join("data");
    let data = data.to_str().expect("UTF-8");
    check_refused(&mut ringback(["demo", "--data", data, "--pbx", "asterix", "--records", file]), 2, &["`asterix`"]);
}

#[test]
fn a_site_file_that_is_none() {
    let folder = folder();
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let known = "[[site]]\nid = \"a\"\n[[pbx]]\nid = \"b\"\n";
    for (text, words) in [
        (format!("tennant = \"a\"\n{known}"), &["line 1", "`tennant`", "`tenant`"][..]),
        (format!("{known}zones = \"UTC\"\n"), &["line 5", "`zones`", "`zone`"]),
        ("no toml at all".to_owned(), &["line 1"]),
        (String::new(), &["[[site]]"]),
    ] {
        let site = write(folder.path(), "site.toml", text);
        check_refused(ringback(["calls", "--site"]).arg(&site).arg(&file), 2, words);
        check_refused(ringback(["legs", "--site"]).arg(&site).arg(&file), 2, &["site.toml"]);
        let data = folder.path().join("data");
        let mut demo = ringback(["demo", "--settings"]);
        check_refused(demo.arg(folder.path()).arg("--data").arg(data).arg("--records").arg(&file), 2, words);
    }
    let nowhere = folder.path().join("nowhere.toml");
    check_refused(ringback(["calls", "--site"]).arg(nowhere).arg(&file), 2, &["nowhere.toml", "site.example.toml"]);
    check_refused(ringback(["calls", "--site"]).arg(folder.path()).arg(&file), 2, &["cannot be read"]);
    let latin = write(folder.path(), "latin.toml", b"tenant = \"caf\xe9\"\n");
    check_refused(ringback(["calls", "--site"]).arg(latin).arg(&file), 2, &["latin.toml", "UTF-8"]);
}

#[test]
fn settings_are_read_and_explained() {
    let ran = run(&mut ringback(["config"]));
    assert_eq!((ran.code, ran.stdout.as_slice()), (0, &include_bytes!("../../default.toml")[..]));

    let folder = folder();
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let data = folder.path().join("data");
    let demo = || {
        let mut command = ringback(["demo", "--settings"]);
        command.arg(folder.path()).arg("--data").arg(&data).arg("--records").arg(&file);
        command
    };
    let clickhouse = || {
        let mut command = ringback(["clickhouse", "--settings"]);
        command.arg(folder.path()).arg("--data").arg(&data);
        command
    };
    for (text, words) in [
        ("[limit]\n", &["engine.toml", "line 1", "`limit`", "`limits`", "ringback config"][..]),
        ("[limits]\nlegs = 1\n", &["line 2", "`legs`", "`batch_legs_max`"]),
        ("[limits]\nconnections_max = 0\n", &["line 2", "`0`"]),
        ("=", &["line 1"]),
    ] {
        write(folder.path(), "engine.toml", text);
        check_refused(&mut demo(), 2, words);
        check_refused(&mut clickhouse(), 2, words);
    }
    write(folder.path(), "engine.toml", "[clickhouse]\nurl = \"tcp://127.0.0.1\"\n");
    check_refused(&mut demo(), 1, &["[clickhouse] url", "tcp://127.0.0.1", "http://"]);
    write(folder.path(), "engine.toml", "tenant = \"one\"\n");
    write(folder.path(), "site.toml", "tenant = \"two\"\n[[site]]\nid = \"a\"\n[[pbx]]\nid = \"b\"\n");
    check_refused(&mut demo(), 2, &["`one`", "`two`"]);
    let nowhere = folder.path().join("nowhere");
    let mut demo = ringback(["demo", "--settings"]);
    check_refused(demo.arg(nowhere).arg("--records").arg(&file), 2, &["nowhere", "no folder"]);
}

#[test]
fn a_full_device_as_standard_output_is_said() {
    let folder = folder();
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let file = file.to_str().expect("UTF-8");
    for arguments in [
        &["calls", file][..],
        &["calls", "--json", file],
        &["legs", file],
        &["legs", "--json", file],
        &["adapters"],
        &["adapters", "--json"],
        &["config"],
    ] {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        check_refused(ringback(arguments).stdout(full), 1, &[arguments[0], "standard output", "space"]);
    }
}

#[test]
fn a_reader_who_has_enough_is_no_error() {
    let folder = folder();
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv").repeat(20));
    let file = file.to_str().expect("UTF-8");
    for arguments in [
        &["calls", file][..],
        &["legs", file],
        &["legs", "--json", file],
        &["adapters"],
        &["adapters", "--json"],
        &["config"],
    ] {
        let mut process = ringback(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut line = String::new();
        let mut stdout = BufReader::with_capacity(16, process.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        drop(stdout);
        let output = process.wait_with_output().expect("ended");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{arguments:?}");
        assert!(!line.is_empty());
    }
}

/// `script` gives the command a terminal, and its own output is what the terminal showed.
fn on_a_terminal(arguments: &str) -> String {
    let ran = run(Command::new("script").args(["-qec", &format!("{BINARY} {arguments}"), "/dev/null"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    String::from_utf8(ran.stdout).expect("UTF-8").replace('\r', "")
}

#[test]
fn a_terminal_shows_a_table_and_a_summary() {
    let folder = folder();
    let mut records = all_cases("cdr-full.csv");
    records.extend(b"what is this\n");
    let file = write(folder.path(), "records.csv", records);
    let (file, site) = (file.display(), site().display());
    let calls = on_a_terminal(&format!("calls --site {site} {file}"));
    let json = run(&mut ringback(["calls", "--site", &site.to_string(), &file.to_string()]));
    let lines = json.lines();
    let count = lines.iter().filter(|line| line.get("call_id").is_some()).count();
    let missed = lines.iter().filter(|line| line["missed"] == true).count();
    assert!(calls.starts_with("started (UTC)"), "{calls}");
    assert_eq!(calls.lines().filter(|line| line.starts_with("20")).count(), count, "{calls}");
    assert!(calls.contains(&format!("\n{count} calls, ")) && calls.contains(&format!("; {missed} missed")), "{calls}");
    assert!(calls.contains("was not understood: "), "{calls}");
    assert!(calls.contains("inbound by outcome: "), "{calls}");

    let legs = on_a_terminal(&format!("legs --site {site} {file}"));
    assert!(legs.contains("started (UTC)") && legs.contains(" legs; 1 records were not understood"), "{legs}");
    let forced = on_a_terminal(&format!("calls --json --site {site} {file}"));
    assert_eq!(forced.as_bytes(), json.stdout.as_slice(), "--json is the same everywhere");

    // With the lines going elsewhere, the terminal shows how far it is.
    let away = folder.path().join("out").display().to_string();
    let shown = on_a_terminal(&format!("calls --site {site} {file} >{away}"));
    assert!(!shown.contains("call_id"), "{shown}");
    assert_eq!(std::fs::read(away).expect("written"), json.stdout);
}

#[test]
fn a_port_in_use_is_said() {
    let folder = folder();
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("bound").port().to_string();
    let data = |name: &str| folder.path().join(name).display().to_string();
    check_refused(
        ringback(["demo", "--port", &port, "--data", &data("a"), "--records"]).arg(&file),
        1,
        &[&port, "in use", "--port"],
    );
    check_refused(
        &mut ringback(["clickhouse", "--port", &port, "--data", &data("b")]),
        1,
        &[&port, "in use", "--port"],
    );
}
