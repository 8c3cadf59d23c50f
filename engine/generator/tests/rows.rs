//! The records themselves: the same from the same seed, understood, in order, with the faults that were asked for.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod generated;
mod shaped;

use std::collections::{HashMap, HashSet};

use adapters::leg::Moment;
use chrono::NaiveDate;
use directory::Directory;
use generated::{choices, run};
use generator::{Faults, Generator, PbxChoice, Plan, Silence};

/// Two exchanges where two formats are known, else two of one.
fn two() -> Vec<PbxChoice> {
    let last = generator::names().last().unwrap();
    choices(&["asterisk_cdr@first", &format!("{last}@second")])
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let of_seed = |seed| run(seed, Plan::new(3_000, two()));
    let (one, again, other) = (of_seed(1), of_seed(1), of_seed(2));
    assert_eq!(one.site, again.site);
    assert_eq!(one.rows, again.rows);
    assert_eq!(one.truth, again.truth);
    assert_ne!(one.rows, other.rows);
    // Another machine must come to the same: this is a hash of all bytes, by FNV-1a.
    let all = one.rows.iter().flat_map(|row| &row.bytes);
    let hash =
        all.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(hash, SAME_EVERYWHERE, "the bytes changed: if that was meant, write {hash:#x} here");
}

const SAME_EVERYWHERE: u64 = 0xd2d8_c9dc_742c_cddb;

#[test]
fn about_as_many_records_as_asked_for_and_none_without() {
    for legs in [0, 1, 100, 5_000] {
        let run = run(3, Plan { faults: Faults::NONE, ..Plan::new(legs, choices(&["asterisk_cdr"])) });
        let count = run.rows.len() as u64;
        assert!((legs..=legs + 50).contains(&count), "{legs} asked for, {count} written");
    }
}

#[test]
fn every_record_but_malformed_ones_is_understood() {
    let clean = run(4, Plan { faults: Faults { malformed: 0, ..Faults::USUAL }, ..Plan::new(40_000, two()) });
    let (legs, rejects, _) = clean.legs();
    assert!(rejects.is_empty(), "{:?}", rejects.first());
    assert!(legs.len() >= 40_000);
    let faulty = run(4, Plan { faults: Faults { malformed: 1_000, ..Faults::NONE }, ..Plan::new(40_000, two()) });
    let (_, rejects, _) = faulty.legs();
    let malformed = faulty.rows.len() - run(4, Plan { faults: Faults::NONE, ..Plan::new(40_000, two()) }).rows.len();
    assert!((300..=500).contains(&malformed), "{malformed} malformed of 40,000 at one in a hundred");
    assert_eq!(rejects.len(), malformed);
}

#[test]
fn records_come_in_the_order_of_their_moments() {
    let run = run(5, Plan::new(40_000, two()));
    assert!(run.rows.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn faults_have_their_shares() {
    let plan =
        Plan { faults: Faults { malformed: 0, ..Faults::USUAL }, ..Plan::new(100_000, choices(&["asterisk_cdr"])) };
    let clean = run(6, Plan { faults: Faults::NONE, ..plan.clone() });
    let faulty = run(6, plan);
    let written: HashMap<&[u8], Moment> = clean.rows.iter().map(|r| (r.bytes.as_slice(), r.at)).collect();
    let mut seen = HashSet::new();
    let (mut doubled, mut delays) = (0, Vec::new());
    for row in &faulty.rows {
        let at = written[row.bytes.as_slice()];
        if !seen.insert(row.bytes.as_slice()) {
            doubled += 1;
        } else if row.at > at {
            delays.push(row.at.ms_since(at));
        }
    }
    assert_eq!(seen.len(), clean.rows.len(), "no record is lost");
    assert!((60..=150).contains(&doubled), "{doubled} doubled of 100,000 at one in a thousand");
    assert!((800..=1_250).contains(&delays.len()), "{} late of 100,000 at one in a hundred", delays.len());
    assert!(delays.iter().all(|d| (2_000..5_400_000 + 60_000).contains(d)));
    let long = delays.iter().filter(|d| **d > 600_000).count();
    assert!(long * 5 < delays.len() && long > 0, "{long} of {} come more than ten minutes late", delays.len());
}

#[test]
fn a_silent_exchange_writes_an_hour_later() {
    let plan = Plan { faults: Faults::NONE, ..Plan::new(6_000, two()) };
    let usual = run(8, plan.clone());
    let from_ms = usual.rows[3_000].at.0;
    let silent = run(8, Plan { silent: Some(Silence { pbx: "first".to_owned(), from_ms }), ..plan });
    let hour = 3_600_000;
    let of = |run: &generated::Run, pbx: &str, from: i64| {
        run.rows.iter().filter(|r| r.pbx == pbx && (from..from + hour).contains(&r.at.0)).count()
    };
    assert!(of(&usual, "first", from_ms) > 50);
    assert_eq!(of(&silent, "first", from_ms), 0);
    assert_eq!(of(&silent, "second", from_ms), of(&usual, "second", from_ms));
    assert_eq!(silent.rows.len(), usual.rows.len());
    assert!(silent.rows.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn a_day_of_the_week_has_its_curve() {
    let run = run(9, Plan { faults: Faults::NONE, ..Plan::new(25_000, choices(&["asterisk_cdr"])) });
    let midnight = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp();
    let mut of_hour = [0_usize; 24];
    let mut of_day = [0_usize; 7];
    for truth in &run.truth {
        let hours = (truth.start as i64 - midnight) / 3600;
        if hours < 7 * 24 {
            of_hour[hours as usize % 24] += 1;
            of_day[hours as usize / 24] += 1;
        }
    }
    assert!(of_hour[10] > 20 * of_hour[3].max(1) && of_hour[10] > of_hour[12], "{of_hour:?}");
    assert!(of_hour.iter().all(|calls| *calls > 0), "somebody calls at night, too: {of_hour:?}");
    assert!(of_day[0] > of_day[2] && of_day[2] > 3 * of_day[5] && of_day[5] > of_day[6] && of_day[6] > 0, "{of_day:?}");
}

#[test]
fn two_exchanges_are_joined_by_a_tie() {
    let run = run(10, Plan { faults: Faults::NONE, ..Plan::new(40_000, two()) });
    let directory = run.directory();
    assert_eq!(directory.ties().len(), 1);
    let inbound = run.truth.iter().filter(|t| t.kind == "inbound" && t.outcome != "closed").count();
    let crossed = run.truth.iter().filter(|t| t.pbxes.len() == 2).count();
    assert!((3..=7).contains(&(crossed * 100 / inbound)), "{crossed} of {inbound}");
    let back = run.truth.iter().filter(|t| t.pbxes.len() == 2 && !t.passed_to.is_empty()).count();
    assert!(back > crossed / 20, "{back} of {crossed} come back");
    let (legs, _, _) = run.legs();
    // Every crossing leaves on one end and arrives on the other.
    for pbx in ["first", "second"] {
        let ends = |leg: &&adapters::leg::Leg| {
            leg.origin.pbx == pbx
                && (leg.from.trunk.starts_with("to_") || leg.to.as_ref().is_some_and(|e| e.trunk.starts_with("to_")))
        };
        assert!(legs.iter().filter(ends).count() >= crossed, "{pbx}");
    }
}

#[test]
fn a_given_company_is_taken_as_it_is() {
    let site = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../directory/site.example.toml")).unwrap();
    let pbx = Directory::from_toml(&site).unwrap().first_pbx().id.clone();
    let pbxes = vec![PbxChoice { adapter: "asterisk_cdr", id: pbx }];
    let run = run(11, Plan { site: Some(site.clone()), faults: Faults::NONE, ..Plan::new(2_000, pbxes) });
    assert_eq!(run.site, site);
    let calls = run.calls();
    assert!(calls.len() * 100 >= run.truth.len() * 95, "{} calls of {}", calls.len(), run.truth.len());
    let by_people = calls
        .iter()
        .filter(|c| c["answered_by"].as_array().is_some_and(|a| a.iter().any(|e| e == "8123" || e == "8124")))
        .count();
    assert!(by_people * 4 > calls.len(), "{by_people} of {} were answered by a person of the company", calls.len());
}

#[test]
fn what_cannot_be_written_is_refused_with_a_reason() {
    let refused = |plan: Plan| Generator::new(1, plan).err().expect("an error").0;
    let unknown = PbxChoice { adapter: "mitel_smdr", id: "main".to_owned() };
    assert!(refused(Plan::new(1, vec![unknown])).contains("asterisk_cdr"));
    assert!(refused(Plan::new(1, Vec::new())).contains("no PBX"));
    let site = "[[site]]\nid = \"a\"\n[[pbx]]\nid = \"main\"\n".to_owned();
    assert!(
        refused(Plan { site: Some(site), ..Plan::new(1, choices(&["asterisk_cdr"])) })
            .contains("nobody has a telephone")
    );
}
