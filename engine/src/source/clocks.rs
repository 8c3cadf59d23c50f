//! Several sources are read side by side, always on with the one that is furthest behind, so that the records of one call
//! that stand in several files come together, and old files are read before new ones, in whatever order they were named.

use adapters::leg::{Leg, Moment};

/// How far each source has come, by the moments that its legs tell.
pub(crate) struct Clocks(Vec<Clock>);

/// A record this far ahead of those before it may have a wrong date, in milliseconds: it is believed when the next one is as
/// far ahead. Else one wrong date would end every call that is open.
const LEAP_MS: i64 = 86_400_000;

/// How far one source has come.
#[derive(Clone, Copy, Default)]
pub(crate) struct Clock {
    at: Option<Moment>,
    /// The moment of a record that is far ahead, or the first, and the record's number.
    doubted: Option<(Moment, u64)>,
    ended: bool,
}

impl Clock {
    /// These legs of the source have been read.
    pub(crate) fn read(&mut self, legs: &[Leg]) {
        let told = |leg: &Leg| Some((leg.ended_at.or(leg.started_at)?, leg.position.record));
        legs.iter().filter_map(told).for_each(|(moment, record)| self.tell(moment, record));
    }

    /// The moment that it has come to; `None` until one is believed.
    pub(crate) fn at(&self) -> Option<Moment> {
        self.at
    }

    /// The moment that the next record may confirm.
    pub(crate) fn doubted(&self) -> Option<Moment> {
        self.doubted.map(|(moment, _)| moment)
    }

    fn tell(&mut self, moment: Moment, record: u64) {
        let is_near = |at: Moment| moment <= at.plus_ms(LEAP_MS);
        match (self.at, self.doubted) {
            (Some(at), _) if is_near(at) => {
                self.at = Some(at.max(moment));
                self.doubted = self.doubted.filter(|(_, other)| *other == record);
            }
            (_, None) => self.doubted = Some((moment, record)),
            (_, Some((doubted, same))) if same == record => self.doubted = Some((doubted.max(moment), record)),
            (_, Some((doubted, other))) => {
                self.at = self.at.max(Some(doubted.min(moment)));
                let later = (doubted.max(moment), if doubted > moment { other } else { record });
                self.doubted = None;
                self.tell(later.0, later.1);
            }
        }
    }
}

impl Clocks {
    /// So many sources, none of them read yet.
    pub(crate) fn of(sources: usize) -> Clocks {
        Clocks(vec![Clock::default(); sources])
    }

    /// The source to read next: the one furthest behind that has not ended, first of all those that have told no moment.
    pub(crate) fn furthest_behind(&self) -> Option<usize> {
        let open = self.0.iter().enumerate().filter(|(_, clock)| !clock.ended);
        open.min_by_key(|(_, clock)| clock.at).map(|(index, _)| index)
    }

    /// These legs of a source have been read.
    pub(crate) fn read(&mut self, source: usize, legs: &[Leg]) {
        if let Some(clock) = self.0.get_mut(source) {
            clock.read(legs);
        }
    }

    /// A source has been read to its end.
    pub(crate) fn ended(&mut self, source: usize) {
        if let Some(clock) = self.0.get_mut(source) {
            clock.ended = true;
        }
    }

    /// A source that had ended may have grown.
    pub(crate) fn goes_on(&mut self, source: usize) {
        if let Some(clock) = self.0.get_mut(source) {
            clock.ended = false;
        }
    }

    /// Everything that ended before this moment has been read; `None` until each source has told a moment. Sources that have
    /// ended hold nothing up, unless they told something and may grow (`may_grow`).
    pub(crate) fn all(&self, may_grow: bool) -> Option<Moment> {
        let counts = |clock: &&Clock| !clock.ended || (may_grow && clock.at.is_some());
        self.0.iter().filter(counts).map(|clock| clock.at).min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adapters::leg::{Origin, Position};

    use super::*;

    fn legs(moments: &[i64]) -> Vec<Leg> {
        let origin = Arc::new(Origin { tenant: "t".into(), pbx: "p".into(), adapter: "a" });
        (1..)
            .zip(moments)
            .map(|(record, at)| {
                let position = Position { record, ..Position::default() };
                Leg { ended_at: Some(Moment(*at)), ..Leg::new(&origin, position) }
            })
            .collect()
    }

    #[test]
    fn the_one_behind_is_next_and_the_ended_hold_nothing_up() {
        let mut clocks = Clocks::of(2);
        clocks.read(0, &legs(&[3, 5]));
        assert_eq!((clocks.furthest_behind(), clocks.all(false)), (Some(1), None));
        clocks.read(1, &legs(&[9, 7]));
        assert_eq!((clocks.furthest_behind(), clocks.all(false)), (Some(0), Some(Moment(5))));
        clocks.ended(0);
        assert_eq!((clocks.furthest_behind(), clocks.all(false)), (Some(1), Some(Moment(9))));
        assert_eq!(clocks.all(true), Some(Moment(5)));
        clocks.ended(1);
        assert_eq!((clocks.furthest_behind(), clocks.all(false)), (None, None));
        clocks.goes_on(0);
        assert_eq!(clocks.furthest_behind(), Some(0));
    }

    #[test]
    fn a_wrong_date_moves_nothing_and_a_weekend_does() {
        const FAR: i64 = 1_000 * LEAP_MS;
        let check = |moments: &[i64], expected: Option<i64>| {
            let mut clocks = Clocks::of(1);
            clocks.read(0, &legs(moments));
            assert_eq!(clocks.all(false), expected.map(Moment), "{moments:?}");
        };
        check(&[1, 2, FAR], Some(2));
        check(&[1, 2, FAR, 3, FAR, 4], Some(4));
        check(&[FAR, 1, 2], Some(2));
        check(&[1, FAR, 2, 0, 3], Some(3));
        check(&[FAR], None);
        check(&[1, 2, 3 * LEAP_MS, 3 * LEAP_MS + 1], Some(3 * LEAP_MS + 1));
        check(&[1, 2, 3 * LEAP_MS, FAR, 3 * LEAP_MS + 5], Some(3 * LEAP_MS + 5));
        check(&[1, 2, LEAP_MS], Some(LEAP_MS));

        // Legs of one record do not confirm each other.
        let mut clocks = Clocks::of(1);
        let mut told = legs(&[1, 2, FAR, FAR]);
        told[3].position.record = 3;
        clocks.read(0, &told);
        assert_eq!(clocks.all(false), Some(Moment(2)));
    }
}
