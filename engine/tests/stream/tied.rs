//! Two exchanges of a company, of two families and joined by a tie, one of which is silent for an hour: a call that crosses is one
//! call, whichever half came first, and every sum counts it once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use adapters::reader::Reader;
use adapters::{Leg, Legs, pbx};
use calls::{Calls, Site};
use directory::Directory;
use generator::{Generator, PbxChoice, Plan, Row, Silence, Truth};
use serde_json::Value;

use crate::audit::{command, stdout};
use crate::generated::{OTHER_MAX_PERCENT, outcome_of};
use crate::process::{run, text, write};
use crate::windows::company_windows_equal_a_recount;
use crate::world::{Sender, World};

const PBXES: [(&str, &str); 2] = [("north", "asterisk_cdr"), ("south", "cisco_cucm")];
const RECORDS: u64 = 6000;

#[test]
fn a_call_over_two_exchanges_is_told_and_counted_once() {
    let world = World::start();
    let Company { site, rows, truths, headers } = Company::of(9);
    let directory = Directory::from_toml(&site).unwrap_or_else(|error| panic!("{error}"));
    world.topic("tied", 1);
    let sender = Sender::to(&world.bootstrap, "tied");
    let tenant = directory.tenant();
    for (pbx, adapter) in PBXES {
        for line in headers.get(pbx).map(Vec::as_slice).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            sender.send_of((pbx, adapter), tenant, None, rows[0].at.0, line.trim_ascii_end());
        }
    }
    for row in &rows {
        sender.send_of((&row.pbx, row.adapter), tenant, None, row.at.0, row.bytes.trim_ascii_end());
    }
    sender.flush();

    let settings = world.settings("tied");
    write(&settings, "site.toml", &site);
    let engine = std::fs::read_to_string(settings.join("engine.toml")).expect("read");
    write(&settings, "engine.toml", engine.replace("batch_legs_max = 40", "batch_legs_max = 200"));
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = run(&mut command("audit", &settings, &["--json"]));
    assert_eq!((stdout(&ran), ran.stderr.as_str()), ("{\"lost\":0,\"doubled\":0,\"unexplained\":0}\n", ""));

    let (legs, lines) = undisturbed(&directory, &rows, &headers);
    world.check_lines(tenant, lines.clone(), &["records"]);
    company_windows_equal_a_recount(&world, tenant, &directory, legs);
    let crossed = check_truth(&lines, &truths);
    check_sums(&world, &lines);
    let kind = |kind: &str| crossed.iter().filter(|truth| truth.kind == kind).count();
    let back = crossed.iter().filter(|truth| !truth.passed_to.is_empty()).count();
    println!(
        "{} calls crossed the tie, {} of them from outside, {back} of them came back",
        crossed.len(),
        kind("inbound")
    );
    assert!(kind("inbound") > 20 && back > 3);
}

/// A company's days.
struct Company {
    site: String,
    rows: Vec<Row>,
    truths: Vec<Truth>,
    headers: BTreeMap<&'static str, Vec<u8>>,
}

impl Company {
    /// With the usual faults, and one exchange silent in the hour that begins with the record in the middle.
    fn of(seed: u64) -> Company {
        let choices = PBXES.iter().map(|(id, adapter)| PbxChoice { adapter, id: (*id).to_owned() }).collect();
        let plan = Plan::new(RECORDS, choices);
        let usual = Company::written(seed, plan.clone());
        let from_ms = usual.rows[usual.rows.len() / 2].at.0;
        Company::written(seed, Plan { silent: Some(Silence { pbx: PBXES[1].0.to_owned(), from_ms }), ..plan })
    }

    fn written(seed: u64, plan: Plan) -> Company {
        let mut generator = Generator::new(seed, plan).unwrap_or_else(|error| panic!("{error}"));
        let headers = PBXES.iter().filter_map(|(id, _)| Some((*id, generator.header(id)?.to_vec()))).collect();
        let (mut rows, mut truths) = (Vec::new(), Vec::new());
        while let Some(row) = generator.next() {
            rows.push(row);
            truths.extend(generator.take_truth());
        }
        truths.extend(generator.take_truth());
        Company { site: generator.site_toml().to_owned(), rows, truths, headers }
    }
}

/// What one pass over all records says of them.
fn undisturbed(
    directory: &Directory,
    rows: &[Row],
    headers: &BTreeMap<&'static str, Vec<u8>>,
) -> (Vec<Leg>, Vec<Value>) {
    let mut out = Legs::default();
    for (pbx, name) in PBXES {
        let adapter = pbx::named(name).expect("an adapter");
        let settings = calls::settings::settings(directory, pbx, name);
        let mut reader = Reader::new(adapter, &settings, b"", 1);
        reader.push(headers.get(pbx).map(Vec::as_slice).unwrap_or_default(), None, &mut out);
        for row in rows.iter().filter(|row| row.pbx == pbx) {
            reader.push(&row.bytes, None, &mut out);
        }
        reader.finish(None, &mut out);
    }
    let ends: Vec<_> = pbx::ADAPTERS.iter().map(|adapter| adapter.about().ends).collect();
    let mut calls = Calls::new(Site::new(directory), &ends, false).whole();
    for leg in &out.legs {
        calls.push(leg.clone());
    }
    let mut lines = Vec::new();
    calls.finish(|told| lines.push(serde_json::from_str(&told.json()).expect("JSON")));
    (out.legs, lines)
}

/// Each call that really happened is one line, and has the outcome that it had; gives those that crossed.
fn check_truth<'t>(lines: &[Value], truths: &'t [Truth]) -> Vec<&'t Truth> {
    let mut by_key: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    let mut outcomes: HashMap<&str, &str> = HashMap::new();
    for line in lines {
        let id = text(&line["call_id"]);
        outcomes.insert(id, text(&line["outcome"]));
        for key in line["link_keys"].as_array().expect("a list") {
            by_key.entry(text(key)).or_default().insert(id);
        }
    }
    let mut score: BTreeMap<(bool, &str), (usize, usize)> = BTreeMap::new();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for truth in truths {
        let found = &by_key[truth.linkedid.as_str()];
        assert_eq!(found.len(), 1, "calls of {truth:?}");
        named.extend(found);
        if truth.part_of.is_none() {
            let outcome = outcome_of(truth.outcome);
            let (right, all) = score.entry((truth.pbxes.len() > 1, outcome)).or_default();
            *right += usize::from(found.iter().any(|id| outcomes[id] == outcome));
            *all += 1;
        }
    }
    let mut report = String::new();
    for ((crosses, outcome), (right, all)) in &score {
        let over = if *crosses { "over the tie" } else { "" };
        let _ = writeln!(report, "{outcome:<20} {over:<12} {right:>6} of {all:>6}");
    }
    println!("{report}");
    let all: usize = score.values().map(|(_, all)| all).sum();
    let other: usize = score.values().map(|(right, all)| all - right).sum();
    assert!(all > 400 && other * 100 <= all * OTHER_MAX_PERCENT, "{report}");
    // A half that found no other would be a call of its own, which no truth names.
    let strangers: Vec<&Value> = lines.iter().filter(|line| !named.contains(text(&line["call_id"]))).collect();
    assert!(strangers.is_empty(), "{} lines of no call, the first: {}", strangers.len(), strangers[0]);
    truths.iter().filter(|truth| truth.pbxes.len() > 1).collect()
}

/// The days of the whole company add up to the calls that there are.
fn check_sums(world: &World, lines: &[Value]) {
    let sum = |measure: &str| {
        let sum = world.ask(&format!(
            "SELECT toUInt64(sum(value)) FROM windows FINAL WHERE scope = 'tenant' AND size_s = 86400 AND measure = '{measure}'"
        ));
        sum.trim().parse::<usize>().expect("a number")
    };
    let inbound = lines.iter().filter(|line| line["direction"] == "inbound");
    assert_eq!(sum("offered"), inbound.clone().count(), "offered");
    assert_eq!(sum("missed"), inbound.filter(|line| line["missed"] == true).count(), "missed");
}
