//! From a final verdict to the command on the exchange's socket: that it comes, for what it comes, and how soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// A few in the gate; `RINGBACK_ROUNDS=50` measures 300, of which the first twentieth is left out of what is printed.
fn calls() -> usize {
    if told("RINGBACK_ROUNDS").unwrap_or(1) > 5 { 300 } else { 12 }
}

fn told(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// Answered calls of other customers all the while: none in the gate; `RINGBACK_LEGS_A_SECOND=5000` measures under that load.
struct Load {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Load {
    fn start(bootstrap: &str, legs_a_second: usize) -> Load {
        let (is_over, sender) = (Arc::new(AtomicBool::new(false)), Sender::to(bootstrap, "cdr"));
        let over = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let (began, mut sent) = (Instant::now(), 0);
            while !over.load(Ordering::Relaxed) {
                let wanted = (began.elapsed().as_secs_f64() * legs_a_second as f64) as usize;
                while sent < wanted {
                    let line =
                        &answered(&format!("+44203{:07}", sent % 10_000_000), "115", 100_000 + sent, now_ms(), 1)[0];
                    sender.send("main", None, now_ms(), line.as_bytes());
                    sent += 1;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            sender.flush();
            sent
        });
        Load { is_over, thread: Some(thread) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let sent = self.thread.take().map(JoinHandle::join);
        println!("{} legs beside", sent.and_then(Result::ok).unwrap_or(0));
    }
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
    let load = told("RINGBACK_LEGS_A_SECOND").map(|legs_a_second| Load::start(&world.bootstrap, legs_a_second));
    // One is answered at a second try before the first one is final; the others are not.
    let (count, mut sent_at) = (calls(), Vec::new());
    let now = now_ms();
    send(
        [missed(&customer(9999), "112", 90_000, now), answered(&customer(9999), "113", 90_001, now + 2000, 1)].concat(),
    );
    for n in 0..count {
        send(missed(&customer(n), "112", n * 2 + 1, now_ms()));
        sent_at.push(now_ms());
        std::thread::sleep(Duration::from_millis(if count > 100 { 200 } else { 20 }));
    }
    wait_until("all were dialed", || exchange.originates().len() >= count);
    drop(load);
    std::thread::sleep(Duration::from_secs(2));
    let originates = exchange.originates();
    let mut dialed: Vec<&str> = originates.iter().map(|originate| originate.dialed.as_str()).collect();
    dialed.sort_unstable();
    let expected: Vec<String> = (0..count).map(customer).collect();
    assert_eq!(dialed, expected);

    // How soon after the verdict was decided, by the table of verdicts; and after the call's last record was in the log.
    let office = Office::open(&format!("sqlite:{}", folder.join("office.db").display()), 5000).expect("the office");
    let (mut late_ms, mut since_record_ms) = (Vec::new(), Vec::new());
    for (n, sent_at) in sent_at.iter().enumerate() {
        let number = customer(n);
        let decided = world.ask(&format!(
            "SELECT toUnixTimestamp64Milli(min(decided_at)) FROM verdicts WHERE is_final AND call_id = (SELECT call_id FROM calls_now WHERE caller = '{number}')"
        ));
        let decided: i64 = decided.trim().parse().expect("a moment");
        let at = originates.iter().find(|o| o.dialed == number).expect("dialed").at_ms;
        late_ms.push(at - decided);
        since_record_ms.push(at - sent_at);
    }
    // The first calls find a broker, a database and a process that have done nothing yet.
    let warm = if count > 100 { count / 20 } else { 0 };
    let shown = |what: &str, mut ms: Vec<i64>| {
        ms.drain(..warm.min(ms.len().saturating_sub(1)));
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
    shown("from the last record to the command", since_record_ms);
    shown("from the final verdict to the command", late_ms);
    shown("  until it is told to the office", told);
    shown("  until the plugin has it", handled);
    shown("  until the dial is claimed", claimed);
    shown("  until the command is on the socket", placed);
    drop(process);
}
