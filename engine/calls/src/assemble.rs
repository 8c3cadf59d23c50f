//! Legs to calls: connected components of link keys, one leg at a time, in any order, any leg any number of times.
//!
//! An id joins for good. A name that the PBX gives again joins legs whose times touch.
//! A hand-over trace joins only the take-over trace of equal value.
//! What crosses a tie joins nothing: two components whose halves fit are told as one call for as long as they do (`tie`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use adapters::Leg;
use adapters::leg::{EndKind, KeyKind, LegId, Moment};
use smallvec::SmallVec;

use crate::tie::crossing::Crossing;
use crate::tie::matching::Number;

mod tied;

use tied::Tied;

/// Legs with a name that is given again belong together if no more than this lies between them, in milliseconds:
/// legs of one channel follow one another at once, or after a short hold; a PBX that restarted begins to count anew some minutes later.
pub const REUSED_GAP_MS: i64 = 120_000;

/// Up to this many legs of one call are looked through for one with the same id; more are found by a map.
const LEGS_SEARCHED_MAX: usize = 16;

/// Up to this many keys of one call are looked through.
const KEYS_SEARCHED_MAX: usize = 32;

/// On no agenda.
const NEVER: Moment = Moment(i64::MAX);

/// Keys are hashes already.
#[derive(Default)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
    fn write_u128(&mut self, n: u128) {
        self.0 = n as u64;
    }
}

type ByHash<V> = HashMap<u128, V, BuildHasherDefault<Identity>>;

/// A call in the making: a number that is stable until calls are joined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Slot(u32);

struct Component {
    /// Boxed, since a call of one leg is the rule and a leg is large.
    legs: SmallVec<[Box<Leg>; 4]>,
    /// Where each leg is, by its id, once there are many.
    places: ByHash<usize>,
    /// Keys that point here, so that they go when the call goes.
    keys: SmallVec<[(KeyKind, u128); 6]>,
    /// How many there were when they were last put in order.
    keys_sorted: usize,
    /// The last moment that any of its legs tells.
    last: Moment,
    /// A leg says that it is the last of its call.
    marked: bool,
    /// Somebody outside is part of it.
    outside: bool,
    /// What [`Assembly::hold_idle`] said of its exchanges.
    idle_ms: i64,
    /// Its halves of paths over ties.
    crossings: Vec<Number>,
    /// The log's clock when a leg last came.
    touched: Moment,
    /// The highest position in the log of any of its legs, where [`Assembly::stands_at`] told it.
    log_position: u64,
    /// Where it stands on the agenda.
    due: Moment,
}

impl Component {
    /// The moment at which it has been quiet for long enough. One among us may be a consultation for a caller, whose own legs
    /// are written when that caller is gone.
    /// One whose other half may still come is not over by what a leg of this half says.
    fn quiet_at(&self, hold: Hold, waits: bool) -> Moment {
        let held_ms = match (self.marked && !waits, self.outside) {
            (true, true) => hold.marked_ms,
            (true, false) => hold.among_us_ms.max(self.idle_ms),
            (false, _) => hold.idle_ms.max(self.idle_ms),
        };
        let last = if hold.by_log_time { self.touched } else { self.last.max(self.touched) };
        last.plus_ms(held_ms)
    }
}

/// How long a call is held after its last leg, by the log's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    /// One with somebody outside of which a leg says that it is the last, in milliseconds.
    pub marked_ms: i64,
    /// One among us of which a leg says so, in milliseconds.
    pub among_us_ms: i64,
    /// Any other, in milliseconds.
    pub idle_ms: i64,
    /// The log says when each leg came, so that an exchange whose clock is wrong ends no call too soon and holds none for years:
    /// what the leg itself tells is not looked at.
    pub by_log_time: bool,
}

#[derive(Clone, Copy)]
struct Span {
    from: Moment,
    to: Moment,
    slot: Slot,
}

/// All calls that are open.
pub struct Assembly {
    hold: Hold,
    /// By exchange, of which a company has few.
    idle: SmallVec<[(u64, i64); 4]>,
    /// When each call should be looked at: no later than it can be quiet. An entry whose call has another `due` is stale.
    agenda: BinaryHeap<Reverse<(Moment, Slot)>>,
    slots: Vec<Option<Component>>,
    /// Where a joined call went.
    joined: Vec<Slot>,
    free: Vec<u32>,
    ids: ByHash<Slot>,
    reused: ByHash<SmallVec<[Span; 1]>>,
    given: ByHash<SmallVec<[Slot; 1]>>,
    taken: ByHash<SmallVec<[Slot; 1]>>,
    /// `None`: there are no ties, and nothing is asked of them.
    ties: Option<Box<Tied>>,
    legs: usize,
    open: usize,
}

/// What a new leg did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// The call that it is part of now.
    pub slot: Slot,
    /// The component of that call that has the leg.
    pub component: Slot,
    /// The leg was known, with the same content.
    pub known: bool,
    /// Calls that this leg joined to `slot` for good, and that are no calls any more.
    pub absorbed: SmallVec<[Slot; 2]>,
    /// Calls that are part of another one now, over a tie, and that may be calls of their own again.
    pub tied: SmallVec<[Slot; 1]>,
    /// Other calls than `slot` that have other legs than before, since halves of a tie found better ones; also those that are calls again.
    pub changed: SmallVec<[Slot; 1]>,
}

impl Assembly {
    /// Nothing open yet.
    #[must_use]
    pub fn new(hold: Hold) -> Assembly {
        Assembly {
            hold,
            idle: SmallVec::new(),
            agenda: BinaryHeap::new(),
            slots: Vec::new(),
            joined: Vec::new(),
            free: Vec::new(),
            ids: ByHash::default(),
            reused: ByHash::default(),
            given: ByHash::default(),
            taken: ByHash::default(),
            ties: None,
            legs: 0,
            open: 0,
        }
    }

    /// Calls of this exchange of which no leg says that it is the last are held at least this long, in milliseconds.
    pub fn hold_idle(&mut self, pbx: &str, idle_ms: i64) {
        let pbx = pbx_hash(pbx);
        self.idle.retain(|(of, _)| *of != pbx);
        self.idle.push((pbx, idle_ms));
    }

    /// Takes one leg. `clock` is the log's time.
    pub fn push(&mut self, leg: impl Into<Box<Leg>>, clock: Moment) -> Pushed {
        self.push_boxed(leg.into(), clock)
    }

    fn push_boxed(&mut self, leg: Box<Leg>, clock: Moment) -> Pushed {
        let pbx = pbx_hash(&leg.origin.pbx);
        let idle_ms = self.idle.iter().find(|(of, _)| *of == pbx).map_or(0, |(_, ms)| *ms);
        let (from, to) = leg.span();
        let keys: SmallVec<[(KeyKind, u128); 6]> =
            leg.link_keys.iter().map(|k| (k.kind, key_hash(pbx, k.kind, &k.value))).collect();
        // A leg whose format joins nothing is a call of its own, and the same leg again is the same call.
        let alone = keys.is_empty().then_some((KeyKind::Id, leg.leg_id.0));

        let mut found: SmallVec<[Slot; 4]> = SmallVec::new();
        for (kind, hash) in keys.iter().chain(alone.iter()) {
            match kind {
                KeyKind::Id => found.extend(self.ids.get(hash).copied()),
                KeyKind::Reused => {
                    let spans = self.reused.get(hash).map_or(&[][..], |s| s.as_slice());
                    found.extend(spans.iter().filter(|s| touches(s, from, to)).map(|s| s.slot));
                }
                KeyKind::HandOver => found.extend(self.taken.get(hash).into_iter().flatten().copied()),
                KeyKind::TakeOver => found.extend(self.given.get(hash).into_iter().flatten().copied()),
            }
        }
        let mut roots: SmallVec<[Slot; 4]> = found.iter().map(|s| self.component_of(*s)).collect();
        roots.sort_unstable();
        roots.dedup();
        let largest = match roots.as_slice() {
            [] => None,
            [one] => Some(*one),
            many => many.iter().copied().max_by_key(|s| self.component(*s).map_or(0, |c| c.legs.len())),
        };
        let slot = largest.unwrap_or_else(|| self.new_slot());
        let absorbed: SmallVec<[Slot; 2]> = roots.iter().copied().filter(|s| *s != slot).collect();
        let mut is_twice = false;
        for other in &absorbed {
            is_twice |= self.absorb(slot, *other);
        }
        for (kind, hash) in keys.iter().chain(alone.iter()) {
            self.point(*kind, *hash, from, to, slot);
        }
        let crossings: Vec<Crossing> =
            self.ties.as_mut().map_or_else(Vec::new, |tied| tied.halves.ties.crossings_of(&leg));
        let mut inserted = Inserted::Known;
        if let Some(component) = self.slots.get_mut(slot.0 as usize).and_then(Option::as_mut) {
            component.point(keys.iter().chain(alone.iter()));
            component.last = component.last.max(to);
            let was_due = component.due;
            component.marked |= leg.ends_call;
            component.outside |= leg.from.kind == EndKind::Outside;
            component.outside |= leg.to.as_ref().is_some_and(|to| to.kind == EndKind::Outside);
            component.idle_ms = component.idle_ms.max(idle_ms);
            component.touched = component.touched.max(clock);
            inserted = component.insert(leg);
            if inserted == Inserted::New {
                self.legs += 1;
            }
            // Later legs only put it off, but for the one that says that it is the last.
            let due = component.quiet_at(self.hold, false);
            if due < was_due {
                component.due = due;
                self.agenda.push(Reverse((due, slot)));
            }
        }
        let known = inserted == Inserted::Known;
        // Of a leg that was there twice, only one stayed.
        let inserted = if is_twice { Inserted::Replaced } else { inserted };
        let mut pushed =
            Pushed { slot, component: slot, known, absorbed, tied: SmallVec::new(), changed: SmallVec::new() };
        if self.ties.is_some() {
            self.cross(&mut pushed, inserted, &crossings);
        }
        pushed
    }

    /// The legs of a call, in no order.
    pub fn legs(&self, slot: Slot) -> impl Iterator<Item = &Leg> {
        let parts = self.parts(slot).into_iter();
        parts.filter_map(|part| self.component(part)).flat_map(|c| &c.legs).map(AsRef::as_ref)
    }

    /// True while the call has not been taken.
    #[must_use]
    pub fn is_open(&self, slot: Slot) -> bool {
        self.component(self.root(slot)).is_some()
    }

    /// True if an open call has this leg, whichever record told it.
    #[must_use]
    pub fn holds(&self, leg: &Leg) -> bool {
        self.find(leg).is_some()
    }

    /// The component of an open call that has this leg, whichever record told it.
    #[must_use]
    pub fn find(&self, leg: &Leg) -> Option<Slot> {
        let pbx = pbx_hash(&leg.origin.pbx);
        let has = |slot: &Slot| {
            let part = self.component_of(*slot);
            self.component(part).is_some_and(|c| c.place(leg.leg_id).is_some()).then_some(part)
        };
        if leg.link_keys.is_empty() {
            return self.ids.get(&leg.leg_id.0).and_then(has);
        }
        leg.link_keys.iter().find_map(|key| {
            let hash = key_hash(pbx, key.kind, &key.value);
            match key.kind {
                KeyKind::Id => self.ids.get(&hash).and_then(has),
                KeyKind::Reused => self.reused.get(&hash).into_iter().flatten().find_map(|span| has(&span.slot)),
                KeyKind::HandOver => self.given.get(&hash).into_iter().flatten().find_map(has),
                KeyKind::TakeOver => self.taken.get(&hash).into_iter().flatten().find_map(has),
            }
        })
    }

    /// Calls that are open.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        if self.ties.is_none() { self.open } else { self.slots().count() }
    }

    /// Legs that are held.
    #[must_use]
    pub fn held_legs(&self) -> usize {
        self.legs
    }

    /// True if a leg of this call says that it is the last; over ties, one of each half, and none is missing that may come.
    #[must_use]
    pub fn is_marked(&self, slot: Slot) -> bool {
        let is_marked = |part: &Slot| self.component(*part).is_some_and(|c| c.marked && !self.waits(c));
        self.parts(slot).iter().all(is_marked)
    }

    /// The last moment that a leg of this call tells.
    #[must_use]
    pub fn last(&self, slot: Slot) -> Moment {
        let parts = self.parts(slot).into_iter();
        parts.filter_map(|part| self.component(part)).map(|c| c.last).max().unwrap_or(Moment(i64::MIN))
    }

    /// The log's clock when a leg of this call last came.
    #[must_use]
    pub fn touched(&self, slot: Slot) -> Moment {
        let parts = self.parts(slot).into_iter();
        parts.filter_map(|part| self.component(part)).map(|c| c.touched).max().unwrap_or(Moment(i64::MIN))
    }

    /// A leg of this call stands here in the log.
    pub fn stands_at(&mut self, slot: Slot, log_position: u64) {
        let slot = self.component_of(slot);
        if let Some(component) = self.slots.get_mut(slot.0 as usize).and_then(Option::as_mut) {
            component.log_position = component.log_position.max(log_position);
        }
    }

    /// The highest position in the log of any leg of this call.
    #[must_use]
    pub fn log_position(&self, slot: Slot) -> u64 {
        let parts = self.parts(slot).into_iter();
        parts.filter_map(|part| self.component(part)).map(|c| c.log_position).max().unwrap_or(0)
    }

    /// Holds a call as if a leg of it had come now.
    pub fn touch(&mut self, slot: Slot, clock: Moment) {
        for part in self.parts(slot) {
            if let Some(component) = self.slots.get_mut(part.0 as usize).and_then(Option::as_mut) {
                component.touched = component.touched.max(clock);
                component.due = component.quiet_at(self.hold, false);
                self.agenda.push(Reverse((component.due, part)));
            }
        }
    }

    /// No call is quiet before this moment; `None` if none is open.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        self.agenda.peek().map(|Reverse((due, _))| *due)
    }

    /// Every open call.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.components().filter(|slot| self.ties.is_none() || self.root(*slot) == *slot)
    }

    /// The open calls that have been quiet for long enough. Each is told once, until a leg comes or it is taken.
    pub fn quiet(&mut self, clock: Moment) -> Vec<Slot> {
        let mut quiet = Vec::new();
        while let Some(Reverse((due, slot))) = self.agenda.peek().copied().filter(|Reverse((due, _))| *due <= clock) {
            self.agenda.pop();
            let Some(component) = self.slots.get_mut(slot.0 as usize).and_then(Option::as_mut) else { continue };
            if component.due != due {
                continue;
            }
            if component.crossings.is_empty() {
                component.due = component.quiet_at(self.hold, false);
                if component.due <= clock {
                    component.due = NEVER;
                    quiet.push(slot);
                } else {
                    self.agenda.push(Reverse((component.due, slot)));
                }
                continue;
            }
            let parts = self.parts(slot);
            let due = self.parts_quiet_at(&parts, self.hold);
            if due <= clock {
                parts.iter().for_each(|part| self.set_due(*part, NEVER));
                quiet.extend(parts.first());
            } else {
                self.set_due(slot, due);
                self.agenda.push(Reverse((due, slot)));
            }
        }
        quiet.sort_unstable();
        quiet.dedup();
        quiet
    }

    /// The same where memory is short: every open call is looked at, and held for this long only.
    #[must_use]
    pub fn quiet_sooner(&self, clock: Moment, hold: Hold) -> Vec<Slot> {
        let is_quiet = |slot: &Slot| self.parts_quiet_at(&self.parts(*slot), hold) <= clock;
        self.slots().filter(is_quiet).collect()
    }

    /// The keys by which legs find this call: what kind each is, and its hash as [`stored_keys`] gives it.
    pub fn keys(&self, slot: Slot) -> impl Iterator<Item = (KeyKind, u64)> + '_ {
        let parts = self.parts(slot).into_iter();
        let keys = parts.filter_map(|part| self.component(part)).flat_map(|c| &c.keys);
        keys.map(|(kind, hash)| (*kind, *hash as u64))
    }

    /// Takes a call out, with its legs in no order.
    pub fn take(&mut self, slot: Slot) -> SmallVec<[Box<Leg>; 4]> {
        let mut legs = SmallVec::new();
        for part in self.parts(slot) {
            let taken = self.take_component(part);
            if legs.is_empty() {
                legs = taken;
            } else {
                legs.extend(taken);
            }
        }
        legs
    }

    fn take_component(&mut self, slot: Slot) -> SmallVec<[Box<Leg>; 4]> {
        let Some(component) = self.slots.get_mut(slot.0 as usize).and_then(Option::take) else {
            return SmallVec::new();
        };
        self.free.push(slot.0);
        if let Some(tied) = self.ties.as_mut() {
            let key = component.keys.first().map_or(0, |(_, key)| *key as u64);
            component.crossings.iter().for_each(|half| tied.halves.take_out(*half, key));
            tied.told.remove(&slot);
        }
        self.open -= 1;
        self.legs -= component.legs.len();
        for (kind, hash) in component.keys {
            match kind {
                KeyKind::Id => {
                    self.ids.remove(&hash);
                }
                KeyKind::Reused => forget(&mut self.reused, hash, |s| s.slot == slot),
                KeyKind::HandOver => forget(&mut self.given, hash, |s| *s == slot),
                KeyKind::TakeOver => forget(&mut self.taken, hash, |s| *s == slot),
            }
        }
        component.legs
    }

    fn component(&self, slot: Slot) -> Option<&Component> {
        self.slots.get(slot.0 as usize).and_then(Option::as_ref)
    }

    fn components(&self) -> impl Iterator<Item = Slot> + '_ {
        (0u32..).zip(&self.slots).filter(|(_, c)| c.is_some()).map(|(i, _)| Slot(i))
    }

    /// The slot under which this call is told: it holds until legs join it to another, or a tie does, or does no more.
    #[must_use]
    pub fn root(&self, slot: Slot) -> Slot {
        self.parts(slot).first().copied().unwrap_or(slot)
    }

    /// The component that this one is part of now; over ties, a call has several.
    #[must_use]
    pub fn component_of(&self, mut slot: Slot) -> Slot {
        while let Some(next) = self.joined.get(slot.0 as usize) {
            if *next == slot {
                break;
            }
            slot = *next;
        }
        slot
    }

    fn new_slot(&mut self) -> Slot {
        self.open += 1;
        // Joined slots are never given again, since older slots point through them; taken ones are.
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = Some(Component::new());
            return Slot(index);
        }
        let index = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Some(Component::new()));
        self.joined.push(Slot(index));
        Slot(index)
    }

    /// True if both had a leg of one id.
    fn absorb(&mut self, slot: Slot, other: Slot) -> bool {
        let Some(gone) = self.slots.get_mut(other.0 as usize).and_then(Option::take) else { return false };
        let mut is_twice = false;
        self.open -= 1;
        self.joined[other.0 as usize] = slot;
        for (kind, hash) in &gone.keys {
            match kind {
                KeyKind::Id => {
                    self.ids.insert(*hash, slot);
                }
                KeyKind::Reused => {
                    for span in self.reused.get_mut(hash).into_iter().flatten().filter(|s| s.slot == other) {
                        span.slot = slot;
                    }
                }
                KeyKind::HandOver => replace(&mut self.given, *hash, other, slot),
                KeyKind::TakeOver => replace(&mut self.taken, *hash, other, slot),
            }
        }
        if let Some(component) = self.slots.get_mut(slot.0 as usize).and_then(Option::as_mut) {
            component.point(gone.keys.iter());
            component.last = component.last.max(gone.last);
            component.touched = component.touched.max(gone.touched);
            component.marked |= gone.marked;
            component.outside |= gone.outside;
            component.idle_ms = component.idle_ms.max(gone.idle_ms);
            component.log_position = component.log_position.max(gone.log_position);
            component.crossings.extend(gone.crossings);
            for leg in gone.legs {
                if component.insert(leg) != Inserted::New {
                    self.legs -= 1;
                    is_twice = true;
                }
            }
        }
        if let Some(tied) = self.ties.as_mut() {
            tied.told.remove(&other);
        }
        is_twice
    }

    fn point(&mut self, kind: KeyKind, hash: u128, from: Moment, to: Moment, slot: Slot) {
        match kind {
            KeyKind::Id => {
                self.ids.insert(hash, slot);
            }
            KeyKind::Reused => {
                let spans = self.reused.entry(hash).or_default();
                match spans.iter_mut().find(|s| s.slot == slot && touches(s, from, to)) {
                    Some(span) => {
                        span.from = span.from.min(from);
                        span.to = span.to.max(to);
                    }
                    None => spans.push(Span { from, to, slot }),
                }
            }
            KeyKind::HandOver => add(&mut self.given, hash, slot),
            KeyKind::TakeOver => add(&mut self.taken, hash, slot),
        }
    }
}

fn touches(span: &Span, from: Moment, to: Moment) -> bool {
    from.ms_since(span.to) <= REUSED_GAP_MS && span.from.ms_since(to) <= REUSED_GAP_MS
}

fn add(map: &mut ByHash<SmallVec<[Slot; 1]>>, hash: u128, slot: Slot) {
    let slots = map.entry(hash).or_default();
    if !slots.contains(&slot) {
        slots.push(slot);
    }
}

fn replace(map: &mut ByHash<SmallVec<[Slot; 1]>>, hash: u128, old: Slot, new: Slot) {
    if let Some(slots) = map.get_mut(&hash) {
        slots.retain(|s| *s != old && *s != new);
        slots.push(new);
    }
}

fn forget<T>(map: &mut ByHash<SmallVec<[T; 1]>>, hash: u128, gone: impl Fn(&T) -> bool)
where
    [T; 1]: smallvec::Array<Item = T>,
{
    if let Some(values) = map.get_mut(&hash) {
        values.retain(|v| !gone(v));
        if values.is_empty() {
            map.remove(&hash);
        }
    }
}

/// What became of a leg that was added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inserted {
    /// It is the first with its id.
    New,
    /// One with its id was there, and stayed.
    Known,
    /// It took the place of one with its id.
    Replaced,
}

impl Component {
    fn new() -> Component {
        Component {
            legs: SmallVec::new(),
            places: ByHash::default(),
            keys: SmallVec::new(),
            keys_sorted: KEYS_SEARCHED_MAX,
            last: Moment::default(),
            marked: false,
            outside: false,
            idle_ms: 0,
            crossings: Vec::new(),
            touched: Moment::default(),
            log_position: 0,
            due: NEVER,
        }
    }

    /// Notes keys that point here, each once.
    fn point<'k>(&mut self, keys: impl Iterator<Item = &'k (KeyKind, u128)>) {
        if self.keys.len() < KEYS_SEARCHED_MAX {
            for key in keys {
                if !self.keys.contains(key) {
                    self.keys.push(*key);
                }
            }
            return;
        }
        self.keys.extend(keys.copied());
        // A call of thousands of legs is put in order a dozen times, not a thousand.
        if self.keys.len() > self.keys_sorted * 2 {
            self.keys.sort_unstable();
            self.keys.dedup();
            self.keys_sorted = self.keys.len();
        }
    }

    /// Adds a leg. Of two legs with one id (a cut line and the whole one after it) the one that tells more of the end stays,
    /// whichever came first.
    fn insert(&mut self, leg: Box<Leg>) -> Inserted {
        let Some(at) = self.place(leg.leg_id) else {
            if self.legs.len() >= LEGS_SEARCHED_MAX {
                if self.places.is_empty() {
                    self.places.extend(self.legs.iter().zip(0..).map(|(l, at)| (l.leg_id.0, at)));
                }
                self.places.insert(leg.leg_id.0, self.legs.len());
            }
            self.legs.push(leg);
            return Inserted::New;
        };
        let Some(known) = self.legs.get_mut(at) else { return Inserted::Known };
        let mut same = leg.clone();
        same.position = known.position;
        if same == *known {
            known.position = known.position.min(leg.position);
            return Inserted::Known;
        }
        let rank = |l: &Leg| (l.ended_at, l.answered_at, format!("{l:?}"));
        if rank(&leg) > rank(known) {
            *known = leg;
            return Inserted::Replaced;
        }
        Inserted::Known
    }

    fn place(&self, id: LegId) -> Option<usize> {
        if self.places.is_empty() {
            self.legs.iter().position(|l| l.leg_id == id)
        } else {
            self.places.get(&id.0).copied()
        }
    }
}

/// Each exchange has its own keys.
fn pbx_hash(pbx: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(pbx.as_bytes())
}

fn key_hash(pbx: u64, kind: KeyKind, value: &str) -> u128 {
    let kind = match kind {
        KeyKind::Id => 0u64,
        KeyKind::Reused => 1,
        // Both sides of a hand-over look for one value.
        KeyKind::HandOver | KeyKind::TakeOver => 2,
    };
    xxhash_rust::xxh3::xxh3_128_with_seed(value.as_bytes(), pbx ^ kind)
}

/// What a leg is found by in the store: a hash of each of its link keys, or of its id where it has none.
/// Both sides of a hand-over have one hash.
pub fn stored_keys(leg: &Leg) -> impl Iterator<Item = u64> {
    let pbx = pbx_hash(&leg.origin.pbx);
    let alone = leg.link_keys.is_empty().then_some(leg.leg_id.0 as u64);
    leg.link_keys.iter().map(move |k| key_hash(pbx, k.kind, &k.value) as u64).chain(alone)
}

/// The name of a call: that of its smallest id; without an id, of its smallest leg.
#[must_use]
pub fn call_id(legs: &[&Leg]) -> u128 {
    let smallest = legs
        .iter()
        .flat_map(|l| l.link_keys.iter().filter(|k| k.kind == KeyKind::Id).map(move |k| (&l.origin.pbx, &k.value)))
        .min();
    let tenant = legs.first().map_or("", |l| l.origin.tenant.as_str());
    let mut name: SmallVec<[u8; 128]> = SmallVec::from_slice(tenant.as_bytes());
    name.push(0);
    match smallest {
        Some((pbx, value)) => {
            name.extend_from_slice(pbx.as_bytes());
            name.push(0);
            name.extend_from_slice(value.as_bytes());
        }
        None => name.extend_from_slice(&legs.iter().map(|l| l.leg_id).min().unwrap_or(LegId(0)).0.to_le_bytes()),
    }
    xxhash_rust::xxh3::xxh3_128(&name)
}

/// Legs in the one order in which they are folded, whatever the order in which they came.
pub fn sort(legs: &mut [&Leg]) {
    legs.sort_by_key(|a| (a.started_at, a.order, a.leg_id));
}
