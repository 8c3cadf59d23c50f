//! What long commands show: progress on a terminal, plain lines elsewhere, and rejects as lines.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::time::{Duration, Instant};

use adapters::Reject;
use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::input::Source;

/// Standard output, buffered. What goes wrong with it is told apart from all else: see [`OutputError`].
pub(crate) struct Out(BufWriter<StdoutLock<'static>>);

/// Standard output could not be written. If its reader is gone, that is no error of ours.
#[derive(Debug)]
pub(crate) struct OutputError {
    /// What kind of failure.
    pub(crate) kind: io::ErrorKind,
    why: String,
}

impl std::fmt::Display for OutputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "standard output cannot be written: {}", self.why)
    }
}

impl std::error::Error for OutputError {}

impl Out {
    pub(crate) fn stdout() -> Out {
        Out(BufWriter::with_capacity(1 << 16, io::stdout().lock()))
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(output_error)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(output_error)
    }
}

fn output_error(error: io::Error) -> io::Error {
    // `write_all` tries again after this one only if it sees it.
    if error.kind() == io::ErrorKind::Interrupted {
        return error;
    }
    io::Error::other(OutputError { kind: error.kind(), why: error.to_string() })
}

/// How far long work has come.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    told_at: Instant,
    done: u64,
    legs: u64,
    total: Option<u64>,
    unit: &'static str,
}

/// Without a terminal, a line this often.
const TELL_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    /// Of reading these sources, while lines are printed.
    pub(crate) fn over(sources: &[Source]) -> Progress {
        // Where lines are printed on the same terminal, a bar would be torn apart by them.
        let with_bar = !io::stdout().is_terminal();
        Progress::of(sources.iter().map(Source::size).sum(), "bytes", with_bar)
    }

    /// Of so many bytes or records, `None` where nobody knows, while nothing else is printed.
    pub(crate) fn of(total: Option<u64>, unit: &'static str, with_bar: bool) -> Progress {
        let bar = (io::stderr().is_terminal() && with_bar).then(|| {
            let template = match (total, unit) {
                (None, "bytes") => "{bytes} {msg}",
                (None, _) => "{pos} {msg}",
                (Some(_), "bytes") => "{bar:30} {bytes}/{total_bytes} {msg} {eta}",
                (Some(_), _) => "{bar:30} {pos}/{len} {msg} {eta}",
            };
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total.unwrap_or(0)).with_style(style)
        });
        Progress { bar, told_at: Instant::now(), done: 0, legs: 0, total, unit }
    }

    pub(crate) fn add(&mut self, done: u64, legs: usize) {
        self.done += done;
        self.legs += legs as u64;
        let legs = if self.legs > 0 { format!(", {} legs", self.legs) } else { String::new() };
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            // Bytes are shown with their unit.
            let unit = if self.unit == "bytes" { "" } else { self.unit };
            bar.set_message(format!("{unit}{legs}"));
        } else if self.told_at.elapsed() >= TELL_EVERY && !io::stderr().is_terminal() {
            self.told_at = Instant::now();
            let of = self.total.map_or_else(String::new, |t| format!(" of {t}"));
            let _ = writeln!(io::stderr().lock(), "read {}{of} {}{legs}", self.done, self.unit);
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Prints rejects, and counts them.
pub(crate) struct Rejects {
    several_files: bool,
    /// How many there were.
    pub(crate) count: u64,
}

impl Rejects {
    pub(crate) fn new(several_files: bool) -> Rejects {
        Rejects { several_files, count: 0 }
    }

    /// `{"reject": {...}}`, or a sentence in a table.
    pub(crate) fn print(&mut self, out: &mut impl Write, reject: &Reject, table: bool) -> Result<()> {
        self.count += 1;
        let at = reject.position;
        if table {
            writeln!(
                out,
                "record {} at byte {} of file {} was not understood: {}",
                at.record, at.byte, at.file, reject.reason
            )?;
            return Ok(());
        }
        let record = if self.several_files { json!(format!("{}:{}", at.file, at.record)) } else { json!(at.record) };
        let line = json!({"reject": {
            "file": at.file, "record": record, "byte": at.byte, "reason": reject.reason,
            "bytes_base64": STANDARD.encode(&reject.bytes), "bytes_total": reject.bytes_total,
        }});
        writeln!(out, "{line}")?;
        Ok(())
    }
}
