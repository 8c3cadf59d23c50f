//! The peer of `peer.py` as a process that ends with the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::python;

/// Longer than any peer needs to say something; only a broken test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Peer {
    child: Child,
    lines: Receiver<String>,
    pub port: u16,
}

impl Peer {
    /// Starts it; certificates are written into the folder.
    pub fn start(folder: &Path, arguments: &[&str]) -> Peer {
        let mut child = Command::new(python::interpreter())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/email/peer.py"))
            .arg("--folder")
            .arg(folder)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let first = lines.recv_timeout(PATIENCE).unwrap();
        let port = first.strip_prefix("port=").unwrap().parse().unwrap();
        Peer { child, lines, port }
    }

    /// The next mail that it took.
    pub fn taken(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(PATIENCE).unwrap()).unwrap()
    }

    /// Ends it, and gives every mail that it took and that nobody asked for yet.
    pub fn end(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
        self.lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
