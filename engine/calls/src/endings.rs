//! What ends a call, by what each adapter says of its records: when no leg that is still to come could turn its verdict.

use std::sync::Arc;

use adapters::leg::{KeyKind, Origin};
use adapters::{Ends, Leg};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::fold::MARKED_HOLD_MS;

/// What ends the calls of each source whose legs have come.
pub struct Endings {
    grace_ms: i64,
    known: Vec<(Arc<Origin>, Ends)>,
}

impl Endings {
    /// Nothing has come yet. Where a format has a marker, silence alone ends nothing before this grace is over, in milliseconds.
    #[must_use]
    pub fn new(grace_ms: i64) -> Endings {
        Endings { grace_ms, known: Vec::new() }
    }

    /// Looks at where a leg comes from. If that is new: how long calls of its exchange are held that no leg ends, in milliseconds.
    pub fn learn(&mut self, leg: &Leg) -> Option<i64> {
        if self.known.iter().any(|(origin, _)| Arc::ptr_eq(origin, &leg.origin) || *origin == leg.origin) {
            return None;
        }
        let ends = adapters::pbx::named(leg.origin.adapter).map_or(Ends::Never, |a| a.about().ends);
        self.known.push((Arc::clone(&leg.origin), ends));
        let idle_ms = if self.has_marker(leg) { self.grace_ms } else { self.silence_ms(leg).unwrap_or(self.grace_ms) };
        Some(idle_ms.max(MARKED_HOLD_MS))
    }

    /// After this leg, if it can end a call, nothing more comes of the call later than this, in milliseconds.
    #[must_use]
    pub fn settle_ms(&self, leg: &Leg) -> Option<i64> {
        let (_, ends) = self.known.iter().find(|(o, _)| Arc::ptr_eq(o, &leg.origin) || *o == leg.origin)?;
        match ends {
            Ends::EachRecord => Some(0),
            Ends::Marker { settle_s } => leg.ends_call.then_some(i64::from(*settle_s) * 1000),
            Ends::Silence { .. } if leg.ends_call => Some(0),
            Ends::Silence { idle_s, .. } if !self.has_marker(leg) => Some(i64::from(*idle_s) * 1000),
            Ends::Silence { .. } | Ends::Never => None,
        }
    }

    /// If everything that ends this call has come: after so many milliseconds without another leg it is over. Of each part whose
    /// legs share ids one leg must say that it is the last: a hand-over joins two such parts, and the end of a consultation is not
    /// the end of the caller's own.
    #[must_use]
    pub fn settled<'l>(&self, legs: impl Iterator<Item = &'l Leg>) -> Option<i64> {
        let mut longest_ms = None;
        let mut ended: FxHashSet<&str> = FxHashSet::default();
        let mut open: SmallVec<[&Leg; 8]> = SmallVec::new();
        for leg in legs {
            match self.settle_ms(leg) {
                Some(ms) => {
                    longest_ms = longest_ms.max(Some(ms));
                    ended.extend(ids(leg));
                }
                None => open.push(leg),
            }
        }
        // What has no id belongs to whatever it was found by.
        open.retain(|leg| ids(leg).next().is_some());
        while !open.is_empty() {
            let before = open.len();
            open.retain(|leg| {
                let is_of_it = ids(leg).any(|id| ended.contains(id));
                if is_of_it {
                    ended.extend(ids(leg));
                }
                !is_of_it
            });
            if open.len() == before {
                return None;
            }
        }
        longest_ms
    }

    fn of_pbx<'a>(&'a self, leg: &'a Leg) -> impl Iterator<Item = Ends> + 'a {
        self.known.iter().filter(|(origin, _)| origin.pbx == leg.origin.pbx).map(|(_, ends)| *ends)
    }

    fn has_marker(&self, leg: &Leg) -> bool {
        self.of_pbx(leg).any(|ends| matches!(ends, Ends::Marker { .. }))
    }

    fn silence_ms(&self, leg: &Leg) -> Option<i64> {
        let silence = self.of_pbx(leg).filter_map(|ends| match ends {
            Ends::Silence { idle_s, .. } => Some(i64::from(idle_s) * 1000),
            Ends::EachRecord => Some(0),
            Ends::Marker { .. } | Ends::Never => None,
        });
        silence.max()
    }
}

fn ids(leg: &Leg) -> impl Iterator<Item = &str> {
    leg.link_keys.iter().filter(|k| k.kind == KeyKind::Id).map(|k| k.value.as_str())
}
