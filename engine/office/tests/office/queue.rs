//! The queue of a plugin: what came of an event is written once, all of it or nothing.

use office::{
    ActionCount, Ask, Change, Handled, NewAction, NewPlugin, NewRecord, NewSettlement, NewTag, NewTimer, Office,
    Outcome, OutcomeStatus, PluginState, Position, Prune, Status, Waiting,
};

use crate::{T0, call_back, event, follow_up, office, told};

fn with_events(office: &Office, ids: &[&str]) {
    office.tell(&told(ids.iter().map(|id| event(id)).collect(), vec![follow_up("f1", "+44")])).unwrap();
}

fn outcome(event_id: &str, seq: i64, status: OutcomeStatus, attempts: i64, due_at: Option<i64>) -> Outcome {
    Outcome { event_id: event_id.into(), seq, status, attempts, due_at, detail: String::new() }
}

fn handled(position: Position, to_seq: i64) -> Handled {
    Handled { plugin: "p".into(), tenant: "acme".into(), position, to_seq, now: T0, ..Handled::default() }
}

fn put(key: &str, value: &[u8]) -> Change {
    Change { key: key.into(), value: Some(value.to_vec()) }
}

#[test]
fn handled_twice_applies_once() {
    let (_folder, office) = office();
    with_events(&office, &["e1", "e2", "e3"]);
    let start = office.position("p", "acme").unwrap();
    assert_eq!(start, Position { seq: 0, turn: 0 });
    let first = Handled {
        outcomes: vec![outcome("e1", 1, OutcomeStatus::Done, 1, None)],
        state: vec![put("count", b"1")],
        asked: vec![
            Ask::Action(call_back("a1", Some("f1"))),
            Ask::Timer(NewTimer { key: "t1".into(), name: "n".into(), at: T0 + 1, payload: "x".into() }),
            Ask::Tag(NewTag { id: "c1".into(), tag: "vip".into() }),
            Ask::Record(NewRecord { id: "r1".into(), body: "{}".into() }),
            Ask::Settle(NewSettlement { follow_up: "f1".into(), why: "a test".into() }),
        ],
        ..handled(start, 1)
    };
    assert!(office.handled(&first).unwrap());
    let written = |office: &Office| {
        (
            office.position("p", "acme").unwrap(),
            office.state("p", "acme", "count").unwrap(),
            office.action("a1").unwrap(),
            office.outbox_unsent(10).unwrap(),
            office.tags_of("acme", "c1").unwrap(),
            office.follow_up("acme", "f1").unwrap(),
            office.counts().unwrap(),
            office.outcomes("p", "acme", OutcomeStatus::Done, None, 10).unwrap(),
        )
    };
    let once = written(&office);
    assert_eq!(once.0, Position { seq: 1, turn: 1 });
    assert_eq!(once.1.as_deref(), Some(&b"1"[..]));
    assert_eq!(once.2.as_ref().unwrap().by, "plugin:p");
    assert_eq!(once.3.iter().map(|r| &*r.id).collect::<Vec<_>>(), ["r1", &format!("settlement:f1:plugin:p:{T0}")]);
    assert_eq!(once.4, ["vip"]);
    assert_eq!(once.5.as_ref().unwrap().settled_by.as_deref(), Some("plugin:p"));
    assert_eq!(once.6.timers_waiting, 1);
    assert_eq!(once.7, [outcome("e1", 1, OutcomeStatus::Done, 1, None)]);
    // Again, and by somebody who began from the same place and came to something else.
    assert!(!office.handled(&first).unwrap());
    let other = Handled {
        state: vec![put("count", b"9"), put("more", b"")],
        asked: vec![Ask::Action(call_back("a2", None)), Ask::Cancel { key: "a1".into() }],
        ..handled(start, 3)
    };
    assert!(!office.handled(&other).unwrap());
    assert_eq!(written(&office), once);
    assert_eq!(office.action("a2").unwrap(), None);
}

/// A retry does not move the position, and still nobody else can have read the same state.
#[test]
fn a_retry_and_the_queue_do_not_overwrite_each_other() {
    let (_folder, office) = office();
    with_events(&office, &["e1", "e2"]);
    let later = Handled {
        outcomes: vec![outcome("e1", 1, OutcomeStatus::Later, 1, Some(T0 + 60))],
        ..handled(Position::default(), 1)
    };
    assert!(office.handled(&later).unwrap());
    assert_eq!(office.retries_due("p", "acme", T0 + 59, 10).unwrap(), []);
    let due = office.retries_due("p", "acme", T0 + 60, 10).unwrap();
    assert_eq!((due.len(), &*due[0].event.event_id, due[0].attempts), (1, "e1", 1));
    assert_eq!(office.counts().unwrap().retries_waiting, 1 - 1, "nothing is installed, so nothing waits for it");
    let position = office.position("p", "acme").unwrap();
    let retry = Handled {
        outcomes: vec![outcome("e1", 1, OutcomeStatus::Done, 2, None)],
        state: vec![put("k", b"retry")],
        ..handled(position, position.seq)
    };
    let queue = Handled { state: vec![put("k", b"queue")], ..handled(position, 2) };
    assert!(office.handled(&retry).unwrap());
    assert!(!office.handled(&queue).unwrap());
    assert!(!office.handled(&retry).unwrap());
    assert_eq!(office.retries_due("p", "acme", T0 + 600, 10).unwrap(), []);
    assert_eq!(office.state("p", "acme", "k").unwrap().as_deref(), Some(&b"retry"[..]));
    assert!(office.handled(&Handled { position: office.position("p", "acme").unwrap(), ..queue }).unwrap());
    let back = office.handled(&handled(office.position("p", "acme").unwrap(), 1));
    assert_eq!(back.unwrap_err().to_string(), "p cannot go back from event 2 to 1: set_position does");
}

#[test]
fn state_is_kept_byte_by_byte() {
    let (_folder, office) = office();
    let values = [("a", &b"text"[..]), ("b", &[0, 255, 7]), ("ab", "ї".as_bytes()), ("a%", b"")];
    let state = values.iter().map(|(key, value)| put(key, value)).collect();
    assert!(office.handled(&Handled { state, ..handled(Position::default(), 0) }).unwrap());
    for (key, value) in values {
        assert_eq!(office.state("p", "acme", key).unwrap().as_deref(), Some(value), "{key}");
    }
    assert_eq!(office.state("p", "other", "a").unwrap(), None);
    let keys = |prefix: &str, after: Option<&str>, max| office.state_keys("p", "acme", prefix, after, max).unwrap();
    assert_eq!(keys("", None, 10), ["a", "a%", "ab", "b"]);
    assert_eq!(keys("a", Some("a"), 10), ["a%", "ab"]);
    assert_eq!(keys("a%", None, 10), ["a%"]);
    assert_eq!(keys("", None, 1), ["a"]);
    assert_eq!(office.state_bytes("p", "acme").unwrap(), 6 + 4 + 3 + 2);
    let position = office.position("p", "acme").unwrap();
    let state = vec![Change { key: "a".into(), value: None }, put("b", b"1")];
    assert!(office.handled(&Handled { state, ..handled(position, 0) }).unwrap());
    assert_eq!(office.state("p", "acme", "a").unwrap(), None);
    assert_eq!(office.state_bytes("p", "acme").unwrap(), 2 + 4 + 2);
}

fn ask(office: &Office, asked: Vec<Ask>) {
    let position = office.position("p", "acme").unwrap();
    assert!(office.handled(&Handled { asked, ..handled(position, position.seq) }).unwrap());
}

#[test]
fn the_same_key_is_one_action_and_a_dry_one_may_become_real() {
    let (_folder, office) = office();
    let with = |status, body: &str| Ask::Action(NewAction { status, body: body.into(), ..call_back("a1", None) });
    let now = |office: &Office| office.action("a1").unwrap().map(|a| (a.status, a.body)).unwrap();
    ask(&office, vec![with(Status::Dry, "1")]);
    ask(&office, vec![with(Status::Dry, "2")]);
    assert_eq!(now(&office), (Status::Dry, "1".into()));
    ask(&office, vec![with(Status::Due, "3")]);
    assert_eq!(now(&office), (Status::Due, "3".into()));
    ask(&office, vec![with(Status::Due, "4"), with(Status::Dry, "5")]);
    assert_eq!(now(&office), (Status::Due, "3".into()));
    assert!(
        office.ask("acme", "person:ann", &NewAction { status: Status::Done, ..call_back("a2", None) }, T0).is_err()
    );
    assert!(!office.ask("acme", "person:ann", &call_back("a1", None), T0).unwrap());
}

#[test]
fn who_asked_may_cancel_what_nobody_has_begun() {
    let (_folder, office) = office();
    let timer = |key: &str| Ask::Timer(NewTimer { key: key.into(), name: key.into(), at: T0, payload: String::new() });
    ask(&office, vec![Ask::Action(call_back("a1", None)), timer("t1"), timer("t2")]);
    office.ask("acme", "person:ann", &call_back("a2", None), T0).unwrap();
    let keys = ["a1", "a2", "t1"].map(|key| Ask::Cancel { key: key.into() });
    ask(&office, keys.into_iter().chain([timer("t3")]).collect());
    let status = |key: &str| office.action(key).unwrap().unwrap().status;
    assert_eq!((status("a1"), status("a2")), (Status::Canceled, Status::Due));
    assert_eq!(office.counts().unwrap().timers_waiting, 2);
}

#[test]
fn a_timer_is_told_once_and_to_its_plugin_alone() {
    let (folder, office) = office();
    with_events(&office, &["e1"]);
    let set = |at| Ask::Timer(NewTimer { key: "t".into(), name: "n".into(), at, payload: "{\"a\":1}".into() });
    ask(&office, vec![set(T0 + 100), set(T0 + 1000)]);
    assert_eq!(office.tell_timers(T0 + 999, 10).unwrap(), 0);
    assert_eq!(office.tell_timers(T0 + 2500, 10).unwrap(), 1);
    assert_eq!(crate::open(folder.path()).tell_timers(T0 + 9999, 10).unwrap(), 0);
    ask(&office, vec![set(T0 + 1000)]);
    assert_eq!(office.tell_timers(T0 + 3000, 10).unwrap(), 1);
    let events = office.events_after("acme", 1, 10).unwrap();
    assert_eq!(
        events.iter().map(|e| (e.seq, &*e.event_id)).collect::<Vec<_>>(),
        [(2, "timer-due:p:n:2"), (3, "timer-due:p:n:3")]
    );
    assert_eq!(events[0].plugin.as_deref(), Some("p"));
    assert_eq!(
        events[0].body,
        r#"{"about":{"timer":{"due_at":"2026-11-24T10:00:01.000Z","name":"n","payload":"{\"a\":1}"}},"at":"2026-11-24T10:00:01.000Z","id":"timer-due:p:n:2","kind":"timer-due","now":"2026-11-24T10:00:02.500Z","tenant":"acme"}"#
    );
    serde_json::from_str::<calls::event::Event>(&events[0].body).unwrap();
}

#[test]
fn a_plugin_hears_what_comes_after_it_was_installed_or_switched_on() {
    let (_folder, office) = office();
    with_events(&office, &["e1", "e2"]);
    let new = NewPlugin {
        name: "p".into(),
        version: "1.0.0".into(),
        sha256: "00".into(),
        state: PluginState::Dry,
        by: "root".into(),
        note: String::new(),
        now: T0,
    };
    assert!(office.install(&new).unwrap());
    assert_eq!(office.position("p", "acme").unwrap().seq, 2);
    office.set_position("p", "acme", 1).unwrap();
    assert!(!office.install(&NewPlugin { version: "1.1.0".into(), now: T0 + 1, ..new }).unwrap());
    assert_eq!(office.position("p", "acme").unwrap().seq, 1);
    assert_eq!(
        office.counts().unwrap().events_waiting,
        [Waiting { plugin: "p".into(), tenant: "acme".into(), count: 1 }]
    );
    assert!(office.set_plugin_state("p", PluginState::Live, "ann", "checked", T0 + 2).unwrap());
    ask(&office, vec![Ask::Action(call_back("a1", None))]);
    assert!(office.set_plugin_state("p", PluginState::Off, "ann", "too loud", T0 + 3).unwrap());
    let held = office.action("a1").unwrap().unwrap();
    assert_eq!((held.status, &*held.reason), (Status::Held, "the plugin p was switched off"));
    assert_eq!(office.counts().unwrap().events_waiting, []);
    with_events(&office, &["e3"]);
    assert!(office.set_plugin_state("p", PluginState::Live, "ann", "", T0 + 4).unwrap());
    assert_eq!(office.position("p", "acme").unwrap().seq, 3);
    assert!(!office.set_plugin_state("q", PluginState::Live, "ann", "", T0).unwrap());
    let plugin = office.plugin("p").unwrap().unwrap();
    assert_eq!(office.plugins().unwrap(), std::slice::from_ref(&plugin));
    assert_eq!((plugin.version.as_str(), plugin.installed_at, plugin.changed_at), ("1.1.0", T0, T0 + 4));
    assert_eq!(
        office.counts().unwrap().actions,
        [ActionCount { kind: "call_back".into(), status: "held".into(), count: 1 }]
    );
}

#[test]
fn only_what_every_plugin_has_heard_is_forgotten() {
    let (_folder, office) = office();
    with_events(&office, &["e1", "e2", "e3", "e4"]);
    for name in ["p", "q"] {
        let (version, sha256, by, note) = ("1".into(), "00".into(), "root".into(), String::new());
        let state = PluginState::Live;
        office.install(&NewPlugin { name: name.into(), version, sha256, state, by, note, now: T0 }).unwrap();
        office.set_position(name, "acme", 0).unwrap();
    }
    let outcomes = vec![
        outcome("e1", 1, OutcomeStatus::Done, 1, None),
        outcome("e2", 2, OutcomeStatus::Later, 1, Some(T0)),
        outcome("e3", 3, OutcomeStatus::Failed, 1, None),
    ];
    let position = office.position("p", "acme").unwrap();
    let record = |id: &str| Ask::Record(NewRecord { id: id.into(), body: "{}".into() });
    let timer = Ask::Timer(NewTimer { key: "t".into(), name: "n".into(), at: T0, payload: String::new() });
    let asked = vec![record("r"), record("unsent"), timer, Ask::Action(call_back("a", None))];
    assert!(office.handled(&Handled { outcomes, asked, ..handled(position, 4) }).unwrap());
    office.sent(&[1], T0).unwrap();
    let prune = Prune { now: T0 + 1000, keep_ms: 10, records_max: 10 };
    assert_eq!(office.prune(&Prune { keep_ms: 1000, ..prune }).unwrap(), 0, "nothing is old enough");
    assert_eq!(office.prune(&prune).unwrap(), 1, "the record; q has heard nothing");
    office.set_position("q", "acme", 3).unwrap();
    assert_eq!(office.prune(&prune).unwrap(), 1, "p wants to hear e2 again");
    assert_eq!(office.outcomes("p", "acme", OutcomeStatus::Done, None, 9).unwrap(), []);
    let position = office.position("p", "acme").unwrap();
    let outcomes = vec![outcome("e2", 2, OutcomeStatus::Done, 2, None)];
    assert!(office.handled(&Handled { outcomes, ..handled(position, 4) }).unwrap());
    assert_eq!(office.prune(&Prune { records_max: 1, ..prune }).unwrap(), 1, "one at a time");
    assert_eq!(office.prune(&prune).unwrap(), 1);
    assert_eq!(office.outcomes("p", "acme", OutcomeStatus::Failed, None, 9).unwrap(), []);
    let left: Vec<i64> = office.events_after("acme", 0, 10).unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(left, [4], "q has not heard it");
    office.set_plugin_state("q", PluginState::Off, "root", "", T0).unwrap();
    assert_eq!(office.prune(&prune).unwrap(), 1);
    assert_eq!(office.last_seq("acme").unwrap(), 4);
    let unsent: Vec<String> = office.outbox_unsent(10).unwrap().into_iter().map(|record| record.id).collect();
    assert_eq!(unsent, ["unsent"]);
    assert_eq!(office.counts().unwrap().outbox_oldest_at, Some(T0));
    office.sent(&[2], T0).unwrap();
    assert_eq!(office.counts().unwrap().outbox_oldest_at, None);
    assert_eq!(office.action("a").unwrap().unwrap().status, Status::Due);
    assert_eq!(office.counts().unwrap().timers_waiting, 1);
}

#[test]
fn what_became_of_events_is_read_a_page_at_a_time() {
    let (_folder, office) = office();
    with_events(&office, &["e1", "e2", "e3", "e4", "e5"]);
    let outcomes = (1..=5).map(|seq| {
        let status = if seq == 3 { OutcomeStatus::Failed } else { OutcomeStatus::Done };
        outcome(&format!("e{seq}"), seq, status, 1, None)
    });
    let position = office.position("p", "acme").unwrap();
    assert!(office.handled(&Handled { outcomes: outcomes.collect(), ..handled(position, 5) }).unwrap());
    let page = |before, limit| -> Vec<i64> {
        let page = office.outcomes("p", "acme", OutcomeStatus::Done, before, limit).unwrap();
        page.iter().map(|outcome| outcome.seq).collect()
    };
    assert_eq!(page(None, 2), [5, 4]);
    assert_eq!(page(Some(4), 2), [2, 1]);
    assert_eq!(page(Some(1), 2), [0_i64; 0]);
}

#[test]
fn what_a_plugin_that_is_off_put_off_keeps_nothing_once_it_is_on_again() {
    let (_folder, office) = office();
    with_events(&office, &["e1", "e2"]);
    let (version, sha256, by, note) = ("1".into(), "00".into(), "root".into(), String::new());
    let state = PluginState::Live;
    office.install(&NewPlugin { name: "p".into(), version, sha256, state, by, note, now: T0 }).unwrap();
    office.set_position("p", "acme", 0).unwrap();
    let outcomes = vec![outcome("e2", 2, OutcomeStatus::Later, 1, Some(T0))];
    let position = office.position("p", "acme").unwrap();
    assert!(office.handled(&Handled { outcomes, ..handled(position, 2) }).unwrap());
    let prune = Prune { now: T0 + 1000, keep_ms: 10, records_max: 10 };
    assert_eq!(office.prune(&prune).unwrap(), 1, "e2 is to be heard again");
    office.set_plugin_state("p", PluginState::Off, "root", "", T0).unwrap();
    assert_eq!(office.prune(&prune).unwrap(), 1, "nobody waits for e2");
    office.set_plugin_state("p", PluginState::Live, "root", "", T0).unwrap();
    with_events(&office, &["e3"]);
    office.set_position("p", "acme", 3).unwrap();
    assert_eq!(office.counts().unwrap().retries_waiting, 0);
    assert_eq!(office.prune(&prune).unwrap(), 1, "e3 is not kept for what is gone");
}
