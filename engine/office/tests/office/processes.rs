//! Several processes on one file, killed and racing: one winner each, and every transaction is there as a whole or not at all.
//!
//! A process is this test binary again, told by its environment what to do; what it says on its standard output are lines that begin with `@`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;

use office::{
    Ask, Change, ClaimDial, Claimed, Ended, Error, Event, Handled, NewAction, Office, Outcome, OutcomeStatus, Owner,
    Spoken, Status, Told,
};

use crate::{T0, call_back, event, follow_up, office, open, told};

const ROLE: &str = "OFFICE_TEST_ROLE";
const FOLDER: &str = "OFFICE_TEST_FOLDER";
const NAME: &str = "OFFICE_TEST_NAME";

fn start(role: &str, folder: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::as_another_process", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a process says, until it ends.
fn lines(child: &mut Child) -> Vec<String> {
    let output = BufReader::new(child.stdout.take().unwrap());
    output.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix('@').map(str::to_owned)).collect()
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n@{line}").unwrap();
    output.flush().unwrap();
}

/// Does nothing unless it is started by another test.
#[test]
fn as_another_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    let name = std::env::var(NAME).unwrap();
    match role.as_str() {
        "open" => drop(open(&folder)),
        "dial" => dial_everything(&folder, &name),
        "deal" => deal_with_everything(&folder, &name),
        "run" => run(&folder, &name),
        "tell" => tell_for_ever(&folder),
        "until replaced" => tell_until_replaced(&folder, name.parse().unwrap()),
        other => panic!("no role {other}"),
    }
}

#[test]
fn many_may_open_a_new_office_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let mut children: Vec<Child> = (0..6).map(|n| start("open", folder.path(), &n.to_string())).collect();
        for child in &mut children {
            lines(child);
            assert!(child.wait().unwrap().success());
        }
    }
}

const ACTIONS: usize = 60;
const NUMBERS: usize = 40;

fn dial_everything(folder: &Path, name: &str) {
    let seed = name.bytes().fold(7_u64, |seed, byte| seed * 31 + u64::from(byte));
    let office = open(folder);
    let one = |thread: u64| {
        let mut keys: Vec<usize> = (0..ACTIONS).collect();
        fastrand::Rng::with_seed(seed + thread).shuffle(&mut keys);
        for key in keys {
            let ask = ClaimDial {
                action_key: format!("a{key}"),
                holder: format!("{name}.{thread}"),
                now: T0,
                until: T0 + 1000,
                number: format!("+44{}", key % NUMBERS),
                redial_pause_ms: 60_000,
                max_per_hour: 30,
            };
            if office.claim_dial(&ask).unwrap() == Claimed::Yes {
                say(&format!("{key} {name}.{thread}"));
            }
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || one(thread));
        }
    });
}

/// Of several actions with one number one is dialed, each by one, and no more than a company may.
#[test]
fn of_all_who_want_to_dial_one_does() {
    let (folder, office) = office();
    for key in 0..ACTIONS {
        assert!(office.ask("acme", "person:ann", &call_back(&format!("a{key}"), None), T0).unwrap());
    }
    let mut children: Vec<Child> = (0..4).map(|n| start("dial", folder.path(), &format!("p{n}"))).collect();
    let mut winners: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for child in &mut children {
        for line in lines(child) {
            let (key, holder) = line.split_once(' ').unwrap();
            winners.entry(key.parse().unwrap()).or_default().push(holder.to_owned());
        }
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(winners.len(), 30, "max_per_hour");
    let numbers: BTreeSet<usize> = winners.keys().map(|key| key % NUMBERS).collect();
    assert_eq!(numbers.len(), 30, "a number was dialed twice: {winners:?}");
    for (key, holders) in &winners {
        let key = format!("a{key}");
        let attempts = office.attempts_of(&key).unwrap();
        let stored: Vec<String> = attempts.into_iter().map(|attempt| attempt.holder).collect();
        assert_eq!((holders.len(), holders), (1, &stored), "{key}");
        assert_eq!(office.action(&key).unwrap().unwrap().status, Status::Claimed);
    }
    assert_eq!(office.claims_of("dial").unwrap().len(), 30);
}

/// At once, over two connections of their own to one file: whoever loses hears who won.
#[test]
fn of_two_hundred_who_want_to_deal_with_a_follow_up_one_does() {
    let (folder, office) = office();
    office.tell(&told(vec![], vec![follow_up("f1", "+44")])).unwrap();
    let (other, all) = (open(folder.path()), Barrier::new(200));
    let claimed: Vec<(String, Claimed)> = std::thread::scope(|scope| {
        let ask = |n: usize| {
            let (office, all) = ([&office, &other][n % 2], &all);
            let person = format!("person:{n}");
            move || {
                all.wait();
                let claimed = office.deal("acme", "f1", &person, T0, T0 + 1000).unwrap();
                (person, claimed)
            }
        };
        let threads: Vec<_> = (0..200).map(|n| scope.spawn(ask(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|(_, claimed)| *claimed == Claimed::Yes);
    let [(winner, _)] = &won[..] else { panic!("{won:?}") };
    let taken = Claimed::Taken { holder: winner.clone(), since: T0 };
    assert_eq!((lost.len(), lost.iter().find(|(_, claimed)| *claimed != taken)), (199, None));
    let heard: Vec<String> = office.outbox_unsent(500).unwrap().into_iter().map(|record| record.id).collect();
    assert_eq!(heard, [format!("claim:f1:{winner}:{T0}")], "the log hears of the winner alone");
}

const FOLLOW_UPS: usize = 50;

fn deal_with_everything(folder: &Path, name: &str) {
    let seed = name.bytes().fold(7_u64, |seed, byte| seed * 31 + u64::from(byte));
    let office = open(folder);
    let one = |thread: u64| {
        let person = format!("person:{name}.{thread}");
        let mut names: Vec<usize> = (0..FOLLOW_UPS).collect();
        fastrand::Rng::with_seed(seed + thread).shuffle(&mut names);
        for n in names {
            match office.deal("acme", &format!("f{n}"), &person, T0, T0 + 1000).unwrap() {
                Claimed::Yes => say(&format!("{n} has {person}")),
                Claimed::Taken { holder, since: T0 } => say(&format!("{n} heard {holder}")),
                other => panic!("{other:?}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || one(thread));
        }
    });
}

#[test]
fn processes_that_want_to_deal_with_all_follow_ups_share_them() {
    let (folder, office) = office();
    let all = (0..FOLLOW_UPS).map(|n| follow_up(&format!("f{n}"), &format!("+44{n}"))).collect();
    office.tell(&told(vec![], all)).unwrap();
    let mut children: Vec<Child> = (0..4).map(|n| start("deal", folder.path(), &format!("p{n}"))).collect();
    let (mut has, mut heard) = (BTreeMap::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for child in &mut children {
        let said = lines(child);
        assert!(child.wait().unwrap().success());
        assert_eq!(said.len(), 2 * FOLLOW_UPS);
        for line in said {
            let [n, what, person] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            match what {
                "has" => assert_eq!(has.insert(n.to_owned(), person.to_owned()), None, "two have {n}"),
                _ => drop(heard.entry(n.to_owned()).or_default().insert(person.to_owned())),
            }
        }
    }
    let named: BTreeMap<String, BTreeSet<String>> =
        has.iter().map(|(n, person)| (n.clone(), BTreeSet::from([person.clone()]))).collect();
    assert_eq!((has.len(), heard), (FOLLOW_UPS, named), "who lost heard who has it");
    let mut records: Vec<String> = office.outbox_unsent(500).unwrap().into_iter().map(|record| record.id).collect();
    let mut wanted: Vec<String> = has.iter().map(|(n, person)| format!("claim:f{n}:{person}:{T0}")).collect();
    records.sort();
    wanted.sort();
    assert_eq!(records, wanted);
}

const EVENTS: i64 = 120;

/// A runner of one plugin: it counts what it hears, asks for an action with each, and wants to hear every second again.
fn run(folder: &Path, name: &str) {
    let office = open(folder);
    let mut chance = fastrand::Rng::with_seed(name.bytes().map(u64::from).sum());
    let (mut applied, mut refused) = (0, 0);
    loop {
        let position = office.position("p", "acme").unwrap();
        let retries = office.retries_due("p", "acme", T0 + 1, 1).unwrap();
        let queue = office.events_after("acme", position.seq, chance.usize(1..5)).unwrap();
        let heard: Vec<_> = if !retries.is_empty() && (queue.is_empty() || chance.bool()) {
            retries.into_iter().map(|retry| (retry.event, retry.attempts + 1)).collect()
        } else {
            queue.into_iter().map(|event| (event, 1)).collect()
        };
        let Some(last) = heard.last() else { break };
        let count = office.state("p", "acme", "count").unwrap().unwrap_or_default();
        let mut count: i64 = String::from_utf8(count).unwrap().parse().unwrap_or_default();
        let to_seq = position.seq.max(last.0.seq);
        let mut handled =
            Handled { plugin: "p".into(), tenant: "acme".into(), position, to_seq, now: T0, ..Handled::default() };
        for (event, attempts) in &heard {
            let later = event.seq % 2 == 0 && *attempts == 1;
            if !later {
                count += 1;
                let action = NewAction { event_id: event.event_id.clone(), ..call_back(&event.event_id, None) };
                handled.asked.push(Ask::Action(action));
            }
            handled.outcomes.push(Outcome {
                event_id: event.event_id.clone(),
                seq: event.seq,
                status: if later { OutcomeStatus::Later } else { OutcomeStatus::Done },
                attempts: *attempts,
                due_at: later.then_some(T0),
                detail: name.to_owned(),
            });
        }
        handled.state.push(Change { key: "count".into(), value: Some(count.to_string().into_bytes()) });
        if office.handled(&handled).unwrap() {
            applied += 1;
        } else {
            refused += 1;
        }
    }
    say(&format!("{applied} {refused}"));
}

#[test]
fn several_runners_handle_each_event_once() {
    let (folder, office) = office();
    office.tell(&told((0..EVENTS).map(|n| event(&format!("e{n}"))).collect(), vec![])).unwrap();
    let mut children: Vec<Child> = (0..4).map(|n| start("run", folder.path(), &format!("r{n}"))).collect();
    let mut applied = 0;
    for child in &mut children {
        let said = lines(child);
        assert!(child.wait().unwrap().success());
        applied += said[0].split_once(' ').unwrap().0.parse::<i64>().unwrap();
    }
    let position = office.position("p", "acme").unwrap();
    assert_eq!((position.seq, position.turn), (EVENTS, applied));
    assert_eq!(office.state("p", "acme", "count").unwrap().unwrap(), EVENTS.to_string().into_bytes());
    let outcomes = office.outcomes("p", "acme", OutcomeStatus::Done, None, 1000).unwrap();
    let mut heard: Vec<(i64, i64)> = outcomes.iter().map(|outcome| (outcome.seq, outcome.attempts)).collect();
    heard.sort_unstable();
    assert_eq!(heard, (1..=EVENTS).map(|seq| (seq, if seq % 2 == 0 { 2 } else { 1 })).collect::<Vec<_>>());
    let waiting = office.counts().unwrap();
    assert_eq!((waiting.actions[0].count, waiting.retries_waiting), (EVENTS, 0));
}

/// One after the other, each in two transactions: what the stream tells, and what a plugin makes of it and what comes of that.
fn tell_for_ever(folder: &Path) {
    let office = open(folder);
    let mut next =
        office.state("p", "acme", "n").unwrap().map_or(0, |n| String::from_utf8(n).unwrap().parse().unwrap());
    loop {
        next += 1;
        office.tell(&batch(next)).unwrap();
        let position = office.position("p", "acme").unwrap();
        let handled = Handled {
            plugin: "p".into(),
            tenant: "acme".into(),
            position,
            to_seq: position.seq + 3,
            now: T0,
            state: vec![Change { key: "n".into(), value: Some(next.to_string().into_bytes()) }],
            asked: vec![Ask::Action(NewAction { kind: "email".into(), ..call_back(&format!("a{next}"), None) })],
            ..Handled::default()
        };
        // Its own event of the delivery before it is heard with the three.
        let to_seq = office.last_seq("acme").unwrap();
        assert!(office.handled(&Handled { to_seq, ..handled }).unwrap());
        let key = format!("a{next}");
        assert_eq!(office.claim_action(&key, "one", T0, T0 + 1).unwrap(), Claimed::Yes);
        let ended = Ended { key, holder: "one".into(), status: Status::Done, now: T0, ..Ended::default() };
        assert!(office.ended(&ended).unwrap());
        say(&next.to_string());
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// It tells until it is told that somebody else does.
fn tell_until_replaced(folder: &Path, epoch: u8) {
    let office = open(folder);
    for n in 1.. {
        let owner = Owner { epoch: epoch - 1, versions: 1 };
        let n = i64::from(epoch) * 1_000_000 + n;
        match office.tell(&Told { owner, ..batch(n) }) {
            Ok(_) => say(&n.to_string()),
            Err(Error::Replaced { .. }) => return,
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn who_was_frozen_and_replaced_writes_nothing_when_it_wakes() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let impatient = Office::open(&format!("sqlite:{}/office.db", folder.path().display()), 5).unwrap();
    let mut chance = fastrand::Rng::with_seed(7);
    for epoch in 2..12 {
        let mut child = start("until replaced", folder.path(), &epoch.to_string());
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        output.by_ref().find(|line| line.starts_with('@')).unwrap();
        // One that is frozen within a transaction keeps everybody from writing; nothing helps but to wake it, or to kill it.
        loop {
            std::thread::sleep(std::time::Duration::from_micros(chance.u64(0..3_000)));
            signal(&child, "-STOP");
            match impatient.take_over("records", 0, Owner { epoch, versions: 1 }) {
                Ok(()) => break,
                Err(Error::Busy { .. }) => signal(&child, "-CONT"),
                Err(e) => panic!("{e}"),
            }
        }
        let before = impatient.last_seq("acme").unwrap();
        signal(&child, "-CONT");
        output.for_each(drop);
        assert!(child.wait().unwrap().success());
        assert_eq!(impatient.last_seq("acme").unwrap(), before);
    }
}

fn batch(n: i64) -> Told {
    let events: Vec<Event> = (0..3).map(|part| event(&format!("e{n}.{part}"))).collect();
    let spoken = vec![Spoken { tenant: "acme".into(), number: format!("+{n}"), at: T0 + n, call: "c1".into() }];
    Told { spoken, ..told(events, vec![follow_up(&format!("f{n}"), &format!("+{n}"))]) }
}

#[test]
fn killed_at_any_moment_no_transaction_is_lost_or_half() {
    let (folder, office) = office();
    let mut chance = fastrand::Rng::with_seed(20_261_124);
    let mut acknowledged = 0;
    for round in 0..25 {
        let mut child = start("tell", folder.path(), "");
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        // So many transactions, and then somewhere in the next ones.
        let mut wanted = chance.usize(1..6);
        let last = |line: String| line.strip_prefix('@').and_then(|n| n.parse::<i64>().ok());
        while wanted > 0 {
            if let Some(n) = output.next().unwrap().ok().and_then(last) {
                acknowledged = n;
                wanted -= 1;
            }
        }
        std::thread::sleep(std::time::Duration::from_micros(chance.u64(0..9_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged = output.map_while(Result::ok).filter_map(last).last().unwrap_or(acknowledged);
        check_whole(&office, acknowledged, round);
    }
    check_whole(&open(folder.path()), acknowledged, 99);
}

fn check_whole(office: &Office, acknowledged: i64, round: usize) {
    let mut events = Vec::new();
    loop {
        let more = office.events_after("acme", i64::try_from(events.len()).unwrap(), 500).unwrap();
        if more.is_empty() {
            break;
        }
        events.extend(more);
    }
    let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>(), "round {round}: no gap");
    assert_eq!(office.last_seq("acme").unwrap(), seqs.len() as i64);
    let ids: BTreeSet<&str> = events.iter().map(|event| &*event.event_id).collect();
    let told = ids.iter().filter(|id| id.starts_with('e') && id.ends_with(".0")).count() as i64;
    for n in 1..=told {
        let found = (0..3).filter(|part| ids.contains(&*format!("e{n}.{part}"))).count();
        let follow_up = office.follow_up("acme", &format!("f{n}")).unwrap();
        let spoken = office.spoken("acme", &format!("+{n}")).unwrap();
        assert_eq!(
            (found, follow_up.is_some(), spoken),
            (3, true, Some(T0 + n)),
            "round {round}: of what was told at {n}"
        );
    }
    let n =
        office.state("p", "acme", "n").unwrap().map_or(0, |n| String::from_utf8(n).unwrap().parse::<i64>().unwrap());
    let ended = (1..=told + 1)
        .filter(|n| {
            let action = office.action(&format!("a{n}")).unwrap();
            let action_is = action.as_ref().map(|action| action.status);
            let event = ids.contains(&*format!("delivery-ended:a{n}:1:done"));
            let attempt = office.attempts_of(&format!("a{n}")).unwrap().first().map(|attempt| attempt.status);
            let is_claimed = office.claims_of("action").unwrap().iter().any(|claim| claim.key == format!("a{n}"));
            let states = [
                (None, None, false, false),
                (Some(Status::Due), None, false, false),
                (Some(Status::Claimed), Some(Status::Claimed), true, false),
                (Some(Status::Done), Some(Status::Done), false, true),
            ];
            let state = (action_is, attempt, is_claimed, event);
            assert!(states.contains(&state), "round {round}: a{n} is half: {state:?}");
            event
        })
        .count() as i64;
    let records = office.outbox_unsent(100_000).unwrap();
    assert_eq!(records.len() as i64, ended, "round {round}: a record for each delivery");
    assert!(office.action(&format!("a{n}")).unwrap().is_some() || n == 0, "round {round}: state without its action");
    assert!(office.action(&format!("a{}", n + 1)).unwrap().is_none(), "round {round}: an action without its state");
    assert!(told >= n && n >= acknowledged, "round {round}: told {told}, handled {n}, acknowledged {acknowledged}");
    assert!(
        ids.contains(&*format!("delivery-ended:a{acknowledged}:1:done")),
        "round {round}: {acknowledged} was acknowledged"
    );
}
