//! A database of the bench's own: the embedded engine, started by `ringback`, with the tables of this version.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clickhouse::Client;
use tokio::runtime::Runtime;

use crate::child;

/// A fresh database of the embedded engine, with the tables of this version; ended and removed when it goes.
#[derive(Debug)]
pub struct Database {
    process: Child,
    /// Removed with it.
    folder: Option<PathBuf>,
    /// Of its HTTP interface.
    pub url: String,
}

impl Database {
    /// Starts it in this folder, which goes with it if `is_temporary`.
    #[must_use]
    pub fn start(ringback: &Path, folder: PathBuf, is_temporary: bool) -> Database {
        let mut command = Command::new(ringback);
        command.args(["clickhouse", "--port", "0", "--data"]).arg(&folder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = child::bound(&mut command).spawn().expect("ringback starts");
        let line = first_line(&mut process);
        let url = line.split('"').find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no database: {line:?}")).to_owned();
        let migrated = Command::new(ringback).args(["migrate", "--clickhouse", &url]).stdout(Stdio::null()).status();
        assert!(migrated.is_ok_and(|status| status.success()), "ringback migrate");
        Database { process, folder: is_temporary.then_some(folder), url }
    }

    /// The number that is the answer.
    #[must_use]
    pub fn count(&self, question: &str) -> u64 {
        let client = Client::default().with_url(&self.url);
        runtime().block_on(client.query(question).fetch_one()).unwrap_or_else(|e| panic!("{question}: {e}"))
    }

    /// CPU time that the database has used so far, in nanoseconds.
    #[must_use]
    pub fn cpu_ns(&self) -> u64 {
        child::cpu_ns_of_tree(self.process.id())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        child::terminate(&self.process);
        let _ = self.process.wait();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Threads for whatever waits.
#[must_use]
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads")
}

/// The first line that a process prints.
pub fn first_line(process: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    line.trim().to_owned()
}
