//! Sends what the office has for the companies' logs, in order: claims, settlements, and what became of actions.
//!
//! What was sent and not noted is sent again, under the same id: whoever reads it takes each id once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use office::{Office, OutboxRecord};

use super::Freshness;
use crate::pipeline::{failpoint, now, say};
use crate::source::kafka::produce::{Outgoing, Producer};

/// The way into the companies' logs.
pub(crate) trait Outlet: Send {
    /// Sends these, each into this partition, and returns when the log has them all.
    ///
    /// # Errors
    /// Why it is not known that the log has them: they are sent again.
    fn send(&self, records: &[(&OutboxRecord, u32)]) -> Result<()>;
}

impl Outlet for Producer {
    fn send(&self, records: &[(&OutboxRecord, u32)]) -> Result<()> {
        for (record, partition) in records {
            self.send(Outgoing {
                partition: Some(*partition),
                key: &record.tenant,
                headers: &[("adapter", "ringback")],
                stamp_ms: Some(now().0),
                bytes: record.body.as_bytes(),
            })?;
        }
        self.flush()
    }
}

/// Records that are sent at once.
const AT_ONCE_MAX: usize = 500;

/// How often it is looked for what is to be sent.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// After a failure it is tried again after so long.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Starts the thread that sends.
///
/// # Errors
/// If there can be no thread.
pub(super) fn start(office: Office, outlet: Box<dyn Outlet>, freshness: Arc<Freshness>) -> Result<()> {
    let work = move || {
        loop {
            match send(&office, &*outlet, &freshness) {
                Ok(true) => {}
                Ok(false) => std::thread::sleep(LOOK_EVERY),
                Err(error) => {
                    say(&format!("the outbox: {error:#}"));
                    std::thread::sleep(AGAIN_AFTER);
                }
            }
        }
    };
    std::thread::Builder::new().name("outbox".to_owned()).spawn(work).context("cannot start a thread")?;
    Ok(())
}

/// True if there may be more.
fn send(office: &Office, outlet: &dyn Outlet, freshness: &Freshness) -> Result<bool> {
    let unsent = office.outbox_unsent(AT_ONCE_MAX)?;
    // Into the partition where the company's records are, which is the one that this process has.
    let ours: Vec<(&OutboxRecord, u32)> =
        unsent.iter().filter_map(|record| Some((record, freshness.partition_of(&record.tenant)?))).collect();
    if ours.is_empty() {
        return Ok(false);
    }
    outlet.send(&ours)?;
    failpoint::reach("after_outbox");
    let sent: Vec<i64> = ours.iter().map(|(record, _)| record.seq).collect();
    office.sent(&sent, now().0)?;
    Ok(unsent.len() == AT_ONCE_MAX)
}
