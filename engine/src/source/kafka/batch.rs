//! The queue of one partition, and the records in it: borrowed from the client, a batch at a time.
//!
//! A batch costs a third of what the client's `poll` costs for each record.

use std::ffi::{CStr, CString};
use std::ptr::NonNull;
use std::sync::Arc;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{IsError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::member::Member;

/// Records that are taken from the client at once: more do not fit into the processor's cache.
const RECORDS_PER_BATCH_MAX: usize = 1000;

/// A partition's own queue; records of the partition come here and nowhere else.
pub(super) struct PartitionQueue {
    queue: NonNull<native::rd_kafka_queue_t>,
    batch: Vec<*mut native::rd_kafka_message_t>,
    /// Outlives the queue.
    _consumer: Arc<BaseConsumer<Member>>,
}

// SAFETY: a queue of the client may be used from any thread; it is not shared, as every use needs `&mut`.
unsafe impl Send for PartitionQueue {}

/// A record as the client lends it.
pub(super) struct Message<'a> {
    message: &'a native::rd_kafka_message_t,
}

/// The headers that we know.
#[derive(Default)]
pub(super) struct Headers<'a> {
    pub(super) pbx: Option<&'a [u8]>,
    pub(super) adapter: Option<&'a [u8]>,
    pub(super) source: Option<&'a [u8]>,
    pub(super) byte: Option<u64>,
}

impl PartitionQueue {
    /// Splits it from the consumer's queue. `None` if there is no such partition.
    pub(super) fn of(consumer: &Arc<BaseConsumer<Member>>, topic: &str, partition: i32) -> Option<PartitionQueue> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client lives as long as the consumer, of which the queue keeps a share.
        let queue = unsafe {
            let client = consumer.client().native_ptr();
            let queue = NonNull::new(native::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition))?;
            native::rd_kafka_queue_forward(queue.as_ptr(), std::ptr::null_mut());
            queue
        };
        Some(PartitionQueue { queue, batch: Vec::new(), _consumer: Arc::clone(consumer) })
    }

    /// Gives what is there, at most so many, without waiting.
    ///
    /// # Errors
    /// The first of `each`; what comes after it is dropped.
    pub(super) fn read<E>(
        &mut self,
        max: usize,
        mut each: impl FnMut(Message<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let max = max.min(RECORDS_PER_BATCH_MAX);
        self.batch.clear();
        self.batch.reserve(max);
        // SAFETY: there is room for `max` pointers, and the call fills as many of them as it says.
        let read = unsafe {
            let read = native::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, self.batch.as_mut_ptr(), max);
            let read = usize::try_from(read).unwrap_or(0);
            self.batch.set_len(read);
            read
        };
        let lent = Lent(&mut self.batch);
        for message in lent.0.iter() {
            // SAFETY: the pointer is valid until `Lent` gives it back.
            if let Some(message) = unsafe { message.as_ref() } {
                each(Message { message })?;
            }
        }
        Ok(read)
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // SAFETY: it is ours, the client is still there, and nothing uses the queue after this.
        unsafe { native::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// Messages that are given back, however the reading ends.
struct Lent<'a>(&'a mut Vec<*mut native::rd_kafka_message_t>);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        for message in self.0.drain(..) {
            // SAFETY: each came from the client, and is given back once.
            unsafe { native::rd_kafka_message_destroy(message) };
        }
    }
}

impl<'a> Message<'a> {
    /// What went wrong, if it is no record.
    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        self.message.err.is_error().then(|| self.message.err.into())
    }

    /// Its place in the partition; below 0 only with an error.
    pub(super) fn offset(&self) -> i64 {
        self.message.offset
    }

    /// The bytes; none where the record has none.
    pub(super) fn payload(&self) -> &'a [u8] {
        // SAFETY: the client promises so many bytes there for as long as the message lives.
        unsafe { bytes(self.message.payload.cast(), self.message.len) }
    }

    /// The key; empty where the record has none.
    pub(super) fn key(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.message.key.cast(), self.message.key_len) }
    }

    /// Its stamp, in milliseconds since 1970.
    pub(super) fn stamp_ms(&self) -> Option<i64> {
        let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: both pointers are valid during the call.
        let stamp = unsafe { native::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        (kind != native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && stamp >= 0).then_some(stamp)
    }

    /// The headers that we know; of two with one name, the last.
    pub(super) fn headers(&self) -> Headers<'a> {
        let mut headers = Headers::default();
        let mut list = std::ptr::null_mut();
        // SAFETY: the list lives in the message.
        if unsafe { native::rd_kafka_message_headers(self.message, &raw mut list) }.is_error() {
            return headers;
        }
        let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
        for at in 0.. {
            // SAFETY: the pointers are valid during the call; names end with a zero byte; values live in the message.
            let (name, value) = unsafe {
                let got = native::rd_kafka_header_get_all(list, at, &raw mut name, &raw mut value, &raw mut size);
                if got != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    break;
                }
                (CStr::from_ptr(name).to_bytes(), bytes(value.cast(), size))
            };
            match name {
                b"pbx" => headers.pbx = Some(value),
                b"adapter" => headers.adapter = Some(value),
                b"source" => headers.source = Some(value),
                b"byte" => headers.byte = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
                _ => {}
            }
        }
        headers
    }
}

/// # Safety
/// The pointer is null, or there are so many bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> &'a [u8] {
    // SAFETY: as the caller promises.
    if start.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(start, length) } }
}
