//! Watermarks: for each PBX, and for the tenant, the moment up to which we believe to have every record of what ended.
//!
//! A window is closed by it, and nothing else: calls end by the log's clock, and what comes later is late and changes the window again.
//! A PBX whose clock is ahead is corrected by how much the log shows it to be; one that is behind, or that sends late, needs no correction,
//! since its own moments are behind with it.

use std::collections::BTreeMap;

use adapters::leg::{Moment, Text};

/// No source is believed sooner than this after the end of what it tells, in milliseconds.
pub const BOUND_MIN_MS: i64 = 60_000;

/// A source that was silent for so long holds nobody up any more, in milliseconds.
pub const IDLE_AFTER_MS: i64 = 300_000;

/// A moment is in the future if it is further ahead of the log's clock than this, in milliseconds.
const AHEAD_MAX_MS: i64 = 5_000;

/// How long a clock's skew is remembered, in minutes of the log's clock.
const SKEW_MINUTES: usize = 60;

/// A skew is believed when two minutes tell it, up to this difference, in milliseconds: one wrong stamp is no skew.
const SKEW_AGREES_MS: i64 = 60_000;

/// No clock is further ahead than a wrong zone can put it, in milliseconds: what is, is a wrong stamp.
const SKEW_MAX_MS: i64 = 26 * 3_600_000;

const MINUTE_MS: i64 = 60_000;

/// The watermarks of one tenant.
#[derive(Clone, Debug)]
pub struct Watermarks {
    idle_after_ms: i64,
    pbxes: BTreeMap<Text, Source>,
    clock: Option<Moment>,
    at: Option<Moment>,
}

/// What is known of one PBX.
#[derive(Clone, Debug, PartialEq)]
pub struct PbxWatermark {
    /// The exchange.
    pub pbx: Text,
    /// Everything that ended before has been seen, but for what is late.
    pub at: Moment,
    /// How far its clock is ahead, in milliseconds; 0 where it is not.
    pub ahead_ms: i64,
    /// Stamps that were in the future all the same, and were taken for the log's moment.
    pub future_stamps: u64,
    /// It has been silent for so long that it holds nobody up.
    pub is_idle: bool,
    /// When its last record reached the log.
    pub logged_at: Moment,
}

#[derive(Clone, Debug)]
struct Source {
    ended_at: Moment,
    logged_at: Moment,
    bound_ms: i64,
    ahead_ms: i64,
    future_stamps: u64,
    /// The smallest (log time - end time) of each minute of the log's clock that had a record, the latest last.
    minutes: Vec<(i64, i64)>,
}

impl Default for Watermarks {
    fn default() -> Self {
        Watermarks::new(IDLE_AFTER_MS)
    }
}

impl Watermarks {
    /// Nothing seen. A PBX that was silent for `idle_after_ms` of the log's clock leaves the minimum.
    #[must_use]
    pub fn new(idle_after_ms: i64) -> Watermarks {
        Watermarks { idle_after_ms, pbxes: BTreeMap::new(), clock: None, at: None }
    }

    /// A record of this PBX told of something that ended (or was told last) at `ended_at`, and reached the log at `logged_at`.
    /// `delay_s` is how late its adapter's records usually come.
    pub fn saw(&mut self, pbx: &str, ended_at: Moment, logged_at: Moment, delay_s: u32) {
        let bound_ms = (i64::from(delay_s) * 1000).max(BOUND_MIN_MS);
        let source = match self.pbxes.get_mut(pbx) {
            Some(known) => known,
            None => self.pbxes.entry(pbx.into()).or_insert_with(|| Source::new(logged_at)),
        };
        source.bound_ms = source.bound_ms.max(bound_ms);
        source.logged_at = source.logged_at.max(logged_at);
        let corrected = ended_at.plus_ms(-source.ahead_ms);
        let is_future = corrected.ms_since(logged_at) > AHEAD_MAX_MS;
        source.future_stamps += u64::from(is_future);
        source.ended_at = source.ended_at.max(if is_future { logged_at } else { corrected });
        source.learn(logged_at, logged_at.ms_since(ended_at));
        self.clock = self.clock.max(Some(logged_at));
    }

    /// The log's clock: also when nothing comes.
    pub fn advance(&mut self, clock: Moment) {
        let clock = self.clock.max(Some(clock)).unwrap_or(clock);
        self.clock = Some(clock);
        let active = self.pbxes.values().filter(|s| !s.is_idle(clock, self.idle_after_ms)).map(Source::at).min();
        // If all are silent, what they could still tell is no older than the silence.
        let silent = || {
            let bound_ms = self.pbxes.values().map(|s| s.bound_ms).max()?;
            Some(clock.plus_ms(-self.idle_after_ms).plus_ms(-bound_ms))
        };
        self.at = self.at.max(active.or_else(silent));
    }

    /// The tenant's: the least of its active PBXs'. It never goes back.
    #[must_use]
    pub fn at(&self) -> Option<Moment> {
        self.at
    }

    /// The moment of the log's clock at which the tenant's rises by the clock alone, if nothing more comes, and gets as far as `wanted`
    /// or shows that it cannot: a PBX falls silent, or all of them are.
    #[must_use]
    pub fn rises_at(&self, wanted: Moment) -> Option<Moment> {
        let clock = self.clock?;
        let active = self.pbxes.values().filter(|s| !s.is_idle(clock, self.idle_after_ms));
        match active.map(|s| s.logged_at).min() {
            Some(logged_at) => Some(logged_at.plus_ms(self.idle_after_ms + 1)),
            None => {
                let bound_ms = self.pbxes.values().map(|s| s.bound_ms).max()?;
                Some(wanted.plus_ms(self.idle_after_ms + bound_ms))
            }
        }
    }

    /// Of each PBX, by id.
    pub fn per_pbx(&self) -> impl Iterator<Item = PbxWatermark> {
        self.pbxes.iter().map(|(pbx, source)| PbxWatermark {
            pbx: pbx.clone(),
            at: source.at(),
            ahead_ms: source.ahead_ms,
            future_stamps: source.future_stamps,
            is_idle: self.clock.is_some_and(|clock| source.is_idle(clock, self.idle_after_ms)),
            logged_at: source.logged_at,
        })
    }
}

impl Source {
    fn new(logged_at: Moment) -> Source {
        Source {
            ended_at: Moment(i64::MIN),
            logged_at,
            bound_ms: BOUND_MIN_MS,
            ahead_ms: 0,
            future_stamps: 0,
            minutes: Vec::new(),
        }
    }

    fn at(&self) -> Moment {
        self.ended_at.plus_ms(-self.bound_ms)
    }

    fn is_idle(&self, clock: Moment, idle_after_ms: i64) -> bool {
        clock.ms_since(self.logged_at) > idle_after_ms
    }

    /// What this record says of the skew: its end is no later than the moment at which it was logged.
    fn learn(&mut self, logged_at: Moment, lag_ms: i64) {
        if lag_ms < -SKEW_MAX_MS {
            return;
        }
        let minute = logged_at.0.div_euclid(MINUTE_MS);
        match self.minutes.last_mut() {
            Some((last, least_ms)) if *last >= minute => {
                if *least_ms <= lag_ms {
                    return;
                }
                *least_ms = lag_ms;
            }
            _ => {
                self.minutes.push((minute, lag_ms));
                self.minutes.retain(|(told, _)| minute - *told < SKEW_MINUTES as i64);
            }
        }
        // A clock of which no minute tells that it is ahead is not.
        if self.minutes.iter().all(|(_, least_ms)| *least_ms >= 0) {
            self.ahead_ms = 0;
            return;
        }
        let mut least: Vec<i64> = self.minutes.iter().map(|(_, least_ms)| *least_ms).collect();
        least.sort_unstable();
        let told = least.windows(2).find(|pair| pair[1] - pair[0] <= SKEW_AGREES_MS).map(|pair| pair[0]);
        self.ahead_ms = told.map_or(0, |least_ms| (-least_ms).max(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: i64 = 1_800_000_000_000;

    /// A record every ten seconds for `seconds`, told two seconds after its end by a clock that is `ahead_ms` ahead.
    fn run(watermarks: &mut Watermarks, pbx: &str, from_s: i64, seconds: i64, ahead_ms: i64) {
        for second in (from_s..from_s + seconds).step_by(10) {
            let logged_at = Moment(LOG + second * 1000);
            watermarks.saw(pbx, logged_at.plus_ms(ahead_ms - 2_000), logged_at, 5);
            watermarks.advance(logged_at);
        }
    }

    fn at_s(watermarks: &Watermarks) -> i64 {
        watermarks.at().unwrap().ms_since(Moment(LOG)) / 1000
    }

    fn of(watermarks: &Watermarks, pbx: &str) -> PbxWatermark {
        watermarks.per_pbx().find(|p| p.pbx == pbx).unwrap()
    }

    #[test]
    fn nothing_seen_is_no_watermark() {
        let mut watermarks = Watermarks::default();
        watermarks.advance(Moment(LOG));
        assert_eq!(watermarks.at(), None);
    }

    #[test]
    fn it_is_a_bound_behind_the_last_end() {
        let mut watermarks = Watermarks::default();
        run(&mut watermarks, "a", 0, 100, 0);
        assert_eq!(at_s(&watermarks), 90 - 2 - 60);
        watermarks.saw("a", Moment(LOG + 88_000), Moment(LOG + 91_000), 200);
        assert_eq!(of(&watermarks, "a").at, Moment(LOG + 88_000 - 200_000), "an adapter that is later is waited for");
        assert_eq!(at_s(&watermarks), 28, "it never goes back");
    }

    #[test]
    fn the_slowest_of_those_that_speak_decides() {
        let mut watermarks = Watermarks::new(300_000);
        run(&mut watermarks, "a", 0, 60, 0);
        run(&mut watermarks, "b", 0, 280, 0);
        assert_eq!(at_s(&watermarks), 50 - 2 - 60);
        assert!(!of(&watermarks, "a").is_idle);
        run(&mut watermarks, "b", 280, 100, 0);
        assert!(of(&watermarks, "a").is_idle);
        assert_eq!(at_s(&watermarks), 370 - 2 - 60);
        // It speaks again, of what was before: that is late, and the tenant's does not go back.
        watermarks.saw("a", Moment(LOG + 100_000), Moment(LOG + 371_000), 5);
        watermarks.advance(Moment(LOG + 371_000));
        assert_eq!(at_s(&watermarks), 370 - 2 - 60);
        assert!(!of(&watermarks, "a").is_idle);
    }

    #[test]
    fn if_all_are_silent_the_clock_goes_on() {
        let mut watermarks = Watermarks::new(300_000);
        run(&mut watermarks, "a", 0, 60, 0);
        watermarks.advance(Moment(LOG + 350_000));
        assert_eq!(at_s(&watermarks), 50 - 2 - 60, "silent for 300 s, which is not more than 300");
        watermarks.advance(Moment(LOG + 3_600_000));
        assert_eq!(at_s(&watermarks), 3600 - 300 - 60);
    }

    #[test]
    fn a_clock_that_is_ahead_is_corrected() {
        let mut watermarks = Watermarks::default();
        run(&mut watermarks, "a", 0, 600, 480_000);
        let told = of(&watermarks, "a");
        assert_eq!(told.ahead_ms, 478_000, "two seconds of the way are not seen");
        assert_eq!(at_s(&watermarks), 590 - 60);
        let learned = told.future_stamps;
        assert_eq!(learned, 7, "until a second minute said the same");
        run(&mut watermarks, "a", 600, 600, 480_000);
        assert_eq!(of(&watermarks, "a").future_stamps, learned);
        // The clock is set right: an hour later nothing of it is left.
        run(&mut watermarks, "a", 1200, 3700, 0);
        assert_eq!(of(&watermarks, "a").ahead_ms, 0);
        assert_eq!(at_s(&watermarks), 4890 - 2 - 60);
    }

    #[test]
    fn one_wrong_stamp_moves_nothing() {
        // What is ahead by seconds may be the clock: the watermark is careful for an hour.
        for (ahead_ms, careful_s) in [(7_000, 7), (3_600_000, 0), (70 * 365 * 86_400_000, 0)] {
            let mut watermarks = Watermarks::default();
            run(&mut watermarks, "a", 0, 200, 0);
            let logged_at = Moment(LOG + 200_000);
            watermarks.saw("a", logged_at.plus_ms(ahead_ms), logged_at, 5);
            watermarks.advance(logged_at);
            let told = of(&watermarks, "a");
            assert_eq!(told.future_stamps, 1, "{ahead_ms}");
            assert_eq!(at_s(&watermarks), 200 - 60, "taken for the log's moment");
            run(&mut watermarks, "a", 210, 100, 0);
            assert_eq!(at_s(&watermarks), 300 - 2 - 60 - careful_s);
        }
    }

    #[test]
    fn a_clock_that_is_behind_is_behind() {
        let mut watermarks = Watermarks::default();
        run(&mut watermarks, "a", 0, 600, -900_000);
        assert_eq!(of(&watermarks, "a").ahead_ms, 0);
        assert_eq!(at_s(&watermarks), 590 - 900 - 2 - 60);
    }
}
