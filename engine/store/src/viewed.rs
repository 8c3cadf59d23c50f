//! What pages and the API ask: pages of a view, its total, its groups, one call, one customer, the work list, the dashboard, the sources.
//!
//! A [`Reader`] is a viewer's: it has their scope, the clock of their site and the moment of the question, and asks nothing without them.

mod calls;
mod customers;
mod dashboard;
mod sources;

use adapters::leg::Moment;
use chrono_tz::Tz;
use serde_json::{Map, Value as Json};

pub use calls::{CallPage, Group, Grouped, Measured, OneCall, StateCount, ViewTotal};
pub use customers::{Customer, WorkPage, WorkTotal};
pub use dashboard::{Dashboard, Figure, Funnel, ReturnTime, Slot};
pub use sources::{Early, Source};

use crate::question::{Question, Value, Where};
use crate::scope::Scope;
use crate::view::View;
use crate::{Store, StoreError};

/// A row by the names of its columns: moments in RFC 3339, lengths in decimal seconds, null where it is not known.
pub type JsonRow = Map<String, Json>;

/// Who asks, by which clock, when.
pub struct Reader<'s> {
    /// What is asked.
    pub store: &'s Store,
    /// Whose calls the viewer may see.
    pub scope: Scope,
    /// The clock of the viewer's site.
    pub zone: Tz,
    /// The moment of the question: what is asked together is asked of one moment.
    pub now: Moment,
    /// Who waited up to this was answered soon, in milliseconds: the threshold of the service level.
    pub soon_ms: i64,
}

impl Reader<'_> {
    fn question(&self, what: &'static str, statement: &str) -> Result<Question, StoreError> {
        let question = Question::of(what, statement, &self.scope)?;
        Ok(question.with("zone", Value::Text(self.zone.name().to_owned())))
    }

    /// The conditions of a view, its period among them.
    fn conditions(&self, view: &View, named: &[String]) -> Where {
        let mut conditions = Where::all();
        let span = view.period.span(self.now, self.zone);
        if let Some(from) = span.from {
            conditions.since(from);
        }
        if let Some(to) = span.to {
            conditions.until(to);
        }
        view.conditions().iter().for_each(|condition| conditions.condition(condition));
        if let Some(text) = &view.search {
            conditions.search(text, named);
        }
        conditions
    }

    /// A question about all calls of a view.
    fn question_of(
        &self,
        what: &'static str,
        statement: &str,
        view: &View,
        named: &[String],
    ) -> Result<Question, StoreError> {
        let conditions = self.conditions(view, named);
        Ok(self.question(what, statement)?.narrowed(conditions))
    }
}
