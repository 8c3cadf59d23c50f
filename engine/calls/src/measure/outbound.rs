//! What a person did to reach customers: calls placed to the outside.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        name: "outbound",
        unit: Unit::Count,
        on: &[On::Offers],
        parts: &[Part::Outbound],
        formula: "outbound calls placed by this person",
        value: |p| p.count(Part::Outbound),
    },
    Measure {
        name: "outbound_answered",
        unit: Unit::Count,
        on: &[On::Offers],
        parts: &[Part::OutboundAnswered],
        formula: "of these, answered at the far end",
        value: |p| p.count(Part::OutboundAnswered),
    },
    Measure {
        name: "outbound_talk",
        unit: Unit::Seconds,
        on: &[On::Offers],
        parts: &[Part::OutboundTalkMs],
        formula: "sum of their talk_time_s",
        value: |p| p.seconds(Part::OutboundTalkMs),
    },
];
