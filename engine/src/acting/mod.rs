//! What acts beside the pipeline of `ringback run`, and of a demo with a company of its own: plugins hear what was told to the office, deliver does what they ask for, and what
//! came of it goes into the company's log.

mod figures;
mod forgetting;
mod freshness;
mod outbox;
mod raw;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use adapters::leg::Moment;
use anyhow::{Context, Result};
use deliver::{Doing, Driver};
use runner::{Limits, Runner};
use store::Store;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::installation::Installation;
use crate::pipeline::telling::{Heard, Since, Teller};
use crate::pipeline::{Progress, failpoint, now, say};
pub(crate) use figures::Figures;
#[cfg(test)]
pub(crate) use figures::tests as figures_tests;
pub(crate) use freshness::Freshness;
pub(crate) use outbox::Outlet;

/// However quiet it is, plugins' timers and what was put off are looked for so often.
const TURN_EVERY: Duration = Duration::from_millis(200);

/// What the pipeline needs of it.
pub(crate) struct Acting {
    pub(crate) teller: Teller,
    pub(crate) freshness: Arc<Freshness>,
    /// Plugins are asked to finish what is in the queue.
    runner: std::thread::JoinHandle<()>,
    is_ending: Arc<AtomicBool>,
    bell: Arc<Bell>,
}

/// What it needs.
pub(crate) struct Needs<'n> {
    pub(crate) installation: &'n Installation,
    /// The way of what the office has for the companies' logs.
    pub(crate) outlet: Box<dyn Outlet>,
    /// What is older, in milliseconds, and waited for by nobody is taken out of the office.
    pub(crate) keep_ms: i64,
    /// Records have the moments of their making, and not those of their coming.
    pub(crate) is_history: bool,
    /// Calls that ended before this moment are history: plugins hear nothing of them.
    pub(crate) acts_from: Moment,
    pub(crate) store: Store,
    pub(crate) progress: Arc<Progress>,
    pub(crate) runtime: &'n Handle,
}

/// Rings when there is something for plugins to do.
#[derive(Default)]
struct Bell {
    has_rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_one();
    }

    fn wait(&self, at_most: Duration) {
        let has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.heard.wait_timeout_while(has_rung, at_most, |has_rung| !*has_rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

impl Acting {
    /// Starts what acts. Plugins that are installed are loaded before it returns, so that nothing is told that they would have heard.
    ///
    /// # Errors
    /// If the office cannot be opened, or what the settings say cannot be.
    pub(crate) fn start(needs: Needs<'_>) -> Result<Acting> {
        let Needs { installation, outlet, keep_ms, is_history, acts_from, store, progress, runtime } = needs;
        let office = installation.office()?;
        let directories = installation.directories()?;
        let freshness = Arc::new(Freshness::default());
        let raw = Arc::new(raw::StoredRecords::new(store, runtime.clone()));
        let parts = runner::Parts {
            office: office.clone(),
            sandbox: installation.sandbox()?,
            folder: installation.plugins(),
            told: installation.told(),
            directories: directories.clone(),
            raw,
        };
        let mut runner = Runner::new(parts, Limits::default());
        let (heard, bell, dial_bell) = (Heard::default(), Arc::new(Bell::default()), Arc::new(Notify::new()));
        runner.turn(&[], now().0)?.said.iter().for_each(|said| say(said));
        let figures = progress.figures();
        figures.stopped(runner.stopped());
        figures.watch(office.clone());
        heard.set(runner.heard_kinds());
        let is_ending = Arc::new(AtomicBool::new(false));
        let rung = Arc::clone(&bell);
        let since = Since { acts_from, is_history };
        let teller = Teller::start(office.clone(), heard.clone(), since, progress, move || rung.ring())?;
        let work = Work {
            runner,
            heard,
            figures,
            bell: Arc::clone(&bell),
            dial_bell: Arc::clone(&dial_bell),
            freshness: Arc::clone(&freshness),
            is_ending: Arc::clone(&is_ending),
        };
        let runner = std::thread::Builder::new().name("plugins".to_owned()).spawn(move || work.run());
        let runner = runner.context("cannot start a thread")?;
        let doing = Doing::new(&installation.ways()).context("deliver")?;
        installation.ways_told().iter().for_each(|told| say(told));
        let driver = Driver::new(deliver::driver::Parts {
            office: office.clone(),
            settings: installation.config.deliver.clone(),
            directories,
            known: Arc::<Freshness>::clone(&freshness),
            doing,
            holder: holder(),
            say,
            reach: failpoint::reach,
        });
        runtime.spawn(driver.run(dial_bell));
        outbox::start(office.clone(), outlet, Arc::clone(&freshness))?;
        // Of history, what is told is as old as its records, and was old when it came.
        if !is_history {
            forgetting::start(office, keep_ms)?;
        }
        Ok(Acting { teller, freshness, runner, is_ending, bell })
    }

    /// Lets plugins finish what is in the queue.
    pub(crate) fn end(self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.bell.ring();
        let _ = self.runner.join();
    }
}

/// The thread in which plugins run.
struct Work {
    runner: Runner,
    heard: Heard,
    figures: Figures,
    bell: Arc<Bell>,
    dial_bell: Arc<Notify>,
    freshness: Arc<Freshness>,
    is_ending: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self) {
        loop {
            let is_ending = self.is_ending.load(Ordering::Relaxed);
            let tenants = self.freshness.tenants();
            match self.runner.turn(&tenants, now().0) {
                Ok(turn) => {
                    turn.said.iter().for_each(|said| say(said));
                    self.heard.set(self.runner.heard_kinds());
                    self.figures.stopped(self.runner.stopped());
                    if turn.asked > 0 {
                        self.dial_bell.notify_one();
                    }
                    if turn.has_more {
                        continue;
                    }
                }
                Err(error) => say(&format!("plugins: the office: {error}")),
            }
            if is_ending {
                return;
            }
            self.bell.wait(TURN_EVERY);
        }
    }
}

/// Names this process in claims: two that run one after the other are not the same.
fn holder() -> String {
    format!("{}-{:08x}", std::process::id(), now().0 & 0xffff_ffff)
}
