//! Something breaks while records flow, is mended, and in the end the tables are those of one undisturbed run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::NaiveDate;

use crate::kills::is_long;
use crate::member::Member;
use crate::process::{all_cases, run, wait_until};
use crate::windows::windows_equal_a_recount;
use crate::world::{SESSION_S, Sender, World, written_ms};

/// How records come.
#[derive(Clone, Copy)]
enum Feed {
    /// All of them before anything else.
    AtOnce,
    /// A few of each company, again and again, until what breaks is mended.
    Slowly,
}

/// An installation in which something will break.
struct Trial {
    world: World,
    settings: PathBuf,
    flow: Flow,
}

/// Records on their way.
struct Flow {
    sent: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    feeder: Option<JoinHandle<Vec<u8>>>,
}

const TOPIC: &str = "cdr";

/// Each has a partition of its own.
const COMPANIES: [&str; 3] = ["acme", "bolt", "cove"];

/// Records of each company that are sent together, and the pause between.
const TOGETHER: usize = 4;
const PAUSE: Duration = Duration::from_millis(60);

/// Breaks something in an installation with these records, and looks at what is there in the end.
fn check(feed: Feed, breaks: impl FnOnce(&mut Trial)) {
    let world = World::start();
    world.topic(TOPIC, COMPANIES.len() as i32);
    let settings = world.settings_of(TOPIC, &COMPANIES);
    let flow = Flow::start(&world, feed);
    let mut trial = Trial { world, settings, flow };
    breaks(&mut trial);
    let Trial { world, settings, flow } = trial;
    let records = flow.end();
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.check_audit();
    world.check_nothing_is_left(TOPIC);
    world.check_companies(&COMPANIES, &records);
    windows_equal_a_recount(&world, &COMPANIES, &records);
}

impl Flow {
    fn start(world: &World, feed: Feed) -> Flow {
        let (sent, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let sender = Sender::to(&world.bootstrap, TOPIC);
        let (counted, stop) = (Arc::clone(&sent), Arc::clone(&is_over));
        let feeder = std::thread::spawn(move || {
            let times = if let Feed::AtOnce = feed { 3 } else { TIMES_MAX };
            let records = weeks(times);
            let lines: Vec<&str> = records.lines().collect();
            // A file's clock believes that days have passed when the second record says so, the log's at once: none ends between.
            let is_behind_a_leap = |sent: usize| sent % (lines.len() / times as usize) < 4 * TOGETHER;
            let mut fed = Vec::new();
            for some in lines.chunks(TOGETHER) {
                for (company, partition) in COMPANIES.iter().zip(0..) {
                    for line in some {
                        sender.send(company, Some(partition), written_ms(line.as_bytes()), line.as_bytes());
                    }
                }
                fed.extend(some.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()));
                counted.fetch_add(some.len(), Ordering::SeqCst);
                if let Feed::Slowly = feed {
                    if stop.load(Ordering::SeqCst) && !is_behind_a_leap(counted.load(Ordering::SeqCst)) {
                        break;
                    }
                    std::thread::sleep(PAUSE);
                }
            }
            sender.flush();
            fed
        });
        let flow = Flow { sent, is_over, feeder: Some(feeder) };
        if let Feed::AtOnce = feed {
            wait_until("the feeder has sent everything", || flow.feeder.as_ref().is_some_and(JoinHandle::is_finished));
        }
        flow
    }

    /// Waits until so many records more of each company have been sent.
    fn wait(&self, more: usize) {
        let until = self.sent.load(Ordering::SeqCst) + more;
        let is_over = || self.feeder.as_ref().is_none_or(JoinHandle::is_finished);
        wait_until("records flow", || self.sent.load(Ordering::SeqCst) >= until || is_over());
        assert!(!is_over(), "there are no more records: what breaks takes too long");
    }

    /// Ends it, and gives what each company had.
    fn end(mut self) -> Vec<u8> {
        self.is_over.store(true, Ordering::SeqCst);
        self.feeder.take().expect("a feeder").join().expect("fed")
    }
}

/// The records of all cases again and again, each time some days later and with ids of its own; all of the past, since brokers take
/// none of the future.
pub fn weeks(times: u32) -> String {
    let once = String::from_utf8(all_cases("cdr-full.csv")).expect("text");
    let days: Vec<NaiveDate> = (22..=25).map(|day| NaiveDate::from_ymd_opt(2026, 11, day).expect("a day")).collect();
    let later = |n: u32| {
        let ids = once.replace("\"1795", &format!("\"17{n:02}"));
        days.iter().fold(ids, |text, day| {
            let moved = *day - chrono::Days::new(u64::from(TIMES_MAX - n) * APART_DAYS);
            text.replace(&day.to_string(), &moved.to_string())
        })
    };
    (0..times).map(later).collect()
}

/// Longer than the cases are apart from each other and than a follow-up is open, and shorter than what an engine reads back when it starts.
const APART_DAYS: u64 = 8;

/// Two digits of an id tell which time it is.
const TIMES_MAX: u32 = 95;

impl Trial {
    fn member(&self, name: &'static str) -> Member {
        Member::start(name, &self.world, &self.settings)
    }

    /// Waits until so many records of each company are stored in all.
    fn wait_for_stored(&self, number: usize) {
        let stored = || {
            let least = "SELECT min(records) FROM (SELECT uniqExact(position) AS records FROM legs GROUP BY partition)";
            self.world.ask(least).trim().parse::<usize>().unwrap_or(0)
        };
        wait_until(&format!("{number} records of each company are stored"), || stored() >= number);
    }
}

#[test]
fn the_database_is_gone_for_a_while() {
    check(Feed::Slowly, |trial| {
        let member = trial.member("only");
        member.wait_for_partitions(COMPANIES.len());
        for _ in 0..if is_long() { 3 } else { 2 } {
            trial.wait_for_stored(60);
            trial.world.stop_database();
            std::thread::sleep(Duration::from_secs(if is_long() { 60 } else { 3 }));
            trial.world.start_database();
            trial.wait_for_stored(120);
        }
        assert_eq!(member.ends(), 0, "a database that is away is waited for");
        member.leave();
    });
}

#[test]
fn the_broker_is_restarted() {
    check(Feed::Slowly, |trial| {
        let member = trial.member("only");
        member.wait_for_partitions(COMPANIES.len());
        for round in 1..=2 {
            trial.flow.wait(40);
            trial.world.stop_broker();
            std::thread::sleep(Duration::from_secs(if is_long() { 30 } else { 1 }));
            trial.world.start_broker();
            trial.wait_for_stored(150 * round);
        }
        member.leave();
    });
}

#[test]
fn a_second_process_joins_and_leaves() {
    check(Feed::Slowly, |trial| {
        let first = trial.member("first");
        first.wait_for_partitions(COMPANIES.len());
        for _ in 0..2 {
            let second = trial.member("second");
            second.wait_for_partitions(1);
            first.wait_for_partitions(COMPANIES.len() - 1);
            trial.flow.wait(40);
            second.leave();
            first.wait_for_partitions(COMPANIES.len());
            trial.flow.wait(40);
        }
        assert_eq!(first.ends(), 0, "nobody has to end when another comes or goes");
        first.leave();
    });
}

#[test]
fn a_frozen_process_wakes_when_another_has_its_partitions() {
    check(Feed::Slowly, |trial| {
        let frozen = trial.member("frozen");
        frozen.wait_for_partitions(COMPANIES.len());
        let other = trial.member("other");
        other.wait_for_partitions(1);
        trial.flow.wait(20);
        frozen.signal("STOP");
        std::thread::sleep(Duration::from_secs(SESSION_S));
        other.wait_for_partitions(COMPANIES.len());
        trial.flow.wait(40);
        frozen.signal("CONT");
        trial.flow.wait(100);
        other.leave();
        trial.flow.wait(40);
        frozen.leave();
    });
}

/// One that is frozen longer than its session, with nobody who takes over, comes back to a group that has forgotten it.
#[test]
fn a_process_that_was_frozen_alone_goes_on() {
    check(Feed::AtOnce, |trial| {
        let member = trial.member("only");
        trial.wait_for_stored(40);
        member.signal("STOP");
        std::thread::sleep(Duration::from_secs(SESSION_S + 2));
        member.signal("CONT");
        trial.wait_for_stored(300);
        member.leave();
    });
}
