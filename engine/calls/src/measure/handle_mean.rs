//! How long an answered call keeps people: AHT'. Where hold is not told apart it is in the talk already.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "handle_mean",
    unit: Unit::Seconds,
    on: &[On::Calls],
    parts: &[Part::Handled, Part::HandledMs],
    formula: "sum of (talk + hold) over A / A, where talk is told",
    value: |p| p.mean(p.of(Part::HandledMs), p.of(Part::Handled)),
}];
