//! What became of an event in a plugin.

use crate::action::Asked;

/// What became of one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Handling {
    /// How it ended.
    pub handled: Handled,
    /// What is to be done, in the order of asking; empty unless done.
    pub asked: Vec<Asked>,
    /// Keys of the plugin's state and their new values, `None` where deleted, each key once; empty unless done.
    pub state: Vec<(String, Option<Vec<u8>>)>,
    /// What it logged; lines of a batch stand at its first event.
    pub log: Vec<(Level, String)>,
    /// Why something was refused, in the order of asking; also where the event is done.
    pub refused: Vec<String>,
    /// CPU in microseconds, in a batch its share; by the wall where it took less than a tick of a millisecond.
    pub cpu_us: u64,
    /// Memory of the instance afterwards, in bytes.
    pub memory_bytes: usize,
}

/// How an event ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// What it asked for and changed counts.
    Done,
    /// Again, after so many seconds.
    Later {
        /// Seconds.
        after_s: u32,
    },
    /// The plugin gives up on it.
    Failed {
        /// The plugin's text.
        why: String,
    },
    /// The plugin was stopped.
    Fault {
        /// What stopped it.
        kind: Fault,
        /// What happened, and what to do.
        why: String,
    },
    /// Not tried, because too many before it were faults: give it again when the plugin is not paused.
    NotRun,
}

/// What stopped a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It used more CPU than one event may.
    Loop,
    /// It wanted more memory than it may have.
    Memory,
    /// It called itself too deeply, or reached outside of its memory.
    Stack,
    /// It stopped itself: a panic, an exception, an abort.
    Trap,
    /// It asked for more than one event may.
    Output,
    /// It keeps more than it may.
    State,
    /// It did not answer once for each event.
    Answers,
    /// It named an event that is not in the batch.
    Cause,
    /// It used what was not granted, in a function that cannot refuse.
    NotGranted,
    /// Our side: the plugin is not to blame. The event is given again.
    Host,
}

impl Fault {
    /// As logs and figures call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Loop => "loop",
            Fault::Memory => "memory",
            Fault::Stack => "stack",
            Fault::Trap => "trap",
            Fault::Output => "output",
            Fault::State => "state",
            Fault::Answers => "answers",
            Fault::Cause => "cause",
            Fault::NotGranted => "not_granted",
            Fault::Host => "host",
        }
    }
}

/// How much a line of a plugin's log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever writes the plugin.
    Debug,
    /// For whoever wants to know.
    Info,
    /// Somebody should look.
    Warn,
    /// Something went wrong.
    Error,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}
