//! What the stream tells: once, without gaps, and never by a process that was replaced.

use office::{Error, MergedCall, Office, Owner, Spoken, TellAnswer, Told};

use crate::{T0, event, follow_up, office, open, told};

fn ids(office: &Office) -> Vec<(i64, String)> {
    let events = office.events_after("acme", 0, 1000).unwrap();
    events.into_iter().map(|event| (event.seq, event.event_id)).collect()
}

#[test]
fn a_batch_told_again_changes_nothing() {
    let (folder, office) = office();
    let mut opened = event("e3");
    opened.kind = "follow-up-opened".into();
    opened.follow_up = Some("f1".into());
    opened.once = Some("open".into());
    let batch = Told {
        spoken: vec![Spoken { tenant: "acme".into(), number: "+44".into(), at: T0, call: "c1".into() }],
        ..told(vec![event("e1"), event("e2"), opened], vec![follow_up("f1", "+44")])
    };
    assert_eq!(office.tell(&batch).unwrap(), TellAnswer { events: 3, follow_ups: 1 });
    let first = (ids(&office), office.follow_up("acme", "f1").unwrap(), office.counts().unwrap());
    assert_eq!(first.0, [(1, "e1".into()), (2, "e2".into()), (3, "follow-up-opened:f1:open".to_owned())]);
    for office in [office.clone(), open(folder.path())] {
        assert_eq!(office.tell(&batch).unwrap().events, 0);
        assert_eq!((ids(&office), office.follow_up("acme", "f1").unwrap(), office.counts().unwrap()), first);
    }
    let stored = office.events_after("acme", 2, 1).unwrap().remove(0);
    assert_eq!((stored.follow_up.as_deref(), stored.told_at, stored.plugin), (Some("f1"), T0, None));
    assert_eq!((office.spoken("acme", "+44").unwrap(), office.spoken("acme", "+2").unwrap()), (Some(T0), None));
    assert_eq!(office.tenants().unwrap(), ["acme"]);
}

#[test]
fn numbers_have_no_gap_where_some_events_are_known() {
    let (_folder, office) = office();
    office.tell(&told(vec![event("a"), event("b")], vec![])).unwrap();
    office.tell(&told(vec![event("b"), event("c"), event("a"), event("d"), event("d")], vec![])).unwrap();
    let wanted = ["a", "b", "c", "d"].map(str::to_owned);
    assert_eq!(ids(&office), (1..).zip(wanted).collect::<Vec<_>>());
    assert_eq!(office.last_seq("acme").unwrap(), 4);
}

#[test]
fn a_replaced_owner_writes_nothing() {
    let (_folder, office) = office();
    let (first, second) = (Owner { epoch: 1, versions: 70 }, Owner { epoch: 2, versions: 3 });
    office.take_over("records", 0, first).unwrap();
    office.take_over("records", 0, second).unwrap();
    office.take_over("records", 0, second).unwrap();
    assert!(matches!(office.take_over("records", 0, first), Err(Error::Replaced { by, .. }) if by == second));
    let late = Told { owner: first, ..told(vec![event("e1")], vec![follow_up("f1", "+44")]) };
    assert!(matches!(office.tell(&late), Err(Error::Replaced { owner, .. }) if owner == first));
    assert_eq!(ids(&office), []);
    assert_eq!(office.follow_up("acme", "f1").unwrap(), None);
    // Another partition has another owner, and who tells without having taken over has taken over by that.
    office.tell(&Told { partition: 1, ..late.clone() }).unwrap();
    let later = Owner { epoch: 2, versions: u64::MAX };
    office.tell(&Told { owner: later, ..told(vec![event("e2")], vec![]) }).unwrap();
    assert!(office.tell(&Told { owner: second, ..told(vec![event("e3")], vec![]) }).is_err());
    assert_eq!(ids(&office), [(1, "e1".into()), (2, "e2".to_owned())]);
}

#[test]
fn a_call_is_told_once_whatever_it_is_called() {
    let (_folder, office) = office();
    let named =
        |id: &str, kind: &str, call: &str| office::Event { kind: kind.into(), call: Some(call.into()), ..event(id) };
    let merged = |from: &str, into: &str| MergedCall { tenant: "acme".into(), from: from.into(), into: into.into() };
    office.tell(&told(vec![named("e1", "call-missed", "c1"), named("e2", "call-ended", "c2")], vec![])).unwrap();
    // c1 became c2, c2 became c3, and then it was c1 again.
    for (from, into) in [("c1", "c2"), ("c2", "c3"), ("c3", "c1")] {
        let batch = Told {
            merged: vec![merged(from, into)],
            ..told(
                vec![
                    named(&format!("m {into}"), "call-missed", into),
                    named(&format!("e {into}"), "call-ended", into),
                    named(&format!("r {into}"), "call-revised", into),
                ],
                vec![],
            )
        };
        assert_eq!(office.tell(&batch).unwrap().events, 1, "{from} became {into}");
    }
    assert_eq!(office.tell(&told(vec![named("e9", "call-missed", "c9")], vec![])).unwrap().events, 1);
}

#[test]
fn an_older_version_of_a_follow_up_changes_nothing() {
    let (_folder, office) = office();
    let mut known = follow_up("f1", "+44");
    known.version = u64::MAX - 1;
    known.customer_calls = 3;
    office.tell(&told(vec![], vec![known.clone()])).unwrap();
    let stored = office.follow_up("acme", "f1").unwrap();
    let mut older = follow_up("f1", "+44");
    older.version = 1 << 60;
    assert_eq!(office.tell(&told(vec![], vec![older.clone()])).unwrap().follow_ups, 0);
    older.merged_into = Some(String::new());
    assert_eq!(office.tell(&told(vec![], vec![older])).unwrap().follow_ups, 0);
    assert_eq!(office.follow_up("acme", "f1").unwrap(), stored);
    known.version = u64::MAX;
    known.customer_calls = 4;
    office.tell(&told(vec![], vec![known])).unwrap();
    assert_eq!(office.follow_up("acme", "f1").unwrap().unwrap().customer_calls, 4);
}

#[test]
fn the_latest_talk_counts() {
    let (_folder, office) = office();
    let talked = |number: &str, at: i64| {
        let spoken = vec![Spoken { tenant: "acme".into(), number: number.into(), at, call: "c1".into() }];
        office.tell(&Told { spoken, ..told(vec![], vec![]) }).unwrap();
        office.spoken("acme", number).unwrap()
    };
    assert_eq!(talked("+1", T0), None, "nothing was ever owed to them");
    office.tell(&told(vec![], vec![follow_up("f1", "+1")])).unwrap();
    assert_eq!([T0, T0 + 5, T0 + 2].map(|at| talked("+1", at)), [T0, T0 + 5, T0 + 5].map(Some));
}

#[test]
fn an_office_of_another_version_is_refused() {
    let (folder, office) = office();
    drop(office);
    let url = format!("sqlite:{}/office.db", folder.path().display());
    let with = |sql: &str| {
        rusqlite::Connection::open(folder.path().join("office.db")).unwrap().execute_batch(sql).unwrap();
        Office::open(&url, 1000).err().unwrap().to_string()
    };
    assert_eq!(
        with("insert into schema_files values ('9000_moon', '')"),
        "the office has 9000_moon, which this version does not know: it is of a newer version; run that one"
    );
    assert_eq!(
        with(
            "delete from schema_files where name = '9000_moon'; update schema_files set statement = '' where name = '0003_events'"
        ),
        "0003_events is not the one that was applied to the office: run the version that applied it"
    );
    assert_eq!(
        Office::open("postgres://ann:secret@db/office", 1000).err().unwrap().to_string(),
        "no office at `postgres://...@db/office`: write url = \"sqlite:PATH\" under [office] in engine.toml"
    );
    assert_eq!(
        Office::open("sqlite:/nowhere/at/all.db", 1000).err().unwrap().to_string(),
        "the office failed (create /nowhere/at/all.db): No such file or directory (os error 2)"
    );
}

#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, office) = office();
    office.tell(&told(vec![event("e1")], vec![])).unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["office.db", "office.db-shm", "office.db-wal"]);
}

#[test]
fn one_in_memory_is_shared_by_its_clones() {
    let office = Office::open("sqlite::memory:", 1000).unwrap();
    office.clone().tell(&told(vec![event("e1")], vec![])).unwrap();
    assert_eq!(ids(&office), [(1, "e1".to_owned())]);
}

#[test]
fn a_talk_after_which_the_caller_was_lost_holds_nothing_back() {
    let office = Office::open("sqlite::memory:", 1000).unwrap();
    let owner = Owner { epoch: 0, versions: 0 };
    office.take_over("cdr", 0, owner).unwrap();
    let owed = Told { topic: "cdr".into(), owner, follow_ups: vec![follow_up("f1", "+1")], ..Told::default() };
    office.tell(&owed).unwrap();
    let talk = |call: &str, at: i64| Spoken { tenant: "acme".into(), number: "+1".into(), at, call: call.into() };
    let tell = |spoken: Vec<Spoken>, unspoken: Vec<Spoken>| {
        let told = Told { topic: "cdr".into(), partition: 0, owner, spoken, unspoken, ..Told::default() };
        office.tell(&told).unwrap();
        office.spoken("acme", "+1").unwrap().filter(|at| *at > 0)
    };
    assert_eq!(tell(vec![talk("c1", T0)], vec![]), Some(T0));
    // Of another call: the talk stays.
    assert_eq!(tell(vec![], vec![talk("c0", T0)]), Some(T0));
    assert_eq!(tell(vec![], vec![talk("c1", T0 + 1)]), None);
}
