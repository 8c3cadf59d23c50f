//! Verdicts against the truth of the corpus, field by field, as `shared/tools/score.py` compares them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Seconds and moments agree within this: records hold whole seconds.
const TOLERANCE_S: f64 = 1.5;

/// One compared field of one call: whether a policy decides it, and whether we are right.
pub struct Compared {
    pub call: String,
    pub field: &'static str,
    pub doubtful: bool,
    pub right: bool,
}

/// Right and seen, by field.
pub type Table = BTreeMap<(bool, &'static str), (usize, usize)>;

/// Adds what was compared to a table.
pub fn add(table: &mut Table, compared: &[Compared]) {
    for c in compared {
        let cell = table.entry((c.doubtful, c.field)).or_default();
        cell.0 += usize::from(c.right);
        cell.1 += 1;
    }
}

/// A table, a line a field.
pub fn print(title: &str, table: &Table) {
    println!("\n{title}");
    for ((doubtful, field), (right, seen)) in table {
        let kind = if *doubtful { "doubtful" } else { "sure" };
        println!("  {kind:<8} {field:<16} {right:>5} of {seen:>5}  {:>6.2} %", 100.0 * *right as f64 / *seen as f64);
    }
}

/// Compares the calls of one run. `has_cel`: declined and the number dialed can be told.
pub fn compare(truth: &[Value], calls: &[Value], has_cel: bool, has_did: bool) -> Vec<Compared> {
    let mut found = Vec::new();
    let key = |v: &Value| v["linkedid"].as_str().unwrap_or_default().to_owned();
    let with_key = |key: &str| -> Vec<&Value> {
        calls.iter().filter(|c| c["merged_into"].is_null() && list(&c["link_keys"]).contains(&key)).collect()
    };
    let customers: BTreeSet<String> = truth
        .iter()
        .filter(|t| t["kind"] == "inbound" && (is(&t["missed_customer_call"]) || t["outcome"] == "answered_then_lost"))
        .map(key)
        .collect();
    for call in calls.iter().filter(|c| c["missed"] == true) {
        let right = list(&call["link_keys"]).into_iter().any(|k| customers.contains(k));
        found.push(Compared {
            call: call["call_id"].as_str().unwrap_or_default().to_owned(),
            field: "missed_is_real",
            doubtful: false,
            right,
        });
    }
    let mut claimed: BTreeSet<String> = BTreeSet::new();
    for t in truth {
        let ours = with_key(&key(t));
        let call = ours.first().copied();
        let mut fields: Vec<(&'static str, bool)> = Vec::new();
        if t["kind"] == "inbound" {
            let ids: BTreeSet<&str> = ours.iter().filter_map(|c| c["call_id"].as_str()).collect();
            let id = call.and_then(|c| c["call_id"].as_str()).unwrap_or_default().to_owned();
            fields.push(("one_call", ids.len() == 1 && claimed.insert(id)));
        }
        if let Some(part_of) = t["part_of"].as_str() {
            // The channel that picks a parked caller up leaves no CDR of its own.
            if t["kind"] != "pickup" || call.is_some() {
                let parent = truth.iter().find(|p| p["id"] == part_of && p["flow_id"] == t["flow_id"]);
                let parent = parent.map(|p| with_key(&key(p))).unwrap_or_default();
                let joined = call.is_some_and(|c| parent.first().is_some_and(|p| p["call_id"] == c["call_id"]));
                fields.push(("joined", joined));
            }
        } else {
            let nothing = Value::Null;
            one(t, call.unwrap_or(&nothing), has_cel, has_did, &mut fields);
        }
        let call = format!("{} {}", t["flow_id"].as_str().unwrap_or_default(), t["id"].as_str().unwrap_or_default());
        let doubtful = is(&t["doubtful"]);
        found.extend(fields.into_iter().map(|(field, right)| Compared {
            call: call.trim().to_owned(),
            field,
            doubtful,
            right,
        }));
    }
    found
}

fn one(t: &Value, c: &Value, has_cel: bool, has_did: bool, fields: &mut Vec<(&'static str, bool)>) {
    let kind = t["kind"].as_str().unwrap_or_default();
    let direction = match kind {
        "originate" => "outbound",
        "conference" => "internal",
        other => other,
    };
    fields.push(("direction", c["direction"] == direction));
    fields.push(("start", near(seconds_of(&c["started_at"]), &t["start"])));
    if kind != "inbound" {
        fields.push(("no_false_miss", c["missed"] == false));
        return;
    }
    let outcome = t["outcome"].as_str().unwrap_or_default();
    let lost = outcome == "answered_then_lost";
    let unanswered = is(&t["missed_customer_call"]) || outcome == "unallocated";
    let in_hours = outcome != "closed" && !is(&t["out_of_hours"]);
    let people: Vec<&str> = list(&t["answered_by"])
        .into_iter()
        .filter(|a| *a != "customer")
        .map(|a| a.strip_prefix("mobile:").unwrap_or(a))
        .collect();
    let said = list(&c["answered_by"]);
    let answered = if unanswered { "unanswered" } else { "answered" };
    fields.push(("unanswered", !c.is_null() && c["answered_at"].is_null() == unanswered && c["answered"] == answered));
    let missed = (is(&t["missed_customer_call"]) || lost) && in_hours && !is(&t["short"]);
    fields.push(("missed", c["missed"] == missed));
    fields.push(("outcome", may_be(outcome, has_cel).iter().any(|o| c["outcome"] == *o)));
    let by = if outcome == "conference" {
        said.iter().collect::<BTreeSet<_>>() == people.iter().collect::<BTreeSet<_>>()
    } else {
        said == people
    };
    fields.push(("answered_by", !c.is_null() && by));
    fields.push(("caller", !c.is_null() && c["caller"] == t["caller"]));
    if outcome != "conference" {
        let machine = outcome.starts_with("voicemail") || outcome.starts_with("closed");
        fields.push(("wait", near(c["wait_time_s"].as_f64(), &t["wait_s"]) || !c.is_null() && machine));
        let whole_talk = people.len() < 2 && !is(&t["parked"]);
        if whole_talk || !t["waited_after_s"].is_null() || is(&t["taken_back"]) {
            fields.push(("talk", near(c["talk_time_s"].as_f64(), &t["talk_s"])));
        }
        let rang: BTreeSet<&str> = c["offers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|o| o["kind"] == "person" && !o["rang_at"].is_null())
            .filter_map(|o| o["target"].as_str())
            .collect();
        fields.push(("rang", !c.is_null() && rang == list(&t["rang"]).into_iter().collect()));
    }
    // What the shared scorer does not ask: where the caller was passed to (a parking place is known by its own number, too),
    // and who hung up, where a record tells it.
    let passed: Vec<&Value> = c["transfers"].as_array().into_iter().flatten().collect();
    let wanted = list(&t["passed_to"]);
    if !wanted.is_empty() || people.len() < 2 && !is(&t["parked"]) {
        let same = |(to, wanted): (&&Value, &&str)| to["kind"] == "park" || to["to"] == **wanted;
        let right = passed.len() == wanted.len() && passed.iter().zip(&wanted).all(same);
        fields.push(("passed_to", !c.is_null() && right));
    }
    if let (Some(ours), Some(truth)) = (c["ended_by"].as_str(), t["ended_by"].as_str()) {
        fields.push(("ended_by", (ours == "caller") == (truth == "caller")));
    }
    if has_did && t["trunk"].as_str().is_none_or(|trunk| has_cel || !trunk.ends_with('b')) || !c["did"].is_null() {
        fields.push(("did", !c.is_null() && c["did"] == t["did"]));
    }
    if !t["returned"].is_null() && !is(&t["short"]) {
        let status = c["follow_up"]["status"].as_str().unwrap_or_default();
        let settled = matches!(status, "returned_by_us" | "reached_us");
        fields.push(("returned", !c.is_null() && settled == is(&t["returned"])));
        if is(&t["returned"]) {
            let how = if t["returned_how"] == "customer_called_again" { "reached_us" } else { "returned_by_us" };
            fields.push(("returned_how", status == how));
        }
    }
}

/// What we may call the truth's outcome. Asterisk's CDR cannot tell a reject key from silence; its CEL can.
fn may_be(outcome: &str, has_cel: bool) -> &'static [&'static str] {
    match outcome {
        "answered" | "conference" => &["answered"],
        "answered_then_lost" => &["lost_in_transfer"],
        "abandoned" | "left_queue_by_key" => &["abandoned"],
        "no_answer" => &["no_answer"],
        "closed" => &["closed"],
        "busy" => &["busy"],
        "declined" if has_cel => &["declined"],
        "declined" => &["declined", "no_answer"],
        "voicemail" | "voicemail_no_message" => &["voicemail"],
        "unallocated" => &["failed"],
        "congestion" | "no_agents" | "unavailable" => &["blocked"],
        other => panic!("the truth has an outcome `{other}` that this test does not know"),
    }
}

fn is(value: &Value) -> bool {
    match value {
        Value::Bool(b) => *b,
        Value::Null => false,
        Value::String(s) => !s.is_empty(),
        _ => true,
    }
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn near(ours: Option<f64>, truth: &Value) -> bool {
    ours.zip(truth.as_f64()).is_some_and(|(ours, truth)| (ours - truth).abs() <= TOLERANCE_S)
}

fn seconds_of(moment: &Value) -> Option<f64> {
    let moment = chrono::DateTime::parse_from_rfc3339(moment.as_str()?).ok()?;
    Some(moment.timestamp_millis() as f64 / 1000.0)
}
