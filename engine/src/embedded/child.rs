//! The parent's side of the database process: start it, hear what it says, notice its end, end it.
//!
//! The child says one JSON line a message on its standard output (see [`Said`]) and lives as long as its standard
//! input is open: whatever ends this process, `kill -9` included, closes that pipe.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::{Error, Locate, Progress, ping};

/// From the start of the process to its first word, and from one word to the next.
const WORD_WAIT_MAX: Duration = Duration::from_secs(90);
/// From `ready` to the first answer.
const PING_WAIT_MAX: Duration = Duration::from_secs(10);
/// From the end of the pipe to the end of the process; then it is killed. More than the child takes for itself.
const END_WAIT_MAX: Duration = Duration::from_secs(12);
/// How much of what the database wrote on its standard error is kept for the message about its end.
const LAST_WORDS_MAX: usize = 12;
const LAST_WORD_BYTES_MAX: usize = 2000;

/// What a child runs.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// The engine in this library.
    Library(PathBuf),
    /// A `clickhouse` program, as a server.
    Server(PathBuf),
}

/// What the child says on its standard output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// What it is waiting for.
    Waiting(String),
    Ready {
        port: u16,
        version: String,
    },
    /// Why it ends.
    Failed(String),
}

/// A running database process.
pub(crate) struct Child {
    process: tokio::process::Child,
    /// Open as long as the database shall live.
    lifeline: Option<ChildStdin>,
    last_words: Arc<Mutex<VecDeque<String>>>,
    pub(crate) url: String,
    pub(crate) version: String,
}

impl Child {
    /// Starts the database and returns when it answers.
    pub(crate) async fn start(
        program: &Program,
        data: &Path,
        locate: &Locate,
        progress: &dyn Progress,
    ) -> Result<Child, Error> {
        // The link leads to this very program even after the file was replaced by a newer one.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("ringback").arg("clickhouse-child").arg("--data").arg(data);
        for (name, number) in [
            ("--port", u64::from(locate.port)),
            ("--lock-wait-s", locate.lock_wait.as_secs()),
            ("--statements-max", u64::from(locate.at_once.statements_max)),
            ("--connections-max", u64::from(locate.at_once.connections_max)),
        ] {
            command.arg(name).arg(number.to_string());
        }
        match program {
            Program::Library(library) => command.arg("--library").arg(library),
            Program::Server(server) => command.arg("--server").arg(server),
        };
        // A process group of its own: Ctrl-C is for the parent, which then ends the child in order.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(Error::Spawn)?;

        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(keep_last_words(stderr, Arc::clone(&last_words)));
        }
        let lifeline = process.stdin.take();
        let stdout = process.stdout.take();
        let mut child = Child { process, lifeline, last_words, url: String::new(), version: String::new() };
        let Some(stdout) = stdout else {
            return Err(child.ended().await);
        };
        let mut lines = BufReader::new(stdout).lines();
        let (port, version) = child.wait_until_ready(&mut lines, progress).await?;
        // The library might print something one day: an unread pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        child.version = version;
        child.url = format!("http://127.0.0.1:{port}");
        ping::until_it_answers(&child.url, PING_WAIT_MAX).await?;
        Ok(child)
    }

    async fn wait_until_ready(
        &mut self,
        lines: &mut Lines<BufReader<ChildStdout>>,
        progress: &dyn Progress,
    ) -> Result<(u16, String), Error> {
        loop {
            let line = match timeout(WORD_WAIT_MAX, lines.next_line()).await {
                Ok(Ok(Some(line))) => line,
                Ok(_) => return Err(self.ended().await),
                Err(_) => {
                    // It hangs: there is nothing to be gentle about.
                    let _ = self.process.start_kill();
                    return Err(Error::Silent { waited_s: WORD_WAIT_MAX.as_secs() });
                }
            };
            match Said::parse(&line) {
                Some(Said::Waiting(what)) => progress.step(&what),
                Some(Said::Ready { port, version }) => return Ok((port, version)),
                Some(Said::Failed(why)) => {
                    let _ = timeout(END_WAIT_MAX, self.process.wait()).await;
                    return Err(Error::Child(why));
                }
                None => {}
            }
        }
    }

    /// Waits for the end of the process and tells it. Meant for `select!`: while it lives, this does not return.
    pub(crate) async fn ended(&mut self) -> Error {
        match self.process.wait().await {
            Ok(status) => {
                // Its last words may still be on their way.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let words = self.last_words.lock().map(|words| Vec::from(words.clone())).unwrap_or_default();
                Error::Ended { status, last_words: words }
            }
            Err(error) => Error::Spawn(error),
        }
    }

    /// Ends the database: asks it by closing its pipe, waits, and kills it if it does not hear.
    pub(crate) async fn shutdown(mut self) -> Result<(), Error> {
        drop(self.lifeline.take());
        if timeout(END_WAIT_MAX, self.process.wait()).await.is_ok() {
            return Ok(());
        }
        self.process.kill().await.map_err(Error::Spawn)
    }
}

async fn keep_last_words(stderr: impl AsyncRead + Unpin, words: Arc<Mutex<VecDeque<String>>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(mut line)) = lines.next_line().await {
        if line.len() > LAST_WORD_BYTES_MAX {
            line.truncate(line.floor_char_boundary(LAST_WORD_BYTES_MAX));
        }
        if let Ok(mut words) = words.lock() {
            if words.len() == LAST_WORDS_MAX {
                words.pop_front();
            }
            words.push_back(line);
        }
    }
}

impl Said {
    pub(crate) fn to_line(&self) -> String {
        match self {
            Said::Waiting(what) => serde_json::json!({ "waiting": what }),
            Said::Ready { port, version } => serde_json::json!({ "ready": { "port": port, "version": version } }),
            Said::Failed(why) => serde_json::json!({ "failed": why }),
        }
        .to_string()
    }

    /// Reads a line; what is none of ours is none.
    fn parse(line: &str) -> Option<Said> {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value.get(key)?.as_str().map(str::to_string);
        if let Some(what) = text("waiting") {
            return Some(Said::Waiting(what));
        }
        if let Some(why) = text("failed") {
            return Some(Said::Failed(why));
        }
        let ready = value.get("ready")?;
        let port = ready.get("port")?.as_u64().and_then(|port| u16::try_from(port).ok())?;
        Some(Said::Ready { port, version: ready.get("version")?.as_str()?.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_child_says_is_understood() {
        for said in [
            Said::Waiting("for \"it\"".to_string()),
            Said::Ready { port: 8123, version: "26.7.2.1".to_string() },
            Said::Failed("a\nb".to_string()),
        ] {
            let line = said.to_line();
            assert!(!line.contains('\n'));
            assert_eq!(Said::parse(&line), Some(said));
        }
        for noise in ["", "{", "{}", "[1]", "{\"ready\":{\"port\":70000,\"version\":\"1\"}}", "Logging trace"] {
            assert_eq!(Said::parse(noise), None, "{noise}");
        }
    }
}
