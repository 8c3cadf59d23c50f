//! A site file that nobody wrote: what the records themselves show of a company, and how many of them show it.
//!
//! Legs come in, as they are read without a site file; the text of one goes out. The same records give the same text, in whatever order
//! their files are read. What is not sure is left out, and the text says what to add.
//!
//! A list of extensions decides who is outside: whoever is not on it. So people are listed all or not at all, and members of queues
//! and hunt groups, which are extensions too, with them; the same holds for the numbers of the company.

mod clocks;
mod country;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::{End, EndKind, Leg, Moment, Position, Stage, Text};
use chrono_tz::Tz;

use clocks::Clocks;
use country::Numbers;

/// People whom one file lists. More are left out, all of them.
pub const PEOPLE_MAX: usize = 1000;
/// Queues, and hunt groups, that one file lists: those that most records show.
pub const PLACES_MAX: usize = 200;
/// Numbers of ours that one file lists. More are left out, all of them.
pub const DIDS_MAX: usize = 500;
/// Members that one queue or hunt group has here: those that most records show.
pub const MEMBERS_MAX: usize = 100;
/// Different extensions, devices, places or numbers that are counted; what comes beyond only says that there are more.
const SEEN_MAX: usize = 20_000;
/// A device that shows so many different numbers of the outside is no telephone that shows the company's.
const NUMBERS_SHOWN_MAX: usize = 4;
/// Names of one extension that are counted.
const NAMES_MAX: usize = 50;
/// A name, or what a number leads to, is told where so many of a hundred records agree.
const AGREED_PERCENT: u64 = 90;

/// What a text of a site file is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guessed {
    /// The site file.
    pub text: String,
    /// Lines of it that were guessed.
    pub lines: usize,
}

/// What was seen in the records so far.
#[derive(Default)]
pub struct Guesser {
    pbxes: BTreeMap<Text, Seen>,
    numbers: Numbers,
    clocks: Clocks,
    /// Something was not read to its end.
    is_part: bool,
}

/// What the records of one exchange show.
#[derive(Default)]
struct Seen {
    adapters: BTreeMap<&'static str, Count>,
    extensions: BTreeMap<Text, Extension>,
    /// Devices that were seen with somebody outside behind them.
    outside: BTreeMap<Text, Outside>,
    queues: BTreeMap<Text, Place>,
    hunt_groups: BTreeMap<Text, Place>,
    dids: BTreeMap<Text, Did>,
    is_overfull: bool,
}

/// Records, each counted once whatever it says.
#[derive(Default, Clone)]
struct Count {
    records: u64,
    last: Option<Position>,
}

impl Count {
    /// The legs of a record follow one another.
    fn add(&mut self, position: Position) {
        if self.last != Some(position) {
            self.records += 1;
            self.last = Some(position);
        }
    }
}

#[derive(Default)]
struct Extension {
    count: Count,
    names: BTreeMap<Text, u64>,
    devices: BTreeMap<Text, Count>,
}

#[derive(Default)]
struct Outside {
    sightings: u64,
    /// The first few that it showed.
    numbers: BTreeSet<Text>,
}

#[derive(Default)]
struct Place {
    count: Count,
    members: BTreeMap<Text, Count>,
}

#[derive(Default)]
struct Did {
    count: Count,
    entries: BTreeMap<(&'static str, Text), u64>,
}

impl Guesser {
    /// A leg, read without a site file.
    pub fn add(&mut self, leg: &Leg) {
        if !self.pbxes.contains_key(&leg.origin.pbx) {
            self.pbxes.insert(leg.origin.pbx.clone(), Seen::default());
        }
        let Some(seen) = self.pbxes.get_mut(&leg.origin.pbx) else { return };
        seen.adapters.entry(leg.origin.adapter).or_default().add(leg.position);
        for end in [Some(&leg.from), leg.to.as_ref()].into_iter().flatten() {
            seen.end(end, leg.position);
            if end.kind == EndKind::Outside {
                self.numbers.add(&end.number);
            }
        }
        seen.place(leg);
        seen.did(leg);
    }

    /// The same leg read in each of [`READ_IN`]: what is told of its clock.
    pub fn add_clock(&mut self, leg: &Leg, in_utc: &Leg, far: &Leg) {
        if let (Some(told), Some(in_utc), Some(far)) = (leg.started_at, in_utc.started_at, far.started_at) {
            self.clocks.add(leg.origin.adapter, leg.order, told, in_utc, far);
        }
    }

    /// Not all records were read: no list can be whole.
    pub fn is_part(&mut self) {
        self.is_part = true;
    }

    /// The site file. `machine`: the zone of the machine that it is made on, if that is known.
    #[must_use]
    pub fn site_file(&self, machine: Option<Tz>) -> Guessed {
        written::site_file(self, machine)
    }
}

/// The zones in which records are read for a guess: none, UTC, and the one whose clocks are furthest ahead.
pub const READ_IN: [Option<Tz>; 3] = [None, Some(Tz::UTC), Some(Tz::Pacific__Kiritimati)];

/// The value of a key, if there is room for it.
fn entry<'m, V: Default>(map: &'m mut BTreeMap<Text, V>, key: &Text, is_overfull: &mut bool) -> Option<&'m mut V> {
    if !map.contains_key(key) {
        if map.len() >= SEEN_MAX {
            *is_overfull = true;
            return None;
        }
        map.insert(key.clone(), V::default());
    }
    map.get_mut(key)
}

impl Seen {
    fn end(&mut self, end: &End, position: Position) {
        match end.kind {
            EndKind::Outside if !end.device.is_empty() => {
                let Some(outside) = entry(&mut self.outside, &end.device, &mut self.is_overfull) else { return };
                outside.sightings += 1;
                if outside.numbers.len() < NUMBERS_SHOWN_MAX {
                    outside.numbers.insert(end.number.clone());
                }
            }
            EndKind::Person if !end.number.is_empty() => {
                let Some(seen) = entry(&mut self.extensions, &end.number, &mut self.is_overfull) else { return };
                seen.count.add(position);
                if let Some(device) = entry(&mut seen.devices, &end.device, &mut self.is_overfull) {
                    device.add(position);
                }
                let is_known = seen.names.contains_key(&end.name) || seen.names.len() < NAMES_MAX;
                if !end.name.is_empty() && end.name != end.number && is_known {
                    *seen.names.entry(end.name.clone()).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    fn place(&mut self, leg: &Leg) {
        let places = match leg.stage {
            Stage::Queue => &mut self.queues,
            Stage::HuntGroup => &mut self.hunt_groups,
            _ => return,
        };
        if leg.queue.is_empty() {
            return;
        }
        let Some(place) = entry(places, &leg.queue, &mut self.is_overfull) else { return };
        place.count.add(leg.position);
        let member = leg.to.as_ref().filter(|to| to.kind == EndKind::Person && !to.number.is_empty());
        if let Some(member) = member.and_then(|to| entry(&mut place.members, &to.number, &mut self.is_overfull)) {
            member.add(leg.position);
        }
    }

    fn did(&mut self, leg: &Leg) {
        if leg.did.is_empty() {
            return;
        }
        let Some(did) = entry(&mut self.dids, &leg.did, &mut self.is_overfull) else { return };
        did.count.add(leg.position);
        let reached = || leg.to.as_ref().filter(|to| to.kind == EndKind::Person && !to.number.is_empty());
        let leads_to = match leg.stage {
            Stage::Queue => Some(("queue", leg.queue.clone())),
            Stage::HuntGroup => Some(("hunt_group", leg.queue.clone())),
            Stage::Menu => Some(("menu", leg.place.clone())),
            Stage::Closed => Some(("closed", leg.place.clone())),
            Stage::Mailbox => Some(("mailbox", leg.place.clone())),
            Stage::Conference => Some(("conference", leg.place.clone())),
            Stage::Extension => reached().map(|to| ("person", to.number.clone())),
            _ => None,
        };
        if let Some(leads_to) = leads_to
            && (did.entries.contains_key(&leads_to) || did.entries.len() < NAMES_MAX)
        {
            *did.entries.entry(leads_to).or_default() += 1;
        }
    }
}

/// The value on which nearly all agree.
fn agreed<K: Ord>(counted: &BTreeMap<K, u64>) -> Option<&K> {
    let all: u64 = counted.values().sum();
    counted.iter().find(|(_, count)| **count * 100 >= all * AGREED_PERCENT && all > 0).map(|(value, _)| value)
}

/// So many days from 1970 to this moment.
fn day(at: Moment) -> i64 {
    at.0.div_euclid(86_400_000)
}

#[cfg(test)]
mod tests;
