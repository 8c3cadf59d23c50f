//! What people do by hand, and that the log hears of it.

use office::{Claimed, FollowUpNow, Message, NewMessage};

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
    assert!(office.settle("acme", "f1", "person:bob", "met them", T0 + 200).unwrap());
    assert!(!office.settle("acme", "f1", "person:ann", "me too", T0 + 201).unwrap());
    let reason = "the follow-up was settled by person:bob".to_owned();
    assert_eq!(deal("person:bob", T0 + 202), Claimed::Held { reason, retry_at: None });
    office.reopen("acme", "f1", "person:ann", "it was a mailbox", T0 + 300).unwrap();
    let outbox = office.outbox_unsent(10).unwrap();
    let bodies: Vec<&str> = outbox.iter().map(|record| &*record.body).collect();
    assert_eq!(
        bodies,
        [
            r#"{"at":"2026-11-24T10:00:00.000Z","by":"person:ann","customer":"+44","follow_up":"f1","id":"claim:f1:person:ann:1795514400000","kind":"claim","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1}"#,
            r#"{"at":"2026-11-24T10:00:00.099Z","by":"person:ann","customer":"+44","follow_up":"f1","id":"claim:f1:person:ann:1795514400099","kind":"claim","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1}"#,
            r#"{"at":"2026-11-24T10:00:00.199Z","by":"person:bob","customer":"+44","follow_up":"f1","id":"claim:f1:person:bob:1795514400199","kind":"claim","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1}"#,
            r#"{"at":"2026-11-24T10:00:00.200Z","by":"person:bob","customer":"+44","follow_up":"f1","id":"settlement:f1:person:bob:1795514400200","kind":"settlement","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1,"why":"met them"}"#,
            r#"{"at":"2026-11-24T10:00:00.300Z","by":"person:ann","customer":"+44","follow_up":"f1","id":"reopening:f1:person:ann:1795514400300","kind":"reopening","opened_at":"2026-11-24T10:00:00.000Z","tenant":"acme","v":1,"why":"it was a mailbox"}"#,
        ]
    );
    office.sent(&[outbox[0].seq, outbox[1].seq], T0).unwrap();
    assert_eq!(office.outbox_unsent(10).unwrap(), outbox[2..]);
    assert_eq!(office.counts().unwrap().outbox_waiting, 3);
}

#[test]
fn a_follow_up_is_found_by_any_of_its_ids() {
    let (_folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", "+44")])).unwrap();
    let renamed = FollowUpNow { opened_at: T0 - 10, version: 2, ..follow_up("f0", "+44") };
    office.tell(&told(vec![], vec![renamed])).unwrap();
    assert!(office.settle("acme", "f0", "person:ann", "", T0).unwrap());
    assert_eq!(office.follow_up("acme", "f1").unwrap().unwrap().settled_by.as_deref(), Some("person:ann"));
    assert_eq!(
        office.settle("acme", "f7", "person:ann", "", T0).unwrap_err().to_string(),
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
