//! Time on hold after the answer, as far as the records separate it.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "hold",
    unit: Unit::Seconds,
    on: &[On::Calls],
    parts: &[Part::HoldMs],
    formula: "sum of hold_time_s",
    value: |p| p.seconds(Part::HoldMs),
}];
