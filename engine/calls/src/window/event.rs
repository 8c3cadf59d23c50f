//! What happens to windows: a limit was crossed or is cleared, a window is over. Plugins hear each as an [`crate::event::Event`].

use adapters::leg::{Moment, Text};
use serde::{Serialize, Serializer};

use crate::measure::Thousandths;

/// One event. Keys are a contract: they keep their names.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WindowEvent {
    /// A figure rose above a limit; told once until it is cleared.
    LimitCrossed(LimitEvent),
    /// It fell to where the limit is cleared.
    LimitCleared(LimitEvent),
    /// The watermark passed the end of a window of the company.
    WindowClosed {
        /// The company.
        tenant: Text,
        /// 300, 3600, or 86400 for a day.
        size_s: u32,
        /// Its first moment.
        #[serde(serialize_with = "moment")]
        opened_at: Moment,
        /// The first moment after it.
        #[serde(serialize_with = "moment")]
        ended_at: Moment,
        /// By the log's clock.
        #[serde(serialize_with = "moment")]
        at: Moment,
    },
}

/// A limit and the figure that moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LimitEvent {
    /// The company.
    pub tenant: Text,
    /// The limit's name in the site file.
    pub limit: Text,
    /// The measure.
    pub measure: &'static str,
    /// tenant, site, did, group, queue, `hunt_group`, person.
    pub scope: &'static str,
    /// Which one.
    pub scope_id: Text,
    /// How wide the window is: 300, 3600, or 86400 for a day.
    pub size_s: u32,
    /// The window's first moment.
    #[serde(serialize_with = "moment")]
    pub opened_at: Moment,
    /// In the measure's unit; null where nothing of it happened in the window.
    pub value: Option<Thousandths>,
    /// The limit.
    pub above: Thousandths,
    /// By the log's clock.
    #[serde(serialize_with = "moment")]
    pub at: Moment,
}

impl WindowEvent {
    /// By which plugins know it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            WindowEvent::LimitCrossed(_) => "limit-crossed",
            WindowEvent::LimitCleared(_) => "limit-cleared",
            WindowEvent::WindowClosed { .. } => "window-closed",
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &Text {
        match self {
            WindowEvent::LimitCrossed(event) | WindowEvent::LimitCleared(event) => &event.tenant,
            WindowEvent::WindowClosed { tenant, .. } => tenant,
        }
    }

    /// When it happened, by the log's clock.
    #[must_use]
    pub fn at(&self) -> Moment {
        match self {
            WindowEvent::LimitCrossed(event) | WindowEvent::LimitCleared(event) => event.at,
            WindowEvent::WindowClosed { at, .. } => *at,
        }
    }

    /// Its name: 32 hex digits. The same event told again has the same one: it is of the limit, whose figure it is, and the window.
    #[must_use]
    pub fn id(&self) -> Text {
        let limit = |kind: &str, e: &LimitEvent| {
            named(&[&e.tenant, kind, &e.limit, e.scope, &e.scope_id], e.size_s, e.opened_at)
        };
        match self {
            WindowEvent::LimitCrossed(event) => limit("limit-crossed", event),
            WindowEvent::LimitCleared(event) => limit("limit-cleared", event),
            WindowEvent::WindowClosed { tenant, size_s, opened_at, .. } => {
                named(&[tenant, "window-closed"], *size_s, *opened_at)
            }
        }
    }
}

fn named(parts: &[&str], size_s: u32, opened_at: Moment) -> Text {
    let mut name: Vec<u8> = Vec::new();
    for part in parts {
        name.extend_from_slice(&(part.len() as u64).to_le_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    name.extend_from_slice(&size_s.to_le_bytes());
    name.extend_from_slice(&opened_at.0.to_le_bytes());
    crate::call::hex(xxhash_rust::xxh3::xxh3_128(&name))
}

fn moment<S: Serializer>(moment: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&adapters::line::moment(*moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_by_its_kind() {
        let event = LimitEvent {
            tenant: "acme".into(),
            limit: "sales-misses".into(),
            measure: "missed",
            scope: "group",
            scope_id: "sales".into(),
            size_s: 300,
            opened_at: Moment(1_700_000_100_000),
            value: Some(Thousandths(11_500)),
            above: Thousandths(10_000),
            at: Moment(1_700_000_200_000),
        };
        let crossed = WindowEvent::LimitCrossed(event.clone());
        assert_eq!(
            serde_json::to_string(&crossed).unwrap(),
            "{\"kind\":\"limit-crossed\",\"tenant\":\"acme\",\"limit\":\"sales-misses\",\"measure\":\"missed\",\
             \"scope\":\"group\",\"scope_id\":\"sales\",\"size_s\":300,\"opened_at\":\"2023-11-14T22:15:00.000Z\",\
             \"value\":11.5,\"above\":10,\"at\":\"2023-11-14T22:16:40.000Z\"}"
        );
        let later = WindowEvent::LimitCrossed(LimitEvent { at: Moment(1_700_000_300_000), ..event.clone() });
        assert_eq!(crossed.id(), later.id());
        assert_ne!(crossed.id(), WindowEvent::LimitCleared(event).id());
    }
}
