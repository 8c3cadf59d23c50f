//! `delivery = "at_least_once"`: with brokers that keep nothing beside an offset no leg is lost, and what is stored twice is seen once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::audit::{command, stdout};
use crate::process::{LONG, all_cases, check_refused, run, wait_until, write};
use crate::started::Started;
use crate::world::World;

/// What a process answers here.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("set");
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

/// As brokers do that keep an offset and drop what stands beside it.
fn commit_bare(world: &World, offset: i64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &world.bootstrap)
        .set("group.id", "ringback")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("cdr", 0, Offset::Offset(offset)).expect("added");
    // The one that was killed is a member until its session ends.
    wait_until("a commit from outside", || consumer.commit(&list, CommitMode::Sync).is_ok());
    let committed = consumer.committed_offsets(list, Duration::from_secs(10)).expect("asked");
    assert_eq!(committed.elements()[0].metadata(), "");
}

#[test]
fn without_registers_nothing_is_lost_and_doubles_are_seen_once() {
    let world = World::start();
    let records = all_cases("cdr-full.csv");
    world.topic("cdr", 1);
    world.produce("cdr", &records);
    let settings = world.settings("cdr");
    let text = std::fs::read_to_string(settings.join("engine.toml")).expect("read");
    write(&settings, "engine.toml", text.replace("[kafka]\n", "[kafka]\ndelivery = \"at_least_once\"\n"));

    let mut process = Started::of(world.run(&settings, &[]).env("RINGBACK_FAILPOINT", "after_insert:2"));
    process.wait_for("failpoint after_insert:2");
    process.kill();

    // Two batches are stored, and the offset knows of none.
    commit_bare(&world, 0);
    let stored = world.ask("SELECT count() FROM legs");
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.check_calls(&records);
    let number = |query: &str| world.ask(query).trim().parse::<u64>().expect("a number");
    // The table merges equal rows when it likes; the ledger counts all that came.
    let came = number("SELECT sum(rows) FROM ledger WHERE of = 'legs'");
    let different = number("SELECT uniqExact(position, part) FROM legs");
    let expected = number("SELECT count() FROM legs_now");
    assert!(came > different, "{came} rows came, {different} different ones; {stored} were there before");
    assert_eq!(number("SELECT uniqExact(leg_id) FROM legs"), expected);
    let ran = run(&mut command("audit", &settings, &["--json"]));
    assert!(stdout(&ran).starts_with("{\"lost\":0,\"doubled\":") && ran.code == 1, "{}", stdout(&ran));

    let mut process = Started::of(&mut world.run(&settings, &[]));
    let ready = process.wait_for("/ready");
    let address = ready.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/ready")).expect("an address");
    let says =
        "delivery: at_least_once, as the settings say: figures stay right, a row may be stored twice after a crash";
    assert_eq!(process.wait_for("delivery: "), says);
    process.wait_for("goes on at");
    assert!(get(address, "/metrics").contains("\nringback_delivery{mode=\"at_least_once\"} 1\n"));
    assert!(get(address, "/ready").ends_with("\r\n\r\nready at_least_once\n"));
    assert_eq!(process.end().0, Some(0));

    // An offset alone, in the middle: read on from there, with what was concluded before.
    commit_bare(&world, 100);
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.check_calls(&records);
    assert_eq!(number("SELECT uniqExact(leg_id) FROM legs"), expected);

    let ran = run(&mut command("check", &settings, &[]));
    let ok = "ok: delivery: at_least_once, as the settings say; a row may be stored twice after a crash\n";
    assert!(stdout(&ran).ends_with(ok) && ran.code == 0, "{}", stdout(&ran));
    check_refused(&mut command("repair", &settings, &["--from-ledger"]), 1, &["at_least_once", "nothing to repair"]);
    // With registers again, an offset without one is no beginning.
    write(&settings, "engine.toml", text);
    commit_bare(&world, 100);
    let words =
        ["an offset was committed for it by something else, without a register", "ringback repair --from-ledger"];
    check_refused(&mut world.run(&settings, &["--until-end"]), 1, &words);
}
