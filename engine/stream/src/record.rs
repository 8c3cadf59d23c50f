//! A record of the log: lent by the source, or kept until it can be read.

use adapters::leg::{Moment, Position, Text};

/// A record of the log, as the source lends it.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    /// Its position in the partition.
    pub offset: u64,
    /// When it reached the log.
    pub logged_at: Moment,
    /// The company: the record's key.
    pub tenant: &'a str,
    /// The exchange.
    pub pbx: &'a str,
    /// The adapter.
    pub adapter: &'a str,
    /// The file or collector that it came from: for formats whose records have no id.
    pub source: &'a [u8],
    /// Where it stood there.
    pub position: Position,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its whole length, if it was too long to be one.
    pub too_long: Option<u64>,
}

/// A record that waits.
pub(crate) struct KeptRecord {
    offset: u64,
    logged_at: Moment,
    tenant: Text,
    pbx: Text,
    adapter: Text,
    source: Vec<u8>,
    position: Position,
    bytes: Vec<u8>,
    too_long: Option<u64>,
}

impl KeptRecord {
    pub(crate) fn of(record: &LogRecord<'_>) -> KeptRecord {
        KeptRecord {
            offset: record.offset,
            logged_at: record.logged_at,
            tenant: record.tenant.into(),
            pbx: record.pbx.into(),
            adapter: record.adapter.into(),
            source: record.source.to_vec(),
            position: record.position,
            bytes: record.bytes.to_vec(),
            too_long: record.too_long,
        }
    }

    pub(crate) fn lent(&self) -> LogRecord<'_> {
        LogRecord {
            offset: self.offset,
            logged_at: self.logged_at,
            tenant: &self.tenant,
            pbx: &self.pbx,
            adapter: &self.adapter,
            source: &self.source,
            position: self.position,
            bytes: &self.bytes,
            too_long: self.too_long,
        }
    }
}
