//! The share of callers who left first, with and without those who hung up almost at once.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        name: "abandonment",
        unit: Unit::Percent,
        on: &[On::Calls, On::Visits],
        parts: &[Part::Offered, Part::Abandoned],
        formula: "B / N",
        value: |p| p.share(p.of(Part::Abandoned), p.of(Part::Offered)),
    },
    Measure {
        name: "abandonment_without_short",
        unit: Unit::Percent,
        on: &[On::Calls, On::Visits],
        parts: &[Part::Offered, Part::Abandoned, Part::AbandonedShort],
        formula: "(B - Bs) / (N - Bs)",
        value: |p| {
            let short = p.of(Part::AbandonedShort);
            p.share(p.of(Part::Abandoned) - short, p.of(Part::Offered) - short)
        },
    },
];
