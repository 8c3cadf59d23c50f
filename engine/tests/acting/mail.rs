//! A real SMTP server, that of `engine/deliver/tests/email/peer.py`, and what it took.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::process::wait_until;
use crate::python;

pub struct MailServer {
    child: Child,
    pub port: u16,
    taken: Arc<Mutex<Vec<Arrived>>>,
}

/// One mail that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub to: String,
    pub message_id: String,
    pub subject: String,
}

impl MailServer {
    pub fn start(folder: &Path) -> MailServer {
        let mut child = Command::new(python::interpreter())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/deliver/tests/email/peer.py"))
            .arg("--folder")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the mail server starts");
        let (taken, port) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (seen, told) = (Arc::clone(&taken), Arc::clone(&port));
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                match line.strip_prefix("port=") {
                    Some(number) => *told.lock().expect("port") = number.parse().expect("a number"),
                    None => seen.lock().expect("mails").push(arrived(&line)),
                }
            }
        });
        wait_until("the mail server listens", || *port.lock().expect("port") > 0);
        let port = *port.lock().expect("port");
        MailServer { child, port, taken }
    }

    /// What it took so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.taken.lock().expect("mails").clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn arrived(line: &str) -> Arrived {
    let mail: Value = serde_json::from_str(line).expect("JSON");
    let content = mail["content"].as_str().expect("a content");
    let header = |name: &str| {
        let named = content.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        named.unwrap_or_default().trim().to_owned()
    };
    Arrived {
        to: mail["to"][0].as_str().unwrap_or_default().to_owned(),
        message_id: header("Message-ID"),
        subject: header("Subject"),
    }
}
