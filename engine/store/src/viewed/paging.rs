//! Pages of a view.

use std::cmp::Ordering;

use adapters::leg::Moment;

use super::{JsonRow, Reader, conditions_whenever};
use crate::StoreError;
use crate::question::{Question, Value, Where, order, sort_key};
use crate::view::{Cursor, Sort, View, is_text};
use crate::weeks::{At, Key, Plan, WEEK_QUARTERS, has_whole_week, range_of};

/// How far back the tries of a page in the order of time look, until one is full.
const LOOK_BACK_MS: [i64; 2] = [86_400_000, 12 * 86_400_000];

/// One page of a view.
#[derive(Clone, PartialEq, Debug)]
pub struct CallPage {
    /// Its rows, with the view's columns.
    pub rows: Vec<JsonRow>,
    /// Where the next page begins; `None`: this was the last one.
    pub next: Option<Cursor>,
}

impl Reader<'_> {
    /// One page of a view, after a cursor or from its beginning. `named` are the people whose names the view's search finds.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn page(&self, view: &View, named: &[String], cursor: Option<&Cursor>) -> Result<CallPage, StoreError> {
        let mut found = self.places_of_page(view, named, cursor).await?;
        let is_more = found.len() > usize::from(view.limit);
        found.truncate(usize::from(view.limit));
        let next = found.last().filter(|_| is_more);
        let next = next.map(|(_, id, at, key)| Cursor::after(view, Moment(*at), id, key.clone()));
        let places: Vec<(i64, String)> = found.into_iter().map(|(quarter, id, ..)| (quarter, id)).collect();
        Ok(CallPage { rows: self.rows_at(&places, &view.columns).await?, next })
    }

    /// Where the calls of a page stand, and one more if there is one. In the order of time it is looked a day back, then some, before it is
    /// looked at all weeks.
    async fn places_of_page(
        &self,
        view: &View,
        named: &[String],
        cursor: Option<&Cursor>,
    ) -> Result<Vec<At>, StoreError> {
        let mut conditions = self.conditions(view, named);
        if let Some(cursor) = cursor {
            conditions.after(cursor, view.sort);
        }
        let weeks = match cursor {
            None => Some(self.weeks_of_page(view, named).await?),
            Some(_) => None,
        };
        let is_known = weeks.as_ref().is_some_and(|weeks| !weeks.plan.known.is_empty());
        if is_latest_first(view.sort) && !is_known {
            let span = view.period.span(self.now, self.zone);
            let begins = cursor.map(|cursor| cursor.at).or(span.to).unwrap_or(self.now);
            if cursor.is_some() {
                conditions.until(Moment(begins.0.saturating_add(1)));
            }
            for look_back_ms in LOOK_BACK_MS {
                let from = Moment(begins.0.saturating_sub(look_back_ms));
                if span.from.is_some_and(|first| from <= first) {
                    break;
                }
                let mut near = conditions.clone();
                near.since(from);
                let found: Vec<At> = self.page_question(view, near)?.rows(self.store).await?;
                if found.len() > usize::from(view.limit) {
                    return Ok(found);
                }
            }
            if cursor.is_some() {
                // How many calls each week has says which have those of this page.
                let count = self.count(view, named).await?;
                let (since, ranges) = count.where_latest(i64::from(view.limit) + 1, begins);
                since.into_iter().for_each(|since| conditions.since(since));
                conditions.in_ranges(&ranges);
            }
        }
        match weeks {
            Some(weeks) => self.first_places(view, weeks).await,
            None => self.page_question(view, conditions)?.rows(self.store).await,
        }
    }

    async fn weeks_of_page(&self, view: &View, named: &[String]) -> Result<WeeksOfPage, StoreError> {
        let whenever = conditions_whenever(view, named);
        let whole = self.page_question(view, whenever.clone())?;
        let (key, pages) = (whole.key(), &self.store.kept.pages);
        let span = view.period.span(self.now, self.zone);
        let plan = match pages.keeps(key) && has_whole_week(span, self.now) {
            true => pages.plan(key, span, self.now, &self.store.parts_of_weeks(whole.is_of_follow_ups()).await?),
            false => Plan::of_all(),
        };
        Ok(WeeksOfPage { key, whenever, plan })
    }

    /// The first page: that of each week is kept, and they are put together; in the order of time only as far as they are needed.
    async fn first_places(&self, view: &View, of: WeeksOfPage) -> Result<Vec<At>, StoreError> {
        let WeeksOfPage { key, whenever, plan } = of;
        let (rows_max, is_in_time) = (usize::from(view.limit) + 1, is_latest_first(view.sort));
        let mut rest = whenever.clone();
        rest.within(view.period.span(self.now, self.zone));
        rest.in_ranges(&plan.rest());
        let mut found: Vec<At> = self.page_question(view, rest)?.rows(self.store).await?;
        for week in plan.weeks().into_iter().rev() {
            let later = found.iter().filter(|(quarter, ..)| *quarter >= (week + 1) * WEEK_QUARTERS);
            if is_in_time && later.count() >= rows_max {
                break;
            }
            if let Some(answer) = plan.known.get(&week) {
                found.extend(answer.iter().cloned());
            } else if let Some(parts) = plan.to_keep.get(&week) {
                let mut of_week = whenever.clone();
                of_week.in_ranges(&[range_of(week)]);
                let answer: Vec<At> = self.page_question(view, of_week)?.rows(self.store).await?;
                found.extend(answer.iter().cloned());
                self.store.kept.pages.keep(key, week, *parts, answer.into());
            }
        }
        found.sort_unstable_by(|one, other| in_order(view.sort, one, other));
        found.truncate(rows_max);
        Ok(found)
    }

    fn page_question(&self, view: &View, conditions: Where) -> Result<Question, StoreError> {
        Ok(self
            .question("a page of a view", include_str!("../../../../sql/calls/page.sql"))?
            .put("key", &sort_key(view.sort.column))
            .put("order", &order(view.sort))
            .narrowed(conditions)
            .with("limit", Value::Number(i64::from(view.limit) + 1)))
    }
}

/// A first page that is asked by weeks: what it is kept by, what holds for its calls whenever they began, and what of it is known.
struct WeeksOfPage {
    key: Key,
    whenever: Where,
    plan: Plan<At>,
}

fn is_latest_first(sort: Sort) -> bool {
    sort.column.name == "started_at" && sort.descending
}

/// As the statement sorts: those without a value last, of equal ones the latest first.
fn in_order(sort: Sort, (_, id, at, key): &At, (_, other_id, other_at, other_key): &At) -> Ordering {
    let by_time = (at, id).cmp(&(other_at, other_id));
    if sort.column.name == "started_at" {
        return if sort.descending { by_time.reverse() } else { by_time };
    }
    let by_key = match (key, other_key) {
        (Some(key), Some(other)) if is_text(sort.column) => key.cmp(other),
        (Some(key), Some(other)) => key.parse::<i64>().ok().cmp(&other.parse().ok()),
        (None, None) => return by_time.reverse(),
        (key, other) => return key.is_none().cmp(&other.is_none()),
    };
    let by_key = if sort.descending { by_key.reverse() } else { by_key };
    by_key.then(by_time.reverse())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::View;

    #[test]
    fn pages_of_weeks_are_put_together_as_the_statement_sorts() {
        let at = |id: &str, at: i64, key: Option<&str>| (0, id.to_owned(), at, key.map(str::to_owned));
        let sorted = |sort: &str, mut places: Vec<At>| {
            let view = View::parse(&format!("sort={sort}")).unwrap();
            places.sort_unstable_by(|one, other| in_order(view.sort, one, other));
            places.into_iter().map(|(_, id, ..)| id).collect::<Vec<_>>().join(" ")
        };
        let seconds = || {
            let of =
                [("a", 1, Some("900")), ("b", 2, Some("1000")), ("c", 3, None), ("d", 9, Some("900")), ("e", 4, None)];
            of.map(|(id, began, key)| at(id, began, key)).to_vec()
        };
        assert_eq!(sorted("wait_time_s", seconds()), "d a b e c");
        assert_eq!(sorted("-wait_time_s", seconds()), "b d a e c");
        assert_eq!(sorted("started_at", seconds()), "a b c e d");
        let texts =
            || [("a", 1, Some("b")), ("b", 1, Some("B")), ("c", 1, Some("b"))].map(|(i, t, k)| at(i, t, k)).to_vec();
        assert_eq!(sorted("caller", texts()), "b c a");
        assert_eq!(sorted("-caller", texts()), "c a b");
    }
}
