//! A topic and its group as they are seen by who is no member: ends, registers, members; and registers that are written while there
//! are none.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use stream::keeper::CommitOutcome;

use super::client::{self, ANSWER_MAX, ask};
use super::commit::Commits;
use super::topic;
use crate::config::Kafka;
use crate::source::{Commit, Partition};

/// The longest that one record is waited for.
const RECORD_MAX: Duration = Duration::from_secs(20);

/// Looks at a topic, and joins nothing.
pub(crate) struct Outside {
    kafka: Kafka,
    topic: String,
    /// How many the topic has.
    partitions: u32,
    consumer: BaseConsumer,
}

impl Outside {
    /// Called outside of an asynchronous task, as all of this.
    ///
    /// # Errors
    /// If no broker answers, or the topic is not there.
    pub(crate) fn of(kafka: &Kafka, topic: &str) -> Result<Outside> {
        let partitions = topic::partitions(kafka, topic)?;
        let consumer = client::consumer(kafka, &kafka.group)?.create()?;
        Ok(Outside { kafka: kafka.clone(), topic: topic.to_owned(), partitions, consumer })
    }

    /// Every partition: where it begins and ends, and what the group has committed of it.
    ///
    /// # Errors
    /// If the brokers do not say it.
    pub(crate) fn look(&self) -> Result<Vec<Partition>> {
        let registers = self.registers()?;
        let look = |(number, committed): client::Committed| {
            let at = i32::try_from(number)?;
            let (first, next) = ask("where a partition begins and ends", || {
                Ok(self.consumer.fetch_watermarks(&self.topic, at, ANSWER_MAX)?)
            })?;
            let (first, next) = (u64::try_from(first)?, u64::try_from(next)?);
            Ok(Partition {
                number,
                partitions: self.partitions,
                register: committed.map(|(_, text)| text),
                first,
                next,
            })
        };
        registers.into_iter().map(look).collect()
    }

    fn registers(&self) -> Result<Vec<client::Committed>> {
        ask("what was committed", || {
            let mut list = TopicPartitionList::new();
            for partition in 0..self.partitions {
                list.add_partition(&self.topic, i32::try_from(partition)?);
            }
            let list = self.consumer.committed_offsets(list, ANSWER_MAX)?;
            list.elements().iter().try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)?;
            Ok(client::registers(&list))
        })
    }

    /// How many processes are members of the group now.
    ///
    /// # Errors
    /// If the brokers do not say it.
    pub(crate) fn members(&self) -> Result<usize> {
        ask("who is in the group", || {
            let groups = self.consumer.fetch_group_list(Some(&self.kafka.group), ANSWER_MAX)?;
            Ok(groups.groups().iter().map(|group| group.members().len()).sum())
        })
    }

    /// The bytes of the record at this position; `None` if the log has none there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn record(&self, partition: &Partition, position: u64) -> Result<Option<Vec<u8>>> {
        if !(partition.first..partition.next).contains(&position) {
            return Ok(None);
        }
        let mut list = TopicPartitionList::new();
        let at = Offset::Offset(i64::try_from(position)?);
        list.add_partition_offset(&self.topic, i32::try_from(partition.number)?, at)?;
        self.consumer.assign(&list)?;
        let until = Instant::now() + RECORD_MAX;
        let read = loop {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let is_it = u64::try_from(message.offset()).is_ok_and(|offset| offset == position);
                    break Ok(is_it.then(|| message.payload().unwrap_or_default().to_vec()));
                }
                Some(Err(error)) => break Err(anyhow!(error)),
                None if Instant::now() >= until => break Err(anyhow!("no answer within {} s", RECORD_MAX.as_secs())),
                None => {}
            }
        };
        self.consumer.unassign()?;
        read.with_context(|| format!("the record at {position} of {}/{} cannot be read", self.topic, partition.number))
    }

    /// Writes registers and reads them again. The brokers take them only while the group has no members.
    ///
    /// # Errors
    /// If they did not, or it is not known: it may be asked again.
    pub(crate) fn write(&self, commits: &[Commit]) -> Result<()> {
        let mut sending = Commits::new(ANSWER_MAX * 2);
        let all: Vec<&Commit> = commits.iter().collect();
        sending.send(self.consumer.client().native_ptr(), &self.topic, &all, None)?;
        let answers = loop {
            sending.receive(Duration::from_millis(50));
            let answers = sending.take();
            if !answers.is_empty() {
                break answers;
            }
        };
        sending.close();
        for (partition, outcome) in answers {
            match outcome {
                CommitOutcome::Stored => {}
                CommitOutcome::Refused(why) | CommitOutcome::Unknown(why) => {
                    bail!("the register of {}/{partition} was not written: {why}", self.topic)
                }
            }
        }
        let now = self.registers()?;
        for commit in commits {
            let found = now.iter().find(|(number, _)| *number == commit.partition).and_then(|(_, of)| of.as_ref());
            if found.is_none_or(|(offset, text)| (*offset, text.as_slice()) != (commit.offset, commit.text.as_bytes()))
            {
                bail!(
                    "the brokers do not give back the register of {}/{} as it was written",
                    self.topic,
                    commit.partition
                );
            }
        }
        Ok(())
    }
}
