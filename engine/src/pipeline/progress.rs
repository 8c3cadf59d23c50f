//! What the pipeline shows of itself: figures for a monitoring system, and whether it is ready. `engine/METRICS.md` explains each figure.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adapters::leg::Moment;
use calls::window::WindowEvent;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use store::{CallRow, FactsBuilder};
use stream::facts::Counts;
use stream::keeper::CommitOutcome;
use stream::{LogRecord, PartitionMachine};

use crate::acting::Figures;
use crate::config::Delivery;

/// Figures of one partition have its number.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OfPartition {
    partition: u32,
}

/// What is promised.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Mode {
    mode: &'static str,
}

/// What became of something.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

/// Up to when a company's exchange is believed to have told everything.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OfPbx {
    tenant: String,
    pbx: String,
}

/// The figures, shared by the pipeline, those who work beside it, and whoever asks over HTTP.
pub(crate) struct Progress {
    registry: Registry,
    delivery: Family<Mode, Gauge>,
    /// `None` until it is known.
    delivers: Mutex<Option<Delivery>>,
    records: Family<OfPartition, Counter>,
    record_bytes: Counter,
    legs: Counter,
    rejects: Counter,
    fact_bytes: Counter,
    calls: Family<Outcome, Counter>,
    windows: Counter,
    events: Family<OfKind, Counter>,
    commits: Family<Outcome, Counter>,
    waits: Counter,
    next: Family<OfPartition, Gauge>,
    high: Family<OfPartition, Gauge>,
    lag: Family<OfPartition, Gauge>,
    watermark: Family<OfPbx, Gauge>,
    kept_windows: Family<OfPartition, Gauge>,
    open_calls: Family<OfPartition, Gauge>,
    reopened_calls: Family<OfPartition, Gauge>,
    final_after: Histogram,
    figures: Figures,
    /// Partitions that are ours, and whether each is past its taking over.
    partitions: Mutex<BTreeMap<u32, bool>>,
    said_at: Mutex<Option<Instant>>,
}

/// How often the same trouble is said.
const SAY_EVERY: Duration = Duration::from_secs(10);

impl Default for Progress {
    fn default() -> Progress {
        let mut registry = Registry::with_prefix("ringback");
        let final_after = Histogram::new(exponential_buckets(0.25, 2.0, 16));
        let progress = Progress {
            delivery: Family::default(),
            delivers: Mutex::default(),
            records: Family::default(),
            record_bytes: Counter::default(),
            legs: Counter::default(),
            rejects: Counter::default(),
            fact_bytes: Counter::default(),
            calls: Family::default(),
            windows: Counter::default(),
            events: Family::default(),
            commits: Family::default(),
            waits: Counter::default(),
            next: Family::default(),
            high: Family::default(),
            lag: Family::default(),
            watermark: Family::default(),
            kept_windows: Family::default(),
            open_calls: Family::default(),
            reopened_calls: Family::default(),
            final_after,
            figures: Figures::default(),
            partitions: Mutex::default(),
            said_at: Mutex::new(None),
            registry: Registry::default(),
        };
        let p = &progress;
        registry.register("delivery", "1 for what is promised of each record", p.delivery.clone());
        registry.register("records", "Records taken from the log", p.records.clone());
        registry.register_with_unit("records", "Bytes of these records", Unit::Bytes, p.record_bytes.clone());
        registry.register("legs", "Legs stored", p.legs.clone());
        registry.register("rejects", "Records, or parts of one, stored as not understood", p.rejects.clone());
        registry.register_with_unit("facts", "Packed bytes of facts stored", Unit::Bytes, p.fact_bytes.clone());
        registry.register("calls_concluded", "Conclusions of calls stored: early, final, missed", p.calls.clone());
        registry.register("windows_concluded", "Conclusions of windows stored", p.windows.clone());
        registry.register("events", "What happened to limits and windows", p.events.clone());
        registry.register("commits", "Registers committed, refused, or of unknown outcome", p.commits.clone());
        registry.register(
            "store_waits",
            "Times that the store could not be reached and was tried again",
            p.waits.clone(),
        );
        registry.register("position_next", "Position of the next record to be read", p.next.clone());
        registry.register("position_stored", "Position below which everything is stored", p.high.clone());
        registry.register("lag_records", "Records in the log that are not stored", p.lag.clone());
        registry.register("calls_open", "Calls open or held in memory", p.open_calls.clone());
        registry.register("windows_kept", "Windows held in memory", p.kept_windows.clone());
        registry.register_with_unit(
            "watermark",
            "Everything that ended before is believed to have come, but for what is late; since 1970",
            Unit::Seconds,
            p.watermark.clone(),
        );
        registry.register("calls_reopened", "Closed calls read back for late legs", p.reopened_calls.clone());
        registry.register_with_unit(
            "final_after",
            "From the end of a call, by its exchange's clock, to its final verdict, by the log's",
            Unit::Seconds,
            p.final_after.clone(),
        );
        registry.register_collector(Box::new(p.figures.clone()));
        Progress { registry, ..progress }
    }
}

impl Progress {
    /// Every figure, as Prometheus reads it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }

    /// Those of what acts.
    pub(crate) fn figures(&self) -> Figures {
        self.figures.clone()
    }

    /// True if this process has partitions, and has taken all of them over.
    pub(crate) fn is_ready(&self) -> bool {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        !partitions.is_empty() && partitions.values().all(|is_open| *is_open)
    }

    /// What this process promises of each record; says so.
    pub(crate) fn delivers(&self, delivery: Delivery) {
        *self.delivers.lock().unwrap_or_else(PoisonError::into_inner) = Some(delivery);
        self.delivery.get_or_create(&Mode { mode: delivery.word() }).set(1);
        say(match delivery {
            Delivery::ExactlyOnce => "delivery: exactly_once",
            Delivery::AtLeastOnce => {
                "delivery: at_least_once, as the settings say: figures stay right, a row may be stored twice after a crash"
            }
        });
    }

    /// The word for what is promised; empty until it is known.
    pub(crate) fn delivery(&self) -> &'static str {
        self.delivers.lock().unwrap_or_else(PoisonError::into_inner).map_or("", Delivery::word)
    }

    /// Records that were taken from this partition, and legs that are stored.
    pub(crate) fn taken(&self, partition: u32) -> (u64, u64) {
        (self.records.get_or_create(&OfPartition { partition }).get(), self.legs.get())
    }

    /// The position below which everything of this partition is stored.
    pub(crate) fn stored_below(&self, partition: u32) -> u64 {
        u64::try_from(self.high.get_or_create(&OfPartition { partition }).get()).unwrap_or(0)
    }

    pub(super) fn assigned(&self, partition: u32) {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, false);
    }

    pub(super) fn restored(&self, partition: u32, from: u64) {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, true);
        say(&format!("partition {partition}: goes on at {from}"));
    }

    pub(super) fn revoked(&self, partition: u32) {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition);
        say(&format!("partition {partition}: is another's now"));
    }

    /// The figure of a partition's records, which is looked up once and not for every record.
    pub(super) fn records(&self, partition: u32) -> Counter {
        self.records.get_or_create(&OfPartition { partition }).clone()
    }

    pub(super) fn record(&self, records: &Counter, record: &LogRecord<'_>) {
        records.inc();
        self.record_bytes.inc_by(record.bytes.len() as u64);
    }

    pub(super) fn committed(&self, outcome: &CommitOutcome) {
        let outcome = match outcome {
            CommitOutcome::Stored => "stored",
            CommitOutcome::Refused(_) => "refused",
            CommitOutcome::Unknown(_) => "unknown",
        };
        self.commits.get_or_create(&Outcome { outcome }).inc();
    }

    pub(super) fn stored(&self, counts: Counts, bytes: usize) {
        self.legs.inc_by(u64::from(counts.legs));
        self.rejects.inc_by(u64::from(counts.rejects));
        self.fact_bytes.inc_by(bytes as u64);
    }

    pub(super) fn concluded(&self, calls: &[CallRow], windows: usize, events: &[WindowEvent], clock: Moment) {
        self.windows.inc_by(windows as u64);
        for event in events {
            self.events.get_or_create(&OfKind { kind: event.kind() }).inc();
        }
        for call in calls {
            let line = &call.line;
            let outcome = match (line.is_final, line.missed) {
                (false, _) => "early",
                (true, false) => "final",
                (true, true) => "missed",
            };
            self.calls.get_or_create(&Outcome { outcome }).inc();
            if line.is_final {
                self.final_after.observe(clock.ms_since(line.ended_at).max(0) as f64 / 1000.0);
            }
        }
    }

    pub(super) fn waits(&self, what: &str, error: &dyn Display) {
        self.waits.inc();
        let mut said_at = self.said_at.lock().unwrap_or_else(PoisonError::into_inner);
        if said_at.is_none_or(|at| at.elapsed() > SAY_EVERY) {
            *said_at = Some(Instant::now());
            say(&format!("{what}: {error}"));
        }
    }

    pub(super) fn partition(&self, partition: u32, machine: &PartitionMachine<'_, FactsBuilder>, end: Option<u64>) {
        let of = OfPartition { partition };
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.next.get_or_create(&of).set(gauge(machine.next()));
        self.high.get_or_create(&of).set(gauge(machine.high()));
        self.lag.get_or_create(&of).set(gauge(end.unwrap_or(0).saturating_sub(machine.high())));
        let (mut open, mut reopened) = (0, 0);
        for (_, calls, again) in machine.companies() {
            open += calls as u64;
            reopened += again;
        }
        self.open_calls.get_or_create(&of).set(gauge(open));
        self.reopened_calls.get_or_create(&of).set(gauge(reopened));
        let mut kept = 0;
        for (tenant, counting) in machine.counting() {
            kept += counting.kept_windows() as u64;
            for source in counting.watermarks().per_pbx().filter(|source| source.at.0 > 0) {
                let of = OfPbx { tenant: tenant.to_owned(), pbx: source.pbx.to_string() };
                self.watermark.get_or_create(&of).set(source.at.0 / 1000);
            }
        }
        self.kept_windows.get_or_create(&of).set(gauge(kept));
    }
}

/// A sentence for whoever reads the log of this process.
pub(crate) fn say(sentence: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{sentence}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::acting::figures_tests;

    /// `NAME` or `NAME{LABELS}` of each figure that has a value here.
    fn shown(progress: &Progress) -> BTreeSet<String> {
        let mut registry = Registry::with_prefix("ringback");
        registry.register_collector(Box::new(figures_tests::whole()));
        let mut text = progress.text();
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        let figure = |line: &str| {
            let (name, labels) = line.rsplit_once(' ')?.0.split_once('{').unwrap_or((line.split(' ').next()?, ""));
            let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let labels = labels.split("\",").filter_map(|label| label.split_once('=')).map(|(key, _)| key);
            let labels: Vec<&str> = labels.filter(|key| *key != "le").collect();
            Some(if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) })
        };
        text.lines().filter(|line| !line.starts_with('#')).filter_map(figure).collect()
    }

    #[test]
    fn every_figure_is_explained_and_none_else() {
        let progress = Progress::default();
        let of = OfPartition { partition: 0 };
        let Progress { delivery, records, calls, events, commits, next, high, lag, watermark, .. } = &progress;
        let Progress { kept_windows, open_calls, reopened_calls, .. } = &progress;
        delivery.get_or_create(&Mode { mode: "" }).set(1);
        records.get_or_create(&of).inc();
        calls.get_or_create(&Outcome { outcome: "" }).inc();
        events.get_or_create(&OfKind { kind: "" }).inc();
        commits.get_or_create(&Outcome { outcome: "" }).inc();
        watermark.get_or_create(&OfPbx { tenant: String::new(), pbx: String::new() }).set(1);
        for gauge in [next, high, lag, kept_windows, open_calls, reopened_calls] {
            gauge.get_or_create(&of).set(1);
        }
        let told = include_str!("../../METRICS.md");
        let told = told.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_owned);
        assert_eq!(shown(&progress), told.collect());
    }
}
