//! The settings of the Kafka client: who we are, and how it reads.

use std::ffi::CString;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::bindings as native;
use rdkafka::consumer::{Consumer, ConsumerContext};
use rdkafka::error::IsError;
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::config::Kafka;

/// A broker that does not answer a question of ours within this time is asked again.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How often a question is asked before we give up.
pub(super) const ASKS_MAX: u32 = 4;

/// What all clients have in common.
///
/// # Errors
/// If no broker is named, or the password cannot be read.
pub(super) fn common(kafka: &Kafka) -> Result<ClientConfig> {
    if kafka.bootstrap.is_empty() {
        bail!("no Kafka is named: set `bootstrap` under [kafka] in engine.toml, for example \"127.0.0.1:9092\"");
    }
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.bootstrap).set("client.id", "ringback");
    let security = &kafka.security;
    let named = [
        ("security.protocol", &security.protocol),
        ("sasl.mechanism", &security.mechanism),
        ("sasl.username", &security.user),
        ("ssl.ca.location", &security.ca_file),
    ];
    for (key, value) in named.into_iter().filter(|(_, value)| !value.is_empty()) {
        config.set(key, value);
    }
    if !security.secret_file.is_empty() {
        let path = &security.secret_file;
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("`secret_file` under [kafka.security], {path}, cannot be read"))?;
        config.set("sasl.password", text.lines().next().unwrap_or_default());
    }
    Ok(config)
}

/// A member of this group, or one that only asks.
///
/// # Errors
/// As [`common`].
pub(super) fn consumer(kafka: &Kafka, group: &str) -> Result<ClientConfig> {
    let session_ms = kafka.session_timeout_s.get().saturating_mul(1000);
    let mut config = common(kafka)?;
    config
        .set("group.id", group)
        .set("session.timeout.ms", session_ms.to_string())
        .set("heartbeat.interval.ms", (session_ms / 3).min(3000).to_string())
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("allow.auto.create.topics", "false")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "100000");
    Ok(config)
}

/// A partition, with the offset that was committed last and the text beside it.
pub(super) type Committed = (u32, Option<(u64, Vec<u8>)>);

/// The text that stands beside the committed offset of each partition, with the offset; `None` where nothing was committed.
///
/// Through the pointer: the client's own accessor panics on bytes that are not UTF-8.
pub(super) fn registers(list: &TopicPartitionList) -> Vec<Committed> {
    // SAFETY: the list lives during the call, and has as many elements as it says, each with so many bytes of metadata.
    unsafe {
        let list = &*list.ptr();
        if list.cnt <= 0 {
            return Vec::new();
        }
        let elements = std::slice::from_raw_parts(list.elems, list.cnt.unsigned_abs() as usize);
        let register = |element: &native::rd_kafka_topic_partition_t| {
            let offset = u64::try_from(element.offset).ok()?;
            let text = match element.metadata.is_null() {
                true => &[],
                false => std::slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size),
            };
            Some((offset, text.to_vec()))
        };
        elements.iter().map(|element| (element.partition.unsigned_abs(), register(element))).collect()
    }
}

/// Asks again until there is an answer, so many times.
///
/// # Errors
/// The last one.
pub(super) fn ask<T>(what: &str, mut question: impl FnMut() -> Result<T>) -> Result<T> {
    let mut asked = 1;
    loop {
        match question() {
            Ok(answer) => return Ok(answer),
            Err(error) if asked == ASKS_MAX => {
                return Err(error).with_context(|| format!("kafka does not say {what}, asked {asked} times"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
        asked += 1;
    }
}

/// The place after the last record of a partition, as the last fetch said.
pub(super) fn next_seen<C: ConsumerContext>(consumer: &impl Consumer<C>, topic: &str, partition: u32) -> Option<u64> {
    let (topic, partition) = (CString::new(topic).ok()?, i32::try_from(partition).ok()?);
    let (mut first, mut next) = (-1, -1);
    // SAFETY: all pointers are valid during the call, which asks no broker.
    let got = unsafe {
        let client = consumer.client().native_ptr();
        native::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &raw mut first, &raw mut next)
    };
    if got.is_error() { None } else { u64::try_from(next).ok() }
}

/// Which generation of its group the client is a member of; `None` before it joined, and after the group took it for gone until it
/// joined again. Brokers take a commit without one while the group is empty.
pub(super) fn generation<C: ConsumerContext, T: Consumer<C>>(consumer: &T) -> Option<i32> {
    // SAFETY: the client is alive; what it gives is ours until it is destroyed, and null where there is no group.
    let generation = unsafe {
        let group = native::rd_kafka_consumer_group_metadata(consumer.client().native_ptr());
        if group.is_null() {
            return None;
        }
        let generation = native::rd_kafka_consumer_group_metadata_generation_id(group);
        native::rd_kafka_consumer_group_metadata_destroy(group);
        generation
    };
    (generation >= 0).then_some(generation)
}
