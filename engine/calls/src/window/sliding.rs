//! An hour of a queue that begins every five minutes: the sum of twelve windows of five minutes, told when the watermark passes its end,
//! and again when it changes late. Never early: one call would tell twelve of them.

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::{Moment, Text};
use directory::Scope;

use super::{Forgotten, Head, Size, WindowNow, on};

/// Their scope in the table: by another name than the hours that follow each other, so that nobody adds them up.
pub const SLIDING: &str = "queue_sliding";

/// How wide they are, in milliseconds.
pub const SLIDING_WIDTH_MS: i64 = 3_600_000;

/// How often one begins, in milliseconds.
pub(super) const STEP_MS: i64 = 300_000;

/// The beginnings of all hours that contain the five minutes that begin here.
pub(super) fn around(opened_at: Moment) -> impl Iterator<Item = Moment> {
    let steps = SLIDING_WIDTH_MS / STEP_MS;
    (0..steps).rev().map(move |step| opened_at.plus_ms(-step * STEP_MS))
}

/// The beginnings of the five minutes in this hour.
pub(super) fn within(opened_at: Moment) -> impl Iterator<Item = Moment> {
    (0..SLIDING_WIDTH_MS / STEP_MS).map(move |step| opened_at.plus_ms(step * STEP_MS))
}

/// Those that are to be told, and what was told of those that were.
#[derive(Debug, Default)]
pub(super) struct Sliding {
    /// By end, so that those that are due come first; at most twelve of a queue lie ahead.
    due: BTreeSet<(Moment, Text)>,
    told: BTreeMap<(Moment, Text), u64>,
}

impl Sliding {
    /// Five minutes of this queue changed.
    pub(super) fn changed(&mut self, queue: &Text, opened_at: Moment) {
        for opened_at in around(opened_at) {
            self.due.insert((opened_at.plus_ms(SLIDING_WIDTH_MS), queue.clone()));
        }
    }

    /// All measures of this hour are told again.
    pub(super) fn tell_again(&mut self, queue: &Text, opened_at: Moment) {
        self.told.insert((opened_at, queue.clone()), u64::MAX);
        self.due.insert((opened_at.plus_ms(SLIDING_WIDTH_MS), queue.clone()));
    }

    /// Something is still to be told.
    pub(super) fn is_due_later(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes those that are over from the list; or, if the log has ended, all of them, which stay on it as long as they are not over.
    pub(super) fn take_due(&mut self, watermark: Moment, is_end: bool) -> Vec<(Moment, Text)> {
        let mut due = Vec::new();
        while let Some(over) = self.due.first().filter(|(ended_at, _)| *ended_at <= watermark).cloned() {
            self.due.remove(&over);
            due.push(over);
        }
        if is_end {
            due.extend(self.due.iter().cloned());
        }
        due.iter_mut().for_each(|(at, _)| *at = at.plus_ms(-SLIDING_WIDTH_MS));
        due
    }

    /// One hour as it is now; nothing if there is nothing to say of it. `told_before` has a bit for each measure that may have been told
    /// in a life that is over.
    pub(super) fn now(
        &mut self,
        tenant: &Text,
        (opened_at, queue): (Moment, Text),
        sums: &[i64],
        is_final: bool,
        told_before: u64,
    ) -> Option<WindowNow> {
        let head = Head { tenant, scope: SLIDING, scope_id: &queue, size_s: Size::Hour.seconds() };
        let mut told = self.told.remove(&(opened_at, queue.clone())).unwrap_or_default() | told_before;
        let now = head.now(on(Scope::Queue), sums, opened_at, is_final, &mut told);
        if told != 0 {
            self.told.insert((opened_at, queue), told);
        }
        Some(now).filter(|now| !now.values.is_empty())
    }

    /// Forgets what was told of hours that are not known whole any more.
    pub(super) fn forget(&mut self, is_whole: impl Fn(Moment) -> bool) {
        while self.told.first_key_value().is_some_and(|((opened_at, _), _)| !is_whole(*opened_at)) {
            self.told.pop_first();
        }
    }
}

/// The hours that are to be counted again since these five minutes, which nobody keeps, have changed.
pub(super) fn forgotten<'w>(tenant: &'w Text, queue: &'w Text, opened_at: Moment) -> impl Iterator<Item = Forgotten> {
    around(opened_at).map(move |opened_at| one_forgotten(tenant, queue, opened_at))
}

pub(super) fn one_forgotten(tenant: &Text, queue: &Text, opened_at: Moment) -> Forgotten {
    Forgotten {
        tenant: tenant.clone(),
        scope: Scope::Queue,
        scope_id: queue.clone(),
        size_s: Size::Hour.seconds(),
        is_sliding: true,
        opened_at,
        ended_at: opened_at.plus_ms(SLIDING_WIDTH_MS),
    }
}
