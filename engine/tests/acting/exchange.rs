//! An exchange's manager interface that plays recorded dialogues: `engine/deliver/examples/ami_peer.rs` as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use crate::process::{BINARY, write};

pub const SECRET: &str = "peer-secret";

pub struct Exchange {
    process: Child,
    _stdin: Option<ChildStdin>,
    pub address: String,
    log: PathBuf,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One command to place a call, as the exchange saw it.
#[derive(Clone, Debug)]
pub struct Originate {
    pub at_ms: i64,
    pub action_key: String,
    pub dialed: String,
}

impl Exchange {
    /// Plays these dialogues, by the end of the number that is dialed.
    pub fn start(folder: &Path, rules: &[Value]) -> Exchange {
        let log = folder.join("originates.ndjson");
        let scenario = json!({"secret": SECRET, "speed": 200.0, "log": log, "rules": rules});
        let scenario = write(folder, "scenario.json", scenario.to_string());
        let mut process = Command::new(peer())
            .arg(scenario)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        let stdin = process.stdin.take();
        Exchange { process, _stdin: stdin, address, log }
    }

    /// What it was told to do so far.
    pub fn originates(&self) -> Vec<Originate> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let line = |line: &str| {
            let told: Value = serde_json::from_str(line).ok()?;
            let field = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
            Some(Originate {
                at_ms: told["at_ms"].as_i64().unwrap_or_default(),
                action_key: told["variables"]["RINGBACK_ACTION"].as_str().unwrap_or_default().to_owned(),
                dialed: field("exten"),
            })
        };
        text.lines().filter_map(line).collect()
    }
}

/// The peer's binary, beside ours; built where the tests of this package run alone.
fn peer() -> PathBuf {
    let path = Path::new(BINARY).parent().expect("a folder").join("examples/ami_peer");
    if !path.is_file() {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let profile = if BINARY.contains("release") { "release" } else { "dev" };
        let of = ["build", "-q", "-p", "deliver", "--example", "ami_peer", "--profile", profile];
        let built = Command::new(cargo).args(of).status();
        assert!(built.expect("cargo runs").success(), "the peer cannot be built");
    }
    path
}
