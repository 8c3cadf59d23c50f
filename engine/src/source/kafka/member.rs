//! A member of the consumer group: what it does when partitions come and go, and for how long they are certainly its own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::commit::Commits;

/// The longest that a partition is kept from its next owner for the answer to the last commit.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What the group said, in order.
pub(super) enum Note {
    Assigned(Vec<u32>),
    Revoked(Vec<u32>),
    /// The client did not take what the group said.
    Failed(KafkaError),
}

/// What the consumer calls while it is polled, on the thread that polls.
pub(super) struct Member {
    inner: Mutex<Inner>,
}

/// Never waited for: all of it is used by the thread that polls.
pub(super) struct Inner {
    pub(super) commits: Commits,
    pub(super) notes: Vec<Note>,
}

impl Member {
    pub(super) fn new(commits: Commits) -> Member {
        Member { inner: Mutex::new(Inner { commits, notes: Vec::new() }) }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Member {
    /// Errors come by `poll`; the client's own lines would go to stderr unasked.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Member {
    /// Asks no broker: this cannot say that it failed. What is to be read is asked for after the poll.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let mut inner = self.inner();
        let partitions = list.elements().iter().filter_map(|of| u32::try_from(of.partition()).ok()).collect();
        let (done, note) = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // A refusal that is here already is older than the assignment.
            inner.commits.receive(Duration::ZERO);
            inner.commits.assignment_shown();
            (assign(consumer, list), Note::Assigned(partitions))
        } else {
            inner.commits.drain(DRAIN_MAX);
            (unassign(consumer, list), Note::Revoked(partitions))
        };
        inner.notes.push(note);
        inner.notes.extend(done.err().map(Note::Failed));
    }
}

fn is_cooperative(consumer: &BaseConsumer<Member>) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

/// Paused, and from a place that asks nothing of a broker: where to read from is said later.
fn assign(consumer: &BaseConsumer<Member>, list: &TopicPartitionList) -> KafkaResult<()> {
    let mut paused = TopicPartitionList::with_capacity(list.count());
    for of in list.elements() {
        paused.add_partition_offset(of.topic(), of.partition(), Offset::Offset(0))?;
    }
    if is_cooperative(consumer) {
        consumer.incremental_assign(&paused)?
    } else {
        consumer.assign(&paused)?
    }
    if paused.count() > 0 { consumer.pause(&paused) } else { Ok(()) }
}

fn unassign(consumer: &BaseConsumer<Member>, list: &TopicPartitionList) -> KafkaResult<()> {
    if is_cooperative(consumer) { consumer.incremental_unassign(list) } else { consumer.unassign() }
}

/// Whether the group can have taken us for gone.
///
/// The client's own thread keeps the membership alive while the process runs. A process that stood still for most of a session
/// may have lost it, and the client needs to hear of that first: so after such a stop a whole session has to pass.
pub(super) struct Presence {
    session: Duration,
    polled_at: Instant,
    sure_from: Instant,
}

impl Presence {
    pub(super) fn new(session: Duration, now: Instant) -> Presence {
        Presence { session, polled_at: now, sure_from: now }
    }

    /// A poll begins.
    pub(super) fn polled(&mut self, now: Instant) {
        if !self.is_fresh(now) {
            self.sure_from = now + self.session;
        }
        self.polled_at = now;
    }

    pub(super) fn is_sure(&self, now: Instant) -> bool {
        self.is_fresh(now) && now >= self.sure_from
    }

    /// A quarter of the session is left for the way to the broker.
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.polled_at) < self.session * 3 / 4
    }
}
