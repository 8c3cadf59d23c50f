//! What is counted of calls that are final: windows and their limits, closed by the watermark of those who tell of the calls.
//!
//! Calls are counted where they are told ([`crate::live`]): what was told is taken away, and what is told now is added. A window that is
//! kept no more and changes all the same is counted again from the calls of its span ([`crate::live::Live::recount`]).

use std::collections::{BTreeMap, BTreeSet};

use adapters::Leg;
use adapters::leg::{LegId, Moment, Position, Text};
use directory::Directory;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::line::CallLine;
use crate::live::CALL_SPAN_MS;
use crate::watermark::Watermarks;
use crate::window::WindowEvent;
use crate::window::{Contribution, Forgotten, WindowKey, WindowNow, Windows};

/// Everything that is counted for one company.
pub struct Counting<'d> {
    directory: &'d Directory,
    watermarks: Watermarks,
    windows: Windows,
    /// How late the records of an adapter usually come, in seconds.
    delays: FxHashMap<&'static str, u32>,
    /// Windows that are to be counted again, when everything below this position is stored.
    to_recount: BTreeMap<Forgotten, u64>,
    recounting: Vec<Forgotten>,
    recounted: Vec<WindowNow>,
}

impl<'d> Counting<'d> {
    /// Nothing was counted yet.
    #[must_use]
    pub fn new(directory: &'d Directory, windows: Windows) -> Counting<'d> {
        Counting {
            directory,
            watermarks: Watermarks::default(),
            windows,
            delays: FxHashMap::default(),
            to_recount: BTreeMap::new(),
            recounting: Vec::new(),
            recounted: Vec::new(),
        }
    }

    /// See [`Windows::known_since`]; what is counted from now on was counted before (see [`Windows::restore`]).
    pub fn restore(&mut self, known_since: Moment) {
        self.windows.restore();
        self.windows.known_since(known_since);
    }

    /// Everything that was counted before has been counted again.
    pub fn restored(&mut self) {
        self.windows.restored();
    }

    /// Sees when a leg ended, and when it came.
    pub(crate) fn saw(&mut self, leg: &Leg, logged_at: Moment) {
        let Some(ended_at) = leg.ended_at.or(leg.answered_at).or(leg.started_at) else { return };
        let adapter = leg.origin.adapter;
        let delay_s = *self
            .delays
            .entry(adapter)
            .or_insert_with(|| adapters::pbx::named(adapter).map_or(0, |adapter| adapter.about().typical_delay_s));
        self.watermarks.saw(&leg.origin.pbx, ended_at, logged_at, delay_s);
        self.watermarks.advance(logged_at);
    }

    /// What a call adds.
    pub(crate) fn of(&self, line: &CallLine) -> Contribution {
        Contribution::of(line, self.directory)
    }

    /// Some calls are another one now, whose last leg came at this moment.
    pub(crate) fn change(
        &mut self,
        before: &[Contribution],
        now: Option<&Contribution>,
        touched: Moment,
        log_position: u64,
    ) {
        if before.len() == 1 && before.first() == now {
            return;
        }
        // What is of a time of which not everything is here was counted in another life.
        let is_known = |contribution: &Contribution| self.windows.is_known(contribution.started_at);
        if !self.windows.is_known(touched) && !before.iter().chain(now).any(is_known) {
            return;
        }
        before.iter().for_each(|contribution| self.windows.take_away(contribution));
        now.into_iter().for_each(|contribution| self.windows.add(contribution));
        self.note_forgotten(log_position);
    }

    fn note_forgotten(&mut self, log_position: u64) {
        for forgotten in self.windows.dirty_forgotten() {
            self.to_recount.insert(forgotten, log_position);
        }
    }

    /// Tells what changed by this moment of the log's clock; everything, if the log has ended.
    pub(crate) fn conclude(&mut self, clock: Moment, log_position: u64, is_end: bool, mut emit: impl FnMut(WindowNow)) {
        self.watermarks.advance(clock);
        self.windows.advance(clock, self.watermarks.at(), &mut emit);
        if is_end {
            self.windows.tell_all(&mut emit);
        }
        self.note_forgotten(log_position);
        std::mem::take(&mut self.recounted).into_iter().for_each(emit);
    }

    /// Nothing is told by time alone before this moment.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        let rises_at = self.windows.next_end().and_then(|end| self.watermarks.rises_at(end));
        self.windows.next_due().into_iter().chain(rises_at).min()
    }

    /// What happened to limits and windows since this was asked last.
    pub fn events(&mut self) -> Vec<WindowEvent> {
        self.windows.events()
    }

    /// Up to when everything is believed to be here.
    #[must_use]
    pub fn watermarks(&self) -> &Watermarks {
        &self.watermarks
    }

    /// Windows that are held.
    #[must_use]
    pub fn kept_windows(&self) -> usize {
        self.windows.kept_windows()
    }

    /// Windows that are to be counted again from the stored calls, if the store has everything below `stored_below` and none are being
    /// counted: all within one span, which is that of a day at most.
    pub(crate) fn recount(&mut self, stored_below: u64) -> Option<Vec<Forgotten>> {
        if !self.recounting.is_empty() {
            return None;
        }
        let ready = self.to_recount.iter().filter(|(_, below)| **below <= stored_below).map(|(forgotten, _)| forgotten);
        let in_order: BTreeSet<_> = ready.map(|f| (f.opened_at, std::cmp::Reverse(f.ended_at), f)).collect();
        let (from, std::cmp::Reverse(to), _) = *in_order.first()?;
        let is_within = |f: &Forgotten| (from..=to).contains(&f.opened_at) && f.ended_at <= to;
        self.recounting = in_order.into_iter().map(|(.., f)| f).filter(|f| is_within(f)).cloned().collect();
        self.to_recount.retain(|forgotten, below| *below > stored_below || !is_within(forgotten));
        Some(self.recounting.clone())
    }

    /// Others told of this window too: all of it is told again, also what is nothing.
    pub fn tell_again(&mut self, key: &WindowKey, log_position: u64) {
        self.windows.tell_again(key);
        self.note_forgotten(log_position);
    }

    /// Windows as the stored calls have them: they are told next. `None`: the store cannot be asked now.
    pub fn recounted(&mut self, windows: Option<Vec<WindowNow>>) {
        let asked = std::mem::take(&mut self.recounting);
        match windows {
            Some(windows) => self.recounted.extend(windows),
            None => asked.into_iter().for_each(|forgotten| {
                self.to_recount.entry(forgotten).or_default();
            }),
        }
    }

    /// Windows are to be counted again, or are being counted.
    #[must_use]
    pub fn is_recounting(&self) -> bool {
        !self.to_recount.is_empty() || !self.recounting.is_empty() || !self.recounted.is_empty()
    }
}

/// Windows that are counted again, exactly as their calls were told: closed calls from their stored legs, in one pass over them, and open
/// ones as they were counted, since what is stored of those may not be told yet.
pub struct Recount {
    wanted: Vec<Forgotten>,
    from: Moment,
    to: Moment,
    /// What stands at this position of the log or later was not read when the windows were asked for.
    log_below: u64,
    /// Legs of open calls. Of a leg that waits for the call that it is part of only these records are.
    open_legs: FxHashMap<LegId, Option<SmallVec<[Position; 1]>>>,
    open_calls: Vec<Contribution>,
    closed_calls: BTreeMap<Text, Contribution>,
}

impl Recount {
    /// Of these windows, when everything below this position was read.
    pub(crate) fn of(wanted: Vec<Forgotten>, log_below: u64) -> Recount {
        let from = wanted.iter().map(|f| f.opened_at).min().unwrap_or_default();
        let to = wanted.iter().map(|f| f.ended_at).max().unwrap_or_default();
        let (open_legs, open_calls) = (FxHashMap::default(), Vec::new());
        Recount { wanted, from, to, log_below, open_legs, open_calls, closed_calls: BTreeMap::new() }
    }

    /// What was counted of an open call.
    pub(crate) fn open_call(&mut self, counted: &Contribution) {
        if (self.from..self.to).contains(&counted.started_at) {
            self.open_calls.push(counted.clone());
        }
    }

    /// A leg of an open call; only these records of it, if there are more.
    pub(crate) fn open_leg(&mut self, leg_id: LegId, records: Option<&SmallVec<[Position; 1]>>) {
        self.open_legs.insert(leg_id, records.cloned());
    }

    /// This record of a leg is part of a closed call. It stands in the log at this position; `None` for the log of another partition.
    #[must_use]
    pub fn takes(&self, leg: &Leg, log_position: Option<u64>) -> bool {
        let is_open = |records: &Option<SmallVec<[Position; 1]>>| {
            records.as_ref().is_none_or(|records| records.contains(&leg.position))
        };
        log_position.is_none_or(|position| position < self.log_below)
            && !self.open_legs.get(&leg.leg_id).is_some_and(is_open)
    }

    /// The legs of these calls began from here and before there.
    #[must_use]
    pub fn legs_span(&self) -> (Moment, Moment) {
        (self.from.plus_ms(-CALL_SPAN_MS), self.to.plus_ms(CALL_SPAN_MS))
    }

    /// Takes what the legs of a closed call tell; others than those of the span are passed over.
    pub fn call(&mut self, line: &CallLine, directory: &Directory) {
        if (self.from..self.to).contains(&line.started_at) {
            self.closed_calls.insert(line.call_id.clone(), Contribution::of(line, directory));
        }
    }

    /// The windows.
    #[must_use]
    pub fn end(self) -> Vec<WindowNow> {
        let calls = || self.closed_calls.values().chain(&self.open_calls);
        self.wanted.iter().map(|forgotten| forgotten.recount(calls())).collect()
    }
}
