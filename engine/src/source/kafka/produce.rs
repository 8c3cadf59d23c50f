//! Writes records into a topic: for tests, and for `ringback generate --kafka`.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::client;
use crate::config::Kafka;

/// The longest that a record waits for room in the producer's queue, and that the last ones wait to be taken.
const TAKEN_MAX: Duration = Duration::from_secs(60);

/// A record to be written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outgoing<'a> {
    /// The partition; by the key, as Java's producer does it, where there is none.
    pub(crate) partition: Option<u32>,
    /// The company.
    pub(crate) key: &'a str,
    /// Names and values, for example `pbx` and `adapter`.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// Milliseconds since 1970, for topics that keep the producer's time.
    pub(crate) stamp_ms: Option<i64>,
    pub(crate) bytes: &'a [u8],
}

/// Writes each record once and in order, as long as it lives.
pub(crate) struct Producer {
    topic: String,
    producer: BaseProducer<Failures>,
}

/// The first record that was not taken.
struct Failures(Mutex<Option<KafkaError>>);

impl ClientContext for Failures {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

impl Producer {
    /// # Errors
    /// If the settings are wrong.
    pub(crate) fn to(kafka: &Kafka, topic: &str) -> Result<Producer> {
        let mut config = client::common(kafka)?;
        config.set("enable.idempotence", "true").set("linger.ms", "5").set("partitioner", "murmur2_random");
        Ok(Producer { topic: topic.to_owned(), producer: config.create_with_context(Failures(Mutex::new(None)))? })
    }

    /// Hands a record over; it is taken for certain after [`Producer::flush`].
    ///
    /// # Errors
    /// If a record before this one was not taken, or there is no room for long.
    pub(crate) fn send(&self, record: Outgoing<'_>) -> Result<()> {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in record.headers {
            headers = headers.insert(Header { key, value: Some(*value) });
        }
        let mut outgoing = BaseRecord::<str, [u8]>::to(&self.topic).payload(record.bytes).headers(headers);
        outgoing.key = (!record.key.is_empty()).then_some(record.key);
        outgoing.partition = record.partition.map(i32::try_from).transpose()?;
        outgoing.timestamp = record.stamp_ms;
        let until = Instant::now() + TAKEN_MAX;
        loop {
            self.failed()?;
            match self.producer.send(outgoing) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) if Instant::now() < until => {
                    self.producer.poll(Duration::from_millis(50));
                    outgoing = back;
                }
                Err((error, _)) => bail!("kafka topic {}: a record cannot be sent: {error}", self.topic),
            }
        }
    }

    /// Waits until all are taken.
    ///
    /// # Errors
    /// If one was not.
    pub(crate) fn flush(&self) -> Result<()> {
        self.producer.flush(TAKEN_MAX).with_context(|| format!("kafka topic {}: records are not taken", self.topic))?;
        self.failed()
    }

    fn failed(&self) -> Result<()> {
        let failed = self.producer.context().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        failed.map_or(Ok(()), |error| bail!("kafka topic {}: a record was not taken: {error}", self.topic))
    }
}
