//! One thread counts the engine's epochs while plugins run, so that an endless loop is looked at each millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How often a running plugin is looked at.
pub(crate) const TICK_US: u64 = 1_000;

/// The thread that counts; it sleeps while no plugin runs.
pub(crate) struct Ticker {
    state: Arc<State>,
    thread: Thread,
}

struct State {
    running: AtomicUsize,
    ends: AtomicBool,
}

/// A plugin runs as long as this lives.
pub(crate) struct Running<'t>(&'t State);

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let state = Arc::new(State { running: AtomicUsize::new(0), ends: AtomicBool::new(false) });
        let (engine, of_thread) = (engine.clone(), Arc::clone(&state));
        let handle = thread::Builder::new().name("plugin-ticker".into()).spawn(move || {
            while !of_thread.ends.load(Ordering::Acquire) {
                if of_thread.running.load(Ordering::Acquire) == 0 {
                    thread::park();
                    continue;
                }
                thread::sleep(Duration::from_micros(TICK_US));
                engine.increment_epoch();
            }
        })?;
        Ok(Ticker { state, thread: handle.thread().clone() })
    }

    pub(crate) fn run(&self) -> Running<'_> {
        if self.state.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Running(&self.state)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.ends.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
