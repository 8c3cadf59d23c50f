//! What of a company's time is told at which moment of ours. Pure: both clocks are arguments.
//!
//! All but the last day comes at once. The last day is played faster than life until it has caught up with now; from then on what is told
//! happens now.

use adapters::leg::Moment;

const DAY_MS: i64 = 86_400_000;

/// How a day is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// When the play began, by the wall clock.
    began_at: Moment,
    /// Up to where the company's time had been told then.
    from: Moment,
    /// Milliseconds of the company's time in one of ours.
    speed: i64,
}

/// Up to where the company's time is told at once: to a day before now; or to where it had been told, if that is later.
pub(crate) fn at_once_until(told: Option<Moment>, now: Moment) -> Moment {
    let day_ago = now.plus_ms(-DAY_MS);
    told.map_or(day_ago, |told| told.max(day_ago))
}

impl Pace {
    /// From here on, so that a whole day takes `day_ms` of ours.
    pub(crate) fn of(from: Moment, now: Moment, day_ms: i64) -> Pace {
        Pace { began_at: now, from: from.min(now), speed: (DAY_MS / day_ms.max(1)).max(1) }
    }

    /// Up to where the company's time is due: never later than now, and never earlier than before.
    pub(crate) fn due(&self, now: Moment) -> Moment {
        let passed = now.ms_since(self.began_at).max(0);
        // What has passed of ours has passed of theirs, too.
        self.from.plus_ms(passed.saturating_mul(self.speed.saturating_add(1))).min(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_795_800_000_000);

    #[test]
    fn all_but_a_day_is_told_at_once_and_nothing_again() {
        let day_ago = NOW.plus_ms(-DAY_MS);
        assert_eq!(at_once_until(None, NOW), day_ago);
        assert_eq!(at_once_until(Some(NOW.plus_ms(-3 * DAY_MS)), NOW), day_ago, "it was away for three days");
        let hour_ago = NOW.plus_ms(-3_600_000);
        assert_eq!(at_once_until(Some(hour_ago), NOW), hour_ago, "it was away for an hour");
    }

    #[test]
    fn a_day_takes_three_minutes_and_is_never_ahead_of_now() {
        let pace = Pace::of(NOW.plus_ms(-DAY_MS), NOW, 180_000);
        let after = |s: i64| {
            let now = NOW.plus_ms(s * 1000);
            (now.ms_since(pace.due(now)) / 60_000, pace.due(now) == now)
        };
        assert_eq!(after(0), (1440, false));
        assert_eq!(after(90), (720, false), "half of it in half the time");
        assert_eq!(after(179), (8, false));
        assert_eq!(after(180), (0, true));
        assert_eq!(after(100_000), (0, true), "from then on it is now");
        let mut before = Moment(i64::MIN);
        for ms in (0..200_000).step_by(97) {
            let now = NOW.plus_ms(ms);
            let due = pace.due(now);
            assert!(due >= before && due <= now);
            before = due;
        }
    }

    #[test]
    fn a_gap_is_played_as_fast_and_a_clock_that_goes_back_undoes_nothing() {
        let pace = Pace::of(NOW.plus_ms(-3_600_000), NOW, 180_000);
        let is_now = |ms: i64| pace.due(NOW.plus_ms(ms)) == NOW.plus_ms(ms);
        assert!(!is_now(7_000) && is_now(8_000), "an hour takes 7.5 s");
        assert_eq!(pace.due(NOW.plus_ms(-5_000)), NOW.plus_ms(-3_600_000));
        let ahead = Pace::of(NOW.plus_ms(5_000), NOW, 180_000);
        assert_eq!(ahead.due(NOW), NOW, "what was told by a clock that was ahead is not told of again");
    }
}
