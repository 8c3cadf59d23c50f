//! Telephones that rang out while a later round or a colleague got the call: no miss, and a reason to look at who signs in and goes away.
//! Counted on offers, also in the windows of calls and of visits: one call can have many.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[Measure {
    name: "ring_no_answer",
    unit: Unit::Count,
    on: &[On::Calls, On::Visits, On::Offers],
    parts: &[Part::RingNoAnswer],
    formula: "offers that rang to their end (no_answer, the device rang) to a person who did not miss the call, and somebody answered it",
    value: |p| p.count(Part::RingNoAnswer),
}];
