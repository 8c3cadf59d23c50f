//! Commits of registers: sent without waiting, answered partition by partition on a queue of our own, one at a time.
//!
//! The client's own `commit` either blocks for as long as a broker is away, or hides the error of each partition.

use std::ffi::CString;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use rdkafka::bindings as native;
use rdkafka::error::{IsError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use stream::keeper::CommitOutcome;

use crate::source::Commit;

/// The commit that is out, and the answers that nobody was told yet.
pub(super) struct Commits {
    /// Made with the first commit: the client is not there before.
    queue: Option<NonNull<native::rd_kafka_queue_t>>,
    out: Option<Out>,
    answers: Vec<(u32, CommitOutcome)>,
    /// Since a refusal, until the assignment is shown again.
    is_held: bool,
    /// The group knows nobody of this generation. An assignment that had been on its way before says nothing against that.
    disowned: Option<i32>,
    answer_max: Duration,
}

struct Out {
    partitions: Vec<u32>,
    /// Of the group, when it was sent.
    generation: Option<i32>,
    sent_at: Instant,
    /// Its answer is `Unknown` already, and it may still be stored: nothing can be sent after it.
    is_given_up: bool,
}

// SAFETY: a queue of the client may be used from any thread; it is not shared, as every use needs `&mut`.
unsafe impl Send for Commits {}

impl Commits {
    /// No answer within this time means `Unknown`.
    pub(super) fn new(answer_max: Duration) -> Commits {
        Commits { queue: None, out: None, answers: Vec::new(), is_held: false, disowned: None, answer_max }
    }

    /// True if none is out, and none was refused since the assignment was shown last.
    pub(super) fn may_send(&self) -> bool {
        self.out.is_none() && !self.is_held
    }

    /// True if the group can know a member of this generation.
    pub(super) fn is_taken(&self, generation: i32) -> bool {
        self.disowned != Some(generation)
    }

    /// Sends these as one request, as a member of this generation.
    ///
    /// # Errors
    /// If another is out, a text cannot be sent, or the client has no group any more.
    pub(super) fn send(
        &mut self,
        client: *mut native::rd_kafka_t,
        topic: &str,
        commits: &[&Commit],
        generation: Option<i32>,
    ) -> Result<()> {
        if self.out.is_some() {
            bail!("a commit is out already: one at a time");
        }
        let mut list = TopicPartitionList::with_capacity(commits.len());
        for commit in commits {
            // The client ends the text at the first zero byte.
            CString::new(commit.text.as_str()).map_err(|_| anyhow!("a register is text without zero bytes"))?;
            let (partition, offset) = (i32::try_from(commit.partition)?, i64::try_from(commit.offset)?);
            list.add_partition(topic, partition).set_metadata(&commit.text);
            list.set_partition_offset(topic, partition, Offset::Offset(offset))?;
        }
        let queue = match self.queue {
            Some(queue) => queue,
            // SAFETY: the client lives as long as the consumer that gave the pointer, which outlives this call.
            None => NonNull::new(unsafe { native::rd_kafka_queue_new(client) })
                .ok_or_else(|| anyhow!("the client gives no queue"))?,
        };
        self.queue = Some(queue);
        // SAFETY: the list is copied by the call; without a callback the answer is an event on the queue.
        let sent =
            unsafe { native::rd_kafka_commit_queue(client, list.ptr(), queue.as_ptr(), None, std::ptr::null_mut()) };
        if sent.is_error() {
            bail!("a commit could not be sent: {}", words(sent));
        }
        let partitions = commits.iter().map(|commit| commit.partition).collect();
        self.out = Some(Out { partitions, generation, sent_at: Instant::now(), is_given_up: false });
        Ok(())
    }

    /// A commit that need not be sent: the partition is not ours.
    pub(super) fn refuse(&mut self, partition: u32, why: &str) {
        self.answers.push((partition, CommitOutcome::Refused(why.to_owned())));
    }

    /// Takes the answer of the commit that is out, if it comes within this time.
    pub(super) fn receive(&mut self, wait: Duration) {
        let (Some(queue), Some(out)) = (self.queue, &mut self.out) else { return };
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is ours, and is destroyed only by `close`.
        let event = unsafe { native::rd_kafka_queue_poll(queue.as_ptr(), wait_ms) };
        let Some(event) = NonNull::new(event) else {
            if out.sent_at.elapsed() >= self.answer_max {
                self.give_up(&format!("no answer within {} s", self.answer_max.as_secs()));
            }
            return;
        };
        // SAFETY: the event is ours until it is destroyed, and its list lives in it.
        let (kind, whole, each) = unsafe {
            let event = event.as_ptr();
            let list = native::rd_kafka_event_topic_partition_list(event);
            let answer = (native::rd_kafka_event_type(event), native::rd_kafka_event_error(event), errors(list));
            native::rd_kafka_event_destroy(event);
            answer
        };
        if kind != native::RD_KAFKA_EVENT_OFFSET_COMMIT {
            return;
        }
        let Some(out) = self.out.take() else { return };
        if out.is_given_up {
            self.out = Some(out);
            return;
        }
        if each.iter().map(|(_, error)| *error).chain([whole]).any(is_disowned) {
            self.disowned = out.generation;
        }
        for partition in out.partitions {
            let outcome = outcome(partition, whole, &each);
            self.is_held |= matches!(outcome, CommitOutcome::Refused(_));
            self.answers.push((partition, outcome));
        }
    }

    /// Waits for the commit that is out, if one is: before partitions are given away.
    pub(super) fn drain(&mut self, wait_max: Duration) {
        let until = Instant::now() + wait_max;
        while self.out.as_ref().is_some_and(|out| !out.is_given_up) {
            let left = until.saturating_duration_since(Instant::now());
            self.receive(left);
            if left.is_zero() {
                self.give_up("no answer before the partitions had to be given away");
            }
        }
    }

    /// The answers since this was asked last.
    pub(super) fn take(&mut self) -> Vec<(u32, CommitOutcome)> {
        std::mem::take(&mut self.answers)
    }

    /// A poll has shown the assignment: what was refused before may be sent again.
    pub(super) fn assignment_shown(&mut self) {
        self.is_held = false;
    }

    /// Lets the queue go: before the client does.
    pub(super) fn close(&mut self) {
        self.give_up("the process leaves");
        if let Some(queue) = self.queue.take() {
            // SAFETY: it is ours, and nothing uses it after this.
            unsafe { native::rd_kafka_queue_destroy(queue.as_ptr()) };
        }
    }

    fn give_up(&mut self, why: &str) {
        if let Some(out) = self.out.as_mut().filter(|out| !out.is_given_up) {
            out.is_given_up = true;
            let unknown = |partition: &u32| (*partition, CommitOutcome::Unknown(why.to_owned()));
            self.answers.extend(out.partitions.iter().map(unknown));
        }
    }
}

/// What the broker said of each partition of the list.
///
/// # Safety
/// The list is null, or lives during the call.
unsafe fn errors(list: *const native::rd_kafka_topic_partition_list_t) -> Vec<(u32, RDKafkaRespErr)> {
    // SAFETY: as the caller promises; the list has as many elements as it says.
    let elements = match unsafe { list.as_ref() } {
        Some(list) if list.cnt > 0 => unsafe {
            std::slice::from_raw_parts(list.elems, list.cnt.unsigned_abs() as usize)
        },
        _ => &[],
    };
    elements.iter().map(|element| (element.partition.unsigned_abs(), element.err)).collect()
}

/// The request's own error counts where no partition has one: then it never came to the partitions.
fn outcome(partition: u32, whole: RDKafkaRespErr, each: &[(u32, RDKafkaRespErr)]) -> CommitOutcome {
    let Some((_, own)) = each.iter().find(|(of, _)| *of == partition) else {
        let why = if whole.is_error() { words(whole) } else { "the answer does not name the partition".to_owned() };
        return CommitOutcome::Unknown(why);
    };
    let is_about_partitions = each.iter().any(|(_, error)| error.is_error());
    classify(if is_about_partitions { *own } else { whole })
}

/// Only what a coordinator says of a member that it does not know as such is certain: all else may be stored, now or later.
fn classify(error: RDKafkaRespErr) -> CommitOutcome {
    use RDKafkaRespErr::*;
    match error {
        RD_KAFKA_RESP_ERR_NO_ERROR => CommitOutcome::Stored,
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION
        | RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID
        | RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS
        | RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID => CommitOutcome::Refused(words(error)),
        other => CommitOutcome::Unknown(words(other)),
    }
}

/// The group does not know the member: it has to join again.
fn is_disowned(error: RDKafkaRespErr) -> bool {
    use RDKafkaRespErr::*;
    matches!(
        error,
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION
            | RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID
            | RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID
    )
}

fn words(error: RDKafkaRespErr) -> String {
    RDKafkaErrorCode::from(error).to_string()
}

#[cfg(test)]
mod tests {
    use RDKafkaRespErr::*;

    use super::*;

    #[test]
    fn only_what_the_coordinator_says_of_strangers_is_certainly_not_stored() {
        let check = |whole, each: &[(u32, RDKafkaRespErr)], wanted: &str| {
            let text = format!("{:?}", outcome(1, whole, each));
            assert!(text.starts_with(wanted), "{whole:?} {each:?}: {text}");
        };
        let ok = RD_KAFKA_RESP_ERR_NO_ERROR;
        check(ok, &[(0, ok), (1, ok)], "Stored");
        check(ok, &[(0, ok)], "Unknown");
        // The whole is the last error of a partition: it says nothing of the others.
        check(RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, &[(0, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION), (1, ok)], "Stored");
        check(RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, &[(0, ok), (1, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION)], "Refused");
        check(RD_KAFKA_RESP_ERR__TRANSPORT, &[(0, ok), (1, ok)], "Unknown");
        check(RD_KAFKA_RESP_ERR__TIMED_OUT, &[], "Unknown");
        for refused in [
            RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
        ] {
            check(refused, &[(1, refused)], "Refused");
            check(refused, &[(1, ok)], "Refused");
        }
        for unknown in [RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__DESTROY]
        {
            check(unknown, &[(1, unknown)], "Unknown");
        }
    }
}
