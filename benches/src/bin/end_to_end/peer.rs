//! A consumer as people write it in Rust: a stream of messages, a struct, an inserter; at least once.

use std::time::Duration;

use chrono::NaiveDateTime;
use clickhouse::{Client, Row};
use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::message::Message;
use serde::{Deserialize, Deserializer, Serialize};

use benches::database::runtime;

use crate::world::TOPIC;

/// A call detail record, in the order of its columns.
#[derive(Row, Serialize, Deserialize)]
struct Cdr {
    clid: String,
    src: String,
    dst: String,
    dcontext: String,
    channel: String,
    dstchannel: String,
    lastapp: String,
    lastdata: String,
    #[serde(deserialize_with = "moment")]
    start: u32,
    #[serde(deserialize_with = "maybe_moment")]
    answer: Option<u32>,
    #[serde(deserialize_with = "moment")]
    end: u32,
    duration: u32,
    billsec: u32,
    disposition: String,
    amaflags: String,
    accountcode: String,
    uniqueid: String,
    userfield: String,
    linkedid: String,
    peeraccount: String,
    sequence: u64,
    did: String,
}

const TABLE: &str = "CREATE TABLE cdr (clid String, src String, dst String, dcontext LowCardinality(String), channel String, \
    dstchannel String, lastapp LowCardinality(String), lastdata String, start DateTime, answer Nullable(DateTime), end DateTime, \
    duration UInt32, billsec UInt32, disposition LowCardinality(String), amaflags LowCardinality(String), accountcode String, \
    uniqueid String, userfield String, linkedid String, peeraccount String, sequence UInt64, did String) \
    ENGINE = MergeTree PARTITION BY toYYYYMM(start) ORDER BY (start, uniqueid)";

fn seconds<E: serde::de::Error>(text: &str) -> Result<u32, E> {
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").map_err(E::custom)?;
    u32::try_from(at.and_utc().timestamp()).map_err(E::custom)
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    seconds(<&str>::deserialize(deserializer)?)
}

fn maybe_moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = <&str>::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { seconds(text).map(Some) }
}

/// Stores all records that it can read.
pub fn store_all(bootstrap: &str, records: u64, url: &str) {
    runtime().block_on(async {
        let client = Client::default().with_url(url);
        client.query(TABLE).execute().await.expect("the table");
        let consumer: StreamConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "peer")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .create()
            .expect("a consumer");
        consumer.subscribe(&[TOPIC]).expect("the topic");
        let mut inserter = client
            .inserter::<Cdr>("cdr")
            .with_max_rows(crate::facts::LEGS_PER_BATCH_MAX)
            .with_period(Some(Duration::from_secs(1)));
        let (mut broken, mut last) = (0, None);
        for _ in 0..records {
            let message = consumer.recv().await.expect("a message");
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_reader(message.payload().unwrap_or_default());
            for row in reader.deserialize::<Cdr>() {
                match row {
                    Ok(row) => inserter.write(&row).await.expect("the row is taken"),
                    Err(_) => broken += 1,
                }
            }
            if inserter.commit().await.expect("the rows are stored").rows > 0 {
                consumer.commit_message(&message, CommitMode::Async).expect("the commit is sent");
            }
            last = Some(message);
        }
        inserter.end().await.expect("the rows are stored");
        if let Some(last) = last {
            consumer.commit_message(&last, CommitMode::Sync).expect("the commit is taken");
        }
        assert!(broken * 100 < records, "{broken} of {records} records could not be read");
    });
}
