//! What a plugin may do wrong while it runs.

use std::sync::Arc;

use sandbox::{Fault, Handled, Handling, Unavailable, World};

use crate::guest::{MANIFEST, asked, events, everything, handle_one, missed, plugin, plugin_of, told, world};

/// It is stopped with this fault and these words; then the same plugin and a neighbor go on.
fn check(what: &str, kind: Fault, words: &str) -> Handling {
    let (mut bad, mut neighbor) = (plugin(), plugin());
    assert_eq!(told(&mut neighbor, "seen"), "1");
    let handling = handle_one(&mut bad, what);
    match &handling.handled {
        Handled::Fault { kind: of, why } => {
            assert_eq!(*of, kind, "{what}: {why}");
            assert!(why.contains(words), "{what}: {why:?} does not say {words:?}");
        }
        other => panic!("{what}: {other:?}"),
    }
    assert_eq!((&handling.asked[..], &handling.state[..]), (&[][..], &[][..]), "nothing of it counts");
    assert_eq!(told(&mut neighbor, "seen"), "2", "the neighbor goes on where it was");
    assert_eq!(told(&mut bad, "seen"), "1", "it goes on in a new instance");
    handling
}

#[test]
fn an_endless_loop() {
    let words = "more than 50 ms of CPU: end the loop, or raise event_ms under [limits] in plugins/guest/plugin.toml";
    let handling = check("loop", Fault::Loop, words);
    assert!(handling.cpu_us >= 50_000, "{} µs", handling.cpu_us);
}

#[test]
fn a_bomb_of_memory() {
    let words = "more than 8 MiB of memory: keep less in variables, or raise memory_mb under [limits] in plugins/guest";
    let handling = check("memory", Fault::Memory, words);
    assert!(handling.memory_bytes <= 8 * 1_048_576, "{}", handling.memory_bytes);
}

#[test]
fn a_deep_recursion() {
    check("recursion", Fault::Stack, "calling itself too deeply: end the recursion");
}

#[test]
fn a_panic_tells_its_text_and_place() {
    let handling = check("panic=on purpose", Fault::Trap, "it stopped itself: panicked at src/lib.rs");
    let Handled::Fault { why, .. } = &handling.handled else { unreachable!() };
    assert!(why.contains("on purpose"), "{why}");
    assert!(handling.log.iter().any(|(_, line)| line.contains("on purpose")), "the log has it too");
}

#[test]
fn too_many_actions() {
    check("many_actions=11", Fault::Output, "more than 10 actions: ask for fewer, or raise actions_max under [limits]");
    assert_eq!(handle_one(&mut plugin(), "many_actions=10").asked.len(), 10, "as many as it may");
}

#[test]
fn a_huge_output() {
    check("large_action=5000", Fault::Output, "larger than 4 KiB: ask for less, or raise output_kb under [limits]");
    check("large_action=5000000", Fault::Output, "more than 4 MiB in one call: give less at once");
    assert_eq!(handle_one(&mut plugin(), "large_action=4000").asked.len(), 1, "as much as it may");
}

#[test]
fn a_huge_state() {
    let words =
        "its state is larger than 64 KiB: delete what is settled, or raise state_kb under [limits] in plugins/guest";
    check("large_state", Fault::State, words);
}

#[test]
fn too_few_and_too_many_answers() {
    check("no_answer", Fault::Answers, "it gave 0 answers to 1 events: it has to give one for each");
    check("two_answers", Fault::Answers, "it gave 2 answers to 1 events");
}

#[test]
fn a_cause_that_is_no_event() {
    for function in ["put", "get_person", "cancel", "call_back"] {
        let handling = handle_one(&mut plugin(), &format!("wrong_cause={function}"));
        let why = "cause 7 is no event of this batch of 1".to_owned();
        assert_eq!(handling.refused, std::slice::from_ref(&why), "{function}");
        assert_eq!(handling.handled, Handled::Failed { why }, "{function}");
    }
    for function in ["delete", "offers"] {
        let words = "cause 7 is no event of this batch of 1: causes are indexes of the events that `handle` was given";
        check(&format!("wrong_cause={function}"), Fault::Cause, words);
    }
}

/// Given alone, an event is the only one that can be a cause, whatever it came with.
#[test]
fn a_cause_of_another_event_of_a_batch_that_was_thrown_away() {
    let mut whats = vec!["failed=no", "wrong_cause=call_back"];
    whats.extend(["done"; 7]);
    let handlings = plugin().handle(&events(&whats), &world());
    let why = "cause 7 is no event of this batch of 1".to_owned();
    assert_eq!(handlings[1].handled, Handled::Failed { why });
    assert!(handlings.iter().all(|handling| handling.asked.is_empty()));
    whats[0] = "done";
    let together = plugin().handle(&events(&whats), &world());
    let causes: Vec<usize> = together.iter().map(|handling| handling.asked.len()).collect();
    assert_eq!(causes, [0, 0, 0, 0, 0, 0, 0, 1, 0], "together, the event that it named is the cause");
}

#[test]
fn a_moment_that_no_calendar_has() {
    for what in ["open", "next_open", "timer"] {
        let why = told(&mut plugin(), &format!("at_the_end_of_time={what}"));
        assert_eq!(why, "at = 18446744073709551615 is after the year 9999: moments are milliseconds since 1970");
    }
}

/// CPU counts, and not how long we take to answer.
#[test]
fn a_slow_answer_of_ours_is_not_the_plugin_s_time() {
    struct Slow(Arc<dyn World>);
    impl World for Slow {
        fn raw(&self, event: &calls::event::Event) -> Result<Vec<calls::event::Pairs>, Unavailable> {
            std::thread::sleep(std::time::Duration::from_millis(200));
            self.0.raw(event)
        }
        fn get_person(&self, event: &calls::event::Event, id: &str) -> Result<Option<sandbox::Person>, Unavailable> {
            self.0.get_person(event, id)
        }
        fn members(&self, event: &calls::event::Event, group: &str) -> Result<Option<Vec<String>>, Unavailable> {
            self.0.members(event, group)
        }
        fn is_open(&self, event: &calls::event::Event, who: &str, at: i64) -> Result<Option<bool>, Unavailable> {
            self.0.is_open(event, who, at)
        }
        fn next_open(&self, event: &calls::event::Event, who: &str, at: i64) -> Result<Option<i64>, Unavailable> {
            self.0.next_open(event, who, at)
        }
        fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
            self.0.state_get(key)
        }
        fn state_keys(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<String>, Unavailable> {
            self.0.state_keys(prefix, after, max)
        }
        fn state_bytes(&self) -> Result<usize, Unavailable> {
            self.0.state_bytes()
        }
    }
    let slow: Arc<dyn World> = Arc::new(Slow(world()));
    let handling = plugin().handle(&events(&["raw"]), &slow).pop().unwrap();
    assert_eq!(handling.handled, Handled::Failed { why: "[]".into() }, "four times what an event may take");
}

/// Two threads: one plugin loops, and its neighbor has a thousand events meanwhile.
#[test]
fn a_neighbor_on_another_thread_is_not_disturbed() {
    let (mut bad, mut neighbor) = (plugin(), plugin());
    std::thread::scope(|threads| {
        let looping = threads.spawn(move || {
            (0..5).all(|_| matches!(handle_one(&mut bad, "loop").handled, Handled::Fault { kind: Fault::Loop, .. }))
        });
        for number in 1..=1_000 {
            assert_eq!(told(&mut neighbor, "seen"), number.to_string());
        }
        assert!(looping.join().unwrap());
    });
}

#[test]
fn a_flood_of_logs_is_counted() {
    let handling = handle_one(&mut plugin(), "many_logs=1000");
    assert_eq!(handling.handled, Handled::Done);
    assert_eq!(handling.log.len(), 101);
    assert_eq!(handling.log.last().unwrap().1, "900 more lines were not kept");
    let handling = handle_one(&mut plugin(), "large_log=100000");
    assert_eq!(handling.log[0].1.len(), 4_096 + '…'.len_utf8(), "a long line is cut");
    check("large_log=5000000", Fault::Output, "more than 4 MiB in one call");
}

#[test]
fn what_was_not_granted() {
    let manifest = MANIFEST.replace("raw = true", "").replace("settle = true", "");
    let mut plugin = plugin_of(&manifest);
    let handling = handle_one(&mut plugin, "ask=tag settle");
    let why = "not granted: settle; add \"settle = true\" under [grants] in plugins/guest/plugin.toml".to_owned();
    assert_eq!(handling.refused, std::slice::from_ref(&why));
    assert_eq!(handling.handled, Handled::Failed { why: why.clone() });
    assert!(handling.asked.is_empty(), "what it may is not done either, since its event is not done");
    let handling = handle_one(&mut plugin, "ask=ignored tag");
    assert_eq!((handling.handled, handling.refused), (Handled::Done, vec![why]), "what it hides is told all the same");
    assert_eq!(asked(&handling.asked), ["tag {\"id\":\"e0\",\"tag\":\"vip\"}"]);
    match handle_one(&mut plugin, "raw").handled {
        Handled::Fault { kind: Fault::NotGranted, why } => {
            assert!(why.starts_with("not granted: raw; add \"raw = true\" under [grants] in plugins/guest"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    let mut nothing = plugin.with_settings(&toml::Table::new(), &toml::Table::new()).unwrap();
    for (what, power) in [
        ("ask=call_back", "call_back; add \"call_back = true\""),
        ("ask=person:ann", "email to person; add \"person\" to email"),
        ("ask=ann@example.com", "email to @example.com; add \"@example.com\" to email"),
        ("ask=message", "message to person; add \"person\" to message"),
        ("ask=webhook", "webhook crm; add \"crm\" to webhook"),
        ("ask=tag", "tag; add \"tag = true\""),
        ("ask=timer", "timers; add \"timers = true\""),
        ("person=ann", "directory; add \"directory = true\""),
    ] {
        assert_eq!(
            told(&mut nothing, what),
            format!("not granted: {power} under [plugin.guest.grants] in engine.toml")
        );
    }
    let mut all = plugin.with_settings(&toml::Table::new(), &everything(MANIFEST)).unwrap();
    for (what, why) in [
        (
            "ask=head:ann",
            "not granted: email to head; add \"head\" to email under [grants] in plugins/guest/plugin.toml",
        ),
        ("ask=nobody", "email to nobody: list at least one recipient"),
        ("ask=ann", "`ann` is no recipient: write person:ID, head:ID, group:ID or an address"),
        ("ask=no_json", "json is no JSON: EOF while parsing an object at line 1 column 1"),
    ] {
        assert_eq!(told(&mut all, what), why);
    }
}

#[test]
fn numbers_are_masked_where_they_were_not_granted() {
    let hidden = "700900331";
    let mut event = missed("e0", "+447700900331");
    event.offers = vec![calls::event::Offer { target: "+447700900332".into(), ..Default::default() }];
    let seen = |manifest: &str| {
        let handling = plugin_of(manifest).handle(&vec![event.clone()].into(), &world()).pop().unwrap();
        asked(&handling.asked).join(" ")
    };
    let without = MANIFEST.replace("numbers = true", "");
    // The guest tells the number in a message where its hash says so, and calls back otherwise.
    assert!(!seen(&without).contains(hidden));
    let offers = |manifest: &str| {
        let mut offered = crate::guest::timer("e0", "offers");
        offered.offers.clone_from(&event.offers);
        match plugin_of(manifest).handle(&vec![offered].into(), &world()).pop().unwrap().handled {
            Handled::Failed { why } => why,
            other => panic!("{other:?}"),
        }
    };
    assert!(offers(MANIFEST).contains("+447700900332"));
    assert!(offers(&without).contains("+4477*****332"), "{}", offers(&without));
}

/// A batch with one bad event: the others are done, and after five faults the rest is not tried.
#[test]
fn one_bad_event_does_not_take_the_others_with_it() {
    let mut plugin = plugin();
    let handled = |handlings: &[Handling]| -> Vec<&'static str> {
        let word = |handling: &Handling| match &handling.handled {
            Handled::Done => "done",
            Handled::Later { .. } => "later",
            Handled::Failed { .. } => "failed",
            Handled::Fault { kind, .. } => kind.as_str(),
            Handled::NotRun => "not run",
        };
        handlings.iter().map(word).collect()
    };
    let mixed =
        ["count=a", "panic=x", "count=a", "loop", "count=a", "put_and_fail=a", "no_answer", "count=a", "later=5"];
    let handlings = plugin.handle(&events(&mixed), &world());
    assert_eq!(handled(&handlings), ["done", "trap", "done", "loop", "done", "failed", "answers", "done", "later"]);
    let last = [("a".to_owned(), Some(b"4".to_vec()))];
    assert_eq!(handlings[7].state, last, "each done event sees what those before it changed");
    let many = plugin.handle(&events(&["panic"; 20]), &world());
    assert_eq!(handled(&many), [vec!["trap"; 5], vec!["not run"; 15]].concat());
}

/// A world that cannot be asked is not the plugin's fault, and one that panics takes nothing with it.
#[test]
fn our_own_side_fails() {
    struct Broken;
    impl World for Broken {
        fn raw(&self, _: &calls::event::Event) -> Result<Vec<calls::event::Pairs>, Unavailable> {
            panic!("a defect of ours")
        }
        fn get_person(&self, _: &calls::event::Event, _: &str) -> Result<Option<sandbox::Person>, Unavailable> {
            Ok(None)
        }
        fn members(&self, _: &calls::event::Event, _: &str) -> Result<Option<Vec<String>>, Unavailable> {
            Ok(None)
        }
        fn is_open(&self, _: &calls::event::Event, _: &str, _: i64) -> Result<Option<bool>, Unavailable> {
            Ok(None)
        }
        fn next_open(&self, _: &calls::event::Event, _: &str, _: i64) -> Result<Option<i64>, Unavailable> {
            Ok(None)
        }
        fn state_get(&self, _: &str) -> Result<Option<Vec<u8>>, Unavailable> {
            Err(Unavailable("the office is busy".into()))
        }
        fn state_keys(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<String>, Unavailable> {
            Ok(Vec::new())
        }
        fn state_bytes(&self) -> Result<usize, Unavailable> {
            Ok(0)
        }
    }
    let world: Arc<dyn World> = Arc::new(Broken);
    let mut plugin = plugin();
    let mut kind = |what: &str| match plugin.handle(&events(&[what]), &world).pop().unwrap().handled {
        Handled::Fault { kind, why } => (kind, why),
        other => panic!("{what}: {other:?}"),
    };
    let (busy, why) = kind("get=a");
    assert_eq!(busy, Fault::Host);
    assert!(why.contains("the office is busy"), "{why}");
    assert_eq!(kind("raw").0, Fault::Host);
    assert_eq!(handle_one(&mut plugin, "done").handled, Handled::Done);
}

/// The limits of all plugins together: where no place is left, those that nobody uses make room.
#[test]
fn no_place_is_left() {
    let limits = sandbox::HostLimits { instances_max: 2, ..Default::default() };
    let sandbox = sandbox::Sandbox::new(&limits, None).unwrap();
    let load =
        || sandbox.load_bytes(MANIFEST, crate::guest::wasm(), &toml::Table::new(), &everything(MANIFEST)).unwrap();
    let (mut first, mut second, mut third) = (load(), load(), load());
    assert_eq!(handle_one(&mut first, "done").handled, Handled::Done);
    assert_eq!(handle_one(&mut second, "done").handled, Handled::Done);
    match handle_one(&mut third, "done").handled {
        Handled::Fault { kind: Fault::Host, why } => {
            assert_eq!(why, "all 2 places of plugins are taken: raise instances_max under [sandbox] in engine.toml");
        }
        other => panic!("{other:?}"),
    }
    // Another company's events: its own instance gives its place.
    let mut of_other = crate::guest::timer("e0", "seen");
    of_other.tenant = "other".into();
    let handling = second.handle(&vec![of_other].into(), &world()).pop().unwrap();
    assert_eq!(handling.handled, Handled::Failed { why: "1".into() });
    first.restart();
    assert_eq!(handle_one(&mut third, "done").handled, Handled::Done);
    // Whoever is stopped leaves its place, however often.
    for _ in 0..20 {
        assert!(matches!(handle_one(&mut third, "panic").handled, Handled::Fault { kind: Fault::Trap, .. }));
    }
}
