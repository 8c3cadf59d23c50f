//! The live fold: legs as the log brings them in, conclusions out as soon as they hold, and again whenever they change.
//!
//! Every conclusion is a function of the set of legs that are known; the log's clock decides only how much is held in memory,
//! when a verdict is final, and when a follow-up is expired. A leg of a call that was closed before waits for the legs that the
//! store has of it ([`Live::wanted`], [`Live::answer`]): it is never judged alone.

mod over_ties;
mod reopening;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use adapters::leg::{KeyKind, LegId, Moment, Position, Text};
use adapters::{Leg, Mark};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::assemble::{Assembly, Hold, Pushed, Slot, stored_keys};
use crate::call::{self, Call};
use crate::counting::{Counting, Recount};
use crate::customers::{Customers, FollowUp};
use crate::endings::Endings;
use crate::fold::{HELD_LEGS_MAX, MARKED_HOLD_MS, PRESSED_HOLD_MS, contact};
use crate::follow_up;
use crate::line::CallLine;
use crate::remembered::Remembered;
use crate::said::Said;
use crate::site::Site;
use crate::window::{Contribution, WindowNow, Windows};
use over_ties::OverTies;
use reopening::Reopening;
pub use reopening::{CALL_SPAN_MS, Wanted};

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
        /// It was told as final before, and said something else.
        revises: bool,
        /// Where it stood in the order of time until now.
        before: Before,
    },
    /// A name under which a call was told, and that is no call any more.
    Gone {
        /// The name.
        call_id: Text,
        /// The call that its legs are part of now; empty where all of its legs tell none.
        merged_into: Text,
        /// Where it stood in the order of time until now.
        before: Before,
    },
    /// What is owed to a customer, as it is now.
    FollowUp {
        /// The follow-up; one that is none any more says so itself.
        told: Box<FollowUp>,
        /// Where it stood in the order of time until now.
        before: Before,
    },
    /// What was counted in a window, as it is now.
    Window(Box<WindowNow>),
}

/// Where a call or a follow-up stood in the order of time before it was told as it is: whoever keeps that order takes it away from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// There was none of this name.
    Nowhere,
    /// It was told last to begin, or to be opened, at this moment.
    Began(Moment),
    /// It was told by another fold, or by this one so long ago that it was read back from the store.
    Unknown,
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

/// All calls of one company that are open.
pub struct Live<'d> {
    site: Site<'d>,
    assembly: Assembly,
    clock: Moment,
    hold: Hold,
    limits: Limits,
    several_files: bool,
    endings: Endings,
    /// What was told, by the component that has the name: over ties, a call has several, and they may part again.
    told: FxHashMap<Slot, Told>,
    changed: FxHashSet<Slot>,
    /// When a call that is marked as ended becomes final.
    settling: BinaryHeap<Reverse<(Moment, Slot)>>,
    remembered: Remembered,
    forgot_at: Moment,
    /// Closed calls that crossed a tie.
    over_ties: OverTies,
    /// Components that wait for what the store has below this position: of late legs, or of halves whose other half was closed.
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
    /// What is counted of it, since it was told as final.
    counted: Option<Box<Contribution>>,
    /// When it was told to begin; `None` where that is not known here.
    began_at: Option<Moment>,
}

impl<'d> Live<'d> {
    /// An empty fold.
    #[must_use]
    pub fn new(site: Site<'d>, several_files: bool, limits: Limits) -> Live<'d> {
        let follow_ups = follow_up::Limits::of(site.directory);
        // How long a call is held beyond that is said for each exchange, when its first leg comes.
        let hold =
            Hold { marked_ms: MARKED_HOLD_MS, among_us_ms: MARKED_HOLD_MS, idle_ms: MARKED_HOLD_MS, by_log_time: true };
        Live {
            customers: Customers::new(site.directory.tenant().into(), follow_ups),
            endings: Endings::new(site.directory.grace_ms()),
            over_ties: OverTies::default(),
            assembly: Assembly::new(hold).with_ties(site.directory),
            site,
            clock: Moment(i64::MIN),
            hold,
            limits,
            several_files,
            told: FxHashMap::default(),
            changed: FxHashSet::default(),
            settling: BinaryHeap::new(),
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
        // A leg is large: from here on it is not copied.
        let leg = Box::new(leg);
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
        self.assembly.stands_at(pushed.component, log_position);
        self.take_changes(&pushed, log_position);
        if is_late {
            self.wait(pushed.component, log_position);
            self.late_legs.entry(leg_id).or_default().push(position);
        } else if let Some(records) = self.late_legs.get_mut(&leg_id) {
            records.push(position);
        }
        if let Some(settle_ms) = settle_ms {
            self.settling.push(Reverse((logged_at.plus_ms(settle_ms), pushed.component)));
        }
    }

    /// Takes what was said about a follow-up and reached the log at this moment. The clock is not moved: what is stored is said before
    /// the legs of its time come.
    pub fn mark(&mut self, mark: &Mark, logged_at: Moment) {
        if let Some((customer, said)) = Said::of(mark) {
            self.customers.say(&customer, said, logged_at);
        }
    }

    /// A follow-up that is stored and was opened before the first leg that is read back: see [`Customers::lasted`].
    pub fn lasted(&mut self, customer: &Text, opened_at: Moment, closed_at: Option<Moment>) {
        self.customers.lasted(customer, opened_at, closed_at);
    }

    /// What a leg that was pushed joined, and which calls it changed.
    fn take_changes(&mut self, pushed: &Pushed, log_position: u64) {
        for gone in &pushed.absorbed {
            self.join(*gone);
        }
        for slot in pushed.changed.iter().chain([&pushed.slot]) {
            self.changed.insert(*slot);
            if !self.assembly.late_keys(*slot).is_empty() {
                self.wait(self.assembly.component_of(*slot), log_position);
            }
        }
    }

    /// A component is part of another one.
    fn join(&mut self, gone: Slot) {
        let slot = self.assembly.component_of(gone);
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

    fn wait(&mut self, component: Slot, below: u64) {
        let known = self.late.entry(component).or_default();
        *known = below.max(*known);
    }

    /// What was told of this call, by any of its parts.
    fn take_told(&mut self, parts: &[Slot]) -> Told {
        let mut all = Told::default();
        for told in parts.iter().filter_map(|part| self.told.remove(part)) {
            all.join(told);
        }
        all
    }

    /// The call was told so that nothing but what comes late can turn it.
    fn was_final(&self, slot: Slot) -> bool {
        let parts = self.assembly.parts(slot);
        let mut told =
            parts.iter().filter_map(|part| self.told.get(part)).filter(|told| !told.names.is_empty()).peekable();
        told.peek().is_some() && told.all(|told| told.is_final)
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

    /// Some leg was taken since the fold began.
    #[must_use]
    pub fn has_legs(&self) -> bool {
        self.log_below > 0
    }

    /// Nothing changes by time alone before this moment.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        let settling = self.settling.peek().map(|Reverse((due, _))| *due);
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
        while let Some(Reverse((_, slot))) = self.settling.peek().copied().filter(|due| due.0.0 <= self.clock) {
            self.settling.pop();
            let slot = self.assembly.root(slot);
            if self.assembly.is_open(slot) && !self.was_final(slot) {
                self.changed.insert(slot);
                // Legs that came since put the end off.
                if let Some(settle_ms) = self.endings.settled(self.assembly.legs(slot)) {
                    let due = self.assembly.touched(slot).plus_ms(settle_ms);
                    if due > self.clock {
                        self.settling.push(Reverse((due, slot)));
                    }
                }
            }
        }
        let changed = std::mem::take(&mut self.changed);
        let mut changed: Vec<Slot> = changed.into_iter().map(|slot| self.assembly.root(slot)).collect();
        changed.sort_unstable();
        changed.dedup();
        for slot in changed {
            if !self.assembly.is_open(slot) {
                continue;
            }
            if self.must_wait(slot) {
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
        let told = |told, before| Conclusion::FollowUp { told: Box::new(told), before };
        self.customers.conclude(self.clock, &mut |follow_up, before| emit(told(follow_up, before)));
        self.forget();
    }

    /// Follow-ups that are open though they are due, each once: told again by another fold of the same legs.
    pub fn take_due(&mut self) -> Vec<FollowUp> {
        self.customers.take_due(self.clock)
    }

    /// Gives the windows that have changed since they were given last, or are over; all that have changed, if the log has ended.
    pub fn count(&mut self, is_end: bool, emit: &mut impl FnMut(Conclusion)) {
        if let Some(counting) = &mut self.counting {
            counting.conclude(self.clock, self.log_below, is_end, |now| emit(Conclusion::Window(Box::new(now))));
        }
    }

    /// Windows that are to be counted again with what is stored of closed calls, if the store has everything below `stored_below`, which
    /// is all of those calls, and none are being counted.
    pub fn recount(&mut self, stored_below: u64) -> Option<Recount> {
        if stored_below < self.closed_below {
            return None;
        }
        let windows = self.counting.as_mut()?.recount(stored_below)?;
        let mut recount = Recount::of(windows, self.log_below);
        for counted in self.told.values().flat_map(|told| &told.names).filter_map(|name| name.counted.as_ref()) {
            recount.open_call(counted);
        }
        let (from, to) = recount.legs_span();
        let is_in_it = |leg: &Leg| {
            let span = leg.span();
            span.0 < to && from <= span.1
        };
        let slots = self.assembly.slots().filter(|slot| self.assembly.legs(*slot).any(is_in_it));
        for leg in slots.flat_map(|slot| self.assembly.legs(slot)) {
            recount.open_leg(leg.leg_id, self.late_legs.get(&leg.leg_id));
        }
        Some(recount)
    }

    /// The log has ended: every call is final as it is, those that wait for the store excepted, which are told by the next end.
    /// The fold goes on if the log does.
    pub fn end(&mut self, emit: &mut impl FnMut(Conclusion)) {
        self.conclude(false, emit);
        let slots: Vec<Slot> = self.assembly.slots().collect();
        for slot in slots {
            if !self.must_wait(slot) && !self.was_final(slot) {
                self.tell(slot, true, emit);
            }
        }
        let told = |told, before| Conclusion::FollowUp { told: Box::new(told), before };
        self.customers.conclude(self.clock, &mut |follow_up, before| emit(told(follow_up, before)));
    }

    fn is_late(&self, slot: Slot) -> bool {
        if self.late.is_empty() && self.reopening.is_none() {
            return false;
        }
        let is_reopening = |part: &Slot| self.reopening.as_ref().is_some_and(|r| r.slots.contains(part));
        self.assembly.parts(slot).iter().any(|part| self.late.contains_key(part) || is_reopening(part))
    }

    /// It waits for the store, or has to from now on: what is known of the clocks since may tell which closed call it is part of.
    fn must_wait(&mut self, slot: Slot) -> bool {
        if self.is_late(slot) {
            return true;
        }
        let is_late = !self.assembly.late_keys(slot).is_empty();
        if is_late {
            self.wait(self.assembly.component_of(slot), self.log_below);
        }
        is_late
    }

    /// What was final stays so, though what it says may still be revised; else all legs that say that they are the last have
    /// come, with the other half of each that crossed a tie, and those written with them have had their time.
    fn is_final(&self, slot: Slot) -> bool {
        if self.was_final(slot) {
            return true;
        }
        if self.assembly.waits_for_a_half(slot) {
            return false;
        }
        let settle_ms = self.endings.settled(self.assembly.legs(slot));
        settle_ms.is_some_and(|ms| self.clock.ms_since(self.assembly.touched(slot)) >= ms)
    }

    /// Folds a call and gives what has changed of it. It is open still.
    fn tell(&mut self, slot: Slot, is_final: bool, emit: &mut impl FnMut(Conclusion)) {
        let call = call::fold(self.assembly.legs(slot), &mut self.site, self.several_files, is_final);
        let parts = self.assembly.parts(slot);
        let before = self.take_told(&parts);
        let keys = in_order(self.assembly.keys(slot).map(|(_, key)| key));
        let touched = self.assembly.touched(slot);
        let told = self.change(before, call, keys, touched, is_final, emit);
        self.note(&parts, told);
    }

    /// Notes what was told by the part of the call whose name it is.
    fn note(&mut self, parts: &[Slot], told: Told) {
        let is_named = |part: &&Slot| {
            let name = call::name(self.assembly.part_legs(**part));
            told.names.iter().any(|known| known.call_id == name)
        };
        let named = if parts.len() == 1 { None } else { parts.iter().find(is_named) };
        if let Some(part) = named.or(parts.first()) {
            self.told.insert(*part, told);
        }
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
            self.count_instead(&mut names, None, touched);
            for name in names {
                self.retract(name, Text::default(), emit);
            }
            return Told::default();
        };
        let call_id = call.line.call_id.clone();
        let content = content(&mut call);
        let is_known = names.iter().any(|n| n.call_id == call_id && n.content == content);
        let revises = was_final && is_final && !names.is_empty();
        let (place, began_at) = (before_of(&names, &call_id), call.line.started_at);
        let is_contact = |name: &Name| name.call_id == call_id && name.customer.is_some();
        let was_contact = place == Before::Unknown || names.iter().any(is_contact);
        let counted = match names.as_mut_slice() {
            [name] if is_known && was_final => name.counted.take().map(|counted| *counted),
            _ => {
                let counting = self.counting.as_ref().filter(|_| is_final);
                let counted = counting.map(|counting| counting.of(&call.line));
                self.count_instead(&mut names, counted.as_ref(), touched);
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
            customer = customer_of(&call);
            if let Some(customer) = &customer {
                self.customers.add(customer, contact(&call), was_contact, self.clock);
            }
        }
        if !is_known || is_final != was_final {
            emit(Conclusion::Call { line: call.line, content, keys, revises, before: place });
        }
        Told {
            names: SmallVec::from_iter([Name {
                call_id,
                content,
                customer,
                counted: counted.map(Box::new),
                // What was told so already stands where it stood.
                began_at: Some(began_at).filter(|_| !is_known || place != Before::Unknown),
            }]),
            is_final,
        }
    }

    /// What was counted under these names is counted no more, and this is.
    fn count_instead(&mut self, names: &mut [Name], now: Option<&Contribution>, touched: Moment) {
        let Some(counting) = &mut self.counting else { return };
        let before: SmallVec<[Contribution; 2]> =
            names.iter_mut().filter_map(|n| n.counted.take()).map(|c| *c).collect();
        if !before.is_empty() || now.is_some() {
            counting.change(&before, now, touched, self.log_below);
        }
    }

    fn retract(&mut self, name: Name, merged_into: Text, emit: &mut impl FnMut(Conclusion)) {
        if let Some(customer) = &name.customer {
            self.customers.remove(customer, &name.call_id);
        }
        let before = name.began_at.map_or(Before::Unknown, Before::Began);
        emit(Conclusion::Gone { call_id: name.call_id, merged_into, before });
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
            if self.must_wait(slot) {
                continue;
            }
            let (parts, crosses_ties) = (self.assembly.parts(slot), self.assembly.crosses_ties(slot));
            let is_changed = parts.iter().filter(|part| self.changed.remove(part)).count() > 0;
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
            let told = self.take_told(&parts);
            // What other halves of a tie were told since then shows in no mark.
            if !is_changed && !crosses_ties && self.stands(&told) {
                continue;
            }
            let call = call::fold(legs.iter().map(AsRef::as_ref), &mut self.site, self.several_files, true);
            let keys = in_order(keys.iter().map(|(_, key)| *key));
            let told = self.change(told, call, keys.clone(), touched, true, emit);
            if crosses_ties {
                self.over_ties.close(keys, told);
            }
        }
    }

    /// It was told as final, as one call: as long as its legs are the same, folding them again says the same again.
    fn stands(&mut self, told: &Told) -> bool {
        let [name] = told.names.as_slice() else { return false };
        let is_known = |customer: &Text| self.customers.saw_again(customer, &name.call_id, self.clock);
        told.is_final && name.customer.as_ref().is_none_or(is_known)
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

impl Told {
    /// What was told of another part of the same call: the whole is final if every part that was told is.
    fn join(&mut self, other: Told) {
        self.is_final = other.is_final && (self.is_final || self.names.is_empty());
        self.names.extend(other.names);
    }
}

/// Where a call of this name stood by what was told of its legs. Of what was read back it is not known under which other names.
fn before_of(names: &[Name], call_id: &Text) -> Before {
    if names.iter().any(|name| name.began_at.is_none()) {
        return Before::Unknown;
    }
    let mut places = names.iter().filter(|name| name.call_id == *call_id).filter_map(|name| name.began_at);
    match (places.next(), places.next()) {
        (None, _) => Before::Nowhere,
        (Some(began_at), None) => Before::Began(began_at),
        (Some(_), Some(_)) => Before::Unknown,
    }
}

/// Whose list of contacts a call is in: all who withheld their numbers and are owed something have one.
fn customer_of(call: &Call) -> Option<Text> {
    if call.owed && call.withheld { Some(Text::default()) } else { call.customer.clone() }
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
