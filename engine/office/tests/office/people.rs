//! What people do by hand, and that the log hears of it.

use office::{Claimed, FollowUpNow, Message, NewMessage, Office, Prune};

use crate::{T0, follow_up, office, told};

#[test]
fn one_person_deals_with_a_follow_up_at_a_time() {
    let (_folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", "+44")])).unwrap();
    let deal = |person: &str, now| office.deal("acme", "f1", person, now, now + 100).unwrap();
    assert_eq!(deal("person:ann", T0), Claimed::Yes);
    assert_eq!(deal("person:bob", T0 + 99), Claimed::Taken { holder: "person:ann".into(), since: T0 });
    assert_eq!(deal("person:ann", T0 + 99), Claimed::Yes);
    assert_eq!(deal("person:bob", T0 + 199), Claimed::Yes);
    assert!(office.settle("acme", "f1", "person:bob", "met them", None, T0 + 200).unwrap());
    assert!(!office.settle("acme", "f1", "person:ann", "me too", None, T0 + 201).unwrap());
    let reason = "the follow-up was settled by person:bob".to_owned();
    assert_eq!(deal("person:bob", T0 + 202), Claimed::Held { reason, retry_at: None });
    assert!(office.reopen("acme", "f1", "person:ann", "it was a mailbox", T0 + 300).unwrap());
    let outbox = office.outbox_unsent(10).unwrap();
    let bodies: Vec<&str> = outbox.iter().map(|record| &*record.body).collect();
    assert_eq!(
        bodies,
        [
            r#"{"at":"2026-11-24T10:00:00.000Z","by":"person:ann","customer":"+44","follow_up":"f1","id":"claim:f1:person:ann:1795514400000","kind":"claim","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1}"#,
            r#"{"at":"2026-11-24T10:00:00.099Z","by":"person:ann","customer":"+44","follow_up":"f1","id":"claim:f1:person:ann:1795514400099","kind":"claim","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1}"#,
            r#"{"at":"2026-11-24T10:00:00.199Z","by":"person:bob","customer":"+44","follow_up":"f1","id":"claim:f1:person:bob:1795514400199","kind":"claim","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1}"#,
            r#"{"at":"2026-11-24T10:00:00.200Z","by":"person:bob","customer":"+44","follow_up":"f1","id":"settlement:f1:person:bob:1795514400200","kind":"settlement","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1,"why":"met them"}"#,
            r#"{"at":"2026-11-24T10:00:00.300Z","by":"person:ann","customer":"+44","follow_up":"f1","id":"reopening:f1:1795514400200","kind":"reopening","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1,"why":"it was a mailbox"}"#,
        ]
    );
    office.sent(&[outbox[0].seq, outbox[1].seq], T0).unwrap();
    assert_eq!(office.outbox_unsent(10).unwrap(), outbox[2..]);
    assert_eq!(office.counts().unwrap().outbox_waiting, 3);
}

/// What the log hears, by its names, since so many records.
fn heard(office: &Office, after: usize) -> Vec<String> {
    office.outbox_unsent(100).unwrap().into_iter().skip(after).map(|record| record.id).collect()
}

#[test]
fn a_settlement_is_taken_back_once_and_only_where_there_is_one() {
    let (_folder, office) = office();
    let told_as = |status: &str, closed_at, version| FollowUpNow {
        status: status.into(),
        closed_at,
        version,
        ..follow_up("f1", "+44")
    };
    let reopen = |by: &str, now| office.reopen("acme", "f1", by, "a mailbox answered", now).unwrap();
    office.tell(&told(vec![], vec![told_as("open", None, 1)])).unwrap();
    assert!(!reopen("person:ann", T0 + 1), "it is open");
    office.tell(&told(vec![], vec![told_as("returned_by_us", Some(T0 + 10), 2)])).unwrap();
    assert!(reopen("person:ann", T0 + 20));
    assert!(!reopen("person:bob", T0 + 21), "the stream has not told yet what came of it");
    office.tell(&told(vec![], vec![told_as("dealing", None, 3)])).unwrap();
    assert!(!reopen("person:bob", T0 + 22));
    assert!(office.settle("acme", "f1", "person:bob", "other", Some("  met them at the fair "), T0 + 30).unwrap());
    assert!(reopen("person:ann", T0 + 40), "before the stream knows of the settlement");
    assert!(!reopen("person:ann", T0 + 41));
    office.tell(&told(vec![], vec![told_as("settled_by_hand", Some(T0 + 30), 4)])).unwrap();
    assert!(!reopen("person:ann", T0 + 42), "the stream has told of the settlement, and not yet of what took it back");
    for (status, version) in [("expired", 5), ("not_returnable", 6)] {
        office.tell(&told(vec![], vec![told_as(status, Some(T0 + 50), version)])).unwrap();
        assert!(!reopen("person:ann", T0 + 60), "{status}");
    }
    office.tell(&told(vec![], vec![told_as("returned_by_us", Some(T0 + 70), 7)])).unwrap();
    let gone = FollowUpNow { merged_into: Some("f9".into()), ..told_as("returned_by_us", Some(T0 + 70), 8) };
    office.tell(&told(vec![], vec![gone])).unwrap();
    assert!(!reopen("person:ann", T0 + 80), "it is part of another");
    let ids = [
        format!("reopening:f1:{}", T0 + 10),
        format!("settlement:f1:person:bob:{}", T0 + 30),
        format!("reopening:f1:{}", T0 + 30),
    ];
    assert_eq!(heard(&office, 0), ids);
    let settlement = &office.outbox_unsent(100).unwrap()[1].body;
    assert_eq!(
        settlement,
        r#"{"at":"2026-11-24T10:00:00.030Z","by":"person:bob","customer":"+44","detail":"met them at the fair","follow_up":"f1","id":"settlement:f1:person:bob:1795514400030","kind":"settlement","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1,"why":"other"}"#
    );
}

#[test]
fn the_log_hears_who_gives_back_and_what_is_noted() {
    let (_folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", "+44")])).unwrap();
    assert_eq!(office.deal("acme", "f1", "person:ann", T0, T0 + 100).unwrap(), Claimed::Yes);
    assert!(!office.give_back("acme", "f1", "person:bob", T0 + 1).unwrap(), "it is ann's");
    assert!(office.give_back("acme", "f1", "person:ann", T0 + 2).unwrap());
    assert!(!office.give_back("acme", "f1", "person:ann", T0 + 3).unwrap());
    assert_eq!(office.deal("acme", "f1", "person:bob", T0 + 3, T0 + 100).unwrap(), Claimed::Yes);
    office.add_note("acme", "f1", "person:bob", " rings at four ", T0 + 4).unwrap();
    let said = |note: &str| office.add_note("acme", "f1", "person:bob", note, T0 + 5).unwrap_err().to_string();
    assert_eq!(said(" \n"), "a note has 0 bytes: 1 to 2000 are kept");
    assert_eq!(said(&"x".repeat(2001)), "a note has 2001 bytes: 1 to 2000 are kept");
    let long = "x".repeat(2001);
    assert!(office.settle("acme", "f1", "person:bob", "other", Some(&long), T0 + 6).is_err());
    assert_eq!(office.follow_up("acme", "f1").unwrap().unwrap().settled_at, None, "nothing was written");
    let bodies: Vec<String> = office.outbox_unsent(10).unwrap().into_iter().skip(1).map(|record| record.body).collect();
    assert_eq!(
        bodies,
        [
            r#"{"at":"2026-11-24T10:00:00.002Z","by":"person:ann","customer":"+44","follow_up":"f1","id":"release:f1:person:ann:1795514400002","kind":"claim","opened_at":"2026-11-24T10:00:00.000Z","status":"released","tenant":"acme","v":1}"#,
            r#"{"at":"2026-11-24T10:00:00.003Z","by":"person:bob","customer":"+44","follow_up":"f1","id":"claim:f1:person:bob:1795514400003","kind":"claim","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1}"#,
            r#"{"at":"2026-11-24T10:00:00.004Z","by":"person:bob","customer":"+44","follow_up":"f1","id":"note:f1:person:bob:1795514400004","kind":"note","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1,"why":"rings at four"}"#,
        ]
    );
}

#[test]
fn a_claim_of_a_person_is_never_taken_behind_the_logs_back_and_is_forgotten_when_it_is_old() {
    let (_folder, office) = office();
    let both = vec![follow_up("f1", "+44"), follow_up("f2", "+45")];
    office.tell(&told(vec![], both)).unwrap();
    assert_eq!(office.deal("acme", "f1", "person:ann", T0, T0 + 100).unwrap(), Claimed::Yes);
    assert_eq!(office.deal("acme", "f2", "person:ann", T0, T0 + 5000).unwrap(), Claimed::Yes);
    assert_eq!(office.claim("task", "outbox", "one", T0, Some(T0 + 1)).unwrap(), Claimed::Yes);
    let refused = [
        office.claim("follow_up", "acme/f1", "person:bob", T0 + 200, None).map(drop),
        office.prolong("follow_up", "acme/f1", "person:ann", T0 + 200).map(drop),
        office.release("follow_up", "acme/f1", "person:ann").map(drop),
    ];
    for refused in refused {
        assert_eq!(
            refused.unwrap_err().to_string(),
            "a claim of kind follow_up is a person's: they deal with a follow-up, and give it back"
        );
    }
    let prune = Prune { now: T0 + 1101, keep_ms: 1001, records_max: 10 };
    assert_eq!(office.prune(&prune).unwrap(), 0, "one has lapsed, and not long ago");
    assert_eq!(office.prune(&Prune { keep_ms: 1000, ..prune }).unwrap(), 1);
    let left: Vec<String> = office.claims_of("follow_up").unwrap().into_iter().map(|claim| claim.key).collect();
    assert_eq!(left, ["acme/f2"]);
    assert_eq!(
        office.claims_of("task").unwrap().len(),
        1,
        "a claim of another kind is not forgotten: it may never be given again"
    );
}

#[test]
fn a_follow_up_is_found_by_any_of_its_ids() {
    let (_folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", "+44")])).unwrap();
    let renamed = FollowUpNow { opened_at: T0 - 10, version: 2, ..follow_up("f0", "+44") };
    office.tell(&told(vec![], vec![renamed])).unwrap();
    assert!(office.settle("acme", "f0", "person:ann", "", None, T0).unwrap());
    assert_eq!(office.follow_up("acme", "f1").unwrap().unwrap().settled_by.as_deref(), Some("person:ann"));
    assert_eq!(
        office.settle("acme", "f7", "person:ann", "", None, T0).unwrap_err().to_string(),
        "there is no follow-up `f7` of acme"
    );
}

#[test]
fn a_person_has_one_message_of_an_action() {
    let (_folder, office) = office();
    let message = |person: &str, action: &str| NewMessage {
        tenant: "acme".into(),
        person: person.into(),
        text: "call them".into(),
        at: T0,
        action_key: action.into(),
    };
    assert!(office.add_message(&message("ann", "m1")).unwrap());
    assert!(!office.add_message(&message("ann", "m1")).unwrap());
    assert!(office.add_message(&message("bob", "m1")).unwrap());
    assert!(office.add_message(&message("ann", "m2")).unwrap());
    assert!(!office.mark_read("acme", "ann", 2, T0 + 1).unwrap(), "it is bob's");
    assert!(office.mark_read("acme", "ann", 1, T0 + 1).unwrap());
    assert!(!office.mark_read("acme", "ann", 1, T0 + 2).unwrap());
    let kept = |seq, action: &str, read_at| Message {
        seq,
        person: "ann".into(),
        text: "call them".into(),
        at: T0,
        read_at,
        action_key: action.into(),
    };
    let both = [kept(3, "m2", None), kept(1, "m1", Some(T0 + 1))];
    assert_eq!(office.messages_of("acme", "ann", None, 10).unwrap(), both);
    assert_eq!(office.messages_of("acme", "ann", Some(3), 10).unwrap(), both[1..]);
}
