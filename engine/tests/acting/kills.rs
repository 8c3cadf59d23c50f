//! `kill -9` at every step from a verdict to a telephone, twice over one office, and one process frozen past everything and woken:
//! nobody is dialed twice under one key, nobody who was spoken with is dialed, and what is not known is said.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use office::Office;
use serde_json::json;

use crate::calls::{answered, customer, missed, site};
use crate::exchange::Exchange;
use crate::installation::{settings, topic};
use crate::latency::now_ms;
use crate::mail::MailServer;
use crate::process::{signal, wait_until};
use crate::world::{SESSION_S, Sender, World};

const PEOPLE: [(&str, &str); 4] = [("ann", "112"), ("bob", "113"), ("eve", "115"), ("head", "114")];

/// Where a process is killed: each step between a verdict and what comes of it.
const PLACES: [&str; 11] = [
    "after_intent",
    "after_telling",
    "after_insert",
    "before_commit",
    "after_claim",
    "after_mail_claim",
    "after_send",
    "after_dial_claim",
    "after_dial",
    "after_outbox",
    "assigned",
];

/// Customers: some dozens in the gate. `RINGBACK_ROUNDS=50 cargo test -p engine --test acting kill -- --nocapture` has 2,000.
fn customers() -> usize {
    let rounds: usize = std::env::var("RINGBACK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    if rounds > 5 { 2000 } else { 60 }
}

/// What a customer does beside being missed once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Story {
    /// Nothing.
    Plain,
    /// Calls again in vain.
    Repeats,
    /// Calls again and is answered before the first call is final.
    ReachesUs,
    /// An earlier call in vain is told late.
    EarlierIsLate,
    /// A leg that is told late gives the call another name.
    Renamed,
    /// A telephone was busy; another one that rang out is told late, which is another outcome and another reason.
    OtherReason,
}

impl Story {
    fn of(n: usize) -> Story {
        let all =
            [Story::Plain, Story::Repeats, Story::ReachesUs, Story::EarlierIsLate, Story::Renamed, Story::OtherReason];
        all[n % all.len()]
    }
}

#[test]
fn killed_at_every_step_nobody_is_dialed_twice() {
    let world = World::start();
    topic(&world, "cdr");
    // What the exchange does is chosen by the last digit that is dialed: every way that a call back can end.
    let plays = [
        ("1", "customer-busy"),
        ("2", "customer-invalid"),
        ("3", "person-no-answer"),
        ("4", "person-busy"),
        ("5", "customer-network"),
        ("6", "person-gives-up"),
    ];
    let mut rules: Vec<serde_json::Value> =
        plays.iter().map(|(end, play)| json!({"dialed_ends": end, "play": play})).collect();
    rules.push(json!({"dialed_ends": "47", "play": "answered", "stop_before": "Response", "then": "drop"}));
    let exchange = Exchange::start(world.folder.path(), &rules);
    let mails = MailServer::start(world.folder.path());
    let more = format!(
        "[deliver]\nquiet_hours = []\nmax_per_hour = 100000\nretry_after_s = 1\nattempt_s = 15\nat_once_max = 16\n\
         [smtp]\nhost = \"127.0.0.1\"\nport = {}\nfrom = \"calls@acme.example\"\n[plugin.call_back.settings]\nmax_attempts = 1\n",
        mails.port
    );
    let folder = settings(&world, "cdr", &exchange, &["call_back", "notify_missed"], &site(&PEOPLE), &more);
    let killer = Arc::new(Killer { seed: AtomicU64::new(7), is_calm: AtomicBool::new(false), ..Killer::default() });
    let pair = [Pair::start("one", &world, &folder, &killer), Pair::start("two", &world, &folder, &killer)];
    let count = customers();
    let sender = Sender::to(&world.bootstrap, "cdr");
    let send = |lines: Vec<String>| {
        lines.iter().for_each(|line| sender.send("main", None, now_ms(), line.as_bytes()));
        sender.flush();
    };
    let mut late: Vec<(usize, Vec<String>)> = Vec::new();
    let mut frozen_since = None;
    for n in 0..count {
        let (number, extension, now) = (customer(n), PEOPLE[n % 3].1, now_ms());
        let call = n * 4 + 1;
        if Story::of(n) == Story::ReachesUs {
            // Told well before the miss is certain: nobody can know of a talk that is told after it.
            send(
                [
                    missed(&number, extension, call, now),
                    answered(&number, PEOPLE[(n + 1) % 3].1, call + 1, now + 2000, 1),
                ]
                .concat(),
            );
        } else if Story::of(n) == Story::OtherReason {
            send(missed(&number, extension, call, now).iter().map(|line| line.replace("NO ANSWER", "BUSY")).collect());
        } else {
            send(missed(&number, extension, call, now));
        }
        match Story::of(n) {
            Story::Repeats => late.push((n + 3, missed(&number, extension, call + 1, now + 1000))),
            Story::EarlierIsLate => late.push((n + 4, missed(&number, "113", call + 1, now - 600_000))),
            Story::Renamed => late.push((n + 4, renaming(&number, extension, call, now))),
            Story::OtherReason => late.push((n + 4, ringing_too(&number, PEOPLE[(n + 1) % 3].1, call, now))),
            Story::Plain | Story::ReachesUs => {}
        }
        for (_, lines) in late.extract_if(.., |(at, _)| *at <= n) {
            send(lines);
        }
        if n == count / 3 {
            pair[0].signal("STOP");
            frozen_since = Some(n);
        }
        // Past the session, the leases and the moment from which a claim is an orphan.
        if frozen_since.is_some_and(|since| n == (since + count / 3).min(count - 1)) {
            std::thread::sleep(Duration::from_secs(SESSION_S + 20));
            pair[0].signal("CONT");
        }
        std::thread::sleep(Duration::from_millis(if count > 100 { 60 } else { 250 }));
    }
    late.into_iter().for_each(|(_, lines)| send(lines));
    killer.is_calm.store(true, Ordering::SeqCst);
    let office = Office::open(&format!("sqlite:{}", folder.join("office.db").display()), 10_000).expect("the office");
    let owed: BTreeSet<String> = (0..count).filter(|n| Story::of(*n) != Story::ReachesUs).map(customer).collect();
    let is_settled = |status: &str| matches!(status, "done" | "failed" | "unknown" | "held" | "expired" | "canceled");
    let settled = || {
        let counts = office.counts().expect("counts").actions;
        let open: i64 = counts.iter().filter(|c| !is_settled(&c.status)).map(|c| c.count).sum();
        let dials: i64 = counts.iter().filter(|c| c.kind == "call_back").map(|c| c.count).sum();
        open == 0 && dials >= i64::try_from(owed.len()).expect("few")
    };
    let waited_since = std::time::Instant::now();
    while !settled() && waited_since.elapsed() < Duration::from_secs(150) {
        std::thread::sleep(Duration::from_millis(500));
    }
    let counts = office.counts().expect("counts").actions;
    println!("{} kills; {counts:?}", killer.kills.load(Ordering::SeqCst));
    println!("{:?}", killer.places.lock().expect("places"));

    let originates = exchange.originates();
    let mut of_key: BTreeMap<&str, usize> = BTreeMap::new();
    originates.iter().for_each(|originate| *of_key.entry(&originate.action_key).or_default() += 1);
    let twice: Vec<_> = of_key.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "dialed more than once under one key: {twice:?}");
    let mut of_customer: BTreeMap<&str, usize> = BTreeMap::new();
    originates.iter().for_each(|originate| *of_customer.entry(&originate.dialed).or_default() += 1);
    let twice: Vec<_> = of_customer.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "customers who were dialed more than once: {twice:?}");
    let spoken: Vec<String> = (0..count).filter(|n| Story::of(*n) == Story::ReachesUs).map(customer).collect();
    let dialed: Vec<&String> = spoken.iter().filter(|number| of_customer.contains_key(number.as_str())).collect();
    assert!(dialed.is_empty(), "dialed though somebody spoke with them: {dialed:?}");
    let reached = owed.iter().filter(|number| of_customer.contains_key(number.as_str())).count();
    let unknown: i64 = counts.iter().filter(|c| c.status == "unknown" && c.kind == "call_back").map(|c| c.count).sum();
    println!("{reached} of {} owed were dialed, {unknown} are unknown", owed.len());
    assert!(reached + usize::try_from(unknown).expect("few") >= owed.len(), "neither dialed nor unknown");
    assert!(reached * 100 >= owed.len() * 95 || count < 1000, "{reached} of {}", owed.len());

    let turned: Vec<String> = (0..count).filter(|n| Story::of(*n) == Story::OtherReason).map(customer).collect();
    let names = turned.iter().map(|number| format!("'{number}'")).collect::<Vec<_>>().join(",");
    let reasons = || {
        world.ask(&format!(
            "SELECT outcome, reason, count() FROM calls_now WHERE caller IN ({names}) GROUP BY outcome, reason"
        ))
    };
    let expected = format!("no_answer\trang_unanswered\t{}\n", turned.len());
    wait_until("the late ones changed the reasons", || reasons() == expected);

    let arrived = mails.arrived();
    let mut of_name: BTreeMap<String, usize> = BTreeMap::new();
    arrived.iter().for_each(|mail| *of_name.entry(mail.message_id.clone()).or_default() += 1);
    let twice: Vec<_> = of_name.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "mails that arrived more than once: {twice:?}");
    println!("{} mails arrived, each once", of_name.len());
    assert!(!of_name.is_empty());
    drop(pair);
}

/// A leg of the same call that is told late, with an id that is before the others': the call is called after it.
fn renaming(number: &str, extension: &str, call: usize, ended_ms: i64) -> Vec<String> {
    let first = missed(number, extension, call, ended_ms).swap_remove(0);
    let id = format!("\"{}.{call}\"", (ended_ms - 7000) / 1000);
    let before = format!("\"{}.{call}\"", (ended_ms - 7000) / 1000 - 1);
    // The unique id is the first of the two; the other joins it to the call.
    vec![first.replacen(&id, &before, 1)]
}

/// Another telephone that rang out in the same call.
fn ringing_too(number: &str, extension: &str, call: usize, ended_ms: i64) -> Vec<String> {
    let rang = missed(number, extension, call, ended_ms).swap_remove(0);
    vec![rang.replacen(&format!("\"{extension}\",\"1\","), &format!("\"{extension}\",\"3\","), 1)]
}

/// Decides where each process is killed.
#[derive(Default)]
struct Killer {
    seed: AtomicU64,
    is_calm: AtomicBool,
    kills: AtomicU32,
    places: Mutex<BTreeMap<&'static str, u32>>,
}

impl Killer {
    fn next(&self) -> Option<(&'static str, u64)> {
        if self.is_calm.load(Ordering::SeqCst) {
            return None;
        }
        let seed = self.seed.fetch_add(1, Ordering::SeqCst);
        let place = PLACES[usize::try_from(seed).expect("few") % PLACES.len()];
        // Not always the first time that it comes there.
        Some((place, 1 + seed * 7 % 5))
    }
}

/// A process under a supervisor that kills it where it was told to, and starts it again.
struct Pair {
    pid: Arc<AtomicU32>,
    is_leaving: Arc<AtomicBool>,
    supervisor: Option<JoinHandle<()>>,
}

impl Pair {
    fn start(name: &'static str, world: &World, settings: &Path, killer: &Arc<Killer>) -> Pair {
        let (pid, is_leaving) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let (told, leaving, killer) = (Arc::clone(&pid), Arc::clone(&is_leaving), Arc::clone(killer));
        let mut command = world.run(settings, &[]);
        command.stderr(Stdio::piped()).stdout(Stdio::null());
        let supervisor = std::thread::spawn(move || {
            while !leaving.load(Ordering::SeqCst) {
                let place = killer.next();
                match place {
                    Some((place, nth)) => command.env("RINGBACK_FAILPOINT", format!("{place}:{nth}")),
                    None => command.env_remove("RINGBACK_FAILPOINT"),
                };
                let mut process = command.spawn().expect("it starts");
                told.store(process.id(), Ordering::SeqCst);
                for line in BufReader::new(process.stderr.take().expect("a pipe")).lines().map_while(Result::ok) {
                    println!("{name}: {line}");
                    assert!(!line.contains("panicked"), "{line}");
                    if line.starts_with("failpoint ") {
                        let _ = process.kill();
                        killer.kills.fetch_add(1, Ordering::SeqCst);
                        *killer.places.lock().expect("places").entry(place.map_or("", |p| p.0)).or_default() += 1;
                    }
                }
                let _ = process.wait();
                told.store(0, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        Pair { pid, is_leaving, supervisor: Some(supervisor) }
    }

    fn signal(&self, name: &str) {
        wait_until("the process runs", || self.pid.load(Ordering::SeqCst) > 0);
        let pid = self.pid.load(Ordering::SeqCst);
        let _ = std::process::Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.is_leaving.store(true, Ordering::SeqCst);
        let pid = self.pid.load(Ordering::SeqCst);
        if pid > 0 {
            signal("KILL", pid);
        }
        let _ = self.supervisor.take().expect("a supervisor").join();
    }
}
