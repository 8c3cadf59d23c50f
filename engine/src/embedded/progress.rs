//! Telling how long work goes on: a bar on a terminal, plain lines elsewhere, or whatever the caller makes of it.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Hears what is being done. Called from any thread, and often.
pub(crate) trait Progress: Send + Sync {
    /// One sentence about what begins now.
    fn step(&self, what: &str);
    /// How far that is.
    fn advance(&self, done_bytes: u64, total_bytes: u64);
}

/// A bar on a terminal, lines in a pipe or a file.
pub(crate) fn for_standard_error() -> Arc<dyn Progress> {
    if std::io::stderr().is_terminal() { Arc::new(Bar::default()) } else { Arc::new(Lines::default()) }
}

#[derive(Default)]
struct Bar {
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress for Bar {
    fn step(&self, what: &str) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
        say(what);
    }

    fn advance(&self, done_bytes: u64, total_bytes: u64) {
        let Ok(mut bar) = self.bar.lock() else { return };
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(total_bytes);
            let template = "  {bar:30} {decimal_bytes} of {decimal_total_bytes}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        bar.set_position(done_bytes);
        if done_bytes >= total_bytes {
            bar.finish_and_clear();
        }
    }
}

/// How often a line is written of work that goes on.
const LINE_EVERY: Duration = Duration::from_secs(5);

struct Lines {
    last_line_at: Mutex<Instant>,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines { last_line_at: Mutex::new(Instant::now()) }
    }
}

impl Progress for Lines {
    fn step(&self, what: &str) {
        if let Ok(mut last) = self.last_line_at.lock() {
            *last = Instant::now();
        }
        say(what);
    }

    fn advance(&self, done_bytes: u64, total_bytes: u64) {
        let Ok(mut last) = self.last_line_at.lock() else { return };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            say(&format!("  {} of {} MB", done_bytes / 1_000_000, total_bytes / 1_000_000));
        }
    }
}

/// A closed standard error is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
