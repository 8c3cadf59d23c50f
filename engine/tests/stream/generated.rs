//! A company's days, generated into a topic and taken to the tables: every call that really happened has its verdict.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use serde_json::Value;

use crate::audit::{command, stdout};
use crate::process::{check_refused, ringback, run, text, write};
use crate::world::World;

/// Of a hundred calls, so many may have another outcome than they had: some records do not tell it (`engine/generator/tests/verdicts.rs`
/// says which), some come late, and some are damaged.
pub const OTHER_MAX_PERCENT: usize = 1;

#[test]
fn what_is_generated_into_a_topic_has_its_verdicts() {
    let world = World::start();
    check_adapter(&world, "asterisk_cdr");
    check_adapter(&world, "cisco_cucm");
    let nobody = ["--legs", "10", "--seed", "1", "--kafka", "127.0.0.1:1", "--topic", "t"];
    check_refused(ringback(["generate"]).args(nobody), 1, &["no broker answers at 127.0.0.1:1"]);
    check_refused(ringback(["generate"]).args(&nobody[..6]), 2, &["--topic"]);
    check_refused(ringback(["generate"]).args(&nobody[..4]), 2, &["--files"]);
}

fn check_adapter(world: &World, adapter: &str) {
    let days = world.folder.path().join(adapter);
    let generated = run(ringback(["generate", "--legs", "2500", "--seed", "5", "--pbx", adapter])
        .args(["--kafka", &world.bootstrap, "--topic", adapter, "--files"])
        .arg(&days));
    assert_eq!(generated.code, 0, "{}", generated.stderr);
    assert!(stdout(&generated).ends_with(&format!(" bytes in the topic {adapter} at {}\n", world.bootstrap)));
    let made = format!(
        "made the topic {adapter}, with one partition and message.timestamp.type=CreateTime, for records of any day\n"
    );
    assert_eq!(generated.stderr, made);
    let mut files: Vec<String> = std::fs::read_dir(&days)
        .expect("a folder")
        .map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    files.sort();
    assert_eq!(files, ["site.toml", "truth.ndjson"]);

    let settings = world.settings(adapter);
    let engine = std::fs::read_to_string(settings.join("engine.toml")).expect("read");
    let engine = engine
        .replace("[kafka]\n", &format!("[kafka]\ngroup = \"{adapter}\"\n"))
        .replace("[clickhouse]\n", &format!("[clickhouse]\ndatabase = \"{adapter}\"\n"))
        .replace("batch_legs_max = 40", "batch_legs_max = 1000");
    write(&settings, "engine.toml", engine);
    std::fs::copy(days.join("site.toml"), settings.join("site.toml")).expect("copied");
    let ran = run(&mut command("migrate", &settings, &[]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = run(&mut command("audit", &settings, &["--json"]));
    assert_eq!((stdout(&ran), ran.stderr.as_str()), ("{\"lost\":0,\"doubled\":0,\"unexplained\":0}\n", ""));

    let rows = world.ask(&format!("SELECT link_keys, outcome, missed FROM {adapter}.calls_now FORMAT JSONEachRow"));
    let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    let mut by_key: HashMap<&str, Vec<&Value>> = HashMap::new();
    for row in &rows {
        for key in row["link_keys"].as_array().expect("a list") {
            by_key.entry(text(key)).or_default().push(row);
        }
    }
    let truth = std::fs::read_to_string(days.join("truth.ndjson")).expect("read");
    let truth: Vec<Value> = truth.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut score: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for truth in truth.iter().filter(|truth| truth["part_of"].is_null()) {
        let found = by_key.get(text(&truth["linkedid"])).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(found.len(), 1, "calls of {truth}: {found:?}");
        let outcome = outcome_of(text(&truth["outcome"]));
        let (right, all) = score.entry(outcome).or_default();
        *right += usize::from(found[0]["outcome"] == outcome);
        *all += 1;
    }
    let mut report = format!("{adapter}:\n");
    for (outcome, (right, all)) in &score {
        let _ = writeln!(report, "{outcome:<20} {right:>6} of {all:>6}");
    }
    println!("{report}");
    let all: usize = score.values().map(|(_, all)| all).sum();
    let other: usize = score.values().map(|(right, all)| all - right).sum();
    assert!(all > 400 && other * 100 <= all * OTHER_MAX_PERCENT, "{report}");
    for outcome in ["answered", "lost_in_transfer", "abandoned", "no_answer", "busy"] {
        assert!(score.contains_key(outcome), "no call ends as `{outcome}`: {report}");
    }
}

/// What the tables call an outcome of the truth.
pub fn outcome_of(truth: &str) -> &str {
    if truth == "answered_then_lost" { "lost_in_transfer" } else { truth }
}
