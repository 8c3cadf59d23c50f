//! `audit` and `check` over a broker and a database in which things are broken by hand.

use std::path::Path;
use std::process::Command;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;

use crate::process::{Ran, all_cases, check_refused, ringback, run, write};
use crate::world::World;

pub fn command(name: &str, settings: &Path, more: &[&str]) -> Command {
    let mut command = ringback([name, "--settings"]);
    command.arg(settings).args(more);
    command
}

pub fn stdout(ran: &Ran) -> &str {
    std::str::from_utf8(&ran.stdout).expect("UTF-8")
}

pub fn admin(world: &World) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &world.bootstrap).create().expect("a client")
}

pub fn wait<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(what)
}

/// What `audit` says of both kinds: these findings in order, and these sums.
pub fn check_audit(world: &World, settings: &Path, findings: &[String], (lost, doubled, unexplained): (u64, u64, u64)) {
    let is_clean = (lost, doubled, unexplained) == (0, 0, 0);
    let sums = world.ask("SELECT concat(toString(sum(records)), ' records gave ', toString(sum(legs)), ' legs, ', toString(sum(marks)), ' marks and ', toString(sum(rejects)), ' rejects') FROM batches FINAL");
    let end = world.ask("SELECT max(next) FROM batches");
    let (sums, end) = (sums.trim(), end.trim());
    let words = format!("{lost} lost, {doubled} doubled, {unexplained} unexplained");
    let code = i32::from(!is_clean);
    let error = if is_clean {
        String::new()
    } else {
        format!("ringback audit: the tables do not hold what the log says: {words}\n")
    };
    let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();

    let ran = run(&mut command("audit", settings, &[]));
    let expected = format!("cdr/0: stored below {end}, the log ends at {end}; {sums}\n{lines}{words}\n");
    assert_eq!((stdout(&ran), ran.stderr.as_str(), ran.code), (expected.as_str(), error.as_str(), code));
    let ran = run(&mut command("audit", settings, &["--json"]));
    let expected = format!("{{\"lost\":{lost},\"doubled\":{doubled},\"unexplained\":{unexplained}}}\n");
    let error = format!("{lines}{error}");
    assert_eq!((stdout(&ran), ran.stderr.as_str(), ran.code), (expected.as_str(), error.as_str(), code));
}

/// A batch: its first position, the one after its last, and its legs.
type Batch = [u64; 3];

/// Three batches with several legs: the first, one in the middle, the last.
fn batches(world: &World) -> [Batch; 3] {
    let rows = world.ask("SELECT first, next, legs FROM batches WHERE legs > 1 ORDER BY first");
    let number = |n: &str| n.parse().expect("a number");
    let rows: Vec<Vec<u64>> = rows.lines().map(|row| row.split_whitespace().map(number).collect()).collect();
    let batch = |at: usize| rows[at].clone().try_into().expect("a row");
    assert!(rows.len() > 2, "{rows:?}");
    [batch(0), batch(1), batch(rows.len() - 1)]
}

#[test]
fn what_is_taken_away_or_doubled_by_hand_is_found() {
    let mut world = World::start();
    let records = all_cases("cdr-full.csv");
    world.topic("cdr", 1);
    world.produce("cdr", &records);
    let settings = world.settings("cdr");
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    check_audit(&world, &settings, &[], (0, 0, 0));
    check_check(&world, &settings, records.split(|b| *b == b'\n').filter(|line| !line.is_empty()).count());

    let [[first, next, legs], middle, last] = batches(&world);
    let at = world.ask(&format!("SELECT min(position) FROM legs WHERE position >= {first}"));
    world.ask(&format!("ALTER TABLE legs DELETE WHERE position = {at} AND part = 0 SETTINGS mutations_sync = 1"));
    let lost = format!(
        "legs: the batch {first}-{next} of cdr/0 (epoch 0) promises {legs} rows; {less} different ones are there, {less} with those that are there twice, and the ledger has {legs}",
        less = legs - 1
    );
    check_audit(&world, &settings, std::slice::from_ref(&lost), (1, 0, 0));

    let [first, next, legs] = last;
    let at = world.ask(&format!("SELECT min(position) FROM legs WHERE position >= {first}"));
    world.ask(&format!("INSERT INTO legs SELECT * FROM legs WHERE position = {at} AND part = 0"));
    let doubled = format!(
        "legs: the batch {first}-{next} of cdr/0 (epoch 0) promises {legs} rows; {legs} different ones are there, {more} with those that are there twice, and the ledger has {more}",
        more = legs + 1
    );
    check_audit(&world, &settings, &[lost.clone(), doubled.clone()], (1, 1, 0));

    let [first, next, legs] = middle;
    let of_it = format!("FROM legs WHERE position >= {first} AND position < {next}");
    let lowest = world.ask(&format!("SELECT min(position) {of_it}"));
    let highest = world.ask(&format!("SELECT max(position) {of_it}"));
    world.ask(&format!("ALTER TABLE batches DELETE WHERE first = {first} SETTINGS mutations_sync = 1"));
    let outside = format!(
        "legs: {legs} rows of cdr/0 (epoch 0), positions {} to {}, are of no batch",
        lowest.trim(),
        highest.trim()
    );
    let hole =
        format!("positions {first} to {next} of cdr/0 (epoch 0) are in no batch, though rows of them are stored");
    check_audit(&world, &settings, &[lost, doubled, outside, hole], (1, 1, legs));

    let ran = run(&mut command("check", &settings, &[]));
    let hole = format!("but the tables have them only up to {first}: they were emptied");
    assert!(stdout(&ran).contains(&hole), "{}", stdout(&ran));
    let none = ["kafka topic nothing is not there; make it, or name another under [kafka] in engine.toml"];
    check_refused(&mut command("audit", &world.settings("nothing"), &[]), 1, &none);
    check_refused(
        command("audit", &world.settings("cdr"), &[]).env("CLICKHOUSE_URL", "http://127.0.0.1:1"),
        1,
        &["the database at http://127.0.0.1:1"],
    );
    check_wrong(&mut world);
}

/// What `check` says where all is well.
fn check_check(world: &World, settings: &Path, records: usize) {
    let ran = run(&mut command("check", settings, &[]));
    let (settings, url, bootstrap) = (settings.display(), &world.url, &world.bootstrap);
    let expected = format!(
        "ok: settings: {settings}/engine.toml\n\
         ok: site files: main\n\
         ok: database default at {url}: its tables are of this version\n\
         ok: database default at {url}: it stores exactly once\n\
         ok: kafka topic cdr at {bootstrap}: 1 partitions, and set up as it has to be\n\
         ok: delivery: exactly_once; the brokers keep registers, and refuse those of strangers\n\
         ok: cdr/0: its register agrees with the tables: stored below {records} of {records}\n"
    );
    assert_eq!((stdout(&ran), ran.stderr.as_str(), ran.code), (expected.as_str(), "", 0));
}

/// What `check` says of what is wrong, and that it goes on after it.
fn check_wrong(world: &mut World) {
    let settings = world.settings("cdr");
    let lines = |lines: &str| -> Vec<String> {
        lines.lines().filter(|line| line.starts_with("wrong: ")).map(str::to_owned).collect()
    };
    let check = |settings: &Path, url: Option<&str>| {
        let mut command = command("check", settings, &[]);
        command.envs(url.map(|url| ("CLICKHOUSE_URL", url)));
        let ran = run(&mut command);
        let wrong = lines(stdout(&ran));
        let words = if wrong.len() == 1 { "1 thing is".to_owned() } else { format!("{} things are", wrong.len()) };
        let error = format!("ringback check: {words} wrong\n");
        assert_eq!((ran.stderr.as_str(), ran.code), (error.as_str(), 1), "{}", stdout(&ran));
        wrong
    };
    let admin = admin(world);
    let more = wait(admin.create_partitions(&[NewPartitions::new("cdr", 2)], &AdminOptions::new())).expect("asked");
    assert!(more.iter().all(Result::is_ok), "{more:?}");
    world.ask("CREATE MATERIALIZED VIEW strange ENGINE = MergeTree ORDER BY position AS SELECT position FROM legs");
    world.ask("ALTER TABLE rejects MODIFY SETTING non_replicated_deduplication_window = 5");
    let url = &world.url;
    assert_eq!(
        check(&settings, None),
        [
            format!("wrong: database default at {url}: rejects remembers 5 blocks, and 10000 are needed: ALTER TABLE rejects MODIFY SETTING non_replicated_deduplication_window = 10000"),
            format!("wrong: database default at {url}: the materialized view default.strange reads legs and is not ours: where it fails, batches of legs wait; let it read on a schedule instead"),
            "wrong: cdr/0: the topic has 2 partitions, and had 1 when reading began: a company's records would be split; set the number back, or move the records to a topic of another name".to_owned(),
        ]
    );
    world.ask("ALTER TABLE schema_migrations DELETE WHERE name = '0028_windows_now.sql' SETTINGS mutations_sync = 1");
    let wrong = check(&settings, None);
    assert_eq!(
        wrong[0],
        format!("wrong: database default at {url}: 0028_windows_now.sql is not applied: run `ringback migrate`")
    );
    // Nothing more can be said of registers, and the topic is looked at though the database is away.
    let wrong = check(&world.settings("nothing"), Some("http://127.0.0.1:1"));
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].starts_with("wrong: database default at http://127.0.0.1:1: "), "{wrong:?}");
    assert!(wrong[1].contains("kafka topic nothing is not there"), "{wrong:?}");

    write(&settings, "site.toml", "tenant = 5");
    world.stop_broker();
    let wrong = check(&settings, None);
    assert!(wrong[0].contains("site.toml"), "{wrong:?}");
    assert!(
        wrong.last().is_some_and(|last| last.contains(&format!("no broker answers at {}", world.bootstrap))),
        "{wrong:?}"
    );
    let away = format!("no broker answers at {}", world.bootstrap);
    check_refused(&mut command("audit", &settings, &[]), 1, &[&away]);
    write(&settings, "engine.toml", "[kafka]\nbootstraps = 5");
    let wrong = check(&settings, None);
    assert!(wrong.len() == 1 && wrong[0].contains("line 2") && wrong[0].contains("`bootstraps`"), "{wrong:?}");
}
