//! How long callers waited, menu and ringing included; of a visit: how long the stay was. A call that does not tell it is in neither.
//! There is no longest wait: a maximum cannot be taken away again when a call is revised, and the table `calls` has every wait.

use super::{Measure, On, Part, Unit};

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        name: "wait",
        unit: Unit::Seconds,
        on: &[On::Calls, On::Visits],
        parts: &[Part::WaitMs],
        formula: "sum of wait_time_s; of visits: entered_at to left_at",
        value: |p| p.seconds(Part::WaitMs),
    },
    Measure {
        name: "wait_mean",
        unit: Unit::Seconds,
        on: &[On::Calls, On::Visits],
        parts: &[Part::Waits, Part::WaitMs],
        formula: "wait / calls (visits) that tell it",
        value: |p| p.mean(p.of(Part::WaitMs), p.of(Part::Waits)),
    },
];
