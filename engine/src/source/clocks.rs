//! Several sources are read side by side, always on with the one that is furthest behind, so that the records of one call
//! that stand in several files come together, and old files are read before new ones, in whatever order they were named.

use adapters::leg::{Leg, Moment};

/// How far each source has come, by the moments that its legs tell.
pub(crate) struct Clocks(Vec<Clock>);

#[derive(Clone, Copy, Default)]
struct Clock {
    at: Option<Moment>,
    ended: bool,
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
            clock.at = clock.at.max(legs.iter().filter_map(|l| l.ended_at.or(l.started_at)).max());
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

    #[test]
    fn the_one_behind_is_next_and_the_ended_hold_nothing_up() {
        let origin = Arc::new(Origin { tenant: "t".into(), pbx: "p".into(), adapter: "a" });
        let leg = |at: i64| Leg { ended_at: Some(Moment(at)), ..Leg::new(&origin, Position::default()) };
        let mut clocks = Clocks::of(2);
        clocks.read(0, &[leg(5)]);
        assert_eq!((clocks.furthest_behind(), clocks.all(false)), (Some(1), None));
        clocks.read(1, &[leg(9), leg(7)]);
        assert_eq!((clocks.furthest_behind(), clocks.all(false)), (Some(0), Some(Moment(5))));
        clocks.ended(0);
        assert_eq!((clocks.furthest_behind(), clocks.all(false)), (Some(1), Some(Moment(9))));
        assert_eq!(clocks.all(true), Some(Moment(5)));
        clocks.ended(1);
        assert_eq!((clocks.furthest_behind(), clocks.all(false)), (None, None));
        clocks.goes_on(0);
        assert_eq!(clocks.furthest_behind(), Some(0));
    }
}
