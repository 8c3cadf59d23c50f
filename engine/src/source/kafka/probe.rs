//! Whether the brokers do what exactly once rests on: they give back what stands beside an offset, and refuse it from who is
//! no member. Some that speak Kafka's protocol do neither.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{TopicPartitionList, bindings as native};
use stream::keeper::CommitOutcome;

use super::client::{self, ANSWER_MAX, ask};
use super::commit::Commits;
use super::member::{Member, Note};
use super::topic;
use crate::config::Kafka;
use crate::source::Commit;

/// The longest that the group may take to give us a partition.
const JOIN_MAX: Duration = Duration::from_secs(60);

/// What the brokers are good for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Probed {
    /// Exactly once.
    Exact,
    /// Once or more, and why no better.
    NotExact(String),
}

/// Tries it in a group of its own, which is removed again. Takes some seconds; called outside of an asynchronous task.
///
/// # Errors
/// If the brokers do not answer, or give nothing to try it with.
pub(crate) fn probe(kafka: &Kafka, topic: &str) -> Result<Probed> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let group = format!("{}-probe-{}-{}", kafka.group, std::process::id(), now.as_nanos());
    let probed = try_it(kafka, topic, &group);
    // An empty group goes by itself in the end, so that it could not be removed is no fault.
    let _ = topic::wait_for(topic::admin(kafka)?.delete_groups(&[&group], &topic::options()));
    probed.with_context(|| format!("kafka group {group}: it cannot be tried whether exactly once is possible"))
}

fn try_it(kafka: &Kafka, topic: &str, group: &str) -> Result<Probed> {
    let member: BaseConsumer<Member> = client::consumer(kafka, group)?.create_with_context(Member::new(commits()))?;
    let stranger: BaseConsumer = client::consumer(kafka, group)?.create()?;
    let mut from_stranger = commits();
    let probed = compare(&member, &stranger, &mut from_stranger, topic);
    from_stranger.close();
    member.context().inner().commits.close();
    probed
}

fn commits() -> Commits {
    Commits::new(ANSWER_MAX * 2)
}

fn compare(
    member: &BaseConsumer<Member>,
    stranger: &BaseConsumer,
    from_stranger: &mut Commits,
    topic: &str,
) -> Result<Probed> {
    let partition = join(member, topic)?;
    let text = "probe of a member";
    let mine = Commit { partition, offset: 0, text: text.to_owned() };
    let client = member.client().native_ptr();
    let outcome = answer(&mut member.context().inner().commits, client, topic, &mine);
    match outcome? {
        CommitOutcome::Stored => {}
        other => bail!("a member's commit was not stored: {other:?}"),
    }
    if read(stranger, topic, partition)?.as_deref() != Some(text.as_bytes()) {
        return Ok(Probed::NotExact("the brokers do not give back the text beside a committed offset".to_owned()));
    }
    let strange = Commit { partition, offset: 0, text: "probe of a stranger".to_owned() };
    let outcome = answer(from_stranger, stranger.client().native_ptr(), topic, &strange)?;
    let kept = read(stranger, topic, partition)?.as_deref() == Some(text.as_bytes());
    Ok(match outcome {
        CommitOutcome::Refused(_) if kept => Probed::Exact,
        CommitOutcome::Refused(why) => {
            Probed::NotExact(format!("the brokers refused a stranger's commit ({why}) and stored it"))
        }
        CommitOutcome::Stored => {
            Probed::NotExact("the brokers store commits of who is no member of the group".to_owned())
        }
        CommitOutcome::Unknown(why) => bail!("a stranger's commit had no clear answer: {why}"),
    })
}

fn join(member: &BaseConsumer<Member>, topic: &str) -> Result<u32> {
    member.subscribe(&[topic])?;
    let until = Instant::now() + JOIN_MAX;
    while Instant::now() < until {
        // Errors on the way mend themselves or end in the time running out.
        let _ = member.poll(Duration::from_millis(50));
        for note in std::mem::take(&mut member.context().inner().notes) {
            match note {
                Note::Assigned(partitions) if !partitions.is_empty() => return Ok(partitions[0]),
                Note::Failed(error) => bail!("the client did not take an assignment: {error}"),
                Note::Assigned(_) | Note::Revoked(_) => {}
            }
        }
    }
    bail!("the group gave no partition within {} s", JOIN_MAX.as_secs())
}

fn answer(
    commits: &mut Commits,
    client: *mut native::rd_kafka_t,
    topic: &str,
    commit: &Commit,
) -> Result<CommitOutcome> {
    commits.send(client, topic, &[commit], None)?;
    loop {
        commits.receive(Duration::from_millis(50));
        if let Some((_, outcome)) = commits.take().pop() {
            return Ok(outcome);
        }
    }
}

fn read(stranger: &BaseConsumer, topic: &str, partition: u32) -> Result<Option<Vec<u8>>> {
    ask("what was committed", || {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, i32::try_from(partition)?);
        let list = stranger.committed_offsets(list, ANSWER_MAX)?;
        Ok(client::registers(&list).into_iter().next().and_then(|(_, register)| register).map(|(_, text)| text))
    })
}
