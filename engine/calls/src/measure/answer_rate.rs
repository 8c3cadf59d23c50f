//! The share of answered calls among those that somebody could be expected to answer.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "answer_rate",
    unit: Unit::Percent,
    on: &[On::Calls],
    parts: &[Part::Offered, Part::Answered, Part::UnansweredOutOfHours],
    formula: "A / (N - unanswered calls out of hours)",
    value: |p| p.share(p.of(Part::Answered), p.of(Part::Offered) - p.of(Part::UnansweredOutOfHours)),
}];
