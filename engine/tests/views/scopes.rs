//! Who sees what: each person and each group, against the rule said in Rust, through every question there is.

use std::collections::BTreeSet;

use calls::CallLine;
use calls::customers::FollowUp;
use store::period::{Period, Preset};
use store::scope::{Groups, Held, Person, Scope, Whose};
use store::view::{COLUMNS, View};

use super::told::{World, wait};
use super::{reader, world};

const ALL: Period = Period::Preset(Preset::All);

fn ids(world: &World, chosen: impl Fn(&CallLine) -> bool) -> BTreeSet<String> {
    world.calls.values().filter(|line| chosen(line)).map(|line| line.call_id.to_string()).collect()
}

/// Owned by one of these, by the miss or by the follow-up, or dealt with by one of these people.
fn is_owned(world: &World, line: &CallLine, owners: &[String], people: &[String]) -> bool {
    let of_follow_up = world.follow_ups.values().filter(|f| f.calls.contains(&line.call_id)).any(|f| {
        f.line.owner.as_deref().is_some_and(|o| owners.iter().any(|owner| owner == o))
            || f.dealt_by.as_deref().is_some_and(|by| people.iter().any(|person| person == by))
    });
    line.owner.as_deref().is_some_and(|o| owners.iter().any(|owner| owner == o)) || of_follow_up
}

fn sees_person(world: &World, line: &CallLine, person: &directory::Person) -> bool {
    let id = person.id.as_str();
    let own =
        |number: &str| person.extensions.iter().any(|e| e.number == number && line.pbxes.iter().any(|p| *p == e.pbx));
    line.caller_person.as_deref() == Some(id)
        || line.caller_extension.as_deref().is_some_and(own)
        || line
            .offers
            .iter()
            .any(|o| o.kind == "person" && (o.person.as_deref() == Some(id) || o.target.as_deref().is_some_and(own)))
        || line.direction != calls::journey::Direction::Outbound && line.answered_by.iter().any(|e| own(e))
        || line.transfers.iter().any(|t| t.to.as_deref().is_some_and(own) || t.by.as_deref().is_some_and(own))
        || is_owned(world, line, &[format!("person:{id}")], &[id.to_owned()])
}

fn sees_group(world: &World, line: &CallLine, group: &str, people: &[String]) -> bool {
    let is_one =
        |person: &Option<adapters::leg::Text>| person.as_deref().is_some_and(|p| people.iter().any(|one| one == p));
    let is_group = |id: &Option<adapters::leg::Text>| id.as_deref() == Some(group);
    let owners: Vec<String> =
        std::iter::once(format!("group:{group}")).chain(people.iter().map(|p| format!("person:{p}"))).collect();
    is_one(&line.caller_person)
        || line.offers.iter().any(|o| o.kind == "person" && is_one(&o.person) || is_group(&o.group))
        || line.visits.iter().any(|v| is_group(&v.group))
        || is_group(&line.group)
        || line.owner_group() == Some(group)
        || is_owned(world, line, &owners, people)
}

fn scope(world: &World, whose: Whose) -> Scope {
    Scope { tenant: world.tenant.clone(), whose }
}

fn of_person(world: &World, person: &directory::Person) -> Scope {
    let held =
        |e: &directory::Extension| Held { number: e.number.clone(), pbx: e.pbx.clone(), since: None, until: None };
    scope(
        world,
        Whose::Person(Person { id: person.id.clone(), extensions: person.extensions.iter().map(held).collect() }),
    )
}

/// Through every question, nothing that is not visible is told, and all that is.
fn check(world: &World, name: &str, scope: Scope, visible: &BTreeSet<String>) {
    // A follow-up is seen by who owns it too, whatever became of its calls.
    let owners: Vec<String> = match &scope.whose {
        Whose::Everything => Vec::new(),
        Whose::Groups(Groups { groups, people, .. }) => {
            let of_groups = groups.iter().map(|id| format!("group:{id}"));
            of_groups.chain(people.iter().map(|id| format!("person:{id}"))).collect()
        }
        Whose::Person(person) => vec![format!("person:{}", person.id)],
    };
    let is_seen = |f: &FollowUp| {
        f.line.owner.as_deref().is_some_and(|owner| owners.iter().any(|one| one == owner))
            || f.calls.iter().any(|id| visible.contains(id.as_str()))
    };
    let reader = reader(world, scope);
    let mut view = View::of(ALL);
    view.limit = 1000;
    view.columns = COLUMNS.iter().filter(|column| column.is_shown()).collect();
    let page = wait(reader.page(&view, &[], None)).expect("a page");
    let found: BTreeSet<String> =
        page.rows.iter().map(|row| row["call_id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(&found, visible, "{name}: a page");
    assert_eq!(wait(reader.total(&view, &[])).expect("a total").calls as usize, visible.len(), "{name}: the total");
    for by in ["outcome", "hour"] {
        let grouped = wait(reader.grouped(&view.clone().grouped_by(by).expect("a group"), &[])).expect("groups");
        assert_eq!(grouped.rows.iter().map(|row| row.calls).sum::<u64>() as usize, visible.len(), "{name}: by {by}");
    }
    let missed = visible.iter().filter(|id| world.calls[*id].missed).count();
    let states = wait(reader.states(&view, &[])).expect("states");
    assert_eq!(states.iter().map(|state| state.calls).sum::<u64>() as usize, missed, "{name}: the states");
    let dashboard = wait(reader.dashboard(ALL)).expect("a dashboard");
    let came_in = visible.iter().filter(|id| world.calls[*id].direction == calls::journey::Direction::Inbound).count();
    assert_eq!(dashboard.came_in.value.map(|v| v.0), Some(came_in as i64 * 1000), "{name}: the dashboard");
    assert_eq!(dashboard.funnel.missed as usize, missed, "{name}: the funnel");
    let slots: u64 = dashboard.by_weekday_and_hour.iter().map(|slot| slot.calls).sum();
    assert_eq!(slots as usize, came_in, "{name}: by weekday and hour");
    for (id, line) in world.calls.iter().step_by(30) {
        let call = wait(reader.call(id)).expect("asked");
        assert_eq!(call.is_some(), visible.contains(id), "{name}: the call {id}");
        let Some(number) = line.customer() else { continue };
        let customer = wait(reader.customer(number)).expect("asked");
        let of = visible.iter().filter(|id| world.calls[*id].customer().is_some_and(|c| c == number)).count();
        assert_eq!(customer.total as usize, of, "{name}: the customer {number}");
        for row in &customer.follow_ups {
            let follow_up = &world.follow_ups[row["id"].as_str().expect("an id")];
            assert!(is_seen(follow_up), "{name}: owed to {number}");
        }
    }
    let work = wait(reader.work_list(1000, None)).expect("the work list");
    let expected: BTreeSet<&str> = world
        .follow_ups
        .values()
        .filter(|f| f.line.status.is_open() && is_seen(f))
        .map(|f| f.line.id.as_str())
        .collect();
    assert_eq!(
        work.rows.iter().filter_map(|row| row["id"].as_str()).collect::<BTreeSet<_>>(),
        expected,
        "{name}: the work list"
    );
    assert_eq!(wait(reader.work_total()).expect("a total").follow_ups as usize, expected.len(), "{name}");
    let early: u64 = wait(reader.early()).expect("asked").iter().map(|early| early.calls).sum();
    assert_eq!(early as usize, visible.iter().filter(|id| !world.calls[*id].is_final).count(), "{name}: early");
    assert_eq!(wait(reader.sources()).expect("asked"), [], "{name}: the sources");
    assert!(wait(reader.rejects(10)).expect("asked").is_empty(), "{name}: the rejects");
}

#[test]
fn a_person_sees_their_own_calls() {
    let world = &*world();
    let mut different = BTreeSet::new();
    for person in world.directory.people() {
        let visible = ids(world, |line| sees_person(world, line, person));
        check(world, &person.id, of_person(world, person), &visible);
        different.insert(visible);
    }
    assert!(different.len() > 3);
}

#[test]
fn a_head_sees_the_calls_of_the_group() {
    let world = &*world();
    let mut seen = 0;
    for group in world.directory.groups() {
        let members = world
            .directory
            .people()
            .iter()
            .filter(|p| p.group.as_deref() == Some(&group.id) || p.groups.contains(&group.id));
        let people: Vec<String> = members.map(|p| p.id.clone()).collect();
        let visible = ids(world, |line| sees_group(world, line, &group.id, &people));
        seen += usize::from(!visible.is_empty());
        check(
            world,
            &group.id,
            scope(world, Whose::Groups(Groups { groups: vec![group.id.clone()], people, queues: vec![] })),
            &visible,
        );
    }
    assert!(seen > 1);
}

#[test]
fn a_queue_is_a_head_s_by_its_number() {
    let world = &*world();
    let queue = world.calls.values().find_map(|line| line.visits.first()).expect("a visit").queue.to_string();
    let visible =
        ids(world, |line| line.visits.iter().any(|v| v.queue == queue) || line.queue.as_deref() == Some(&queue));
    let groups = Groups { queues: vec![queue], ..Groups::default() };
    check(world, "a queue", scope(world, Whose::Groups(groups)), &visible);
}

#[test]
fn who_has_nothing_and_who_is_of_another_company_sees_nothing() {
    let world = &*world();
    let nothing = BTreeSet::new();
    check(world, "no group", scope(world, Whose::Groups(Groups::default())), &nothing);
    check(world, "nobody", scope(world, Whose::Person(Person::default())), &nothing);
    check(world, "another company", Scope::everything("another"), &nothing);
}

#[test]
fn who_had_an_extension_before_sees_only_what_was_then() {
    let world = &*world();
    let lines = world.latest_first();
    let number = lines
        .iter()
        .find_map(|line| line.answered_by.first().filter(|_| line.direction != calls::journey::Direction::Outbound));
    let number = number.expect("an extension").to_string();
    let pbx = lines[0].pbx.to_string();
    let middle = lines[lines.len() / 2].started_at;
    let own = |line: &CallLine| {
        let is_own = |n: &str| n == number;
        line.caller_extension.as_deref().is_some_and(is_own)
            || line.offers.iter().any(|o| o.kind == "person" && o.target.as_deref().is_some_and(is_own))
            || line.direction != calls::journey::Direction::Outbound && line.answered_by.iter().any(|e| is_own(e))
            || line.transfers.iter().any(|t| t.to.as_deref().is_some_and(is_own) || t.by.as_deref().is_some_and(is_own))
    };
    for (since, until) in [(None, Some(middle)), (Some(middle), None)] {
        let visible = ids(world, |line| {
            own(line) && until.is_none_or(|u| line.started_at < u) && since.is_none_or(|s| line.started_at >= s)
        });
        assert!(!visible.is_empty());
        let extensions = vec![Held { number: number.clone(), pbx: pbx.clone(), since, until }];
        check(world, "had it", scope(world, Whose::Person(Person { id: "new".into(), extensions })), &visible);
    }
}
