//! A follow-up keeps the name that it had first, whatever the stream calls it later.

use std::collections::{BTreeMap, BTreeSet};

use office::{Event, FollowUpNow, Office, Owner, Told};

use crate::{T0, office, open};

/// A call with the one customer of a case.
#[derive(Clone, Debug, PartialEq)]
struct Contact {
    at: i64,
    id: String,
    /// It is owed a follow-up; else it is a talk that settles one.
    missed: bool,
}

/// The fold of the stream in small: an opening call, those that join it, the talk that ends it.
fn episodes(contacts: &[Contact]) -> Vec<FollowUpNow> {
    let mut contacts: Vec<&Contact> = contacts.iter().collect();
    contacts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut found: Vec<FollowUpNow> = Vec::new();
    let mut joined_until = i64::MIN;
    for opening in contacts.iter().filter(|c| c.missed) {
        if opening.at < joined_until {
            continue;
        }
        let closed_at = contacts.iter().filter(|c| !c.missed && c.at >= opening.at).map(|c| c.at).min();
        joined_until = closed_at.map_or(i64::MAX, |at| at.max(opening.at + 1));
        let calls: Vec<i64> =
            contacts.iter().filter(|c| c.missed && c.at >= opening.at && c.at < joined_until).map(|c| c.at).collect();
        found.push(FollowUpNow {
            tenant: "acme".into(),
            id: format!("f-{}", opening.id),
            customer: Some("+44".into()),
            opened_at: opening.at,
            after: found.last().and_then(|f: &FollowUpNow| f.closed_at),
            closed_at,
            last_at: *calls.last().unwrap(),
            status: if closed_at.is_some() { "returned_by_us" } else { "open" }.into(),
            customer_calls: i64::try_from(calls.len()).unwrap(),
            ..FollowUpNow::default()
        });
    }
    found
}

fn holds(follow_up: &FollowUpNow, at: i64) -> bool {
    let from = follow_up.after.map_or(i64::MIN, |after| (after + 1).min(follow_up.opened_at));
    let until = follow_up.closed_at.map_or(i64::MAX, |closed| closed.max(follow_up.opened_at + 1));
    from <= at && at < until
}

fn opened(follow_up: &FollowUpNow) -> Event {
    Event {
        tenant: "acme".into(),
        id: format!("opened {}", follow_up.id),
        kind: "follow-up-opened".into(),
        at: follow_up.opened_at,
        body: "{}".into(),
        follow_up: Some(follow_up.id.clone()),
        once: Some("opened".into()),
        ..Event::default()
    }
}

/// What is told when the set of calls went from one state to the next.
fn batch(before: &[FollowUpNow], now: &[FollowUpNow], version: u64) -> Told {
    let mut follow_ups: Vec<FollowUpNow> = now.iter().filter(|f| !before.contains(f)).cloned().collect();
    for gone in before.iter().filter(|f| !now.iter().any(|other| other.id == f.id)) {
        let place = now.iter().find(|f| holds(f, gone.opened_at)).map(|f| f.id.clone());
        follow_ups.push(FollowUpNow { merged_into: Some(place.unwrap_or_default()), ..gone.clone() });
    }
    for follow_up in &mut follow_ups {
        follow_up.version = version;
    }
    let events = follow_ups.iter().filter(|f| f.merged_into.is_none()).map(opened).collect();
    let owner = Owner { epoch: 1, versions: 1 };
    Told { topic: "records".into(), owner, now: T0, events, follow_ups, ..Told::default() }
}

fn names(office: &Office, follow_ups: &[FollowUpNow]) -> Vec<String> {
    let stored = follow_ups.iter().map(|f| {
        let name = office.follow_up_name("acme", &f.id).unwrap().unwrap();
        (f, office.follow_up("acme", &name).unwrap().unwrap())
    });
    stored
        .map(|(told, stored)| {
            let told = (&told.id, told.opened_at, told.closed_at, told.last_at, &told.status, told.customer_calls);
            let shown =
                (&stored.id, stored.opened_at, stored.closed_at, stored.last_at, &stored.status, stored.customer_calls);
            assert_eq!((told, &None), (shown, &stored.merged_into));
            stored.name
        })
        .collect()
}

fn step(chance: &mut fastrand::Rng, contacts: &mut Vec<Contact>, next: &mut usize) {
    let at = T0 + 1000 * chance.i64(0..60);
    *next += 1;
    let id = format!("c{next}");
    match (chance.u8(0..10), contacts.len()) {
        (6, 1..) => {
            // A late leg joins a call: it has another id, and perhaps began earlier.
            let index = chance.usize(..contacts.len());
            contacts[index].id = id;
            contacts[index].at -= 1000 * chance.i64(0..3);
        }
        (7, 1..) => {
            // A late leg shows that somebody answered.
            let index = chance.usize(..contacts.len());
            contacts[index].missed = false;
        }
        (8, 1..) => {
            // A late leg makes two calls one.
            let index = chance.usize(..contacts.len());
            contacts.swap_remove(index);
        }
        (kind, _) => contacts.push(Contact { at, id, missed: kind < 5 }),
    }
}

fn check(seed: u64, folder: Option<&std::path::Path>) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut office = folder.map_or_else(|| Office::open("sqlite::memory:", 0).unwrap(), open);
    let mut contacts = Vec::new();
    let mut next = 0;
    let mut before: Vec<FollowUpNow> = Vec::new();
    // When the opening call of each name began, as first seen; and what had the names before the step.
    let mut named: BTreeMap<String, i64> = BTreeMap::new();
    let mut alive: BTreeMap<String, FollowUpNow> = BTreeMap::new();
    for version in 1..30 {
        step(&mut chance, &mut contacts, &mut next);
        let now = episodes(&contacts);
        let told = batch(&before, &now, version);
        if chance.u8(0..3) == 0 {
            // What is gone may be told a little later.
            let (gone, present) = told.follow_ups.iter().cloned().partition(|f| f.merged_into.is_some());
            office.tell(&Told { follow_ups: present, ..told.clone() }).unwrap();
            office.tell(&Told { follow_ups: gone, events: vec![], ..told }).unwrap();
        } else {
            office.tell(&told).unwrap();
        }
        if let Some(folder) = folder
            && chance.u8(0..5) == 0
        {
            office = open(folder);
        }
        let found = names(&office, &now);
        for (follow_up, name) in now.iter().zip(&found) {
            // What began in its territory, and when or after it began had a name or a call, is what it was called before.
            let was_it = |(name, was): &(&String, &FollowUpNow)| {
                let named_at = named[*name];
                holds(follow_up, named_at) && named_at.max(was.last_at) >= follow_up.opened_at
            };
            let kept: BTreeSet<&String> = alive.iter().filter(was_it).map(|(name, _)| name).collect();
            assert!(
                kept.is_empty() || kept.contains(name),
                "seed {seed}, version {version}: {name} and not of {kept:?}: {follow_up:?} of {contacts:?}"
            );
            let own = kept.iter().find(|name| alive[**name].id == follow_up.id);
            assert!(own.is_none_or(|own| *own == name), "seed {seed}, version {version}: {own:?} is {name} now");
            let first = named.entry(name.clone()).or_insert(follow_up.opened_at);
            if !holds(follow_up, *first) {
                *first = follow_up.opened_at;
            }
        }
        alive = found.iter().cloned().zip(now.iter().cloned()).collect();
        assert_eq!(alive.len(), found.len(), "seed {seed}, version {version}: two have one name: {found:?}");
        before = now;
    }
    // Everything again by a new owner: the same names, and nothing is news.
    let again = Told { owner: Owner { epoch: 1, versions: 100 }, ..batch(&[], &before, 100) };
    let names_before = names(&office, &before);
    assert_eq!(office.tell(&again).unwrap().events, 0, "seed {seed}");
    assert_eq!(names(&office, &before), names_before, "seed {seed}");
    let events = office.events_after("acme", 0, 1000).unwrap();
    let told: BTreeSet<Option<String>> = events.iter().map(|event| event.follow_up.clone()).collect();
    assert_eq!(told.len(), events.len(), "seed {seed}: a follow-up was opened twice");
}

#[test]
fn names_stay_whatever_comes_late() {
    for seed in 0..500 {
        check(seed, None);
    }
}

#[test]
fn names_stay_over_restarts() {
    for seed in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        check(seed, Some(folder.path()));
    }
}

/// One missed call of one customer at each of these minutes, told as they are after each other.
fn told_in_turn(states: &[&[(i64, bool)]]) -> (Vec<Vec<String>>, usize) {
    let (_folder, office) = office();
    let mut before = Vec::new();
    let mut found = Vec::new();
    for (version, state) in (1..).zip(states) {
        let contact = |(minute, missed): &(i64, bool)| Contact {
            at: T0 + minute * 60_000,
            id: format!("{minute}"),
            missed: *missed,
        };
        let now = episodes(&state.iter().map(contact).collect::<Vec<_>>());
        office.tell(&batch(&before, &now, version)).unwrap();
        found.push(names(&office, &now));
        before = now;
    }
    (found, office.events_after("acme", 0, 100).unwrap().len())
}

#[test]
fn an_earlier_call_joins_and_does_not_rename() {
    let states: [&[(i64, bool)]; 2] = [&[(10, true)], &[(0, true), (10, true)]];
    assert_eq!(told_in_turn(&states), (vec![vec!["f-10".into()], vec!["f-10".to_owned()]], 1));
}

#[test]
fn a_late_talk_splits_and_each_half_has_a_name() {
    let states: [&[(i64, bool)]; 3] = [&[(10, true)], &[(0, true), (10, true)], &[(0, true), (5, false), (10, true)]];
    let (found, events) = told_in_turn(&states);
    assert_eq!(found[2], ["f-0", "f-10"]);
    assert_eq!(events, 2);
}

#[test]
fn what_was_long_settled_gives_its_name_to_nobody() {
    let (_folder, office) = office();
    let old = FollowUpNow { version: 1, ..episodes(&[Contact { at: T0, id: "1".into(), missed: true }]).remove(0) };
    office.tell(&crate::told(vec![], vec![old])).unwrap();
    // The stream has forgotten it: it says of the new one that nothing was before.
    let at = T0 + 40 * 86_400_000;
    let new = FollowUpNow { version: 2, ..episodes(&[Contact { at, id: "2".into(), missed: true }]).remove(0) };
    let event = opened(&new);
    assert_eq!(office.tell(&crate::told(vec![event], vec![new])).unwrap().events, 1);
    assert_eq!(office.follow_up("acme", "f-2").unwrap().unwrap().name, "f-2");
}

#[test]
fn withheld_numbers_have_nothing_in_common() {
    let (_folder, office) = office();
    let withheld = |id: &str| FollowUpNow { customer: None, ..crate::follow_up(id, "") };
    office.tell(&crate::told(vec![], vec![withheld("f1"), withheld("f2")])).unwrap();
    let name = |id: &str| office.follow_up("acme", id).unwrap().unwrap().name;
    assert_eq!((name("f1"), name("f2")), ("f1".into(), "f2".into()));
}
