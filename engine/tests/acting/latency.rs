//! From a final verdict to the command on the exchange's socket: that it comes, for what it comes, and how soon.

use std::time::{SystemTime, UNIX_EPOCH};

use ::calls::event as calls_event;
use office::Office;

use crate::calls::{answered, customer, missed, site};
use crate::exchange::Exchange;
use crate::installation::{settings, topic};
use crate::process::{Running, wait_until};
use crate::world::{Sender, World};

pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()).expect("a moment")
}

const PEOPLE: [(&str, &str); 3] = [("ann", "112"), ("bob", "113"), ("head", "114")];

/// A few in the gate; `RINGBACK_ROUNDS=50` measures.
fn calls() -> usize {
    let rounds: usize = std::env::var("RINGBACK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    if rounds > 5 { 300 } else { 12 }
}

#[test]
fn a_missed_customer_is_called_back_and_one_who_was_spoken_with_is_not() {
    let world = World::start();
    topic(&world, "cdr");
    let exchange = Exchange::start(world.folder.path(), &[]);
    let more = "[deliver]\nquiet_hours = []\nmax_per_hour = 100000\n";
    let folder = settings(&world, "cdr", &exchange, &["call_back"], &site(&PEOPLE), more);
    let process = Running::start(&mut world.run(&folder, &[]));
    let sender = Sender::to(&world.bootstrap, "cdr");
    let send = |lines: Vec<String>| {
        lines.iter().for_each(|line| sender.send("main", None, now_ms(), line.as_bytes()));
        sender.flush();
    };
    // One is answered at a second try before the first one is final; the others are not.
    let count = calls();
    send(missed(&customer(9999), "112", 90_000, now_ms() - 3000));
    send(answered(&customer(9999), "113", 90_001, now_ms(), 1));
    for n in 0..count {
        send(missed(&customer(n), "112", n * 2 + 1, now_ms()));
        std::thread::sleep(std::time::Duration::from_millis(if count > 100 { 200 } else { 20 }));
    }
    wait_until("all were dialed", || exchange.originates().len() >= count);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let originates = exchange.originates();
    let mut dialed: Vec<&str> = originates.iter().map(|originate| originate.dialed.as_str()).collect();
    dialed.sort_unstable();
    let expected: Vec<String> = (0..count).map(customer).collect();
    assert_eq!(dialed, expected);

    // How soon after the verdict was decided, by the table of verdicts.
    let office = Office::open(&format!("sqlite:{}", folder.join("office.db").display()), 5000).expect("the office");
    let mut late_ms: Vec<i64> = Vec::new();
    for n in 0..count {
        let number = customer(n);
        let decided = world.ask(&format!(
            "SELECT toUnixTimestamp64Milli(min(decided_at)) FROM verdicts WHERE is_final AND call_id = (SELECT call_id FROM calls_now WHERE caller = '{number}')"
        ));
        let decided: i64 = decided.trim().parse().expect("a moment");
        let at = originates.iter().find(|o| o.dialed == number).expect("dialed").at_ms;
        late_ms.push(at - decided);
    }
    let shown = |what: &str, mut ms: Vec<i64>| {
        ms.sort_unstable();
        let at = |share: f64| ms[((ms.len() - 1) as f64 * share) as usize];
        println!("{what}: p50 {} ms, p99 {} ms, of {}", at(0.5), at(0.99), ms.len());
    };
    // Where the time goes: told to the office, handled by the plugin, claimed, dialed.
    let events = office.events_after("main", 0, 10_000).expect("events");
    let (mut told, mut handled, mut claimed, mut placed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for event in events.iter().filter(|event| event.kind == "call-missed") {
        let body: calls_event::Event = serde_json::from_str(&event.body).expect("an event");
        let name = event.follow_up.as_deref().expect("a follow-up");
        let Some(action) = office.actions_of("main", name).expect("actions").into_iter().next() else { continue };
        // Of the one who was spoken with it is held or canceled.
        let Some(attempt) = office.attempts_of(&action.key).expect("attempts").into_iter().next() else { continue };
        let began = attempt.started_at;
        let at = originates.iter().find(|o| o.action_key == action.key).expect("dialed").at_ms;
        let told_at = i64::try_from(body.now.0).expect("a moment");
        told.push(told_at - event.at);
        handled.push(action.asked_at - told_at);
        claimed.push(began - action.asked_at);
        placed.push(at - began);
    }
    shown("from the final verdict to the command", late_ms);
    shown("  until it is told to the office", told);
    shown("  until the plugin has it", handled);
    shown("  until the dial is claimed", claimed);
    shown("  until the command is on the socket", placed);
    drop(process);
}
