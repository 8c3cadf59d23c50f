//! The legs of all halves of a call as if one exchange had told them: a caller who arrives by a tie is the caller who left by it.
//!
//! Where the near exchange only passed the caller on, its leg over the tie is gone, and the caller's own legs go on behind it.
//! Where it rang the far exchange as a member of its queue or hunt group, the tie is a joint, with the far legs behind it.
//! The moments of other exchanges are shifted into the clock of the one where the caller came in, unless the clocks agree within the
//! site's `tie_skew_s`: by what the site file says, else by what the halves of this very call say.
//! Everything here is a function of the call's legs and of the site file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adapters::Leg;
use adapters::leg::{Answerer, Disposition, End, EndKind, LegId, Moment, Origin, Stage, Text};
use rustc_hash::FxHashMap;

use super::Ties;
use super::crossing::{Crossing, Side, gather};
use super::matching::{distance, nearest_first};
use crate::assemble::{self, Assembly, Hold, Slot};

/// The mark of a call that crossed to, or from, an exchange whose records do not come here.
pub(crate) const OTHER_PBX_SILENT: &str =
    "other PBX silent: it sends no records, so who answered at the other end of the tie is not told";

/// The mark of a call that crossed a tie, and of which the other exchange's records tell nothing that fits.
pub(crate) const OTHER_HALF_NOT_SEEN: &str =
    "other half not seen: no record of the PBX at the other end of the tie fits, so what happened there is not told";

/// A call over ties, as of one exchange.
pub(crate) struct Composed {
    /// Its legs, not sorted.
    pub(crate) legs: Vec<Leg>,
    /// The exchange where the caller came in.
    pub(crate) pbx: Text,
    /// The legs whose keys name the call: those of the component where somebody outside is.
    pub(crate) named_by: BTreeSet<LegId>,
    /// The digits as the caller dialed them.
    pub(crate) dialed: Text,
    /// The exchange from which the caller came over a tie, where no record of it is here.
    pub(crate) came_from: Option<Text>,
    /// What is not told.
    pub(crate) marks: Vec<&'static str>,
    /// Legs that left by a tie, and of which no record tells who answered them.
    pub(crate) left: Vec<LegId>,
}

impl Composed {
    /// Takes back that somebody answered behind a tie: a PBX answers there too, and nobody tells who did.
    pub(crate) fn forget_answers(&mut self) {
        for leg in self.legs.iter_mut().filter(|l| self.left.contains(&l.leg_id)) {
            leg.disposition = Disposition::Unknown;
            leg.answerer = Answerer::Unknown;
            leg.answered_at = None;
        }
    }
}

/// `None` if no leg is at the end of a tie.
pub(crate) fn compose(legs: &[&Leg], ties: &mut Ties) -> Option<Composed> {
    let mut crossings: Vec<Crossing> = Vec::new();
    for leg in legs {
        for crossing in ties.crossings_of(leg) {
            gather(&mut crossings, &crossing);
        }
    }
    if crossings.is_empty() {
        return None;
    }
    let mut call = Halves::of(legs, &crossings, ties);
    let clocks = call.clocks(ties);
    let root = call.root(&clocks)?;
    let pbx = call.pbx_of(root);
    let shift = call.shifts(&clocks, &pbx);
    let named_by = call.named_by(root, ties);
    let dialed = call.dialed(root);
    call.shift(&shift, &pbx);
    call.join_halves();
    let lonely = call.read_lonely(root, ties);
    let Lonely { came_from, marks, left } = lonely;
    Some(Composed { legs: call.legs, pbx, named_by, dialed, came_from, marks, left })
}

/// The legs of a call in components of link keys, with the crossings between them.
struct Halves<'c> {
    legs: Vec<Leg>,
    component: FxHashMap<LegId, Slot>,
    crossings: &'c [Crossing],
    /// (left, arrived), by their places among the crossings.
    pairs: Vec<(usize, usize)>,
}

/// By how much the clock of the second exchange is ahead of the first's, in milliseconds.
type Clocks = BTreeMap<(Text, Text), i64>;

impl<'c> Halves<'c> {
    fn of(legs: &[&Leg], crossings: &'c [Crossing], ties: &Ties) -> Halves<'c> {
        let mut assembly = Assembly::new(Hold { marked_ms: 0, among_us_ms: 0, idle_ms: 0, by_log_time: false });
        let slots: Vec<(LegId, Slot)> =
            legs.iter().map(|l| (l.leg_id, assembly.push(Leg::clone(l), Moment::default()).slot)).collect();
        let component = slots.into_iter().map(|(id, slot)| (id, assembly.root(slot))).collect();
        Halves { legs: legs.iter().copied().cloned().collect(), component, crossings, pairs: pairs(crossings, ties) }
    }

    fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|l| l.leg_id == id)
    }

    fn slot(&self, crossing: usize) -> Option<Slot> {
        self.crossings.get(crossing).and_then(|c| self.component.get(&c.leg)).copied()
    }

    fn both(&self, pair: (usize, usize)) -> Option<(&'c Crossing, &'c Crossing)> {
        Some((self.crossings.get(pair.0)?, self.crossings.get(pair.1)?))
    }

    /// What the pairs of this call say of the clocks, or the site file does.
    fn clocks(&self, ties: &Ties) -> Clocks {
        let mut said: BTreeMap<(Text, Text), Vec<i64>> = BTreeMap::new();
        for (left, arrived) in self.pairs.iter().filter_map(|pair| self.both(*pair)) {
            let Some(way) = ties.way(left.way) else { continue };
            let ahead_ms = way.clock_ms.unwrap_or_else(|| ahead_ms(left, arrived, ties.tolerance_ms));
            // A clock that is a little ahead cannot be told from the time that a path takes.
            let coarser_ms = left.coarser_ms(arrived);
            let near = -coarser_ms..=ties.tolerance_ms + coarser_ms;
            let is_near = way.clock_ms.is_none() && near.contains(&ahead_ms);
            let ahead_ms = if is_near { 0 } else { ahead_ms };
            let (from, to) = (way.from.pbx.clone(), way.to.pbx.clone());
            said.entry((from.clone(), to.clone())).or_default().push(ahead_ms);
            said.entry((to, from)).or_default().push(-ahead_ms);
        }
        said.into_iter()
            .filter_map(|(key, mut ahead)| {
                ahead.sort_by_key(|ms| (ms.abs(), *ms));
                // Crossed there and back, each way adds its own small delay: the least is the clocks'.
                ahead.first().map(|ms| (key, *ms))
            })
            .collect()
    }

    /// The component where the call began: nobody arrived there over a tie of this call. Of several, where somebody outside called,
    /// then the earliest.
    fn root(&self, clocks: &Clocks) -> Option<Slot> {
        let arrived: BTreeSet<Slot> = self.pairs.iter().filter_map(|(_, arrived)| self.slot(*arrived)).collect();
        let reference = self.legs.iter().map(|l| l.origin.pbx.clone()).min().unwrap_or_default();
        let shift = self.shifts(clocks, &reference);
        let is_tie = |leg: &Leg| self.crossings.iter().any(|c| c.side == Side::Arrived && is_at(c, leg, Side::Arrived));
        let rank = |leg: &Leg| {
            let slot = self.component.get(&leg.leg_id).copied()?;
            let began = leg.started_at?.plus_ms(shift.get(&leg.origin.pbx).copied().unwrap_or(0));
            let is_outside = leg.from.kind == EndKind::Outside && !is_tie(leg);
            let is_caller = leg.from.kind != EndKind::Joint && leg.stage != Stage::Recording && leg.event.is_none();
            Some((arrived.contains(&slot), !is_caller, !is_outside, began, leg.order, leg.leg_id, slot))
        };
        self.legs.iter().filter_map(rank).min().map(|(.., slot)| slot)
    }

    fn pbx_of(&self, slot: Slot) -> Text {
        let in_it = |l: &&Leg| self.component.get(&l.leg_id) == Some(&slot);
        self.legs.iter().find(in_it).map(|l| l.origin.pbx.clone()).unwrap_or_default()
    }

    /// What is added to the moments of each exchange, in milliseconds.
    fn shifts(&self, clocks: &Clocks, reference: &Text) -> BTreeMap<Text, i64> {
        let mut shift = BTreeMap::from([(reference.clone(), 0)]);
        loop {
            let step = clocks.iter().find_map(|((from, to), ahead)| {
                let known = shift.get(from)?;
                (!shift.contains_key(to)).then(|| (to.clone(), known - ahead))
            });
            match step {
                Some((pbx, ms)) => shift.insert(pbx, ms),
                None => return shift,
            };
        }
    }

    /// The component of somebody outside: of the caller, else of whoever outside was rung; else the root.
    fn named_by(&self, root: Slot, ties: &Ties) -> BTreeSet<LegId> {
        let outside = |end: &End, leg: &Leg| {
            end.kind == EndKind::Outside && !ties.is_tie(&leg.origin.pbx, &end.trunk) && leg.event.is_none()
        };
        let of_root = |l: &&Leg| self.component.get(&l.leg_id) == Some(&root);
        let slot = if self.legs.iter().filter(of_root).any(|l| outside(&l.from, l)) {
            root
        } else {
            let rung = self.legs.iter().filter(|l| l.to.as_ref().is_some_and(|to| outside(to, l)));
            let first = rung.min_by_key(|l| (l.started_at, l.order, l.leg_id));
            first.and_then(|l| self.component.get(&l.leg_id)).copied().unwrap_or(root)
        };
        self.component.iter().filter(|(_, s)| **s == slot).map(|(id, _)| *id).collect()
    }

    fn dialed(&self, root: Slot) -> Text {
        let mut legs: Vec<&Leg> = self
            .legs
            .iter()
            .filter(|l| {
                self.component.get(&l.leg_id) == Some(&root)
                    && l.from.kind != EndKind::Joint
                    && l.event.is_none()
                    && l.order != u64::MAX
                    && l.stage != Stage::Recording
            })
            .collect();
        assemble::sort(&mut legs);
        legs.first().map(|l| l.dialed.clone()).unwrap_or_default()
    }

    /// Brings the moments of other exchanges into one clock, and keeps their names of channels apart.
    fn shift(&mut self, shift: &BTreeMap<Text, i64>, reference: &Text) {
        for leg in self.legs.iter_mut().filter(|l| l.origin.pbx != *reference) {
            let ms = shift.get(&leg.origin.pbx).copied().unwrap_or(0);
            for moment in [&mut leg.started_at, &mut leg.rang_at, &mut leg.answered_at, &mut leg.ended_at] {
                *moment = moment.map(|at| at.plus_ms(ms));
            }
            let pbx = leg.origin.pbx.clone();
            for end in std::iter::once(&mut leg.from).chain(leg.to.as_mut()).filter(|e| !e.channel.is_empty()) {
                end.channel = compact_str::format_compact!("{pbx}/{}", end.channel);
            }
        }
    }

    /// Puts the two halves of each path together, from the caller on.
    fn join_halves(&mut self) {
        let mut pairs: Vec<(Moment, usize, (usize, usize))> = Vec::new();
        for (number, pair) in self.pairs.iter().enumerate() {
            let Some((left, _)) = self.both(*pair) else { continue };
            let Some(leg) = self.leg(left.leg) else { continue };
            pairs.push((leg.started_at.unwrap_or_default(), number, *pair));
        }
        pairs.sort_unstable();
        let order = self.outward(&pairs);
        for (number, pair) in order {
            let Some((left, arrived)) = self.both(pair) else { continue };
            self.join(left, arrived, number);
        }
    }

    /// A pair comes after the one by which its caller arrived at the exchange that it leaves.
    fn outward(&self, pairs: &[(Moment, usize, (usize, usize))]) -> Vec<(usize, (usize, usize))> {
        let mut left: Vec<(usize, (usize, usize))> = pairs.iter().map(|(_, number, pair)| (*number, *pair)).collect();
        let mut ordered = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let waits = |pair: &(usize, usize)| {
                left.iter().any(|(_, other)| other != pair && self.slot(other.1) == self.slot(pair.0))
            };
            let next = left.iter().position(|(_, pair)| !waits(pair)).unwrap_or(0);
            ordered.push(left.remove(next));
        }
        ordered
    }

    fn join(&mut self, left: &Crossing, arrived: &Crossing, number: usize) {
        let Some(near) = self.leg(left.leg).cloned() else { return };
        let Some(far) = self.leg(arrived.leg).map(|l| l.from.clone()) else { return };
        let Some(near_end) = near.to.clone() else { return };
        let is_member = matches!(near.stage, Stage::Queue | Stage::HuntGroup);
        let caller = if is_member {
            let channel = compact_str::format_compact!("tie {number}");
            End { kind: EndKind::Joint, channel, number: near_end.number.clone(), ..End::default() }
        } else {
            near.from.clone()
        };
        let far_pbx = self.leg(arrived.leg).map(|l| l.origin.pbx.clone()).unwrap_or_default();
        for leg in self.legs.iter_mut().filter(|l| l.origin.pbx == far_pbx) {
            if is_same(&leg.from, &far) {
                leg.from = caller.clone();
                // The number of ours that was dialed is that of the outside trunk's exchange.
                leg.did.clone_from(&near.did);
            }
            if leg.to.as_ref().is_some_and(|to| !to.channel.is_empty() && is_same(to, &far)) {
                leg.to = Some(caller.clone());
            }
        }
        // Whoever answered behind the tie is at the end of what else leads to its near channel: a consultation that was handed over.
        let spoke = self.spoke_behind(&caller, &near.origin.pbx);
        for leg in self.legs.iter_mut().filter(|l| l.origin.pbx == near.origin.pbx) {
            let Some(to) = leg.to.as_mut() else { continue };
            let leads_there = !to.channel.is_empty() && is_same(to, &near_end);
            if is_member && (leads_there || leg.leg_id == near.leg_id) {
                *to = caller.clone();
            } else if let Some(spoke) = spoke.as_ref().filter(|_| leads_there && leg.leg_id != near.leg_id) {
                *to = spoke.clone();
            }
        }
        if !is_member {
            self.pass_on(&near, arrived);
        }
    }

    /// Who answered of those whom this caller reached at another exchange, the last of them.
    fn spoke_behind(&self, caller: &End, near: &Text) -> Option<End> {
        let behind = self.legs.iter().filter(|l| {
            l.origin.pbx != *near
                && is_same(&l.from, caller)
                && l.disposition == Disposition::Answered
                && l.answerer != Answerer::Machine
        });
        behind.max_by_key(|l| (l.answered_at, l.leg_id)).and_then(|l| l.to.clone())
    }

    /// The near leg did no more than lead there: what it says of the caller goes to the first leg behind the tie,
    /// and it stays as a step only if it began before.
    fn pass_on(&mut self, near: &Leg, arrived: &Crossing) {
        let Some(first) = self.legs.iter_mut().find(|l| l.leg_id == arrived.leg) else { return };
        let first_at = first.started_at;
        if first.recording.is_empty() {
            first.recording.clone_from(&near.recording);
        }
        first.moved = first.moved.take().or_else(|| near.moved.clone());
        first.hold_ms = first.hold_ms.or(near.hold_ms);
        if near.stage == Stage::OwnCall {
            first.stage = Stage::OwnCall;
        }
        first.ended_by = first.ended_by.or(near.ended_by.filter(|_| near.ended_at <= first.ended_at));
        self.legs.retain(|l| l.leg_id != near.leg_id || l.started_at < first_at);
        for step in self.legs.iter_mut().filter(|l| l.leg_id == near.leg_id) {
            step.to = None;
            step.ended_at = first_at;
            step.rang_at = None;
            step.answered_at = None;
            step.disposition = Disposition::MovedOn;
            step.answerer = Answerer::Unknown;
            step.cause = None;
            step.ended_by = None;
            step.timed_out = None;
            step.hold_ms = None;
            step.ends_call = false;
            step.stage = Stage::Number;
        }
    }

    /// Halves without another half: who arrived is one of ours, and who left reached somebody of ours.
    fn read_lonely(&mut self, root: Slot, ties: &Ties) -> Lonely {
        let paired: BTreeSet<usize> = self.pairs.iter().flat_map(|(l, a)| [*l, *a]).collect();
        let (mut came_from, mut marks, mut left) = (None, Vec::new(), Vec::new());
        let lonely = self.crossings.iter().enumerate().filter(|(at, _)| !paired.contains(at));
        for (_, crossing) in lonely {
            // A trunk that is the end of two ties has one half by each.
            let is_paired = paired
                .iter()
                .filter_map(|at| self.crossings.get(*at))
                .any(|c| c.leg == crossing.leg && c.side == crossing.side);
            let Some(way) = ties.way(crossing.way).filter(|_| !is_paired) else { continue };
            marks.push(if way.is_told { OTHER_HALF_NOT_SEEN } else { OTHER_PBX_SILENT });
            let Some(end) = self.leg(crossing.leg).and_then(|l| match crossing.side {
                Side::Left => l.to.clone(),
                Side::Arrived => Some(l.from.clone()),
            }) else {
                continue;
            };
            match crossing.side {
                Side::Arrived => {
                    if self.component.get(&crossing.leg) == Some(&root) {
                        came_from = Some(way.from.pbx.clone());
                    }
                    for leg in self.legs.iter_mut().filter(|l| l.origin.pbx == way.to.pbx && is_same(&l.from, &end)) {
                        leg.from.kind = EndKind::Person;
                        leg.from.trunk = Text::default();
                        leg.did = Text::default();
                    }
                }
                Side::Left => {
                    for leg in self.legs.iter_mut().filter(|l| l.origin.pbx == way.from.pbx) {
                        let is_there = leg.leg_id == crossing.leg
                            || leg.to.as_ref().is_some_and(|to| !to.channel.is_empty() && is_same(to, &end));
                        if !is_there {
                            continue;
                        }
                        // A member of a queue or hunt group is a telephone: who answers there is a person.
                        let is_member = matches!(leg.stage, Stage::Queue | Stage::HuntGroup);
                        if !is_member && matches!(leg.disposition, Disposition::Answered | Disposition::Unknown) {
                            left.push(leg.leg_id);
                        }
                        reach_behind(leg, &way.to.pbx, ties, crossing.way);
                    }
                }
            }
        }
        marks.sort_unstable();
        marks.dedup();
        left.sort_unstable();
        left.dedup();
        Lonely { came_from, marks, left }
    }
}

/// What halves without another half leave open.
struct Lonely {
    came_from: Option<Text>,
    marks: Vec<&'static str>,
    left: Vec<LegId>,
}

/// What left by a tie is told by the near exchange alone: it reached a number of the far one.
fn reach_behind(leg: &mut Leg, far_pbx: &Text, ties: &Ties, way: usize) {
    if leg.stage == Stage::Outbound {
        leg.stage = if leg.from.kind == EndKind::Person { Stage::Inside } else { Stage::Extension };
    }
    let is_member = matches!(leg.stage, Stage::Queue | Stage::HuntGroup);
    if let Some(to) = leg.to.as_mut() {
        to.kind = EndKind::Person;
        to.trunk = Text::default();
        if is_member && to.number == leg.dialed {
            // Only the group's number is told, not that of the member; the device says at least where the telephone is.
            to.number = Text::default();
        } else {
            to.device = Text::default();
        }
        // Digits that differ from those dialed are those that were sent.
        if to.number == leg.dialed && !is_member {
            to.number = ties.arriving(way, &to.number);
        }
    }
    // The number is the far exchange's.
    let origin = Origin { pbx: far_pbx.clone(), ..Origin::clone(&leg.origin) };
    leg.origin = Arc::new(origin);
}

fn is_at(crossing: &Crossing, leg: &Leg, side: Side) -> bool {
    let channel = match side {
        Side::Arrived => Some(&leg.from.channel),
        Side::Left => leg.to.as_ref().map(|to| &to.channel),
    };
    crossing.leg == leg.leg_id || channel.is_some_and(|c| !c.is_empty() && *c == crossing.channel)
}

fn is_same(end: &End, known: &End) -> bool {
    if known.channel.is_empty() { end == known } else { end.channel == known.channel }
}

/// By how much the far clock is ahead, as this pair says: by its beginning, or by its end where the near record began before the caller left.
fn ahead_ms(left: &Crossing, arrived: &Crossing, tolerance_ms: i64) -> i64 {
    let began = arrived.started_at.ms_since(left.started_at);
    let ended = arrived.ended_at.ms_since(left.ended_at);
    if left.up_before && (began - ended).abs() > tolerance_ms { ended } else { began }
}

/// The pairs of one call: those of the difference of clocks that makes the most pairs, and the nearest.
fn pairs(crossings: &[Crossing], ties: &Ties) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let ways: BTreeSet<usize> = crossings.iter().map(|c| c.way).collect();
    for number in ways {
        let Some(way) = ties.way(number).filter(|way| way.is_told) else { continue };
        let of = |side: Side| {
            let all = crossings.iter().enumerate();
            all.filter(move |(_, c)| c.way == number && c.side == side).collect::<Vec<_>>()
        };
        let (left, arrived) = (of(Side::Left), of(Side::Arrived));
        let mut possible: BTreeSet<i64> = BTreeSet::new();
        for (_, l) in &left {
            for (_, a) in arrived.iter().filter(|(_, a)| l.fits(a) || l.has_key_of(a)) {
                possible.extend([a.started_at.ms_since(l.started_at), a.ended_at.ms_since(l.ended_at)]);
            }
        }
        if let Some(told) = way.clock_ms {
            possible = BTreeSet::from([told]);
        }
        let best = possible.into_iter().map(|ahead_ms| {
            let mut candidates = Vec::new();
            for (at, l) in &left {
                for (there, a) in &arrived {
                    candidates.extend(distance(l, a, ahead_ms, ties.tolerance_ms).map(|d| (d, *at, *there)));
                }
            }
            let pairs = nearest_first(candidates.clone());
            let taken = candidates.iter().filter(|(_, l, a)| pairs.contains(&(*l, *a)));
            let sum_ms: i64 = taken.map(|(d, ..)| d.sum_ms()).sum();
            (std::cmp::Reverse(pairs.len()), sum_ms, ahead_ms.abs(), ahead_ms, pairs)
        });
        found.extend(best.min().map(|(.., pairs)| pairs).unwrap_or_default());
    }
    found
}
