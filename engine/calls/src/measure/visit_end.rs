//! How stays in a queue or hunt group ended, a partition: the seven add up to its `offered`.
//! A call with two visits is in two of them, so visits are never added up to calls.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        name: "answered",
        unit: Unit::Count,
        on: &[On::Visits],
        parts: &[Part::Answered],
        formula: "visits that ended so: somebody took the caller",
        value: |p| p.count(Part::Answered),
    },
    Measure {
        name: "abandoned",
        unit: Unit::Count,
        on: &[On::Visits],
        parts: &[Part::Abandoned],
        formula: "visits that ended so: the caller hung up",
        value: |p| p.count(Part::Abandoned),
    },
    Measure {
        name: "timed_out",
        unit: Unit::Count,
        on: &[On::Visits],
        parts: &[Part::TimedOut],
        formula: "visits that ended so: the queue gave the caller up",
        value: |p| p.count(Part::TimedOut),
    },
    Measure {
        name: "left_by_key",
        unit: Unit::Count,
        on: &[On::Visits],
        parts: &[Part::LeftByKey],
        formula: "visits that ended so: the caller left by a key",
        value: |p| p.count(Part::LeftByKey),
    },
    Measure {
        name: "emptied",
        unit: Unit::Count,
        on: &[On::Visits],
        parts: &[Part::Emptied],
        formula: "visits that ended so: nobody was signed in any more",
        value: |p| p.count(Part::Emptied),
    },
    Measure {
        name: "not_joined",
        unit: Unit::Count,
        on: &[On::Visits],
        parts: &[Part::NotJoined],
        formula: "visits that ended so: the caller could not join",
        value: |p| p.count(Part::NotJoined),
    },
    Measure {
        name: "moved_on",
        unit: Unit::Count,
        on: &[On::Visits],
        parts: &[Part::MovedOn],
        formula: "visits that ended so: the call went on elsewhere",
        value: |p| p.count(Part::MovedOn),
    },
];
