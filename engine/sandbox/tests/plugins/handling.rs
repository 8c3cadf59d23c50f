//! What comes out of a plugin that behaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use calls::event::About;
use directory::Directory;
use sandbox::{DirectoryWorld, Handled, World};

use crate::guest::{MANIFEST, asked, event, events, handle_one, missed, plugin, table, told, wasm, world};

#[test]
fn everything_that_can_be_asked_for() {
    let handling = handle_one(
        &mut plugin(),
        "ask=call_back second_attempt person:ann message webhook tag settle timer call_back timer_later",
    );
    assert_eq!(handling.handled, Handled::Done);
    assert_eq!(
        asked(&handling.asked),
        [
            r#"call_back {"follow_up":"f1","options":{}}"#,
            r#"call_back {"follow_up":"f1","options":{"attempt":"2"}}"#,
            r#"email {"data":{"n":1},"options":{"lang":"de"},"template":"missed","to":["person:ann"]}"#,
            r#"message {"options":{},"text":"hello","to":["person:ann"]}"#,
            r#"webhook {"destination":"crm","json":{"a":1},"options":{}}"#,
            r#"tag {"id":"e0","tag":"vip"}"#,
            r#"settle {"follow_up":"f1","note":"spoke"}"#,
            r#"timer {"at":"2026-11-18T11:06:42.000Z","name":"again","payload":"q"}"#,
        ],
        "the same twice is asked once, and a timer has its last moment"
    );
    let handling = handle_one(&mut plugin(), "ask=timer cancel_timer");
    let key = sandbox::action::timer_key("acme", "guest", "again");
    assert_eq!(asked(&handling.asked), [format!("cancel {{\"key\":\"{key}\"}}")]);
}

#[test]
fn a_batch_is_what_its_events_are_alone() {
    let whats = ["count=a", "ask=tag", "put=b=1", "count=a", "delete=b", "ask=call_back tag", "count=a"];
    let mut plugin = plugin();
    let together = plugin.handle(&events(&whats), &world());
    let world = DirectoryWorld::new(Arc::new(Directory::without_site_file("main")));
    let world = Arc::new(world);
    let shared: Arc<dyn World> = Arc::clone(&world) as Arc<dyn World>;
    let events = events(&whats);
    let mut state: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
    for (alone, of_batch) in events.iter().zip(&together) {
        let handling = plugin.handle(&vec![alone.clone()].into(), &shared).pop().unwrap();
        assert_eq!((&handling.handled, &handling.asked), (&of_batch.handled, &of_batch.asked));
        world.apply(&handling);
        state.extend(handling.state);
    }
    let of_batch: BTreeMap<String, Option<Vec<u8>>> =
        together.into_iter().flat_map(|handling| handling.state).collect();
    assert_eq!(of_batch, state);
    assert_eq!(state, [("a".to_owned(), Some(b"3".to_vec())), ("b".to_owned(), None)].into());
}

#[test]
fn state_is_what_is_stored_with_what_changed() {
    let stored = [("a", "1"), ("b", "2"), ("c", "3")];
    let stored = stored.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec())).into();
    let world = DirectoryWorld::new(Arc::new(Directory::without_site_file("main"))).with_state(stored);
    let world: Arc<dyn World> = Arc::new(world);
    let handlings =
        plugin().handle(&events(&["put=d=4", "delete=a", "put_and_fail=e", "keys", "get=d", "get=b"]), &world);
    let told: Vec<String> = handlings
        .iter()
        .filter_map(|handling| match &handling.handled {
            Handled::Failed { why } => Some(why.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["on purpose", "b c d", "4", "2"]);
    assert!(handlings[2].state.is_empty() && handlings[2].asked.is_empty(), "what is not done, changes nothing");
}

/// All fields arrive: the guest tells what it was given.
#[test]
fn an_event_arrives_whole() {
    let text = r#"{"id":"e1","kind":"call-missed","at":"2026-11-23T10:00:00.000Z","now":"2026-11-23T10:00:00.250Z","tenant":"acme","about":{"missed":{"call":{"id":"c1","direction":"inbound","outcome":"abandoned","missed":true,"short":false,"out_of_hours":true,"reason":"rang_unanswered","caller":{"number":"+447700900332","extension":"201","person":"ann","name":"Ann"},"did":"+442079460000","trunk":"t1","entry":"person","queue":"600","group":"sales","owner":"person:ann","answered_by":["202","203"],"started_at":"2026-11-23T09:59:30.000Z","answered_at":"2026-11-23T09:59:40.000Z","ended_at":"2026-11-23T10:00:00.000Z","wait_time_s":30,"talk_time_s":4,"facts":{"a":"1","b":"2"}},"follow_up":{"id":"f1","status":"open","customer_calls":2,"our_attempts":1,"first_at":"2026-11-23T09:59:30.000Z","last_at":"2026-11-23T09:59:31.000Z","due_at":"2026-11-23T11:59:30.000Z","owner":"group:sales","facts":{"customer":"+447700900331"}}}}}"#;
    let told: calls::event::Event = serde_json::from_str(text).unwrap();
    let handling = plugin().handle(&vec![told].into(), &world()).pop().unwrap();
    assert_eq!(handling.handled, Handled::Done);
    let key = handling.asked[0].key.clone();
    assert_eq!(asked(&handling.asked), [r#"call_back {"follow_up":"f1","options":{"attempt":"1"}}"#]);
    assert!(key.starts_with("call_back:") && key.len() == 42, "{key}");
    let json = event("e2", "window-closed", About::Json("tell".into()));
    let Handled::Failed { why } = plugin().handle(&vec![json].into(), &world()).pop().unwrap().handled else {
        panic!()
    };
    for part in
        ["id: \"e2\"", "kind: \"window-closed\"", "at: 1795000000000", "tenant: \"acme\"", "About::Json(\"tell\")"]
    {
        assert!(why.contains(part), "{part} is not in {why}");
    }
}

#[test]
fn settings_arrive_as_json() {
    assert_eq!(told(&mut plugin(), "settings"), r#"{"greeting":"hello"}"#);
    let mut other = plugin().with_settings(&table("greeting = \"good morning\""), &toml::Table::new()).unwrap();
    assert_eq!(told(&mut other, "settings"), r#"{"greeting":"good morning"}"#);
    assert_eq!(other.settings(), r#"{"greeting":"good morning"}"#);
}

#[test]
fn the_directory_is_asked() {
    const SITE: &str = r#"
        [[site]]
        id = "pier"
        zone = "Europe/Berlin"
        hours = { mon = ["09:00-17:00"] }
        [[pbx]]
        id = "bell"
        [[group]]
        id = "sales"
        [[person]]
        id = "ann"
        name = "Ann"
        group = "sales"
        extensions = [{ number = "201", pbx = "bell" }]
    "#;
    let world: Arc<dyn World> = Arc::new(DirectoryWorld::new(Arc::new(Directory::from_toml(SITE).unwrap())));
    let mut plugin = plugin();
    let mut told = |what: &str| match plugin.handle(&events(&[what]), &world).pop().unwrap().handled {
        Handled::Failed { why } => why,
        other => panic!("{what}: {other:?}"),
    };
    assert!(told("person=ann").contains("name: \"Ann\", extensions: [\"201\"], groups: [\"sales\"]"));
    assert_eq!(told("person=bob"), "not found");
    assert_eq!(told("members=sales"), "ann");
    // The event's moment is a Wednesday.
    assert_eq!(told("open=person:ann"), "false");
    assert_eq!(told("next_open=group:sales"), "1795420800000");
}

/// Variables are a cache: of one company, kept while nothing happens, and gone after a restart.
#[test]
fn companies_share_no_variables() {
    let mut plugin = plugin();
    let seen = |plugin: &mut sandbox::Plugin, tenant: &str| {
        let mut event = crate::guest::timer("e0", "seen");
        event.tenant = tenant.into();
        match plugin.handle(&vec![event].into(), &world()).pop().unwrap().handled {
            Handled::Failed { why } => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((seen(&mut plugin, "acme"), seen(&mut plugin, "acme")), ("1".into(), "2".into()));
    assert_eq!(seen(&mut plugin, "other"), "1");
    assert_eq!(seen(&mut plugin, "acme"), "3");
    plugin.restart();
    assert_eq!(seen(&mut plugin, "acme"), "1");
    for number in 0..20 {
        assert_eq!(seen(&mut plugin, &format!("company{number}")), "1", "more companies than instances are kept");
    }
    let mixed = vec![crate::guest::timer("e0", "done"), {
        let mut other = crate::guest::timer("e1", "done");
        other.tenant = "other".into();
        other
    }];
    let handlings = plugin.handle(&mixed.into(), &world());
    assert!(handlings.iter().all(|handling| matches!(&handling.handled, Handled::Fault { .. })), "{handlings:?}");
}

/// An instance that grew near to its limit is made anew before it is stopped.
#[test]
fn an_instance_that_grew_is_made_anew() {
    let mut plugin = plugin();
    for _ in 0..20 {
        assert_eq!(handle_one(&mut plugin, "hold=1500000").handled, Handled::Done);
    }
    // More than one instance may hold went through, so there were several.
    let handling = handle_one(&mut plugin, "hold=1");
    assert!(handling.memory_bytes < 8 * 1_048_576, "{}", handling.memory_bytes);
}

#[test]
fn what_it_does_not_hear_is_not_told() {
    let sandbox = crate::guest::sandbox();
    let manifest = MANIFEST.replace("[grants]", "direction = [\"outbound\"]\n[grants]");
    let plugin = sandbox.load_bytes(&manifest, wasm(), &toml::Table::new(), &toml::Table::new()).unwrap();
    assert!(!plugin.hears(&missed("e1", "+447700900331")));
    assert!(plugin.hears(&crate::guest::timer("e1", "done")));
    assert_eq!(plugin.grants(), sandbox::Grants::default());
}
