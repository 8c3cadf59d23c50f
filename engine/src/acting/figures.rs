//! What waits in the office and how the plugins are, for a monitoring system. `engine/METRICS.md` explains each figure.
//!
//! It is read when somebody asks, at most every few seconds, and who asks does not wait long for it: then they see what was read before.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use office::{Counts, Office, PluginState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use runner::Stopped;

/// The office is read no more often than this, however many ask.
const READ_EVERY: Duration = Duration::from_secs(5);

/// Who asks waits so long at most.
const WAIT_MAX: Duration = Duration::from_millis(300);

/// What was read longer ago is not shown: nothing is known then.
const GOES_STALE_AFTER: Duration = Duration::from_secs(60);

/// The figures of what acts; clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Figures(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Of a process in which nothing acts there is none.
    office: OnceLock<Office>,
    /// Plugins that hear nothing though they are not off.
    stopped: Mutex<BTreeMap<String, Stopped>>,
    seen: Mutex<Option<Seen>>,
    /// Held by whoever reads.
    reading: Arc<tokio::sync::Mutex<()>>,
}

/// The office as it was.
struct Seen {
    at: Instant,
    counts: Counts,
    /// Their names, by which they are told apart.
    plugins: Vec<(String, PluginState)>,
}

impl Figures {
    /// From now on they are of this office.
    pub(crate) fn watch(&self, office: Office) {
        let _ = self.0.office.set(office);
    }

    /// These plugins hear nothing, and why.
    pub(crate) fn stopped(&self, stopped: BTreeMap<String, Stopped>) {
        *self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner) = stopped;
    }

    /// Reads the office again if it is time; returns soon in any case.
    pub(crate) async fn refresh(&self) {
        let Some(office) = self.0.office.get().cloned() else { return };
        let Ok(turn) = Arc::clone(&self.0.reading).try_lock_owned() else { return };
        if self.0.seen(READ_EVERY, |_| ()).is_some() {
            return;
        }
        let inner = Arc::clone(&self.0);
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            // Where it cannot be read whoever works with it says why, and soon nothing is shown.
            if let Ok(seen) = Seen::of(&office) {
                *inner.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
            }
        });
        let _ = tokio::time::timeout(WAIT_MAX, reading).await;
    }
}

impl Seen {
    fn of(office: &Office) -> office::Result<Seen> {
        let plugins = office.plugins()?.into_iter().map(|plugin| (plugin.name, plugin.state)).collect();
        Ok(Seen { at: Instant::now(), counts: office.counts()?, plugins })
    }

    fn encode(&self, stopped: &BTreeMap<String, Stopped>, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = &self.counts;
        let actions: Vec<_> = counts
            .actions
            .iter()
            .map(|a| ([("kind", a.kind.as_str()), ("status", a.status.as_str())], a.count))
            .collect();
        family(&mut to, "actions", "Actions that were asked for, by what has become of them", &actions)?;
        let waiting: Vec<_> = counts
            .events_waiting
            .iter()
            .map(|w| ([("plugin", w.plugin.as_str()), ("tenant", w.tenant.as_str())], w.count))
            .collect();
        family(&mut to, "events_waiting", "Events that a plugin has not heard yet", &waiting)?;
        gauge(&mut to, "retries_waiting", "Events that plugins will hear again", None, counts.retries_waiting)?;
        gauge(&mut to, "timers_waiting", "Timers that plugins have set", None, counts.timers_waiting)?;
        gauge(
            &mut to,
            "outbox_waiting",
            "Records of ours that the log does not have yet",
            None,
            counts.outbox_waiting,
        )?;
        if let Some(at) = counts.outbox_oldest_at {
            let help = "When the first of these records was written, since 1970";
            gauge(&mut to, "outbox_oldest", help, Some(&Unit::Seconds), at / 1000)?;
        }
        let states: Vec<_> = self
            .plugins
            .iter()
            .map(|(name, state)| {
                let why = match state {
                    PluginState::Off | PluginState::Paused => None,
                    PluginState::Dry | PluginState::Live => stopped.get(name),
                };
                let (state, reason) = why.map_or((state.as_str(), ""), |why| ("stopped", why.as_str()));
                ([("plugin", name.as_str()), ("state", state), ("reason", reason)], 1)
            })
            .collect();
        family(&mut to, "plugin_state", "1 for how a plugin is", &states)
    }
}

impl Inner {
    /// What was read no longer ago than this.
    fn seen<T>(&self, within: Duration, show: impl FnOnce(&Seen) -> T) -> Option<T> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().filter(|seen| seen.at.elapsed() < within).map(show)
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stopped = self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.0.seen(GOES_STALE_AFTER, |seen| seen.encode(&stopped, encoder)).unwrap_or(Ok(()))
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

fn gauge(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, unit: Option<&Unit>, value: i64) -> fmt::Result {
    ConstGauge::new(value).encode(to.encode_descriptor(name, help, unit, MetricType::Gauge)?)
}

/// One name with a value for each set of labels; nothing where there is none.
fn family<L: EncodeLabelSet>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(L, i64)],
) -> fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    let mut metric = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        ConstGauge::new(*value).encode(metric.encode_family(labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use ::office::{ActionCount, Waiting};
    use prometheus_client::registry::Registry;
    use sandbox::LoadErrorKind;

    use super::*;

    /// With a value of each figure.
    pub(crate) fn whole() -> Figures {
        let figures = Figures::default();
        let counts = Counts {
            actions: vec![ActionCount { kind: "call_back".into(), status: "due".into(), count: 3 }],
            events_waiting: vec![Waiting { plugin: "call_back".into(), tenant: "acme".into(), count: 7 }],
            retries_waiting: 1,
            timers_waiting: 2,
            outbox_waiting: 4,
            outbox_oldest_at: Some(1_795_514_400_999),
        };
        let plugins = [
            ("call_back", PluginState::Live),
            ("crm", PluginState::Live),
            ("loud", PluginState::Off),
            ("notify", PluginState::Dry),
        ];
        let plugins = plugins.map(|(name, state)| (name.to_owned(), state)).to_vec();
        *figures.0.seen.lock().unwrap() = Some(Seen { at: Instant::now(), counts, plugins });
        let stopped = [
            ("crm", Stopped::NotLoaded(LoadErrorKind::Settings)),
            ("loud", Stopped::Faults),
            ("notify", Stopped::Faults),
        ];
        figures.stopped(stopped.map(|(name, why)| (name.to_owned(), why)).into());
        figures
    }

    fn text(figures: &Figures) -> String {
        let mut registry = Registry::with_prefix("ringback");
        registry.register_collector(Box::new(figures.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn what_waits_and_how_plugins_are_is_shown() {
        assert_eq!(
            text(&whole()),
            "ringback_actions{kind=\"call_back\",status=\"due\"} 3\n\
             ringback_events_waiting{plugin=\"call_back\",tenant=\"acme\"} 7\n\
             ringback_retries_waiting 1\n\
             ringback_timers_waiting 2\n\
             ringback_outbox_waiting 4\n\
             ringback_outbox_oldest_seconds 1795514400\n\
             ringback_plugin_state{plugin=\"call_back\",state=\"live\",reason=\"\"} 1\n\
             ringback_plugin_state{plugin=\"crm\",state=\"stopped\",reason=\"settings\"} 1\n\
             ringback_plugin_state{plugin=\"loud\",state=\"off\",reason=\"\"} 1\n\
             ringback_plugin_state{plugin=\"notify\",state=\"stopped\",reason=\"faults\"} 1\n"
        );
    }

    #[tokio::test]
    async fn the_office_is_read_when_it_is_asked_for_and_not_again_at_once() {
        let figures = Figures::default();
        figures.refresh().await;
        assert_eq!(text(&figures), "", "nothing is known");
        let office = Office::open("sqlite::memory:", 1000).unwrap();
        figures.watch(office.clone());
        let read = |retries: i64| format!("ringback_retries_waiting {retries}\n");
        // The answer does not wait for the reading, so the reading is awaited here.
        while text(&figures).is_empty() {
            figures.refresh().await;
        }
        assert!(text(&figures).contains(&read(0)) && !text(&figures).contains("oldest"), "{}", text(&figures));
        figures.0.seen.lock().unwrap().as_mut().unwrap().counts.retries_waiting = 5;
        figures.refresh().await;
        assert!(text(&figures).contains(&read(5)), "it was read again");
        let old = Instant::now().checked_sub(GOES_STALE_AFTER).unwrap();
        figures.0.seen.lock().unwrap().as_mut().unwrap().at = old;
        assert_eq!(text(&figures), "", "what is too old is not shown");
    }
}
