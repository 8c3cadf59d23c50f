//! Which half of a path over a tie belongs to which: one to one, the nearest first.
//!
//! Nothing that was found is kept but the observations of clocks: whoever asks for a half's other half gets what the halves
//! that are known at that moment say. So the answer is a function of their set, a nearer candidate that comes later wins,
//! and when a later pair moves the estimate of the clocks, every answer after it is by the new one.
//! Halves of calls that were taken out stay as they were, and are still somebody's other half: whoever fits them best gets no other.
//!
//! Two halves are candidates if a shared key says so; else if nothing that both tell of caller and digits differs, and, by the clocks' estimate,
//! they begin, or end, within the site's `tie_skew_s` of each other: a caller who was in a menu first has one record from before it left.
//! While fewer than three pairs were observed, clocks count as equal, and a candidate holds if it is the only one within two minutes,
//! or the only one of that length.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{Hash, Hasher};

use adapters::leg::{LegId, Moment, Text};
use smallvec::SmallVec;

use super::Ties;
use super::clocks::{CLOCKS_APART_MAX_MS, Clocks, hour};
use super::crossing::{Crossing, Side};

/// While clocks were not measured, the only candidate within this holds, in milliseconds.
const ONLY_WITHIN_MS: i64 = 120_000;

/// So many halves of calls that were taken out are known; the first to go is the one that was taken out first.
pub(crate) const TAKEN_OUT_MAX: usize = 20_000;

/// Candidates of candidates are followed to so many halves: one caller who calls without pause has no end of them.
const NEIGHBORS_MAX: usize = 48;

/// A half that is known, by its place in the list.
pub(crate) type Number = u32;

/// All halves that are known.
pub(crate) struct Halves<S> {
    pub(crate) ties: Ties,
    /// With whose it was when it came; `None`: of a call that was taken out.
    halves: Vec<Option<(Crossing, Option<S>)>>,
    free: Vec<Number>,
    /// Each with what its call's legs are found by (see [`crate::assemble::stored_keys`]).
    taken_out: VecDeque<(Number, u64)>,
    /// The coarsest moments that any half told.
    coarse_ms: i64,
    /// By what they can be found: a hash of direction, side and value; then when they began.
    starts: BTreeSet<(u64, Moment, Number)>,
    ends: BTreeSet<(u64, Moment, Number)>,
    /// By keys that both ends share.
    keys: HashMap<u64, SmallVec<[Number; 2]>>,
    /// Between two exchanges, the lesser id first.
    clocks: HashMap<(Text, Text), Clocks>,
}

/// How good a pair is: less is nearer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Distance {
    without_key: bool,
    nearer_ms: i64,
    farther_ms: i64,
    left: LegId,
    arrived: LegId,
}

impl Distance {
    /// Beginnings and ends together, in milliseconds.
    pub(crate) fn sum_ms(&self) -> i64 {
        self.nearer_ms + self.farther_ms
    }
}

/// What can be looked up.
#[derive(Clone, Copy, Hash)]
enum By {
    Caller,
    Digits,
    /// The digits of a half whose caller is not told.
    DigitsAlone,
    Key,
}

fn place(way: usize, side: Side, by: By, value: &str) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    (way, side, by, value).hash(&mut hasher);
    hasher.finish()
}

fn places(crossing: &Crossing, side: Side) -> SmallVec<[u64; 6]> {
    let at = |by, value: &Text| place(crossing.way, side, by, value);
    let mut places: SmallVec<[u64; 6]> = crossing.callers.iter().map(|c| at(By::Caller, c)).collect();
    places.extend(crossing.digits.iter().map(|d| at(By::Digits, d)));
    if crossing.callers.is_empty() {
        places.extend(crossing.digits.iter().map(|d| at(By::DigitsAlone, d)));
    }
    places
}

fn key_places(crossing: &Crossing, side: Side) -> SmallVec<[u64; 2]> {
    let values = crossing.shared.iter().chain(&crossing.links);
    values.map(|value| place(crossing.way, side, By::Key, value)).collect()
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Left => Side::Arrived,
            Side::Arrived => Side::Left,
        }
    }
}

/// How far apart two halves begin and end, by the clock behind the tie less `ahead_ms`.
fn apart(left: &Crossing, arrived: &Crossing, ahead_ms: i64) -> (i64, i64) {
    let began = arrived.started_at.ms_since(left.started_at) - ahead_ms;
    let ended = arrived.ended_at.ms_since(left.ended_at) - ahead_ms;
    (began, ended)
}

/// How near they are, if they can be one path by clocks that are `ahead_ms` apart.
pub(crate) fn distance(left: &Crossing, arrived: &Crossing, ahead_ms: i64, tolerance_ms: i64) -> Option<Distance> {
    let (began, ended) = apart(left, arrived, ahead_ms);
    let tolerance_ms = tolerance_ms + left.coarser_ms(arrived);
    let distance = |without_key| Distance {
        without_key,
        nearer_ms: began.abs().min(ended.abs()),
        farther_ms: began.abs().max(ended.abs()),
        left: left.leg,
        arrived: arrived.leg,
    };
    if left.has_key_of(arrived) {
        return Some(distance(false));
    }
    let together = began.abs() <= tolerance_ms || ended.abs() <= tolerance_ms && began >= -tolerance_ms;
    (together && left.fits(arrived)).then(|| distance(true))
}

/// One to one, the nearest first.
pub(crate) fn nearest_first<T: Copy + Ord>(mut pairs: Vec<(Distance, T, T)>) -> Vec<(T, T)> {
    pairs.sort_unstable();
    let mut taken: BTreeSet<(Side, T)> = BTreeSet::new();
    let mut found = Vec::new();
    for (_, left, arrived) in pairs {
        if !taken.contains(&(Side::Left, left)) && !taken.contains(&(Side::Arrived, arrived)) {
            taken.insert((Side::Left, left));
            taken.insert((Side::Arrived, arrived));
            found.push((left, arrived));
        }
    }
    found
}

impl<S: Copy> Halves<S> {
    pub(crate) fn new(ties: Ties) -> Halves<S> {
        Halves {
            ties,
            halves: Vec::new(),
            free: Vec::new(),
            taken_out: VecDeque::new(),
            coarse_ms: 0,
            starts: BTreeSet::new(),
            ends: BTreeSet::new(),
            keys: HashMap::new(),
            clocks: HashMap::new(),
        }
    }

    pub(crate) fn get(&self, number: Number) -> Option<&Crossing> {
        self.halves.get(number as usize).and_then(Option::as_ref).map(|(crossing, _)| crossing)
    }

    /// Whose it was when it came; `None` if that call was taken out.
    pub(crate) fn owner(&self, number: Number) -> Option<S> {
        self.halves.get(number as usize).and_then(Option::as_ref).and_then(|(_, owner)| *owner)
    }

    /// Its other half may come.
    pub(crate) fn may_come(&self, number: Number) -> bool {
        self.get(number).and_then(|c| self.ties.way(c.way)).is_some_and(|way| way.is_told)
    }

    pub(crate) fn insert(&mut self, crossing: Crossing, owner: S) -> Number {
        self.forget_as_taken_out(&crossing);
        self.coarse_ms = self.coarse_ms.max(crossing.coarse_ms());
        let number = self.free.pop().unwrap_or_else(|| {
            self.halves.push(None);
            Number::try_from(self.halves.len() - 1).unwrap_or(Number::MAX)
        });
        for at in places(&crossing, crossing.side) {
            self.starts.insert((at, crossing.started_at, number));
            self.ends.insert((at, crossing.ended_at, number));
        }
        for at in key_places(&crossing, crossing.side) {
            self.keys.entry(at).or_default().push(number);
        }
        if let Some(slot) = self.halves.get_mut(number as usize) {
            *slot = Some((crossing, Some(owner)));
        }
        let touched = self.observers(number);
        self.observe(&touched);
        number
    }

    /// Takes out a half that tells something else now.
    pub(crate) fn replace(&mut self, number: Number) {
        let touched = self.observers(number);
        for left in &touched {
            self.forget_observation(*left);
        }
        self.remove(number);
        self.observe(&touched);
    }

    /// Its call is taken out; one of the keys that its legs are found by is this.
    pub(crate) fn take_out(&mut self, number: Number, key: u64) {
        if let Some((_, owner)) = self.halves.get_mut(number as usize).and_then(Option::as_mut) {
            *owner = None;
            self.taken_out.push_back((number, key));
        }
        while self.taken_out.len() > TAKEN_OUT_MAX {
            let Some((first, _)) = self.taken_out.pop_front() else { break };
            // What it said of the clocks stays.
            self.remove(first);
        }
    }

    /// Nobody has the call any more that was taken out with this key.
    pub(crate) fn forget_taken_out(&mut self, key: u64) {
        let (gone, rest) = self.taken_out.drain(..).partition::<Vec<_>, _>(|(_, of)| *of == key);
        self.taken_out = rest.into();
        gone.into_iter().for_each(|(number, _)| self.remove(number));
    }

    /// A half that was taken out comes again: with its call, or told twice.
    fn forget_as_taken_out(&mut self, crossing: &Crossing) {
        if self.taken_out.is_empty() {
            return;
        }
        let is_it = |number: &Number| {
            self.owner(*number).is_none()
                && self
                    .get(*number)
                    .is_some_and(|c| (c.way, c.side, c.leg) == (crossing.way, crossing.side, crossing.leg))
        };
        if let Some(at) = self.taken_out.iter().position(|(number, _)| is_it(number))
            && let Some((number, _)) = self.taken_out.remove(at)
        {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: Number) {
        let Some((crossing, _)) = self.halves.get_mut(number as usize).and_then(Option::take) else { return };
        for at in places(&crossing, crossing.side) {
            self.starts.remove(&(at, crossing.started_at, number));
            self.ends.remove(&(at, crossing.ended_at, number));
        }
        for at in key_places(&crossing, crossing.side) {
            if let Some(numbers) = self.keys.get_mut(&at) {
                numbers.retain(|n| *n != number);
                if numbers.is_empty() {
                    self.keys.remove(&at);
                }
            }
        }
        self.free.push(number);
    }

    /// The other half.
    pub(crate) fn other_half(&self, number: Number) -> Option<Number> {
        let (other, is_whole) = self.nearest(number);
        // Where not all candidates were looked at, both have to say it.
        other.filter(|other| is_whole || self.nearest(*other).0 == Some(number))
    }

    /// The other half as seen from this one, and whether all candidates were looked at.
    fn nearest(&self, number: Number) -> (Option<Number>, bool) {
        let (pairs, seen) = self.around(number);
        let other = nearest_first(pairs).into_iter().find_map(|(left, arrived)| match number {
            n if n == left => Some(arrived),
            n if n == arrived => Some(left),
            _ => None,
        });
        (other, seen.len() < NEIGHBORS_MAX)
    }

    /// If its other half is of a call that was taken out: a key that the legs of that call are found by.
    pub(crate) fn late_key(&self, number: Number) -> Option<u64> {
        self.owner(number)?;
        let other = self.other_half(number).filter(|other| self.owner(*other).is_none())?;
        self.taken_out.iter().find(|(number, _)| *number == other).map(|(_, key)| *key)
    }

    /// Every half that this one, or one of its candidates, or one of theirs, could be paired with.
    pub(crate) fn neighbors(&self, number: Number) -> Vec<Number> {
        self.around(number).1
    }

    fn around(&self, number: Number) -> (Vec<(Distance, Number, Number)>, Vec<Number>) {
        let mut seen = vec![number];
        let mut pairs = Vec::new();
        let mut next = 0;
        while let Some(at) = seen.get(next).copied() {
            next += 1;
            // The nearest first, so that the same ones are looked at whatever the order in which they came.
            let mut candidates = self.candidates(at);
            candidates.sort_unstable();
            for pair in candidates {
                let other = if pair.1 == at { pair.2 } else { pair.1 };
                if seen.len() < NEIGHBORS_MAX && !seen.contains(&other) {
                    seen.push(other);
                }
                if !pairs.contains(&pair) {
                    pairs.push(pair);
                }
            }
        }
        (pairs, seen)
    }

    /// The pairs that this half can be of.
    fn candidates(&self, number: Number) -> Vec<(Distance, Number, Number)> {
        let Some(crossing) = self.get(number).filter(|_| self.may_come(number)) else { return Vec::new() };
        let mut found: Vec<Number> = Vec::new();
        for at in key_places(crossing, crossing.side.other()) {
            found.extend(self.keys.get(&at).into_iter().flatten());
        }
        for ahead_ms in self.possible_ahead_ms(crossing) {
            let (ahead_ms, within_ms) = match ahead_ms {
                Some(ahead_ms) => (ahead_ms, self.ties.tolerance_ms),
                None => (0, ONLY_WITHIN_MS),
            };
            self.look_up(crossing, ahead_ms, within_ms, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|other| self.pair(number, other)).collect()
    }

    /// The pair that two halves can be.
    fn pair(&self, one: Number, other: Number) -> Option<(Distance, Number, Number)> {
        let (left_number, arrived_number) = match self.get(one)?.side {
            Side::Left => (one, other),
            Side::Arrived => (other, one),
        };
        let (left, arrived) = (self.get(left_number)?, self.get(arrived_number)?);
        let distance = match self.ahead_ms(left) {
            Some(ahead_ms) => distance(left, arrived, ahead_ms, self.ties.tolerance_ms),
            None if left.has_key_of(arrived) => distance(left, arrived, 0, ONLY_WITHIN_MS),
            None => distance(left, arrived, 0, ONLY_WITHIN_MS).filter(|_| self.is_only(left_number, arrived_number)),
        };
        Some((distance?, left_number, arrived_number))
    }

    /// Each is the other's only candidate within two minutes; or the only one of that length.
    fn is_only(&self, left: Number, arrived: Number) -> bool {
        let among = |number: Number| -> (Vec<Number>, Vec<Number>) {
            let Some(crossing) = self.get(number) else { return Default::default() };
            let mut found = Vec::new();
            self.look_up(crossing, 0, ONLY_WITHIN_MS, &mut found);
            found.sort_unstable();
            found.dedup();
            found.retain(|other| self.fit(number, *other, ONLY_WITHIN_MS));
            let as_long = found.iter().copied().filter(|other| self.is_as_long(number, *other)).collect();
            (found, as_long)
        };
        let ((of_left, as_left), (of_arrived, as_arrived)) = (among(left), among(arrived));
        as_left == [arrived] && as_arrived == [left] || of_left == [arrived] && of_arrived == [left]
    }

    fn fit(&self, one: Number, other: Number, within_ms: i64) -> bool {
        let (Some(a), Some(b)) = (self.get(one), self.get(other)) else { return false };
        let (left, arrived) = if a.side == Side::Left { (a, b) } else { (b, a) };
        distance(left, arrived, 0, within_ms).is_some()
    }

    fn is_as_long(&self, one: Number, other: Number) -> bool {
        let (Some(a), Some(b)) = (self.get(one), self.get(other)) else { return false };
        let (began, ended) = apart(a, b, 0);
        (began - ended).abs() <= self.ties.tolerance_ms + a.coarser_ms(b)
    }

    /// By how much the clock behind the tie is ahead, for what left then.
    fn ahead_ms(&self, left: &Crossing) -> Option<i64> {
        self.ahead_in_hour(left.way, hour(left.started_at))
    }

    fn ahead_in_hour(&self, way: usize, hour: i64) -> Option<i64> {
        let way = self.ties.way(way)?;
        way.clock_ms.or_else(|| {
            let (key, sign) = between(&way.from.pbx, &way.to.pbx);
            self.clocks.get(&key)?.ahead_ms(hour).map(|ms| ms * sign)
        })
    }

    /// What the clocks can be apart for any half that this one could be paired with.
    fn possible_ahead_ms(&self, crossing: &Crossing) -> SmallVec<[Option<i64>; 2]> {
        let hours = match crossing.side {
            Side::Left => hour(crossing.started_at)..=hour(crossing.started_at),
            // It left within the clocks' difference of then, or, if it ended then, before: all hours in which it can have begun.
            Side::Arrived => {
                let earliest = crossing.started_at.plus_ms(-CLOCKS_APART_MAX_MS - super::BEFORE_LEAVING_MAX_MS);
                hour(earliest)..=hour(crossing.started_at.plus_ms(CLOCKS_APART_MAX_MS))
            }
        };
        let mut possible: SmallVec<[Option<i64>; 2]> = SmallVec::new();
        for hour in hours {
            let ahead_ms = self.ahead_in_hour(crossing.way, hour);
            if !possible.contains(&ahead_ms) {
                possible.push(ahead_ms);
            }
        }
        possible
    }

    /// Halves of the other side that share a caller or digits with this one, and begin or end within this of it.
    fn look_up(&self, crossing: &Crossing, ahead_ms: i64, within_ms: i64, found: &mut Vec<Number>) {
        let ahead_ms = if crossing.side == Side::Left { ahead_ms } else { -ahead_ms };
        let within_ms = within_ms + self.coarse_ms;
        let side = crossing.side.other();
        let at = |by, value: &Text| place(crossing.way, side, by, value);
        let mut places: SmallVec<[u64; 6]> = crossing.callers.iter().map(|c| at(By::Caller, c)).collect();
        let by = if crossing.callers.is_empty() { By::Digits } else { By::DigitsAlone };
        places.extend(crossing.digits.iter().map(|d| at(by, d)));
        for at in places {
            for (sorted, moment) in [(&self.starts, crossing.started_at), (&self.ends, crossing.ended_at)] {
                let from = (at, moment.plus_ms(ahead_ms - within_ms), 0);
                let to = (at, moment.plus_ms(ahead_ms + within_ms), Number::MAX);
                found.extend(sorted.range(from..=to).map(|(.., number)| *number));
            }
        }
    }

    /// The halves of the other side that this one could be observed with.
    fn observed_with(&self, number: Number) -> SmallVec<[Number; 2]> {
        let mut found: SmallVec<[Number; 2]> = SmallVec::new();
        let Some(crossing) = self.get(number).filter(|c| c.is_known() && self.may_come(number)) else { return found };
        if self.ties.way(crossing.way).is_none_or(|way| way.clock_ms.is_some()) {
            return found;
        }
        for caller in crossing.callers.iter().filter(|c| *c != super::WITHHELD) {
            let at = place(crossing.way, crossing.side.other(), By::Caller, caller);
            let from = (at, crossing.started_at.plus_ms(-CLOCKS_APART_MAX_MS), 0);
            let to = (at, crossing.started_at.plus_ms(CLOCKS_APART_MAX_MS), Number::MAX);
            for (.., other) in self.starts.range(from..=to) {
                let fits = self.get(*other).is_some_and(|o| crossing.fits(o)) && self.is_as_long(number, *other);
                if fits && !found.contains(other) {
                    found.push(*other);
                }
            }
        }
        found
    }

    /// The halves that left whose observation depends on this one.
    fn observers(&self, number: Number) -> Vec<Number> {
        let with = self.observed_with(number);
        let mut touched: Vec<Number> = match self.get(number).map(|c| c.side) {
            None => Vec::new(),
            Some(Side::Arrived) => with.to_vec(),
            Some(Side::Left) => with.iter().flat_map(|arrived| self.observed_with(*arrived)).chain([number]).collect(),
        };
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    fn observe(&mut self, touched: &[Number]) {
        for left in touched {
            let with = self.observed_with(*left);
            let only = match with.as_slice() {
                [] => continue,
                [arrived] => Some(*arrived).filter(|arrived| self.observed_with(*arrived).as_slice() == [*left]),
                _ => None,
            };
            let Some(crossing) = self.get(*left) else { continue };
            let Some(way) = self.ties.way(crossing.way) else { continue };
            let (key, sign) = between(&way.from.pbx, &way.to.pbx);
            let (leg, at) = (crossing.leg, crossing.started_at);
            let ahead_ms = only.and_then(|a| self.get(a)).map(|a| a.started_at.ms_since(crossing.started_at) * sign);
            let clocks = self.clocks.entry(key).or_default();
            match ahead_ms {
                Some(ahead_ms) => clocks.observe(leg, at, ahead_ms),
                None => clocks.forget(leg),
            }
        }
    }

    fn forget_observation(&mut self, left: Number) {
        let Some(crossing) = self.get(left) else { return };
        let Some(way) = self.ties.way(crossing.way) else { return };
        let (key, leg) = (between(&way.from.pbx, &way.to.pbx).0, crossing.leg);
        if let Some(clocks) = self.clocks.get_mut(&key) {
            clocks.forget(leg);
        }
    }
}

/// Two exchanges, and the sign of a difference from the first to the second.
fn between(from: &Text, to: &Text) -> ((Text, Text), i64) {
    if from <= to { ((from.clone(), to.clone()), 1) } else { ((to.clone(), from.clone()), -1) }
}
