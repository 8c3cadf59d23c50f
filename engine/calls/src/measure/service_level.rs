//! The share answered within t = `service_level_s`, in its six forms; SL6 is the one to show. A and B here are the answered and the abandoned
//! whose w (the queue wait time) is told: who left in a menu had not queued yet, and a lost transfer is in neither.

use super::Part::{AbandonedAfter, AbandonedWithin, AnsweredWithin, LevelAbandoned, LevelAnswered, LevelShort};
use super::{Measure, On, Part, Parts, Thousandths, Unit};

pub(super) const MEASURES: &[Measure] = &[
    form("sl6", &[LevelAnswered, LevelAbandoned, AnsweredWithin, LevelShort], "At / (A + B - Bs)", |p| {
        p.share(p.of(AnsweredWithin), p.of(LevelAnswered) + p.of(LevelAbandoned) - p.of(LevelShort))
    }),
    form("sl1", &[LevelAnswered, LevelAbandoned, AnsweredWithin, AbandonedWithin], "(At + Bt) / (A + B)", |p| {
        p.share(p.of(AnsweredWithin) + p.of(AbandonedWithin), p.of(LevelAnswered) + p.of(LevelAbandoned))
    }),
    form("sl2", &[LevelAnswered, AnsweredWithin], "At / A", |p| p.share(p.of(AnsweredWithin), p.of(LevelAnswered))),
    form("sl3", &[LevelAnswered, LevelAbandoned, AnsweredWithin], "At / (A + B)", |p| {
        p.share(p.of(AnsweredWithin), p.of(LevelAnswered) + p.of(LevelAbandoned))
    }),
    form("sl4", &[LevelAnswered, AnsweredWithin, AbandonedAfter], "At / (A + Ba)", |p| {
        p.share(p.of(AnsweredWithin), p.of(LevelAnswered) + p.of(AbandonedAfter))
    }),
    form("sl5", &[LevelAnswered, LevelAbandoned, AnsweredWithin, LevelShort], "(At + Bs) / (A + B)", |p| {
        p.share(p.of(AnsweredWithin) + p.of(LevelShort), p.of(LevelAnswered) + p.of(LevelAbandoned))
    }),
    part("sl_answered", &[LevelAnswered], "A: answered, w told", |p| p.count(LevelAnswered)),
    part("sl_abandoned", &[LevelAbandoned], "B: abandoned, w told", |p| p.count(LevelAbandoned)),
    part("sl_answered_within", &[AnsweredWithin], "At: of A, w at most t", |p| p.count(AnsweredWithin)),
    part("sl_abandoned_within", &[AbandonedWithin], "Bt: of B, w at most t", |p| p.count(AbandonedWithin)),
    part("sl_abandoned_after", &[AbandonedAfter], "Ba: of B, w more than t", |p| p.count(AbandonedAfter)),
    part("sl_abandoned_short", &[LevelShort], "Bs: of B, short", |p| p.count(LevelShort)),
];

const fn form(
    name: &'static str,
    parts: &'static [Part],
    formula: &'static str,
    value: fn(&Parts<'_>) -> Option<Thousandths>,
) -> Measure {
    Measure { name, unit: Unit::Percent, on: &[On::Calls, On::Visits], parts, formula, value }
}

const fn part(
    name: &'static str,
    parts: &'static [Part],
    formula: &'static str,
    value: fn(&Parts<'_>) -> Option<Thousandths>,
) -> Measure {
    Measure { name, unit: Unit::Count, on: &[On::Calls, On::Visits], parts, formula, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the definition: A=1000 B=60 At=860 Bt=20 Ba=40 Bs=10.
    #[test]
    fn six_forms_of_one_vector() {
        let told = [
            (LevelAnswered, 1000),
            (LevelAbandoned, 60),
            (AnsweredWithin, 860),
            (AbandonedWithin, 20),
            (AbandonedAfter, 40),
            (LevelShort, 10),
        ];
        for on in [On::Calls, On::Visits] {
            let mut values = vec![0; on.parts().len()];
            for (part, value) in told {
                values[on.place(part).unwrap()] = value;
            }
            for (name, hundredths) in
                [("sl1", 8302), ("sl2", 8600), ("sl3", 8113), ("sl4", 8269), ("sl5", 8208), ("sl6", 8190)]
            {
                let measure = super::super::named(name, on).unwrap();
                let value = (measure.value)(&Parts::new(on, &values)).unwrap();
                assert_eq!((value.0 + 5) / 10, hundredths, "{name}");
            }
        }
        let first = super::super::of(On::Calls).iter().find(|m| m.name.starts_with("sl")).unwrap();
        assert_eq!(first.name, "sl6", "the form that is shown comes first");
    }

    #[test]
    fn nothing_of_nothing_is_no_value() {
        let values = vec![0; On::Calls.parts().len()];
        for measure in MEASURES.iter().filter(|m| m.unit == Unit::Percent) {
            assert_eq!((measure.value)(&Parts::new(On::Calls, &values)), None, "{}", measure.name);
        }
    }
}
