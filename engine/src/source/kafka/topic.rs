//! What a topic has to be like, and making one.

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use super::client::{self, ANSWER_MAX, ask};
use crate::config::{Kafka, LogTime};

/// Whether the topic is one that can be read for ever: how many partitions it has.
///
/// Called outside of an asynchronous task.
///
/// # Errors
/// If it is not there, or what of it has to be changed, and how.
pub(crate) fn check(kafka: &Kafka, topic: &str) -> Result<u32> {
    let partitions = partitions(kafka, topic)?;
    if kafka.log_time == LogTime::CreateTime {
        return Ok(partitions);
    }
    let found = ask("how a topic is set up", || settings(kafka, topic))?;
    let wanted = [("message.timestamp.type", "LogAppendTime"), ("cleanup.policy", "delete")];
    let wrong: Vec<String> = wanted
        .iter()
        .filter_map(|(key, value)| {
            let is = found.iter().find(|(name, _)| name == key).map_or("unknown", |(_, is)| is.as_str());
            (is != *value).then(|| format!("{key} is {is} and has to be {value}"))
        })
        .collect();
    if !wrong.is_empty() {
        bail!(
            "kafka topic {topic}: {}. Change the topic with kafka-configs --alter; or, for a replay of history whose records \
             carry right times, set log_time = \"create_time\" under [kafka] in engine.toml",
            wrong.join(", ")
        );
    }
    Ok(partitions)
}

/// Makes a topic of one partition if it is not there, with settings beside those that we ask for; true if it was made. Called outside of
/// an asynchronous task.
///
/// # Errors
/// If the brokers do not answer, or do not want it.
pub(crate) fn ensure(kafka: &Kafka, topic: &str, settings: &[(&str, &str)]) -> Result<bool> {
    match make(kafka, topic, 1, settings)? {
        Ok(()) => Ok(true),
        Err(RDKafkaErrorCode::TopicAlreadyExists) => Ok(false),
        Err(error) => bail!("kafka topic {topic} cannot be made: {error}"),
    }
}

/// Makes a topic that is not there.
pub(super) fn make(
    kafka: &Kafka,
    topic: &str,
    partitions: u32,
    settings: &[(&str, &str)],
) -> Result<Result<(), RDKafkaErrorCode>> {
    let asked = [("message.timestamp.type", "LogAppendTime"), ("cleanup.policy", "delete")];
    // -1: as many copies as the brokers make by default.
    let mut new = NewTopic::new(topic, i32::try_from(partitions)?, TopicReplication::Fixed(-1));
    for (key, value) in asked.iter().filter(|(key, _)| settings.iter().all(|(own, _)| own != key)).chain(settings) {
        new = new.set(key, value);
    }
    let made = wait_for(admin(kafka)?.create_topics([&new], &options()))?
        .with_context(|| format!("no broker answers at {}", kafka.bootstrap))?;
    Ok(made.into_iter().try_for_each(|result| result.map(|_| ()).map_err(|(_, error)| error)))
}

/// How many partitions the topic has.
///
/// # Errors
/// If no broker answers, or none knows the topic.
pub(super) fn partitions(kafka: &Kafka, topic: &str) -> Result<u32> {
    let consumer: BaseConsumer = client::common(kafka)?.set("allow.auto.create.topics", "false").create()?;
    let count = ask("how many partitions a topic has", || {
        let metadata = consumer
            .fetch_metadata(Some(topic), ANSWER_MAX)
            .with_context(|| format!("no broker answers at {}", kafka.bootstrap))?;
        let found = metadata.topics().iter().find(|of| of.name() == topic);
        let why = match found.map(|of| (of.error(), of.partitions().len())) {
            Some((None, count)) if count > 0 => return Ok(count),
            Some((Some(error), _)) => RDKafkaErrorCode::from(error).to_string(),
            _ => "the brokers do not know it".to_owned(),
        };
        bail!("kafka topic {topic} is not there; make it, or name another under [kafka] in engine.toml ({why})")
    })?;
    Ok(u32::try_from(count)?)
}

fn settings(kafka: &Kafka, topic: &str) -> Result<Vec<(String, String)>> {
    let described = wait_for(admin(kafka)?.describe_configs([&ResourceSpecifier::Topic(topic)], &options()))??;
    let mut found = Vec::new();
    for resource in described {
        let resource =
            resource.map_err(|error| anyhow!("kafka topic {topic}: its settings may not be read: {error}"))?;
        found.extend(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
    }
    Ok(found)
}

pub(super) fn admin(kafka: &Kafka) -> Result<AdminClient<DefaultClientContext>> {
    Ok(client::common(kafka)?.create()?)
}

pub(super) fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX))
}

/// The admin client answers from a thread of its own.
pub(super) fn wait_for<T>(answer: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(answer))
}
