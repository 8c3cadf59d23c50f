//! Parse to legs, and nothing after it: the engine's source, adapter, blocks of facts and exact inserts, without its machine.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use adapters::reader;
use adapters::{Adapter, Header, Legs, Record, Settings};
use directory::Directory;
use store::{Batch, FactsBuilder, Place, Store};
use stream::{Facts, LogRecord};
use tokio::task::JoinHandle;

use crate::log;
use benches::database::runtime;

use crate::world::{ADAPTER, PBX, TOPIC};

/// As the engine's settings have them.
pub const LEGS_PER_BATCH_MAX: u64 = 200_000;
pub const BATCH_AGE: Duration = Duration::from_secs(1);

/// Batches that are on their way at once.
const IN_FLIGHT_MAX: usize = 2;

/// Reads records of one exchange.
pub struct Reading {
    adapter: &'static dyn Adapter,
    settings: Settings,
    header: Option<Header>,
}

impl Reading {
    pub fn of(directory: &Directory) -> Reading {
        let adapter = adapters::pbx::named(ADAPTER).expect("the adapter");
        let settings = calls::settings::settings(directory, PBX, adapter.about().name);
        Reading { adapter, settings, header: None }
    }

    pub fn read(&mut self, record: &LogRecord<'_>, out: &mut Legs) {
        let of_adapter = Record {
            bytes: record.bytes,
            position: record.position,
            source: record.source,
            header: None,
            logged_at: Some(record.logged_at),
        };
        reader::read(self.adapter, &self.settings, &mut self.header, of_adapter, record.too_long, out);
    }
}

/// Where the rows of a record stand.
pub fn place(record: &LogRecord<'_>) -> Place {
    Place { epoch: 1, partition: 0, position: record.offset, part: 0, logged_at: record.logged_at, settings: 1 }
}

/// The batch that ends with this record.
pub fn batch(first: u64, record: &LogRecord<'_>) -> Batch<'static> {
    let next = record.offset + 1;
    Batch {
        epoch: 1,
        topic: TOPIC,
        partition: 0,
        first,
        next,
        records: next - first,
        headers: 0,
        settings: 1,
        sealed_at: record.logged_at,
    }
}

/// Stores the legs of all records.
pub fn store_all(bootstrap: &str, records: u64, url: &str, site: &str) {
    let directory = Directory::from_toml(site).expect("the site file");
    let mut reading = Reading::of(&directory);
    let store = Store::at(url, "default");
    let runtime = runtime();
    let mut sending: VecDeque<JoinHandle<()>> = VecDeque::new();
    let (mut facts, mut out) = (FactsBuilder::default(), Legs::default());
    let (mut first, mut legs, mut since) = (0, 0, Instant::now());
    log::read(bootstrap, records, |record| {
        reading.read(&record, &mut out);
        let place = place(&record);
        for (reject, part) in out.rejects.drain(..).zip(0..) {
            let from = store::From { tenant: record.tenant, pbx: record.pbx, adapter: record.adapter, source: &[] };
            facts.reject(&reject, from, Place { part, ..place });
        }
        for (leg, part) in out.legs.drain(..).zip(0..) {
            facts.leg(&leg, Place { part, ..place });
            legs += 1;
        }
        let is_old = record.offset % 1000 == 0 && since.elapsed() >= BATCH_AGE;
        if legs < LEGS_PER_BATCH_MAX && !is_old && record.offset + 1 < records {
            return;
        }
        let (batch, mut full, store) = (batch(first, &record), std::mem::take(&mut facts), store.clone());
        let sealed = runtime.spawn_blocking(move || full.seal(&batch));
        sending.push_back(runtime.spawn(async move {
            let sealed = sealed.await.expect("the batch is sealed");
            store.insert_sealed(&sealed).await.expect("the batch is stored");
        }));
        while sending.len() > IN_FLIGHT_MAX {
            let oldest = sending.pop_front();
            oldest.map(|sent| runtime.block_on(sent)).transpose().expect("the batch is stored");
        }
        (first, legs, since) = (record.offset + 1, 0, Instant::now());
    });
    for sent in sending {
        runtime.block_on(sent).expect("the batch is stored");
    }
}
