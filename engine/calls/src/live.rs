//! The live fold: legs as the log brings them in, conclusions out as soon as they hold, and again whenever they change.
//!
//! Every conclusion is a function of the set of legs that are known; the log's clock decides only how much is held in memory,
//! when a verdict is final, and when a follow-up is expired. A leg of a call that was closed before waits for the legs that the
//! store has of it ([`Live::wanted`], [`Live::answer`]): it is never judged alone.

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::{KeyKind, LegId, Moment, Position, Text};
use adapters::{Ends, Leg};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::assemble::{Assembly, Hold, Slot, stored_keys};
use crate::call::{self, Call};
use crate::customers::{Customers, FollowUp};
use crate::fold::{HELD_LEGS_MAX, MARKED_HOLD_MS, PRESSED_HOLD_MS, contact};
use crate::follow_up;
use crate::line::CallLine;
use crate::remembered::Remembered;
use crate::site::Site;

/// What is concluded.
#[derive(Clone, Debug, PartialEq)]
pub enum Conclusion {
    /// A call, as it is now.
    Call(Box<CallLine>),
    /// A name under which a call was told, and that is no call any more: the line of the call that it is part of, with the old
    /// `call_id` and with `merged_into`.
    Merged(Box<CallLine>),
    /// What is owed to a customer, as it is now.
    FollowUp(Box<FollowUp>),
}

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Names of closed calls are remembered this long, in milliseconds of the log's time.
    pub remembered_ms: i64,
    /// At most so many names.
    pub remembered_keys_max: usize,
    /// Keys in one question to the store.
    pub wanted_keys_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { remembered_ms: 8 * 86_400_000, remembered_keys_max: 20_000_000, wanted_keys_max: 1000 }
    }
}

/// Stored legs that are wanted before some late ones may be judged: all with one of these keys (see [`stored_keys`]) that were
/// between these moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Hashes of link keys.
    pub keys: Vec<u64>,
    /// Legs that began before are not wanted.
    pub from: Moment,
    /// Legs that began later are not wanted.
    pub to: Moment,
}

/// The longest that legs of one call lie apart, in milliseconds: what is asked of the store reaches so far to both sides.
pub const CALL_SPAN_MS: i64 = 2 * 86_400_000;

/// All calls of one company that are open.
pub struct Live<'d> {
    site: Site<'d>,
    assembly: Assembly,
    clock: Moment,
    hold: Hold,
    limits: Limits,
    several_files: bool,
    /// After the leg that says that it is the last, those written with it have had this long to come.
    settle_ms: i64,
    told: FxHashMap<Slot, Told>,
    changed: BTreeSet<Slot>,
    /// When a call that is marked as ended becomes final.
    settling: BTreeSet<(Moment, Slot)>,
    remembered: Remembered,
    forgot_at: Moment,
    /// Late legs: their calls wait for what the store has.
    late: FxHashSet<Slot>,
    /// The late legs themselves.
    late_legs: FxHashSet<(LegId, Position)>,
    reopening: Option<Reopening>,
    customers: Customers,
    reopened: u64,
}

/// What was told of a call that is open.
#[derive(Default)]
struct Told {
    /// More than one where calls were joined since.
    names: SmallVec<[Name; 1]>,
    is_final: bool,
}

/// A call as it was told.
struct Name {
    call_id: Text,
    /// Of the conclusion that was told.
    content: u64,
    /// Whose list of contacts has it.
    customer: Option<Text>,
}

/// Late legs whose calls are being read back.
struct Reopening {
    slots: Vec<Slot>,
    asked: FxHashSet<u64>,
    to_ask: Vec<u64>,
    from: Moment,
    to: Moment,
    legs: BTreeMap<(LegId, Position), Leg>,
    is_out: bool,
}

impl<'d> Live<'d> {
    /// An empty fold. `ends` are those of the adapters whose legs can come.
    #[must_use]
    pub fn new(site: Site<'d>, ends: &[Ends], several_files: bool, limits: Limits) -> Live<'d> {
        let silence = ends.iter().filter_map(|e| match e {
            Ends::Silence { idle_s, .. } => Some(i64::from(*idle_s) * 1000),
            Ends::EachRecord => Some(0),
            Ends::Marker { .. } | Ends::Never => None,
        });
        let settle = ends.iter().filter_map(|e| match e {
            Ends::Marker { settle_s } => Some(i64::from(*settle_s) * 1000),
            Ends::EachRecord | Ends::Silence { .. } | Ends::Never => None,
        });
        let (silence, settle) = (silence.max(), settle.max());
        let grace_ms = site.directory.grace_ms();
        // Where a format has a marker, silence alone ends nothing before the grace is over.
        let idle_ms = if settle.is_some() { grace_ms } else { silence.unwrap_or(grace_ms) };
        let idle_ms = idle_ms.max(MARKED_HOLD_MS);
        let hold = Hold { marked_ms: MARKED_HOLD_MS, among_us_ms: idle_ms, idle_ms, by_log_time: true };
        let follow_ups = follow_up::Limits {
            talk_min_ms: site.directory.talk_min_ms(),
            expires_after_ms: site.directory.expires_after_ms(),
        };
        Live {
            customers: Customers::new(site.directory.tenant().into(), follow_ups),
            site,
            assembly: Assembly::new(hold),
            clock: Moment(i64::MIN),
            hold,
            limits,
            several_files,
            settle_ms: settle.unwrap_or(0),
            told: FxHashMap::default(),
            changed: BTreeSet::new(),
            settling: BTreeSet::new(),
            remembered: Remembered::default(),
            forgot_at: Moment(i64::MIN),
            late: FxHashSet::default(),
            late_legs: FxHashSet::default(),
            reopening: None,
            reopened: 0,
        }
    }

    /// Takes a leg that reached the log at this moment.
    pub fn push(&mut self, leg: Leg, logged_at: Moment) {
        self.clock = self.clock.max(logged_at);
        let is_late = self.may_be_late(&leg);
        let (name, ends_call) = ((leg.leg_id, leg.position), leg.ends_call);
        let pushed = self.assembly.push(leg, logged_at);
        let slot = pushed.slot;
        for gone in &pushed.absorbed {
            self.join(slot, *gone);
        }
        if is_late {
            self.late.insert(slot);
            self.late_legs.insert(name);
        }
        self.changed.insert(slot);
        if ends_call {
            self.settling.insert((logged_at.plus_ms(self.settle_ms), slot));
        }
    }

    /// Two calls turned out to be one.
    fn join(&mut self, slot: Slot, gone: Slot) {
        self.changed.remove(&gone);
        if let Some(told) = self.told.remove(&gone) {
            self.told.entry(slot).or_default().join(told);
        }
        if self.late.remove(&gone) {
            self.late.insert(slot);
        }
    }

    fn may_be_late(&self, leg: &Leg) -> bool {
        let from = leg.started_at.or(leg.answered_at).or(leg.ended_at).unwrap_or_default();
        let to = leg.ended_at.unwrap_or(from).max(from);
        if self.remembered.is_before(to) {
            return true;
        }
        if self.remembered.is_empty() {
            return false;
        }
        let kinds = leg.link_keys.iter().map(|k| k.kind).chain(std::iter::once(KeyKind::Id));
        stored_keys(leg).zip(kinds).any(|(key, kind)| self.remembered.has(kind, key, from, to))
    }

    /// The log's clock.
    pub fn advance(&mut self, clock: Moment) {
        self.clock = self.clock.max(clock);
    }

    /// The log's clock as it is known here.
    #[must_use]
    pub fn clock(&self) -> Moment {
        self.clock
    }

    /// Nothing changes by time alone before this moment.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        let settling = self.settling.first().map(|(due, _)| *due);
        [settling, self.assembly.next_due(), self.customers.next_due()].into_iter().flatten().min()
    }

    /// Calls that are open or held.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.assembly.open_calls()
    }

    /// Legs that are held.
    #[must_use]
    pub fn held_legs(&self) -> usize {
        self.assembly.held_legs()
    }

    /// Calls that were read back from the store since the fold began.
    #[must_use]
    pub fn reopened_calls(&self) -> u64 {
        self.reopened
    }

    /// Late legs wait for the store.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.late.is_empty() || self.reopening.is_some()
    }

    /// Gives everything that has changed since it was asked last. `with_early`: also calls that are not final yet.
    pub fn conclude(&mut self, with_early: bool, emit: &mut impl FnMut(Conclusion)) {
        while let Some((due, slot)) = self.settling.first().copied().filter(|(due, _)| *due <= self.clock) {
            self.settling.remove(&(due, slot));
            let slot = self.assembly.root(slot);
            if self.told.get(&slot).is_none_or(|t| !t.is_final) && self.assembly.is_open(slot) {
                self.changed.insert(slot);
            }
        }
        for slot in std::mem::take(&mut self.changed) {
            if self.is_late(slot) {
                self.changed.insert(slot);
                continue;
            }
            let is_final = self.is_final(slot);
            if is_final || with_early {
                self.tell(slot, is_final, emit);
            } else {
                self.changed.insert(slot);
            }
        }
        self.close_quiet(emit);
        self.customers.conclude(self.clock, &mut |f| emit(Conclusion::FollowUp(Box::new(f))));
        self.forget();
    }

    /// The log has ended: every call is final as it is, those that wait for the store excepted. The fold goes on if the log does.
    pub fn end(&mut self, emit: &mut impl FnMut(Conclusion)) {
        self.conclude(false, emit);
        let slots: Vec<Slot> = self.assembly.slots().collect();
        for slot in slots {
            if self.told.get(&slot).is_none_or(|t| !t.is_final) && !self.is_late(slot) {
                self.tell(slot, true, emit);
            }
        }
        self.customers.conclude(self.clock, &mut |f| emit(Conclusion::FollowUp(Box::new(f))));
    }

    fn is_late(&self, slot: Slot) -> bool {
        self.late.contains(&slot) || self.reopening.as_ref().is_some_and(|r| r.slots.contains(&slot))
    }

    /// What was final stays so, though what it says may still be revised; else all legs that say that they are the last have
    /// come, and those written with them have had their time.
    fn is_final(&self, slot: Slot) -> bool {
        let settled = || self.clock.ms_since(self.assembly.touched(slot)) >= self.settle_ms;
        self.told.get(&slot).is_some_and(|t| t.is_final)
            || self.assembly.is_marked(slot) && settled() && is_ended(self.assembly.legs(slot))
    }

    /// Folds a call and gives what has changed of it. It is open still.
    fn tell(&mut self, slot: Slot, is_final: bool, emit: &mut impl FnMut(Conclusion)) {
        let slot = self.assembly.root(slot);
        let call = call::fold(self.assembly.legs(slot), &mut self.site, self.several_files, is_final);
        let before = self.told.remove(&slot).unwrap_or_default();
        let told = self.change(before, call, is_final, emit);
        self.told.insert(slot, told);
    }

    /// Gives the difference between what was told of some legs and what they say now.
    fn change(&mut self, before: Told, call: Option<Call>, is_final: bool, emit: &mut impl FnMut(Conclusion)) -> Told {
        let Some(mut call) = call else { return before };
        let call_id = call.line.call_id.clone();
        let content = content(&mut call);
        let is_known = before.names.iter().any(|n| n.call_id == call_id && n.content == content);
        for name in before.names {
            if let Some(customer) = &name.customer {
                self.customers.remove(customer, &name.call_id);
            }
            if name.call_id != call_id {
                let merged_into = Some(call_id.clone());
                let line = CallLine { call_id: name.call_id, merged_into, follow_up: None, ..call.line.clone() };
                emit(Conclusion::Merged(Box::new(line)));
            }
        }
        let mut customer = None;
        if is_final {
            let contact = contact(&call);
            let owed_alone = call.owed && call.withheld;
            customer = if owed_alone { Some(Text::default()) } else { call.customer.clone() };
            if let Some(customer) = &customer {
                self.customers.add(customer, contact);
            }
        }
        if !is_known || is_final != before.is_final {
            emit(Conclusion::Call(Box::new(call.line)));
        }
        Told { names: SmallVec::from_iter([Name { call_id, content, customer }]), is_final }
    }

    /// Lets calls go that have been quiet for long enough, and remembers their names.
    fn close_quiet(&mut self, emit: &mut impl FnMut(Conclusion)) {
        let mut quiet = self.assembly.quiet(self.clock);
        if self.assembly.held_legs() > HELD_LEGS_MAX {
            let hold = Hold { marked_ms: PRESSED_HOLD_MS, among_us_ms: PRESSED_HOLD_MS, ..self.hold };
            quiet.extend(self.assembly.quiet_sooner(self.clock, hold));
            quiet.sort_unstable();
            quiet.dedup();
        }
        for slot in quiet {
            // One that waits for the store is looked at again when the answer came.
            if self.is_late(slot) {
                continue;
            }
            self.changed.remove(&slot);
            let keys: SmallVec<[(KeyKind, u64); 6]> = self.assembly.keys(slot).collect();
            let legs = self.assembly.take(slot);
            let from = legs.iter().filter_map(|l| l.started_at.or(l.answered_at).or(l.ended_at)).min();
            let to = legs.iter().filter_map(|l| l.ended_at.or(l.started_at)).max();
            let (from, to) = (from.unwrap_or_default(), to.or(from).unwrap_or_default());
            for (_, key) in keys {
                self.remembered.close(key, from, to, self.clock);
            }
            let told = self.told.remove(&slot).unwrap_or_default();
            let call = call::fold(legs.iter().map(AsRef::as_ref), &mut self.site, self.several_files, true);
            self.change(told, call, true, emit);
        }
    }

    fn forget(&mut self) {
        const EVERY_MS: i64 = 3_600_000;
        let too_many = self.remembered.len() > self.limits.remembered_keys_max;
        if !too_many && self.forgot_at.0 != i64::MIN && self.clock.ms_since(self.forgot_at) < EVERY_MS {
            return;
        }
        self.forgot_at = self.clock;
        let before = self.clock.plus_ms(-self.limits.remembered_ms);
        self.remembered.forget(before, self.limits.remembered_keys_max);
    }
}

/// Reading back closed calls.
impl Live<'_> {
    /// The next question to the store, if late legs wait and none is out. What was pushed before must be stored when it is asked.
    pub fn wanted(&mut self) -> Option<Wanted> {
        if self.reopening.is_none() && !self.late.is_empty() {
            let mut slots: Vec<Slot> = std::mem::take(&mut self.late).into_iter().collect();
            slots.sort_unstable();
            let mut reopening = Reopening::of(slots);
            for slot in reopening.slots.clone() {
                for leg in self.assembly.legs(slot) {
                    reopening.want(leg);
                }
            }
            self.reopening = Some(reopening);
        }
        let reopening = self.reopening.as_mut().filter(|r| !r.is_out)?;
        reopening.is_out = true;
        let at = reopening.to_ask.len().saturating_sub(self.limits.wanted_keys_max);
        let keys = reopening.to_ask.split_off(at);
        Some(Wanted { keys, from: reopening.from, to: reopening.to })
    }

    /// What the store has of what was wanted. More may be wanted then.
    pub fn answer(&mut self, legs: impl IntoIterator<Item = Leg>) {
        let Some(mut reopening) = self.reopening.take() else { return };
        reopening.is_out = false;
        for leg in legs {
            reopening.want(&leg);
            reopening.legs.insert((leg.leg_id, leg.position), leg);
        }
        if reopening.to_ask.is_empty() {
            self.reopen(reopening);
        } else {
            self.reopening = Some(reopening);
        }
    }

    /// The store cannot be asked now: the same will be wanted again.
    pub fn not_answered(&mut self) {
        if let Some(reopening) = &mut self.reopening {
            let slots = std::mem::take(&mut reopening.slots);
            self.late.extend(slots.into_iter().map(|s| self.assembly.root(s)));
            self.reopening = None;
        }
    }

    /// Unites the late legs with what was closed, as if it had never been.
    fn reopen(&mut self, reopening: Reopening) {
        // What was told when they were closed: the calls of these legs alone.
        let mut closed = Assembly::new(self.hold);
        // Which of those the late legs are part of.
        let mut united = Assembly::new(self.hold);
        let waiting: Vec<Slot> = reopening.slots.iter().map(|s| self.assembly.root(*s)).collect();
        for slot in &waiting {
            for leg in self.assembly.legs(*slot) {
                united.push(leg.clone(), self.clock);
            }
        }
        let late: Vec<Leg> = waiting.iter().flat_map(|s| self.assembly.legs(*s)).cloned().collect();
        let late_ids: FxHashSet<LegId> = self.late_legs.iter().map(|(id, _)| *id).collect();
        for (name, leg) in &reopening.legs {
            // One that is open came after its call was closed, or is no part of a closed one; another record of a late leg may be.
            let is_open = self.assembly.holds(leg);
            if !is_open || late_ids.contains(&leg.leg_id) && !self.late_legs.contains(name) {
                closed.push(leg.clone(), self.clock);
                united.push(leg.clone(), self.clock);
            }
        }
        let with_late: FxHashSet<Slot> = late.into_iter().map(|leg| united.push(leg, self.clock).slot).collect();
        let slots: Vec<Slot> = closed.slots().collect();
        for slot in slots {
            let Some(first) = closed.legs(slot).next().cloned() else { continue };
            if !with_late.contains(&united.push(first.clone(), self.clock).slot) {
                continue;
            }
            let call = call::fold(closed.legs(slot), &mut self.site, self.several_files, true);
            let legs: Vec<Leg> = closed.legs(slot).cloned().collect();
            for leg in legs {
                self.push_known(leg);
            }
            self.reopened += 1;
            let Some(mut call) = call else { continue };
            let root = self.assembly.push(first, self.clock).slot;
            let customer = if call.owed && call.withheld { Some(Text::default()) } else { call.customer.clone() };
            let name = Name { call_id: call.line.call_id.clone(), content: content(&mut call), customer };
            let told = Told { names: SmallVec::from_iter([name]), is_final: true };
            self.told.entry(root).or_default().join(told);
        }
        for slot in waiting {
            for leg in self.assembly.legs(slot) {
                self.late_legs.remove(&(leg.leg_id, leg.position));
            }
            let slot = self.assembly.root(slot);
            self.assembly.touch(slot, self.clock);
            self.changed.insert(slot);
        }
    }

    /// Takes a leg of a closed call back: its names are those of an open call again.
    fn push_known(&mut self, leg: Leg) {
        for key in stored_keys(&leg) {
            self.remembered.reopen(key);
        }
        let pushed = self.assembly.push(leg, self.clock);
        for gone in &pushed.absorbed {
            self.join(pushed.slot, *gone);
        }
        self.changed.insert(pushed.slot);
    }
}

impl Told {
    /// What was told of another part of the same call: the whole is final if every part that was told is.
    fn join(&mut self, other: Told) {
        self.is_final = other.is_final && (self.is_final || self.names.is_empty());
        self.names.extend(other.names);
    }
}

impl Reopening {
    fn of(slots: Vec<Slot>) -> Reopening {
        Reopening {
            slots,
            asked: FxHashSet::default(),
            to_ask: Vec::new(),
            from: Moment(i64::MAX),
            to: Moment(i64::MIN),
            legs: BTreeMap::new(),
            is_out: false,
        }
    }

    /// Everything that shares a key with this leg.
    fn want(&mut self, leg: &Leg) {
        let from = leg.started_at.or(leg.answered_at).or(leg.ended_at).unwrap_or_default();
        self.from = self.from.min(from.plus_ms(-CALL_SPAN_MS));
        self.to = self.to.max(leg.ended_at.unwrap_or(from).plus_ms(CALL_SPAN_MS));
        for key in stored_keys(leg) {
            if self.asked.insert(key) {
                self.to_ask.push(key);
            }
        }
    }
}

/// True if all legs are there that say that they are the last: of each part of the call whose legs share ids, one. A hand-over joins
/// two such parts, and the end of a consultation is not the end of the caller's own.
fn is_ended<'l>(legs: impl Iterator<Item = &'l Leg>) -> bool {
    let legs: SmallVec<[&Leg; 8]> = legs.collect();
    let ids = |leg: &'l Leg| leg.link_keys.iter().filter(|k| k.kind == KeyKind::Id).map(|k| k.value.as_str());
    let mut ended: FxHashSet<&str> = legs.iter().filter(|l| l.ends_call).flat_map(|l| ids(l)).collect();
    let mut open: SmallVec<[&Leg; 8]> =
        legs.iter().copied().filter(|l| !l.ends_call && ids(l).next().is_some()).collect();
    // What shares an id with a part that has ended is of that part.
    loop {
        let before = open.len();
        open.retain(|leg| {
            let is_of_it = ids(leg).any(|id| ended.contains(id));
            if is_of_it {
                ended.extend(ids(leg));
            }
            !is_of_it
        });
        if open.is_empty() || open.len() == before {
            return open.is_empty();
        }
    }
}

/// A hash of all that is concluded of a call, but for whether it is final and for what is concluded apart from it.
fn content(call: &mut Call) -> u64 {
    let line = &mut call.line;
    let is_final = std::mem::replace(&mut line.is_final, false);
    let follow_up = line.follow_up.take();
    let content = crate::content::of(line);
    line.is_final = is_final;
    line.follow_up = follow_up;
    content
}
