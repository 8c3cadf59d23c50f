//! A reject: a record, or a part of one, that was not understood, with its reason and its bytes. Nothing is dropped without one.

use crate::leg::Position;

/// A record that was not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject {
    /// Where it was read.
    pub position: Position,
    /// What is wrong, where in the record, and what would have been understood.
    pub reason: String,
    /// The bytes, at most [`REJECT_BYTES_MAX`] of them.
    pub bytes: Vec<u8>,
    /// How many bytes there were.
    pub bytes_total: u64,
}

/// What is kept of one reject's bytes: enough to see what it is.
pub const REJECT_BYTES_MAX: usize = 65_536;

impl Reject {
    /// The whole record, with the reason.
    #[must_use]
    pub fn new(position: Position, bytes: &[u8], reason: impl Into<String>) -> Reject {
        let kept = bytes.get(..REJECT_BYTES_MAX).unwrap_or(bytes);
        Reject { position, reason: reason.into(), bytes: kept.to_vec(), bytes_total: bytes.len() as u64 }
    }
}
