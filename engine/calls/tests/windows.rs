//! Windows against a recount that is written another way: on the corpus, on random calls that are added, revised and taken away, on time
//! and late; and what is told of limits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(missing_docs)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the corpus is files, and a clock measures the cost of a call; the crate itself touches neither"
)]

#[path = "windows/limits.rs"]
mod limits;
#[path = "windows/made.rs"]
mod made;
#[path = "windows/recount.rs"]
mod recount;
#[allow(dead_code, reason = "the verdicts' tests use the rest of it")]
#[path = "verdicts/run.rs"]
mod run;

use std::collections::BTreeMap;

use adapters::leg::Moment;
use calls::line::CallLine;
use calls::measure::{self, On};
use calls::window::{Keep, Kept, SLIDING, Size, WindowRow};
use calls::{Calls, Contribution, Site, Told, Windows};
use directory::{Directory, Scope};
use made::{Random, at, call};

/// Far behind every call.
const END: Moment = Moment(i64::MAX / 2);

/// What is in the table in the end: the last row of each key counts.
type Table = BTreeMap<(String, String, u32, i64, String), (i64, bool)>;

fn store(table: &mut Table, row: &WindowRow) {
    let key = (row.scope.to_string(), row.scope_id.to_string(), row.size_s, row.opened_at.0, row.measure.into());
    table.insert(key, (row.value.0, row.is_final));
}

/// A key that is not there and one that is 0 are the same figure.
fn without_zeros(table: &Table) -> Table {
    table.iter().filter(|(_, (value, _))| *value != 0).map(|(key, value)| (key.clone(), *value)).collect()
}

fn windows(directory: &Directory) -> Windows {
    Windows::new(Kept::default(), directory).unwrap()
}

fn final_table<'l>(lines: impl IntoIterator<Item = &'l CallLine>, directory: &Directory) -> Table {
    let mut windows = windows(directory);
    for line in lines {
        windows.add(&Contribution::of(line, directory));
    }
    let mut table = Table::new();
    windows.advance(END, Some(END), |now| now.rows().for_each(|row| store(&mut table, &row)));
    table
}

/// Every call of the corpus as these sources tell it.
fn corpus(sources: run::Sources, directory: &Directory) -> Vec<CallLine> {
    let mut lines = Vec::new();
    for run in run::runs(&run::root()) {
        let (legs, ends) = run.legs(sources, directory);
        let mut calls = Calls::new(Site::new(directory), &ends, sources.len() > 1).whole();
        for leg in legs {
            calls.push(leg);
        }
        calls.finish(|told| match told {
            Told::Call(line) => lines.push(*line),
            Told::Held(_) | Told::Open(_) => panic!("asked for whole calls"),
        });
    }
    assert!(lines.len() > 50);
    lines
}

#[test]
fn windows_of_the_corpus_are_a_recount_of_its_calls() {
    let directory = run::directory(&run::pbx_json(&run::root()));
    for (set, sources) in run::SETS {
        let lines = corpus(sources, &directory);
        let table = final_table(&lines, &directory);
        let recounted = recount::table(&lines, &directory);
        recount::compare(set, &without_zeros(&table), &without_zeros(&recounted));
        for scope in Scope::ALL {
            assert!(table.keys().any(|key| key.0 == scope.word()), "{set}: no window of a {}", scope.word());
        }
        assert!(table.keys().any(|key| key.0 == SLIDING));
    }
}

#[test]
fn what_was_offered_is_the_sum_of_what_became_of_it() {
    let directory = run::directory(&run::pbx_json(&run::root()));
    let outcomes =
        "answered lost_in_transfer overflowed voicemail served failed closed blocked abandoned busy declined no_answer";
    let ends = "answered abandoned timed_out left_by_key emptied not_joined moved_on";
    let sums = [
        (On::Calls, "offered", outcomes),
        (On::Visits, "offered", ends),
        (On::Offers, "tried", "answered missed answered_elsewhere excepted"),
    ];
    for (set, sources) in run::SETS {
        let table = final_table(&corpus(sources, &directory), &directory);
        let mut compared = 0;
        for (scope, id, size, opened, _) in table.keys() {
            let on = Scope::ALL.into_iter().find(|s| s.word() == scope).map_or(On::Visits, calls::window::on);
            let value = |measure: &str| {
                table.get(&(scope.clone(), id.clone(), *size, *opened, measure.into())).map_or(0, |(value, _)| *value)
            };
            let (_, whole, parts) = sums.iter().find(|(counted, ..)| *counted == on).unwrap();
            let sum: i64 = parts.split(' ').map(value).sum();
            assert_eq!(value(whole), sum, "{set}: {scope} {id} {size} {opened}");
            compared += i64::from(sum > 0);
        }
        assert!(compared > 100);
        let missed: i64 = table
            .iter()
            .filter(|(key, _)| key.0 == "tenant" && key.2 == 86_400 && key.4 == "missed")
            .map(|(_, v)| v.0)
            .sum();
        assert!(missed > 10_000, "the corpus has missed calls");
    }
}

/// Calls are added, revised and taken away in any order, with advances on the way and late ones after them:
/// in the end the table holds what a recount of the calls that are left holds.
#[test]
fn any_order_of_adding_and_taking_away_gives_the_calls_that_are_left() {
    let directory = made::directory("Europe/Berlin");
    let mut late_changes = 0;
    for seed in 1..40 {
        let mut random = Random(seed);
        let mut windows = windows(&directory);
        let mut table = Table::new();
        let mut there: Vec<CallLine> = Vec::new();
        let mut clock = at(0);
        for _ in 0..200 {
            match random.below(10) {
                0..5 => {
                    let line = made::random_call(&mut random);
                    windows.add(&Contribution::of(&line, &directory));
                    there.push(line);
                }
                5..7 if !there.is_empty() => {
                    let line = there.swap_remove(random.below(there.len()));
                    windows.take_away(&Contribution::of(&line, &directory));
                }
                7 if !there.is_empty() => {
                    let which = random.below(there.len());
                    let revised = made::revised(&there[which], &mut random);
                    windows.take_away(&Contribution::of(&there[which], &directory));
                    windows.add(&Contribution::of(&revised, &directory));
                    there[which] = revised;
                }
                _ => {
                    clock = clock.plus_ms(random.below(600_000) as i64);
                    let watermark = clock.plus_ms(-90_000);
                    windows.advance(clock, Some(watermark), |now| {
                        for row in now.rows() {
                            let ended_at = row.opened_at.plus_ms(i64::from(row.size_s) * 1000);
                            if row.size_s < 86_400 {
                                assert_eq!(row.is_final, ended_at <= watermark, "{row:?}");
                            }
                            let key = (
                                row.scope.to_string(),
                                row.scope_id.to_string(),
                                row.size_s,
                                row.opened_at.0,
                                row.measure.into(),
                            );
                            late_changes += i64::from(table.get(&key).is_some_and(|(_, is_final)| *is_final));
                            store(&mut table, &row);
                        }
                    });
                }
            }
        }
        assert!(windows.dirty_forgotten().is_empty());
        windows.advance(END, Some(END), |now| now.rows().for_each(|row| store(&mut table, &row)));
        let left = without_zeros(&table);
        recount::compare(&format!("seed {seed}"), &left, &without_zeros(&final_table(&there, &directory)));
        recount::compare(
            &format!("seed {seed}, recounted"),
            &left,
            &without_zeros(&recount::table(&there, &directory)),
        );
        assert!(table.values().all(|(_, is_final)| *is_final));
    }
    assert!(late_changes > 100, "some were late: {late_changes}");
}

#[test]
fn the_order_of_rows_is_not_that_of_calls() {
    let directory = made::directory("Europe/Berlin");
    let mut random = Random(7);
    let mut lines: Vec<CallLine> = (0..100).map(|_| made::random_call(&mut random)).collect();
    let mut told = Vec::new();
    for _ in 0..2 {
        let mut windows = windows(&directory);
        lines.iter().for_each(|line| windows.add(&Contribution::of(line, &directory)));
        let mut rows = Vec::new();
        windows.advance(at(4000), Some(at(2000)), |now| rows.extend(now.rows()));
        windows.advance(END, Some(END), |now| rows.extend(now.rows()));
        told.push(rows);
        lines.reverse();
    }
    assert!(told[0].len() > 1000);
    assert_eq!(told[0], told[1]);
}

/// The rows of the tenant's five minutes around a moment, as they come.
fn told(windows: &mut Windows, clock: i64, watermark: i64, measure: &str) -> Option<(i64, bool)> {
    let mut found = None;
    windows.advance(at(clock), Some(at(watermark)), |now| {
        for row in now.rows() {
            if (row.scope.as_str(), row.size_s, row.measure) == ("tenant", 300, measure) && row.opened_at == at(0) {
                assert_eq!(found, None, "told twice at once");
                found = Some((row.value.0, row.is_final));
            }
        }
    });
    found
}

#[test]
fn early_on_time_and_late() {
    let directory = made::directory("Europe/Berlin");
    let mut windows = windows(&directory);
    let (one, two) = (Contribution::of(&call(10), &directory), Contribution::of(&call(20), &directory));
    windows.add(&one);
    assert_eq!(told(&mut windows, 30, -60, "offered"), Some((1000, false)));
    windows.add(&two);
    assert_eq!(told(&mut windows, 39, -60, "offered"), None, "not sooner than ten seconds later");
    assert_eq!(told(&mut windows, 40, -60, "offered"), Some((2000, false)));
    assert_eq!(told(&mut windows, 100, 40, "offered"), None, "nothing has changed");
    assert_eq!(told(&mut windows, 359, 299, "offered"), None);
    assert_eq!(told(&mut windows, 360, 300, "offered"), Some((2000, true)), "on time, though nothing has changed");
    assert_eq!(told(&mut windows, 361, 301, "offered"), None);
    windows.take_away(&two);
    assert_eq!(told(&mut windows, 362, 302, "offered"), Some((1000, true)), "late, at once");
    windows.take_away(&one);
    assert_eq!(told(&mut windows, 363, 303, "offered"), Some((0, true)), "what is no more is told");
    windows.add(&one);
    assert_eq!(told(&mut windows, 364, 303, "lost_in_transfer"), None, "what never was is not");
}

#[test]
fn a_share_of_nothing_is_not_told_and_one_that_was_becomes_nothing() {
    let directory = made::directory("Europe/Berlin");
    let mut windows = windows(&directory);
    let menu = CallLine { queue_wait_time_s: None, outcome: calls::verdict::Outcome::Abandoned, ..call(10) };
    windows.add(&Contribution::of(&menu, &directory));
    assert_eq!(told(&mut windows, 20, 0, "sl6"), None);
    let answered = Contribution::of(&call(12), &directory);
    windows.add(&answered);
    assert_eq!(told(&mut windows, 40, 0, "sl6"), Some((100_000, false)));
    windows.take_away(&answered);
    assert_eq!(told(&mut windows, 60, 0, "sl6"), Some((0, false)));
}

#[test]
fn within_the_threshold_is_at_most_the_threshold() {
    let directory = made::directory("Europe/Berlin");
    for (waited_ms, within) in [(20_000, 1000), (20_001, 0)] {
        let waited = Some(calls::line::Seconds { ms: waited_ms });
        let table = final_table(&[CallLine { queue_wait_time_s: waited, ..call(0) }], &directory);
        let key = ("tenant".into(), "lighthouse".into(), 300, at(0).0, "sl_answered_within".into());
        assert_eq!(table.get(&key).map_or(0, |(value, _)| *value), within, "{waited_ms}");
    }
}

#[test]
fn a_day_is_that_of_the_first_site_s_clock() {
    let directory = made::directory("Europe/Berlin");
    let ms = |text: &str| Moment(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis());
    // The last Sunday of October has 25 hours, from 22:00 UTC to 23:00 UTC.
    let moments = [
        ("2026-10-24T21:59:59.999Z", "2026-10-23T22:00:00Z"),
        ("2026-10-24T22:00:00Z", "2026-10-24T22:00:00Z"),
        ("2026-10-25T22:59:59.999Z", "2026-10-24T22:00:00Z"),
        ("2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z"),
        ("2026-03-29T21:59:59.999Z", "2026-03-28T23:00:00Z"),
        ("2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z"),
    ];
    let mut days: BTreeMap<i64, i64> = BTreeMap::new();
    for (_, opened) in moments {
        *days.entry(ms(opened).0).or_default() += 1000;
    }
    let lines: Vec<CallLine> =
        moments.iter().map(|(moment, _)| CallLine { started_at: ms(moment), ..call(0) }).collect();
    let table = final_table(&lines, &directory);
    let of_days = table.iter().filter(|(key, _)| key.0 == "tenant" && key.2 == 86_400 && key.4 == "offered");
    assert_eq!(of_days.map(|(key, value)| (key.3, value.0)).collect::<BTreeMap<_, _>>(), days);
    // It is over when its 25 hours are.
    let mut windows = windows(&directory);
    windows.add(&Contribution::of(&lines[2], &directory));
    let mut finals = Vec::new();
    for watermark in ["2026-10-25T22:59:59.999Z", "2026-10-25T23:00:00Z"] {
        windows.advance(ms("2026-10-26T00:00:00Z"), Some(ms(watermark)), |now| {
            for row in now.rows() {
                if (row.scope.as_str(), row.size_s, row.measure) == ("tenant", 86_400, "offered") {
                    finals.push(row.is_final);
                }
            }
        });
    }
    assert_eq!(finals, [false, true]);
}

#[test]
fn five_minutes_add_up_to_a_day_also_where_hours_begin_at_half_past() {
    let directory = made::directory("Asia/Kolkata");
    let midnight = 18 * 3600 + 1800;
    let lines: Vec<CallLine> = (-5..5).map(|k| call(midnight + k * 700)).collect();
    let table = final_table(&lines, &directory);
    let (day, _) = Size::Day.around(at(midnight), chrono_tz::Tz::Asia__Kolkata);
    assert_eq!(day, at(midnight), "the made calls' first day is one of UTC");
    let of = |size: u32| {
        let rows = table.iter().filter(move |(key, _)| key.0 == "tenant" && key.2 == size && key.4 == "offered");
        rows.filter(|(key, _)| key.3 >= day.0).map(|(_, value)| value.0).sum::<i64>()
    };
    assert_eq!((of(86_400), of(300)), (5000, 5000));
    assert_eq!(of(3600), 2000, "the hour that midnight is in the middle of begins the day before");
}

#[test]
fn what_is_let_go_is_counted_again_when_it_changes() {
    let directory = made::directory("Europe/Berlin");
    // More than the hour that slides over five minutes of them.
    let keep = Keep { keep_s: 4200, windows_max: 1000 };
    let mut kept = Kept::default();
    for scope in Scope::ALL {
        kept = kept.with(scope, Size::FiveMinutes, keep).with(scope, Size::Hour, keep);
    }
    let mut windows = Windows::new(kept, &directory).unwrap();
    let mut random = Random(3);
    let mut lines: Vec<CallLine> = (0..80).map(|_| made::random_call(&mut random)).collect();
    let mut table = Table::new();
    lines.sort_by_key(|line| line.started_at);
    for line in &lines {
        windows.add(&Contribution::of(line, &directory));
        let clock = line.started_at.plus_ms(60_000);
        windows.advance(clock, Some(line.started_at), |now| now.rows().for_each(|row| store(&mut table, &row)));
    }
    assert!(windows.dirty_forgotten().is_empty(), "nothing was late yet");
    windows.advance(END, Some(lines.last().unwrap().started_at.plus_ms(7_200_000)), |now| {
        now.rows().for_each(|row| store(&mut table, &row));
    });
    let whole = windows.kept_windows();
    // One call is revised, one is new: their five minutes and hours are kept no more, their days are.
    let revised = made::revised(&lines[5], &mut random);
    windows.take_away(&Contribution::of(&lines[5], &directory));
    windows.add(&Contribution::of(&revised, &directory));
    lines[5] = revised;
    windows.add(&Contribution::of(&call(100), &directory));
    lines.push(call(100));
    assert_eq!(windows.kept_windows(), whole, "nothing is begun anew");
    let forgotten = windows.dirty_forgotten();
    assert!(forgotten.iter().all(|f| f.size_s < 86_400));
    assert!(forgotten.iter().any(|f| f.is_sliding) && forgotten.iter().any(|f| !f.is_sliding));
    assert!(windows.dirty_forgotten().is_empty(), "each is given once");
    let contributions: Vec<Contribution> = lines.iter().map(|line| Contribution::of(line, &directory)).collect();
    for window in &forgotten {
        window.recount(&contributions).rows().for_each(|row| store(&mut table, &row));
    }
    windows.advance(END, Some(END), |now| now.rows().for_each(|row| store(&mut table, &row)));
    recount::compare("forgotten", &without_zeros(&table), &without_zeros(&final_table(&lines, &directory)));
}

#[test]
fn a_window_that_began_before_anything_is_known_is_counted_again() {
    let directory = made::directory("Europe/Berlin");
    let mut windows = windows(&directory);
    windows.known_since(at(100));
    windows.add(&Contribution::of(&call(200), &directory));
    let forgotten = windows.dirty_forgotten();
    assert!(forgotten.iter().any(|f| (f.scope, f.size_s, f.opened_at) == (Scope::Tenant, 300, at(0))));
    assert_eq!(windows.kept_windows(), 0);
    windows.add(&Contribution::of(&call(300), &directory));
    let forgotten = windows.dirty_forgotten();
    assert!(forgotten.iter().all(|f| f.size_s > 300));
    assert!(windows.kept_windows() > 0);
}

#[test]
fn there_are_no_more_windows_than_the_limit() {
    let directory = made::directory("Europe/Berlin");
    let kept = Kept::default().with(Scope::Tenant, Size::FiveMinutes, Keep { keep_s: 86_400, windows_max: 10 });
    let mut windows = Windows::new(kept, &directory).unwrap();
    let mut table = Table::new();
    let lines: Vec<CallLine> = (0..40).map(|k| call(k * 300)).collect();
    for line in &lines {
        windows.add(&Contribution::of(line, &directory));
    }
    // Without a watermark none is over: they go all the same, and what is known of them has been told.
    windows.advance(at(40 * 300), None, |now| now.rows().for_each(|row| store(&mut table, &row)));
    let told = table.iter().filter(|(key, _)| key.0 == "tenant" && key.2 == 300 && key.4 == "offered");
    assert_eq!(told.count(), 40);
    windows.add(&Contribution::of(&call(29 * 300 + 1), &directory));
    assert!(windows.dirty_forgotten().iter().any(|f| f.scope == Scope::Tenant && f.size_s == 300));
    windows.add(&Contribution::of(&call(30 * 300 + 1), &directory));
    assert!(windows.dirty_forgotten().iter().all(|f| f.scope != Scope::Tenant));
}

#[test]
fn every_measure_is_told_of_some_call() {
    let directory = made::directory("Europe/Berlin");
    let mut random = Random(11);
    let lines: Vec<CallLine> = (0..500).map(|_| made::random_call(&mut random)).collect();
    let table = final_table(&lines, &directory);
    for scope in Scope::ALL {
        for measure in measure::of(calls::window::on(scope)) {
            let is_told = table.keys().any(|key| key.0 == scope.word() && key.4 == measure.name);
            assert!(is_told, "{} of a {} is never told", measure.name, scope.word());
        }
    }
}

/// `cargo test --release -p calls --test windows -- --ignored --nocapture` prints what a call costs.
#[test]
#[ignore = "measures time"]
fn what_a_call_costs() {
    let directory = made::directory("Europe/Berlin");
    let mut random = Random(5);
    let lines: Vec<CallLine> = (0..100_000).map(|_| made::random_call(&mut random)).collect();
    let nanoseconds = |what: &str, since: std::time::Instant, count: usize| {
        println!("{what}: {} ns", since.elapsed().as_nanos() / count as u128);
    };
    let begun = std::time::Instant::now();
    let contributions: Vec<Contribution> = lines.iter().map(|line| Contribution::of(line, &directory)).collect();
    nanoseconds("Contribution::of, a call", begun, lines.len());
    let mut windows = windows(&directory);
    let begun = std::time::Instant::now();
    contributions.iter().for_each(|c| windows.add(c));
    nanoseconds("add, a call", begun, lines.len());
    let begun = std::time::Instant::now();
    contributions.iter().for_each(|c| windows.take_away(c));
    contributions.iter().for_each(|c| windows.add(c));
    nanoseconds("take away and add, a call", begun, lines.len());
    let mut rows = 0;
    let begun = std::time::Instant::now();
    windows.advance(END, Some(END), |now| rows += now.values.len());
    nanoseconds("advance, a row", begun, rows);
    println!("{rows} rows; a contribution takes {} bytes", size_of::<Contribution>());
}

#[test]
fn the_table_of_what_is_kept_is_in_the_architecture() {
    let text = include_str!("../../ARCHITECTURE.md");
    let kept = Kept::default();
    for scope in directory::Scope::ALL {
        let cell = |size| {
            let keep = kept.of(scope, size);
            format!(" {} h, {} |", keep.keep_s / 3600, keep.windows_max)
        };
        let row = format!("| {} |{}\n", scope.word(), Size::ALL.map(cell).concat());
        assert!(text.contains(&row), "engine/ARCHITECTURE.md should have the row\n{row}");
    }
}
