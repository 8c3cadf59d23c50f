//! Versions of conclusions: a later conclusion of the same thing has a higher one, whoever draws it.
//!
//! Eight bits of the epoch, 42 of the log's time in milliseconds since 2020, and 14 that count on where one millisecond has many.
//! A successor begins above all that its predecessors can have given, also where what they sent lands later: the register says where
//! each of them began and how far the log's clock has come, and a millisecond of conclusions is far less than a second of versions.

use adapters::leg::Moment;

/// 2020-01-01T00:00:00Z, in milliseconds since 1970.
const SINCE_MS: i64 = 1_577_836_800_000;
const TIME_BITS: u32 = 42;
const LOW_BITS: u32 = 14;

/// The version of a conclusion: the register's epoch, the log's time in milliseconds since 1970, and the low bits of a number that
/// counts on within one millisecond. Later is higher.
#[must_use]
pub fn version(epoch: u8, log_time_ms: i64, number: u64) -> u64 {
    let time = u64::try_from(log_time_ms.saturating_sub(SINCE_MS)).unwrap_or(0).min((1 << TIME_BITS) - 1);
    u64::from(epoch) << (TIME_BITS + LOW_BITS) | time << LOW_BITS | number & ((1 << LOW_BITS) - 1)
}

/// Gives versions that only rise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Versions {
    last: u64,
}

impl Versions {
    /// Above everything that an owner who began above `versions` can have given up to this moment of the log: a second of the log's
    /// time has room for 16 million conclusions.
    #[must_use]
    pub fn after(epoch: u8, clock: Moment, versions: u64) -> Versions {
        let begun = Versions::above(versions.max(version(epoch, clock.0, 0)));
        Versions::above(begun.last.saturating_add(1000 << LOW_BITS))
    }

    /// Above everything that was given before.
    #[must_use]
    pub fn above(last: u64) -> Versions {
        Versions { last }
    }

    /// The last one that was given.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The version of what is concluded at this moment of the log.
    pub fn next(&mut self, epoch: u8, clock: Moment) -> u64 {
        let now = version(epoch, clock.0, 0);
        self.last = now.max(self.last.saturating_add(1));
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_is_higher() {
        let t = SINCE_MS + 1000;
        assert!(version(0, t, 5) < version(0, t, 6));
        assert!(version(0, t, (1 << 14) - 1) < version(0, t + 1, 0));
        assert!(version(0, i64::MAX, u64::MAX) < version(1, 0, 0));
        assert_eq!(version(0, i64::MIN, 0), 0);
    }

    #[test]
    fn versions_rise_with_the_epoch_the_time_and_by_themselves() {
        let mut versions = Versions::above(0);
        let noon = Moment(1_800_000_000_000);
        let first = versions.next(0, noon);
        let same = versions.next(0, noon);
        let earlier = versions.next(0, noon.plus_ms(-5000));
        let later = versions.next(0, noon.plus_ms(1));
        let anew = versions.next(1, noon.plus_ms(-1_000_000));
        assert!(first < same && same < earlier && earlier < later && later < anew);
        assert_eq!(later - first, 1 << LOW_BITS);
        assert_eq!(anew >> (TIME_BITS + LOW_BITS), 1);
        assert_eq!(Versions::above(anew).next(0, noon), anew + 1);
    }

    #[test]
    fn a_successor_begins_above_its_predecessors_at_any_time_of_the_log() {
        let noon = Moment(1_800_000_000_000);
        let mut first = Versions::after(0, noon, 0);
        let begun = first.last();
        let told: Vec<u64> = (0..1000).map(|n| first.next(0, noon.plus_ms(n / 100))).collect();
        let second = Versions::after(0, noon.plus_ms(9), begun);
        assert!(told.iter().all(|version| *version < second.last()));
        // The log's clock stands still, and nothing of the second was stored.
        assert!(second.last() < Versions::after(0, noon.plus_ms(9), second.last()).last());
        assert!(Versions::after(1, noon, 0).last() > Versions::after(0, noon, 0).last());
    }
}
