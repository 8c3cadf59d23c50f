//! What the store is asked in the name of a partition: how far it has it, what it has of it, and what late legs wait for.

use std::sync::Arc;

use adapters::Ends;
use adapters::leg::{Moment, Text};
use calls::counting::Recount;
use calls::live::{CALL_SPAN_MS, Wanted};
use calls::window::WindowNow;
use calls::{Calls, Site, Told};
use store::{LegsOf, MarksOf, Reached, Store, StoreError};
use stream::comparing::{Key, Known};
use stream::{Ledger, Place, Tenants};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;

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

    /// How far the tables have the partition, and the log's clock at this position, if it is asked for.
    pub(crate) async fn ledger(self, topic: String, clock_at: Option<u64>) {
        let read = async {
            let reached = self.store.reached(&topic, self.partition).await?;
            let clock = match clock_at {
                Some(high) => Some(self.store.clock(&topic, self.partition, high).await?.unwrap_or(Moment(0))),
                None => None,
            };
            Ok::<_, StoreError>(What::Ledger(ledger(reached), clock))
        };
        let what = read.await.unwrap_or_else(|error| What::Failed(error.into()));
        self.answer(what).await;
    }

    /// What is stored of it below a position and since a moment, and that all has come.
    /// Conclusions count from the epoch `known_from` on. The register's clock may be that of a batch whose conclusions are lost:
    /// what is read back begins so long before the last one whose conclusions are stored.
    pub(crate) async fn stored(self, topic: String, known_from: u8, epoch: u8, before: u64, since: Since) {
        let read = async {
            let horizon_ms = since.horizon_ms;
            let sealed = self.store.sealed_below(&topic, self.partition, epoch, before).await?;
            let since = sealed.map_or(since.clock, |at| at.min(since.clock)).plus_ms(-horizon_ms);
            // Of a customer's follow-up that was opened before only the later calls come.
            let companies = self.store.companies_of(&topic, self.partition, since).await?;
            let lowest = store::version(known_from, i64::MIN, 0);
            for tenant in &companies {
                let lasted = self.store.follow_ups_across(tenant, since, horizon_ms, lowest).await?;
                self.answer(What::Lasted(tenant.as_str().into(), lasted)).await;
            }
            // Calls that began before may have legs from before.
            let whole_since = since.plus_ms(CALL_SPAN_MS);
            self.answer(What::Known(known(&self.store, &companies, known_from, whole_since).await?)).await;
            if self.store.has_legs_before(&topic, self.partition, since).await? {
                self.answer(What::KnownSince(whole_since)).await;
            }
            for mark in self.store.last_marks(&topic, self.partition, epoch, before, "header").await? {
                self.answer(What::Header(mark)).await;
            }
            // Of follow-ups that were opened before the first of these legs reached the log, something may have been said before too.
            let said_since = since.plus_ms(-horizon_ms);
            let partition = self.partition;
            let of =
                MarksOf { topic: &topic, partition, epoch, before, since: said_since, adapter: stream::tenant::OURS };
            for mark in self.store.marks(&of).await? {
                self.answer(What::Mark(mark)).await;
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
                legs.extend(block);
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

    /// Windows that are counted again from the calls of their time.
    pub(crate) async fn windows(self, tenants: Arc<Tenants>, tenant: Text, asked: Recount) {
        let (store, partition) = (self.store.clone(), self.partition);
        let counting = move || Handle::current().block_on(recount(&store, &tenants, &tenant, partition, asked));
        let counted = spawn_blocking(counting).await.ok().and_then(Result::ok);
        if counted.is_none() {
            tokio::time::sleep(Pause::MAX).await;
        }
        self.answer(What::Recounted(counted)).await;
    }

    /// What is stored of what began so long after this moment that all of it came later, when nothing of an earlier owner can land any
    /// more. `owner` is the epoch and the version above which is concluded now.
    pub(crate) async fn known_again(self, topic: String, known_from: u8, since: Moment, owner: (u8, u64)) {
        let (epoch, begun) = owner;
        let lowest = store::version(epoch, since.0, 0);
        until_answered(|| async {
            for tenant in self.store.companies_of(&topic, self.partition, since).await? {
                self.store.mend_places(&tenant, lowest, begun).await?;
            }
            Ok(())
        })
        .await;
        let known = until_answered(|| self.known_of(&topic, known_from, since)).await;
        self.answer(What::KnownAgain(known)).await;
    }

    /// Of this partition's companies alone: it knows nothing of what the others conclude.
    async fn known_of(&self, topic: &str, known_from: u8, since: Moment) -> Result<Vec<(Text, Known)>, StoreError> {
        let companies = self.store.companies_of(topic, self.partition, since).await?;
        known(&self.store, &companies, known_from, since.plus_ms(CALL_SPAN_MS)).await
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

/// What the tables say of a partition, as its machine hears it.
pub(crate) fn ledger(reached: Option<Reached>) -> Ledger {
    reached.map_or_else(Ledger::default, |reached| Ledger {
        epoch: reached.epoch,
        next: reached.stored.max(reached.next),
        batches_next: reached.next,
    })
}

/// How far back what is stored is read.
#[derive(Clone, Copy)]
pub(crate) struct Since {
    /// The register's clock.
    pub(crate) clock: Moment,
    /// So long before it, in milliseconds.
    pub(crate) horizon_ms: i64,
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

/// Folds all closed calls that can have begun in the span of these windows, which a partition asks for, and counts them.
async fn recount(
    store: &Store,
    tenants: &Tenants,
    tenant: &str,
    partition: u32,
    mut recount: Recount,
) -> Result<Vec<WindowNow>, StoreError> {
    let Some(directory) = tenants.get(tenant) else { return Ok(Vec::new()) };
    let (from, to) = recount.legs_span();
    let ends: Vec<Ends> = adapters::pbx::ADAPTERS.iter().map(|adapter| adapter.about().ends).collect();
    let mut calls = Calls::new(Site::new(directory), &ends, false).whole();
    let take = |recount: &mut Recount, told: Told| {
        if let Told::Call(line) = told {
            recount.call(&line, directory);
        }
    };
    let mut cursor = store.legs(&LegsOf::Began { tenant: tenant.to_owned(), from, to })?;
    while let Some(legs) = cursor.next_block().await? {
        let position = |at: Place| (at.partition == partition).then_some(at.position);
        for (leg, _) in legs.into_iter().filter(|(leg, at)| recount.takes(leg, position(*at))) {
            let began = leg.started_at;
            calls.push(leg);
            began.into_iter().for_each(|began| calls.advance(began));
        }
        calls.drain(|told| take(&mut recount, told));
    }
    calls.finish(|told| take(&mut recount, told));
    Ok(recount.end())
}

/// Conclusions of this epoch that are stored, of what began since. Those of earlier ones are to be drawn again, whatever they say.
async fn known(
    store: &Store,
    tenants: &[String],
    known_from: u8,
    since: Moment,
) -> Result<Vec<(Text, Known)>, StoreError> {
    let lowest = store::version(known_from, i64::MIN, 0);
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
        let windows = found.windows.iter().map(|(key, c)| of(Key::Window(key.clone()), c));
        let of_epoch = calls.chain(follow_ups).chain(windows).filter(|known| known.version >= lowest);
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
