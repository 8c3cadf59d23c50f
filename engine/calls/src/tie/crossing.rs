//! One half of a path over a tie: what the legs of one channel there tell, in a form that two exchanges can compare.

use adapters::Leg;
use adapters::leg::{EndKind, KeyKind, LegId, Moment, Stage, Text};
use directory::TieKey;
use smallvec::SmallVec;

use super::{Ties, WITHHELD, digits_of};

/// A link key of another exchange's making is believed to be the same only from this length on: short counters repeat.
const SHARED_KEY_BYTES_MIN: usize = 16;

/// Most records tell seconds, in milliseconds.
const USUAL_GRAIN_MS: i64 = 1000;

/// Which end of a tie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Side {
    /// It leaves its exchange.
    Left,
    /// It arrives at its exchange.
    Arrived,
}

/// One stay of one caller on one end of a tie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Crossing {
    /// The number of the direction of the tie.
    pub(crate) way: usize,
    pub(crate) side: Side,
    /// What its legs have in common: the channel, or, where the format has none, the leg or the end.
    pub(crate) channel: Text,
    /// Its first leg.
    pub(crate) leg: LegId,
    pub(crate) started_at: Moment,
    pub(crate) ended_at: Moment,
    /// The caller had been answered before it left, so its record may begin long before.
    pub(crate) up_before: bool,
    order: u64,
    /// Its moments are no finer than this, in milliseconds.
    grain_ms: i64,
    /// Who called or was diverted, as far as told.
    pub(crate) callers: SmallVec<[Text; 2]>,
    /// What was dialed, as it arrives; as far as told.
    pub(crate) digits: SmallVec<[Text; 2]>,
    /// What the records of both ends share.
    pub(crate) shared: SmallVec<[Text; 1]>,
    /// Link keys that may be the same at both ends.
    pub(crate) links: SmallVec<[Text; 1]>,
}

impl Crossing {
    fn key(&self) -> (usize, Side, &Text) {
        (self.way, self.side, &self.channel)
    }

    /// What both tell together: in any order, any number of times.
    pub(crate) fn join(&mut self, other: &Crossing) {
        if (other.started_at, other.order, other.leg) < (self.started_at, self.order, self.leg) {
            self.leg = other.leg;
            self.order = other.order;
            self.up_before = other.up_before;
            self.started_at = other.started_at;
        }
        self.ended_at = self.ended_at.max(other.ended_at);
        self.grain_ms = self.grain_ms.max(other.grain_ms);
        add_all(&mut self.callers, &other.callers);
        add_all(&mut self.digits, &other.digits);
        add_all(&mut self.shared, &other.shared);
        add_all(&mut self.links, &other.links);
    }

    /// True if nothing that both tell contradicts that they are one path, and something says so.
    pub(crate) fn fits(&self, other: &Crossing) -> bool {
        if !self.shared.is_empty() && !other.shared.is_empty() {
            return shares(&self.shared, &other.shared);
        }
        let told = |a: &[Text], b: &[Text]| (!a.is_empty() && !b.is_empty()).then(|| shares(a, b));
        match (told(&self.callers, &other.callers), told(&self.digits, &other.digits)) {
            (Some(false), _) | (_, Some(false)) | (None, None) => false,
            (Some(true), _) | (_, Some(true)) => true,
        }
    }

    /// True if a key says that they are one path.
    pub(crate) fn has_key_of(&self, other: &Crossing) -> bool {
        shares(&self.shared, &other.shared) || shares(&self.links, &other.links)
    }

    /// How much more than usual the moments of both can differ, since one of them tells minutes only, in milliseconds.
    pub(crate) fn coarser_ms(&self, other: &Crossing) -> i64 {
        self.coarse_ms().max(other.coarse_ms())
    }

    /// The same of this one alone.
    pub(crate) fn coarse_ms(&self) -> i64 {
        (self.grain_ms - USUAL_GRAIN_MS).max(0)
    }

    /// Its caller is told by a number that others do not have.
    pub(crate) fn is_known(&self) -> bool {
        self.callers.iter().any(|c| c != WITHHELD)
    }
}

/// Adds a half that is told, to the one that has the same channel.
pub(crate) fn gather(crossings: &mut Vec<Crossing>, new: &Crossing) {
    match crossings.iter_mut().find(|c| c.key() == new.key()) {
        Some(known) => known.join(new),
        None => crossings.push(new.clone()),
    }
}

fn shares(a: &[Text], b: &[Text]) -> bool {
    a.iter().any(|value| b.contains(value))
}

fn add_all<const N: usize>(known: &mut SmallVec<[Text; N]>, new: &[Text])
where
    [Text; N]: smallvec::Array<Item = Text>,
{
    for value in new {
        if let Err(at) = known.binary_search(value) {
            known.insert(at, value.clone());
        }
    }
}

fn add<const N: usize>(known: &mut SmallVec<[Text; N]>, value: Text)
where
    [Text; N]: smallvec::Array<Item = Text>,
{
    if !value.is_empty() {
        add_all(known, &[value]);
    }
}

impl Ties {
    /// The halves that this leg alone tells.
    pub(crate) fn crossings_of(&mut self, leg: &Leg) -> Vec<Crossing> {
        let ends = self.ends(leg);
        ends.into_iter().filter_map(|(way, side)| self.crossing(leg, way, side)).collect()
    }

    fn crossing(&mut self, leg: &Leg, way: usize, side: Side) -> Option<Crossing> {
        let started_at = leg.started_at?;
        let end = match side {
            Side::Left => leg.to.as_ref()?,
            Side::Arrived => &leg.from,
        };
        let channel = match (end.channel.is_empty(), side) {
            (false, _) => end.channel.clone(),
            (true, Side::Left) => compact_str::format_compact!("{:032x}", leg.leg_id.0),
            // Legs of a caller without a channel are told apart by all that is told of the caller.
            (true, Side::Arrived) => {
                compact_str::format_compact!("{}|{}|{}|{}", end.number, end.name, end.device, end.trunk)
            }
        };
        let mut crossing = Crossing {
            way,
            side,
            channel,
            leg: leg.leg_id,
            started_at,
            ended_at: leg.ended_at.unwrap_or(started_at).max(started_at),
            up_before: leg.up_before,
            order: leg.order,
            grain_ms: i64::from(leg.grain_ms),
            callers: SmallVec::new(),
            digits: SmallVec::new(),
            shared: SmallVec::new(),
            links: SmallVec::new(),
        };
        let pbx = leg.origin.pbx.clone();
        // The end of a joint is named after what is dialed there, not after who called.
        let is_caller = matches!(leg.from.kind, EndKind::Outside | EndKind::Person);
        let told = [
            is_caller.then(|| leg.from.number.clone()),
            leg.moved.as_ref().map(|moved| moved.by.clone()),
            leg.extra.iter().find(|(label, _)| *label == "rdnis").map(|(_, value)| value.clone()),
        ];
        for raw in told.into_iter().flatten() {
            let caller = self.comparable(&pbx, &raw);
            add(&mut crossing.callers, caller);
        }
        self.read_digits(&mut crossing, leg, &pbx);
        self.read_keys(&mut crossing, leg);
        Some(crossing)
    }

    /// What was dialed: as the caller did, as it was sent over the tie, and both as they arrive.
    fn read_digits(&mut self, crossing: &mut Crossing, leg: &Leg, pbx: &str) {
        let mut told: SmallVec<[Text; 4]> = SmallVec::new();
        match crossing.side {
            Side::Arrived => told.extend([leg.dialed.clone(), leg.did.clone()]),
            Side::Left => {
                // Of a member of a queue or hunt group, what was dialed is the group's number, not what was sent to the member.
                let is_member = matches!(leg.stage, Stage::Queue | Stage::HuntGroup);
                told.extend(Some(leg.dialed.clone()).filter(|_| !is_member));
                let sent = leg.to.as_ref().map(|to| to.number.clone());
                told.extend(sent.filter(|sent| !is_member || *sent != leg.dialed));
                told.extend(
                    leg.extra.iter().filter(|(l, _)| *l == "outpulsedCalledPartyNumber").map(|(_, v)| v.clone()),
                );
                let rewrite = self.ways.get(crossing.way).map(|way| way.rewrite.clone()).unwrap_or_default();
                // Where the digits are told as dialed and as sent, only one of them is what arrives.
                let arriving: Vec<Text> = told.iter().map(|digits| rewrite.apply(digits).into()).collect();
                told.extend(arriving);
            }
        }
        for digits in told.iter().filter(|d| d.bytes().any(|b| b.is_ascii_digit())) {
            add(&mut crossing.digits, digits_of(digits));
            let number = self.comparable(pbx, digits);
            if number != WITHHELD {
                add(&mut crossing.digits, number);
            }
        }
    }

    fn read_keys(&self, crossing: &mut Crossing, leg: &Leg) {
        let names: &[&str] = match self.ways.get(crossing.way).map(|way| way.key) {
            Some(TieKey::SipCallId) => &["sipcallid"],
            Some(TieKey::Ucid) => &["ucid"],
            Some(TieKey::Header) => &["header", "userfield"],
            Some(TieKey::None) | None => return,
        };
        for (label, value) in &leg.extra {
            let name: Text =
                label.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
            if names.contains(&name.as_str()) {
                add(&mut crossing.shared, value.trim().into());
            }
        }
        for key in leg.link_keys.iter().filter(|k| k.kind == KeyKind::Id && k.value.len() >= SHARED_KEY_BYTES_MIN) {
            add(&mut crossing.links, key.value.clone());
        }
    }
}
