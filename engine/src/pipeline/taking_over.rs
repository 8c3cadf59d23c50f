//! Taking a partition over: the ledger, then what is stored, then the log.

use std::sync::Arc;

use adapters::leg::Moment;
use anyhow::Result;
use store::{LegsOf, Store};
use stream::machine::Limits;
use stream::{Assigned, Ledger, PartitionMachine, Rules, Stop, Tenants};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;

use super::Facts;
use super::storing::{self, Answer, Lease, What};
use crate::source::Partition;

/// A partition that was assigned, until it is known how far the tables have it.
pub(crate) struct Opening {
    partition: Partition,
    settings: u32,
}

impl Opening {
    pub(crate) fn new(partition: Partition, settings: u32) -> Opening {
        Opening { partition, settings }
    }

    /// With the ledger there is a machine.
    pub(crate) fn take<'d>(
        &self,
        what: &What,
        tenants: &'d Tenants,
        limits: Limits,
        rules: Rules,
    ) -> Result<Option<PartitionMachine<'d, Facts>>, Stop> {
        let What::Ledger(ledger) = *what else { return Ok(None) };
        let Partition { number, partitions, register, first, next } = &self.partition;
        let assigned = Assigned {
            partition: *number,
            partitions: *partitions,
            register: register.as_deref(),
            first: *first,
            next: *next,
            settings: self.settings,
        };
        PartitionMachine::assigned(&assigned, ledger, tenants, limits, rules).map(Some)
    }
}

/// Asks how far the tables have a partition.
pub(crate) fn ledger(
    runtime: &Handle,
    store: &Store,
    topic: &str,
    partition: u32,
    lease: &Arc<Lease>,
    sender: &Sender<Answer>,
) {
    let (store, topic, lease, sender) = (store.clone(), topic.to_owned(), Arc::clone(lease), sender.clone());
    runtime.spawn(async move {
        let what = match store.reached(&topic, partition).await {
            Ok(reached) => What::Ledger(reached.map_or_else(Ledger::default, |reached| Ledger {
                epoch: reached.epoch,
                next: reached.stored.max(reached.next),
                batches_next: reached.next,
            })),
            Err(error) => What::Failed(error.into()),
        };
        let _ = sender.send(Answer { partition, lease, what }).await;
    });
}

/// Reads back what is stored of it, and says when all has come.
#[allow(clippy::too_many_arguments)] // What a task beside the pipeline needs of it.
pub(crate) fn stored(
    runtime: &Handle,
    store: &Store,
    topic: &str,
    tenants: &Tenants,
    machine: &PartitionMachine<'_, Facts>,
    horizon_ms: i64,
    lease: &Arc<Lease>,
    sender: &Sender<Answer>,
) {
    let (store, topic, lease, sender) = (store.clone(), topic.to_owned(), Arc::clone(lease), sender.clone());
    let (partition, epoch, before, since) =
        (machine.partition(), machine.epoch(), machine.high(), since(machine, horizon_ms));
    let tenants: Vec<String> = tenants.all().map(|d| d.tenant().to_owned()).collect();
    runtime.spawn(async move {
        let tell = async |what| {
            let _ = sender.send(Answer { partition, lease: Arc::clone(&lease), what }).await;
        };
        let reading = async {
            for (tenant, known) in storing::known(&store, &tenants, since.plus_ms(calls::live::CALL_SPAN_MS)).await? {
                tell(What::Known(tenant, vec![known])).await;
            }
            for mark in store.last_marks(&topic, partition, epoch, before, "header").await? {
                tell(What::Header(mark)).await;
            }
            let of = LegsOf::Stored { topic: topic.clone(), partition, epoch, before, since, tenant: None };
            let mut cursor = store.legs(&of)?;
            while let Some(legs) = cursor.next_block().await? {
                tell(What::Legs(legs)).await;
            }
            Ok::<_, store::StoreError>(())
        };
        match reading.await {
            Ok(()) => tell(What::Restored).await,
            Err(error) => tell(What::Failed(error.into())).await,
        }
    });
}

/// Facts that reached the log before this moment are not read back.
pub(crate) fn since(machine: &PartitionMachine<'_, Facts>, horizon_ms: i64) -> Moment {
    machine.register_clock().plus_ms(-horizon_ms)
}
