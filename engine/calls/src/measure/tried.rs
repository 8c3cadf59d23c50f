//! What became of the calls for which a person was tried, each call once however often it rang: `tried` = `answered` + `missed` +
//! `answered_elsewhere` + `excepted`. Who answered and later missed the same call, passed back to them, has missed it.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        name: "tried",
        unit: Unit::Count,
        on: &[On::Offers],
        parts: &[Part::Tried],
        formula: "inbound calls from outside of which at least one offer was this person's",
        value: |p| p.count(Part::Tried),
    },
    Measure {
        name: "answered",
        unit: Unit::Count,
        on: &[On::Offers],
        parts: &[Part::Answered],
        formula: "of these, answered by this person and not missed later",
        value: |p| p.count(Part::Answered),
    },
    Measure {
        name: "missed",
        unit: Unit::Count,
        on: &[On::Offers],
        parts: &[Part::Missed],
        formula: "of these, missed by this person: nobody answered in that visit or later, and the switches hold",
        value: |p| p.count(Part::Missed),
    },
    Measure {
        name: "answered_elsewhere",
        unit: Unit::Count,
        on: &[On::Offers],
        parts: &[Part::AnsweredElsewhere],
        formula: "of these, answered by somebody else then or later",
        value: |p| p.count(Part::AnsweredElsewhere),
    },
    Measure {
        name: "excepted",
        unit: Unit::Count,
        on: &[On::Offers],
        parts: &[Part::Excepted],
        formula: "of these, answered by nobody and not missed by the switches: out of hours, short, and so on",
        value: |p| p.count(Part::Excepted),
    },
];
