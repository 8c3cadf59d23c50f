//! The figures of the dashboard, one call with its parts, customers, the work list and the sources: against a recount, and against the
//! views that they lead to.

use std::collections::BTreeMap;

use calls::CallLine;
use calls::line::{FollowUpStatus, Word};
use calls::measure::Thousandths;
use serde_json::{Value as Json, json};
use store::period::{Period, Preset};
use store::view::View;

use super::told::{World, wait};
use super::{everything, world};

const ALL: Period = Period::Preset(Preset::All);

fn inbound(world: &World) -> Vec<&CallLine> {
    world.calls.values().filter(|line| line.direction.word() == "inbound").collect()
}

fn count(value: usize) -> Option<Thousandths> {
    Some(Thousandths(value as i64 * 1000))
}

fn share(part: usize, whole: usize) -> Option<Thousandths> {
    (whole > 0).then(|| Thousandths((part * 100_000 / whole) as i64))
}

#[test]
fn every_figure_is_a_recount_and_the_list_that_it_leads_to() {
    let world = &*world();
    let reader = everything(world);
    let dashboard = wait(reader.dashboard(ALL)).expect("a dashboard");
    let lines = inbound(world);
    let of = |chosen: &dyn Fn(&CallLine) -> bool| lines.iter().filter(|line| chosen(line)).count();
    let outcome = |word: &str| of(&|line| line.outcome.word() == word);
    let total = |view: &View| wait(reader.total(view, &[])).expect("a total").calls as usize;

    assert_eq!(dashboard.came_in.value, count(lines.len()));
    assert_eq!(dashboard.answered.value, count(outcome("answered")));
    assert_eq!(dashboard.missed.value, count(of(&|line| line.missed)));
    for figure in [&dashboard.came_in, &dashboard.answered, &dashboard.missed] {
        assert_eq!(figure.value, count(total(&figure.view)), "{}", figure.view.query());
    }
    let out_of_hours = of(&|line| line.out_of_hours && line.answered_at.is_none());
    assert_eq!(dashboard.answer_rate.value, share(outcome("answered"), lines.len() - out_of_hours));

    let waited: Vec<(&&CallLine, i64)> =
        lines.iter().filter_map(|line| Some((line, line.queue_wait_time_s?.ms))).collect();
    let level = |word: &str, chosen: &dyn Fn(&CallLine, i64) -> bool| {
        waited.iter().filter(|(line, ms)| line.outcome.word() == word && chosen(line, *ms)).count()
    };
    let (a, b) = (level("answered", &|_, _| true), level("abandoned", &|_, _| true));
    let (soon, short) = (level("answered", &|_, ms| ms <= 20_000), level("abandoned", &|line, _| line.short));
    assert!(a > 5 && b > 1, "{a} answered and {b} abandoned tell how long they waited");
    assert_eq!(dashboard.service_level.value, share(soon, a + b - short));
    assert_eq!(total(&dashboard.service_level.view), a + b);
    let waits: i64 = waited.iter().filter(|(line, _)| line.outcome.word() == "answered").map(|(_, ms)| ms).sum();
    assert_eq!(dashboard.asa.value, Some(Thousandths(waits / a as i64)));
    assert_eq!(total(&dashboard.asa.view), a);

    let sum: u64 = dashboard.by_outcome.iter().map(|group| group.calls).sum();
    assert_eq!(sum as usize, lines.len(), "what came in is the sum of what became of it");
    for groups in [&dashboard.by_hour, &dashboard.by_outcome, &dashboard.by_group] {
        assert_eq!(groups.iter().map(|group| group.calls).sum::<u64>() as usize, lines.len());
        assert_eq!(groups.iter().map(|group| group.missed).sum::<u64>() as usize, of(&|line| line.missed));
        for group in groups {
            assert_eq!(total(&group.view), group.calls as usize, "{}", group.view.query());
        }
    }
    assert!(dashboard.by_hour.is_sorted_by_key(|group| group.value.as_deref().and_then(|v| v.parse::<u8>().ok())));
    let slots = &dashboard.by_weekday_and_hour;
    assert_eq!(slots.iter().map(|slot| slot.calls).sum::<u64>() as usize, lines.len());
    for slot in slots {
        assert_eq!(total(&slot.view), slot.calls as usize, "{}", slot.view.query());
    }
    let latest = world.latest_first()[0];
    assert_eq!(dashboard.latest_at.as_deref(), Some(adapters::line::moment(latest.started_at).as_str()));
}

#[test]
fn missed_calls_are_the_sum_over_the_states() {
    let world = &*world();
    let reader = everything(world);
    let funnel = wait(reader.funnel(&View::of(ALL))).expect("a funnel");
    let missed: Vec<&CallLine> = world.calls.values().filter(|line| line.missed).collect();
    assert_eq!(funnel.missed as usize, missed.len());
    assert_eq!(funnel.states.len(), 7);
    let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &missed {
        *expected.entry(line.follow_up.as_ref().map_or("none", |f| f.status.word())).or_default() += 1;
    }
    assert_eq!(expected.get("none"), None, "every missed call is owed something");
    for (state, view) in &funnel.states {
        assert_eq!(state.calls as usize, expected.get(state.state.as_str()).copied().unwrap_or(0), "{}", state.state);
        assert_eq!(wait(reader.total(view, &[])).expect("a total").calls, state.calls, "{}", view.query());
    }
    assert_eq!(funnel.states.iter().map(|(state, _)| state.calls).sum::<u64>(), funnel.missed);
    assert!(funnel.states.iter().filter(|(state, _)| state.calls > 0).count() > 1);

    let told = wait(reader.time_to_return(&View::of(ALL))).expect("times");
    let returned = |status| matches!(status, FollowUpStatus::ReturnedByUs | FollowUpStatus::ReachedUs);
    let opened: Vec<_> =
        world.follow_ups.values().filter(|f| world.calls.contains_key(f.opening_call.as_str())).collect();
    assert_eq!(told.follow_ups as usize, opened.len());
    let returned = opened.iter().filter(|f| returned(f.line.status) && f.line.time_to_return_s.is_some()).count();
    assert_eq!(told.returned as usize, returned);
}

/// Every call by its id, with the keys and values of the line that `ringback calls` prints.
#[test]
fn one_call_is_its_line_with_its_parts() {
    let world = &*world();
    let reader = everything(world);
    let revisions: BTreeMap<String, u64> = world
        .database
        .ask("SELECT call_id, revision FROM calls_now")
        .lines()
        .map(|line| line.split_once('\t').map(|(id, n)| (id.to_owned(), n.parse().expect("a number"))).expect("two"))
        .collect();
    assert!(revisions.keys().eq(world.calls.keys()), "the calls of calls_now");
    assert!(revisions.values().any(|revision| *revision > 1));
    for (id, line) in &world.calls {
        let call = wait(reader.call(id)).expect("asked").unwrap_or_else(|| panic!("no call {id}"));
        let mut expected = serde_json::to_value(line).expect("JSON");
        expected["revision"] = json!(revisions[id]);
        let records = expected["records"].as_array().expect("a list").iter();
        expected["records"] = records.map(|record| json!(record.to_string().trim_matches('"'))).collect();
        assert_eq!(plain(Json::Object(call.line)), plain(expected), "{id}");
        assert_eq!(call.visits.len(), line.visits.len(), "{id}");
        for (visit, expected) in call.visits.iter().zip(&line.visits) {
            assert_eq!(
                (visit["queue"].as_str(), visit["end"].as_str()),
                (Some(expected.queue.as_str()), expected.end.as_deref())
            );
        }
        let last = call.verdicts.iter().rev().find(|verdict| verdict["outcome"] != "").expect("a verdict");
        assert_eq!((last["outcome"].as_str(), last["rule"].as_str()), (Some(line.outcome.word()), Some(line.rule)));
    }
    for id in world.gone.iter().map(String::as_str).chain(["", "0", "' OR 1"]) {
        assert_eq!(wait(reader.call(id)).expect("asked"), None, "{id}");
    }
}

/// Numbers as they are, whether whole or not.
fn plain(value: Json) -> Json {
    match value {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(values) => values.into_iter().map(plain).collect(),
        Json::Object(values) => values.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        other => other,
    }
}

#[test]
fn a_customer_has_their_calls_and_what_is_owed_to_them() {
    let world = &*world();
    let reader = everything(world);
    let numbers: std::collections::BTreeSet<&str> =
        world.calls.values().filter_map(|line| Some(line.customer()?.as_str())).collect();
    assert!(numbers.len() > 3);
    for number in numbers {
        let customer = wait(reader.customer(number)).expect("a customer");
        let of = world.calls.values().filter(|line| line.customer().is_some_and(|c| c == number)).count();
        assert_eq!(customer.total as usize, of, "{number}");
        let owed: std::collections::BTreeSet<&str> =
            customer.follow_ups.iter().filter_map(|row| row["id"].as_str()).collect();
        let expected = world.follow_ups.values().filter(|f| f.customer.as_deref() == Some(number));
        assert_eq!(owed, expected.map(|f| f.line.id.as_str()).collect(), "{number}");
    }
}

#[test]
fn the_work_list_has_what_is_open_the_most_urgent_first() {
    let world = &*world();
    let reader = everything(world);
    let mut expected: Vec<_> = world.follow_ups.values().filter(|f| f.line.status.is_open()).collect();
    expected.sort_by_key(|f| (std::cmp::Reverse(f.priority), f.opened_at, f.line.id.clone()));
    let expected: Vec<&str> = expected.iter().map(|f| f.line.id.as_str()).collect();
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = wait(reader.work_list(2, cursor.as_deref())).expect("a page");
        for row in &page.rows {
            let id = row["id"].as_str().expect("an id").to_owned();
            let follow_up = &world.follow_ups[&id];
            let opening = world.calls.get(follow_up.opening_call.as_str());
            assert_eq!(row["opening"]["reason"].as_str(), opening.and_then(|line| line.reason).map(|r| r.word()));
            assert_eq!(row["opening"].is_null(), opening.is_none());
            found.push(id);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    let total = wait(reader.work_total()).expect("a total");
    assert_eq!(total.follow_ups as usize, expected.len());
    assert_eq!(
        total.oldest_at,
        world.follow_ups.values().filter(|f| f.line.status.is_open()).map(|f| f.opened_at).min()
    );
    assert!(wait(reader.work_list(2, Some("none"))).is_err());
}

#[test]
fn the_sources_and_what_is_early_are_told() {
    let world = &*world();
    let reader = everything(world);
    // No legs were stored here, only what was concluded from them.
    assert_eq!(wait(reader.sources()).expect("asked"), []);
    assert_eq!(wait(reader.rejects(10)).expect("asked"), Vec::<store::JsonRow>::new());
    let early = world.calls.values().filter(|line| !line.is_final).count() as u64;
    let told = wait(reader.early()).expect("asked");
    assert_eq!(told.iter().map(|early| early.calls).sum::<u64>(), early);
}
