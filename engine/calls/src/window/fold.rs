//! The windows of one tenant: calls are added and taken away, in any order, and rows come out when the log's clock or the watermark says so.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use adapters::leg::{Moment, Text};
use chrono_tz::Tz;
use directory::{Directory, Scope, SiteError};
use rustc_hash::FxHashMap;

use super::event::WindowEvent;
use super::limit::{self, Now, Watched};
use super::sliding::{self, Sliding};
use super::{Contribution, Forgotten, Head, Kept, SLIDING_WIDTH_MS, Size, WindowKey, WindowNow, add, on};
use crate::measure::{Measure, Part, Parts, Thousandths};

/// Every window that is kept.
#[derive(Debug)]
pub struct Windows {
    tenant: Text,
    zone: Tz,
    kept: Kept,
    names: Names,
    windows: FxHashMap<Key, Window>,
    /// For each scope and size: what is kept, by its end.
    by_end: [[ByEnd; 3]; 7],
    /// What was changed since the last advance.
    changed: Vec<Key>,
    /// What was changed since it was told last.
    pending: Vec<Key>,
    /// The day around a moment: most calls are of the day of the call before.
    day: (Moment, Moment),
    clock: Moment,
    watermark: Moment,
    known_since: Moment,
    /// One bit for each measure that may have been told of a window of which nothing was told yet.
    told_before: u64,
    /// The next moment of the log's clock at which something may be told again.
    tell_at: Option<Moment>,
    sliding: Sliding,
    limits: Vec<Watched>,
    events: Vec<WindowEvent>,
    forgotten: BTreeSet<Forgotten>,
}

/// Which window. The scope is a number of [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    name: u32,
    size: Size,
    opened_at: i64,
}

#[derive(Debug)]
struct Window {
    ended_at: Moment,
    /// In the order of `On::parts`.
    sums: Box<[i64]>,
    /// One bit for each measure that was told, but for those that were 0 when the window was over.
    told: u64,
    told_at: Option<Moment>,
    is_changed: bool,
    is_pending: bool,
}

/// Windows of one scope and size.
#[derive(Debug)]
struct ByEnd {
    keys: BTreeMap<Moment, Vec<Key>>,
    count: usize,
    /// Windows that ended up to here and are not kept may have been: nobody knows what was in them.
    forgotten_through: Moment,
}

impl ByEnd {
    /// Most windows that are new are among the latest.
    fn add(&mut self, ended_at: Moment, key: Key) {
        self.count += 1;
        match self.keys.last_entry() {
            Some(mut latest) if *latest.key() == ended_at => latest.get_mut().push(key),
            _ => self.keys.entry(ended_at).or_default().push(key),
        }
    }
}

impl Windows {
    /// No window yet, of the directory's company, its zone and its limits.
    ///
    /// # Errors
    /// A limit on a measure that there is not, with its line in the site file and the measures that there are.
    pub fn new(kept: Kept, directory: &Directory) -> Result<Windows, SiteError> {
        let none = || ByEnd { keys: BTreeMap::new(), count: 0, forgotten_through: Moment(i64::MIN) };
        Ok(Windows {
            tenant: directory.tenant().into(),
            zone: directory.zone(),
            kept,
            names: Names::default(),
            windows: FxHashMap::default(),
            by_end: std::array::from_fn(|_| std::array::from_fn(|_| none())),
            changed: Vec::new(),
            pending: Vec::new(),
            day: (Moment(i64::MAX), Moment(i64::MAX)),
            clock: Moment(i64::MIN),
            watermark: Moment(i64::MIN),
            known_since: Moment(i64::MIN),
            told_before: 0,
            tell_at: None,
            sliding: Sliding::default(),
            limits: limit::read(directory)?,
            events: Vec::new(),
            forgotten: BTreeSet::new(),
        })
    }

    /// Calls that began before this moment are not added, though there may have been some: a window that begins before is not whole.
    pub fn known_since(&mut self, moment: Moment) {
        self.known_since = moment;
    }

    /// What is added from now on was added before, in a life that is over, and what was told then is not known: every measure is told, also
    /// of nothing, until [`Windows::restored`].
    pub fn restore(&mut self) {
        self.told_before = u64::MAX;
    }

    /// Everything that was added before has been.
    pub fn restored(&mut self) {
        self.told_before = 0;
    }

    /// Calls that began before are not all here.
    #[must_use]
    pub fn is_known(&self, started_at: Moment) -> bool {
        started_at >= self.known_since
    }

    /// Adds a call.
    pub fn add(&mut self, contribution: &Contribution) {
        self.change(contribution, 1);
    }

    /// Takes away what was added: the exact inverse.
    pub fn take_away(&mut self, contribution: &Contribution) {
        self.change(contribution, -1);
    }

    /// Windows that are kept no more and have changed all the same, since this was asked last: to be counted again from the calls.
    pub fn dirty_forgotten(&mut self) -> Vec<Forgotten> {
        std::mem::take(&mut self.forgotten).into_iter().collect()
    }

    /// What happened to limits and windows since this was asked last.
    pub fn events(&mut self) -> Vec<WindowEvent> {
        std::mem::take(&mut self.events)
    }

    /// Windows that are kept.
    #[must_use]
    pub fn kept_windows(&self) -> usize {
        self.windows.len()
    }

    /// Tells what has changed: a window that goes on at most once in `early_every_s` of the log's clock, one that is over at once, and one
    /// that the watermark passes now whether it changed or not. Then the oldest are let go.
    pub fn advance(&mut self, log_clock: Moment, watermark: Option<Moment>, mut emit: impl FnMut(WindowNow)) {
        let before = self.watermark;
        self.clock = self.clock.max(log_clock);
        self.watermark = self.watermark.max(watermark.unwrap_or(self.watermark));
        self.take_changed();
        let mut due = self.passed(before);
        due.extend(self.take_due());
        for key in self.in_order(due) {
            self.tell(key, &mut emit);
        }
        self.tell_sliding(false, &mut emit);
        self.judge_closed();
        self.let_go(&mut emit);
        let early_ms = self.kept.early_every_s * 1000;
        let told_at = |key: &Key| self.windows.get(key).and_then(|window| window.told_at);
        self.tell_at = self.pending.iter().map(|key| told_at(key).unwrap_or(self.clock).plus_ms(early_ms)).min();
    }

    /// All measures of this window are told again; one that is kept no more is to be counted again.
    pub fn tell_again(&mut self, wanted: &WindowKey) {
        self.tell_at = Some(self.clock);
        let Some(scope) = wanted.counted_on() else { return };
        let Some(size) = Size::ALL.into_iter().find(|size| size.seconds() == wanted.size_s) else { return };
        if wanted.is_sliding() {
            self.sliding.tell_again(&wanted.scope_id, wanted.opened_at);
            return;
        }
        let key =
            self.names.known(scope, &wanted.scope_id).map(|name| Key { name, size, opened_at: wanted.opened_at.0 });
        match key.and_then(|key| Some((key, self.windows.get_mut(&key)?))) {
            Some((key, window)) => {
                window.told = u64::MAX;
                window.told_at = None;
                if !std::mem::replace(&mut window.is_pending, true) {
                    self.pending.push(key);
                }
            }
            None => {
                let (opened_at, ended_at) = size.around(wanted.opened_at, self.zone);
                self.note_forgotten(scope, &wanted.scope_id, size, opened_at, ended_at);
            }
        }
    }

    /// Tells what has changed and waits for its time to be told, or for its end.
    pub fn tell_all(&mut self, mut emit: impl FnMut(WindowNow)) {
        self.take_changed();
        let due = std::mem::take(&mut self.pending);
        for key in self.in_order(due) {
            self.tell(key, &mut emit);
        }
        self.tell_sliding(true, &mut emit);
        self.tell_at = None;
    }

    /// The next moment of the log's clock at which something may be told that has changed already.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        self.tell_at
    }

    /// The next moment that the watermark can pass the end of a window at; `None` if it has passed all of them.
    #[must_use]
    pub fn next_end(&self) -> Option<Moment> {
        let is_ahead =
            |list: &ByEnd| list.keys.last_key_value().is_some_and(|(ended_at, _)| *ended_at > self.watermark);
        let is_any = self.sliding.is_due_later() || self.by_end.iter().flatten().any(is_ahead);
        let (_, next) = Size::FiveMinutes.around(self.watermark, self.zone);
        (is_any && self.watermark.0 != i64::MIN).then_some(next)
    }

    fn change(&mut self, contribution: &Contribution, sign: i64) {
        if contribution.is_empty() {
            return;
        }
        let at = contribution.started_at;
        if !(self.day.0..self.day.1).contains(&at) {
            self.day = Size::Day.around(at, self.zone);
        }
        let [five_minutes, hour] = [Size::FiveMinutes, Size::Hour].map(|size| (size, size.around(at, self.zone)));
        let spans = [five_minutes, hour, (Size::Day, self.day)];
        for (scope, id, parts) in contribution.added() {
            let name = self.names.number(scope, id);
            for &(size, (opened_at, ended_at)) in &spans {
                let key = Key { name, size, opened_at: opened_at.0 };
                if let Some(window) = self.windows.get_mut(&key) {
                    add(&mut window.sums, parts, sign);
                    if !window.is_changed {
                        window.is_changed = true;
                        self.changed.push(key);
                    }
                } else if self.is_forgotten(scope, size, opened_at, ended_at) {
                    self.note_forgotten(scope, id, size, opened_at, ended_at);
                } else {
                    let mut sums = vec![0; on(scope).parts().len()].into_boxed_slice();
                    add(&mut sums, parts, sign);
                    let window = Window { ended_at, sums, told: 0, told_at: None, is_changed: true, is_pending: false };
                    self.windows.insert(key, window);
                    self.changed.push(key);
                    self.names.hold(name);
                    let list = &mut self.by_end[scope as usize][size as usize];
                    list.add(ended_at, key);
                }
            }
            self.names.let_go_if_unused(name);
        }
    }

    fn is_forgotten(&self, scope: Scope, size: Size, opened_at: Moment, ended_at: Moment) -> bool {
        opened_at < self.known_since || ended_at <= self.by_end[scope as usize][size as usize].forgotten_through
    }

    fn note_forgotten(&mut self, scope: Scope, id: &Text, size: Size, opened_at: Moment, ended_at: Moment) {
        let (tenant, scope_id) = (self.tenant.clone(), id.clone());
        let size_s = size.seconds();
        self.forgotten.insert(Forgotten { tenant, scope, scope_id, size_s, is_sliding: false, opened_at, ended_at });
        if (scope, size) == (Scope::Queue, Size::FiveMinutes) {
            self.forgotten.extend(sliding::forgotten(&self.tenant, id, opened_at));
        }
    }

    /// Sees what was changed: limits, sliding windows, and what is to be told.
    fn take_changed(&mut self) {
        let mut changed = std::mem::take(&mut self.changed);
        // Only what limits say of them is told in their order.
        if !self.limits.is_empty() {
            changed = self.in_order(changed);
        }
        let mut limits = std::mem::take(&mut self.limits);
        let mut events = std::mem::take(&mut self.events);
        for key in &changed {
            let (scope, id) = self.names.of(key.name).clone();
            let opened_at = Moment(key.opened_at);
            if (scope, key.size) == (Scope::Queue, Size::FiveMinutes) {
                self.sliding.changed(&id, opened_at);
            }
            for limit in limits.iter_mut().filter(|l| l.looks_at(scope, key.size, &id)) {
                self.judge(limit, *key, &id, &mut events);
            }
            let Some(window) = self.windows.get_mut(key) else { continue };
            window.is_changed = false;
            if !window.is_pending {
                window.is_pending = true;
                self.pending.push(*key);
            }
        }
        self.limits = limits;
        self.events = events;
        changed.clear();
        self.changed = changed;
    }

    fn judge(&self, limit: &mut Watched, key: Key, id: &Text, events: &mut Vec<WindowEvent>) {
        let now = Now { tenant: &self.tenant, clock: self.clock, watermark: self.watermark };
        let opened_at = Moment(key.opened_at);
        if !limit.is_sliding {
            let Some(window) = self.windows.get(&key) else { return };
            let value = (limit.measure.value)(&Parts::new(on(limit.scope), &window.sums));
            return limit.changed(&now, id, (opened_at, window.ended_at), value, events);
        }
        // An hour of which some minutes have not begun holds no more than the one before.
        let (_, now_ends) = Size::FiveMinutes.around(self.clock, self.zone);
        for opened_at in sliding::around(opened_at) {
            let ended_at = opened_at.plus_ms(SLIDING_WIDTH_MS);
            if ended_at <= now_ends {
                let value = self.sliding_value(limit.measure, limit.scope, id, opened_at);
                limit.changed(&now, id, (opened_at, ended_at), value, events);
            }
        }
    }

    fn judge_closed(&mut self) {
        let mut limits = std::mem::take(&mut self.limits);
        let mut events = std::mem::take(&mut self.events);
        let now = Now { tenant: &self.tenant, clock: self.clock, watermark: self.watermark };
        let next = |size: Size, is_sliding: bool, opened_at: Moment| {
            if is_sliding {
                let opened_at = opened_at.plus_ms(sliding::STEP_MS);
                return (opened_at, opened_at.plus_ms(SLIDING_WIDTH_MS));
            }
            let (_, ended_at) = size.around(opened_at, self.zone);
            size.around(ended_at, self.zone)
        };
        let value = |limit: &Watched, id: &Text, opened_at: Moment| {
            if limit.is_sliding {
                return self.sliding_value(limit.measure, limit.scope, id, opened_at);
            }
            let name = self.names.known(limit.scope, id)?;
            let window = self.windows.get(&Key { name, size: limit.size, opened_at: opened_at.0 })?;
            (limit.measure.value)(&Parts::new(on(limit.scope), &window.sums))
        };
        for limit in &mut limits {
            limit.closed(&now, next, value, &mut events);
        }
        self.limits = limits;
        self.events = events;
    }

    fn sliding_value(&self, measure: &Measure, scope: Scope, id: &Text, opened_at: Moment) -> Option<Thousandths> {
        (measure.value)(&Parts::new(on(scope), &self.sliding_sums(scope, id, opened_at)))
    }

    fn sliding_sums(&self, scope: Scope, id: &Text, opened_at: Moment) -> Vec<i64> {
        let mut sums = vec![0; on(scope).parts().len()];
        let Some(name) = self.names.known(scope, id) else { return sums };
        for opened_at in sliding::within(opened_at) {
            let key = Key { name, size: Size::FiveMinutes, opened_at: opened_at.0 };
            if let Some(window) = self.windows.get(&key) {
                sums.iter_mut().zip(&window.sums).for_each(|(sum, part)| *sum += part);
            }
        }
        sums
    }

    /// The windows that the watermark has passed since it stood at `before`.
    fn passed(&mut self, before: Moment) -> Vec<Key> {
        if self.watermark <= before {
            return Vec::new();
        }
        let span = (Bound::Excluded(before), Bound::Included(self.watermark));
        let lists = self.by_end.iter().flatten();
        let passed: Vec<Key> =
            lists.flat_map(|list| list.keys.range(span).flat_map(|(_, keys)| keys)).copied().collect();
        let of_tenant = passed.iter().copied().filter(|key| self.names.of(key.name).0 == Scope::Tenant).collect();
        for key in self.in_order(of_tenant) {
            let Some(window) = self.windows.get(&key) else { continue };
            if Parts::new(on(Scope::Tenant), &window.sums).of(Part::Offered) != 0 {
                self.events.push(WindowEvent::WindowClosed {
                    tenant: self.tenant.clone(),
                    size_s: key.size.seconds(),
                    opened_at: Moment(key.opened_at),
                    ended_at: window.ended_at,
                    at: self.clock,
                });
            }
        }
        passed
    }

    /// What was changed and may be told now.
    fn take_due(&mut self) -> Vec<Key> {
        let early_ms = self.kept.early_every_s * 1000;
        let (clock, watermark, windows) = (self.clock, self.watermark, &self.windows);
        let is_due = |key: &mut Key| {
            windows.get(key).is_none_or(|window| {
                window.ended_at <= watermark || window.told_at.is_none_or(|told_at| clock.ms_since(told_at) >= early_ms)
            })
        };
        self.pending.extract_if(.., is_due).collect()
    }

    fn tell(&mut self, key: Key, emit: &mut impl FnMut(WindowNow)) {
        let Some(window) = self.windows.get_mut(&key) else { return };
        let (scope, id) = self.names.of(key.name);
        window.is_pending = false;
        window.told_at = Some(self.clock);
        let head = Head { tenant: &self.tenant, scope: scope.word(), scope_id: id, size_s: key.size.seconds() };
        let is_final = window.ended_at <= self.watermark;
        window.told |= self.told_before;
        let now = head.now(on(*scope), &window.sums, Moment(key.opened_at), is_final, &mut window.told);
        if !now.values.is_empty() {
            emit(now);
        }
    }

    fn tell_sliding(&mut self, is_end: bool, emit: &mut impl FnMut(WindowNow)) {
        let through = self.by_end[Scope::Queue as usize][Size::FiveMinutes as usize].forgotten_through;
        let known_since = self.known_since;
        let is_whole = |opened_at: Moment| opened_at >= known_since && opened_at.plus_ms(sliding::STEP_MS) > through;
        for (opened_at, queue) in self.sliding.take_due(self.watermark, is_end) {
            if !is_whole(opened_at) {
                self.forgotten.insert(sliding::one_forgotten(&self.tenant, &queue, opened_at));
                continue;
            }
            let sums = self.sliding_sums(Scope::Queue, &queue, opened_at);
            let is_final = opened_at.plus_ms(SLIDING_WIDTH_MS) <= self.watermark;
            let now = self.sliding.now(&self.tenant, (opened_at, queue), &sums, is_final, self.told_before);
            now.into_iter().for_each(&mut *emit);
        }
        self.sliding.forget(is_whole);
    }

    /// Lets the oldest go. Those that are over have been told; of those that are not, what is known is told before.
    fn let_go(&mut self, emit: &mut impl FnMut(WindowNow)) {
        for scope in Scope::ALL {
            for size in Size::ALL {
                let keep = self.kept.of(scope, size);
                let until = self.watermark.plus_ms(-keep.keep_s * 1000);
                loop {
                    let list = &mut self.by_end[scope as usize][size as usize];
                    let Some(oldest) = list.keys.first_entry() else { break };
                    let is_old = *oldest.key() <= until;
                    let is_too_many = list.count > keep.windows_max;
                    let (ended_at, keys) = match (is_old, is_too_many) {
                        (true, _) => oldest.remove_entry(),
                        (false, true) if list.keys.len() > 1 => match list.keys.pop_first() {
                            Some(oldest) => oldest,
                            None => break,
                        },
                        _ => break,
                    };
                    list.count -= keys.len();
                    list.forgotten_through = list.forgotten_through.max(ended_at);
                    let is_pending = |key: &Key| self.windows.get(key).is_some_and(|window| window.is_pending);
                    let pending: Vec<Key> = keys.iter().copied().filter(is_pending).collect();
                    for key in self.in_order(pending) {
                        self.tell(key, emit);
                    }
                    for key in keys {
                        self.windows.remove(&key);
                        self.names.release(key.name);
                    }
                }
                let list = &mut self.by_end[scope as usize][size as usize];
                list.forgotten_through = list.forgotten_through.max(until);
            }
        }
    }

    /// Each once, by whose it is, and when: so that the order in which calls came shows nowhere. Of one name there are many, and to
    /// compare names takes long: they are put in order among themselves first.
    fn in_order(&self, mut keys: Vec<Key>) -> Vec<Key> {
        if keys.len() < 2 {
            return keys;
        }
        keys.sort_unstable();
        keys.dedup();
        let mut by_name: Vec<&[Key]> = keys.chunk_by(|a, b| a.name == b.name).collect();
        by_name.sort_unstable_by_key(|keys| keys.first().map(|key| self.names.of(key.name)));
        by_name.concat()
    }
}

/// Ids of scopes as numbers, as long as there is a window of them.
#[derive(Debug, Default)]
struct Names {
    numbers: [FxHashMap<Text, u32>; 7],
    names: Vec<(Scope, Text)>,
    /// How many windows each has.
    windows: Vec<u32>,
    free: Vec<u32>,
}

impl Names {
    fn known(&self, scope: Scope, id: &Text) -> Option<u32> {
        self.numbers[scope as usize].get(id).copied()
    }

    fn number(&mut self, scope: Scope, id: &Text) -> u32 {
        if let Some(number) = self.known(scope, id) {
            return number;
        }
        let number = match self.free.pop() {
            Some(number) => {
                self.names[number as usize] = (scope, id.clone());
                number
            }
            None => {
                self.names.push((scope, id.clone()));
                self.windows.push(0);
                self.names.len() as u32 - 1
            }
        };
        self.numbers[scope as usize].insert(id.clone(), number);
        number
    }

    fn of(&self, number: u32) -> &(Scope, Text) {
        &self.names[number as usize]
    }

    fn hold(&mut self, number: u32) {
        self.windows[number as usize] += 1;
    }

    fn release(&mut self, number: u32) {
        self.windows[number as usize] -= 1;
        self.let_go_if_unused(number);
    }

    fn let_go_if_unused(&mut self, number: u32) {
        if self.windows[number as usize] == 0 {
            let (scope, id) = &self.names[number as usize];
            self.numbers[*scope as usize].remove(id);
            self.free.push(number);
        }
    }
}
