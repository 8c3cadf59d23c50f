//! A Kafka topic: the log of an installation with more than one process.
//!
//! One thread asks it. Partitions come and go by the rules of the group; each is read through a queue of its own, beginning
//! where its owner says and not where the group stands; the register is the text beside the committed offset.

mod batch;
mod client;
mod commit;
mod member;
pub(crate) mod outside;
pub(crate) mod probe;
pub(crate) mod produce;
#[cfg(test)]
mod tests;
pub(crate) mod topic;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::leg::Moment;
use anyhow::{Result, anyhow, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use stream::register::Unreadable;
use stream::{LogRecord, Register};

use self::batch::{Message, PartitionQueue};
use self::client::{ANSWER_MAX, ask};
use self::commit::Commits;
use self::member::{Member, Note, Presence};
use super::{Commit, Happened, Partition, Source};
use crate::config::{Config, Delivery, Kafka, LogTime};

/// The longest wait in one go: nothing ends it.
const NAP: Duration = Duration::from_millis(5);

/// The longest that a partition may take to be ready for reading, once it is ours.
const READY_MAX: Duration = Duration::from_secs(10);

/// The longest that leaving may take.
const LEAVE_MAX: Duration = Duration::from_secs(10);

/// One topic of the log, and our place in its group.
pub(crate) struct KafkaSource {
    kafka: Kafka,
    topic: String,
    default_tenant: String,
    partitions: u32,
    ours: BTreeMap<u32, Ours>,
    /// Whose turn it is to be read first.
    turn: usize,
    presence: Presence,
    /// After `ours`, whose queues are let go first.
    consumer: Arc<BaseConsumer<Member>>,
}

/// A partition of ours.
struct Ours {
    /// From the first [`Source::read_from`] on.
    queue: Option<PartitionQueue>,
    is_paused: bool,
    /// The place of the next record that we do not have.
    at: u64,
    /// The place after its last record, when we were told last.
    next: u64,
    /// Where its records come from if they do not say.
    source: String,
}

impl KafkaSource {
    /// Joins the group. The topic is checked before: [`topic::check`].
    ///
    /// # Errors
    /// If the settings are wrong, or the topic is not as it has to be.
    pub(crate) fn join(config: &Config, topic: &str) -> Result<KafkaSource> {
        KafkaSource::join_as(config, topic, &client::consumer(&config.kafka, &config.kafka.group)?)
    }

    fn join_as(config: &Config, topic: &str, settings: &ClientConfig) -> Result<KafkaSource> {
        let kafka = config.kafka.clone();
        let partitions = topic::check(&kafka, topic)?;
        let commits = Commits::new(Duration::from_secs(config.limits.commit_answer_s.get()));
        let consumer: BaseConsumer<Member> = settings.create_with_context(Member::new(commits))?;
        consumer.subscribe(&[topic])?;
        let session = Duration::from_secs(u64::from(kafka.session_timeout_s.get()));
        Ok(KafkaSource {
            presence: Presence::new(session, Instant::now()),
            kafka,
            topic: topic.to_owned(),
            default_tenant: config.tenant.one().to_owned(),
            partitions,
            ours: BTreeMap::new(),
            turn: 0,
            consumer: Arc::new(consumer),
        })
    }

    /// Serves the group, and tells what it said and what became of the commit. True if there was anything.
    fn serve(&mut self, tell: &mut dyn FnMut(Happened<'_>)) -> Result<bool> {
        self.presence.polled(Instant::now());
        match self.consumer.poll(Duration::ZERO) {
            None => {}
            Some(Ok(_)) => bail!("kafka topic {}: a record came outside its partition's queue", self.topic),
            Some(Err(error)) => self.judge(&error)?,
        }
        self.consumer.context().inner().commits.receive(Duration::ZERO);
        self.tell(tell)
    }

    /// Ends only for what does not mend itself: brokers come back.
    fn judge(&self, error: &KafkaError) -> Result<()> {
        use RDKafkaErrorCode as Code;
        let topic = &self.topic;
        match (error, error.rdkafka_error_code()) {
            (KafkaError::MessageConsumptionFatal(_), _) => bail!("the Kafka client cannot go on: {error}"),
            (_, Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)) => {
                bail!("kafka topic {topic} is gone, or was made again with fewer partitions: {error}")
            }
            (_, Some(Code::TopicAuthorizationFailed)) => {
                bail!("kafka topic {topic} may not be read by this user: {error}")
            }
            (_, Some(Code::GroupAuthorizationFailed)) => {
                bail!("kafka group {} may not be joined by this user: {error}", self.kafka.group)
            }
            (_, Some(Code::Authentication | Code::SaslAuthenticationFailed)) => {
                bail!("kafka does not take the user or the password under [kafka.security]: {error}")
            }
            _ => Ok(()),
        }
    }

    fn tell(&mut self, tell: &mut dyn FnMut(Happened<'_>)) -> Result<bool> {
        let (notes, answers) = {
            let mut inner = self.consumer.context().inner();
            (std::mem::take(&mut inner.notes), inner.commits.take())
        };
        let is_any = !notes.is_empty() || !answers.is_empty();
        if !answers.is_empty() {
            tell(Happened::Committed(answers));
        }
        let mut assigned = Vec::new();
        for note in notes {
            match note {
                Note::Failed(error) => bail!("the Kafka client did not take an assignment: {error}"),
                Note::Revoked(revoked) => {
                    assigned.retain(|partition| !revoked.contains(partition));
                    for partition in revoked {
                        if self.ours.remove(&partition).is_some() {
                            tell(Happened::Revoked { partition });
                        }
                    }
                }
                Note::Assigned(partitions) => assigned.extend(partitions),
            }
        }
        if !assigned.is_empty() {
            self.take(&assigned, tell)?;
        }
        Ok(is_any)
    }

    /// Learns of partitions what their owner has to know. Brokers may need a few tries.
    fn take(&mut self, assigned: &[u32], tell: &mut dyn FnMut(Happened<'_>)) -> Result<()> {
        let registers = ask("what was committed", || {
            let mut list = TopicPartitionList::with_capacity(assigned.len());
            for partition in assigned {
                list.add_partition(&self.topic, i32::try_from(*partition)?);
            }
            let list = self.consumer.committed_offsets(list, ANSWER_MAX)?;
            list.elements().iter().try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)?;
            Ok(client::registers(&list))
        })?;
        for (number, committed) in registers {
            let (first, next) = self.ends(number)?;
            let source = format!("{}/{number}", self.topic);
            self.ours.insert(number, Ours { queue: None, is_paused: false, at: first, next, source });
            let register = committed.map(|(offset, text)| self.register(offset, text));
            tell(Happened::Assigned(Partition { number, partitions: self.partitions, register, first, next }));
        }
        Ok(())
    }

    /// The text beside an offset. Of brokers that are not asked to keep one the offset alone counts.
    fn register(&self, offset: u64, text: Vec<u8>) -> Vec<u8> {
        let is_kept = self.kafka.delivery == Delivery::ExactlyOnce
            || !matches!(Register::from_text(&text), Err(Unreadable::Empty | Unreadable::Damaged(_)));
        if is_kept { text } else { Register::new(0, offset, 0, self.partitions).text().into_bytes() }
    }

    /// The first place that the partition still has, and the one after its last.
    fn ends(&self, partition: u32) -> Result<(u64, u64)> {
        let number = i32::try_from(partition)?;
        let (first, next) = ask("where a partition begins and ends", || {
            Ok(self.consumer.fetch_watermarks(&self.topic, number, ANSWER_MAX)?)
        })?;
        Ok((u64::try_from(first)?, u64::try_from(next)?))
    }

    /// Gives records of each partition in turn.
    fn read(&mut self, max: usize, tell: &mut dyn FnMut(Happened<'_>)) -> Result<usize> {
        let mut read = 0;
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % self.ours.len().max(1);
        let order = (first..self.ours.len()).chain(0..first);
        let numbers: Vec<u32> = self.ours.keys().copied().collect();
        for number in order.filter_map(|at| numbers.get(at).copied()) {
            let Some(ours) = self.ours.get_mut(&number).filter(|ours| !ours.is_paused) else { continue };
            let Some(queue) = &mut ours.queue else { continue };
            let (kafka, tenant, topic) = (&self.kafka, self.default_tenant.as_str(), self.topic.as_str());
            let (at, source) = (&mut ours.at, ours.source.as_bytes());
            read += queue.read(max.saturating_sub(read), |message| match message.error() {
                None => tell_record(&message, number, at, source, kafka, tenant, tell),
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
                    // What comes from before the beginning of reading is of no interest.
                    if u64::try_from(message.offset()).is_ok_and(|offset| offset < *at) => Ok(()),
                Some(error) => broken(topic, number, *at, error),
            })?;
            ours.next = ours.next.max(ours.at);
        }
        Ok(read)
    }
}

impl Source for KafkaSource {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn poll(&mut self, wait: Duration, records_max: usize, tell: &mut dyn FnMut(Happened<'_>)) -> Result<()> {
        let until = Instant::now() + wait;
        loop {
            let happened = self.serve(tell)?;
            let read = self.read(records_max, tell)?;
            let nap = until.saturating_duration_since(Instant::now()).min(NAP);
            if happened || read > 0 || nap.is_zero() {
                return Ok(());
            }
            // The client waits in whole milliseconds, and goes round without a pause for what is left of the last one.
            std::thread::sleep(nap);
        }
    }

    fn read_from(&mut self, partition: u32, offset: u64) -> Result<()> {
        let (topic, number) = (self.topic.as_str(), i32::try_from(partition)?);
        if !self.ours.contains_key(&partition) {
            bail!("kafka topic {topic}, partition {partition}: it is not ours, so it is not read");
        }
        let (first, next) = self.ends(partition)?;
        if offset < first || offset > next {
            return Err(out_of_range(topic, partition, offset, Some((first, next))));
        }
        let queue = PartitionQueue::of(&self.consumer, topic, number)
            .ok_or_else(|| anyhow!("kafka topic {topic}, partition {partition}: the client gives no queue"))?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, number, Offset::Offset(i64::try_from(offset)?))?;
        seek(&self.consumer, &list)?;
        self.consumer.resume(&list)?;
        if let Some(ours) = self.ours.get_mut(&partition) {
            (ours.queue, ours.at, ours.next) = (Some(queue), offset, next);
        }
        Ok(())
    }

    /// What was fetched already stays where it is: it need not be fetched again.
    fn pause(&mut self, partition: u32) {
        if let Some(ours) = self.ours.get_mut(&partition) {
            ours.is_paused = true;
        }
    }

    fn resume(&mut self, partition: u32) {
        if let Some(ours) = self.ours.get_mut(&partition) {
            ours.is_paused = false;
        }
    }

    fn commit(&mut self, commits: &[Commit]) -> Result<()> {
        let generation = client::generation(&*self.consumer);
        let mut inner = self.consumer.context().inner();
        let is_ours = |commit: &&Commit| self.ours.contains_key(&commit.partition);
        for strange in commits.iter().filter(|commit| !is_ours(commit)) {
            inner.commits.refuse(strange.partition, "the partition is not ours any more, so it was not sent");
        }
        let ours: Vec<&Commit> = commits.iter().filter(is_ours).collect();
        if ours.is_empty() {
            return Ok(());
        }
        inner.commits.send(self.consumer.client().native_ptr(), &self.topic, &ours, generation)
    }

    /// A process that stood still may have left the group; the next poll says so. Until then its commits would come from nobody,
    /// and brokers take those where the group is empty.
    fn may_commit(&self) -> bool {
        self.presence.is_fresh(Instant::now())
            && !self.consumer.assignment_lost()
            && self.consumer.context().inner().commits.may_send()
            && client::generation(&*self.consumer).is_some_and(|g| self.consumer.context().inner().commits.is_taken(g))
    }

    fn is_ours(&self) -> bool {
        self.presence.is_sure(Instant::now()) && !self.consumer.assignment_lost()
    }

    fn next(&self, partition: u32) -> Option<u64> {
        let ours = self.ours.get(&partition)?;
        Some(ours.next.max(client::next_seen(&*self.consumer, &self.topic, partition).unwrap_or(0)))
    }

    fn has_log_time(&self) -> bool {
        self.kafka.log_time == LogTime::AppendTime
    }

    fn leave(&mut self) {
        self.ours.clear();
        let until = Instant::now() + LEAVE_MAX;
        if self.consumer.close_queue().is_err() {
            return;
        }
        while !self.consumer.closed() && Instant::now() < until {
            // What it says is of no interest any more.
            let _ = self.consumer.poll(Duration::from_millis(20));
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.ours.clear();
        // Queues have to go before the client does.
        self.consumer.context().inner().commits.close();
    }
}

fn tell_record(
    message: &Message<'_>,
    partition: u32,
    at: &mut u64,
    source: &[u8],
    kafka: &Kafka,
    default_tenant: &str,
    tell: &mut dyn FnMut(Happened<'_>),
) -> Result<()> {
    let offset = u64::try_from(message.offset())?;
    let headers = message.headers();
    let (key, pbx, adapter) = (
        String::from_utf8_lossy(message.key()),
        headers.pbx.map(String::from_utf8_lossy),
        headers.adapter.map(String::from_utf8_lossy),
    );
    let record = LogRecord {
        offset,
        logged_at: Moment(message.stamp_ms().unwrap_or(0)),
        tenant: if key.is_empty() { default_tenant } else { &key },
        pbx: pbx.as_deref().unwrap_or(&kafka.default_pbx),
        adapter: adapter.as_deref().unwrap_or(&kafka.default_adapter),
        source: headers.source.unwrap_or(source),
        position: stream::tenant::position(offset, headers.byte.unwrap_or(offset)),
        bytes: message.payload(),
        too_long: None,
    };
    tell(Happened::Record { partition, record });
    *at = offset + 1;
    Ok(())
}

fn broken(topic: &str, partition: u32, at: u64, error: RDKafkaErrorCode) -> Result<()> {
    match error {
        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
            Err(out_of_range(topic, partition, at, None))
        }
        error => bail!("kafka topic {topic}, partition {partition}: the record at {at} cannot be read: {error}"),
    }
}

fn out_of_range(topic: &str, partition: u32, offset: u64, ends: Option<(u64, u64)>) -> anyhow::Error {
    let has = ends.map_or_else(String::new, |(first, next)| format!(", which has {first} to {next}"));
    anyhow!(
        "kafka topic {topic}, partition {partition}: offset {offset} is not in the log{has}. Either its retention removed \
         records before they were stored: raise retention.ms; or the topic was made again. Nothing is skipped unasked: with \
         the engines stopped, `ringback repair --from-ledger` says what is missing and goes on from what is there"
    )
}

/// Sets the place to read from. The client needs a moment after an assignment before it takes one.
fn seek(consumer: &BaseConsumer<Member>, list: &TopicPartitionList) -> Result<()> {
    let until = Instant::now() + READY_MAX;
    loop {
        let error = match consumer.seek_partitions(list.clone(), ANSWER_MAX) {
            Ok(done) => match done.elements().iter().try_for_each(|of| of.error()) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            Err(error) => error,
        };
        if Instant::now() >= until {
            bail!("the Kafka client does not take the place to read from: {error}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
