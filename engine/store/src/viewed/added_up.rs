//! What the inbound calls of a view add up to: its measures, and its figures by hour, by outcome and by group, all from one reading.

use std::collections::BTreeMap;

use calls::measure::{self, On, Part, Parts, Thousandths};

/// A measure over the inbound calls of a view.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Which, with its unit and formula.
    pub measure: &'static measure::Measure,
    /// `None`: of nothing.
    pub value: Option<Thousandths>,
}

/// Calls, missed ones, answered ones.
pub(super) type Counts = [i64; 3];

/// The answer to the statement of measures.
#[derive(Debug, Default)]
pub(super) struct AddedUp {
    verdicts: Vec<Verdict>,
    /// By weekday, 1: Monday, and hour.
    pub(super) slots: BTreeMap<(u8, u8), Counts>,
    /// By the group in whose figures they are; `None`: in nobody's.
    pub(super) groups: BTreeMap<Option<String>, Counts>,
}

/// What verdicts have in common, and counts and sums of milliseconds over their calls.
#[derive(Debug)]
struct Verdict {
    outcome: String,
    missed: bool,
    short: bool,
    unanswered_out_of_hours: bool,
    reason_known: bool,
    calls: i64,
    missed_calls: i64,
    answered_calls: i64,
    waits: i64,
    wait_ms: i64,
    queue_waits: i64,
    queue_wait_ms: i64,
    soon: i64,
    talk_ms: i64,
    hold_ms: i64,
    talks: i64,
    hold_of_talks_ms: i64,
}

impl Verdict {
    /// Of the words and sums that the statement gives.
    fn of(words: &str, sums: &[i64]) -> Option<Verdict> {
        let mut words = words.split(' ');
        let outcome = words.next()?.to_owned();
        let [missed, short, unanswered_out_of_hours, reason_known] = std::array::from_fn(|_| words.next() == Some("1"));
        let [calls, missed_calls, answered_calls, rest @ ..] = sums else { return None };
        let [waits, wait_ms, queue_waits, queue_wait_ms, soon, talk_ms, hold_ms, talks, hold_of_talks_ms] =
            rest.try_into().ok()?;
        Some(Verdict {
            outcome,
            missed,
            short,
            unanswered_out_of_hours,
            reason_known,
            calls: *calls,
            missed_calls: *missed_calls,
            answered_calls: *answered_calls,
            waits,
            wait_ms,
            queue_waits,
            queue_wait_ms,
            soon,
            talk_ms,
            hold_ms,
            talks,
            hold_of_talks_ms,
        })
    }
}

impl AddedUp {
    /// One row of the answer: its words, each of which comes once, and its sums.
    pub(super) fn add(&mut self, of: &str, sums: &[i64]) {
        let (kind, words) = of.split_once(' ').map_or((of, None), |(kind, words)| (kind, Some(words)));
        let counts = || std::array::from_fn(|at| sums.get(at).copied().unwrap_or_default());
        match (kind, words) {
            ("verdict", Some(words)) => self.verdicts.extend(Verdict::of(words, sums)),
            ("slot", Some(words)) => {
                let parts = words.split_once(' ').and_then(|(day, hour)| Some((day.parse().ok()?, hour.parse().ok()?)));
                self.slots.extend(parts.map(|slot| (slot, counts())));
            }
            ("group", words) => {
                self.groups.insert(words.map(str::to_owned), counts());
            }
            _ => {}
        }
    }

    /// By outcome.
    pub(super) fn outcomes(&self) -> BTreeMap<&str, Counts> {
        let mut outcomes: BTreeMap<&str, Counts> = BTreeMap::new();
        for verdict in &self.verdicts {
            let counts = outcomes.entry(&verdict.outcome).or_default();
            let more = [verdict.calls, verdict.missed_calls, verdict.answered_calls];
            counts.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        }
        outcomes
    }

    /// The measures of calls, in the order in which they are shown.
    pub(super) fn measures(&self) -> Vec<Measured> {
        let values = self.parts();
        let parts = Parts::new(On::Calls, &values);
        let told = measure::of(On::Calls).iter().filter(|measure| !measure.parts.contains(&Part::RingNoAnswer));
        told.map(|measure| Measured { measure, value: (measure.value)(&parts) }).collect()
    }

    /// The parts of measures, in the order of [`On::parts`].
    fn parts(&self) -> Vec<i64> {
        let mut values = vec![0i64; On::Calls.parts().len()];
        let mut add = |part: Part, value: i64| {
            if let Some(sum) = On::Calls.place(part).and_then(|place| values.get_mut(place)) {
                *sum = sum.saturating_add(value);
            }
        };
        let counted = |holds: bool, of: &Verdict| if holds { of.calls } else { 0 };
        for of in &self.verdicts {
            add(Part::Offered, of.calls);
            add(Part::Missed, counted(of.missed, of));
            add(Part::ReasonKnown, counted(of.reason_known, of));
            add(Part::AbandonedShort, counted(of.short, of));
            add(Part::UnansweredOutOfHours, counted(of.unanswered_out_of_hours, of));
            add(Part::Waits, of.waits);
            add(Part::WaitMs, of.wait_ms);
            add(Part::TalkMs, of.talk_ms);
            add(Part::HoldMs, of.hold_ms);
            match of.outcome.as_str() {
                "answered" => {
                    add(Part::Answered, of.calls);
                    add(Part::LevelAnswered, of.queue_waits);
                    add(Part::AnsweredWaitMs, of.queue_wait_ms);
                    add(Part::AnsweredWithin, of.soon);
                    add(Part::Handled, of.talks);
                    add(Part::HandledMs, of.talk_ms.saturating_add(of.hold_of_talks_ms));
                }
                "abandoned" => {
                    add(Part::Abandoned, of.calls);
                    add(Part::LevelAbandoned, of.queue_waits);
                    add(Part::AbandonedWithin, of.soon);
                    add(Part::AbandonedAfter, of.queue_waits - of.soon);
                    add(Part::LevelShort, if of.short { of.queue_waits } else { 0 });
                }
                "lost_in_transfer" => add(Part::LostInTransfer, of.calls),
                "overflowed" => add(Part::Overflowed, of.calls),
                "voicemail" => add(Part::Voicemail, of.calls),
                "served" => add(Part::Served, of.calls),
                "failed" => add(Part::Failed, of.calls),
                "closed" => add(Part::Closed, of.calls),
                "blocked" => add(Part::Blocked, of.calls),
                "busy" => add(Part::Busy, of.calls),
                "declined" => add(Part::Declined, of.calls),
                _ => add(Part::NoAnswer, of.calls),
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_taken_for_what_its_words_say() {
        let mut added_up = AddedUp::default();
        let sums = |calls: i64| vec![calls, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        added_up.add("verdict abandoned 1 0 0 1 0", &sums(20));
        added_up.add("verdict abandoned 0 1 0 0 0", &sums(4));
        added_up.add("slot 7 23", &[5, 1, 2]);
        added_up.add("group", &[6, 1, 2]);
        added_up.add("group Service desk", &[7, 1, 2]);
        assert_eq!(added_up.outcomes(), BTreeMap::from([("abandoned", [24, 2, 4])]));
        assert_eq!(added_up.slots, BTreeMap::from([((7, 23), [5, 1, 2])]));
        let groups = [(None, [6, 1, 2]), (Some("Service desk".to_owned()), [7, 1, 2])];
        assert_eq!(added_up.groups, BTreeMap::from(groups));
        let measures = added_up.measures();
        let value = |name: &str| measures.iter().find(|of| of.measure.name == name).and_then(|of| of.value);
        assert_eq!((value("offered"), value("missed")), (Some(Thousandths(24_000)), Some(Thousandths(20_000))));
    }
}
