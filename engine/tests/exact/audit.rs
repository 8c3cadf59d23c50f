//! Whatever is changed by hand is found, and a database that nobody touched says 0, 0, 0.

use store::{Audit, FactsBuilder, LogEnd, Place, Reached};
use stream::Facts;

use super::{Tables, about, batch, leg, place, wait};

/// Three batches, stored, and their log.
fn stored() -> (Tables, [LogEnd; 1]) {
    let tables = Tables::made();
    for (first, next) in [(5, 100), (100, 101), (101, 200)] {
        tables.insert(&batch(first, next));
    }
    (tables, [LogEnd { topic: "calls".into(), partition: 3, stored_below: 200, end: 230 }])
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
    ends[0].stored_below = 230;
    check(
        &tables,
        &ends,
        (20, 0, 0),
        "positions 200 to 220 of calls/3 (epoch 1) are in no batch, and nothing of them is stored",
    );
    ends[0].stored_below = 240;
    ends[0].end = 240;
    check(&tables, &ends, (30, 0, 0), "positions 230 to 240");
    ends[0] = LogEnd { topic: "calls".into(), partition: 3, stored_below: 10, end: 12 };
    check(&tables, &ends, (20, 0, 218), "the log ends at 12");
    ends[0].topic = "never".into();
    check(&tables, &ends, (20 + 10, 0, 0), "positions 0 to 10 of never/3");
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
