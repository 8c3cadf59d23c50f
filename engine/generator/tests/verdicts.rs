//! What one exchange's records tell is what really happened, call by call and outcome by outcome.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod generated;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use chrono::NaiveDate;
use generated::{choices, run};
use generator::{Faults, Plan, Truth};
use serde_json::Value;

/// Records hold whole seconds.
const TOLERANCE_S: f64 = 1.5;
/// A caller who leaves before this has hardly called.
const SHORT_S: f64 = 5.0;
/// How long a telephone rings at most.
const RING_LIMIT_S: f64 = 25.0;
/// Of a hundred compared values, at most so many may need an argument.
const ARGUED_MAX_PERCENT: usize = 1;

#[test]
fn what_asterisk_writes_tells_the_truth() {
    check("asterisk_cdr");
}

#[test]
fn what_cucm_writes_tells_the_truth() {
    check("cisco_cucm");
}

#[test]
fn nights_in_which_the_clocks_change_are_told_right() {
    for (month, day) in [(3, 29), (10, 25)] {
        let midnight = NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        let change = midnight.and_hms_opt(1, 0, 0).unwrap().and_utc().timestamp() as f64;
        let mut near_change = 0;
        for seed in 0..40 {
            let first_day = midnight.pred_opt().unwrap();
            let plan = Plan { faults: Faults::NONE, first_day, ..Plan::new(1_500, choices(&["asterisk_cdr"])) };
            let run = run(seed, plan);
            let lines = run.calls();
            let of_key: HashMap<&str, &Value> = lines
                .iter()
                .flat_map(|l| l["link_keys"].as_array().unwrap().iter().map(move |k| (k.as_str().unwrap(), l)))
                .collect();
            for truth in run.truth.iter().filter(|t| t.part_of.is_none() && (t.start - change).abs() < 7_200.0) {
                near_change += 1;
                let line = of_key[truth.linkedid.as_str()];
                assert!(near(moment(&line["started_at"]), truth.start), "{truth:?}\n{line}");
                assert!(near(moment(&line["ended_at"]), truth.end), "{truth:?}\n{line}");
            }
        }
        assert!(near_change > 20, "{near_change} calls within two hours of the change");
    }
}

/// Every field of every call, or the kind of call and field for which no record holds it.
fn check(adapter: &str) {
    let run = run(7, Plan { faults: Faults::NONE, ..Plan::new(30_000, choices(&[adapter])) });
    let directory = run.directory();
    let lines = run.calls();
    let mut argued = 0;
    // A format that names a group's pilot alone does not tell who was rung.
    let tells_offers = adapters::pbx::named(adapter).unwrap().about().tells.contains(&adapters::Tells::Offers);
    let mut by_key: HashMap<&str, Vec<&Value>> = HashMap::new();
    for line in lines.iter().filter(|l| l["merged_into"].is_null()) {
        for key in line["link_keys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            by_key.entry(key).or_default().push(line);
        }
    }
    let mut table: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    let mut wrong = String::new();
    for truth in &run.truth {
        let found = by_key.get(truth.linkedid.as_str()).map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<&str> = found.iter().filter_map(|l| l["call_id"].as_str()).collect();
        ids.dedup();
        let nothing = Value::Null;
        let line = found.first().copied().unwrap_or(&nothing);
        let by_menu =
            truth.did.as_deref().and_then(|d| directory.did(d)).is_some_and(|d| d.entry.kind_word() == "menu");
        for (field, right) in compare(truth, line, ids.len(), tells_offers) {
            if !right && is_argued(truth, line, field, by_menu) {
                argued += 1;
                continue;
            }
            let cell = table.entry((truth.outcome, field)).or_default();
            cell.0 += usize::from(right);
            cell.1 += 1;
            if !right && wrong.lines().count() < 12 {
                let _ = writeln!(wrong, "{field} of {}\n{line}", serde_json::to_string(truth).unwrap());
            }
        }
    }
    let misses = lines.iter().filter(|l| l["missed"] == true).count();
    let owed = run.truth.iter().filter(|t| is_missed(t)).count();
    let mut report = String::new();
    for ((outcome, field), (right, seen)) in &table {
        let _ = writeln!(report, "{outcome:<20} {field:<16} {right:>6} of {seen:>6}");
    }
    println!("{adapter}: {} calls, {} lines\n{report}", run.truth.len(), lines.len());
    assert!(table.values().all(|(right, seen)| right == seen), "{report}\n{wrong}");
    let unsure = run.truth.iter().filter(|t| t.kind == "inbound" && is_hardly_short(t)).count();
    assert!(
        misses.abs_diff(owed) <= unsure,
        "{misses} missed calls, {owed} really, {unsure} of them at the border of short"
    );
    let compared: usize = table.values().map(|(_, seen)| seen).sum();
    assert!(argued * 100 <= compared * ARGUED_MAX_PERCENT, "{argued} of {compared} values need an argument");
    for outcome in ["answered", "answered_then_lost", "abandoned", "no_answer", "busy", "voicemail", "closed"] {
        assert!(table.contains_key(&(outcome, "outcome")), "no call ends as `{outcome}`");
    }
}

/// What no record holds, by kind of call.
fn is_argued(truth: &Truth, line: &Value, field: &str, by_menu: bool) -> bool {
    let by_queue = !line["queue"].is_null();
    match field {
        // The menu or the queue has answered, so the row of a telephone prints start = answer: where no other telephone
        // that rang with it tells the moment, its ringing cannot be told from its talk. The line says so itself: it tells nothing.
        "wait" => (by_menu || by_queue) && !truth.answered_by.is_empty() && line["wait_time_s"].is_null(),
        // The first row behind a menu begins with the call, so that menu and ringing are one length in it:
        // a caller who left then looks like one whom the dial's limit put out.
        "outcome" => {
            by_menu && truth.missed_reason == Some("abandoned_ringing") && truth.total_s >= RING_LIMIT_S - TOLERANCE_S
        }
        // A caller whom a group or queue brought is joined to the colleague who was consulted: the row of that talk repeats
        // the group as its place, and the line takes it for what the caller was passed to. Who spoke is right.
        "passed_to" => {
            truth.answered_by.len() == 2
                && line["transfers"][0]["to"] == line["first_target"]
                && line["outcome"] == "answered"
        }
        // Rows hold whole seconds: whether 4.6 seconds were fewer than five is not in them.
        "missed" => truth.missed_customer_call && is_hardly_short(truth),
        _ => false,
    }
}

fn is_hardly_short(truth: &Truth) -> bool {
    truth.outcome == "abandoned" && (truth.wait_s - SHORT_S).abs() < 1.0
}

fn is_missed(truth: &Truth) -> bool {
    truth.kind == "inbound"
        && (truth.missed_customer_call || truth.outcome == "answered_then_lost")
        && !truth.out_of_hours
        && !truth.short
}

fn compare(truth: &Truth, line: &Value, calls: usize, tells_offers: bool) -> Vec<(&'static str, bool)> {
    let mut fields = vec![("one_call", calls == 1)];
    if truth.part_of.is_some() {
        return fields;
    }
    fields.push(("direction", line["direction"] == truth.kind));
    fields.push(("start", near(moment(&line["started_at"]), truth.start)));
    fields.push(("end", near(moment(&line["ended_at"]), truth.end)));
    fields.push(("missed", line["missed"] == is_missed(truth)));
    let outcome = match truth.outcome {
        "answered_then_lost" => "lost_in_transfer",
        other => other,
    };
    fields.push(("outcome", line["outcome"] == outcome));
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if truth.kind == "outbound" {
        fields.push(("answered", line["answered_at"].is_null() == truth.answered_by.is_empty()));
        return fields;
    }
    fields.push(("answered_by", texts(&line["answered_by"]) == truth.answered_by));
    let mut rang: Vec<&str> = line["offers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|o| o["kind"] == "person" && !o["rang_at"].is_null())
        .filter_map(|o| o["target"].as_str())
        .collect();
    rang.sort_unstable();
    rang.dedup();
    let mut really: Vec<&str> = truth.rang.iter().map(String::as_str).collect();
    really.sort_unstable();
    if tells_offers {
        fields.push(("rang", rang == really));
    }
    if truth.kind == "inbound" {
        fields.push(("caller", line["caller"].as_str() == truth.caller.as_deref()));
        fields.push(("did", line["did"].as_str() == truth.did.as_deref()));
        // A forward to a mailbox moves a caller whom nobody has spoken with. A parking place may be told by its name.
        let passed = line["transfers"].as_array().into_iter().flatten().filter(|t| t["kind"] != "forward");
        let passed: Vec<&Value> = passed.collect();
        let same = |(told, really): (&&Value, &String)| told["kind"] == "park" || told["to"] == **really;
        let right = passed.len() == truth.passed_to.len() && passed.iter().zip(&truth.passed_to).all(same);
        fields.push(("passed_to", right));
        if let Some(returned) = truth.returned.filter(|_| is_missed(truth)) {
            let status = line["follow_up"]["status"].as_str().unwrap_or_default();
            fields.push(("returned", matches!(status, "returned_by_us" | "reached_us") == returned));
        }
        if !matches!(truth.outcome, "voicemail" | "closed") {
            fields.push(("wait", near(line["wait_time_s"].as_f64(), truth.wait_s)));
        }
    }
    fields
}

fn near(ours: Option<f64>, truth: f64) -> bool {
    ours.is_some_and(|ours| (ours - truth).abs() <= TOLERANCE_S)
}

fn moment(value: &Value) -> Option<f64> {
    let moment = chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
    Some(moment.timestamp_millis() as f64 / 1000.0)
}
