//! Who may do a thing, and what became of it.

use office::{
    Ask, ClaimDial, Claimed, Ended, Error, FollowUpNow, Handled, NewAction, Office, Position, Spoken, Status, Told,
};

use crate::{T0, call_back, follow_up, office, told};

const NUMBER: &str = "+442079460000";

fn asked(office: &Office, actions: Vec<NewAction>) {
    let position = office.position("p", "acme").unwrap();
    let asked = actions.into_iter().map(Ask::Action).collect();
    let handled = Handled {
        plugin: "p".into(),
        tenant: "acme".into(),
        position,
        to_seq: position.seq,
        now: T0,
        asked,
        ..Handled::default()
    };
    assert!(office.handled(&handled).unwrap());
}

fn dial(key: &str, holder: &str, now: i64) -> ClaimDial {
    ClaimDial {
        action_key: key.into(),
        holder: holder.into(),
        now,
        until: now + 1000,
        number: NUMBER.into(),
        redial_pause_ms: 600_000,
        max_per_hour: 2,
    }
}

fn ended(key: &str, holder: &str, status: Status, now: i64) -> Ended {
    Ended { key: key.into(), holder: holder.into(), status, detail: "as it was".into(), now, ..Ended::default() }
}

fn held(reason: &str, retry_at: Option<i64>) -> Claimed {
    Claimed::Held { reason: reason.into(), retry_at }
}

fn taken(holder: &str, since: i64) -> Claimed {
    Claimed::Taken { holder: holder.into(), since }
}

#[test]
fn a_call_back_from_the_question_to_the_answer() {
    let (_folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", NUMBER)])).unwrap();
    asked(&office, vec![NewAction { due_at: T0 + 5, ..call_back("a1", Some("f1")) }]);
    assert_eq!(office.due_actions(&["email", "call_back"], T0 + 4, 10).unwrap(), []);
    assert_eq!(office.claim_dial(&dial("a1", "one", T0 + 4)).unwrap(), Claimed::NotDue);
    assert_eq!(office.due_actions(&["email", "call_back"], T0 + 5, 10).unwrap().len(), 1);
    assert_eq!(office.claim_dial(&dial("a1", "one", T0 + 10)).unwrap(), Claimed::Yes);
    assert_eq!(office.claim_dial(&dial("a1", "two", T0 + 11)).unwrap(), taken("one", T0 + 10));
    assert_eq!(office.claim_dial(&dial("a1", "one", T0 + 12)).unwrap(), taken("one", T0 + 10));
    assert_eq!(office.dialed_at("acme", NUMBER).unwrap(), Some(T0 + 10));
    assert!(!office.dialed("a1", "two", T0 + 20, None).unwrap());
    assert!(office.dialed("a1", "one", T0 + 20, Some("1764.1")).unwrap());
    assert_eq!(office.dialed_at("acme", NUMBER).unwrap(), Some(T0 + 20));
    assert_eq!(office.action("a1").unwrap().unwrap().status, Status::Dialed);
    assert!(!office.ended(&ended("a1", "two", Status::Done, T0 + 30)).unwrap());
    assert!(!office.hold("a1", "too late", T0 + 30).unwrap());
    assert!(office.ended(&ended("a1", "one", Status::Done, T0 + 30)).unwrap());
    assert!(!office.ended(&ended("a1", "one", Status::Failed, T0 + 31)).unwrap());
    let action = office.action("a1").unwrap().unwrap();
    assert_eq!((action.status, &*action.reason, action.attempts), (Status::Done, "as it was", 1));
    let attempts = office.attempts_of("a1").unwrap();
    assert_eq!(
        attempts,
        [office::Attempt {
            attempt: 1,
            number: Some(NUMBER.into()),
            holder: "one".into(),
            started_at: T0 + 10,
            ended_at: Some(T0 + 30),
            status: Status::Done,
            detail: "as it was".into(),
            call: Some("1764.1".into()),
        }]
    );
    let outbox = office.outbox_unsent(10).unwrap();
    assert_eq!(
        outbox.iter().map(|r| (&*r.id, &*r.body)).collect::<Vec<_>>(),
        [(
            "delivery:a1:1:done",
            r#"{"action":"a1","at":"2026-11-24T10:00:00.030Z","by":"plugin:p","call":"1764.1","customer":"+442079460000","detail":"as it was","follow_up":"f1","id":"delivery:a1:1:done","kind":"delivery","opened_at":"2026-11-24T10:00:00.000Z","status":"done","tenant":"acme","v":1}"#
        )]
    );
    let events = office.events_after("acme", 0, 10).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].plugin.as_deref(), events[0].follow_up.as_deref()), (Some("p"), Some("f1")));
    let heard: calls::event::Event = serde_json::from_str(&events[0].body).unwrap();
    assert_eq!((&*heard.id, &*heard.kind), (&*events[0].event_id, "delivery-ended"));
    let calls::event::About::Delivery(delivery) = heard.about else { panic!("{heard:?}") };
    assert_eq!((&*delivery.action, &*delivery.status, delivery.call.as_deref()), ("a1", "done", Some("1764.1")));
}

#[test]
fn nobody_is_called_for_what_is_not_owed() {
    type Case = (&'static str, fn(&mut FollowUpNow), &'static str);
    let cases: [Case; 4] = [
        ("settled", |f| f.status = "reached_us".into(), "the follow-up is reached_us"),
        ("gone", |f| f.merged_into = Some(String::new()), "the follow-up is no more: its calls were not missed"),
        ("merged", |f| f.merged_into = Some("f9".into()), "the follow-up became part of f9"),
        ("expired", |f| f.status = "expired".into(), "the follow-up is expired"),
    ];
    for (name, change, reason) in cases {
        let (_folder, office) = office();
        office.tell(&told(vec![], vec![follow_up("f1", NUMBER)])).unwrap();
        asked(&office, vec![call_back("a1", Some("f1"))]);
        let mut now = FollowUpNow { version: 2, ..follow_up("f1", NUMBER) };
        change(&mut now);
        office.tell(&told(vec![], vec![now])).unwrap();
        assert_eq!(office.claim_dial(&dial("a1", "one", T0)).unwrap(), held(reason, None), "{name}");
        assert_eq!(office.action("a1").unwrap().unwrap().status, Status::Due, "{name}: a refusal writes nothing");
        assert!(office.hold("a1", reason, T0).unwrap());
        assert_eq!(office.claim_dial(&dial("a1", "one", T0)).unwrap(), Claimed::NotDue, "{name}");
        assert_eq!(office.attempts_of("a1").unwrap(), []);
    }
    let (_folder, office) = office();
    asked(&office, vec![call_back("a1", Some("f1"))]);
    assert_eq!(office.claim_dial(&dial("a1", "one", T0)).unwrap(), held("there is no follow-up `f1`", None));
    office.tell(&told(vec![], vec![FollowUpNow { status: "dealing".into(), ..follow_up("f1", NUMBER) }])).unwrap();
    office.settle("acme", "f1", "person:ann", "met them", None, T0).unwrap();
    assert_eq!(
        office.claim_dial(&dial("a1", "one", T0)).unwrap(),
        held("the follow-up was settled by person:ann", None)
    );
    office.reopen("acme", "f1", "person:ann", "a mailbox answered", T0 + 1).unwrap();
    assert_eq!(office.claim_dial(&dial("a1", "one", T0 + 1)).unwrap(), Claimed::Yes);
}

#[test]
fn what_a_person_deals_with_waits_for_them() {
    let (_folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", NUMBER)])).unwrap();
    asked(&office, vec![call_back("a1", Some("f1"))]);
    office.ask("acme", "person:ann", &call_back("a2", Some("f1")), T0).unwrap();
    assert_eq!(office.deal("acme", "f1", "person:ann", T0, T0 + 100).unwrap(), Claimed::Yes);
    let waits = held("person:ann deals with it", Some(T0 + 100));
    assert_eq!(office.claim_dial(&dial("a1", "one", T0 + 99)).unwrap(), waits);
    assert_eq!(office.claim_dial(&dial("a2", "one", T0 + 99)).unwrap(), Claimed::Yes);
    let soon = ClaimDial { redial_pause_ms: 1, ..dial("a1", "one", T0 + 100) };
    assert_eq!(office.claim_dial(&soon).unwrap(), Claimed::Yes);
}

#[test]
fn a_number_is_not_dialed_soon_after_and_a_company_not_too_often() {
    let (_folder, office) = office();
    asked(&office, ["a1", "a2", "a3", "a4"].map(|key| call_back(key, None)).to_vec());
    office
        .tell(&Told {
            spoken: vec![Spoken { tenant: "acme".into(), number: NUMBER.into(), at: T0 - 60_000, call: "c1".into() }],
            ..told(vec![], vec![follow_up("f9", NUMBER)])
        })
        .unwrap();
    let reason = "somebody spoke with them 60 s ago, and redial_pause_s is 600";
    assert_eq!(office.claim_dial(&dial("a1", "one", T0)).unwrap(), held(reason, Some(T0 + 540_000)));
    assert_eq!(office.claim_dial(&dial("a1", "one", T0 + 540_000)).unwrap(), Claimed::Yes);
    let reason = "they were dialed 100 s ago, and redial_pause_s is 600";
    assert_eq!(office.claim_dial(&dial("a2", "one", T0 + 640_000)).unwrap(), held(reason, Some(T0 + 1_140_000)));
    let other = |key: &str, number: &str, now| ClaimDial { number: number.into(), ..dial(key, "one", now) };
    assert_eq!(office.claim_dial(&other("a2", "+1", T0 + 640_000)).unwrap(), Claimed::Yes);
    let reason = "2 dials within an hour, and max_per_hour is 2";
    assert_eq!(office.claim_dial(&other("a3", "+2", T0 + 650_000)).unwrap(), held(reason, Some(T0 + 4_140_000)));
    assert_eq!(office.claim_dial(&other("a3", "+2", T0 + 4_140_000)).unwrap(), Claimed::Yes);
    let late = NewAction { expires_at: Some(T0 + 1), ..call_back("a5", None) };
    office.ask("acme", "person:ann", &late, T0).unwrap();
    assert_eq!(office.claim_dial(&other("a5", "+3", T0 + 9_000_000)).unwrap(), Claimed::NotDue);
}

#[test]
fn what_is_to_be_tried_again_is_due_again() {
    let (_folder, office) = office();
    asked(&office, vec![call_back("a1", None)]);
    assert_eq!(office.claim_dial(&dial("a1", "one", T0)).unwrap(), Claimed::Yes);
    let again = Ended { next_due_at: Some(T0 + 700_000), ..ended("a1", "one", Status::Failed, T0 + 9) };
    assert!(office.ended(&again).unwrap());
    assert!(!office.ended(&again).unwrap());
    let action = office.action("a1").unwrap().unwrap();
    assert_eq!((action.status, action.due_at, action.attempts), (Status::Due, T0 + 700_000, 1));
    assert_eq!(office.events_after("acme", 0, 10).unwrap(), [], "its end is still to come");
    assert_eq!(office.claim_dial(&dial("a1", "two", T0 + 700_000)).unwrap(), Claimed::Yes);
    assert!(office.ended(&ended("a1", "two", Status::Failed, T0 + 700_009)).unwrap());
    let outbox: Vec<String> = office.outbox_unsent(10).unwrap().into_iter().map(|record| record.id).collect();
    assert_eq!(outbox, ["delivery:a1:1:due", "delivery:a1:2:failed"]);
    let tries: Vec<Status> = office.attempts_of("a1").unwrap().iter().map(|attempt| attempt.status).collect();
    assert_eq!(tries, [Status::Failed, Status::Failed]);
}

#[test]
fn an_orphan_is_unknown_and_never_dialed_again() {
    let (_folder, office) = office();
    asked(&office, vec![call_back("a1", None)]);
    assert_eq!(office.claim_dial(&dial("a1", "one", T0)).unwrap(), Claimed::Yes);
    assert!(!office.ended(&ended("a1", "two", Status::Unknown, T0 + 999)).unwrap());
    assert_eq!(office.orphans(&["call_back"], T0 + 999, 10).unwrap(), []);
    assert!(office.prolong("dial", "a1", "one", T0 + 2000).unwrap());
    assert_eq!(office.orphans(&["call_back"], T0 + 1000, 10).unwrap(), []);
    assert_eq!(office.orphans(&["call_back"], T0 + 2000, 10).unwrap().len(), 1);
    assert!(office.ended(&ended("a1", "two", Status::Unknown, T0 + 2000)).unwrap());
    assert_eq!(office.orphans(&["call_back"], T0 + 9000, 10).unwrap(), []);
    assert_eq!(office.claim_dial(&dial("a1", "two", T0 + 9_000_000)).unwrap(), taken("one", T0));
    // Who dialed wakes: what became of it is told, and it is not tried again.
    assert!(!office.ended(&ended("a1", "two", Status::Done, T0 + 3000)).unwrap());
    let late = Ended { next_due_at: Some(T0 + 4000), ..ended("a1", "one", Status::Failed, T0 + 3000) };
    assert!(office.ended(&late).unwrap());
    assert_eq!(office.action("a1").unwrap().unwrap().status, Status::Failed);
    let heard: Vec<String> = office.events_after("acme", 0, 10).unwrap().into_iter().map(|e| e.event_id).collect();
    assert_eq!(heard, ["delivery-ended:a1:1:unknown", "delivery-ended:a1:1:failed"]);
}

#[test]
fn a_lease_that_lapsed_is_given_to_another() {
    let (_folder, office) = office();
    asked(&office, vec![NewAction { kind: "email".into(), ..call_back("m1", None) }]);
    assert_eq!(office.claim_action("m1", "one", T0, T0 + 100).unwrap(), Claimed::Yes);
    assert_eq!(office.claim_action("m1", "two", T0 + 99, T0 + 200).unwrap(), taken("one", T0));
    assert_eq!(office.orphans(&["email"], T0 + 100, 10).unwrap().len(), 1);
    assert_eq!(office.claim_action("m1", "two", T0 + 100, T0 + 200).unwrap(), Claimed::Yes);
    assert!(!office.ended(&ended("m1", "one", Status::Done, T0 + 110)).unwrap());
    assert!(office.ended(&ended("m1", "two", Status::Done, T0 + 120)).unwrap());
    assert_eq!(office.claim_action("m1", "two", T0 + 130, T0 + 200).unwrap(), Claimed::NotDue);
    assert_eq!(office.claims_of("action").unwrap(), []);
    let tries: Vec<(Status, Option<i64>)> =
        office.attempts_of("m1").unwrap().iter().map(|attempt| (attempt.status, attempt.ended_at)).collect();
    assert_eq!(tries, [(Status::Unknown, Some(T0 + 100)), (Status::Done, Some(T0 + 120))]);
}

#[test]
fn what_is_due_may_be_moved_held_or_expire() {
    let (_folder, office) = office();
    asked(&office, ["a1", "a2", "a3"].map(|key| call_back(key, None)).to_vec());
    assert!(office.reschedule("a1", T0 + 50, "quiet hours").unwrap());
    let moved = office.action("a1").unwrap().unwrap();
    assert_eq!((moved.status, moved.due_at, &*moved.reason), (Status::Due, T0 + 50, "quiet hours"));
    assert!(office.hold("a2", "do_not_call", T0).unwrap());
    assert!(!office.hold("a2", "do_not_call", T0).unwrap());
    assert!(!office.reschedule("a2", T0 + 50, "quiet hours").unwrap());
    assert!(office.ended(&ended("a3", "anybody", Status::Expired, T0)).unwrap());
    assert!(!office.ended(&ended("a1", "anybody", Status::Done, T0)).unwrap(), "nobody has begun it");
    let due: Vec<String> =
        office.due_actions(&["call_back"], T0 + 50, 10).unwrap().into_iter().map(|a| a.key).collect();
    assert_eq!(due, ["a1"]);
    assert!(matches!(office.ended(&ended("a1", "x", Status::Due, T0)), Err(Error::Invalid { .. })));
    assert_eq!(office.hold("a9", "", T0).unwrap_err().to_string(), "there is no action `a9`");
    assert!(matches!(office.claim_action("a1", "one", T0, T0), Err(Error::Invalid { .. })));
    assert_eq!(office.position("p", "acme").unwrap(), Position { seq: 0, turn: 1 });
}

#[test]
fn a_claim_of_another_kind_is_a_lease() {
    let (_folder, office) = office();
    let claim = |holder: &str, now, until| office.claim("task", "outbox", holder, now, until).unwrap();
    assert_eq!(claim("one", T0, Some(T0 + 10)), Claimed::Yes);
    assert_eq!(claim("one", T0 + 5, Some(T0 + 15)), Claimed::Yes);
    assert_eq!(claim("two", T0 + 14, Some(T0 + 30)), taken("one", T0));
    assert_eq!(claim("two", T0 + 15, None), Claimed::Yes);
    assert_eq!(claim("one", T0 + 9_999_999, None), taken("two", T0 + 15));
    assert!(!office.prolong("task", "outbox", "one", T0).unwrap());
    assert!(!office.release("task", "outbox", "one").unwrap());
    assert_eq!(office.claims_of("task").unwrap().len(), 1);
    assert!(office.release("task", "outbox", "two").unwrap());
    assert_eq!(claim("one", T0, None), Claimed::Yes);
    assert!(office.claim("dial", "a1", "one", T0, None).is_err());
    assert!(office.release("dial", "a1", "one").is_err());
}
