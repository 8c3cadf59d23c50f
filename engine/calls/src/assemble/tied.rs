//! Components of link keys that are one call over ties: asked for each time, since a half may find a better one.

use std::cmp::Reverse;

use adapters::Leg;
use adapters::leg::Moment;
use directory::Directory;
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use super::{Assembly, Component, Hold, Inserted, NEVER, Pushed, Slot};
use crate::tie::Ties;
use crate::tie::crossing::{Crossing, gather};
use crate::tie::matching::{Halves, Number};

/// What is known of ties.
pub(super) struct Tied {
    pub(super) halves: Halves<Slot>,
    /// Of a component that is told with others, the slot under which the call was told last.
    pub(super) told: FxHashMap<Slot, Slot>,
}

/// The other halves that were found, as long as nothing changes.
type Known = FxHashMap<Number, Option<Number>>;

impl Tied {
    fn other_half(&self, half: Number, known: &mut Known) -> Option<Number> {
        *known.entry(half).or_insert_with(|| self.halves.other_half(half))
    }

    fn is_lonely(&self, half: Number, known: &mut Known) -> bool {
        self.halves.may_come(half) && self.other_half(half, known).is_none()
    }
}

impl Assembly {
    /// Calls that cross a tie of this company are told as one. Before the first leg.
    #[must_use]
    pub fn with_ties(mut self, directory: &Directory) -> Assembly {
        self.ties =
            Ties::of(directory).map(|ties| Box::new(Tied { halves: Halves::new(ties), told: FxHashMap::default() }));
        self
    }

    /// The components of this call, the lesser first: one, but for a call over ties.
    #[must_use]
    pub fn parts(&self, slot: Slot) -> SmallVec<[Slot; 2]> {
        self.parts_knowing(slot, &mut Known::default())
    }

    fn parts_knowing(&self, slot: Slot, known: &mut Known) -> SmallVec<[Slot; 2]> {
        let mut parts: SmallVec<[Slot; 2]> = smallvec![self.component_of(slot)];
        let Some(tied) = &self.ties else { return parts };
        let mut next = 0;
        while let Some(part) = parts.get(next).copied() {
            next += 1;
            let halves = self.component(part).map_or(&[][..], |c| &c.crossings);
            for other in halves.iter().filter_map(|half| tied.other_half(*half, known)) {
                let owner = tied.halves.owner(other).map(|slot| self.component_of(slot));
                parts.extend(owner.filter(|slot| !parts.contains(slot)));
            }
        }
        parts.sort_unstable();
        parts
    }

    /// The legs of one component of a call, in no order.
    pub(crate) fn part_legs(&self, part: Slot) -> impl Iterator<Item = &Leg> {
        self.component(self.component_of(part)).into_iter().flat_map(|c| &c.legs).map(AsRef::as_ref)
    }

    /// Halves of this call fit none better than those of calls that were taken out: for each of these a key that their legs are found by.
    /// Whoever pushes those legs again unites the calls.
    #[must_use]
    pub fn late_keys(&self, slot: Slot) -> SmallVec<[u64; 1]> {
        let Some(tied) = &self.ties else { return SmallVec::new() };
        let parts = self.parts(slot);
        let components = parts.iter().filter_map(|part| self.component(*part));
        components.flat_map(|c| &c.crossings).filter_map(|half| tied.halves.late_key(*half)).collect()
    }

    /// The call that was taken out with this key (see [`Assembly::late_keys`]) does not come again.
    pub(crate) fn forget_taken_out(&mut self, key: u64) {
        if let Some(tied) = &mut self.ties {
            tied.halves.forget_taken_out(key);
        }
    }

    /// True if a half of this call has no other half, and that may come.
    #[must_use]
    pub fn waits_for_a_half(&self, slot: Slot) -> bool {
        self.ties.is_some() && self.parts(slot).iter().filter_map(|part| self.component(*part)).any(|c| self.waits(c))
    }

    /// True if a part of this call's way is over a tie.
    #[must_use]
    pub fn crosses_ties(&self, slot: Slot) -> bool {
        let mut components = self.parts(slot).into_iter().filter_map(|part| self.component(part));
        self.ties.is_some() && components.any(|c| !c.crossings.is_empty())
    }

    /// A half of it has no other half, and that may come.
    pub(super) fn waits(&self, component: &Component) -> bool {
        let Some(tied) = &self.ties else { return false };
        let mut known = Known::default();
        component.crossings.iter().any(|half| tied.is_lonely(*half, &mut known))
    }

    pub(super) fn parts_quiet_at(&self, parts: &[Slot], hold: Hold) -> Moment {
        let components = parts.iter().filter_map(|part| self.component(*part));
        components.map(|c| c.quiet_at(hold, self.waits(c))).max().unwrap_or(NEVER)
    }

    pub(super) fn set_due(&mut self, part: Slot, due: Moment) {
        if let Some(component) = self.slots.get_mut(part.0 as usize).and_then(Option::as_mut) {
            component.due = due;
        }
    }

    /// Notes the halves that a leg tells, and which calls have other legs by that.
    pub(super) fn cross(&mut self, pushed: &mut Pushed, inserted: Inserted, new: &[Crossing]) {
        let component = pushed.slot;
        let held = self.component(component).map(|c| c.crossings.clone()).unwrap_or_default();
        if held.is_empty() && new.is_empty() {
            return;
        }
        if inserted == Inserted::Known && pushed.absorbed.is_empty() {
            pushed.slot = self.root(component);
            return;
        }
        let Some(mut tied) = self.ties.take() else { return };
        let mut told: Vec<Crossing> = Vec::new();
        if inserted != Inserted::New {
            for leg in self.part_legs(component) {
                tied.halves.ties.crossings_of(leg).iter().for_each(|half| gather(&mut told, half));
            }
        } else {
            held.iter().filter_map(|half| tied.halves.get(*half)).for_each(|half| gather(&mut told, half));
            new.iter().for_each(|half| gather(&mut told, half));
        }
        let mut touched: Vec<Slot> = vec![component];
        let touch = |tied: &Tied, half: Number, touched: &mut Vec<Slot>| {
            touched.extend(tied.halves.neighbors(half).into_iter().filter_map(|n| tied.halves.owner(n)));
        };
        let mut kept: Vec<Number> = Vec::new();
        for half in held {
            let same = tied.halves.get(half).and_then(|known| told.iter().position(|t| t == known));
            match same {
                Some(at) => {
                    told.remove(at);
                    kept.push(half);
                }
                None => {
                    touch(&tied, half, &mut touched);
                    tied.halves.replace(half);
                }
            }
        }
        for crossing in told {
            let half = tied.halves.insert(crossing, component);
            touch(&tied, half, &mut touched);
            kept.push(half);
        }
        self.ties = Some(tied);
        if let Some(c) = self.slots.get_mut(component.0 as usize).and_then(Option::as_mut) {
            c.crossings = kept;
        }
        self.tell_changes(pushed, touched);
    }

    /// Compares the calls that these components are part of with those as they were told last.
    fn tell_changes(&mut self, pushed: &mut Pushed, touched: Vec<Slot>) {
        let component = pushed.slot;
        let mut touched: Vec<Slot> = touched.into_iter().map(|slot| self.component_of(slot)).collect();
        touched.extend(self.parts(component));
        touched.sort_unstable();
        touched.dedup();
        pushed.slot = self.root(component);
        let mut known = Known::default();
        for part in touched {
            let parts = self.parts_knowing(part, &mut known);
            let now = parts.first().copied().unwrap_or(part);
            let Some(tied) = self.ties.as_mut() else { return };
            let before =
                if now == part { tied.told.remove(&part) } else { tied.told.insert(part, now) }.unwrap_or(part);
            if before != now {
                if before == part && now != part {
                    pushed.tied.push(part);
                }
                for call in [before, now] {
                    let is_call =
                        self.component(call).is_some() && self.parts_knowing(call, &mut known).first() == Some(&call);
                    if is_call && call != pushed.slot && !pushed.changed.contains(&call) {
                        pushed.changed.push(call);
                    }
                }
            }
            // The other half may have come for which it was held.
            if before == now && part != component {
                continue;
            }
            let due = self.parts_quiet_at(&parts, self.hold);
            // One that was told as quiet with others is on no agenda, and is another call now.
            let is_sooner = |c: &Component| if c.due == NEVER { before != now } else { due < c.due };
            if self.component(part).is_some_and(is_sooner) {
                self.set_due(part, due);
                self.agenda.push(Reverse((due, part)));
            }
        }
    }
}
