//! What the top README shows is what its commands print: the command with records is run, and its five questions are asked. The first
//! command is `engine/tests/company/mod.rs`.
//!
//! Needs the embedded database, as a reader does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const README: &str = include_str!("../../README.md");

/// The end of the test must not leave a database behind.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        // The database ends with its parent.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_readme_shows_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (_demo, printed) = start(folder.path());
    let commands: Vec<&str> = README.lines().filter_map(|line| line.strip_prefix("cargo run --release -- ")).collect();
    assert_eq!(commands[0], "demo --port 8080", "the first command has no records");
    assert!(commands[1].starts_with("demo --data .records ") && commands[1].contains("--records"), "{}", commands[1]);
    let block = |heading: &str, fence: &str| {
        let (_, rest) = README.split_once(heading).expect("the heading");
        let (_, rest) = rest.split_once(&format!("```{fence}\n")).expect("a block");
        rest.split_once("```").expect("its end").0.to_owned()
    };
    for line in block("## Records that a real PBX wrote", "text").lines().filter(|line| *line != "...") {
        let is_ready = line.starts_with("ready ");
        let found =
            if is_ready { printed.iter().any(|p| p.starts_with("ready ")) } else { printed.iter().any(|p| p == line) };
        assert!(found, "README.md shows a line that is not printed: {line}\n{}", printed.join("\n"));
    }
    let ready = printed.last().and_then(|line| line.strip_prefix("ready ")).expect("the last line");
    let ready: serde_json::Value = serde_json::from_str(ready).unwrap();
    let address = ready["clickhouse"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let questions = block("## Five questions to ask ClickHouse", "sh");
    let mut asked = 0;
    for part in questions.split("\nask \"").skip(1) {
        let (query, rest) = part.split_once("\"\n").expect("the end of a question");
        let shown: Vec<Vec<&str>> = rest
            .lines()
            .map_while(|line| line.strip_prefix("#   "))
            .map(|line| line.split_whitespace().collect())
            .collect();
        let answer = ask(&address, query);
        let found: Vec<Vec<&str>> = answer.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(found, shown, "{query}");
        asked += 1;
    }
    assert_eq!(asked, 5);
}

/// The command with records of the README, but for its port and folder, and what it printed until it was ready.
fn start(data: &Path) -> (Demo, Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut records: Vec<_> = std::fs::read_dir(root.join("engine/calls/tests/corpus"))
        .unwrap()
        .map(|story| story.unwrap().path().join("cdr-full.csv"))
        .filter(|file| file.exists())
        .collect();
    records.sort();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ringback"))
        .args(["demo", "--port", "0", "--data"])
        .arg(data.join("demo"))
        .arg("--site")
        .arg(root.join("engine/calls/tests/corpus/site.toml"))
        .arg("--records")
        .args(records)
        .env_remove("CLICKHOUSE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = demo.stdout.take().unwrap();
    let demo = Demo(demo);
    let mut printed = Vec::new();
    for line in BufReader::new(out).lines() {
        printed.push(line.unwrap());
        if printed.last().is_some_and(|line| line.starts_with("ready ")) {
            break;
        }
    }
    (demo, printed)
}

/// One question over HTTP; the connection's end is the answer's.
fn ask(address: &str, query: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = query.len();
    write!(stream, "POST / HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{query}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.contains(" 200 "), "{query}\n{answer}");
    body.to_owned()
}
