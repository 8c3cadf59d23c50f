//! Calls that came in from outside; visits of a queue or hunt group by such calls. The N of every rate.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "offered",
    unit: Unit::Count,
    on: &[On::Calls, On::Visits],
    parts: &[Part::Offered],
    formula: "N: inbound calls from outside; of a queue or hunt group: visits",
    value: |p| p.count(Part::Offered),
}];
