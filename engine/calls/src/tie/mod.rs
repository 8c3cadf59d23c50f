//! Ties: a caller who crosses from one exchange of the company to another is one call, told in two halves that share no key.
//!
//! A leg that leaves at one end of a tie and a leg that arrives at the other are one path (`matching.rs`), whichever comes first;
//! `compose.rs` reads the legs of all halves as those of one exchange, so that every rule holds for the whole call.
//! Only whole paths are paired: of a call over a tie, moments of channels (CEL) are stored and not folded, and where an exchange
//! tells nothing else, its half stays alone (`moments.rs`).

pub(crate) mod clocks;
pub(crate) mod compose;
pub(crate) mod crossing;
pub(crate) mod matching;
pub(crate) mod moments;

use adapters::Leg;
use adapters::leg::{Disposition, End, EndKind, Moment, Stage, Text};
use directory::{Directory, Numbers, Rewrite, TieKey, is_withheld};
use smallvec::SmallVec;

use clocks::CLOCKS_APART_MAX_MS;
use crossing::Side;

/// A caller can have been in a menu so long before the near exchange sent them over a tie, under one record, in milliseconds.
const BEFORE_LEAVING_MAX_MS: i64 = 3_600_000;

/// The ties of one company, and how its exchanges write numbers.
pub struct Ties {
    ways: Vec<Way>,
    numbers: Vec<(Text, Numbers)>,
    tolerance_ms: i64,
}

/// One direction of a tie.
pub(crate) struct Way {
    /// What leaves here
    pub(crate) from: Place,
    /// arrives here.
    pub(crate) to: Place,
    rewrite: Rewrite,
    key: TieKey,
    /// Both exchanges send their records.
    pub(crate) is_told: bool,
    /// By how much the clock behind is ahead of the one before, where the site file tells it, in milliseconds.
    pub(crate) clock_ms: Option<i64>,
}

/// One end of a tie: an exchange, and the name of its trunk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    pub(crate) pbx: Text,
    pub(crate) trunk: Text,
}

/// Where the other half of a call can be looked for among stored legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The exchange that tells it.
    pub pbx: Text,
    /// The trunk's name there: at the leg's far end if `leaves`, else where it comes from.
    pub trunk: Text,
    /// The wanted leg leaves there; else it arrives.
    pub leaves: bool,
    /// It began no sooner than this, by its own exchange's clock,
    pub from: Moment,
    /// and no later.
    pub to: Moment,
}

/// Where the other half of this leg's path can be, for each tie at one of its ends; nothing for a leg that crosses none,
/// and nothing where the other exchange sends no records.
#[must_use]
pub fn wanted(leg: &Leg, ties: &Ties) -> SmallVec<[Wanted; 1]> {
    let ends = ties.ends(leg);
    let looked_for = ends.iter().filter_map(|(number, side)| {
        let way = ties.way(*number).filter(|way| way.is_told)?;
        let (started, ended) = (leg.started_at?, leg.ended_at.or(leg.started_at)?);
        let (apart_ms, unsure_ms) = match way.clock_ms {
            Some(apart_ms) => (apart_ms, ties.tolerance_ms),
            None => (0, CLOCKS_APART_MAX_MS),
        };
        Some(match side {
            Side::Left => Wanted {
                pbx: way.to.pbx.clone(),
                trunk: way.to.trunk.clone(),
                leaves: false,
                from: started.plus_ms(apart_ms - unsure_ms),
                to: ended.max(started).plus_ms(apart_ms + unsure_ms),
            },
            Side::Arrived => Wanted {
                pbx: way.from.pbx.clone(),
                trunk: way.from.trunk.clone(),
                leaves: true,
                from: started.plus_ms(-apart_ms - unsure_ms - BEFORE_LEAVING_MAX_MS),
                to: started.plus_ms(unsure_ms - apart_ms),
            },
        })
    });
    looked_for.collect()
}

impl Ties {
    /// The ties of the site file; `None` if it has none.
    #[must_use]
    pub fn of(directory: &Directory) -> Option<Ties> {
        if directory.ties().is_empty() {
            return None;
        }
        let mut ties = Ties { ways: Vec::new(), numbers: Vec::new(), tolerance_ms: directory.tie_skew_ms() };
        for tie in directory.ties() {
            let place =
                |end: &directory::TieEnd| Place { pbx: end.pbx.as_str().into(), trunk: end.trunk.as_str().into() };
            let sends = |pbx: &str| directory.pbx(pbx).is_some_and(|p| p.sends_records);
            let offset = |pbx: &str| directory.pbx(pbx).and_then(|p| p.clock_offset_ms);
            let is_told = sends(&tie.a.pbx) && sends(&tie.b.pbx);
            let clock_ms = match (offset(&tie.a.pbx), offset(&tie.b.pbx)) {
                (None, None) => None,
                (a, b) => Some(b.unwrap_or(0) - a.unwrap_or(0)),
            };
            let (a, b) = (place(&tie.a), place(&tie.b));
            for pbx in [&a.pbx, &b.pbx] {
                if !ties.numbers.iter().any(|(known, _)| known == pbx) {
                    ties.numbers.push((pbx.clone(), directory.numbers(pbx)));
                }
            }
            ties.ways.push(Way {
                from: a.clone(),
                to: b.clone(),
                rewrite: tie.rewrite.clone(),
                key: tie.key,
                is_told,
                clock_ms,
            });
            ties.ways.push(Way {
                from: b,
                to: a,
                rewrite: tie.rewrite_back.clone(),
                key: tie.key,
                is_told,
                clock_ms: clock_ms.map(|ms| -ms),
            });
        }
        Some(ties)
    }

    pub(crate) fn way(&self, number: usize) -> Option<&Way> {
        self.ways.get(number)
    }

    /// The directions of ties by which this leg leaves or arrives.
    pub(crate) fn ends(&self, leg: &Leg) -> SmallVec<[(usize, Side); 2]> {
        let mut ends = SmallVec::new();
        if leg.event.is_some()
            || leg.started_at.is_none()
            || leg.order == u64::MAX
            || matches!(leg.stage, Stage::Recording | Stage::ParkRetrieve)
        {
            return ends;
        }
        let pbx = &leg.origin.pbx;
        let came_by = trunk_of(&leg.from);
        // Where no channel could be made, nothing left.
        let left_by =
            leg.to.as_ref().filter(|to| !(to.channel.is_empty() && leg.disposition == Disposition::NotRegistered));
        let left_by = left_by.and_then(trunk_of);
        if came_by.is_none() && left_by.is_none() {
            return ends;
        }
        for (number, way) in self.ways.iter().enumerate() {
            if left_by == Some(&way.from.trunk) && way.from.pbx == *pbx {
                ends.push((number, Side::Left));
            }
            if came_by == Some(&way.to.trunk) && way.to.pbx == *pbx {
                ends.push((number, Side::Arrived));
            }
        }
        ends
    }

    /// The digits that arrive where these were dialed.
    pub(crate) fn arriving(&self, way: usize, digits: &str) -> Text {
        self.ways.get(way).map_or_else(|| digits.into(), |way| way.rewrite.apply(digits).into())
    }

    /// True if this trunk of this exchange leads to another exchange of ours.
    pub(crate) fn is_tie(&self, pbx: &str, trunk: &str) -> bool {
        self.ways.iter().any(|way| way.from.pbx == pbx && way.from.trunk == trunk)
    }

    /// The exchange from which this trunk of this exchange leads here, over a tie.
    pub(crate) fn before(&self, pbx: &str, trunk: &str) -> Option<Text> {
        self.ways.iter().find(|way| way.to.pbx == pbx && way.to.trunk == trunk).map(|way| way.from.pbx.clone())
    }

    /// A number as two exchanges can compare it: E.164, or the digits; empty if it is not told.
    fn comparable(&mut self, pbx: &str, raw: &str) -> Text {
        if raw.is_empty() {
            return Text::default();
        }
        if is_withheld(raw) {
            return WITHHELD.into();
        }
        let numbers = self.numbers.iter_mut().find(|(id, _)| id == pbx);
        numbers.and_then(|(_, n)| n.e164(raw)).unwrap_or_else(|| digits_of(raw))
    }
}

fn trunk_of(end: &End) -> Option<&Text> {
    Some(&end.trunk).filter(|trunk| end.kind == EndKind::Outside && !trunk.is_empty())
}

/// What two callers who withheld their numbers have in common.
pub(crate) const WITHHELD: &str = "withheld";

/// Without blanks and signs, and without what a SIP address has around its user.
fn digits_of(raw: &str) -> Text {
    let user = raw.strip_prefix("sip:").or_else(|| raw.strip_prefix("tel:")).unwrap_or(raw);
    let user = user.split(['@', ';']).next().unwrap_or(user);
    user.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '#')).collect()
}
