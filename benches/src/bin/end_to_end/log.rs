//! The topic from its beginning to its end: as the engine reads it, and as fast as the client goes.

use std::sync::Arc;
use std::time::Duration;

use adapters::leg::Moment;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use stream::LogRecord;

use crate::world::TOPIC;
use batch::PartitionQueue;

/// The engine's own file, so that what is measured here is what runs there.
#[path = "../../../../engine/src/source/kafka/batch.rs"]
#[allow(dead_code)] // Its errors: here the records are known to be there.
mod batch;

/// What the engine's file takes its consumer's type from.
mod member {
    pub(super) type Member = super::DefaultConsumerContext;
}

/// Records of one turn, as `records_per_turn_max` has it.
const RECORDS_PER_TURN_MAX: usize = 1000;

/// How long is waited where nothing is there yet.
const NAP: Duration = Duration::from_millis(5);

/// How long the client may take to go to another place.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The settings of `engine/src/source/kafka/client.rs` that reading depends on.
const AS_THE_ENGINE: &[(&str, &str)] = &[
    ("isolation.level", "read_committed"),
    ("fetch.wait.max.ms", "50"),
    ("fetch.queue.backoff.ms", "5"),
    ("queued.min.messages", "100000"),
];

/// Larger answers and longer queues than any engine would keep.
const AS_FAST_AS_IT_GOES: &[(&str, &str)] = &[
    ("fetch.wait.max.ms", "5"),
    ("fetch.queue.backoff.ms", "1"),
    ("fetch.message.max.bytes", "16777216"),
    ("queued.min.messages", "1000000"),
    ("queued.max.messages.kbytes", "262144"),
];

/// Reads all records as the engine's source does, and gives each as the machine of its partition gets it.
pub fn read(bootstrap: &str, records: u64, mut each: impl FnMut(LogRecord<'_>)) {
    let source = format!("{TOPIC}/0");
    drain(bootstrap, records, AS_THE_ENGINE, |message| {
        let offset = message.offset().unsigned_abs();
        let headers = message.headers();
        let (key, pbx, adapter) = (
            String::from_utf8_lossy(message.key()),
            headers.pbx.map(String::from_utf8_lossy),
            headers.adapter.map(String::from_utf8_lossy),
        );
        each(LogRecord {
            offset,
            logged_at: Moment(message.stamp_ms().unwrap_or(0)),
            tenant: &key,
            pbx: pbx.as_deref().unwrap_or_default(),
            adapter: adapter.as_deref().unwrap_or_default(),
            source: headers.source.unwrap_or(source.as_bytes()),
            position: stream::tenant::position(offset, headers.byte.unwrap_or(offset)),
            bytes: message.payload(),
            too_long: None,
        });
    });
}

/// Counts all records, and looks at none.
pub fn bare(bootstrap: &str, records: u64) {
    drain(bootstrap, records, AS_FAST_AS_IT_GOES, |_| {});
}

fn drain(bootstrap: &str, records: u64, settings: &[(&str, &str)], mut each: impl FnMut(batch::Message<'_>)) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", "none").set("enable.auto.commit", "false");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    let consumer: Arc<BaseConsumer<member::Member>> = Arc::new(config.create().expect("a consumer"));
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(TOPIC, 0, Offset::Beginning).expect("a place");
    consumer.assign(&from).expect("the partition");
    // As the engine does it: what came before the queue was ours is read again.
    seek(&consumer);
    let mut queue = PartitionQueue::of(&consumer, TOPIC, 0).expect("the partition's queue");
    seek(&consumer);
    let mut seen = 0;
    while seen < records {
        let mut turn = 0;
        let read = queue.read(RECORDS_PER_TURN_MAX, |message| match message.error() {
            None => {
                turn += 1;
                each(message);
                Ok(())
            }
            Some(error) => Err(error),
        });
        read.unwrap_or_else(|error| panic!("{TOPIC}: {error}"));
        seen += turn;
        if let Some(Err(error)) = consumer.poll(if turn == 0 { NAP } else { Duration::ZERO }) {
            panic!("{TOPIC}: {error}");
        }
    }
}

/// Goes to the beginning. The client needs a moment after an assignment before it does.
fn seek(consumer: &BaseConsumer<member::Member>) {
    let mut to = TopicPartitionList::new();
    to.add_partition_offset(TOPIC, 0, Offset::Offset(0)).expect("a place");
    let is_there = || {
        let done = consumer.seek_partitions(to.clone(), ANSWER_MAX);
        done.is_ok_and(|done| done.elements().iter().all(|of| of.error().is_ok()))
    };
    while !is_there() {
        std::thread::sleep(NAP);
    }
}
