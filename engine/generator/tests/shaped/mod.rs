//! A company of a given shape: what its site file says, what its days tell, and single calls beside them.

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::Moment;
use directory::Directory;
use generator::shape::{FIRST_PBX, MAIL_DOMAIN, SECOND_PBX, TENANT};
use generator::single::{MissedBy, Placed, PlacedEnd, Single};
use generator::{Faults, Plan, Row, Shape};
use serde_json::Value;

use crate::generated::{Run, run};

/// A Tuesday.
const FIRST_DAY: Moment = Moment(1_795_478_400_000);
/// Its noon, in London.
const NOON: Moment = Moment(FIRST_DAY.0 + 12 * 3_600_000);

fn shape() -> Shape {
    Shape { zone: "Europe/London".to_owned(), people: 60 }
}

#[test]
fn a_company_has_the_shape_that_was_given() {
    for people in [30, 60, 99] {
        let site = Shape { people, ..shape() }.site_toml();
        let directory = Directory::from_toml(&site).unwrap_or_else(|error| panic!("{error}\n{site}"));
        assert_eq!(directory.tenant(), TENANT);
        assert_eq!(directory.people().len(), people);
        let mails: BTreeSet<_> = directory.people().iter().filter_map(|person| person.email.clone()).collect();
        assert_eq!(mails.len(), people, "each has an address of their own");
        assert!(mails.iter().all(|mail| mail.ends_with(&format!("@{MAIL_DOMAIN}"))));
        let numbers: BTreeSet<_> =
            directory.people().iter().flat_map(|person| &person.extensions).map(|e| e.number.clone()).collect();
        assert_eq!(numbers.len(), people, "extensions differ across exchanges");
        assert_eq!(directory.groups().len(), 5);
        assert!(directory.groups().iter().all(|group| group.heads.len() == 1 && !group.heads[0].is_empty()));
        assert_eq!(directory.groups().iter().filter(|group| group.parent.is_some()).count(), 1);
        assert_eq!(directory.pbx_ids().collect::<Vec<_>>(), [FIRST_PBX, SECOND_PBX]);
        assert_eq!(directory.ties().len(), 1);
        let sites: BTreeSet<_> = directory.dids().filter_map(|did| did.site.clone()).collect();
        assert_eq!(sites.into_iter().collect::<Vec<_>>(), ["cove", "meadow", "ridge"]);
        let dids: BTreeSet<_> = directory.dids().map(|did| did.number.clone()).collect();
        assert_eq!(dids.len(), directory.dids().count(), "each number leads to one thing");
        assert!(dids.iter().all(|did| did.starts_with("+441632960") && did.len() == 13), "{dids:?}");
    }
}

#[test]
fn the_days_of_a_company_tell_every_outcome() {
    let plan = Plan { legs: 25_000, faults: Faults::NONE, ..shape().plan(FIRST_DAY) };
    let run = run(1, plan);
    let outcomes: BTreeSet<&str> = run.truth.iter().map(|truth| truth.outcome).collect();
    let expected = ["abandoned", "answered", "answered_then_lost", "busy", "closed", "no_answer", "voicemail"];
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), expected);
    let lines = run.calls();
    let count = |key: &str, holds: &dyn Fn(&Value) -> bool| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in lines.iter().filter(|line| holds(line)) {
            *counts.entry(line[key].as_str().unwrap_or("none").to_owned()).or_default() += 1;
        }
        counts
    };
    let missed = |line: &Value| line["missed"] == true;
    let owners = count("owner", &missed);
    let directory = run.directory();
    for group in directory.groups() {
        let people = directory.people().iter().filter(|person| person.group.as_ref() == Some(&group.id));
        let of_people: usize = people.filter_map(|person| owners.get(&format!("person:{}", person.id))).sum();
        let of_group = owners.get(&format!("group:{}", group.id)).copied().unwrap_or_default();
        assert!(of_people + of_group > 0, "nothing is missed of {}: {owners:?}", group.id);
    }
    // Who signs in to a demo as a person has something to see.
    let person = directory.people().iter().filter(|p| p.group.as_deref() == Some("orders")).nth(1).unwrap();
    assert!(owners.get(&format!("person:{}", person.id)).is_some_and(|missed| *missed >= 5), "{owners:?}");
    let crossed = lines.iter().filter(|line| line["pbxes"].as_array().is_some_and(|pbxes| pbxes.len() == 2)).count();
    assert!(crossed > 50, "{crossed} calls went over the tie");
}

#[test]
fn no_record_is_of_the_future() {
    let plan = Plan { legs: 10_000, ..shape().plan(FIRST_DAY) };
    let run = run(2, plan);
    assert!(run.rows.windows(2).all(|pair| pair[0].at <= pair[1].at));
    // A reading of each would take minutes.
    for row in run.rows.iter().step_by(20) {
        let one =
            Run { site: run.site.clone(), rows: vec![row.clone()], truth: Vec::new(), headers: run.headers.clone() };
        let (legs, _, _) = one.legs();
        let last = legs.iter().filter_map(|leg| leg.ended_at.or(leg.started_at)).max();
        assert!(last.is_none_or(|last| last <= row.at.plus_ms(999)), "{last:?} of what came at {:?}", row.at);
    }
}

fn single(counted: u64) -> Single {
    Single::new(&shape().site_toml(), &Shape::pbxes(), FIRST_PBX, NOON, counted).unwrap()
}

/// What the engine makes of these records.
fn lines(rows: Vec<Row>) -> Vec<Value> {
    let run = Run { site: shape().site_toml(), rows, truth: Vec::new(), headers: BTreeMap::new() };
    run.calls()
}

fn missed(single: &mut Single, person: &str, ended_at: Moment) -> Vec<Row> {
    let customer = "+443069990001".to_owned();
    single.missed(&MissedBy { person: person.to_owned(), customer, rang_ms: 12_000, ended_at }).unwrap()
}

fn placed(end: PlacedEnd, is_taken: bool, made_at: Moment) -> Placed {
    Placed {
        call: format!("rb-00ff00ff00ff00ff-{}.1", made_at.0 / 1000),
        account: "ringback".to_owned(),
        user_field: format!("rb:rb-00ff00ff00ff00ff-{}.1", made_at.0 / 1000),
        device: "PJSIP/2002".to_owned(),
        shown_name: "Ringback".to_owned(),
        shown_number: "+443069990001".to_owned(),
        dialed: "+443069990001".to_owned(),
        made_at,
        taken_at: is_taken.then(|| made_at.plus_ms(1_800)),
        ended_at: made_at.plus_ms(12_000),
        end,
    }
}

#[test]
fn a_single_call_is_missed_and_called_back() {
    let mut one = single(0);
    let person = one.missable(NOON)[0].to_owned();
    let mut rows = missed(&mut one, &person, NOON);
    let line = &lines(rows.clone())[0];
    let told = |key: &str| line[key].clone();
    assert_eq!(
        (told("missed"), told("outcome"), told("caller"), told("owner"), told("wait_time_s")),
        (true.into(), "abandoned".into(), "+443069990001".into(), format!("person:{person}").into(), 13.into()),
        "{line}"
    );
    rows.extend(one.placed(&placed(PlacedEnd::Answered, true, NOON.plus_ms(5_000))));
    let lines = lines(rows);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["follow_up"]["status"], "returned_by_us", "{}", lines[0]);
    let back = &lines[1];
    assert_eq!(
        (&back["direction"], &back["missed"], &back["follow_up"]),
        (&"outbound".into(), &false.into(), &Value::Null)
    );
}

#[test]
fn a_call_back_in_vain_settles_nothing_and_owes_nothing() {
    for (end, is_taken) in
        [(PlacedEnd::Busy, true), (PlacedEnd::NoAnswer, true), (PlacedEnd::Busy, false), (PlacedEnd::NoAnswer, false)]
    {
        let mut one = single(0);
        let person = one.missable(NOON)[0].to_owned();
        let mut rows = missed(&mut one, &person, NOON);
        rows.extend(one.placed(&placed(end, is_taken, NOON.plus_ms(5_000))));
        let lines = lines(rows);
        assert_eq!(lines.len(), 2, "{end:?}");
        assert_eq!(lines[0]["follow_up"]["status"], "open", "{end:?}: {}", lines[0]);
        assert_eq!((&lines[1]["direction"], &lines[1]["missed"]), (&"outbound".into(), &false.into()), "{}", lines[1]);
    }
}

#[test]
fn single_calls_have_ids_of_their_own() {
    let mut seen = BTreeSet::new();
    let mut counted = 0;
    for _ in 0..3 {
        // Started again, it goes on where it was.
        let mut one = single(counted);
        let person = one.missable(NOON)[0].to_owned();
        for row in (0..5).flat_map(|_| missed(&mut one, &person, NOON)).collect::<Vec<_>>() {
            counted += 1;
            assert!(seen.insert(row.bytes.clone()), "{}", String::from_utf8_lossy(&row.bytes));
        }
    }
    let generated = run(3, Plan { legs: 2_000, faults: Faults::NONE, ..shape().plan(FIRST_DAY) });
    let unique = |bytes: &[u8]| String::from_utf8_lossy(bytes).split("\",\"").nth(16).unwrap_or_default().to_owned();
    let known: BTreeSet<String> = generated.rows.iter().map(|row| unique(&row.bytes)).collect();
    assert!(seen.iter().all(|bytes| !known.contains(&unique(bytes)) && unique(bytes).starts_with("demo-")));
}

#[test]
fn whoever_works_now_can_be_missed() {
    let one = single(0);
    let night = one.missable(Moment(FIRST_DAY.0 + 3 * 3_600_000));
    let day = one.missable(NOON);
    assert!(!night.is_empty() && night.len() < day.len(), "{} of {}", night.len(), day.len());
    assert!(night.iter().all(|person| day.contains(person)));
    let mut one = single(0);
    let nobody = MissedBy { person: "nobody".to_owned(), customer: String::new(), rang_ms: 1, ended_at: NOON };
    assert_eq!(one.missed(&nobody), None);
}
