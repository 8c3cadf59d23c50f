//! Average speed of answer: from the first queue, or without one from the first ringing, to the answer, over answered calls.
//! Of a queue: from entering it.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "asa",
    unit: Unit::Seconds,
    on: &[On::Calls, On::Visits],
    parts: &[Part::LevelAnswered, Part::AnsweredWaitMs],
    formula: "sum of w over A / A, where w is told",
    value: |p| p.mean(p.of(Part::AnsweredWaitMs), p.of(Part::LevelAnswered)),
}];
