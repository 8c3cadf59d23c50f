//! Registers that are lost, and written anew from what the tables have.

use rdkafka::admin::AdminOptions;

use crate::audit::{admin, check_audit, command, stdout, wait};
use crate::process::{all_cases, check_refused, run};
use crate::started::Started;
use crate::world::World;

/// The group and all that it committed is gone.
fn forget_group(world: &World) {
    let gone = wait(admin(world).delete_groups(&["ringback"], &AdminOptions::new())).expect("asked");
    assert!(gone.iter().all(Result::is_ok), "{gone:?}");
}

#[test]
fn a_lost_register_is_written_from_the_tables() {
    let world = World::start();
    let records = all_cases("cdr-full.csv");
    let lines: Vec<&[u8]> = records.split_inclusive(|b| *b == b'\n').collect();
    let (half, total) = (lines.len() / 2, lines.len());
    world.topic("cdr", 1);
    world.produce("cdr", &lines[..half].concat());
    let settings = world.settings("cdr");
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let repair = |more: &[&str]| {
        let ran = run(&mut command("repair", &settings, &[&["--from-ledger"], more].concat()));
        (stdout(&ran).to_owned(), ran.stderr, ran.code)
    };
    let said = |text: String| (text, String::new(), 0);
    assert_eq!(
        repair(&["--yes"]),
        said("cdr/0: its register agrees with the tables: nothing is to be done\n".to_owned())
    );
    check_refused(&mut command("repair", &settings, &[]), 2, &["--from-ledger"]);

    // Everything that the group committed is gone, and `run` does not begin anew.
    forget_group(&world);
    world.produce("cdr", &lines[half..].concat());
    let lost = format!("the tables have its records up to {half}, but its register is gone");
    check_refused(
        &mut world.run(&settings, &["--until-end"]),
        1,
        &["partition 0 of cdr", &lost, "`ringback repair --from-ledger`"],
    );
    check_refused(&mut command("check", &settings, &[]), 1, &["1 thing is wrong"]);
    let would = format!(
        "cdr/0: {lost}\ncdr/0: would be written: everything below {half} is stored, epoch 0\ncdr: nothing was changed; --yes does it\n"
    );
    assert_eq!(repair(&[]), said(would.clone()));
    assert_eq!(repair(&[]), said(would), "the first has changed nothing");
    let does = format!(
        "cdr/0: {lost}\ncdr/0: written: everything below {half} is stored, epoch 0\ncdr: 1 registers are written\n"
    );
    assert_eq!(repair(&["--yes"]), said(does));

    let mut process = Started::of(&mut world.run(&settings, &[]));
    process.wait_for("goes on at");
    check_refused(
        &mut command("repair", &settings, &["--from-ledger"]),
        1,
        &["the group ringback has 1 members: stop every `ringback run` of it first"],
    );
    // What is on its way while an engine runs is neither lost nor doubled.
    let ran = run(&mut command("audit", &settings, &["--json"]));
    assert_eq!((stdout(&ran), ran.code), ("{\"lost\":0,\"doubled\":0,\"unexplained\":0}\n", 0), "{}", ran.stderr);
    assert_eq!(process.end().0, Some(0));
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    check_audit(&world, &settings, &[], (0, 0, 0));
    world.check_calls(&records);
    world.check_audit();

    // Now the last batch was not stored to its end either, and nobody knows what its borders were.
    forget_group(&world);
    let number = |query: &str| world.ask(query).trim().parse::<u64>().expect("a number");
    let from = number("SELECT max(first) FROM batches WHERE legs > 1");
    world.ask(&format!("ALTER TABLE legs DELETE WHERE position = (SELECT max(position) FROM legs WHERE position >= {from}) SETTINGS mutations_sync = 1"));
    world.ask(&format!("ALTER TABLE batches DELETE WHERE first >= {from} SETTINGS mutations_sync = 1"));
    let [legs, marks, rejects] = ["legs", "marks", "rejects"]
        .map(|table| number(&format!("SELECT count() FROM {table} WHERE position >= {from}")));
    let (stdout, stderr, code) = repair(&["--yes"]);
    let expected = format!(
        "cdr/0: {legs} legs, {marks} marks and {rejects} rejects from {from} on are of batches that were not stored to their end, or behind one that was not: taken away, and stored again from the log\n\
         cdr/0: written: everything below {from} is stored, epoch 1\n\
         cdr: 1 registers are written\n"
    );
    let (first, rest) = stdout.split_once('\n').expect("lines");
    assert!(first.contains("but its register is gone"), "{first}");
    assert_eq!((rest, stderr.as_str(), code), (expected.as_str(), "", 0));
    let ran = run(&mut world.run(&settings, &["--until-end"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    check_audit(&world, &settings, &[], (0, 0, 0));
    assert_eq!(number("SELECT count() FROM batches WHERE epoch = 1 AND next = (SELECT max(next) FROM batches)"), 1);
    assert_eq!(number("SELECT max(next) FROM batches"), total as u64);
    world.check_calls(&records);
    world.check_audit();
}
