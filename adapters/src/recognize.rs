//! Which adapter understands a file: each reads its first records, and the share that it understood is compared.

use crate::adapter::{Adapter, Header, Legs, Record, Settings};
use crate::leg::Position;
use crate::pbx;
use crate::reader;

/// How many records are tried.
pub const RECORDS_TRIED_MAX: usize = 200;

/// One adapter's understanding of a sample.
#[derive(Clone, Copy)]
pub struct Understanding {
    /// The adapter.
    pub adapter: &'static dyn Adapter,
    /// Records that became legs.
    pub understood: usize,
    /// Records tried; header lines are not counted.
    pub tried: usize,
    /// A header line was found that names the adapter's own columns.
    pub by_header: bool,
}

impl Understanding {
    /// The share understood, 0 to 1. A file of a header alone is understood if the header is.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.tried == 0 { f64::from(self.by_header) } else { self.understood as f64 / self.tried as f64 }
    }
}

/// Tries every adapter on the first records (without their line ends), best first.
/// Equal shares keep the order of the list in `pbx/mod.rs`.
#[must_use]
pub fn recognize(records: &[&[u8]]) -> Vec<Understanding> {
    let mut all: Vec<_> = pbx::ADAPTERS.iter().map(|adapter| understanding(*adapter, records)).collect();
    all.sort_by(|a, b| {
        (b.by_header, b.share()).partial_cmp(&(a.by_header, a.share())).unwrap_or(std::cmp::Ordering::Equal)
    });
    all
}

fn understanding(adapter: &'static dyn Adapter, records: &[&[u8]]) -> Understanding {
    let settings = Settings::without_site_file("", "", adapter.about().name);
    let mut header: Option<Header> = None;
    let mut out = Legs::default();
    let (mut understood, mut tried, mut headers) = (0, 0, 0);
    for (index, bytes) in records.iter().take(RECORDS_TRIED_MAX).enumerate() {
        let bytes = if index == 0 { reader::without_mark(bytes) } else { bytes };
        if let Some(found) = adapter.header(bytes, &settings) {
            headers += 1;
            found.take(&mut header);
            continue;
        }
        tried += 1;
        out.legs.clear();
        out.rejects.clear();
        let position = Position { file: 1, record: tried as u64, byte: 0 };
        adapter.parse(
            Record { bytes, position, source: b"", header: header.as_ref(), logged_at: None },
            &settings,
            &mut out,
        );
        if out.rejects.is_empty() && !out.legs.is_empty() {
            understood += 1;
        }
    }
    Understanding { adapter, understood, tried, by_header: headers > 0 && understood == tried }
}
