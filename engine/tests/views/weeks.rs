//! Weeks that are over are kept: what is told of them is at every moment what a store says that keeps nothing.

use store::period::{Period, Preset};
use store::scope::Scope;
use store::view::View;
use store::{Reader, Store};

use super::told::{World, wait};
use super::{ZONE, everything};

/// The calls of the world in each of six weeks, the last of them over for long.
const COPIES: &str = "
    INSERT INTO calls_by_time
    SELECT * EXCEPT (week) REPLACE (
        quarter - 672 * week AS quarter, concat(call_id, toString(week)) AS call_id,
        started_at - toIntervalDay(7 * week) AS started_at, toString(week % 3) AS caller)
    FROM (SELECT * FROM calls_by_time FINAL WHERE NOT is_gone) AS calls CROSS JOIN (SELECT number + 10 AS week FROM numbers(6)) AS weeks
    SETTINGS max_partitions_per_insert_block = 0";

/// What is owed for them.
const COPIES_OWED: &str = "
    INSERT INTO follow_ups_by_time
    SELECT * EXCEPT (week) REPLACE (
        quarter - 672 * week AS quarter, concat(follow_up_id, toString(week)) AS follow_up_id,
        concat(opening_call, toString(week)) AS opening_call, arrayMap(id -> concat(id, toString(week)), calls) AS calls,
        arrayMap(at -> at - toIntervalDay(7 * week), calls_at) AS calls_at, opened_at - toIntervalDay(7 * week) AS opened_at,
        last_at - toIntervalDay(7 * week) AS last_at, closed_at - toIntervalDay(7 * week) AS closed_at)
    FROM (SELECT * FROM follow_ups_by_time FINAL WHERE NOT is_gone) AS owed CROSS JOIN (SELECT number + 10 AS week FROM numbers(6)) AS weeks
    SETTINGS max_partitions_per_insert_block = 0";

/// Some follow-ups of a week, told otherwise.
fn owed_otherwise(week: i64, replaced: &str, which: &str) -> String {
    format!(
        "INSERT INTO follow_ups_by_time SELECT * REPLACE (version + 1 AS version, {replaced})
         FROM (SELECT * FROM follow_ups_by_time FINAL WHERE NOT is_gone AND endsWith(follow_up_id, '{week}') AND {which})"
    )
}

/// Some calls of a week, told otherwise.
fn retold(week: i64, replaced: &str, which: &str) -> String {
    format!(
        "INSERT INTO calls_by_time SELECT * REPLACE (version + 1 AS version, {replaced})
         FROM (SELECT * FROM calls_by_time FINAL WHERE NOT is_gone AND endsWith(call_id, '{week}') AND {which})"
    )
}

/// Orders by a number, a text, a word, and by time.
const SORTS: [&str; 6] = ["-wait_time_s", "talk_time_s", "-caller", "outcome", "started_at", "-started_at"];

/// What every kind of question answers, as text.
fn answers(reader: &Reader<'_>) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    let view = |query: &str| View::parse(query).expect("a view");
    for filter in ["", "&direction=inbound&answered=unanswered", "&search=4", "&caller=1"] {
        let all = view(&format!("period=all{filter}"));
        answers.push((format!("total{filter}"), format!("{:?}", wait(reader.total(&all, &[])))));
        answers.push((format!("measures{filter}"), format!("{:?}", wait(reader.measures(&all, &[])))));
        answers.push((format!("funnel{filter}"), format!("{:?}", wait(reader.funnel(&all)))));
        answers.push((format!("times{filter}"), format!("{:?}", wait(reader.time_to_return(&all)))));
        for sort in SORTS.iter().filter(|sort| filter.is_empty() || sort.ends_with("started_at")) {
            let query = format!("period=all{filter}&limit=3&columns=call_id&sort={sort}");
            let page = wait(reader.page(&view(&query), &[], None));
            answers.push((query, format!("{page:?}")));
        }
    }
    answers.push(("dashboard".to_owned(), format!("{:?}", wait(reader.dashboard(Period::Preset(Preset::All))))));
    for by in ["outcome", "tried", "missed_by", "day", "hour", "customer"] {
        let query = format!("period=all&by={by}");
        answers
            .push((query.clone(), format!("{:?}", wait(reader.grouped(&view(&query), &[])).map(|found| found.rows))));
    }
    assert!(answers.iter().all(|(_, answer)| !answer.starts_with("Err")), "{answers:?}");
    answers
}

#[test]
fn what_is_kept_of_weeks_is_what_is_there() {
    let world = World::made();
    world.database.ask(COPIES);
    world.database.ask(COPIES_OWED);
    let fresh = Store::at(&world.database.url, "default").keeping(0);
    let kept = everything(&world);
    let plain = Reader { store: &fresh, scope: Scope::everything(&world.tenant), zone: ZONE, ..everything(&world) };
    let rows_read = || -> u64 {
        world
            .database
            .ask("SELECT value FROM system.events WHERE event = 'SelectedRows'")
            .trim()
            .parse()
            .expect("a number")
    };
    let is_same = |when: &str| {
        for ((question, found), (_, expected)) in answers(&kept).into_iter().zip(answers(&plain)) {
            assert_eq!(found, expected, "{when}: {question}");
        }
    };
    is_same("asked first");
    let before = rows_read();
    let again = answers(&kept);
    let of_kept = rows_read() - before;
    assert_eq!(again, answers(&plain));
    let of_all = rows_read() - before - of_kept;
    assert!(of_kept * 2 < of_all, "{of_kept} rows were read where weeks are kept, {of_all} where none are");

    world.database.ask(&retold(
        12,
        "'failed' AS outcome, NOT missed AS missed, '9' AS caller",
        "cityHash64(call_id) % 3 = 0",
    ));
    is_same("some were told otherwise");
    world.database.ask(&retold(11, "true AS is_gone", "cityHash64(call_id) % 2 = 0"));
    is_same("some went");
    let all = View::of(Period::Preset(Preset::All));
    let states = || format!("{:?}{:?}", wait(kept.funnel(&all)), wait(kept.time_to_return(&all)));
    let before = states();
    world.database.ask(&owed_otherwise(13, "'returned_by_us' AS status, 77 AS time_to_return_s", "status = 'open'"));
    let after = states();
    assert_ne!(before, after);
    is_same("some were returned");
    world.database.ask(&owed_otherwise(14, "true AS is_gone", "cityHash64(follow_up_id) % 2 = 0"));
    assert_ne!(states(), after);
    is_same("some are owed no more");
    let total = wait(kept.total(&all, &[])).expect("a total").calls;
    world.database.ask(&retold(15, "concat(call_id, 'b') AS call_id", "true"));
    assert!(wait(kept.total(&all, &[])).expect("a total").calls > total);
    is_same("some came late");
    world.database.ask("OPTIMIZE TABLE calls_by_time FINAL");
    is_same("merged");
    world.database.ask("ALTER TABLE calls_by_time DELETE WHERE endsWith(call_id, '13') SETTINGS mutations_sync = 2");
    is_same("deleted");
}

/// Who sees less has their own answers.
#[test]
fn what_is_kept_is_one_viewers() {
    let world = World::made();
    world.database.ask(COPIES);
    let all = View::of(Period::Preset(Preset::All));
    let total = |scope: Scope| {
        let reader = Reader { scope, ..everything(&world) };
        wait(reader.total(&all, &[])).expect("a total").calls
    };
    let everything_of = |tenant: &str| Scope::everything(tenant);
    let calls = total(everything_of(&world.tenant));
    assert!(calls > 0);
    for _ in 0..2 {
        assert_eq!(total(everything_of("another company")), 0);
        assert_eq!(total(everything_of(&world.tenant)), calls);
    }
}
