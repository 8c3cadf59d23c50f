//! Running the binary, and the records that the tests give it: those of the corpus.

#[allow(dead_code)]
pub mod web;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_ringback");

/// How long anything may take here: a limit for what hangs, and no measure of speed.
pub const LONG: Duration = Duration::from_secs(120);

/// How a command ended, and what it said.
pub struct Ran {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// The binary with these arguments, away from the settings of whoever runs the tests.
pub fn ringback<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_remove("CLICKHOUSE_URL").stdin(Stdio::null());
    command
}

/// Runs to the end. Whatever the command was given, it ends with a code, and without a panic.
pub fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{stderr}");
    let code = output.status.code().unwrap_or_else(|| panic!("{:?}: {stderr}", output.status));
    Ran { code, stdout: output.stdout, stderr }
}

/// Runs a command that cannot work: the code, and the words that its message must have.
pub fn check_refused(command: &mut Command, code: i32, words: &[&str]) {
    let ran = run(command);
    assert_eq!(ran.code, code, "{command:?}: {}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not in: {}", ran.stderr);
    }
}

impl Ran {
    /// Its standard output as JSON, line by line.
    pub fn lines(&self) -> Vec<Value> {
        assert_eq!(self.code, 0, "{}", self.stderr);
        let text = std::str::from_utf8(&self.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text, but {value}"))
}

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("written");
    path
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("calls/tests/corpus")
}

/// One of the corpus's files, by the name of its case.
pub fn case(name: &str, file: &str) -> Vec<u8> {
    fs::read(corpus().join(name).join(file)).expect("a case")
}

/// The files of all cases as one, in the order in which an exchange writes its records: by the last moment that each tells.
pub fn all_cases(file: &str) -> Vec<u8> {
    let cases = fs::read_dir(corpus()).expect("the corpus").map(|entry| entry.expect("an entry").path().join(file));
    let text: String = cases.filter(|path| path.exists()).map(|path| fs::read_to_string(path).expect("text")).collect();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_by_key(|line| (last_moment(line), line.to_owned()));
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

/// The records of all cases again and again, each time a month later and with ids of its own: more than is read at once.
pub fn months(count: u32) -> String {
    let month = String::from_utf8(all_cases("cdr-full.csv")).expect("text");
    (1..=count)
        .map(|n| month.replace("2026-11-2", &format!("2025-{n:02}-2")).replace("\"1795", &format!("\"17{n:02}")))
        .collect()
}

/// The last thing of a line that looks like `2026-11-22 21:25:59`; else how it begins, which in a queue log is the moment.
fn last_moment(line: &str) -> &str {
    let looks = |word: &&[u8]| {
        word.iter()
            .zip(b"2000-00-00 00:00:00")
            .all(|(b, like)| b == like || (b.is_ascii_digit() && like.is_ascii_digit()))
    };
    match line.as_bytes().windows(19).rposition(|word| looks(&word)) {
        Some(at) => &line[at..at + 19],
        None => line.split('|').next().unwrap_or_default(),
    }
}

/// The site file of the exchange that wrote the corpus.
pub fn site() -> &'static Path {
    static SITE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = SITE.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/fixtures/site_from_pbx.py");
        let made = Command::new("python3").arg(script).arg(corpus().join("pbx.json")).output().expect("python3 runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let folder = folder();
        let path = write(folder.path(), "site.toml", made.stdout);
        (folder, path)
    });
    path
}

/// A command that goes on, with the lines of its standard output as they come.
pub struct Running {
    pub process: Child,
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = BufReader::new(process.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Running { process, lines }
    }

    /// The next line that this finds something in.
    pub fn wait_for<T>(&self, what: &str, mut find: impl FnMut(&str) -> Option<T>) -> T {
        let mut before = Vec::new();
        loop {
            let line = self.lines.recv_timeout(LONG).unwrap_or_else(|error| panic!("no {what} ({error}): {before:#?}"));
            if let Some(found) = find(&line) {
                return found;
            }
            before.push(line);
        }
    }

    /// Waits for `ready {...}`, and gives it.
    pub fn ready(&self) -> Value {
        self.wait_for("ready", |line| serde_json::from_str(line.strip_prefix("ready ")?).ok())
    }

    pub fn signal(&self, name: &str) {
        signal(name, self.process.id());
    }

    pub fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the end of the process", || {
            status = self.process.try_wait().expect("waited");
            status.is_some()
        });
        status.expect("a status")
    }
}

pub fn signal(name: &str, pid: u32) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().expect("sh");
    assert!(status.success());
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started_at = Instant::now();
    while !is_so() {
        assert!(started_at.elapsed() < LONG, "not within {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes that run with this folder in their arguments, zombies left out.
pub fn processes_over(folder: &Path) -> Vec<u32> {
    let wanted = folder.to_str().expect("UTF-8");
    let pids = fs::read_dir("/proc").expect("/proc").filter_map(|e| e.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(wanted)
    })
    .collect()
}

pub fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}
