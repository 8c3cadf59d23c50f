//! Against a real broker: one for all tests, started by `deploy/kafka/start` and ended with this process.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use stream::keeper::CommitOutcome;

use super::probe::{Probed, probe};
use super::produce::{Outgoing, Producer};
use super::*;

const WAIT_MAX: Duration = Duration::from_secs(60);

/// The broker ends when its stdin closes: with this process, however that ends.
struct Broker {
    bootstrap: String,
    _stdin: Option<ChildStdin>,
    _child: Option<Child>,
    _folder: Option<tempfile::TempDir>,
}

fn bootstrap() -> &'static str {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    let start = || {
        if let Ok(bootstrap) = std::env::var("KAFKA_BOOTSTRAP") {
            return Broker { bootstrap, _stdin: None, _child: None, _folder: None };
        }
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/kafka/start"))
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let bootstrap = line.trim().strip_prefix("bootstrap=").expect("what the broker says").to_owned();
        Broker { bootstrap, _stdin: child.stdin.take(), _child: Some(child), _folder: Some(folder) }
    };
    &BROKER.get_or_init(start).bootstrap
}

/// Settings with a topic and a group of the test's own.
fn prepared(partitions: u32, settings: &[(&str, &str)]) -> (Config, String) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("calls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut config = Config::default();
    config.kafka.bootstrap = bootstrap().to_owned();
    config.kafka.group = format!("group-{name}");
    config.kafka.session_timeout_s = 6.try_into().unwrap();
    topic::make(&config.kafka, &name, partitions, settings).unwrap().unwrap();
    (config, name)
}

fn write(config: &Config, topic: &str, partition: u32, records: impl IntoIterator<Item = String>) {
    let producer = Producer::to(&config.kafka, topic).unwrap();
    for record in records {
        producer
            .send(Outgoing { partition: Some(partition), bytes: record.as_bytes(), ..Outgoing::default() })
            .unwrap();
    }
    producer.flush().unwrap();
}

/// What happened, so that it can be looked at.
#[derive(Debug, Default)]
struct Seen {
    /// Of the whole topic.
    partitions: u32,
    assigned: Vec<(u32, Option<Vec<u8>>, u64, u64)>,
    revoked: Vec<u32>,
    records: Vec<(u32, u64, String)>,
    answers: Vec<(u32, CommitOutcome)>,
    /// In the order of telling, in a word each.
    order: Vec<&'static str>,
}

impl Seen {
    fn note(&mut self, happened: Happened<'_>) {
        match happened {
            Happened::Assigned(of) => {
                self.partitions = of.partitions;
                self.order.push("assigned");
                self.assigned.push((of.number, of.register, of.first, of.next));
            }
            Happened::Revoked { partition } => {
                self.order.push("revoked");
                self.revoked.push(partition);
            }
            Happened::Record { partition, record } => {
                self.records.push((partition, record.offset, String::from_utf8_lossy(record.bytes).into_owned()));
            }
            Happened::Committed(answers) => {
                self.order.push("committed");
                self.answers.extend(answers);
            }
        }
    }
}

fn poll(source: &mut KafkaSource, seen: &mut Seen) {
    source.poll(Duration::from_millis(20), 5000, &mut |happened| seen.note(happened)).unwrap();
}

/// Polls until it is so.
fn until(source: &mut KafkaSource, seen: &mut Seen, what: &str, mut is_so: impl FnMut(&Seen) -> bool) {
    let began = Instant::now();
    while !is_so(seen) {
        assert!(began.elapsed() < WAIT_MAX, "not so after {WAIT_MAX:?}: {what}; {:?}", seen.order);
        poll(source, seen);
    }
}

fn joined(config: &Config, topic: &str, partitions: usize) -> (KafkaSource, Seen) {
    let (mut source, mut seen) = (KafkaSource::join(config, topic).unwrap(), Seen::default());
    until(&mut source, &mut seen, "assigned", |seen| seen.assigned.len() == partitions);
    (source, seen)
}

fn commit(partition: u32, offset: u64, text: &str) -> Commit {
    Commit { partition, offset, text: text.to_owned() }
}

#[test]
fn records_come_in_order_with_what_their_headers_say() {
    let (config, topic) = prepared(1, &[]);
    let producer = Producer::to(&config.kafka, &topic).unwrap();
    let headers = [("pbx", "north"), ("adapter", "asterisk_cdr"), ("source", "Master.csv"), ("byte", "4711")];
    let before_ms = now_ms();
    producer.send(Outgoing { key: "acme", headers: &headers, bytes: b"one", ..Outgoing::default() }).unwrap();
    producer.send(Outgoing { bytes: b"two", ..Outgoing::default() }).unwrap();
    producer.flush().unwrap();

    let mut config = config;
    config.tenant = crate::config::TenantKey::One("us".to_owned());
    (config.kafka.default_pbx, config.kafka.default_adapter) = ("only".to_owned(), "csv".to_owned());
    let (mut source, seen) = joined(&config, &topic, 1);
    assert_eq!((source.topic(), seen.partitions), (topic.as_str(), 1));
    assert_eq!(seen.assigned, [(0, None, 0, 2)]);
    poll(&mut source, &mut Seen::default());
    source.read_from(0, 0).unwrap();
    let mut records = Vec::new();
    let began = Instant::now();
    while records.len() < 2 && began.elapsed() < WAIT_MAX {
        let mut tell = |happened: Happened<'_>| {
            let Happened::Record { partition: 0, record } = happened else { return };
            assert!((before_ms - 1000..now_ms() + 1000).contains(&record.logged_at.0), "{record:?}");
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let who = [record.tenant.to_owned(), record.pbx.to_owned(), record.adapter.to_owned(), text(record.source)];
            records.push((who, record.position.record, record.position.byte, text(record.bytes)));
        };
        source.poll(Duration::from_millis(20), 10, &mut tell).unwrap();
    }
    let who = |words: [&str; 4]| words.map(str::to_owned);
    assert_eq!(
        records,
        [
            (who(["acme", "north", "asterisk_cdr", "Master.csv"]), 1, 4711, "one".to_owned()),
            (who(["us", "only", "csv", &format!("{topic}/0")]), 2, 1, "two".to_owned()),
        ]
    );
    assert_eq!(source.next(0), Some(2));
    assert!(source.is_ours() && source.has_log_time());
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[test]
fn reading_stops_begins_again_and_is_from_where_it_was_said() {
    let (config, topic) = prepared(1, &[("compression.type", "zstd")]);
    write(&config, &topic, 0, (0..2000).map(|n| format!("record {n}")));
    let (mut source, mut seen) = joined(&config, &topic, 1);
    let is_read = |seen: &Seen, from: u64| {
        let offsets: Vec<u64> = seen.records.iter().map(|(_, offset, _)| *offset).collect();
        assert_eq!(offsets, (from..from + offsets.len() as u64).collect::<Vec<_>>());
        assert!(seen.records.iter().all(|(_, offset, text)| *text == format!("record {offset}")));
        seen.records.last().is_some_and(|(_, offset, _)| *offset == 1999)
    };
    source.read_from(0, 1500).unwrap();
    until(&mut source, &mut seen, "read from the middle", |seen| is_read(seen, 1500));
    seen.records.clear();
    source.read_from(0, 3).unwrap();
    source.poll(Duration::from_secs(10), 10, &mut |happened| seen.note(happened)).unwrap();
    assert_eq!(seen.records.len(), 10, "at most so many at once");
    source.pause(0);
    for _ in 0..20 {
        poll(&mut source, &mut seen);
    }
    assert_eq!(seen.records.len(), 10, "nothing while it is paused");
    source.resume(0);
    until(&mut source, &mut seen, "read again", |seen| is_read(seen, 3));
    let error = source.read_from(0, 2001).unwrap_err().to_string();
    for words in [topic.as_str(), "offset 2001", "0 to 2000", "retention.ms", "repair"] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn the_next_owner_reads_what_was_committed() {
    let (config, topic) = prepared(2, &[]);
    write(&config, &topic, 1, (0..5).map(|n| n.to_string()));
    let (mut first, mut seen) = joined(&config, &topic, 2);
    first.commit(&[commit(0, 0, "register of 0"), commit(1, 4, "register of 1"), commit(7, 0, "strange")]).unwrap();
    assert!(!first.may_commit(), "one is out");
    assert!(first.commit(&[commit(0, 0, "second")]).is_err(), "one at a time");
    until(&mut first, &mut seen, "answered", |seen| seen.answers.len() == 3);
    seen.answers.sort_by_key(|(partition, _)| *partition);
    assert_eq!(seen.answers[..2], [(0, CommitOutcome::Stored), (1, CommitOutcome::Stored)]);
    assert!(matches!(&seen.answers[2], (7, CommitOutcome::Refused(_))), "{:?}", seen.answers);
    assert!(first.may_commit());
    first.leave();
    drop(first);

    let (_second, mut seen) = joined(&config, &topic, 2);
    seen.assigned.sort();
    assert_eq!(seen.partitions, 2);
    let register = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(seen.assigned, [(0, register("register of 0"), 0, 0), (1, register("register of 1"), 0, 5)]);
}

#[test]
fn a_second_member_gets_a_partition_after_the_last_commit_on_it_is_answered() {
    let (config, topic) = prepared(2, &[]);
    for partition in 0..2 {
        write(&config, &topic, partition, (0..100).map(|n| n.to_string()));
    }
    let (mut first, mut seen) = joined(&config, &topic, 2);
    (0..2).for_each(|partition| first.read_from(partition, 0).unwrap());
    until(&mut first, &mut seen, "read", |seen| seen.records.len() == 200);

    let (mut second, mut seen_by_second) = (KafkaSource::join(&config, &topic).unwrap(), Seen::default());
    let (began, mut count, mut stored) = (Instant::now(), 0, [0, 0]);
    // The first goes on to commit all the time, as an engine does, until both have one.
    while seen_by_second.assigned.is_empty() || seen.revoked.is_empty() || !first.may_commit() {
        assert!(began.elapsed() < WAIT_MAX, "{:?} {:?}", seen.order, seen_by_second.order);
        if first.may_commit() {
            count += 1;
            let of = |partition: &u32| commit(*partition, 100, &format!("{count}"));
            let mine: Vec<Commit> = (0..2)
                .filter(|partition| !seen.revoked.contains(partition))
                .collect::<Vec<_>>()
                .iter()
                .map(of)
                .collect();
            first.commit(&mine).unwrap();
        }
        poll(&mut first, &mut seen);
        for (partition, outcome) in seen.answers.drain(..) {
            match outcome {
                CommitOutcome::Stored => stored[partition as usize] = count,
                CommitOutcome::Refused(why) => assert!(!why.contains("not ours"), "{why}"),
                CommitOutcome::Unknown(why) => panic!("{why}"),
            }
        }
        poll(&mut second, &mut seen_by_second);
    }
    let (moved, kept) = (seen.revoked[0], 1 - seen.revoked[0]);
    let (number, register, _, _) = &seen_by_second.assigned[0];
    assert_eq!((*number, register.as_deref()), (moved, Some(stored[moved as usize].to_string().as_bytes())));
    let last_order = &seen.order[seen.order.iter().position(|word| *word == "revoked").unwrap() - 1];
    assert_eq!(*last_order, "committed", "{:?}", seen.order);

    // What it lost, it may not write: it is not even sent, and the new owner's register stays.
    first.commit(&[commit(moved, 50, "stale"), commit(kept, 100, "fresh")]).unwrap();
    until(&mut first, &mut seen, "answered", |seen| seen.answers.len() == 2);
    assert!(matches!(seen.answers.iter().find(|(of, _)| *of == moved), Some((_, CommitOutcome::Refused(_)))));
    assert!(seen.answers.contains(&(kept, CommitOutcome::Stored)), "{:?}", seen.answers);
    second.read_from(moved, 40).unwrap();
    until(&mut second, &mut seen_by_second, "read by the next", |seen| seen.records.len() == 60);
    assert!(seen_by_second.records.iter().zip(40..).all(|((of, offset, _), at)| (*of, *offset) == (moved, at)));
    assert!(first.read_from(moved, 0).is_err());
    assert_eq!(seen.records.len(), 200, "nothing came twice to the first");
}

#[test]
fn a_member_that_left_unknowingly_is_refused_and_commits_again_only_after_an_assignment() {
    let (config, topic) = prepared(2, &[]);
    let mut settings = client::consumer(&config.kafka, &config.kafka.group).unwrap();
    settings.set("max.poll.interval.ms", "6000");
    let (mut first, mut seen) = (KafkaSource::join_as(&config, &topic, &settings).unwrap(), Seen::default());
    until(&mut first, &mut seen, "assigned", |seen| seen.assigned.len() == 2);
    let (mut second, mut by_second) = (KafkaSource::join(&config, &topic).unwrap(), Seen::default());
    let began = Instant::now();
    while by_second.assigned.is_empty() {
        assert!(began.elapsed() < WAIT_MAX, "{:?} {:?}", seen.order, by_second.order);
        poll(&mut first, &mut seen);
        poll(&mut second, &mut by_second);
    }
    // The first stands still: its client leaves the group, and the second has everything.
    until(&mut second, &mut by_second, "has both", |seen| seen.assigned.len() == 2);
    assert!(!first.may_commit() && !first.is_ours(), "it stood still");
    let kept = 1 - seen.revoked[0];
    first.commit(&[commit(kept, 0, "of one who left")]).unwrap();
    let began = Instant::now();
    let answers = loop {
        assert!(began.elapsed() < WAIT_MAX, "no answer");
        let mut inner = first.consumer.context().inner();
        inner.commits.receive(Duration::from_millis(20));
        let answers = inner.commits.take();
        if !answers.is_empty() {
            break answers;
        }
    };
    assert!(matches!(&answers[..], [(of, CommitOutcome::Refused(_))] if *of == kept), "{answers:?}");
    assert!(!first.consumer.context().inner().commits.may_send(), "held until the assignment is shown again");

    let (began, assigned) = (Instant::now(), seen.assigned.len());
    while seen.assigned.len() == assigned || !first.may_commit() {
        assert!(began.elapsed() < WAIT_MAX, "not assigned, or held for ever: {:?}", seen.order);
        // An assignment of nothing is one, too: what was ours is not any more.
        assert!(!first.may_commit() || seen.revoked.contains(&kept), "not before the assignment: {:?}", seen.order);
        poll(&mut first, &mut seen);
        poll(&mut second, &mut by_second);
    }
    assert!(seen.assigned[assigned..].iter().all(|(_, register, _, _)| register.is_none()), "nothing of it was stored");
}

#[test]
fn a_topic_with_the_wrong_clock_is_refused_by_name_unless_the_settings_want_it() {
    let (mut config, topic) = prepared(3, &[("message.timestamp.type", "CreateTime"), ("cleanup.policy", "compact")]);
    let error = KafkaSource::join(&config, &topic).err().unwrap().to_string();
    for words in
        [topic.as_str(), "message.timestamp.type", "CreateTime", "LogAppendTime", "cleanup.policy", "create_time"]
    {
        assert!(error.contains(words), "{words}: {error}");
    }
    config.kafka.log_time = LogTime::CreateTime;
    assert_eq!(topic::check(&config.kafka, &topic).unwrap(), 3);
    let error = format!("{:#}", topic::check(&config.kafka, "nobody-made-this").unwrap_err());
    assert!(error.contains("nobody-made-this") && error.contains("is not there"), "{error}");
}

#[test]
fn a_real_broker_is_good_for_exactly_once() {
    let (config, topic) = prepared(1, &[]);
    assert_eq!(probe(&config.kafka, &topic).unwrap(), Probed::Exact);
}

#[test]
fn the_records_own_time_is_kept_where_the_topic_keeps_it() {
    let (mut config, topic) = prepared(1, &[("message.timestamp.type", "CreateTime")]);
    config.kafka.log_time = LogTime::CreateTime;
    let producer = Producer::to(&config.kafka, &topic).unwrap();
    let stamp_ms = now_ms() - 86_400_000;
    producer.send(Outgoing { stamp_ms: Some(stamp_ms), bytes: b"old", ..Outgoing::default() }).unwrap();
    producer.flush().unwrap();
    let (mut source, _) = joined(&config, &topic, 1);
    source.read_from(0, 0).unwrap();
    let (mut stamp, began) = (None, Instant::now());
    while stamp.is_none() && began.elapsed() < WAIT_MAX {
        let mut tell = |happened: Happened<'_>| {
            if let Happened::Record { record, .. } = happened {
                stamp = Some(record.logged_at.0);
            }
        };
        source.poll(Duration::from_millis(20), 10, &mut tell).unwrap();
    }
    assert_eq!(stamp, Some(stamp_ms));
    assert!(!source.has_log_time());
}
