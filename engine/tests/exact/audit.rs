//! Whatever is changed by hand is found, and a database that nobody touched says 0, 0, 0.

use store::{Audit, FactsBuilder, LogEnd, Place, Reached};
use stream::Facts;

use super::{NOON, Tables, about, batch, leg, place, wait};

/// Three batches, stored, and their log.
fn stored() -> (Tables, [LogEnd; 1]) {
    let tables = Tables::made();
    for (first, next) in [(5, 100), (100, 101), (101, 200)] {
        tables.insert(&batch(first, next));
    }
    (tables, [LogEnd { topic: "calls".into(), partition: 3, stored_below: Some(200), first: 5, end: 230 }])
}

fn audit(tables: &Tables, ends: &[LogEnd]) -> Audit {
    wait(tables.store.audit(ends)).unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
}

fn check(tables: &Tables, ends: &[LogEnd], expected: (u64, u64, u64), words: &str) {
    let found = audit(tables, ends);
    assert_eq!((found.lost, found.doubled, found.unexplained), expected, "{found:#?}");
    assert_eq!(found.is_clean(), expected == (0, 0, 0));
    assert!(words.is_empty() == found.findings.is_empty(), "{found:#?}");
    assert!(words.is_empty() || found.findings.iter().any(|f| f.contains(words)), "{found:#?}");
}

#[test]
fn a_database_that_nobody_touched_is_clean() {
    let (tables, ends) = stored();
    check(&tables, &ends, (0, 0, 0), "");
    tables.insert(&batch(101, 200));
    for table in ["legs", "marks", "rejects", "batches"] {
        tables.ask(&format!("OPTIMIZE TABLE {table} FINAL"));
    }
    check(&tables, &ends, (0, 0, 0), "");
    // Another topic, partition and epoch are counted each by itself, and an empty database promises nothing.
    tables.insert(&FactsBuilder::default().seal(&store::Batch { topic: "other", ..about(0, 7) }));
    let mut facts = FactsBuilder::default();
    facts.leg(&leg(5), Place { epoch: 2, ..place(5) });
    tables.insert(&facts.seal(&store::Batch { epoch: 2, ..about(5, 200) }));
    check(&tables, &ends, (0, 0, 0), "");
    assert_eq!(audit(&Tables::made(), &[]), Audit::default());
}

#[test]
fn a_doubled_row_is_found_even_when_it_was_merged_away() {
    for (table, column) in [("legs", "leg_id"), ("rejects", "reason"), ("marks", "value")] {
        let (tables, ends) = stored();
        tables
            .ask(&format!("INSERT INTO {table} SELECT * FROM {table} WHERE position = 110 ORDER BY {column} LIMIT 1"));
        check(&tables, &ends, (0, 1, 0), table);
        tables.ask(&format!("OPTIMIZE TABLE {table} FINAL"));
        check(&tables, &ends, (0, 1, 0), table);
    }
}

#[test]
fn a_row_that_was_taken_away_is_found() {
    for table in ["legs", "rejects", "marks"] {
        for delete in [
            "ALTER TABLE {} DELETE WHERE position = 110 SETTINGS mutations_sync = 1",
            "DELETE FROM {} WHERE position = 110",
        ] {
            let (tables, ends) = stored();
            tables.ask(&delete.replace("{}", table));
            let lost = if table == "legs" { 2 } else { 1 };
            check(&tables, &ends, (lost, 0, 0), "promises");
        }
    }
}

#[test]
fn one_lost_and_one_doubled_do_not_make_up_for_each_other() {
    let (tables, ends) = stored();
    tables.ask("INSERT INTO legs SELECT * FROM legs WHERE position = 120 AND part = 0");
    tables.ask("DELETE FROM legs WHERE position = 121 AND part = 0");
    check(&tables, &ends, (1, 1, 0), "legs: the batch 101-200");
}

#[test]
fn what_a_whole_insert_lost_is_found() {
    let (tables, ends) = stored();
    // As a server does that lost its last parts: rows and ledger together.
    tables.ask("DELETE FROM legs WHERE position >= 101");
    tables.ask("DELETE FROM ledger WHERE of = 'legs' AND first >= 101");
    check(&tables, &ends, (198, 0, 0), "legs: the batch 101-200");
}

#[test]
fn a_batch_that_was_taken_away_leaves_rows_that_nobody_promised() {
    let (tables, ends) = stored();
    tables.ask("DELETE FROM batches WHERE first = 100");
    // Two legs, a reject and a mark.
    check(
        &tables,
        &ends,
        (0, 0, 4),
        "positions 100 to 101 of calls/3 (epoch 1) are in no batch, though rows of them are stored",
    );
    tables.ask("DELETE FROM batches WHERE first = 101");
    check(&tables, &ends, (0, 0, 4 + 198 + 9 + 9), "positions 100 to 200");
}

#[test]
fn rows_without_their_account_are_unexplained() {
    let (tables, ends) = stored();
    tables.ask("DELETE FROM ledger WHERE of = 'legs' AND first = 100");
    check(&tables, &ends, (0, 0, 2), "the ledger has 0");
}

#[test]
fn a_range_that_was_cut_twice_is_found() {
    let (tables, ends) = stored();
    tables.insert(&batch(190, 200));
    // Twenty legs, a reject and a mark came twice, and ten positions are in two batches.
    check(&tables, &ends, (0, 22, 10), "positions 190 to 200 of calls/3 (epoch 1) are in two batches");
}

#[test]
fn records_that_nothing_accounts_for_are_lost() {
    let (tables, mut ends) = stored();
    tables.insert(&batch(220, 230));
    ends[0].stored_below = Some(230);
    check(
        &tables,
        &ends,
        (20, 0, 0),
        "positions 200 to 220 of calls/3 (epoch 1) are in no batch, and nothing of them is stored",
    );
    (ends[0].stored_below, ends[0].end) = (Some(240), 240);
    check(&tables, &ends, (30, 0, 0), "positions 230 to 240");
    ends[0] = LogEnd { stored_below: None, first: 0, end: 12, ..ends[0].clone() };
    check(&tables, &ends, (5 + 20, 0, 218), "the log ends at 12");
    check(&tables, &ends, (5 + 20, 0, 218), "positions 0 to 5 of calls/3 (epoch 1) are in no batch, and nothing");
    ends[0] = LogEnd { topic: "never".into(), stored_below: Some(10), ..ends[0].clone() };
    check(&tables, &ends, (20 + 10, 0, 0), "positions 0 to 10 of never/3");
}

#[test]
fn what_is_on_its_way_is_not_judged() {
    let (tables, mut ends) = stored();
    // A later batch that is stored before an earlier one, and one of which the batch's own row has not come yet.
    tables.insert(&batch(220, 230));
    let mut facts = FactsBuilder::default();
    facts.leg(&leg(205), place(205));
    wait(tables.store.write_rows(&facts.seal_rows("calls"))).expect("written");
    check(&tables, &ends, (0, 0, 0), "");
    // Without a register everything that is stored is judged.
    ends[0].stored_below = None;
    check(&tables, &ends, (0, 0, 1), "legs: 1 rows of calls/3 (epoch 1), positions 205 to 205, are of no batch");
}

#[test]
fn positions_that_no_record_has_are_not_lost() {
    let (tables, mut ends) = stored();
    // Marks of transactions, or records that were removed, in a batch and behind the last.
    tables.insert(&FactsBuilder::default().seal(&store::Batch { records: 3, ..about(200, 210) }));
    (ends[0].stored_below, ends[0].end) = (Some(210), 215);
    check(&tables, &ends, (0, 0, 0), "");
}

#[test]
fn a_later_reading_that_begins_behind_the_end_of_the_one_before_lost_what_is_between() {
    let (tables, mut ends) = stored();
    tables.insert(&FactsBuilder::default().seal(&store::Batch { epoch: 2, ..about(210, 220) }));
    (ends[0].stored_below, ends[0].end) = (Some(220), 220);
    check(
        &tables,
        &ends,
        (10, 0, 0),
        "positions 200 to 210 of calls/3 (epoch 2) are in no batch, and nothing of them is stored",
    );
}

#[test]
fn what_was_not_stored_to_its_end_is_taken_away_and_stored_anew() {
    let (tables, mut ends) = stored();
    let mut facts = FactsBuilder::default();
    facts.leg(&leg(205), place(205));
    wait(tables.store.write_rows(&facts.seal_rows("calls"))).expect("written");
    tables.insert(&batch(210, 220));
    let rows = |from| wait(tables.store.rows_from("calls", 3, 1, from)).expect("asked");
    assert_eq!(rows(200), store::RangeRows { legs: 21, marks: 1, rejects: 1, batches: 1 });
    let clock = |below| wait(tables.store.clock("calls", 3, below)).expect("asked");
    assert_eq!((clock(200), clock(50), clock(0)), (Some(NOON), None, None));
    wait(tables.store.forget_from("calls", 3, 1, 200)).expect("taken away");
    assert_eq!(rows(200), store::RangeRows::default());
    assert_eq!(rows(0), store::RangeRows { legs: 390, marks: 19, rejects: 19, batches: 3 });
    let reached = wait(tables.store.reached("calls", 3)).expect("asked");
    assert_eq!(reached, Some(Reached { epoch: 1, next: 200, stored: 200, batches: 200 }));
    assert_eq!(wait(tables.store.reached_before("calls", 3, 2)).expect("asked"), 200);
    // The server knows the old token: under it the same batch would be dropped.
    tables.insert(&batch(210, 220));
    assert_eq!(rows(200), store::RangeRows::default());
    let mut facts = FactsBuilder::default();
    (200..220).for_each(|position| facts.leg(&leg(position), Place { epoch: 2, ..place(position) }));
    tables.insert(&facts.seal(&store::Batch { epoch: 2, ..about(200, 220) }));
    (ends[0].stored_below, ends[0].end) = (Some(220), 220);
    check(&tables, &ends, (0, 0, 0), "");
}

#[test]
fn how_far_a_partition_is_stored_is_known_without_its_register() {
    let (tables, _) = stored();
    let reached = |topic| wait(tables.store.reached(topic, 3)).expect("asked");
    let expected = Reached { epoch: 1, next: 200, stored: 200, batches: 200 };
    assert_eq!((reached("calls"), reached("never")), (Some(expected), None));
    // A hole, and rows whose batch was not stored to its end.
    tables.insert(&batch(210, 220));
    let mut facts = FactsBuilder::default();
    facts.leg(&leg(222), place(222));
    wait(tables.store.write_rows(&facts.seal_rows("calls"))).expect("written");
    assert_eq!(reached("calls"), Some(Reached { next: 200, stored: 223, batches: 220, ..expected }));
    let mut facts = FactsBuilder::default();
    facts.leg(&leg(200), Place { epoch: 2, ..place(200) });
    wait(tables.store.write_rows(&facts.seal_rows("calls"))).expect("written");
    assert_eq!(reached("calls"), Some(Reached { epoch: 2, next: 0, stored: 201, batches: 0 }));
}
