//! The tables: rows that are counted, tokens that are forgotten after a while, inserts that arrive at any later time.

use std::collections::{BTreeMap, VecDeque};

use adapters::leg::{Leg, Moment};
use adapters::reject::Reject;
use calls::assemble::stored_keys;
use calls::counting::Recount;
use calls::customers::FollowUp;
use calls::line::FollowUpStatus;
use calls::live::Wanted;
use calls::measure::Thousandths;
use calls::window::{WindowKey, WindowNow};
use calls::{CallLine, Calls, Site, Told};
use directory::Directory;
use stream::Conclusions;
use stream::comparing::{Key, Known};
use stream::facts::From;
use stream::{Facts, Ledger, Mark, Place};

/// The rows of one batch.
#[derive(Clone, Default)]
pub struct Rows {
    pub legs: Vec<(Leg, Place)>,
    pub others: Vec<(char, Place)>,
    /// What was said.
    pub said: Vec<(Vec<u8>, Place)>,
}

impl Facts for Rows {
    fn leg(&mut self, leg: &Leg, place: Place) {
        self.legs.push((leg.clone(), place));
    }
    fn reject(&mut self, _: &Reject, _: From<'_>, place: Place) {
        self.others.push(('r', place));
    }
    fn mark(&mut self, mark: Mark<'_>, place: Place) {
        self.others.push(('m', place));
        if mark.adapter == stream::tenant::OURS {
            self.said.push((mark.value.to_vec(), place));
        }
    }
    fn bytes(&self) -> usize {
        self.legs.len() * 500
    }
}

/// An insert on its way.
#[derive(Clone)]
pub struct Sent {
    pub token: String,
    pub first: u64,
    pub next: u64,
    pub rows: Rows,
}

type Version<T> = (u64, u64, T);

#[derive(Default)]
pub struct Database {
    /// Every row of `legs`, as often as it was stored.
    pub legs: BTreeMap<(u64, u16), Vec<(Leg, Place)>>,
    pub others: BTreeMap<(char, u64, u16), usize>,
    /// What was said, by its place.
    pub said: BTreeMap<(u64, u16), (Vec<u8>, Place)>,
    /// Batches, as often as each was stored.
    pub batches: BTreeMap<(u64, u64), usize>,
    tokens: VecDeque<String>,
    pub inserts: u64,
    pub calls: BTreeMap<String, Version<Option<CallLine>>>,
    keys: BTreeMap<String, Vec<u64>>,
    pub follow_ups: BTreeMap<String, Version<Option<FollowUp>>>,
    /// Each measure of each window.
    pub windows: BTreeMap<(WindowKey, &'static str), Version<(Thousandths, bool)>>,
    /// The calls of the stored legs at these places.
    folded: (Vec<(u64, u16)>, Vec<CallLine>),
    /// Rows may be there more than once.
    pub takes_doubles: bool,
    /// Rows that came again.
    pub doubled: u64,
    /// The latest clock at which anything was concluded.
    decided_at: Moment,
}

/// Tokens that it remembers.
pub const WINDOW: usize = 30;

impl Database {
    /// Stores facts, unless their token is known.
    pub fn insert(&mut self, sent: &Sent) -> Result<(), String> {
        self.inserts += 1;
        if self.tokens.contains(&sent.token) {
            return Ok(());
        }
        self.tokens.push_back(sent.token.clone());
        if self.tokens.len() > WINDOW {
            self.tokens.pop_front();
        }
        *self.batches.entry((sent.first, sent.next)).or_default() += 1;
        for (leg, place) in &sent.rows.legs {
            let rows = self.legs.entry((place.position, place.part)).or_default();
            rows.push((leg.clone(), *place));
            self.doubled += u64::from(rows.len() > 1);
            if rows.len() > 1 && !self.takes_doubles {
                return Err(format!("the leg at {}.{} is stored twice", place.position, place.part));
            }
        }
        let said = sent.rows.said.iter().cloned();
        self.said.extend(said.map(|(value, place)| ((place.position, place.part), (value, place))));
        for (kind, place) in &sent.rows.others {
            let rows = self.others.entry((*kind, place.position, place.part)).or_default();
            *rows += 1;
            if *rows > 1 && !self.takes_doubles {
                return Err(format!("row {kind} at {}.{} is stored twice", place.position, place.part));
            }
        }
        Ok(())
    }

    /// Other partitions' inserts push tokens out.
    pub fn forget_tokens(&mut self) {
        self.tokens.clear();
        self.inserts += WINDOW as u64;
    }

    /// How many of this range's legs are there.
    pub fn count(&self, first: u64, next: u64) -> u64 {
        let others = self.others.range(('m', first, 0)..('m', next, 0)).count()
            + self.others.range(('r', first, 0)..('r', next, 0)).count();
        (self.legs.range((first, 0)..(next, 0)).count() + others) as u64
    }

    /// Conclusions: the higher version counts, whenever it comes.
    pub fn conclude(&mut self, conclusions: &Conclusions) -> Result<(), String> {
        self.decided_at = self.decided_at.max(conclusions.clock);
        for call in &conclusions.calls {
            let (line, keys, _) = &call.told;
            let id = line.call_id.to_string();
            if self.calls.get(&id).is_none_or(|(version, ..)| *version <= call.version) {
                self.keys.insert(id.clone(), keys.to_vec());
                self.calls.insert(id, (call.version, call.content, Some((**line).clone())));
            }
        }
        for follow_up in &conclusions.follow_ups {
            let (now, _) = &follow_up.told;
            let id = now.line.id.to_string();
            let known = self.follow_ups.get(&id);
            if let Some((version, _, Some(before))) = known
                && *version <= follow_up.version
                && before.line.status == FollowUpStatus::Expired
                && now.line.status == FollowUpStatus::Open
                && before.calls == now.calls
                && !self.takes_doubles
            {
                return Err(format!("follow-up {id} was expired, and is open again"));
            }
            if known.is_none_or(|(version, ..)| *version <= follow_up.version) {
                self.follow_ups.insert(id, (follow_up.version, follow_up.content, Some((**now).clone())));
            }
        }
        for window in &conclusions.windows {
            let now = &window.told;
            for (measure, value) in &now.values {
                let known = self.windows.entry((now.key.clone(), measure)).or_default();
                if known.0 <= window.version {
                    *known = (window.version, WindowNow::content_of(measure, *value), (*value, now.is_final));
                }
            }
        }
        for gone in &conclusions.gone {
            match &gone.told.1 {
                Key::Window(_) => {}
                Key::Call(id) => {
                    if self.calls.get(id.as_str()).is_none_or(|(version, ..)| *version <= gone.version) {
                        self.calls.insert(id.to_string(), (gone.version, 0, None));
                    }
                }
                Key::FollowUp(id) => {
                    if self.follow_ups.get(id.as_str()).is_none_or(|(version, ..)| *version <= gone.version) {
                        self.follow_ups.insert(id.to_string(), (gone.version, 0, None));
                    }
                }
            }
        }
        Ok(())
    }

    pub fn ledger(&self) -> Ledger {
        let batches_next = self.batches.keys().map(|(_, next)| *next).max().unwrap_or(0);
        let next = self.legs.last_key_value().map_or(0, |((position, _), _)| position + 1);
        let next = next.max(self.said.last_key_value().map_or(0, |((position, _), _)| position + 1));
        Ledger { epoch: 0, next, batches_next }
    }

    /// Legs below this position, in order.
    pub fn below(&self, high: u64) -> impl Iterator<Item = (&Leg, &Place)> {
        self.legs.range(..(high, 0)).filter_map(|(_, rows)| rows.first()).map(|(leg, place)| (leg, place))
    }

    pub fn wanted(&self, wanted: &Wanted) -> Vec<(Leg, Place)> {
        let is_wanted = |(leg, _): &&(Leg, Place)| {
            let at = leg.started_at.or(leg.ended_at).unwrap_or_default();
            (wanted.from..=wanted.to).contains(&at) && stored_keys(leg).any(|k| wanted.keys.contains(&k))
        };
        self.legs.values().filter_map(|rows| rows.first()).filter(is_wanted).cloned().collect()
    }

    /// Windows as the stored legs have them.
    pub fn recount(&mut self, mut recount: Recount, directory: &Directory) -> Vec<WindowNow> {
        let rows = self.legs.values().map(|rows| &rows[0]);
        let counted = rows.filter(|(leg, at)| recount.takes(leg, Some(at.position)));
        let places: Vec<_> = counted.clone().map(|(_, at)| (at.position, at.part)).collect();
        if self.folded.0 != places {
            let ends: Vec<_> = adapters::pbx::ADAPTERS.iter().map(|a| a.about().ends).collect();
            let mut calls = Calls::new(Site::new(directory), &ends, false).whole();
            for (leg, _) in counted {
                calls.push(leg.clone());
            }
            let mut lines = Vec::new();
            calls.finish(|told| {
                if let Told::Call(line) = told {
                    lines.push(*line);
                }
            });
            self.folded = (places, lines);
        }
        self.folded.1.iter().for_each(|line| recount.call(line, directory));
        recount.end()
    }

    /// The keys of the legs that a call was stored with.
    pub fn keys_of_call(&self, call_id: &str) -> Vec<u64> {
        self.keys.get(call_id).cloned().unwrap_or_default()
    }

    pub fn known(&self) -> Vec<Known> {
        let calls = self.calls.iter().map(|(id, (version, content, line))| Known {
            key: Key::Call(id.as_str().into()),
            version: *version,
            content: *content,
            is_final: line.as_ref().is_some_and(|l| l.is_final),
            is_gone: line.is_none(),
        });
        let follow_ups = self.follow_ups.iter().map(|(id, (version, content, told))| Known {
            key: Key::FollowUp(id.as_str().into()),
            version: *version,
            content: *content,
            is_final: true,
            is_gone: told.is_none(),
        });
        let mut windows: BTreeMap<&WindowKey, Known> = BTreeMap::new();
        for ((key, _), (version, content, (_, is_final))) in &self.windows {
            let known = windows.entry(key).or_insert_with(|| Known {
                key: Key::Window(key.clone()),
                version: 0,
                content: 0,
                is_final: true,
                is_gone: false,
            });
            known.version = known.version.max(*version);
            known.content ^= content;
            known.is_final &= *is_final || *content == 0;
        }
        let windows = windows.into_values().map(|known| Known { is_gone: known.content == 0, ..known });
        calls.chain(follow_ups).chain(windows).collect()
    }

    /// The log's clock at a position: that of the last leg below it, and where nothing is behind it, that of the last conclusion.
    pub fn clock(&self, high: u64) -> Moment {
        let last = self.below(high).map(|(_, place)| place.logged_at).max().unwrap_or_default();
        let is_all = self.batches.keys().all(|(_, next)| *next <= high);
        if is_all { last.max(self.decided_at) } else { last }
    }
}
