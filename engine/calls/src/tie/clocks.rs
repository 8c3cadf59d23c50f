//! By how much the clock of one exchange is ahead of another's, measured on the calls between them.
//!
//! An observation is a pair of halves of which each is the other's only candidate: same caller, same digits, same length,
//! within ten minutes. The estimate for an hour is the median of the observations around it. Both are functions of the set of halves.

use std::collections::{BTreeMap, HashMap};

use adapters::leg::{LegId, Moment};

/// Clocks that are further apart than this are not measured, in milliseconds: the site file tells them.
pub(crate) const CLOCKS_APART_MAX_MS: i64 = 600_000;

/// Fewer observations say nothing.
const OBSERVED_MIN: usize = 3;

/// So many observations are kept of two exchanges; the oldest go first.
const OBSERVED_MAX: usize = 20_000;

const MS_PER_HOUR: i64 = 3_600_000;

/// What was observed between two exchanges.
#[derive(Default)]
pub(crate) struct Clocks {
    /// By the half that left: in which hour, and by how much the other's clock was ahead, in milliseconds.
    observed: HashMap<u128, (i64, i64)>,
    /// The differences of each hour, with the one before and the one after it, sorted.
    around: BTreeMap<i64, Vec<i64>>,
    /// The differences of each hour.
    own: BTreeMap<i64, Vec<(i64, u128)>>,
}

pub(crate) fn hour(at: Moment) -> i64 {
    at.0.div_euclid(MS_PER_HOUR)
}

impl Clocks {
    /// Notes what the half `left` says, in place of what it said before.
    pub(crate) fn observe(&mut self, left: LegId, at: Moment, ahead_ms: i64) {
        let hour = hour(at);
        if self.observed.get(&left.0) == Some(&(hour, ahead_ms)) {
            return;
        }
        self.forget(left);
        self.observed.insert(left.0, (hour, ahead_ms));
        self.own.entry(hour).or_default().push((ahead_ms, left.0));
        for near in hour - 1..=hour + 1 {
            let sorted = self.around.entry(near).or_default();
            let at = sorted.partition_point(|d| *d < ahead_ms);
            sorted.insert(at, ahead_ms);
        }
        while self.observed.len() > OBSERVED_MAX {
            let Some((_, oldest)) = self.own.first_key_value() else { break };
            for (_, left) in oldest.clone() {
                self.forget(LegId(left));
            }
        }
    }

    /// The half `left` has no only candidate any more.
    pub(crate) fn forget(&mut self, left: LegId) {
        let Some((hour, ahead_ms)) = self.observed.remove(&left.0) else { return };
        if let Some(own) = self.own.get_mut(&hour) {
            own.retain(|(_, id)| *id != left.0);
            if own.is_empty() {
                self.own.remove(&hour);
            }
        }
        for near in hour - 1..=hour + 1 {
            if let Some(sorted) = self.around.get_mut(&near) {
                if let Ok(at) = sorted.binary_search(&ahead_ms) {
                    sorted.remove(at);
                }
                if sorted.is_empty() {
                    self.around.remove(&near);
                }
            }
        }
    }

    /// By how much the other's clock is ahead in this hour, in milliseconds; of hours with few observations, by those of the
    /// fewest hours around that have enough.
    pub(crate) fn ahead_ms(&self, hour: i64) -> Option<i64> {
        if let Some(sorted) = self.around.get(&hour).filter(|s| s.len() >= OBSERVED_MIN) {
            return middle(sorted);
        }
        if self.observed.len() < OBSERVED_MIN {
            return None;
        }
        let mut wide = 2;
        loop {
            let hours = self.own.range(hour.saturating_sub(wide)..=hour.saturating_add(wide));
            let mut found: Vec<i64> = hours.flat_map(|(_, own)| own.iter().map(|(ahead, _)| *ahead)).collect();
            if found.len() >= OBSERVED_MIN {
                found.sort_unstable();
                return middle(&found);
            }
            wide = wide.saturating_mul(2);
        }
    }
}

/// The lower of two in the middle.
pub(crate) fn middle(sorted: &[i64]) -> Option<i64> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_that_of_the_hours_around() {
        let mut clocks = Clocks::default();
        for (number, (hour, ahead)) in
            [(0, 1000), (0, 2000), (1, 9000), (30, 40_000), (30, 41_000)].into_iter().enumerate()
        {
            assert_eq!(clocks.ahead_ms(0).is_some(), number >= 3);
            clocks.observe(LegId(number as u128), Moment(hour * MS_PER_HOUR), ahead);
        }
        assert_eq!(clocks.ahead_ms(0), Some(2000));
        // Two of that hour, and the nearest others within twice as many hours.
        assert_eq!(clocks.ahead_ms(30), Some(9000));
        clocks.observe(LegId(5), Moment(31 * MS_PER_HOUR), 42_000);
        assert_eq!(clocks.ahead_ms(30), Some(41_000));
        clocks.observe(LegId(5), Moment(31 * MS_PER_HOUR), 40_000);
        assert_eq!(clocks.ahead_ms(30), Some(40_000));
        // Two are left around the first hour: those of a day later help.
        clocks.forget(LegId(1));
        clocks.forget(LegId(1));
        assert_eq!(clocks.ahead_ms(0), Some(40_000));
    }

    #[test]
    fn the_oldest_go_first() {
        let mut clocks = Clocks::default();
        for number in 0..OBSERVED_MAX as i64 + 10 {
            clocks.observe(LegId(number as u128), Moment(number * 1000), number);
        }
        assert!(clocks.observed.len() <= OBSERVED_MAX);
        assert_eq!(clocks.observed.len(), clocks.own.values().map(Vec::len).sum::<usize>());
        assert!(clocks.own.first_key_value().is_some_and(|(hour, _)| *hour > 0));
    }
}
