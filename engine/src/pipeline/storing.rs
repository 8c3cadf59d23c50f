//! What the store does beside the pipeline: batches are sent until they are stored.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use adapters::Leg;
use adapters::leg::{Moment, Text};
use anyhow::{Context, Result, anyhow, bail};
use calls::window::WindowNow;
use store::{Batch, ConclusionRows, FactsBuilder, InsertErrorKind, Lasted, Sealed, Store, StoredMark};
use stream::comparing::Known;
use stream::redo::{self, Redo};
use stream::{Conclusions, Insert, Ledger};
use tokio::sync::mpsc::Sender;

use super::failpoint;
use super::progress::Progress;
use super::telling;

/// One answer, for the life of a partition that asked.
pub(crate) struct Answer {
    pub(crate) partition: u32,
    pub(crate) lease: Arc<Lease>,
    pub(crate) what: What,
}

/// What is answered.
pub(crate) enum What {
    /// How far the tables have the partition, and the log's clock there where the register does not have it.
    Ledger(Ledger, Option<Moment>),
    /// Conclusions that are stored.
    Known(Vec<(Text, Known)>),
    /// Column names that are stored.
    Header(StoredMark),
    /// What the engine's own records told.
    Mark(StoredMark),
    /// Legs that are stored, in the order of the log.
    Legs(Vec<(Leg, store::Place)>),
    /// All of that has come.
    Restored,
    /// This batch is stored.
    Stored(u64),
    /// The legs that were asked for; `None`: the store cannot be asked now.
    Asked(Option<Vec<(Leg, store::Place)>>),
    /// Windows that were counted again; `None`: the store cannot be asked now.
    Recounted(Option<Vec<WindowNow>>),
    /// Follow-ups of a company that lasted beyond the moment from which on legs are read back.
    Lasted(Text, Vec<Lasted>),
    /// Windows that begin before are not whole.
    KnownSince(Moment),
    /// The keys of each doubted call.
    Keys(Vec<Vec<u64>>),
    /// What is stored now.
    KnownAgain(Vec<(Text, Known)>),
    /// What earlier epochs concluded, and this one has not, is told gone.
    Retracted,
    /// Nothing can go on after this.
    Failed(anyhow::Error),
}

/// Whether a partition is still ours, for those who work beside the pipeline.
#[derive(Default)]
pub(crate) struct Lease {
    is_revoked: AtomicBool,
    /// In milliseconds since the process began.
    renewed_at: AtomicU64,
}

/// Conclusions have no token: they are sent only so long after the source has said that the partition is ours.
const LEASE: Duration = Duration::from_secs(3);

impl Lease {
    /// The partition is another's now.
    pub(crate) fn revoke(&self) {
        self.is_revoked.store(true, Ordering::Relaxed);
    }

    /// It is ours at this moment.
    pub(crate) fn renew(&self, is_ours: bool) {
        if is_ours {
            self.renewed_at.store(since_start_ms(), Ordering::Relaxed);
        }
    }

    fn is_revoked(&self) -> bool {
        self.is_revoked.load(Ordering::Relaxed)
    }

    fn holds(&self) -> bool {
        let age_ms = since_start_ms().saturating_sub(self.renewed_at.load(Ordering::Relaxed));
        !self.is_revoked() && Duration::from_millis(age_ms) < LEASE
    }

    /// Waits until it holds. False if it never will again.
    async fn wait(&self) -> bool {
        while !self.holds() {
            if self.is_revoked() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}

fn since_start_ms() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Where a batch belongs.
pub(crate) struct Place {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) settings: u32,
    /// Its tokens are the batch's, and not of one sending each.
    pub(crate) is_exact: bool,
}

/// Waits between tries: each twice as long as the one before.
pub(super) struct Pause(Duration);

impl Pause {
    /// The longest.
    pub(super) const MAX: Duration = Duration::from_secs(5);

    pub(super) fn new() -> Pause {
        Pause(Duration::from_millis(100))
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Pause::MAX);
    }
}

/// After this, a batch is counted before it is sent again (R4).
const COUNT_AFTER: Duration = Duration::from_secs(60);

/// Stores a batch and says so, when the office has been told: facts until the server has them, with the same bytes; then what was concluded.
pub(crate) async fn store(
    store: Store,
    place: Place,
    insert: Insert<FactsBuilder>,
    told: Vec<telling::Answer>,
    lease: Arc<Lease>,
    sender: Sender<Answer>,
    progress: Arc<Progress>,
) {
    let (partition, number) = (place.partition, insert.number);
    let what = match store_all(&store, &place, insert, told, &lease, &progress).await {
        Ok(true) => What::Stored(number),
        Ok(false) => return,
        Err(error) => What::Failed(error),
    };
    let _ = sender.send(Answer { partition, lease, what }).await;
}

/// False if the partition is another's before everything was sent.
async fn store_all(
    store: &Store,
    place: &Place,
    insert: Insert<FactsBuilder>,
    told: Vec<telling::Answer>,
    lease: &Lease,
    progress: &Progress,
) -> Result<bool> {
    let Insert { epoch, first, next, is_redo, sealed_at, facts, counts, conclusions, .. } = insert;
    if let Some(mut facts) = facts {
        let (topic, partition, settings) = (place.topic.clone(), place.partition, place.settings);
        let sealing = tokio::task::spawn_blocking(move || {
            facts.seal(&Batch {
                epoch,
                topic: &topic,
                partition,
                first,
                next,
                records: u64::from(counts.records),
                headers: u64::from(counts.headers),
                settings,
                sealed_at,
            })
        });
        let sealed = sealing.await.context("a batch could not be sealed")?;
        let is_stored = match place.is_exact {
            true => store_facts(store, place, epoch, first, next, is_redo, &sealed, lease, progress).await?,
            false => store_facts_once_or_more(store, &sealed, lease, progress).await?,
        };
        if !is_stored {
            return Ok(false);
        }
        progress.stored(counts, sealed.bytes());
        failpoint::reach("after_insert");
    }
    // Whoever finds these conclusions in the tables relies on it that their events are in the office.
    for answer in told {
        answer.await.context("the thread that writes to the office has ended")??;
    }
    failpoint::reach("after_telling");
    if !conclusions.is_empty() {
        return store_conclusions(store, conclusions, lease, progress).await;
    }
    Ok(true)
}

#[allow(clippy::too_many_arguments)] // The parts of one batch, which are of one batch only.
async fn store_facts(
    store: &Store,
    place: &Place,
    epoch: u8,
    first: u64,
    next: u64,
    is_redo: bool,
    sealed: &Sealed,
    lease: &Lease,
    progress: &Progress,
) -> Result<bool> {
    let mut counted_at = Instant::now();
    let mut counts_first = is_redo;
    let mut pause = Pause::new();
    loop {
        if lease.is_revoked() {
            return Ok(false);
        }
        if counts_first || counted_at.elapsed() > COUNT_AFTER {
            match store.count_range(&place.topic, place.partition, epoch, first, next).await {
                Ok(rows) => {
                    let expected: u64 = ["legs", "marks", "rejects", "batches"].iter().map(|t| sealed.rows(t)).sum();
                    let found = rows.legs + rows.marks + rows.rejects + rows.batches;
                    // How many inserts came since is not known: as many as the window holds in a week.
                    match redo::decide(found, expected, 0, store::DEDUPLICATION_WINDOW_MIN) {
                        Redo::Done => return Ok(true),
                        Redo::Send => (counts_first, counted_at) = (false, Instant::now()),
                        Redo::Stop => bail!(
                            "{found} of the {expected} rows of the batch {first}-{next} are stored, and the server may have \
                             forgotten its token: delete them by hand, or `ringback repair --from-ledger`"
                        ),
                    }
                }
                Err(error) => {
                    progress.waits("clickhouse", &error);
                    pause.wait().await;
                    continue;
                }
            }
        }
        match store.insert_sealed(sealed).await {
            Ok(()) => return Ok(true),
            Err(error) if error.kind == InsertErrorKind::Refused => {
                return Err(anyhow!("{error}; the partition stops here, and nothing is lost"));
            }
            Err(error) => {
                progress.waits("clickhouse", &error);
                pause.wait().await;
            }
        }
    }
}

/// Each sending has a token of its own: a log that brokers do not know by its register may be another one with the same positions,
/// and nothing of it may be taken for a repetition.
async fn store_facts_once_or_more(store: &Store, sealed: &Sealed, lease: &Lease, progress: &Progress) -> Result<bool> {
    let mut pause = Pause::new();
    while !lease.is_revoked() {
        match store.write_rows(sealed).await {
            Ok(()) => return Ok(true),
            Err(error) if error.is_refused() => {
                return Err(anyhow::Error::from(error).context("the partition stops here, and nothing is lost"));
            }
            Err(error) => {
                progress.waits("clickhouse", &error);
                pause.wait().await;
            }
        }
    }
    Ok(false)
}

async fn store_conclusions(
    store: &Store,
    mut conclusions: Conclusions,
    lease: &Lease,
    progress: &Progress,
) -> Result<bool> {
    let (clock, events) = (conclusions.clock, std::mem::take(&mut conclusions.events));
    let rows = ConclusionRows::of(conclusions);
    let mut pause = Pause::new();
    loop {
        if !lease.wait().await {
            return Ok(false);
        }
        match store.write_conclusions(&rows).await {
            Ok(()) => break,
            Err(error) if error.is_refused() => {
                return Err(anyhow::Error::from(error).context("conclusions were refused"));
            }
            Err(error) => {
                progress.waits("clickhouse", &error);
                pause.wait().await;
            }
        }
    }
    progress.concluded(&rows.calls, rows.windows.len(), &events, clock);
    Ok(true)
}
