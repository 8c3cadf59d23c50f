//! The windows of a set of calls, counted in the plainest way: for each window its calls, visits or people, for each measure a filter.
//! Nothing here knows how the product counts.

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::Moment;
use calls::journey::{Direction, OfferEnd};
use calls::line::{Answered, CallLine, NOT_TOLD, VisitLine, Word};
use calls::verdict::{Outcome, Reason};
use chrono::TimeZone;
use directory::Directory;

use crate::Table;

/// Whose: the scope and the id.
type Of = (&'static str, String);

/// A visit with its call.
type Stay<'l> = (&'l CallLine, &'l VisitLine);

/// Every row in its final state; those without a value are left out.
pub fn table(lines: &[CallLine], directory: &Directory) -> Table {
    let mut table = Table::new();
    let counted: Vec<&CallLine> =
        lines.iter().filter(|l| l.merged_into.is_none() && l.started_at != NOT_TOLD).collect();
    let inbound: Vec<&CallLine> = counted.iter().copied().filter(|l| l.direction == Direction::Inbound).collect();
    let soon_ms = directory.service_level_ms();

    let mut calls: BTreeMap<(Of, u32, i64), Vec<&CallLine>> = BTreeMap::new();
    let mut visits: BTreeMap<(Of, u32, i64), Vec<Stay<'_>>> = BTreeMap::new();
    let mut people: BTreeMap<(Of, u32, i64), Vec<&CallLine>> = BTreeMap::new();
    for line in inbound {
        let of = [
            ("tenant", Some(line.tenant.to_string())),
            ("site", line.site.as_ref().map(ToString::to_string)),
            ("did", line.did.as_ref().map(ToString::to_string)),
            ("group", group(line)),
        ];
        for (size, opened) in spans(line.started_at, directory) {
            for (scope, id) in of.clone() {
                if let Some(id) = id {
                    calls.entry(((scope, id), size, opened)).or_default().push(line);
                }
            }
            for visit in &line.visits {
                visits.entry(((visit.kind, visit.queue.to_string()), size, opened)).or_default().push((line, visit));
                if visit.kind == "queue" && size == 300 {
                    for hour in (0..12).map(|k| opened - k * 300_000) {
                        let of = ("queue_sliding", visit.queue.to_string());
                        visits.entry((of, 3600, hour)).or_default().push((line, visit));
                    }
                }
            }
            for id in line
                .offers
                .iter()
                .filter(|o| o.kind == "person")
                .filter_map(|o| o.person.as_ref())
                .collect::<BTreeSet<_>>()
            {
                people.entry((("person", id.to_string()), size, opened)).or_default().push(line);
            }
        }
    }
    for line in counted.iter().filter(|l| l.direction == Direction::Outbound) {
        if let Some(id) = &line.caller_person {
            for (size, opened) in spans(line.started_at, directory) {
                people.entry((("person", id.to_string()), size, opened)).or_default().push(line);
            }
        }
    }
    let mut put = |((scope, id), size, opened): (Of, u32, i64), measures: Vec<(&str, Option<i64>)>| {
        for (measure, value) in measures {
            if let Some(value) = value {
                let key = (scope.to_owned(), id.clone(), size, opened, measure.to_owned());
                assert_eq!(table.insert(key, (value, true)), None);
            }
        }
    };
    for (of, calls) in calls {
        put(of, of_calls(&calls, soon_ms));
    }
    for (of, visits) in visits {
        put(of.clone(), of_visits(&visits, &of.0.1, soon_ms));
    }
    for (of, calls) in people {
        put(of.clone(), of_person(&calls, &of.0.1));
    }
    table
}

/// The two tables differ in nothing; if they do, the first rows that differ are named.
pub fn compare(what: &str, one: &Table, other: &Table) {
    let differ = |a: &Table, b: &Table| -> Vec<String> {
        let rows = a.iter().filter(|(key, value)| b.get(*key) != Some(value));
        rows.take(5).map(|(key, value)| format!("{key:?} {value:?} and {:?}", b.get(key))).collect()
    };
    let (left, right) = (differ(one, other), differ(other, one));
    assert!(left.is_empty() && right.is_empty(), "{what}: {left:#?} {right:#?}");
}

fn spans(at: Moment, directory: &Directory) -> [(u32, i64); 3] {
    let zone = directory.zone();
    let day = zone.timestamp_millis_opt(at.0).unwrap().date_naive();
    // Midnight is there in the zones of these tests.
    let midnight = zone.from_local_datetime(&day.and_hms_opt(0, 0, 0).unwrap()).earliest().unwrap();
    [(300, at.0 / 300_000 * 300_000), (3600, at.0 / 3_600_000 * 3_600_000), (86_400, midnight.timestamp_millis())]
}

fn group(line: &CallLine) -> Option<String> {
    let owner = line.owner.as_ref().map(ToString::to_string).unwrap_or_default();
    if let Some(group) = owner.strip_prefix("group:") {
        return Some(group.to_owned());
    }
    let person = owner.strip_prefix("person:");
    let theirs = line.offers.iter().find(|o| person.is_some() && o.person.as_deref() == person);
    theirs.and_then(|o| o.group.clone()).or(line.group.clone()).map(|g| g.to_string())
}

fn count(number: usize) -> Option<i64> {
    Some(number as i64 * 1000)
}

fn percent(part: usize, whole: usize) -> Option<i64> {
    (whole > 0).then(|| part as i64 * 100_000 / whole as i64)
}

fn mean(times: &[i64]) -> Option<i64> {
    (!times.is_empty()).then(|| times.iter().sum::<i64>() / times.len() as i64)
}

/// The waits of those that were answered and of those that left, with whether they left almost at once.
fn service_level(answered: &[i64], left: &[(i64, bool)], soon_ms: i64) -> Vec<(&'static str, Option<i64>)> {
    let (a, b) = (answered.len(), left.len());
    let at = answered.iter().filter(|w| **w <= soon_ms).count();
    let bt = left.iter().filter(|(w, _)| *w <= soon_ms).count();
    let ba = left.iter().filter(|(w, _)| *w > soon_ms).count();
    let bs = left.iter().filter(|(_, short)| *short).count();
    vec![
        ("sl1", percent(at + bt, a + b)),
        ("sl2", percent(at, a)),
        ("sl3", percent(at, a + b)),
        ("sl4", percent(at, a + ba)),
        ("sl5", percent(at + bs, a + b)),
        ("sl6", percent(at, a + b - bs)),
        ("sl_answered", count(a)),
        ("sl_abandoned", count(b)),
        ("sl_answered_within", count(at)),
        ("sl_abandoned_within", count(bt)),
        ("sl_abandoned_after", count(ba)),
        ("sl_abandoned_short", count(bs)),
        ("asa", mean(answered)),
    ]
}

fn of_calls(calls: &[&CallLine], soon_ms: i64) -> Vec<(&'static str, Option<i64>)> {
    let number = |filter: &dyn Fn(&CallLine) -> bool| calls.iter().filter(|l| filter(l)).count();
    let n = calls.len();
    let answered = number(&|l| l.outcome == Outcome::Answered);
    let abandoned = number(&|l| l.outcome == Outcome::Abandoned);
    let short = number(&|l| l.short);
    let missed = number(&|l| l.missed);
    let closed = number(&|l| l.out_of_hours && l.answered == Answered::Unanswered);
    let waits: Vec<i64> = calls.iter().filter_map(|l| l.wait_time_s).map(|s| s.ms).collect();
    let of = |outcome: Outcome| calls.iter().filter(move |l| l.outcome == outcome);
    let handled: Vec<i64> = of(Outcome::Answered)
        .filter_map(|l| l.talk_time_s.map(|t| t.ms + l.hold_time_s.map(|h| h.ms).unwrap_or(0)))
        .collect();
    let mut measures = vec![
        ("offered", count(n)),
        ("missed", count(missed)),
        ("reason_known", percent(number(&|l| l.missed && !matches!(l.reason, None | Some(Reason::Unknown))), missed)),
        ("abandoned_short", count(short)),
        ("unanswered_out_of_hours", count(closed)),
        ("wait", Some(waits.iter().sum())),
        ("wait_mean", mean(&waits)),
        ("talk", Some(calls.iter().filter_map(|l| l.talk_time_s).map(|s| s.ms).sum())),
        ("hold", Some(calls.iter().filter_map(|l| l.hold_time_s).map(|s| s.ms).sum())),
        ("handle_mean", mean(&handled)),
        ("answer_rate", percent(answered, n - closed)),
        ("abandonment", percent(abandoned, n)),
        ("abandonment_without_short", percent(abandoned - short, n - short)),
        ("ring_no_answer", count(calls.iter().map(|l| rang_out(l, |_| true)).sum())),
    ];
    let outcomes: BTreeSet<&str> = calls.iter().map(|l| l.outcome.word()).collect();
    measures.extend(outcomes.into_iter().map(|word| (word, count(number(&|l| l.outcome.word() == word)))));
    let told = |outcome: Outcome| of(outcome).filter_map(|l| l.queue_wait_time_s.map(|w| (w.ms, l.short)));
    let first: Vec<i64> = told(Outcome::Answered).map(|(w, _)| w).collect();
    measures.extend(service_level(&first, &told(Outcome::Abandoned).collect::<Vec<_>>(), soon_ms));
    measures
}

fn of_visits(visits: &[Stay<'_>], queue: &str, soon_ms: i64) -> Vec<(&'static str, Option<i64>)> {
    let n = visits.len();
    let ended = |end: &'static str| visits.iter().filter(move |(_, v)| v.end.as_deref() == Some(end));
    let told = |(line, visit): &&Stay<'_>| visit.end.as_deref() != Some("answered") || line.wait_time_s.is_some();
    let stay = |(line, visit): &Stay<'_>| ((visit.left_at.0 - visit.entered_at.0).max(0), line.short);
    let waits: Vec<i64> = visits.iter().filter(told).map(|v| stay(v).0).collect();
    let answered: Vec<i64> = ended("answered").filter(told).map(|v| stay(v).0).collect();
    let left: Vec<(i64, bool)> = ended("abandoned").map(stay).collect();
    let short = ended("abandoned").filter(|(line, _)| line.short).count();
    let kind = visits[0].1.kind;
    // An offer is counted once a call, at the first place of its name that the call was in.
    let mut seen: Vec<*const CallLine> = Vec::new();
    let mut rang = 0;
    for (line, _) in visits {
        let place = line.visits.iter().find(|v| v.queue == queue).unwrap();
        if place.kind == kind && !seen.contains(&std::ptr::from_ref(*line)) {
            seen.push(*line);
            rang += rang_out(line, |of| of == Some(queue));
        }
    }
    let mut measures = vec![
        ("offered", count(n)),
        ("abandoned_short", count(short)),
        ("wait", Some(waits.iter().sum())),
        ("wait_mean", mean(&waits)),
        ("abandonment", percent(left.len(), n)),
        ("abandonment_without_short", percent(left.len() - short, n - short)),
        ("ring_no_answer", count(rang)),
    ];
    for end in ["answered", "abandoned", "timed_out", "left_by_key", "emptied", "not_joined", "moved_on"] {
        measures.push((end, count(ended(end).count())));
    }
    measures.extend(service_level(&answered, &left, soon_ms));
    measures
}

fn of_person(calls: &[&CallLine], id: &str) -> Vec<(&'static str, Option<i64>)> {
    let (out, inbound): (Vec<&CallLine>, Vec<&CallLine>) =
        calls.iter().partition(|l| l.direction == Direction::Outbound);
    let became = |word: &str| inbound.iter().filter(|l| became(l, id) == word).count();
    let alone = inbound.iter().filter(|l| {
        let own = |t: &adapters::leg::Text| {
            let theirs = l.offers.iter().filter(|o| o.kind == "person" && o.person.as_deref() == Some(id));
            theirs.filter(|o| o.end == OfferEnd::Answered).any(|o| o.target.as_ref() == Some(t))
        };
        matches!(l.answered_by.as_slice(), [one] if own(one)) && l.talk_time_s.is_some()
    });
    let talks: Vec<i64> = alone.filter_map(|l| l.talk_time_s).map(|t| t.ms).collect();
    vec![
        ("tried", count(inbound.len())),
        ("missed", count(became("missed"))),
        ("answered", count(became("answered"))),
        ("answered_elsewhere", count(became("answered_elsewhere"))),
        ("excepted", count(became("excepted"))),
        ("talk", Some(talks.iter().sum())),
        ("talk_mean", mean(&talks)),
        ("ring_no_answer", count(inbound.iter().map(|l| rang_out_of(l, id, |_| true)).sum())),
        ("outbound", count(out.len())),
        ("outbound_answered", count(out.iter().filter(|l| l.outcome == Outcome::Answered).count())),
        ("outbound_talk", Some(out.iter().filter_map(|l| l.talk_time_s).map(|t| t.ms).sum())),
    ]
}

/// What became of a call for one person (or for an extension that is nobody's).
fn became(line: &CallLine, id: &str) -> &'static str {
    let is_own = |o: &&calls::line::OfferLine| {
        o.kind == "person" && o.person.as_ref().or(o.target.as_ref()).is_some_and(|i| i == id)
    };
    let own: Vec<_> = line.offers.iter().filter(is_own).collect();
    let is_person = own.iter().any(|o| o.person.is_some());
    if own.iter().any(|o| o.person_missed) {
        return "missed";
    }
    if own.iter().any(|o| o.end == OfferEnd::Answered) {
        return "answered";
    }
    let last = line.offers.iter().rposition(|o| is_own(&o)).unwrap();
    let later = line.offers[last..].iter().any(|o| o.end == OfferEnd::Answered);
    let taken = own.iter().any(|o| o.end == OfferEnd::AnsweredElsewhere);
    let before_a_talk = is_person && line.missed && line.answered == Answered::Answered;
    if line.outcome == Outcome::Answered || later || taken || before_a_talk { "answered_elsewhere" } else { "excepted" }
}

fn rang_out_of(line: &CallLine, id: &str, of: impl Fn(Option<&str>) -> bool) -> usize {
    if !["answered", "answered_elsewhere"].contains(&became(line, id)) {
        return 0;
    }
    let own = line
        .offers
        .iter()
        .filter(|o| o.kind == "person" && o.person.as_ref().or(o.target.as_ref()).is_some_and(|i| i == id));
    own.filter(|o| o.end == OfferEnd::NoAnswer && o.rang_at.is_some() && of(o.queue.as_deref())).count()
}

fn rang_out(line: &CallLine, of: impl Fn(Option<&str>) -> bool) -> usize {
    let ids: BTreeSet<_> = line
        .offers
        .iter()
        .filter(|o| o.kind == "person")
        .filter_map(|o| o.person.as_ref().or(o.target.as_ref()))
        .collect();
    ids.into_iter().map(|id| rang_out_of(line, id, &of)).sum()
}
