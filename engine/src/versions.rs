//! The versions of conclusions: a function of the log and of how far it was read, so that a repeat gives the same ones.
//!
//! A version is the log's time and the number of steps of reading, as one number (`store::version`). The spool keeps its times so
//! far apart that this number only grows: while one log is read, and from a log to the same one with more in it.
//! Between the times of two appends lie numbers that no conclusion of this reading has. A row with one of them was concluded
//! when the log was shorter, or with other settings, and this reading did not come to it again: the call has another name now.

use adapters::leg::Moment;

/// Where the reading of a log stands.
pub(crate) struct Versions {
    clock: Moment,
    steps: u64,
    gaps: Vec<(u64, u64)>,
}

impl Versions {
    /// The beginning of a log that is read with settings which are in force since this moment.
    pub(crate) fn from(at: Moment) -> Versions {
        let mut versions = Versions { clock: at, steps: 0, gaps: Vec::new() };
        versions.gaps.push((0, versions.now()));
        versions
    }

    /// So many records were read; one of them reached the log at this moment, and none later.
    pub(crate) fn read(&mut self, records: u64, logged_at: Moment) {
        let before = self.now();
        let rises = logged_at > self.clock;
        self.clock = self.clock.max(logged_at);
        // A source that has ended is a step too: what it lets go must not look as if it had been let go before.
        self.steps += records + 1;
        if rises {
            self.gaps.push((before + 1, self.now()));
        }
    }

    /// The log has ended: what is concluded now could turn if it went on.
    pub(crate) fn end(&mut self) {
        self.steps += 1;
    }

    /// The version of what is concluded now.
    pub(crate) fn now(&self) -> u64 {
        store::version(0, self.clock.0, 0) + self.steps
    }

    /// The log's time.
    pub(crate) fn clock(&self) -> Moment {
        self.clock
    }

    /// Versions that no conclusion of this reading has: from, and up to but without.
    pub(crate) fn gaps(&self) -> Vec<(u64, u64)> {
        let mut gaps = self.gaps.clone();
        gaps.push((self.now() + 1, u64::MAX));
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(version: u64, gaps: &[(u64, u64)]) -> bool {
        gaps.iter().any(|(from, to)| (*from..*to).contains(&version))
    }

    #[test]
    fn what_only_a_shorter_log_concluded_is_in_a_gap() {
        const DAY: Moment = Moment(1_800_000_000_000);
        let mut short = Versions::from(DAY);
        short.read(10, DAY);
        let drained = short.now();
        short.read(10, DAY);
        short.end();
        let finished = short.now();

        let mut grown = Versions::from(DAY);
        grown.read(10, DAY);
        assert_eq!(grown.now(), drained, "the same beginning gives the same versions");
        grown.read(10, DAY);
        grown.read(5, DAY.plus_ms(1));
        let later = grown.now();
        grown.end();
        assert!(drained < finished && finished < later && later < grown.now());
        let gaps = grown.gaps();
        assert!(is_in(finished, &gaps));
        assert!(!is_in(drained, &gaps) && !is_in(later, &gaps) && !is_in(grown.now(), &gaps));
    }

    #[test]
    fn other_settings_leave_nothing_of_before() {
        const DAY: Moment = Moment(1_800_000_000_000);
        let mut before = Versions::from(DAY);
        before.read(10, DAY);
        let mut after = Versions::from(DAY.plus_ms(5));
        after.read(10, DAY);
        assert!(after.now() > before.now());
        assert!(is_in(before.now(), &after.gaps()));
    }
}
