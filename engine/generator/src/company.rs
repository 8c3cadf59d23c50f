//! One company as the script needs it: who can be rung where, and which numbers lead to whom. Made from its directory alone.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use directory::{ContextKind, Directory, EntryKind, Rings};

use crate::GeneratorError;
use crate::plan::PbxChoice;

/// Index of a person in [`Company::people`].
pub(crate) type PersonAt = usize;

pub(crate) struct Person {
    /// In the site file.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) extension: String,
    /// As the records name the telephone.
    pub(crate) device: String,
    pub(crate) mailbox: bool,
    pub(crate) pbx: usize,
}

/// A queue or a hunt group.
pub(crate) struct Team {
    pub(crate) id: String,
    pub(crate) members: Vec<PersonAt>,
    pub(crate) in_order: bool,
}

pub(crate) struct Line {
    pub(crate) name: String,
    /// How its devices begin.
    pub(crate) device: String,
}

#[derive(Clone, Copy)]
pub(crate) enum Entry {
    Person(PersonAt),
    Queue(usize),
    HuntGroup(usize),
    Menu,
}

pub(crate) struct Did {
    /// E.164.
    pub(crate) number: String,
    pub(crate) entry: Entry,
    pub(crate) group: Option<String>,
    pub(crate) site: String,
}

pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) adapter: &'static str,
    pub(crate) site: String,
    /// Of the times that it prints.
    pub(crate) zone: Tz,
    /// How far the clock that it prints is ahead of the true one.
    pub(crate) clock_ahead_ms: i64,
    pub(crate) columns: Vec<String>,
    /// What the site file calls each kind of place; the adapter's own names for the others.
    pub(crate) contexts: BTreeMap<&'static str, String>,
    /// Numbers of places: what the site file calls menu, park, closed, mailbox.
    pub(crate) places: BTreeMap<&'static str, String>,
    /// The site file names a place that turns callers away out of hours.
    pub(crate) turns_away: bool,
    /// A parking place.
    pub(crate) parking: Option<String>,
    /// A number of the invented customers' country may be shown as it is dialed within it.
    pub(crate) shows_national: bool,
    pub(crate) lines: Vec<Line>,
    pub(crate) queues: Vec<Team>,
    pub(crate) hunt_groups: Vec<Team>,
    pub(crate) dids: Vec<Did>,
    pub(crate) people: Vec<PersonAt>,
    /// The way to each other exchange, by its index.
    pub(crate) ties: BTreeMap<usize, Line>,
}

pub(crate) struct Company {
    pub(crate) directory: Directory,
    pub(crate) people: Vec<Person>,
    pub(crate) exchanges: Vec<Exchange>,
}

impl Exchange {
    /// The number of a place of this kind, or a usual one.
    pub(crate) fn place(&self, kind: &str, usual: &str) -> String {
        self.places.get(kind).cloned().unwrap_or_else(|| usual.to_owned())
    }
}

impl Company {
    pub(crate) fn of(
        directory: Directory,
        pbxes: &[PbxChoice],
        first_ms: i64,
        clock_ahead_ms: i64,
    ) -> Result<Company, GeneratorError> {
        let mut people = Vec::new();
        let mut exchanges = Vec::new();
        for (at, choice) in pbxes.iter().enumerate() {
            let mut exchange = exchange(&directory, pbxes, at, choice, first_ms, &mut people)?;
            exchange.clock_ahead_ms = if at == 0 { 0 } else { clock_ahead_ms };
            exchanges.push(exchange);
        }
        Ok(Company { directory, people, exchanges })
    }

    /// Whether a call to this number comes within working hours; a site without hours is always open.
    pub(crate) fn is_open(&self, did: &Did, at_ms: i64) -> bool {
        self.directory.group_open_at(did.group.as_deref(), Some(&did.site), at_ms).unwrap_or(true)
    }
}

fn exchange(
    directory: &Directory,
    pbxes: &[PbxChoice],
    at: usize,
    choice: &PbxChoice,
    first_ms: i64,
    people: &mut Vec<Person>,
) -> Result<Exchange, GeneratorError> {
    let pbx = directory.pbx(&choice.id).ok_or_else(|| {
        let known: Vec<&str> = directory.pbx_ids().collect();
        GeneratorError(format!("the site file has no PBX `{}`: it has {}", choice.id, known.join(", ")))
    })?;
    let site = directory.site(&pbx.site);
    let mut here = Vec::new();
    for person in directory.people() {
        let Some(extension) = person.extensions.iter().find(|e| e.pbx == choice.id && e.span.holds(first_ms)) else {
            continue;
        };
        here.push(people.len());
        let device = if extension.device.is_empty() {
            crate::formats::person_device(choice.adapter, &extension.number)
        } else {
            extension.device.clone()
        };
        people.push(Person {
            id: person.id.clone(),
            name: person.name.clone(),
            extension: extension.number.clone(),
            device,
            mailbox: person.mailbox,
            pbx: at,
        });
    }
    if here.is_empty() {
        return Err(GeneratorError(format!(
            "nobody has a telephone on PBX `{}` on the first day: give a [[person]] an extension there",
            choice.id
        )));
    }
    let with_extension = |number: &str| here.iter().copied().find(|p| people[*p].extension == number);
    let members = |numbers: &[String]| -> Vec<PersonAt> { numbers.iter().filter_map(|n| with_extension(n)).collect() };
    let mut queues = Vec::new();
    let mut hunt_groups = Vec::new();
    let mut dids = Vec::new();
    for did in directory.dids() {
        let target = did.entry.target.as_deref().unwrap_or_default();
        let (queue, hunt_group) = (directory.queue(&choice.id, target), directory.hunt_group(&choice.id, target));
        let entry = match did.entry.kind {
            EntryKind::Person => with_extension(target).map(Entry::Person),
            EntryKind::Queue => queue.map(|q| {
                Entry::Queue(place(
                    &mut queues,
                    Team { id: q.id.clone(), members: members(&q.members), in_order: false },
                ))
            }),
            EntryKind::HuntGroup => hunt_group.map(|g| Entry::HuntGroup(place(&mut hunt_groups, team(g, &members)))),
            // A menu stands on one exchange: that of its context, or the first.
            EntryKind::Menu if pbx.contexts.contains_key(target) || at == 0 => Some(Entry::Menu),
            _ => None,
        };
        let on_this_site = did.site.as_deref().is_none_or(|s| s == pbx.site);
        if let Some(entry) = entry.filter(|e| on_this_site || !matches!(e, Entry::Menu)) {
            let site = did.site.clone().unwrap_or_else(|| pbx.site.clone());
            dids.push(Did { number: did.number.clone(), entry, group: did.group.clone(), site });
        }
    }
    for (id, _) in directory.places(&choice.id) {
        if let Some(queue) = directory.queue(&choice.id, id) {
            place(&mut queues, Team { id: queue.id.clone(), members: members(&queue.members), in_order: false });
        }
        if let Some(hunt_group) = directory.hunt_group(&choice.id, id) {
            place(&mut hunt_groups, team(hunt_group, &members));
        }
    }
    if dids.is_empty() {
        return Err(GeneratorError(format!(
            "no number leads into PBX `{}`: give a [[did]] an entry that is a person, queue, hunt group or menu there",
            choice.id
        )));
    }
    if queues.iter().chain(&hunt_groups).any(|t| t.members.is_empty()) {
        return Err(GeneratorError(format!(
            "a queue or hunt group of PBX `{}` has no member with a telephone there",
            choice.id
        )));
    }
    let line = |name: &str| pbx.trunks.iter().find(|t| t.name == name);
    let line = |name: &str| line(name).map(|t| Line { name: t.name.clone(), device: t.device.clone() });
    let mut ties = BTreeMap::new();
    for (other, other_choice) in pbxes.iter().enumerate().filter(|(other, _)| *other != at) {
        for tie in directory.ties() {
            for (near, far) in [(&tie.a, &tie.b), (&tie.b, &tie.a)] {
                if near.pbx == choice.id
                    && far.pbx == other_choice.id
                    && let Some(line) = line(&near.trunk)
                {
                    ties.insert(other, line);
                }
            }
        }
    }
    let is_tie = |name: &str| {
        directory.ties().iter().any(|t| [&t.a, &t.b].iter().any(|e| e.pbx == choice.id && e.trunk == name))
    };
    let lines: Vec<Line> = pbx.trunks.iter().filter(|t| !is_tie(&t.name)).filter_map(|t| line(&t.name)).collect();
    if lines.is_empty() {
        return Err(GeneratorError(format!("PBX `{}` has no [[trunk]] to the outside", choice.id)));
    }
    let mut contexts = crate::formats::contexts();
    for (word, kind) in KINDS {
        if let Some((name, _)) = pbx.contexts.iter().find(|(_, c)| c.kind == kind && !c.is_final) {
            contexts.insert(word, name.clone());
        }
    }
    let mut places = BTreeMap::new();
    for (number, kind) in &pbx.places {
        if let Some((word, _)) = PLACES.iter().find(|(_, k)| k == kind) {
            places.entry(*word).or_insert_with(|| number.clone());
        }
    }
    let parking = places.get("park").cloned().or_else(|| crate::formats::parking(choice.adapter).map(str::to_owned));
    let turns_away = pbx.contexts.values().any(|c| c.kind == ContextKind::Closed)
        || pbx.places.values().any(|kind| *kind == ContextKind::Closed);
    Ok(Exchange {
        turns_away,
        places,
        id: choice.id.clone(),
        adapter: choice.adapter,
        site: pbx.site.clone(),
        zone: pbx.zone.or_else(|| site.and_then(|s| s.zone)).unwrap_or(Tz::UTC),
        clock_ahead_ms: 0,
        columns: pbx.columns.clone(),
        contexts,
        parking,
        shows_national: directory.numbers(&choice.id).e164("01134960000").is_some_and(|n| n == "+441134960000"),
        lines,
        queues,
        hunt_groups,
        dids,
        people: here,
        ties,
    })
}

fn team(hunt_group: &directory::HuntGroup, members: &impl Fn(&[String]) -> Vec<PersonAt>) -> Team {
    let in_order = hunt_group.rings == Rings::InOrder;
    Team { id: hunt_group.id.clone(), members: members(&hunt_group.members), in_order }
}

/// Where this team stands in the list, put there if it was not.
fn place(teams: &mut Vec<Team>, team: Team) -> usize {
    let known = teams.iter().position(|t| t.id == team.id);
    known.unwrap_or_else(|| {
        teams.push(team);
        teams.len() - 1
    })
}

/// The kinds of numbers that lead to neither a person nor a queue nor a hunt group.
const PLACES: [(&str, ContextKind); 4] = [
    ("menu", ContextKind::Menu),
    ("park", ContextKind::Park),
    ("closed", ContextKind::Closed),
    ("mailbox", ContextKind::Mailbox),
];

/// The kinds of places that scripts go through, and what formats call them.
const KINDS: [(&str, ContextKind); 10] = [
    ("number", ContextKind::Number),
    ("extension", ContextKind::Extension),
    ("hunt_group", ContextKind::HuntGroup),
    ("queue", ContextKind::Queue),
    ("menu", ContextKind::Menu),
    ("closed", ContextKind::Closed),
    ("after_queue", ContextKind::AfterQueue),
    ("inside", ContextKind::Inside),
    ("park", ContextKind::Park),
    ("outbound", ContextKind::Outbound),
];
