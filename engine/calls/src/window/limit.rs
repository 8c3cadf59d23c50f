//! Limits on figures: an event once when one rises above its limit, again only after it fell to where the limit is cleared.
//!
//! A rise is told as soon as it is seen. A fall is judged when a later window is over (or the one that crossed is revised): a window that
//! has just begun holds nothing yet, and would clear every limit.

use std::collections::BTreeMap;

use adapters::leg::{Moment, Text};
use directory::{Directory, Scope, SiteError};

use super::event::{LimitEvent, WindowEvent};
use super::{Size, on};
use crate::measure::{self, Measure, Thousandths};

/// A rise in a window that ended longer ago than this by the log's clock is not told, in milliseconds: its rows say it, and an alarm would
/// come too late.
pub const LATE_RISE_MS: i64 = 3_600_000;

/// A limit that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    name: Text,
    pub(super) measure: &'static Measure,
    pub(super) scope: Scope,
    id: Option<Text>,
    pub(super) size: Size,
    pub(super) is_sliding: bool,
    above: Thousandths,
    clear_at: Thousandths,
    /// By id: what was told last.
    states: BTreeMap<Text, State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The latest window that is known to be above.
    Crossed(Moment),
    /// It was above in this window, and is no more: this window is not told again.
    Cleared(Moment),
}

/// When it is, and who asks.
pub(super) struct Now<'w> {
    pub(super) tenant: &'w Text,
    pub(super) clock: Moment,
    pub(super) watermark: Moment,
}

/// The site file's limits.
///
/// # Errors
/// A measure that is not counted for the limit's scope, with those that are.
pub(super) fn read(directory: &Directory) -> Result<Vec<Watched>, SiteError> {
    let limits = directory.limits().iter();
    limits
        .map(|limit| {
            let counted_on = on(limit.scope);
            let Some(measure) = measure::named(&limit.measure, counted_on) else {
                return Err(SiteError::Value {
                    line: limit.measure_line,
                    entry: format!("limit {}", limit.name),
                    key: "measure".to_owned(),
                    value: limit.measure.clone(),
                    expected: format!(
                        "of a {} there are {}",
                        limit.scope.word(),
                        measure::of(counted_on).iter().map(|m| m.name).collect::<Vec<_>>().join(", ")
                    ),
                });
            };
            Ok(Watched {
                name: limit.name.as_str().into(),
                measure,
                scope: limit.scope,
                id: limit.id.as_deref().map(Text::from),
                size: Size::ALL.into_iter().find(|s| s.seconds() == limit.window_s).unwrap_or(Size::FiveMinutes),
                is_sliding: limit.sliding,
                above: Thousandths(limit.above_thousandths),
                clear_at: Thousandths(limit.clear_at_thousandths),
                states: BTreeMap::new(),
            })
        })
        .collect()
}

impl Watched {
    /// True if the windows of this scope and size are what it looks at.
    pub(super) fn looks_at(&self, scope: Scope, size: Size, id: &Text) -> bool {
        let looked_at = if self.is_sliding { Size::FiveMinutes } else { self.size };
        self.scope == scope && looked_at == size && self.id.as_ref().is_none_or(|own| own == id)
    }

    /// A window has changed.
    pub(super) fn changed(
        &mut self,
        now: &Now<'_>,
        id: &Text,
        window: (Moment, Moment),
        value: Option<Thousandths>,
        events: &mut Vec<WindowEvent>,
    ) {
        let (opened_at, ended_at) = window;
        let is_above = value > Some(self.above);
        match self.states.get(id).copied() {
            Some(State::Crossed(latest)) if is_above => {
                self.states.insert(id.clone(), State::Crossed(latest.max(opened_at)));
            }
            Some(State::Crossed(latest)) if latest == opened_at && self.is_low(value) => {
                self.states.insert(id.clone(), State::Cleared(opened_at));
                events.push(WindowEvent::LimitCleared(self.event(now, id, opened_at, value)));
            }
            Some(State::Crossed(_)) => {}
            Some(State::Cleared(told)) if opened_at <= told => {}
            Some(State::Cleared(_)) | None if is_above && now.clock.ms_since(ended_at) <= LATE_RISE_MS => {
                self.states.insert(id.clone(), State::Crossed(opened_at));
                events.push(WindowEvent::LimitCrossed(self.event(now, id, opened_at, value)));
            }
            Some(State::Cleared(_)) | None => {}
        }
    }

    /// Windows after the one that crossed are over: `next` gives the one after, `value` what is in it.
    pub(super) fn closed(
        &mut self,
        now: &Now<'_>,
        next: impl Fn(Size, bool, Moment) -> (Moment, Moment),
        value: impl Fn(&Watched, &Text, Moment) -> Option<Thousandths>,
        events: &mut Vec<WindowEvent>,
    ) {
        let crossed = self.states.iter().filter_map(|(id, state)| match state {
            State::Crossed(latest) => Some((id.clone(), *latest)),
            State::Cleared(_) => None,
        });
        let crossed: Vec<(Text, Moment)> = crossed.collect();
        for (id, mut latest) in crossed {
            let state = loop {
                let (opened_at, ended_at) = next(self.size, self.is_sliding, latest);
                if ended_at > now.watermark {
                    break State::Crossed(latest);
                }
                let value = value(self, &id, opened_at);
                if self.is_low(value) {
                    events.push(WindowEvent::LimitCleared(self.event(now, &id, opened_at, value)));
                    break State::Cleared(latest);
                }
                latest = opened_at;
            };
            self.states.insert(id, state);
        }
    }

    /// A window in which nothing happened is low too.
    fn is_low(&self, value: Option<Thousandths>) -> bool {
        value.is_none_or(|value| value <= self.clear_at)
    }

    fn event(&self, now: &Now<'_>, id: &Text, opened_at: Moment, value: Option<Thousandths>) -> LimitEvent {
        LimitEvent {
            tenant: now.tenant.clone(),
            limit: self.name.clone(),
            measure: self.measure.name,
            scope: self.scope.word(),
            scope_id: id.clone(),
            size_s: self.size.seconds(),
            opened_at,
            value,
            above: self.above,
            at: now.clock,
        }
    }
}
