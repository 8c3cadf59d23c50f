//! Reading back closed calls: what late legs, and halves whose other half was closed, are part of.

use std::collections::{BTreeMap, BTreeSet};

use adapters::Leg;
use adapters::leg::{LegId, Moment, Position, Text};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::over_ties::OverTies;
use super::{Live, Name, Told, content, customer_of, kinds};
use crate::assemble::{Assembly, Slot, stored_keys};
use crate::call;

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

/// Late legs whose calls are being read back.
pub(super) struct Reopening {
    pub(super) slots: Vec<Slot>,
    doubted: Vec<(Text, Vec<u64>)>,
    asked: FxHashSet<u64>,
    to_ask: Vec<u64>,
    from: Moment,
    to: Moment,
    legs: BTreeMap<(LegId, Position), Leg>,
    is_out: bool,
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
                    reopening.want(leg, &self.over_ties);
                }
                for key in self.assembly.late_keys(slot) {
                    reopening.ask(key, &self.over_ties);
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
            reopening.want(&leg, &self.over_ties);
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
                self.late.insert(self.assembly.component_of(slot), 0);
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
        let waiting: Vec<Slot> = reopening.slots.iter().map(|s| self.assembly.component_of(*s)).collect();
        let late: Vec<Leg> = waiting.iter().flat_map(|s| self.assembly.part_legs(*s)).cloned().collect();
        for leg in &late {
            united.push(leg.clone(), self.clock);
        }
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
        let mut is_back = |slot: &Slot, legs: &Assembly| {
            let is_doubted = |key: &u64| reopening.doubted.iter().any(|(_, keys)| keys.contains(key));
            let first = legs.legs(*slot).next().cloned();
            first.is_some_and(|first| with_late.contains(&united.push(first, self.clock).slot))
                || legs.legs(*slot).flat_map(stored_keys).any(|key| is_doubted(&key))
        };
        let mut back: BTreeSet<Slot> = closed.slots().filter(|slot| is_back(slot, &closed)).collect();
        // A call over ties comes back as a whole.
        let partners: FxHashSet<u64> = waiting.iter().flat_map(|slot| self.assembly.late_keys(*slot)).collect();
        let keys = |slot: Slot| closed.keys(slot).map(|(_, key)| key);
        let number = |slot: Slot| keys(slot).find_map(|key| self.over_ties.number(key));
        let mut numbers: BTreeSet<u64> = back.iter().filter_map(|slot| number(*slot)).collect();
        numbers.extend(partners.iter().filter_map(|key| self.over_ties.number(*key)));
        back.extend(closed.slots().filter(|slot| {
            number(*slot).is_some_and(|number| numbers.contains(&number))
                || keys(*slot).any(|key| partners.contains(&key))
        }));
        let back: Vec<(Slot, Option<u64>)> = back.into_iter().map(|slot| (slot, number(slot))).collect();
        for (slot, number) in &back {
            self.reopened += 1;
            let legs: Vec<Leg> = closed.legs(*slot).cloned().collect();
            let call = call::fold(legs.iter(), &mut self.site, self.several_files, true).filter(|_| number.is_none());
            let Some(first) = legs.first().cloned() else { continue };
            legs.into_iter().for_each(|leg| self.push_known(leg));
            let (Some(mut call), Some(component)) = (call, self.assembly.find(&first)) else { continue };
            let customer = customer_of(&call);
            let counted = self.counting.as_ref().map(|counting| counting.of(&call.line));
            let name = Name {
                call_id: call.line.call_id.clone(),
                content: content(&mut call),
                customer,
                counted: counted.map(Box::new),
                began_at: None,
            };
            let told = Told { names: SmallVec::from_iter([name]), is_final: true };
            self.told.entry(component).or_default().join(told);
        }
        for number in numbers {
            let parts = back.iter().filter(|(_, of)| *of == Some(number)).filter_map(|(slot, _)| {
                let first = closed.legs(*slot).next()?;
                Some((call::name(closed.legs(*slot)), self.assembly.find(first)?))
            });
            let parts: Vec<(Text, Slot)> = parts.collect();
            // Its name goes with the part that it is of.
            if let Some(first) = parts.first()
                && let Some(told) = self.over_ties.take(number)
            {
                let is_named = |(name, _): &&(Text, Slot)| told.names.iter().any(|known| known.call_id == *name);
                let (_, component) = parts.iter().find(is_named).unwrap_or(first);
                self.told.entry(*component).or_default().join(told);
            }
        }
        // A doubted name is one of those under which the call of its legs was told.
        for (call_id, keys) in &reopening.doubted {
            let of_it = reopening.legs.values().find(|leg| stored_keys(leg).any(|key| keys.contains(&key)));
            let component = of_it.and_then(|leg| self.assembly.find(leg));
            let Some(component) = component else { continue };
            let name = Name { call_id: call_id.clone(), content: 0, customer: None, counted: None, began_at: None };
            self.told.entry(component).or_default().names.push(name);
            self.changed.insert(component);
        }
        for slot in waiting {
            let slot = self.assembly.component_of(slot);
            for leg in self.assembly.part_legs(slot) {
                self.late_legs.remove(&leg.leg_id);
            }
            // The store has no leg of it any more: nobody waits for it again.
            for key in self.assembly.late_keys(slot).into_iter().filter(|key| reopening.asked.contains(key)) {
                self.assembly.forget_taken_out(key);
            }
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
        // All that was closed is stored.
        self.take_changes(&pushed, 0);
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
    fn want(&mut self, leg: &Leg, over_ties: &OverTies) {
        let (from, to) = leg.span();
        self.from = self.from.min(from.plus_ms(-CALL_SPAN_MS));
        self.to = self.to.max(to.plus_ms(CALL_SPAN_MS));
        for key in stored_keys(leg) {
            self.ask(key, over_ties);
        }
    }

    /// Everything that has this key, or is part of the closed call over ties that has it.
    fn ask(&mut self, key: u64, over_ties: &OverTies) {
        for key in over_ties.keys(key).into_iter().flatten().chain([&key]) {
            if self.asked.insert(*key) {
                self.to_ask.push(*key);
            }
        }
    }
}
