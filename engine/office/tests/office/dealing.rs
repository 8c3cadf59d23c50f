//! Who deals with a follow-up since when, who takes it over, and what pages of the set-up change.

use office::{
    ActionCount, Claimed, Dealing, Error, NewAction, NewLogin, NewMessage, NewPlugin, NewSignIn, Office, PluginCounts,
    PluginState, PluginSwitch, Status,
};
use serde_json::{Value, json};

use crate::{T0, follow_up, office, told};

/// Kinds, and who said it.
fn said(office: &Office, name: &str) -> Vec<(String, String)> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    office.said_of("acme", name).unwrap().iter().map(|said| (text(said, "kind"), text(said, "by"))).collect()
}

#[test]
fn who_takes_over_has_it_and_the_log_hears_of_it() {
    let (_folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", "+44")])).unwrap();
    let (ann, head) = ("person:ann", "person:head");
    let dealing =
        |now| office.dealing("acme", "f1", now).unwrap().map(|Dealing { by, since, until }| (by, since, until));
    assert_eq!(dealing(T0), None);
    assert_eq!(office.deal_instead("acme", "f1", ann, T0, T0 + 100).unwrap(), Claimed::Yes, "nobody had it");
    assert_eq!(dealing(T0 + 99), Some((ann.into(), T0, Some(T0 + 100))));
    assert_eq!(dealing(T0 + 100), None, "it has lapsed");
    assert_eq!(office.deal_instead("acme", "f1", ann, T0 + 10, T0 + 200).unwrap(), Claimed::Yes);
    assert_eq!(dealing(T0 + 150), Some((ann.into(), T0, Some(T0 + 200))), "their own is prolonged");
    assert_eq!(office.deal_instead("acme", "f1", head, T0 + 20, T0 + 300).unwrap(), Claimed::Yes);
    assert_eq!(dealing(T0 + 21), Some((head.into(), T0 + 20, Some(T0 + 300))));
    assert_eq!(
        office.deal("acme", "f1", ann, T0 + 22, T0 + 400).unwrap(),
        Claimed::Taken { holder: head.into(), since: T0 + 20 }
    );
    assert!(!office.give_back("acme", "f1", ann, T0 + 23).unwrap());
    office.add_note("acme", "f1", head, "on Monday", T0 + 24).unwrap();
    assert!(office.give_back("acme", "f1", head, T0 + 25).unwrap());
    assert!(office.settle("acme", "f1", ann, "spam", None, T0 + 26).unwrap());
    let of = |kind: &str, by: &str| (kind.to_owned(), by.to_owned());
    assert_eq!(
        said(&office, "f1"),
        [
            of("claim", ann),
            of("claim", ann),
            of("claim", head),
            of("note", head),
            of("claim", head),
            of("settlement", ann)
        ]
    );
    let reason = "the follow-up was settled by person:ann".to_owned();
    assert_eq!(
        office.deal_instead("acme", "f1", head, T0 + 27, T0 + 400).unwrap(),
        Claimed::Held { reason, retry_at: None }
    );
    assert!(matches!(office.dealing("acme", "f2", T0), Err(Error::NotFound { .. })));
    assert!(matches!(office.said_of("other", "f1"), Err(Error::NotFound { .. })));
}

#[test]
fn what_was_said_of_one_is_not_said_of_another() {
    let (_folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", "+44"), follow_up("f10", "+45"), follow_up("f", "+46")])).unwrap();
    for name in ["f1", "f10", "f"] {
        office.add_note("acme", name, &format!("person:of-{name}"), "a note", T0).unwrap();
    }
    for name in ["f1", "f10", "f"] {
        assert_eq!(said(&office, name), [("note".to_owned(), format!("person:of-{name}"))]);
    }
}

#[test]
fn a_plugin_is_switched_by_whoever_has_seen_its_state_and_the_changes_say_so() {
    let (_folder, office) = office();
    let new = NewPlugin {
        name: "teller".into(),
        version: "1.0.0".into(),
        sha256: "00".into(),
        state: PluginState::Dry,
        by: "command".into(),
        note: String::new(),
        now: T0,
    };
    office.install(&new).unwrap();
    let switch = |before, state, now| {
        let switch = PluginSwitch { tenant: "acme".into(), name: "teller".into(), before, state };
        office.switch_plugin(&switch, "boss", now)
    };
    switch(PluginState::Dry, PluginState::Live, T0 + 1).unwrap();
    assert_eq!(office.plugin("teller").unwrap().unwrap().state, PluginState::Live);
    let Err(Error::Overtaken { by, at }) = switch(PluginState::Dry, PluginState::Off, T0 + 2) else {
        panic!("it acts")
    };
    assert_eq!((by.as_str(), at), ("boss", T0 + 1));
    let changes = office.changes("acme", None, 10).unwrap();
    assert_eq!(
        changes.iter().map(|change| (&*change.what, &*change.of, &*change.detail)).collect::<Vec<_>>(),
        [("plugin switched", "teller", r#"{"from":{"state":"dry"},"to":{"state":"live"}}"#)]
    );
    let action = |key: &str, kind: &str, status| NewAction {
        key: key.into(),
        kind: kind.into(),
        body: "{}".into(),
        status,
        ..NewAction::default()
    };
    for (key, kind, status) in
        [("a", "email", Status::Dry), ("b", "email", Status::Dry), ("c", "call_back", Status::Due)]
    {
        office.ask("acme", "plugin:teller", &action(key, kind, status), T0).unwrap();
    }
    office.ask("acme", "plugin:other", &action("d", "email", Status::Due), T0).unwrap();
    office.ask("other", "plugin:teller", &action("e", "email", Status::Due), T0).unwrap();
    let count = |kind: &str, status: &str, count| ActionCount { kind: kind.into(), status: status.into(), count };
    assert_eq!(
        office.plugin_counts("teller", "acme").unwrap(),
        PluginCounts { actions: vec![count("call_back", "due", 1), count("email", "dry", 2)], outcomes: vec![] }
    );
    assert_eq!(office.plugin_load("teller").unwrap(), None);
    office.tell_plugin_load("teller", "{}", T0).unwrap();
    office.tell_plugin_load("teller", "{\"a\":1}", T0 + 1).unwrap();
    assert_eq!(office.plugin_load("teller").unwrap(), Some((T0 + 1, "{\"a\":1}".to_owned())));
}

#[test]
fn messages_are_read_one_by_one_or_up_to_the_one_that_was_shown() {
    let (_folder, office) = office();
    for number in 1..=4 {
        let new = NewMessage {
            tenant: "acme".into(),
            person: if number == 3 { "bob" } else { "ann" }.into(),
            text: format!("message {number}"),
            at: T0,
            action_key: format!("a{number}"),
        };
        assert!(office.add_message(&new).unwrap());
    }
    assert_eq!(office.unread("acme", "ann").unwrap(), 3);
    assert!(office.mark_read("acme", "ann", 1, T0 + 1).unwrap());
    assert_eq!(office.mark_all_read("acme", "ann", 2, T0 + 2).unwrap(), 1, "what came later was not shown");
    assert_eq!((office.unread("acme", "ann").unwrap(), office.unread("acme", "bob").unwrap()), (1, 1));
    assert_eq!(office.unread("other", "ann").unwrap(), 0);
    let read: Vec<Option<i64>> =
        office.messages_of("acme", "ann", None, 10).unwrap().iter().map(|message| message.read_at).collect();
    assert_eq!(read, [None, Some(T0 + 2), Some(T0 + 1)]);
}

#[test]
fn somebody_elses_sign_ins_end_and_the_changes_say_so() {
    let (_folder, office) = office();
    let login = NewLogin { login: "ann".into(), tenant: "acme".into(), role: "analyst".into(), ..NewLogin::default() };
    office.login_add(&login, "command", T0).unwrap();
    for secret in ["one", "two"] {
        let new = NewSignIn {
            secret_hash: secret.into(),
            login: "ann".into(),
            login_version: 1,
            now: T0,
            ends_at: T0 + 1000,
            ..NewSignIn::default()
        };
        assert!(office.sign_in(&new).unwrap());
    }
    assert_eq!(office.end_sign_ins("ann", "boss", T0 + 1).unwrap(), 2);
    assert_eq!(office.sign_ins_of("ann", T0 + 1).unwrap(), []);
    let change = &office.changes("acme", None, 1).unwrap()[0];
    assert_eq!((&*change.by, &*change.what, &*change.of), ("boss", "sign-ins ended", "ann"));
    assert_eq!(serde_json::from_str::<Value>(&change.detail).unwrap(), json!({"from": {"sign_ins": 2}}));
    assert!(matches!(office.end_sign_ins("eve", "boss", T0), Err(Error::NotFound { .. })));
}
