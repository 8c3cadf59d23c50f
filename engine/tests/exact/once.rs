//! Sent often, stored once; and what of the server that rests on.

use bytes::Bytes;
use store::{InsertErrorKind, RangeRows, Stored};
use stream::Facts;

use super::{Tables, batch, wait};

const FACTS: [&str; 4] = ["legs", "marks", "rejects", "batches"];

#[test]
fn a_batch_that_is_sent_again_is_stored_once() {
    let tables = Tables::made();
    let (first, second) = (batch(0, 100), batch(100, 130));
    for _ in 0..3 {
        tables.insert(&first);
    }
    tables.insert(&second);
    tables.insert(&first);
    assert_eq!(FACTS.map(|table| tables.count(table)), [260, 13, 13, 2]);
    // The ledger too: one row for each insert that was stored.
    let ledger = tables.ask("SELECT of, first, last, rows, positions FROM ledger ORDER BY of, first");
    let expected = "legs\t0\t99\t200\t100\nlegs\t100\t129\t60\t30\nmarks\t0\t90\t10\t10\nmarks\t100\t120\t3\t3\n\
                    rejects\t0\t90\t10\t10\nrejects\t100\t120\t3\t3";
    assert_eq!(ledger, expected);
}

#[test]
fn a_token_names_one_range_for_ever() {
    let tables = Tables::made();
    tables.insert(&batch(0, 10));
    // Other rows under the same token are dropped without a word: so a range is never cut in another way.
    let mut other = store::FactsBuilder::default();
    other.leg(&super::leg(77), super::place(77));
    tables.insert(&other.seal(&super::about(0, 10)));
    assert_eq!(tables.count("legs"), 20);
    assert_eq!(tables.count("legs WHERE position = 77"), 0);
    // After a deletion the token still drops: what was taken away comes back with another epoch only.
    tables.ask("DELETE FROM legs WHERE position < 10");
    assert_eq!(tables.count("legs"), 0);
    tables.insert(&batch(0, 10));
    assert_eq!(tables.count("legs"), 0);
}

#[test]
fn what_a_crash_left_half_stored_is_completed() {
    let tables = Tables::made();
    let sealed = batch(0, 20);
    // The first of the tables alone, as if the process had ended behind it.
    let legs = &sealed.blocks()[0];
    let names = tables.ask("SELECT arrayStringConcat(groupArray(name), ', ') FROM (SELECT name FROM system.columns WHERE database = 'default' AND table = 'legs' ORDER BY position)");
    send(
        &tables,
        &format!("INSERT INTO legs ({names}) FORMAT Native"),
        &legs.token,
        &[("decompress", "1")],
        legs.body.clone(),
    );
    let counted = || wait(tables.store.count_range("calls", 3, 1, 0, 20)).expect("counted");
    assert_eq!(counted(), RangeRows { legs: 40, ..RangeRows::default() });
    assert_eq!(counted().of(&sealed), Stored::Some);
    tables.insert(&sealed);
    assert_eq!(FACTS.map(|table| tables.count(table)), [40, 2, 2, 1]);
    assert_eq!(counted().of(&sealed), Stored::All);
    assert_eq!(wait(tables.store.count_range("calls", 3, 2, 0, 20)).expect("counted").of(&sealed), Stored::None);
    assert_eq!(wait(tables.store.count_range("other", 3, 1, 0, 20)).expect("counted").of(&sealed), Stored::None);
}

fn send(tables: &Tables, statement: &str, token: &str, settings: &[(&str, &str)], body: impl Into<Bytes>) {
    let mut parameters = vec![("query", statement), ("insert_deduplication_token", token)];
    parameters.extend_from_slice(settings);
    tables.database.ask_with(&parameters, body);
}

/// Each of these is what a pinned setting, or a setting of a table, is there for.
#[test]
fn without_what_is_pinned_rows_are_doubled() {
    let tables = Tables::made();
    // A table that remembers nothing.
    tables.ask("ALTER TABLE legs MODIFY SETTING non_replicated_deduplication_window = 0");
    let sealed = batch(0, 10);
    tables.insert(&sealed);
    tables.insert(&sealed);
    assert_eq!(tables.count("legs"), 40, "a window of 0 remembers nothing");
    let findings = wait(tables.store.check_exact()).expect("asked");
    assert!(findings.iter().any(|f| f.starts_with("legs remembers 0 blocks")), "{findings:?}");

    // The same rows in blocks of other sizes are other blocks.
    tables.ask(
        "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 10000",
    );
    let rows = tables.database.post(&[], "SELECT number AS n FROM numbers(1000) FORMAT RowBinary").body;
    let insert = |settings: &[(&str, &str)]| {
        send(&tables, "INSERT INTO t FORMAT RowBinary", "1/t/calls/3/0-10", settings, rows.clone());
        tables.count("t")
    };
    let whole = [
        ("max_insert_block_size", "1048576"),
        ("min_insert_block_size_rows", "1048576"),
        ("min_insert_block_size_bytes", "0"),
    ];
    let cut =
        [("max_insert_block_size", "100"), ("min_insert_block_size_rows", "100"), ("min_insert_block_size_bytes", "0")];
    assert_eq!(insert(&whole), 1000);
    assert_eq!(insert(&whole), 1000);
    assert!(insert(&cut) > 1000, "cut in other blocks, some of them are new");

    // A view that is told of what its table dropped.
    tables.ask("CREATE TABLE seen (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 10000");
    tables.ask("CREATE MATERIALIZED VIEW seeing TO seen AS SELECT n FROM t");
    let insert = |token: &str, settings: &[(&str, &str)]| {
        send(&tables, "INSERT INTO t FORMAT RowBinary", token, settings, rows.clone());
        tables.count("seen")
    };
    assert_eq!(insert("a", &[("deduplicate_blocks_in_dependent_materialized_views", "1")]), 1000);
    assert_eq!(insert("a", &[("deduplicate_blocks_in_dependent_materialized_views", "1")]), 1000);
    tables.ask("ALTER TABLE seen MODIFY SETTING non_replicated_deduplication_window = 0");
    insert("b", &[("deduplicate_blocks_in_dependent_materialized_views", "1")]);
    tables.ask("ALTER TABLE t MODIFY SETTING non_replicated_deduplication_window = 0");
    assert_eq!(insert("b", &[("deduplicate_blocks_in_dependent_materialized_views", "1")]), 3000);
}

#[test]
fn what_would_make_it_inexact_is_found() {
    let tables = Tables::made();
    let check = || wait(tables.store.check_exact()).expect("asked");
    assert_eq!(check(), [""; 0]);
    tables.ask("CREATE TABLE mine (n UInt64) ENGINE = MergeTree ORDER BY n");
    tables.ask("CREATE MATERIALIZED VIEW of_mine TO mine AS SELECT record AS n FROM default.legs");
    tables.ask("CREATE MATERIALIZED VIEW innocent TO mine AS SELECT n FROM (SELECT 1 AS n) AS legs_of_mine");
    tables.ask("CREATE DATABASE other");
    tables.ask("CREATE MATERIALIZED VIEW other.of_rejects TO mine AS SELECT record AS n FROM default.rejects");
    tables.ask("ALTER TABLE marks MODIFY SETTING non_replicated_deduplication_window = 5");
    tables.ask("ALTER TABLE ledger MODIFY SETTING non_replicated_deduplication_window = 0");
    tables.ask("ALTER TABLE ledger MODIFY SETTING fsync_after_insert = 0");
    tables.ask("ALTER TABLE rejects MODIFY COLUMN bytes_total UInt32");
    tables.ask("ALTER TABLE batches DROP COLUMN headers");
    tables.ask("ALTER TABLE legs ADD COLUMN seen_at DateTime DEFAULT now()");
    let findings = check();
    let beginnings = [
        "marks remembers 5 blocks",
        "ledger may lose in a power cut what it has answered for: ALTER TABLE ledger MODIFY SETTING fsync_after_insert = 1",
        "ledger remembers 0 blocks",
        "legs has a column seen_at that is not ours",
        "rejects.bytes_total is UInt32, and UInt64 is written",
        "batches has no column headers",
        "the materialized view default.of_mine reads legs",
        "the materialized view other.of_rejects reads rejects",
    ];
    assert_eq!(findings.len(), beginnings.len(), "{findings:#?}");
    for (finding, beginning) in findings.iter().zip(beginnings) {
        assert!(finding.starts_with(beginning), "{finding}");
    }
    tables.ask("DROP TABLE marks");
    assert!(check().iter().any(|f| f.starts_with("there is no table marks")));
}

#[test]
fn an_error_says_whether_to_send_again() {
    let tables = Tables::made();
    let sealed = batch(0, 10);
    tables.ask("RENAME TABLE legs TO elsewhere");
    let error = wait(tables.store.insert_sealed(&sealed)).expect_err("no such table");
    assert_eq!((error.kind, error.table), (InsertErrorKind::Refused, "legs"), "{error}");
    assert!(error.to_string().contains("1/legs/calls/3/0-10") && error.to_string().contains("Code: 60"), "{error}");
    tables.ask("RENAME TABLE elsewhere TO legs");
    tables.ask("ALTER TABLE legs ADD CONSTRAINT c CHECK position != 3");
    let error = wait(tables.store.insert_sealed(&sealed)).expect_err("a constraint");
    assert_eq!(error.kind, InsertErrorKind::Refused, "{error}");
    tables.ask("ALTER TABLE legs DROP CONSTRAINT c");
    tables.insert(&sealed);
    let nowhere = store::Store::at("http://127.0.0.1:1", "default");
    assert_eq!(wait(nowhere.insert_sealed(&sealed)).expect_err("nobody").kind, InsertErrorKind::Away);
    // Somebody takes the connection and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let limits = store::Limits { receive_timeout_ms: 300, send_timeout_ms: 300, ..store::Limits::default() };
    let silent = store::Store::with_limits(&url, "default", limits);
    assert_eq!(wait(silent.insert_sealed(&sealed)).expect_err("silence").kind, InsertErrorKind::Unknown);
}
