//! CPU instead of wall time: a plugin is not stopped because the machine was busy.
//!
//! Asking the system for a thread's CPU costs as much as a small event, so it is asked only once a call has lasted for a tick.

use std::time::Instant;

use crate::ticker::TICK_US;

/// What one call into a plugin uses.
pub(crate) struct Meter {
    began: Instant,
    budget_us: u64,
    ticked: Option<Ticked>,
}

/// What was known at the first tick.
#[derive(Clone, Copy)]
struct Ticked {
    /// CPU of the thread, in microseconds.
    cpu_us: u64,
    /// Of the call until then, in microseconds: at most a tick, the rest was others' time.
    before_us: u64,
}

impl Meter {
    pub(crate) fn start(budget_us: u64) -> Meter {
        Meter { began: Instant::now(), budget_us, ticked: None }
    }

    /// Takes note of a tick, and says how much may still be used, in microseconds.
    pub(crate) fn tick(&mut self) -> u64 {
        let cpu_us = thread_us();
        let wall_us = self.wall_us();
        let ticked = *self.ticked.get_or_insert(Ticked { cpu_us, before_us: wall_us.min(TICK_US) });
        self.budget_us.saturating_sub(cpu_us.saturating_sub(ticked.cpu_us))
    }

    /// Microseconds of CPU until now; by the wall where no tick came.
    pub(crate) fn used_us(&self) -> u64 {
        match self.ticked {
            None => self.wall_us(),
            Some(ticked) => thread_us().saturating_sub(ticked.cpu_us).saturating_add(ticked.before_us),
        }
    }

    fn wall_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Microseconds of CPU that this thread has used.
fn thread_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock writes into the place that it is given, and that is ours.
    let told = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if told != 0 {
        return 0;
    }
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000
}
