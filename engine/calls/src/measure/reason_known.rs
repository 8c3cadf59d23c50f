//! How often the why of a missed call is known.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "reason_known",
    unit: Unit::Percent,
    on: &[On::Calls],
    parts: &[Part::Missed, Part::ReasonKnown],
    formula: "missed calls with a reason other than unknown / missed",
    value: |p| p.share(p.of(Part::ReasonKnown), p.of(Part::Missed)),
}];
