//! A `run` that goes on, with the lines of its standard error as they come. It ends with the test, however that ends.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::process::{signal, wait_until};

pub struct Started {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Started {
    pub fn of(command: &mut Command) -> Started {
        let mut process = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        Started { process, lines }
    }

    /// The next line that has this in it.
    pub fn wait_for(&mut self, word: &str) -> String {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("it ended before it said `{word}`"))
    }

    /// Tells it to end; its code, and its last line.
    pub fn end(&mut self) -> (Option<i32>, String) {
        signal("TERM", self.process.id());
        let mut status = None;
        wait_until("the end of the process", || {
            status = self.process.try_wait().expect("waited");
            status.is_some()
        });
        let last = self.lines.by_ref().map_while(Result::ok).last().unwrap_or_default();
        (status.and_then(|status| status.code()), last)
    }

    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
