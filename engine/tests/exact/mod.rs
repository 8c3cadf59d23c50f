//! Facts against the real engine: stored once however often they are sent, read back unchanged, and every change by hand is found.
//!
//! What we rely on in the server is tested with what would break it: a server that changes its ways fails here first.

mod audit;
mod corpus;
mod once;
mod told;

use std::future::Future;
use std::sync::Arc;

use adapters::leg::{KeyKind, LegId, Moment, Origin, Position};
use adapters::{Leg, Reject};
use store::{Batch, FactsBuilder, From, Mark, Place, Sealed, Store};
use stream::Facts;
use tempfile::TempDir;

use crate::{Database, folder, start};

/// 2026-01-02, in milliseconds since 1970.
const NOON: Moment = Moment(1_767_355_200_000);

/// A database with our tables.
struct Tables {
    store: Store,
    database: Database,
    _folder: TempDir,
}

impl Tables {
    fn made() -> Tables {
        let folder = folder();
        let database = start(folder.path());
        let store = Store::at(&database.url, "default");
        wait(store.migrate()).expect("tables");
        Tables { store, database, _folder: folder }
    }

    fn ask(&self, statement: &str) -> String {
        self.database.ask(statement)
    }

    fn count(&self, what: &str) -> u64 {
        self.ask(&format!("SELECT count() FROM {what}")).parse().expect("a number")
    }

    fn insert(&self, sealed: &Sealed) {
        wait(self.store.insert_sealed(sealed)).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Runs to the end what the store does.
fn wait<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(what)
}

fn place(position: u64) -> Place {
    Place { epoch: 1, partition: 3, position, part: 0, logged_at: NOON.plus_ms(position as i64), settings: 7 }
}

fn leg(position: u64) -> Leg {
    let origin = Arc::new(Origin { tenant: "acme".into(), pbx: "main".into(), adapter: "asterisk_cdr" });
    let mut leg = Leg::new(&origin, Position { file: 0, record: position, byte: 0 });
    leg.leg_id = LegId(u128::from(position) << 64 | 5);
    leg.link(KeyKind::Id, format!("call-{}", position / 2));
    leg.started_at = Some(NOON.plus_ms(position as i64 * 1000));
    leg
}

/// A batch of these positions: two legs a record, and of each tenth one a reject and a mark.
fn batch(first: u64, next: u64) -> Sealed {
    let mut facts = FactsBuilder::default();
    for position in first..next {
        for part in 0..2 {
            let mut leg = leg(position);
            leg.leg_id.0 += u128::from(part);
            facts.leg(&leg, Place { part, ..place(position) });
        }
        if position % 10 == 0 {
            let from = From { tenant: "acme", pbx: "main", adapter: "asterisk_cdr", source: b"pbx.csv" };
            facts.reject(&Reject::new(Position::default(), b"\xff?", "not understood"), from, place(position));
            let (tenant, pbx, adapter, source) = ("acme", "main", "asterisk_cdr", &b"pbx.csv"[..]);
            let value = format!("columns of {position}");
            let mark = Mark { tenant, pbx, adapter, source, kind: "header", subject: "", value: value.as_bytes() };
            facts.mark(mark, place(position));
        }
    }
    facts.seal(&about(first, next))
}

fn about(first: u64, next: u64) -> Batch<'static> {
    Batch {
        epoch: 1,
        topic: "calls",
        partition: 3,
        first,
        next,
        records: next - first,
        headers: 0,
        settings: 7,
        sealed_at: NOON,
    }
}
