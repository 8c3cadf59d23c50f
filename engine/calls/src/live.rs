//! The live fold: legs as the log brings them in, conclusions out as soon as they hold, and again whenever they change.
//!
//! Every conclusion is a function of the set of legs that are known; the log's clock decides only how much is held in memory,
//! when a verdict is final, and when a follow-up is expired. A leg of a call that was closed before waits for the legs that the
//! store has of it ([`Live::wanted`], [`Live::answer`]): it is never judged alone.

use std::collections::{BTreeMap, BTreeSet};

use adapters::Leg;
use adapters::leg::{KeyKind, LegId, Moment, Position, Text};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::assemble::{Assembly, Hold, Slot, stored_keys};
use crate::call::{self, Call};
use crate::counting::Counting;
use crate::customers::{Customers, FollowUp};
use crate::endings::Endings;
use crate::fold::{HELD_LEGS_MAX, MARKED_HOLD_MS, PRESSED_HOLD_MS, contact};
use crate::follow_up;
use crate::line::CallLine;
use crate::remembered::Remembered;
use crate::site::Site;
use crate::window::{Contribution, WindowNow, Windows};

/// What is concluded.
#[derive(Clone, Debug, PartialEq)]
pub enum Conclusion {
    /// A call, as it is now.
    Call {
        /// Without what is concluded apart from it: its follow-up.
        line: Box<CallLine>,
        /// A hash of all that the line says, but for whether it is final (see [`crate::content`]).
        content: u64,
        /// What its legs are found by (see [`stored_keys`]), in order.
        keys: Keys,
    },
    /// A name under which a call was told, and that is no call any more.
    Gone {
        /// The name.
        call_id: Text,
        /// The call that its legs are part of now; empty where all of its legs tell none.
        merged_into: Text,
    },
    /// What is owed to a customer, as it is now.
    FollowUp(Box<FollowUp>),
    /// What was counted in a window, as it is now.
    Window(Box<WindowNow>),
}

/// Hashes of link keys, each once, in order.
pub type Keys = SmallVec<[u64; 6]>;

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
    endings: Endings,
    told: FxHashMap<Slot, Told>,
    changed: BTreeSet<Slot>,
    /// When a call that is marked as ended becomes final.
    settling: BTreeSet<(Moment, Slot)>,
    remembered: Remembered,
    forgot_at: Moment,
    /// Late legs: their calls wait for what the store has below this position.
    late: FxHashMap<Slot, u64>,
    /// The late legs themselves, with the records that told them: another record of one may have been part of a closed call.
    late_legs: FxHashMap<LegId, SmallVec<[Position; 1]>>,
    reopening: Option<Reopening>,
    /// All legs of all closed calls stand below this position.
    closed_below: u64,
    /// Names that are stored and may be none any more, each with the keys of its legs.
    doubted: Vec<(Text, Vec<u64>)>,
    /// They wait for what the store has below this position.
    doubted_below: u64,
    customers: Customers,
    counting: Option<Counting<'d>>,
    /// Everything that was taken so far is below this position.
    log_below: u64,
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
    /// What was counted of it.
    counted: Option<Box<Contribution>>,
}

/// Late legs whose calls are being read back.
struct Reopening {
    slots: Vec<Slot>,
    doubted: Vec<(Text, Vec<u64>)>,
    asked: FxHashSet<u64>,
    to_ask: Vec<u64>,
    from: Moment,
    to: Moment,
    legs: BTreeMap<(LegId, Position), Leg>,
    is_out: bool,
}

impl<'d> Live<'d> {
    /// An empty fold.
    #[must_use]
    pub fn new(site: Site<'d>, several_files: bool, limits: Limits) -> Live<'d> {
        let follow_ups = follow_up::Limits {
            talk_min_ms: site.directory.talk_min_ms(),
            expires_after_ms: site.directory.expires_after_ms(),
        };
        // How long a call is held beyond that is said for each exchange, when its first leg comes.
        let hold =
            Hold { marked_ms: MARKED_HOLD_MS, among_us_ms: MARKED_HOLD_MS, idle_ms: MARKED_HOLD_MS, by_log_time: true };
        Live {
            customers: Customers::new(site.directory.tenant().into(), follow_ups),
            endings: Endings::new(site.directory.grace_ms()),
            site,
            assembly: Assembly::new(hold),
            clock: Moment(i64::MIN),
            hold,
            limits,
            several_files,
            told: FxHashMap::default(),
            changed: BTreeSet::new(),
            settling: BTreeSet::new(),
            remembered: Remembered::default(),
            forgot_at: Moment(i64::MIN),
            late: FxHashMap::default(),
            late_legs: FxHashMap::default(),
            reopening: None,
            closed_below: 0,
            doubted: Vec::new(),
            doubted_below: 0,
            counting: None,
            log_below: 0,
            reopened: 0,
        }
    }

    /// Calls that are final are counted too.
    #[must_use]
    pub fn counted(mut self, windows: Windows) -> Live<'d> {
        self.counting = Some(Counting::new(self.site.directory, windows));
        self
    }

    /// What is counted, if anything is.
    #[must_use]
    pub fn counting(&self) -> Option<&Counting<'d>> {
        self.counting.as_ref()
    }

    /// What is counted, to be changed.
    pub fn counting_mut(&mut self) -> Option<&mut Counting<'d>> {
        self.counting.as_mut()
    }

    /// Takes a leg that reached the log at this moment and stands there at this position.
    pub fn push(&mut self, leg: Leg, logged_at: Moment, log_position: u64) {
        self.clock = self.clock.max(logged_at);
        self.log_below = self.log_below.max(log_position + 1);
        if let Some(counting) = &mut self.counting {
            counting.saw(&leg, logged_at);
        }
        // Another record of a leg that is open brings nothing that was not looked for when the first one came.
        let is_late = self.may_be_late(&leg) && !self.assembly.holds(&leg);
        if let Some(idle_ms) = self.endings.learn(&leg) {
            self.assembly.hold_idle(&leg.origin.pbx, idle_ms);
        }
        let (leg_id, position, settle_ms) = (leg.leg_id, leg.position, self.endings.settle_ms(&leg));
        let pushed = self.assembly.push(leg, logged_at);
        let slot = pushed.slot;
        self.assembly.stands_at(slot, log_position);
        for gone in &pushed.absorbed {
            self.join(slot, *gone);
        }
        if is_late {
            self.wait(slot, log_position);
            self.late_legs.entry(leg_id).or_default().push(position);
        } else if let Some(records) = self.late_legs.get_mut(&leg_id) {
            records.push(position);
        }
        self.changed.insert(slot);
        if let Some(settle_ms) = settle_ms {
            self.settling.insert((logged_at.plus_ms(settle_ms), slot));
        }
    }

    /// Two calls turned out to be one.
    fn join(&mut self, slot: Slot, gone: Slot) {
        self.changed.remove(&gone);
        if let Some(told) = self.told.remove(&gone) {
            self.told.entry(slot).or_default().join(told);
        }
        if let Some(reopening) = self.reopening.as_mut().filter(|r| r.slots.contains(&gone)) {
            reopening.slots.push(slot);
        }
        if let Some(below) = self.late.remove(&gone) {
            self.wait(slot, below);
        }
    }

    fn wait(&mut self, slot: Slot, below: u64) {
        let known = self.late.entry(slot).or_default();
        *known = below.max(*known);
    }

    fn may_be_late(&self, leg: &Leg) -> bool {
        let (from, to) = leg.span();
        if self.remembered.is_before(to) {
            return true;
        }
        if self.remembered.is_empty() {
            return false;
        }
        stored_keys(leg).zip(kinds(leg)).any(|(key, kind)| self.remembered.has(kind, key, from, to))
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
        let counting = self.counting.as_ref().and_then(Counting::next_due);
        [settling, self.assembly.next_due(), self.customers.next_due(), counting].into_iter().flatten().min()
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
        !self.late.is_empty() || self.reopening.is_some() || !self.doubted.is_empty()
    }

    /// Gives everything that has changed since it was asked last. `with_early`: also calls that are not final yet.
    pub fn conclude(&mut self, with_early: bool, emit: &mut impl FnMut(Conclusion)) {
        while let Some((due, slot)) = self.settling.first().copied().filter(|(due, _)| *due <= self.clock) {
            self.settling.remove(&(due, slot));
            let slot = self.assembly.root(slot);
            if self.told.get(&slot).is_none_or(|t| !t.is_final) && self.assembly.is_open(slot) {
                self.changed.insert(slot);
                // Legs that came since put the end off.
                if let Some(settle_ms) = self.endings.settled(self.assembly.legs(slot)) {
                    let due = self.assembly.touched(slot).plus_ms(settle_ms);
                    if due > self.clock {
                        self.settling.insert((due, slot));
                    }
                }
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

    /// Gives the windows that have changed since they were given last, or are over; all that have changed, if the log has ended.
    pub fn count(&mut self, is_end: bool, emit: &mut impl FnMut(Conclusion)) {
        if let Some(counting) = &mut self.counting {
            counting.conclude(self.clock, self.log_below, is_end, |now| emit(Conclusion::Window(Box::new(now))));
        }
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
        self.late.contains_key(&slot) || self.reopening.as_ref().is_some_and(|r| r.slots.contains(&slot))
    }

    /// What was final stays so, though what it says may still be revised; else all legs that say that they are the last have
    /// come, and those written with them have had their time.
    fn is_final(&self, slot: Slot) -> bool {
        if self.told.get(&slot).is_some_and(|t| t.is_final) {
            return true;
        }
        let settle_ms = self.endings.settled(self.assembly.legs(slot));
        settle_ms.is_some_and(|ms| self.clock.ms_since(self.assembly.touched(slot)) >= ms)
    }

    /// Folds a call and gives what has changed of it. It is open still.
    fn tell(&mut self, slot: Slot, is_final: bool, emit: &mut impl FnMut(Conclusion)) {
        let slot = self.assembly.root(slot);
        let call = call::fold(self.assembly.legs(slot), &mut self.site, self.several_files, is_final);
        let before = self.told.remove(&slot).unwrap_or_default();
        let keys = in_order(self.assembly.keys(slot).map(|(_, key)| key));
        let touched = self.assembly.touched(slot);
        let told = self.change(before, call, keys, touched, is_final, emit);
        self.told.insert(slot, told);
    }

    /// Gives the difference between what was told of some legs and what they say now.
    fn change(
        &mut self,
        before: Told,
        call: Option<Call>,
        keys: Keys,
        touched: Moment,
        is_final: bool,
        emit: &mut impl FnMut(Conclusion),
    ) -> Told {
        let Told { mut names, is_final: was_final } = before;
        let Some(mut call) = call else {
            self.recount(&mut names, None);
            for name in names {
                self.retract(name, Text::default(), emit);
            }
            return Told::default();
        };
        let call_id = call.line.call_id.clone();
        let content = content(&mut call);
        let is_known = names.iter().any(|n| n.call_id == call_id && n.content == content);
        let counted = match names.as_mut_slice() {
            [name] if is_known && was_final => name.counted.take().map(|counted| *counted),
            _ => {
                let counting = self.counting.as_ref().filter(|_| is_final);
                let counted = counting.and_then(|counting| counting.of(&call.line, touched));
                self.recount(&mut names, counted.as_ref());
                counted
            }
        };
        for name in names {
            if name.call_id != call_id {
                self.retract(name, call_id.clone(), emit);
            } else if let Some(customer) = &name.customer {
                self.customers.remove(customer, &name.call_id);
            }
        }
        let mut customer = None;
        if is_final {
            let contact = contact(&call);
            let owed_alone = call.owed && call.withheld;
            customer = if owed_alone { Some(Text::default()) } else { call.customer.clone() };
            if let Some(customer) = &customer {
                self.customers.add(customer, contact, self.clock);
            }
        }
        if !is_known || is_final != was_final {
            emit(Conclusion::Call { line: Box::new(call.line), content, keys });
        }
        Told {
            names: SmallVec::from_iter([Name { call_id, content, customer, counted: counted.map(Box::new) }]),
            is_final,
        }
    }

    /// What was counted under these names is counted no more, and this is.
    fn recount(&mut self, names: &mut [Name], now: Option<&Contribution>) {
        let Some(counting) = &mut self.counting else { return };
        let before: SmallVec<[Contribution; 2]> =
            names.iter_mut().filter_map(|n| n.counted.take()).map(|c| *c).collect();
        if !before.is_empty() || now.is_some() {
            counting.change(&before, now, self.log_below);
        }
    }

    fn retract(&mut self, name: Name, merged_into: Text, emit: &mut impl FnMut(Conclusion)) {
        if let Some(customer) = &name.customer {
            self.customers.remove(customer, &name.call_id);
        }
        emit(Conclusion::Gone { call_id: name.call_id, merged_into });
    }

    /// Lets calls go that have been quiet for long enough, and remembers their names.
    fn close_quiet(&mut self, emit: &mut impl FnMut(Conclusion)) {
        // What the store was asked before a call was closed says only a part of it.
        if self.reopening.is_some() {
            return;
        }
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
            self.closed_below = self.closed_below.max(self.assembly.log_position(slot) + 1);
            let touched = self.assembly.touched(slot);
            let legs = self.assembly.take(slot);
            let from = legs.iter().filter_map(|l| l.started_at.or(l.answered_at).or(l.ended_at)).min();
            let to = legs.iter().filter_map(|l| l.ended_at.or(l.started_at)).max();
            let (from, to) = (from.unwrap_or_default(), to.or(from).unwrap_or_default());
            for (kind, key) in &keys {
                self.remembered.close(*kind, *key, from, to, self.clock);
            }
            let told = self.told.remove(&slot).unwrap_or_default();
            let call = call::fold(legs.iter().map(AsRef::as_ref), &mut self.site, self.several_files, true);
            let keys = in_order(keys.iter().map(|(_, key)| *key));
            self.change(told, call, keys, touched, true, emit);
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
    /// The next question to the store, if late legs wait and none is out. The store has everything below `stored_below`: legs that
    /// came later wait on, since what they are part of may be on its way.
    pub fn wanted(&mut self, stored_below: u64) -> Option<Wanted> {
        if stored_below < self.closed_below {
            return None;
        }
        if self.reopening.is_none() {
            let ready = self.late.iter().filter(|(_, below)| **below <= stored_below);
            let mut slots: Vec<Slot> = ready.map(|(slot, _)| *slot).collect();
            let is_ready = self.doubted_below <= stored_below;
            let doubted = if is_ready { std::mem::take(&mut self.doubted) } else { Vec::new() };
            if slots.is_empty() && doubted.is_empty() {
                return None;
            }
            slots.sort_unstable();
            self.late.retain(|_, below| *below > stored_below);
            let mut reopening = Reopening::of(slots, doubted);
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
            self.reopen(&reopening);
        } else {
            self.reopening = Some(reopening);
        }
    }

    /// A call that is stored under this name, and that nothing concludes any more: its legs are read back, and it is said what they
    /// are part of. `keys` are those of its legs, as [`stored_keys`] gives them; everything that was taken so far is below `log_position`.
    pub fn doubt(&mut self, call_id: Text, keys: Vec<u64>, log_position: u64) {
        self.doubted.push((call_id, keys));
        self.doubted_below = self.doubted_below.max(log_position);
    }

    /// The store cannot be asked now: the same will be wanted again.
    pub fn not_answered(&mut self) {
        if let Some(reopening) = &mut self.reopening {
            self.doubted.append(&mut reopening.doubted);
            for slot in std::mem::take(&mut reopening.slots) {
                self.late.insert(self.assembly.root(slot), 0);
            }
            self.reopening = None;
        }
    }

    /// Unites the late legs with what was closed, as if it had never been.
    fn reopen(&mut self, reopening: &Reopening) {
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
        for ((leg_id, position), leg) in &reopening.legs {
            // One that is open is no part of a closed call; but of a late one another record may have been.
            let is_open = self.assembly.holds(leg);
            let is_told_before = self.late_legs.get(leg_id).is_some_and(|late| !late.contains(position));
            if !is_open || is_told_before {
                closed.push(leg.clone(), self.clock);
                united.push(leg.clone(), self.clock);
            }
        }
        let with_late: FxHashSet<Slot> = late.into_iter().map(|leg| united.push(leg, self.clock).slot).collect();
        let slots: Vec<Slot> = closed.slots().collect();
        for slot in slots {
            let Some(first) = closed.legs(slot).next().cloned() else { continue };
            let is_doubted = || {
                let keys = closed.legs(slot).flat_map(stored_keys).collect::<FxHashSet<u64>>();
                reopening.doubted.iter().flat_map(|(_, of)| of).any(|key| keys.contains(key))
            };
            if !with_late.contains(&united.push(first.clone(), self.clock).slot) && !is_doubted() {
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
            let counted = self.counting.as_ref().and_then(|counting| counting.of(&call.line, Moment(i64::MAX)));
            let name = Name {
                call_id: call.line.call_id.clone(),
                content: content(&mut call),
                customer,
                counted: counted.map(Box::new),
            };
            let told = Told { names: SmallVec::from_iter([name]), is_final: true };
            self.told.entry(root).or_default().join(told);
        }
        // A doubted name is one of those under which the call of its legs was told.
        for (call_id, keys) in &reopening.doubted {
            let of_it = reopening.legs.values().find(|leg| stored_keys(leg).any(|key| keys.contains(&key)));
            let slot = of_it.and_then(|leg| self.assembly.find(leg));
            let Some(slot) = slot else { continue };
            let name = Name { call_id: call_id.clone(), content: 0, customer: None, counted: None };
            self.told.entry(slot).or_default().names.push(name);
            self.changed.insert(slot);
        }
        for slot in waiting {
            for leg in self.assembly.legs(slot) {
                self.late_legs.remove(&leg.leg_id);
            }
            let slot = self.assembly.root(slot);
            self.assembly.touch(slot, self.clock);
            self.changed.insert(slot);
        }
    }

    /// Takes a leg of a closed call back: its names are those of an open call again.
    fn push_known(&mut self, leg: Leg) {
        for (key, kind) in stored_keys(&leg).zip(kinds(&leg)) {
            self.remembered.reopen(kind, key);
        }
        self.late_legs.remove(&leg.leg_id);
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
    fn of(slots: Vec<Slot>, doubted: Vec<(Text, Vec<u64>)>) -> Reopening {
        let to_ask: Vec<u64> = doubted.iter().flat_map(|(_, keys)| keys).copied().collect();
        // When a doubted call was is not known here.
        let (from, to) = if doubted.is_empty() { (i64::MAX, i64::MIN) } else { (i64::MIN, i64::MAX) };
        Reopening {
            slots,
            doubted,
            asked: to_ask.iter().copied().collect(),
            to_ask,
            from: Moment(from),
            to: Moment(to),
            legs: BTreeMap::new(),
            is_out: false,
        }
    }

    /// Everything that shares a key with this leg.
    fn want(&mut self, leg: &Leg) {
        let (from, to) = leg.span();
        self.from = self.from.min(from.plus_ms(-CALL_SPAN_MS));
        self.to = self.to.max(to.plus_ms(CALL_SPAN_MS));
        for key in stored_keys(leg) {
            if self.asked.insert(key) {
                self.to_ask.push(key);
            }
        }
    }
}

fn in_order(keys: impl Iterator<Item = u64>) -> Keys {
    let mut keys: Keys = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The kinds of a leg's keys, in the order of [`stored_keys`].
fn kinds(leg: &Leg) -> impl Iterator<Item = KeyKind> {
    leg.link_keys.iter().map(|k| k.kind).chain(std::iter::once(KeyKind::Id))
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
