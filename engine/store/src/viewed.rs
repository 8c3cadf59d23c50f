//! What pages and the API ask: pages of a view, its total, its groups, one call, one customer, the work list, the dashboard, the sources.
//!
//! A [`Reader`] is a viewer's: it has their scope, the clock of their site and the moment of the question, and asks nothing without them.

mod added_up;
mod calls;
mod customers;
mod dashboard;
mod paging;
mod sources;

use adapters::leg::Moment;
use chrono_tz::Tz;
use serde_json::{Map, Value as Json};

pub use added_up::Measured;
pub use calls::{Group, Grouped, OneCall, StateCount, ViewTotal};
pub use customers::{Customer, WorkPage, WorkTotal};
pub use dashboard::{Dashboard, Figure, Funnel, ReturnTime, Slot};
pub use paging::CallPage;
pub use sources::{Early, Source};

use crate::question::{Question, Value, Where, fragment};
use crate::scope::Scope;
use crate::view::View;
use crate::weeks::{ANSWER_ROWS_MAX, Plan, Summand, Summed, has_whole_week, range_of};
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
        let mut conditions = conditions_whenever(view, named);
        conditions.within(view.period.span(self.now, self.zone));
        conditions
    }

    /// What a statement of sums adds up to over the calls of a view; `dressed` puts into it what else it needs, for an answer of at most so
    /// many rows. What weeks that are over add up to is kept (see [`crate::weeks`]), unless that is more than is kept of one answer: then
    /// it is the first `rows_max` rows of the whole.
    async fn summed(
        &self,
        what: &'static str,
        statement: &str,
        (view, named): (&View, &[String]),
        rows_max: usize,
        dressed: impl Fn(Question) -> Question,
    ) -> Result<Summed, StoreError> {
        let span = view.period.span(self.now, self.zone);
        let whenever = conditions_whenever(view, named);
        let asked = |conditions: Where, rows_max: usize| -> Result<Question, StoreError> {
            let question = self.question(what, statement)?.put("week", fragment("week")).narrowed(conditions);
            let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
            Ok(dressed(question).with("limit", Value::Number(limit)))
        };
        let whole = asked(whenever.clone(), rows_max)?;
        let (key, weeks) = (whole.key(), &self.store.kept.sums);
        let is_kept = weeks.keeps(key) && has_whole_week(span, self.now);
        let mut plan = match is_kept {
            true => weeks.plan(key, span, self.now, &self.store.parts_of_weeks(whole.is_of_follow_ups()).await?),
            false => Plan::of_all(),
        };
        let limit = if is_kept { ANSWER_ROWS_MAX + 1 } else { rows_max };
        let mut found = 0;
        loop {
            let first = plan.first_weeks();
            let mut conditions = whenever.clone();
            match &first {
                Some(first) => conditions.in_ranges(&first.iter().map(|week| range_of(*week)).collect::<Vec<_>>()),
                None => {
                    conditions.within(span);
                    conditions.in_ranges(&plan.asked);
                }
            }
            let (from, to) = plan.kept_quarters(first.as_deref());
            let question = asked(conditions, limit)?.with("kept_from", Value::Number(from));
            let rows: Vec<Summand> = question.with("kept_to", Value::Number(to)).rows(self.store).await?;
            found += rows.len();
            if is_kept && found > ANSWER_ROWS_MAX {
                weeks.keep_too_large(key);
                return Box::pin(self.summed(what, statement, (view, named), rows_max, dressed)).await;
            }
            match first {
                Some(first) => drop(weeks.learn(key, &mut plan, &first, rows)),
                None => return Ok(weeks.take(key, plan, rows)),
            }
        }
    }
}

/// The conditions of a view without its period.
fn conditions_whenever(view: &View, named: &[String]) -> Where {
    let mut conditions = Where::all();
    view.conditions().iter().for_each(|condition| conditions.condition(condition));
    if let Some(text) = &view.search {
        conditions.search(text, named);
    }
    conditions
}
