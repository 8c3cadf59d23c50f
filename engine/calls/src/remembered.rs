//! The names of calls that are over: what tells a late leg that it is part of one of them.
//!
//! About 24 bytes for each name, kept as long as the settings say; a leg that is older than all that is remembered may be late too.

use adapters::leg::{KeyKind, Moment};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::assemble::REUSED_GAP_MS;

/// Names of closed calls.
#[derive(Default)]
pub struct Remembered {
    /// By an id, which no other call has: when its call was closed, in seconds since 1970.
    ids: FxHashMap<u64, u32>,
    /// By a name that several calls can have.
    names: FxHashMap<u64, SmallVec<[Closed; 2]>>,
    /// Legs that ended before this may belong to a call whose name was forgotten. `None`: nothing was forgotten yet.
    since: Option<Moment>,
}

/// When a call was, and when it was closed by the log's clock; in seconds since 1970.
#[derive(Clone, Copy, PartialEq)]
struct Closed {
    from_s: u32,
    to_s: u32,
    closed_s: u32,
}

impl Remembered {
    /// Remembers one name of a call that lasted from here to there and is closed now.
    pub fn close(&mut self, kind: KeyKind, key: u64, from: Moment, to: Moment, clock: Moment) {
        if kind == KeyKind::Id {
            self.ids.insert(key, seconds(clock));
            return;
        }
        let closed = Closed { from_s: seconds(from), to_s: seconds(to), closed_s: seconds(clock) };
        let calls = self.names.entry(key).or_default();
        // The same call again, perhaps with more legs than before, or another one at the same time.
        match calls.iter_mut().find(|c| c.from_s <= closed.to_s && closed.from_s <= c.to_s) {
            Some(known) => {
                *known = Closed {
                    from_s: known.from_s.min(closed.from_s),
                    to_s: known.to_s.max(closed.to_s),
                    closed_s: known.closed_s.max(closed.closed_s),
                };
            }
            None => calls.push(closed),
        }
    }

    /// The call of this name is open again. Of a name that several calls can have, another one may still be closed.
    pub fn reopen(&mut self, kind: KeyKind, key: u64) {
        if kind == KeyKind::Id {
            self.ids.remove(&key);
        }
    }

    /// True if a leg with this name, from here to there, may be part of a closed call. A name that is given again counts where
    /// the times touch.
    #[must_use]
    pub fn has(&self, kind: KeyKind, key: u64, from: Moment, to: Moment) -> bool {
        if kind == KeyKind::Id {
            return self.ids.contains_key(&key);
        }
        let gap_s = seconds(Moment(REUSED_GAP_MS)) + 1;
        let touches = |closed: &Closed| {
            seconds(from) <= closed.to_s.saturating_add(gap_s) && closed.from_s <= seconds(to).saturating_add(gap_s)
        };
        self.names.get(&key).is_some_and(|calls| kind != KeyKind::Reused || calls.iter().any(touches))
    }

    /// True if a leg that ended then is older than what is remembered.
    #[must_use]
    pub fn is_before(&self, ended_at: Moment) -> bool {
        self.since.is_some_and(|since| ended_at < since)
    }

    /// Forgets calls that were closed before this moment; and, where there are more names than this, the older half.
    pub fn forget(&mut self, before: Moment, keys_max: usize) {
        let mut limit_s = seconds(before);
        let had = self.len();
        if had > keys_max {
            let mut moments: Vec<u32> = self.ids.values().copied().collect();
            moments.extend(self.names.values().flatten().map(|c| c.closed_s));
            let middle = moments.len() / 2;
            let (_, median, _) = moments.select_nth_unstable(middle);
            limit_s = limit_s.max(median.saturating_add(1));
        }
        self.ids.retain(|_, closed_s| *closed_s >= limit_s);
        self.names.retain(|_, calls| {
            calls.retain(|c| c.closed_s >= limit_s);
            !calls.is_empty()
        });
        if self.len() < had {
            self.since = self.since.max(Some(Moment(i64::from(limit_s) * 1000)));
        }
    }

    /// How many names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len() + self.names.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn seconds(moment: Moment) -> u32 {
    u32::try_from(moment.0.div_euclid(1000).max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Moment = Moment(1_800_000_000_000);

    #[test]
    fn an_id_is_known_for_good_and_a_name_given_again_only_near_its_time() {
        let mut remembered = Remembered::default();
        remembered.close(KeyKind::Id, 1, NOON, NOON.plus_ms(60_000), NOON.plus_ms(3_600_000));
        remembered.close(KeyKind::Reused, 2, NOON, NOON.plus_ms(60_000), NOON.plus_ms(3_600_000));
        remembered.close(KeyKind::Reused, 2, NOON.plus_ms(7_200_000), NOON.plus_ms(7_260_000), NOON.plus_ms(9_600_000));
        let has =
            |kind, key, later_ms| remembered.has(kind, key, NOON.plus_ms(later_ms), NOON.plus_ms(later_ms + 1000));
        assert!(has(KeyKind::Id, 1, 0) && has(KeyKind::Id, 1, 86_400_000));
        assert!(has(KeyKind::Reused, 2, 100_000) && !has(KeyKind::Reused, 2, 600_000));
        assert!(has(KeyKind::Reused, 2, 7_300_000), "a name is given again, and each call with it is remembered");
        remembered.reopen(KeyKind::Id, 1);
        assert!(!remembered.has(KeyKind::Id, 1, NOON, NOON));
        assert!(!remembered.has(KeyKind::Id, 3, NOON, NOON));
    }

    #[test]
    fn what_is_forgotten_leaves_a_mark_before_which_all_may_be_late() {
        let mut remembered = Remembered::default();
        for hour in 0..10i64 {
            remembered.close(KeyKind::Id, hour as u64, NOON, NOON, NOON.plus_ms(hour * 3_600_000));
        }
        remembered.forget(NOON, 10);
        assert!(remembered.len() == 10 && !remembered.is_before(NOON.plus_ms(-86_400_000)));
        remembered.forget(NOON.plus_ms(2 * 3_600_000), 10);
        assert_eq!(remembered.len(), 8);
        assert!(remembered.is_before(NOON.plus_ms(3_600_000)) && !remembered.is_before(NOON.plus_ms(3 * 3_600_000)));
        remembered.forget(NOON, 4);
        assert!(remembered.len() <= 4);
    }
}
