//! Callers who hung up almost at once: Bs. Of a visit: its caller abandoned it, and the call was short.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "abandoned_short",
    unit: Unit::Count,
    on: &[On::Calls, On::Visits],
    parts: &[Part::AbandonedShort],
    formula: "Bs: abandoned, hung up by the caller, waited less than short_abandon_s",
    value: |p| p.count(Part::AbandonedShort),
}];
