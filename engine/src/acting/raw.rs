//! The columns that a PBX wrote of a call, as far as its legs kept them.

use adapters::leg::Moment;
use calls::event::{About, Event, Pairs};
use runner::RawRecords;
use store::{LegsOf, Store};
use tokio::runtime::Handle;

/// Asks the tables.
pub(super) struct StoredRecords {
    store: Store,
    runtime: Handle,
}

impl StoredRecords {
    pub(super) fn new(store: Store, runtime: Handle) -> StoredRecords {
        StoredRecords { store, runtime }
    }

    async fn read(&self, tenant: &str, call_id: &str, from: i64) -> Result<Vec<Pairs>, String> {
        let keys = self.store.keys_of_calls(&[(tenant, call_id)]).await.map_err(|error| error.to_string())?;
        let keys = keys.into_iter().next().unwrap_or_default();
        if keys.is_empty() {
            return Err(format!("call {call_id} is not stored yet"));
        }
        let span = calls::live::CALL_SPAN_MS;
        let (from, to) = (Moment(from - span), Moment(from + span));
        let mut legs = self
            .store
            .legs(&LegsOf::Keys { tenant: tenant.to_owned(), keys, from, to })
            .map_err(|error| error.to_string())?;
        let mut raw = Vec::new();
        while let Some(block) = legs.next_block().await.map_err(|error| error.to_string())? {
            raw.extend(block.iter().map(|(leg, _)| {
                let mut pairs: Pairs =
                    leg.extra.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
                pairs.insert("pbx".to_owned(), leg.origin.pbx.to_string());
                pairs.insert("adapter".to_owned(), leg.origin.adapter.to_owned());
                pairs.insert("native_id".to_owned(), leg.native_id.to_string());
                pairs
            }));
        }
        Ok(raw)
    }
}

impl RawRecords for StoredRecords {
    fn raw(&self, event: &Event) -> Result<Vec<Pairs>, String> {
        let call = match &event.about {
            About::Call(call) => call,
            About::Missed(missed) => &missed.call,
            _ => return Ok(Vec::new()),
        };
        let from = i64::try_from(call.started_at.0).unwrap_or_default();
        self.runtime.block_on(self.read(&event.tenant, &call.id, from))
    }
}
