//! What the client library can do and its Rust crate does not offer: records of one partition many at a time, and commits whose
//! answer comes to a queue of our own, with each partition's own result.
//!
//! Every function here is called on one thread, that of the source. Pointers are the client's own, and live while it does.

use std::ffi::{CStr, CString, c_void};
use std::ptr;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as native;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::{RDKafka, RDKafkaRespErr};

/// Records that are taken from a partition's queue at once.
const BATCH_MAX: usize = 500;

/// A queue of the client.
pub(super) struct Queue(*mut native::rd_kafka_queue_t);

/// One record, lent until the next is taken.
pub(super) struct Message<'q> {
    message: &'q native::rd_kafka_message_t,
}

/// The records of one partition, apart from all others.
pub(super) struct PartitionQueue {
    queue: Queue,
    taken: Vec<*mut native::rd_kafka_message_t>,
    /// How many of `taken` have been lent.
    lent: usize,
}

impl Queue {
    /// A queue for answers.
    pub(super) fn new(client: *mut RDKafka) -> Queue {
        // SAFETY: the client is alive, and a new queue belongs to us until it is dropped.
        Queue(unsafe { native::rd_kafka_queue_new(client) })
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody else has it.
        unsafe { native::rd_kafka_queue_destroy(self.0) };
    }
}

impl PartitionQueue {
    /// Parts a partition's records from the others. `None` if the partition is not known to the client.
    pub(super) fn of(client: *mut RDKafka, topic: &str, partition: u32) -> Option<PartitionQueue> {
        let topic = CString::new(topic).ok()?;
        let partition = i32::try_from(partition).ok()?;
        // SAFETY: the client is alive; the queue that comes back has a reference of ours.
        let queue = unsafe { native::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) };
        if queue.is_null() {
            return None;
        }
        // SAFETY: the queue was just given to us.
        unsafe { native::rd_kafka_queue_forward(queue, ptr::null_mut()) };
        Some(PartitionQueue { queue: Queue(queue), taken: Vec::with_capacity(BATCH_MAX), lent: 0 })
    }

    /// The next record, if one is here.
    pub(super) fn next(&mut self) -> Option<Message<'_>> {
        if self.lent == self.taken.len() {
            self.give_back();
            // SAFETY: the vector has room for so many pointers, and the library says how many it wrote.
            unsafe {
                let count = native::rd_kafka_consume_batch_queue(self.queue.0, 0, self.taken.as_mut_ptr(), BATCH_MAX);
                self.taken.set_len(usize::try_from(count).unwrap_or(0));
            }
        }
        let message = *self.taken.get(self.lent)?;
        self.lent += 1;
        // SAFETY: the pointer came from the library, and is given back only when all of its batch have been lent.
        unsafe { message.as_ref() }.map(|message| Message { message })
    }

    fn give_back(&mut self) {
        for message in self.taken.drain(..) {
            // SAFETY: each was taken from the library, and is given back once.
            unsafe { native::rd_kafka_message_destroy(message) };
        }
        self.lent = 0;
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Message<'_> {
    /// Why there is no record.
    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        (self.message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| self.message.err.into())
    }

    pub(super) fn offset(&self) -> u64 {
        u64::try_from(self.message.offset).unwrap_or(0)
    }

    pub(super) fn payload(&self) -> &[u8] {
        bytes(self.message.payload, self.message.len)
    }

    pub(super) fn key(&self) -> &[u8] {
        bytes(self.message.key, self.message.key_len)
    }

    /// In milliseconds since 1970.
    pub(super) fn timestamp_ms(&self) -> i64 {
        let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the record is alive.
        unsafe { native::rd_kafka_message_timestamp(self.message, &raw mut kind) }
    }

    /// Each header's name and value.
    pub(super) fn headers(&self, mut each: impl FnMut(&[u8], &[u8])) {
        let mut headers = ptr::null_mut();
        // SAFETY: the record is alive, and its headers live as long.
        unsafe {
            if native::rd_kafka_message_headers(self.message, &raw mut headers)
                != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                return;
            }
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            for index in 0.. {
                let found =
                    native::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut size);
                if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return;
                }
                each(CStr::from_ptr(name).to_bytes(), bytes(value, size));
            }
        }
    }
}

fn bytes<'a>(from: *const c_void, length: usize) -> &'a [u8] {
    if from.is_null() {
        return &[];
    }
    // SAFETY: the library says how long it is, and it lives as long as its record, which every caller holds.
    unsafe { std::slice::from_raw_parts(from.cast(), length) }
}

/// A commit's answer: of the whole request, and of each partition.
pub(super) struct Answered {
    pub(super) error: RDKafkaErrorCode,
    pub(super) partitions: Vec<(u32, RDKafkaErrorCode)>,
}

/// Sends offsets with what stands beside them. The answer comes to the queue.
pub(super) fn commit(client: *mut RDKafka, offsets: &TopicPartitionList, queue: &Queue) -> RDKafkaErrorCode {
    // SAFETY: all three are alive; the library copies the list.
    unsafe { native::rd_kafka_commit_queue(client, offsets.ptr(), queue.0, None, ptr::null_mut()) }.into()
}

/// The answer to a commit, if it has come within so long.
pub(super) fn committed(queue: &Queue, wait_ms: i32) -> Option<Answered> {
    // SAFETY: the queue is alive; the event is ours until it is destroyed, and its list lives as long.
    unsafe {
        let event = native::rd_kafka_queue_poll(queue.0, wait_ms);
        if event.is_null() {
            return None;
        }
        let error = native::rd_kafka_event_error(event).into();
        let list = native::rd_kafka_event_topic_partition_list(event);
        let partitions = each(list).map(|e| (u32::try_from(e.partition).unwrap_or(u32::MAX), e.err.into())).collect();
        native::rd_kafka_event_destroy(event);
        Some(Answered { error, partitions })
    }
}

/// What was committed for each partition of a list: the offset, and the bytes beside it.
pub(super) fn committed_before(list: &TopicPartitionList) -> Vec<(u32, i64, Vec<u8>, RDKafkaErrorCode)> {
    // SAFETY: the list is alive.
    unsafe {
        each(list.ptr())
            .map(|e| {
                let told = bytes(e.metadata, e.metadata_size).to_vec();
                (u32::try_from(e.partition).unwrap_or(u32::MAX), e.offset, told, e.err.into())
            })
            .collect()
    }
}

/// The elements of a list of the library.
///
/// # Safety
/// The list must live while its elements are looked at.
unsafe fn each<'a>(
    list: *const native::rd_kafka_topic_partition_list_t,
) -> impl Iterator<Item = &'a native::rd_kafka_topic_partition_t> {
    // SAFETY: the caller holds the list, which says how many it has.
    let elements = unsafe {
        match list.as_ref() {
            Some(list) if list.cnt > 0 => std::slice::from_raw_parts(list.elems, usize::try_from(list.cnt).unwrap_or(0)),
            _ => &[],
        }
    };
    elements.iter()
}
