//! Time with people. Of a person: only of calls with which nobody else spoke, since a call's record does not separate who had the caller when.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        name: "talk",
        unit: Unit::Seconds,
        on: &[On::Calls, On::Offers],
        parts: &[Part::TalkMs],
        formula: "sum of talk_time_s; of a person: of calls that they alone spoke in",
        value: |p| p.seconds(Part::TalkMs),
    },
    Measure {
        name: "talk_mean",
        unit: Unit::Seconds,
        on: &[On::Offers],
        parts: &[Part::Talks, Part::TalkMs],
        formula: "talk / calls in it",
        value: |p| p.mean(p.of(Part::TalkMs), p.of(Part::Talks)),
    },
];
