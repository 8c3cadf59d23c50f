//! Calls missed by the company: what the switches of the site file say counts. What a person misses is in `tried`.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "missed",
    unit: Unit::Count,
    on: &[On::Calls],
    parts: &[Part::Missed],
    formula: "inbound, unanswered or lost in transfer, less what the switches except",
    value: |p| p.count(Part::Missed),
}];
