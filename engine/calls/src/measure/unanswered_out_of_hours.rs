//! What nobody could be expected to answer: taken out of the denominator of the answer rate.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "unanswered_out_of_hours",
    unit: Unit::Count,
    on: &[On::Calls],
    parts: &[Part::UnansweredOutOfHours],
    formula: "calls out of hours with which no person spoke",
    value: |p| p.count(Part::UnansweredOutOfHours),
}];
