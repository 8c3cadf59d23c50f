//! Pages, totals and groups of views, each against the same question asked of the lines in Rust.

use std::collections::BTreeMap;

use adapters::leg::Text;
use calls::CallLine;
use calls::line::Word;
use chrono::{DateTime, Datelike, Timelike};
use serde_json::Value as Json;
use store::period::{Period, Preset};
use store::scope::{Person, Scope, Whose};
use store::view::{Asked, COLUMNS, Column, Kind, Sort, View};

use super::told::{World, wait};
use super::{ZONE, everything, world};

/// Views that say which calls they have, each with the same said in Rust.
type Chosen = (&'static str, fn(&CallLine) -> bool);

const CHOSEN: &[Chosen] = &[
    ("period=all", |_| true),
    ("period=all&direction=inbound&answered=unanswered", |l| {
        l.direction.word() == "inbound" && l.answered_at.is_none()
    }),
    ("period=all&outcome=abandoned&outcome=no_answer", |l| ["abandoned", "no_answer"].contains(&l.outcome.word())),
    ("period=all&outcome.not=answered", |l| l.outcome.word() != "answered"),
    ("period=all&missed=true", |l| l.missed),
    ("period=all&missed=false&is_final=true", |l| !l.missed && l.is_final),
    ("period=all&reason.empty=true", |l| l.reason.is_none()),
    ("period=all&reason.not=busy&reason.empty=false", |l| l.reason.is_some_and(|r| r.word() != "busy")),
    ("period=all&reason.not=busy", |l| l.reason.is_none_or(|r| r.word() != "busy")),
    ("period=all&queue.empty=false", |l| l.queue.is_some()),
    ("period=all&wait_time_s.min=3&wait_time_s.max=20.5", |l| {
        l.wait_time_s.is_some_and(|w| (3_000..=20_500).contains(&w.ms))
    }),
    ("period=all&cause=16&cause=19", |l| l.cause == Some(16) || l.cause == Some(19)),
    ("period=all&caller.contains=3", |l| l.caller.as_ref().is_some_and(|c| c.contains('3'))),
    ("period=all&answered_by.empty=true", |l| l.answered_by.is_empty()),
    ("period=all&tried.empty=false", |l| !people(l, |_| true).is_empty()),
    ("period=all&follow_up=open&follow_up=expired", |l| state(l).is_some_and(|s| ["open", "expired"].contains(&s))),
    ("period=all&follow_up.not=expired", |l| state(l) != Some("expired")),
    ("period=all&follow_up.empty=true", |l| l.follow_up.is_none()),
    ("period=all&follow_up.empty=false", |l| l.follow_up.is_some()),
    ("period=all&weekday=1&weekday=3", |l| {
        ["1", "3"].contains(&local(l).weekday().number_from_monday().to_string().as_str())
    }),
    ("period=all&hour.min=12", |l| local(l).hour() >= 12),
    ("period=all&voicemail_left=true", |l| l.voicemail_left == Some(true)),
    ("period=all&voicemail_left.not=true", |l| l.voicemail_left != Some(true)),
];

fn state(line: &CallLine) -> Option<&'static str> {
    line.follow_up.as_ref().map(|f| f.status.word())
}

fn local(line: &CallLine) -> DateTime<chrono_tz::Tz> {
    DateTime::from_timestamp_millis(line.started_at.0).expect("a moment").with_timezone(&ZONE)
}

fn people(line: &CallLine, chosen: fn(&calls::line::OfferLine) -> bool) -> Vec<String> {
    let offers = line.offers.iter().filter(|o| o.kind == "person" && chosen(o));
    each(offers.filter_map(|o| o.person.as_deref()))
}

fn each<'t>(values: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut values: Vec<String> = values.map(str::to_owned).collect();
    values.sort();
    values.dedup();
    values
}

fn parsed(query: &str) -> View {
    View::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

fn id(row: &store::JsonRow) -> String {
    row["call_id"].as_str().expect("an id").to_owned()
}

/// All pages of a view, row by row.
fn walked(world: &World, view: &View) -> Vec<store::JsonRow> {
    let reader = everything(world);
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = wait(reader.page(view, &[], cursor.as_ref())).expect("a page");
        let is_full = page.rows.len() == usize::from(view.limit);
        rows.extend(page.rows);
        let Some(next) = page.next else { return rows };
        assert!(is_full, "a page before the last one is full");
        // As it comes back in a URL.
        let asked = Asked::parse(&format!("{}&cursor={next}", view.query())).expect("a cursor");
        assert_eq!(asked.view, *view);
        cursor = asked.cursor;
    }
}

fn only_ids(mut view: View, limit: u16) -> View {
    view.limit = limit;
    view.columns = COLUMNS.iter().filter(|column| column.name == "call_id").collect();
    view
}

#[test]
fn the_world_has_what_is_hard() {
    let world = &*world();
    assert!(world.calls.len() > 60, "{} calls", world.calls.len());
    assert!(world.gone.len() > 3, "{} names are none any more", world.gone.len());
    assert!(world.moved > 15, "{} calls moved", world.moved);
    assert!(world.follow_ups.len() > 10, "{} follow-ups", world.follow_ups.len());
    let (again, renamed) = world.owed_again;
    assert!(again > 3 && renamed > 1, "{again} follow-ups were told again, {renamed} names are none any more");
    assert!(!world.gone.iter().any(|id| world.calls.contains_key(id)));
}

#[test]
fn every_view_has_the_calls_that_it_says() {
    let world = &*world();
    let reader = everything(world);
    for (query, chosen) in CHOSEN {
        let view = parsed(query);
        let expected: Vec<String> =
            world.latest_first().into_iter().filter(|line| chosen(line)).map(|line| line.call_id.to_string()).collect();
        let total = wait(reader.total(&view, &[])).expect("a total");
        assert_eq!(total.calls, expected.len() as u64, "{query}");
        let walked: Vec<String> = walked(world, &only_ids(view, 7)).iter().map(id).collect();
        assert_eq!(walked, expected, "{query}");
    }
}

#[test]
fn every_period_has_the_calls_that_began_in_it() {
    let world = &*world();
    let lines = world.latest_first();
    let edge = |line: &CallLine| adapters::line::moment(line.started_at);
    let mut periods: Vec<View> =
        store::period::PRESETS.iter().map(|(preset, _)| View::of(Period::Preset(*preset))).collect();
    for (from, to) in [(20, 3), (30, 30), (lines.len() - 1, 0)] {
        periods.push(parsed(&format!("from={}&to={}", edge(lines[from]), edge(lines[to]))));
    }
    periods.push(parsed(&format!("from={}", local(lines[10]).date_naive())));
    periods.push(parsed(&format!("to={}", local(lines[10]).date_naive())));
    for now in [world.now, lines[lines.len() / 2].started_at.plus_ms(60_000)] {
        let mut reader = everything(world);
        reader.now = now;
        for view in &periods {
            let span = view.period.span(now, ZONE);
            let is_in = |line: &&&CallLine| {
                span.from.is_none_or(|from| line.started_at >= from) && span.to.is_none_or(|to| line.started_at < to)
            };
            let expected = lines.iter().filter(is_in).count() as u64;
            assert_eq!(wait(reader.total(view, &[])).expect("a total").calls, expected, "{}", view.query());
            let page = wait(reader.page(&only_ids(view.clone(), 1000), &[], None)).expect("a page");
            let expected: Vec<String> = lines.iter().filter(is_in).map(|line| line.call_id.to_string()).collect();
            let found: Vec<String> = page.rows.iter().map(id).collect();
            assert_eq!(found, expected, "{}", view.query());
            let lines: Vec<&CallLine> = lines.iter().filter(is_in).copied().collect();
            what_is_owed_is_a_recount(world, &reader, view, &lines);
        }
    }
}

/// Of follow-ups only those are looked at that concern the period: what they say of its calls is the same.
fn what_is_owed_is_a_recount(world: &World, reader: &store::Reader<'_>, view: &View, lines: &[&CallLine]) {
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.missed) {
        *expected.entry(state(line).expect("every missed call is owed something")).or_default() += 1;
    }
    let states = wait(reader.states(view, &[])).expect("states");
    let found: BTreeMap<&str, u64> = states.iter().map(|s| (s.state.as_str(), s.calls)).collect();
    assert_eq!(found, expected, "{}", view.query());
    for query in ["open", "expired", "returned_by_us"] {
        let view = view.clone().with_value("follow_up", query).expect("a view");
        let expected = lines.iter().filter(|line| state(line) == Some(query)).count() as u64;
        assert_eq!(wait(reader.total(&view, &[])).expect("a total").calls, expected, "{}", view.query());
    }
    let empty = view.clone().with("follow_up", store::view::Test::Empty(true)).expect("a view");
    let expected = lines.iter().filter(|line| line.follow_up.is_none()).count() as u64;
    assert_eq!(wait(reader.total(&empty, &[])).expect("a total").calls, expected, "{}", empty.query());
    let told = wait(reader.time_to_return(view)).expect("times");
    let opened = world.follow_ups.values().filter(|f| lines.iter().any(|line| line.call_id == f.opening_call));
    assert_eq!(told.follow_ups as usize, opened.count(), "{}", view.query());
    // Who sees only what a person owes sees the same of the period as of all.
    let owns = |id: &str| world.follow_ups.values().any(|f| f.line.owner.as_deref() == Some(&*format!("person:{id}")));
    for person in world.directory.people().iter().filter(|person| owns(&person.id)).take(2) {
        let whose = Whose::Person(Person { id: person.id.clone(), extensions: Vec::new() });
        let scope = Scope { tenant: world.tenant.clone(), whose };
        let mut of_person = super::reader(world, scope);
        of_person.now = reader.now;
        let all = wait(of_person.page(&only_ids(parsed("period=all"), 1000), &[], None)).expect("a page");
        let theirs: Vec<String> = all.rows.iter().map(id).collect();
        let expected = lines.iter().filter(|line| theirs.iter().any(|id| line.call_id == *id)).count() as u64;
        assert_eq!(
            wait(of_person.total(view, &[])).expect("a total").calls,
            expected,
            "{} of {}",
            view.query(),
            person.id
        );
    }
}

#[test]
fn every_order_has_each_call_once_and_those_without_a_value_last() {
    let world = &*world();
    for column in COLUMNS.iter().filter(|column| column.is_sort()) {
        for descending in [true, false] {
            let mut view = only_ids(View::of(Period::Preset(Preset::All)), 40);
            view.sort = Sort { column, descending };
            view.columns.push(column);
            let rows = walked(world, &view);
            let mut ids: Vec<String> = rows.iter().map(id).collect();
            let values: Vec<&Json> = rows.iter().map(|row| &row[column.name]).collect();
            let is_in_order = |pair: &[&Json]| match (pair[0], pair[1]) {
                (_, Json::Null) => true,
                (Json::Null, _) => false,
                (a, b) if descending => compare(a, b).is_ge(),
                (a, b) => compare(a, b).is_le(),
            };
            assert!(values.windows(2).all(is_in_order), "by {} {descending}: {values:?}", column.name);
            ids.sort();
            assert!(ids.iter().eq(world.calls.keys()), "by {} {descending}: {} rows", column.name, ids.len());
        }
    }
}

fn compare(a: &Json, b: &Json) -> std::cmp::Ordering {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()).expect("numbers"),
        (Json::Bool(a), Json::Bool(b)) => a.cmp(b),
        _ => a.as_str().expect("text").as_bytes().cmp(b.as_str().expect("text").as_bytes()),
    }
}

/// What a call has in a column that views are grouped by.
fn values_of(column: &Column, line: &CallLine) -> Vec<Option<String>> {
    let one = |value: Option<&str>| vec![value.map(str::to_owned)];
    let text = |value: &Option<Text>| one(value.as_deref());
    let several = |values: Vec<String>| {
        if values.is_empty() { vec![None] } else { values.into_iter().map(Some).collect() }
    };
    let owner = |kind: &str| line.owner.as_deref().and_then(|owner| owner.strip_prefix(kind));
    match column.name {
        "site" => text(&line.site),
        "pbx" => one(Some(&line.pbx)),
        "pbxes" => several(each(line.pbxes.iter().map(Text::as_str))),
        "direction" => one(Some(line.direction.word())),
        "answered" => one(Some(if line.answered_at.is_some() { "answered" } else { "unanswered" })),
        "outcome" => one(Some(line.outcome.word())),
        "missed" => one(Some(if line.missed { "true" } else { "false" })),
        "short" => one(Some(if line.short { "true" } else { "false" })),
        "out_of_hours" => one(Some(if line.out_of_hours { "true" } else { "false" })),
        "reason" => one(line.reason.map(|r| r.word())),
        "caller" => text(&line.caller),
        "caller_extension" => text(&line.caller_extension),
        "caller_person" => text(&line.caller_person),
        "customer" => one(line.customer().map(Text::as_str)),
        "did" => text(&line.did),
        "trunk" => text(&line.trunk),
        "entry" => text(&line.entry),
        "first_target" => text(&line.first_target),
        "called" => {
            let first = line.offers.iter().find(|o| o.kind == "person");
            one(first.and_then(|o| o.person.as_deref().or(o.target.as_deref())).or(line.first_target.as_deref()))
        }
        "queue" => text(&line.queue),
        "queues" => several(each(line.visits.iter().map(|v| v.queue.as_str()).chain(line.queue.as_deref()))),
        "group" => text(&line.group),
        "groups" => {
            let of_offers = line.offers.iter().filter_map(|o| o.group.as_deref());
            let of_visits = line.visits.iter().filter_map(|v| v.group.as_deref());
            several(each(of_offers.chain(of_visits).chain(line.group.as_deref()).chain(owner("group:"))))
        }
        "owner" => text(&line.owner),
        "owner_group" => one(line.owner_group()),
        "tried" => several(people(line, |_| true)),
        "missed_by" => several(people(line, |o| o.person_missed)),
        "taken_by" => several(people(line, |o| o.end.word() == "answered")),
        "answered_by" => several(line.answered_by.iter().map(ToString::to_string).collect()),
        "answered_by_kind" => text(&line.answered_by_kind),
        "ended_by" => one(line.ended_by.map(|s| s.word())),
        "cause" => one(line.cause.map(|c| c.to_string()).as_deref()),
        "voicemail_left" => one(line.voicemail_left.map(|v| if v { "true" } else { "false" })),
        "rule" => one(Some(line.rule)),
        "is_final" => one(Some(if line.is_final { "true" } else { "false" })),
        "hour" => one(Some(&local(line).hour().to_string())),
        "weekday" => one(Some(&local(line).weekday().number_from_monday().to_string())),
        "day" => one(Some(&local(line).date_naive().to_string())),
        other => panic!("no recount of {other}"),
    }
}

#[test]
fn every_group_is_a_recount_and_leads_to_its_calls() {
    let world = &*world();
    let reader = everything(world);
    for query in ["period=all", "period=all&direction=inbound&outcome.not=answered"] {
        let chosen = |line: &&CallLine| {
            query == "period=all" || line.direction.word() == "inbound" && line.outcome.word() != "answered"
        };
        for column in COLUMNS.iter().filter(|column| column.is_group()) {
            let view = parsed(&format!("{query}&by={}", column.name));
            let grouped = wait(reader.grouped(&view, &[])).expect("groups");
            let mut expected: BTreeMap<Option<String>, (u64, u64, u64)> = BTreeMap::new();
            for line in world.calls.values().filter(chosen) {
                for value in values_of(column, line) {
                    let counts = expected.entry(value.clone()).or_default();
                    let of_person = value.as_ref().filter(|_| column.kind == Kind::People);
                    let among = |chosen| of_person.is_some_and(|person| people(line, chosen).contains(person));
                    let (missed, taken) = match of_person {
                        Some(_) => (among(|o| o.person_missed), among(|o| o.end.word() == "answered")),
                        None => (line.missed, line.answered_at.is_some()),
                    };
                    counts.0 += 1;
                    counts.1 += u64::from(missed);
                    counts.2 += u64::from(taken);
                }
            }
            let found: BTreeMap<Option<String>, (u64, u64, u64)> =
                grouped.rows.iter().map(|row| (row.value.clone(), (row.calls, row.missed, row.answered))).collect();
            assert_eq!(found, expected, "{query} by {}", column.name);
            assert_eq!(grouped.total.calls, world.calls.values().filter(chosen).count() as u64);
            assert!(!grouped.is_cut && grouped.rows.is_sorted_by(|a, b| a.calls >= b.calls));
            for row in grouped.rows.iter().take(5) {
                assert_eq!(parsed(&row.view.query()), row.view);
                let total = wait(reader.total(&row.view, &[])).expect("a total").calls;
                assert_eq!(total, row.calls, "{query} by {}: {:?}", column.name, row.value);
            }
        }
    }
}

#[test]
fn a_number_and_a_name_are_found() {
    let world = &*world();
    let reader = everything(world);
    let found = |text: &str, named: &[String]| {
        let mut view = only_ids(View::of(Period::Preset(Preset::All)), 1000);
        view.search = Some(text.to_owned());
        let page = wait(reader.page(&view, named, None)).expect("a page");
        let mut ids: Vec<String> = page.rows.iter().map(id).collect();
        assert_eq!(wait(reader.total(&view, named)).expect("a total").calls, ids.len() as u64);
        ids.sort();
        ids
    };
    let line = world.calls.values().find(|line| line.caller.is_some() && line.missed).expect("a missed call");
    let number = line.caller.clone().expect("a number");
    let digits = number.trim_start_matches('+');
    let of_number: Vec<String> = world
        .calls
        .values()
        .filter(|l| {
            [&l.caller, &l.caller_raw, &l.caller_name, &l.dialed, &l.did]
                .iter()
                .any(|n| n.as_ref().is_some_and(|n| n.contains(digits)))
        })
        .map(|l| l.call_id.to_string())
        .collect();
    assert!(of_number.contains(&line.call_id.to_string()));
    assert_eq!(found(&number, &[]), of_number);
    assert_eq!(found(&format!("{} ({}) {}", &number[..3], &number[3..5], &number[5..]), &[]), of_number);
    let person = people(line, |_| true)
        .first()
        .cloned()
        .or_else(|| Some(world.directory.people()[0].id.clone()))
        .expect("a person");
    let theirs: Vec<String> = world
        .calls
        .values()
        .filter(|l| {
            people(l, |_| true).contains(&person)
                || l.caller_person.as_deref() == Some(&person)
                || l.owner.as_deref() == Some(&format!("person:{person}"))
        })
        .map(|l| l.call_id.to_string())
        .collect();
    assert_eq!(found("nobody is called that", std::slice::from_ref(&person)), theirs);
    assert_eq!(found("nobody is called that", &[]), [""; 0]);
}

/// New calls come while somebody turns pages: nothing is shown twice, and nothing that was there is left out.
#[test]
fn a_cursor_holds_while_calls_come() {
    let world = &*world();
    let reader = everything(world);
    let view = only_ids(parsed("period=all&direction=inbound"), 5);
    let all: Vec<String> = walked(world, &view).iter().map(id).collect();
    let first = wait(reader.page(&view, &[], None)).expect("a page");
    let next = first.next.expect("more");
    // Later calls change neither what the cursor names nor what is after it: the next page is the same whatever is before it.
    let mut narrowed = view.clone();
    let last = &world.calls[&id(first.rows.last().expect("a row"))];
    narrowed.period = Period::Free { from: None, to: Some(store::period::Edge::At(last.started_at.plus_ms(1))) };
    let second = wait(reader.page(&view, &[], Some(&next))).expect("a page");
    assert_eq!(second.rows.iter().map(id).collect::<Vec<_>>(), all[5..10]);
    let alone: Vec<String> = walked(world, &narrowed).iter().map(id).collect();
    assert!(alone.ends_with(&all[5..]));
}

/// What brings the rows of an older database into the order of time comes to what is written since, column by column; and to so many.
fn check_placed_again(world: &World, migration: &str, table: &str, count: usize) {
    let (_, migration) = store::MIGRATIONS.iter().find(|(name, _)| *name == migration).expect("a file");
    let copy = format!("{table}_again");
    world.database.ask(&format!("CREATE TABLE {copy} AS {table}"));
    let again = migration.replace(&format!("INSERT INTO {table}"), &format!("INSERT INTO {copy}"));
    assert_ne!(again, **migration);
    world.database.ask(&again);
    let written = format!("SELECT * FROM {table} FINAL WHERE NOT is_gone");
    let placed = format!("SELECT * FROM {copy} FINAL");
    for (one, other) in [(&written, &placed), (&placed, &written)] {
        let differs =
            world.database.ask(&format!("SELECT * FROM ({one}) EXCEPT SELECT * FROM ({other}) FORMAT Vertical"));
        assert_eq!(differs, "", "in `{one}` alone");
    }
    assert_eq!(world.database.ask(&format!("SELECT count() FROM {copy} FINAL")), count.to_string());
}

#[test]
fn calls_of_before_are_placed_as_new_ones_are() {
    let world = &*world();
    check_placed_again(world, "0038_calls_by_time_before.sql", "calls_by_time", world.calls.len());
}

#[test]
fn follow_ups_of_before_are_placed_as_new_ones_are() {
    let world = &*world();
    check_placed_again(world, "0044_follow_ups_by_time_before.sql", "follow_ups_by_time", world.follow_ups.len());
    // Each stands once, with the moments of its calls.
    let shown = "SELECT follow_up_id, arrayMap(at -> toUnixTimestamp64Milli(at), calls_at) FROM follow_ups_by_time FINAL \
         WHERE NOT is_gone ORDER BY follow_up_id";
    let moments = |f: &calls::customers::FollowUp| f.calls_at.iter().map(|at| at.0).collect::<Vec<_>>();
    let expected: Vec<String> = world
        .follow_ups
        .iter()
        .map(|(id, f)| format!("{id}\t{}", serde_json::to_string(&moments(f)).expect("JSON")))
        .collect();
    assert_eq!(world.database.ask(shown), expected.join("\n"));
}

/// What was concluded without pages in mind is put in the order of time by the first start that serves them, and only then.
#[test]
fn a_start_with_pages_catches_up() {
    let world = World::made();
    let placed = || world.database.ask("SELECT count() FROM calls_by_time FINAL WHERE NOT is_gone");
    let all = placed();
    for table in ["calls_by_time", "call_places"] {
        world.database.ask(&format!("TRUNCATE TABLE {table}"));
    }
    assert_eq!(placed(), "0");
    for _ in 0..2 {
        wait(world.store.catch_up_with_places()).expect("placed");
        assert_eq!(placed(), all);
    }
    assert_eq!(all, world.calls.len().to_string());
    // Whoever may act on what is owed may see it.
    let owed = world.database.ask("SELECT follow_up_id FROM follow_ups_now ORDER BY follow_up_id LIMIT 1");
    let sees = |id: &str| wait(everything(&world).sees_follow_up(id)).expect("answered");
    assert_eq!((sees(&owed), sees("nothing")), (true, false));
}
