//! Plays the company's days into the log: what is due goes in, until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adapters::leg::Moment;
use anyhow::{Context, Result};
use tokio::task::JoinHandle;

use super::books::Books;
use super::feed::Feed;
use super::timing::Pace;
use crate::pipeline::{now, say};

/// How often it is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Records that are looked at in one turn.
const DUE_MAX: usize = 10_000;

/// Lets a day that is still played catch up at once.
#[derive(Clone, Default)]
pub(crate) struct Hurry(Arc<AtomicBool>);

impl Hurry {
    /// Everything that is due up to now goes into the log at once.
    pub(crate) fn up(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The play of one start.
pub(crate) struct Play {
    pub(crate) books: Books,
    pub(crate) feed: Feed,
    pub(crate) pace: Pace,
    pub(crate) hurry: Hurry,
}

/// A play that goes on.
pub(crate) struct Playing {
    is_ending: Arc<AtomicBool>,
    ended: JoinHandle<Result<()>>,
}

impl Play {
    /// Puts everything into the log that is due at once, up to this moment; gives how many records the log has then.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(crate) fn put_at_once(books: &Books, feed: &mut Feed, until: Moment, mut put: impl FnMut(u64)) -> Result<u64> {
        loop {
            let due = feed.due(until, DUE_MAX)?;
            if due.is_empty() {
                return Ok(books.log.records());
            }
            books.put(&due, false)?;
            put(due.len() as u64);
        }
    }

    /// Plays, on a thread of its own.
    pub(crate) fn start(self) -> Playing {
        let is_ending = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_ending);
        Playing { is_ending, ended: tokio::task::spawn_blocking(move || self.run(&told)) }
    }

    fn run(mut self, is_ending: &AtomicBool) -> Result<()> {
        while !is_ending.load(Ordering::Relaxed) {
            let now = now();
            let until = if self.hurry.0.load(Ordering::Relaxed) { now } else { self.pace.due(now) };
            // What is due is read before it is looked whether that was all: what comes later comes at its moment.
            let due = self.feed.due(until, DUE_MAX)?;
            let is_all = due.len() < DUE_MAX;
            self.books.put(&due, self.books.log.is_live())?;
            if is_all && until == now && !self.books.log.is_live() {
                self.books.log.go_live();
                say("the day has caught up: from now on what is shown happens now");
            }
            if is_all {
                std::thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }
}

impl Playing {
    /// Nothing more is put into the log.
    pub(crate) fn stop(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Waits for its end. May be asked again after it was given up.
    ///
    /// # Errors
    /// Why it could not go on.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        (&mut self.ended).await.context("the play stopped")?
    }
}
