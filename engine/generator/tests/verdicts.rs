//! What one exchange's records tell is what really happened, call by call and outcome by outcome.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod generated;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use generated::{choices, run};
use generator::{Faults, Plan, Truth};
use serde_json::Value;

/// Records hold whole seconds.
const TOLERANCE_S: f64 = 1.5;

#[test]
fn what_asterisk_writes_tells_the_truth() {
    check("asterisk_cdr");
}

/// Every field of every call, or the kind of call and field for which no record holds it.
fn check(adapter: &str) {
    let run = run(7, Plan { faults: Faults::NONE, ..Plan::new(30_000, choices(&[adapter])) });
    let lines = run.calls();
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
        for (field, right) in compare(truth, line, ids.len()) {
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
    assert_eq!(misses, owed, "missed calls");
    for outcome in ["answered", "answered_then_lost", "abandoned", "no_answer", "busy", "voicemail", "closed"] {
        assert!(table.contains_key(&(outcome, "outcome")), "no call ends as `{outcome}`");
    }
}

fn is_missed(truth: &Truth) -> bool {
    truth.kind == "inbound" && (truth.missed_customer_call || truth.outcome == "answered_then_lost") && !truth.out_of_hours && !truth.short
}

fn compare(truth: &Truth, line: &Value, calls: usize) -> Vec<(&'static str, bool)> {
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
    fields.push(("rang", rang == really));
    if truth.kind == "inbound" {
        fields.push(("caller", line["caller"].as_str() == truth.caller.as_deref()));
        fields.push(("did", line["did"].as_str() == truth.did.as_deref()));
        let passed: Vec<String> = line["transfers"].as_array().into_iter().flatten().map(|t| t["to"].as_str().unwrap_or_default().to_owned()).collect();
        fields.push(("passed_to", passed.len() == truth.passed_to.len()));
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
