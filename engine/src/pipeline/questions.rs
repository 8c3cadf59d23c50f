//! What the store is asked in the name of a partition: how far it has it, what it has of it, and what late legs wait for.

use std::sync::Arc;

use adapters::leg::{Moment, Text};
use calls::live::{CALL_SPAN_MS, Wanted};
use store::{LegsOf, Store, StoreError};
use stream::Ledger;
use stream::comparing::{Key, Known};
use tokio::sync::mpsc::Sender;

use super::storing::{Answer, Lease, Pause, What};

/// A question of a partition, in one of its lives.
pub(crate) struct Question {
    store: Store,
    partition: u32,
    lease: Arc<Lease>,
    sender: Sender<Answer>,
}

impl Question {
    pub(crate) fn of(store: &Store, partition: u32, lease: &Arc<Lease>, sender: &Sender<Answer>) -> Question {
        Question { store: store.clone(), partition, lease: Arc::clone(lease), sender: sender.clone() }
    }

    async fn answer(&self, what: What) {
        let (partition, lease) = (self.partition, Arc::clone(&self.lease));
        let _ = self.sender.send(Answer { partition, lease, what }).await;
    }

    /// How far the tables have the partition.
    pub(crate) async fn ledger(self, topic: String) {
        let what = match self.store.reached(&topic, self.partition).await {
            Ok(reached) => What::Ledger(reached.map_or_else(Ledger::default, |reached| Ledger {
                epoch: reached.epoch,
                next: reached.stored.max(reached.next),
                batches_next: reached.next,
            })),
            Err(error) => What::Failed(error.into()),
        };
        self.answer(what).await;
    }

    /// What is stored of it below a position and since a moment, and that all has come.
    pub(crate) async fn stored(self, topic: String, tenants: Vec<String>, epoch: u8, before: u64, since: Moment) {
        let read = async {
            self.answer(What::Known(known(&self.store, &tenants, epoch, since.plus_ms(CALL_SPAN_MS)).await?)).await;
            for mark in self.store.last_marks(&topic, self.partition, epoch, before, "header").await? {
                self.answer(What::Header(mark)).await;
            }
            let of = LegsOf::Stored { topic, partition: self.partition, epoch, before, since, tenant: None };
            let mut cursor = self.store.legs(&of)?;
            while let Some(legs) = cursor.next_block().await? {
                self.answer(What::Legs(legs)).await;
            }
            Ok::<_, StoreError>(What::Restored)
        };
        let what = read.await.unwrap_or_else(|error| What::Failed(error.into()));
        self.answer(what).await;
    }

    /// Legs that late ones wait for.
    pub(crate) async fn legs(self, tenant: Text, wanted: Wanted) {
        let of = LegsOf::Keys { tenant: tenant.to_string(), keys: wanted.keys, from: wanted.from, to: wanted.to };
        let read = async {
            let mut legs = Vec::new();
            let mut cursor = self.store.legs(&of)?;
            while let Some(block) = cursor.next_block().await? {
                legs.extend(block.into_iter().map(|(leg, _)| leg));
            }
            Ok::<_, StoreError>(legs)
        };
        let answered = read.await;
        if answered.is_err() {
            tokio::time::sleep(Pause::MAX).await;
        }
        self.answer(What::Asked(answered.ok())).await;
    }

    /// The keys that doubted calls are stored with.
    pub(crate) async fn keys(self, left: Vec<(Text, Text)>) {
        let keys = until_answered(|| self.store.keys_of_calls(&left)).await;
        self.answer(What::Keys(keys)).await;
    }

    /// What is stored of these companies.
    pub(crate) async fn known(self, tenants: Vec<String>, epoch: u8, since: Moment) {
        let known = until_answered(|| known(&self.store, &tenants, epoch, since)).await;
        self.answer(What::KnownAgain(known)).await;
    }

    /// Tells gone what earlier epochs concluded of the companies of this partition, and this one has not.
    pub(crate) async fn retract_before(self, topic: String, epoch: u8) {
        let epochs = u16::from(epoch)..u16::from(epoch) + 1;
        until_answered(|| async {
            for tenant in self.store.tenants_of(&topic, self.partition, epochs.clone()).await? {
                self.store.retract_before(&tenant, epoch).await?;
            }
            Ok(())
        })
        .await;
        self.answer(What::Retracted).await;
    }
}

/// Asks until there is an answer.
async fn until_answered<T, F: Future<Output = Result<T, StoreError>>>(ask: impl Fn() -> F) -> T {
    let mut pause = Pause::new();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(_) => pause.wait().await,
        }
    }
}

/// Conclusions of this epoch that are stored, of what began since. Those of earlier ones are to be drawn again, whatever they say.
async fn known(store: &Store, tenants: &[String], epoch: u8, since: Moment) -> Result<Vec<(Text, Known)>, StoreError> {
    let lowest = store::version(epoch, i64::MIN, 0);
    let mut all = Vec::new();
    for tenant in tenants {
        let found = store.conclusions(tenant, since).await?;
        let name = Text::from(tenant.as_str());
        let of = |key: Key, c: &store::Concluded| Known {
            key,
            version: c.version,
            content: c.content,
            is_final: c.is_final,
            is_gone: c.is_gone,
        };
        let calls = found.calls.iter().map(|(id, c)| of(Key::Call(id.as_str().into()), c));
        let follow_ups = found.follow_ups.iter().map(|(id, c)| of(Key::FollowUp(id.as_str().into()), c));
        let of_epoch = calls.chain(follow_ups).filter(|known| known.version >= lowest);
        all.extend(of_epoch.map(|known| (name.clone(), known)));
        // Versions rise above everything that was ever given.
        let above = Known {
            key: Key::Call(Text::default()),
            version: found.version_max,
            content: 0,
            is_final: true,
            is_gone: true,
        };
        all.push((name, above));
    }
    Ok(all)
}
