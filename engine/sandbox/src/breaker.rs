//! When a plugin that fails again and again is paused, and tried again. Pure: a moment is an argument.

use std::collections::VecDeque;

use crate::handling::{Fault, Handled};

/// So many faults within [`FAULTS_WITHIN_MS`] pause a plugin.
pub const FAULTS_MAX: usize = 5;

/// How near to each other faults have to be to count together.
pub const FAULTS_WITHIN_MS: i64 = 60_000;

/// After so long one event is tried; doubled each time that it is a fault again.
pub const PROBE_AFTER_MS: i64 = 30_000;

/// The longest that a paused plugin is left alone.
pub const PROBE_AFTER_MS_MAX: i64 = 600_000;

/// Counts the faults of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    faults: VecDeque<i64>,
    paused: Option<Paused>,
}

/// Since when a plugin is paused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Since when, in milliseconds since 1970 UTC.
    pub since: i64,
    /// What the last fault said.
    pub why: String,
    /// Faults since it ran well the last time.
    pub faults: u32,
    /// When one event is tried, in milliseconds since 1970 UTC.
    pub probe_at: i64,
    /// How long it was left alone the last time.
    wait_ms: i64,
}

/// Whether a plugin may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayRun {
    /// It runs.
    Yes,
    /// It is paused, and one event may be tried alone.
    Probe,
    /// It is paused.
    No {
        /// When it is to be asked again, in milliseconds since 1970 UTC.
        until: i64,
    },
}

impl Breaker {
    /// Whether the plugin may run now.
    #[must_use]
    pub fn may_run(&self, now: i64) -> MayRun {
        match &self.paused {
            None => MayRun::Yes,
            Some(paused) if now >= paused.probe_at => MayRun::Probe,
            Some(paused) => MayRun::No { until: paused.probe_at },
        }
    }

    /// Takes note of how an event ended. What is our side's fault, or was not tried, says nothing of the plugin.
    pub fn heard(&mut self, handled: &Handled, now: i64) {
        match handled {
            Handled::NotRun | Handled::Fault { kind: Fault::Host, .. } => {}
            Handled::Fault { why, .. } => self.fault(now, why),
            Handled::Done | Handled::Later { .. } | Handled::Failed { .. } => {
                // Before its time it is no probe, but one of the batch that led to the pause.
                if self.paused.as_ref().is_some_and(|paused| now >= paused.probe_at) {
                    self.paused = None;
                }
            }
        }
    }

    /// Since when it is paused and why; `None`: it runs.
    #[must_use]
    pub fn paused(&self) -> Option<&Paused> {
        self.paused.as_ref()
    }

    fn fault(&mut self, now: i64, why: &str) {
        if let Some(paused) = &mut self.paused {
            // Faults of the batch that led to the pause are no probes.
            if now >= paused.probe_at {
                paused.wait_ms = (paused.wait_ms * 2).min(PROBE_AFTER_MS_MAX);
                paused.probe_at = now + paused.wait_ms;
            }
            paused.faults += 1;
            why.clone_into(&mut paused.why);
            return;
        }
        self.faults.push_back(now);
        self.faults.retain(|at| now - at < FAULTS_WITHIN_MS);
        if self.faults.len() >= FAULTS_MAX {
            self.paused = Some(Paused {
                since: now,
                why: why.to_owned(),
                faults: u32::try_from(self.faults.len()).unwrap_or(u32::MAX),
                probe_at: now + PROBE_AFTER_MS,
                wait_ms: PROBE_AFTER_MS,
            });
            self.faults.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault() -> Handled {
        Handled::Fault { kind: Fault::Trap, why: "panicked".into() }
    }

    fn broken(at: i64) -> Breaker {
        let mut breaker = Breaker::default();
        (0..5).for_each(|_| breaker.heard(&fault(), at));
        breaker
    }

    #[test]
    fn five_faults_within_a_minute_pause() {
        let mut breaker = Breaker::default();
        for at in [0, 15_000, 30_000, 45_000, 60_000, 75_000] {
            breaker.heard(&fault(), at);
            assert_eq!(breaker.may_run(at), MayRun::Yes, "at {at}: four within a minute");
        }
        breaker.heard(&fault(), 80_000);
        assert_eq!(breaker.may_run(80_000), MayRun::No { until: 110_000 });
        let paused = breaker.paused().unwrap();
        assert_eq!((paused.since, paused.why.as_str(), paused.faults), (80_000, "panicked", 5));
    }

    #[test]
    fn a_good_event_between_does_not_hide_the_faults() {
        let mut breaker = Breaker::default();
        for at in 0..5 {
            breaker.heard(&Handled::Done, at);
            breaker.heard(&fault(), at);
            breaker.heard(&Handled::Done, at);
        }
        assert_eq!(breaker.may_run(5), MayRun::No { until: 30_004 }, "nor does one of the same batch end the pause");
    }

    #[test]
    fn probes_come_more_and_more_seldom() {
        let mut breaker = broken(0);
        let mut at = 0;
        for wait in [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000] {
            assert_eq!(breaker.may_run(at + wait - 1), MayRun::No { until: at + wait });
            assert_eq!(breaker.may_run(at + wait), MayRun::Probe);
            at += wait;
            breaker.heard(&fault(), at);
        }
        assert_eq!(breaker.paused().unwrap().since, 0);
        assert_eq!(breaker.paused().unwrap().faults, 12);
    }

    #[test]
    fn a_probe_that_goes_well_ends_the_pause() {
        for handled in [Handled::Done, Handled::Later { after_s: 60 }, Handled::Failed { why: "no".into() }] {
            let mut breaker = broken(0);
            breaker.heard(&handled, 30_000);
            assert_eq!(breaker.may_run(30_000), MayRun::Yes);
            breaker.heard(&fault(), 30_001);
            assert_eq!(breaker.may_run(30_001), MayRun::Yes, "the count begins anew");
        }
    }

    #[test]
    fn our_own_faults_are_not_the_plugin_s() {
        let mut breaker = Breaker::default();
        for at in 0..100 {
            breaker.heard(&Handled::Fault { kind: Fault::Host, why: "the office is busy".into() }, at);
            breaker.heard(&Handled::NotRun, at);
        }
        assert_eq!(breaker.may_run(100), MayRun::Yes);
        let mut breaker = broken(0);
        breaker.heard(&Handled::Fault { kind: Fault::Host, why: "the office is busy".into() }, 30_000);
        assert_eq!(breaker.may_run(30_000), MayRun::Probe, "nor do they count as a probe");
    }
}
