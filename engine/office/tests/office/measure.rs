//! How fast it is here: `cargo test -p office -- --ignored --nocapture measure`. Nothing is asserted about time.

use std::io::Write;
use std::time::Instant;

use office::{Claimed, Handled, NewAction, Position};

use crate::{T0, call_back, event, follow_up, office, told};

#[test]
#[ignore = "prints times, asserts nothing about them"]
fn measure() {
    let (folder, office) = office();
    let began = Instant::now();
    let count = 1000;
    for n in 0..count {
        let position = Position { seq: 0, turn: n };
        let handled = Handled { plugin: "p".into(), tenant: "acme".into(), position, now: T0, ..Handled::default() };
        assert!(office.handled(&handled).unwrap());
    }
    let rate = |began: Instant| count as f64 / began.elapsed().as_secs_f64();
    eprintln!("{:.0} transactions a second, each on the disk", rate(began));
    let mut file = std::fs::File::create(folder.path().join("plain")).unwrap();
    let began = Instant::now();
    for _ in 0..count {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    eprintln!("{:.0} times a second 4 kB are put on the disk without any database", rate(began));
    for round in 0..3 {
        let events: Vec<_> = (0..1000)
            .map(|n| {
                let mut event = event(&format!("{round}-{n}"));
                event.body = "x".repeat(1500);
                event.follow_up = Some(format!("f{round}-{n}"));
                event
            })
            .collect();
        let follow_ups: Vec<_> =
            (0..1000).map(|n| follow_up(&format!("f{round}-{n}"), &format!("+44{round}{n:06}"))).collect();
        let alone = told(events.clone(), vec![]);
        let both = told(events, follow_ups);
        let began = Instant::now();
        office.tell(&alone).unwrap();
        let first = began.elapsed();
        let began = Instant::now();
        office.tell(&alone).unwrap();
        let again = began.elapsed();
        let began = Instant::now();
        office.tell(&both).unwrap();
        let follow_ups = began.elapsed();
        eprintln!(
            "tell of 1,000 events of 1.5 kB: {first:?}; told again: {again:?}; again with 1,000 follow-ups: {follow_ups:?}"
        );
    }
    for n in 0..1000 {
        let action = NewAction { kind: "email".into(), ..call_back(&format!("m{n}"), None) };
        office.ask("acme", "person:ann", &action, T0).unwrap();
    }
    let began = Instant::now();
    for action in office.due_actions(&["email"], T0, 1000).unwrap() {
        assert_eq!(office.claim_action(&action.key, "one", T0, T0 + 1).unwrap(), Claimed::Yes);
    }
    eprintln!("claim_action: {:?} each", began.elapsed() / 1000);
}
