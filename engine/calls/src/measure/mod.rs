//! Measures: one thing counted or computed in a window, with its formula; one measure or one family of them, one file. Here is the list.
//!
//! Every measure comes from parts: counts and sums of milliseconds that can be added, and taken away again when a call is revised.
//! A share or a mean of nothing is no value. A value is exact to the thousandth of its unit and cut off there, so that what rounds it
//! further rounds once.

mod abandoned_short;
mod abandonment;
mod answer_rate;
mod asa;
mod handle_mean;
mod hold;
mod missed;
mod offered;
mod outbound;
mod outcome;
mod reason_known;
mod ring_no_answer;
mod service_level;
mod talk;
mod tried;
mod unanswered_out_of_hours;
mod visit_end;
mod wait;

use std::sync::LazyLock;

use serde::{Serialize, Serializer};

/// All measures, in the order in which they are shown.
pub const LIST: &[&[Measure]] = &[
    offered::MEASURES,
    outcome::MEASURES,
    visit_end::MEASURES,
    missed::MEASURES,
    tried::MEASURES,
    reason_known::MEASURES,
    abandoned_short::MEASURES,
    unanswered_out_of_hours::MEASURES,
    wait::MEASURES,
    asa::MEASURES,
    service_level::MEASURES,
    ring_no_answer::MEASURES,
    talk::MEASURES,
    hold::MEASURES,
    handle_mean::MEASURES,
    answer_rate::MEASURES,
    abandonment::MEASURES,
    outbound::MEASURES,
];

/// One measure.
#[derive(Debug)]
pub struct Measure {
    /// As in the table `windows`; unique among those that are counted on the same thing.
    pub name: &'static str,
    /// Of its value.
    pub unit: Unit,
    /// On what it is counted.
    pub on: &'static [On],
    /// What it is computed from.
    pub parts: &'static [Part],
    /// How, in the letters of the definition.
    pub formula: &'static str,
    /// The same, computed; `None` where the denominator is 0.
    pub value: fn(&Parts<'_>) -> Option<Thousandths>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// How long.
    Seconds,
    /// Of a hundred.
    Percent,
}

/// A value, exact to the thousandth of its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thousandths(pub i64);

impl Serialize for Thousandths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1000 == 0 {
            serializer.serialize_i64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

/// What is counted one by one. The three are never added up to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum On {
    /// Inbound calls from outside: of the tenant, a site, a DID, a group.
    Calls,
    /// Stays in a queue or hunt group.
    Visits,
    /// Offers to a person, each call once; and calls that they placed.
    Offers,
}

/// What is added up. The same part can be counted on several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Part {
    /// Calls, or visits.
    Offered,
    /// Outcome, end of a visit, or answered by this person.
    Answered,
    /// Outcome.
    LostInTransfer,
    /// Outcome.
    Overflowed,
    /// Outcome.
    Voicemail,
    /// Outcome.
    Served,
    /// Outcome.
    Failed,
    /// Outcome.
    Closed,
    /// Outcome.
    Blocked,
    /// Outcome, or end of a visit.
    Abandoned,
    /// Outcome.
    Busy,
    /// Outcome.
    Declined,
    /// Outcome.
    NoAnswer,
    /// End of a visit.
    TimedOut,
    /// End of a visit.
    LeftByKey,
    /// End of a visit.
    Emptied,
    /// End of a visit.
    NotJoined,
    /// End of a visit.
    MovedOn,
    /// By the company, or by this person.
    Missed,
    /// Of the missed: the reason is not unknown.
    ReasonKnown,
    /// Of the abandoned: almost at once.
    AbandonedShort,
    /// No person spoke with them, out of hours.
    UnansweredOutOfHours,
    /// Calls or visits that tell how long they waited.
    Waits,
    /// How long these did, in milliseconds.
    WaitMs,
    /// Answered, and the queue wait time is told.
    LevelAnswered,
    /// How long these waited, in milliseconds.
    AnsweredWaitMs,
    /// Of them: within the threshold.
    AnsweredWithin,
    /// Abandoned, and the queue wait time is told.
    LevelAbandoned,
    /// Of them: within the threshold.
    AbandonedWithin,
    /// Of them: after it.
    AbandonedAfter,
    /// Of them: almost at once.
    LevelShort,
    /// Offers that rang out while somebody else, or a later round, got the call.
    RingNoAnswer,
    /// With people, in milliseconds.
    TalkMs,
    /// Calls that this person alone spoke in.
    Talks,
    /// On hold, in milliseconds.
    HoldMs,
    /// Answered, and the talk is told.
    Handled,
    /// Talk and hold of these, in milliseconds.
    HandledMs,
    /// Calls for which this person was tried.
    Tried,
    /// Of them: somebody else answered.
    AnsweredElsewhere,
    /// Of them: nobody answered, and it is no miss by the switches.
    Excepted,
    /// Calls that this person placed to the outside.
    Outbound,
    /// Of them: answered there.
    OutboundAnswered,
    /// Their talk, in milliseconds.
    OutboundTalkMs,
}

const PARTS: usize = Part::OutboundTalkMs as usize + 1;

const OF_CALLS: &[Part] = &[
    Part::Offered,
    Part::Answered,
    Part::LostInTransfer,
    Part::Overflowed,
    Part::Voicemail,
    Part::Served,
    Part::Failed,
    Part::Closed,
    Part::Blocked,
    Part::Abandoned,
    Part::Busy,
    Part::Declined,
    Part::NoAnswer,
    Part::Missed,
    Part::ReasonKnown,
    Part::AbandonedShort,
    Part::UnansweredOutOfHours,
    Part::Waits,
    Part::WaitMs,
    Part::LevelAnswered,
    Part::AnsweredWaitMs,
    Part::AnsweredWithin,
    Part::LevelAbandoned,
    Part::AbandonedWithin,
    Part::AbandonedAfter,
    Part::LevelShort,
    Part::RingNoAnswer,
    Part::TalkMs,
    Part::HoldMs,
    Part::Handled,
    Part::HandledMs,
];

const OF_VISITS: &[Part] = &[
    Part::Offered,
    Part::Answered,
    Part::Abandoned,
    Part::TimedOut,
    Part::LeftByKey,
    Part::Emptied,
    Part::NotJoined,
    Part::MovedOn,
    Part::AbandonedShort,
    Part::Waits,
    Part::WaitMs,
    Part::LevelAnswered,
    Part::AnsweredWaitMs,
    Part::AnsweredWithin,
    Part::LevelAbandoned,
    Part::AbandonedWithin,
    Part::AbandonedAfter,
    Part::LevelShort,
    Part::RingNoAnswer,
];

const OF_OFFERS: &[Part] = &[
    Part::Tried,
    Part::Answered,
    Part::Missed,
    Part::AnsweredElsewhere,
    Part::Excepted,
    Part::RingNoAnswer,
    Part::Talks,
    Part::TalkMs,
    Part::Outbound,
    Part::OutboundAnswered,
    Part::OutboundTalkMs,
];

/// No place: this part is not counted on this.
const NOWHERE: u8 = u8::MAX;

const PLACES: [[u8; PARTS]; 3] = [places(OF_CALLS), places(OF_VISITS), places(OF_OFFERS)];

const fn places(parts: &[Part]) -> [u8; PARTS] {
    let mut places = [NOWHERE; PARTS];
    let mut at = 0;
    while at < parts.len() {
        places[parts[at] as usize] = at as u8;
        at += 1;
    }
    places
}

/// More than any of the three has.
pub(crate) const PLACES_MAX: usize = 32;
const _: () = assert!(OF_CALLS.len() <= PLACES_MAX && OF_VISITS.len() <= PLACES_MAX && OF_OFFERS.len() <= PLACES_MAX);

impl On {
    /// What is added up, in the order in which a window keeps it.
    #[must_use]
    pub const fn parts(self) -> &'static [Part] {
        match self {
            On::Calls => OF_CALLS,
            On::Visits => OF_VISITS,
            On::Offers => OF_OFFERS,
        }
    }

    /// Where a window keeps this part; `None` where it is not counted.
    #[must_use]
    pub fn place(self, part: Part) -> Option<usize> {
        let place = PLACES[self as usize][part as usize];
        (place != NOWHERE).then_some(usize::from(place))
    }
}

/// What was added up in one window.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'w> {
    on: On,
    values: &'w [i64],
}

impl<'w> Parts<'w> {
    /// `values` in the order of [`On::parts`].
    #[must_use]
    pub fn new(on: On, values: &'w [i64]) -> Parts<'w> {
        Parts { on, values }
    }

    /// The value of a part; 0 where it is not counted.
    #[must_use]
    pub fn of(&self, part: Part) -> i64 {
        self.on.place(part).and_then(|place| self.values.get(place)).copied().unwrap_or(0)
    }

    fn count(&self, part: Part) -> Option<Thousandths> {
        Some(Thousandths(self.of(part).saturating_mul(1000)))
    }

    fn seconds(&self, part: Part) -> Option<Thousandths> {
        Some(Thousandths(self.of(part)))
    }

    fn mean(&self, sum_ms: i64, count: i64) -> Option<Thousandths> {
        (count > 0).then(|| Thousandths(sum_ms.div_euclid(count)))
    }

    fn share(&self, part: i64, whole: i64) -> Option<Thousandths> {
        (whole > 0).then(|| Thousandths(part.saturating_mul(100_000).div_euclid(whole)))
    }
}

/// The measures that are counted on this, in the order in which they are shown.
#[must_use]
pub fn of(on: On) -> &'static [&'static Measure] {
    static BY_ON: LazyLock<[Vec<&'static Measure>; 3]> = LazyLock::new(|| {
        let counted = |on: On| LIST.iter().copied().flatten().filter(|m| m.on.contains(&on)).collect();
        [counted(On::Calls), counted(On::Visits), counted(On::Offers)]
    });
    &BY_ON[on as usize]
}

/// Of each place in a window, one bit for each of them that is computed from it: where all of a measure's places are 0, so is the measure.
pub(crate) fn computed_from(on: On) -> &'static [u64] {
    static BY_ON: LazyLock<[Vec<u64>; 3]> = LazyLock::new(|| {
        [On::Calls, On::Visits, On::Offers].map(|on| {
            let has = |measure: &Measure, place| measure.parts.iter().any(|part| on.place(*part) == Some(place));
            let bits = |place| of(on).iter().zip(0..).fold(0, |bits, (m, bit)| bits | u64::from(has(m, place)) << bit);
            (0..on.parts().len()).map(bits).collect()
        })
    });
    &BY_ON[on as usize]
}

/// The measure of this name that is counted on this.
#[must_use]
pub fn named(name: &str, on: On) -> Option<&'static Measure> {
    of(on).iter().copied().find(|m| m.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_one_measure_and_every_part_is_counted() {
        for on in [On::Calls, On::Visits, On::Offers] {
            let names: BTreeSet<&str> = of(on).iter().map(|m| m.name).collect();
            assert_eq!(names.len(), of(on).len(), "a name is there twice on {on:?}");
            assert!(names.len() <= 64, "a window remembers in 64 bits which it told");
            let used: BTreeSet<u8> = of(on).iter().flat_map(|m| m.parts).map(|p| *p as u8).collect();
            for part in on.parts() {
                assert!(used.contains(&(*part as u8)), "{part:?} on {on:?} is in no measure");
            }
            for measure in of(on) {
                for part in measure.parts {
                    assert!(on.place(*part).is_some(), "{}: {part:?} is not counted on {on:?}", measure.name);
                }
            }
        }
    }

    #[test]
    fn a_measure_of_nothing_is_nothing() {
        for on in [On::Calls, On::Visits, On::Offers] {
            let nothing = [0; PLACES_MAX];
            for (bit, measure) in of(on).iter().enumerate() {
                let value = (measure.value)(&Parts::new(on, &nothing)).unwrap_or_default();
                assert_eq!(value, Thousandths(0), "{}", measure.name);
                let places = computed_from(on).iter().filter(|bits| *bits & 1 << bit != 0).count();
                assert_eq!(places, measure.parts.len(), "{}", measure.name);
            }
        }
    }

    #[test]
    fn a_measure_uses_the_parts_that_it_names() {
        for on in [On::Calls, On::Visits, On::Offers] {
            for measure in of(on) {
                // Wholes come before their parts, and lengths are longer than their number.
                let base = on.parts().iter().zip(0..).map(|(part, place)| {
                    let length = if format!("{part:?}").ends_with("Ms") { 1000 } else { 1 };
                    1_000_003 * (40 - place) * length
                });
                let base: Vec<i64> = base.collect();
                let value = (measure.value)(&Parts::new(on, &base));
                for (place, part) in on.parts().iter().enumerate() {
                    let mut other = base.clone();
                    other[place] *= 7;
                    let changed = (measure.value)(&Parts::new(on, &other)) != value;
                    assert_eq!(changed, measure.parts.contains(part), "{} and {part:?} on {on:?}", measure.name);
                }
            }
        }
    }
}
