//! The figures of the dashboard: each with the view of the calls that it counts.

use adapters::leg::Moment;
use calls::measure::Thousandths;

use super::calls::{Group, Measured, StateCount, counts};
use super::{JsonRow, Reader};
use crate::StoreError;
use crate::period::Period;
use crate::question::Value;
use crate::view::{Test, View, ViewError};

/// A figure and what it counts.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// Exact to the thousandth of its unit; `None`: of nothing.
    pub value: Option<Thousandths>,
    /// The calls that it counts; of a share or a mean, those that are its whole.
    pub view: View,
}

/// What became of the missed calls.
#[derive(Clone, PartialEq, Debug)]
pub struct Funnel {
    /// Missed calls: the sum over the states, and those whose follow-ups are not stored yet.
    pub missed: u64,
    /// Each state with its calls, and their view.
    pub states: Vec<(StateCount, View)>,
}

/// One hour of one weekday, by the clock of the site.
#[derive(Clone, PartialEq, Debug)]
pub struct Slot {
    /// 1: Monday, to 7: Sunday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
    /// Inbound calls.
    pub calls: u64,
    /// Of them, missed.
    pub missed: u64,
    /// Of them, answered.
    pub answered: u64,
    /// These calls.
    pub view: View,
}

/// How long it takes to return a missed call, by Kaplan and Meier: what is still open counts as long as it has been.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ReturnTime {
    /// Half of them are returned within this, in seconds; `None`: less than half are.
    pub median_s: Option<i64>,
    /// Nine of ten are.
    pub p90_s: Option<i64>,
    /// Follow-ups that were opened by these calls.
    pub follow_ups: u64,
    /// Of them, returned.
    pub returned: u64,
}

/// The figures of a period.
#[derive(Clone, PartialEq, Debug)]
pub struct Dashboard {
    /// Inbound calls from outside.
    pub came_in: Figure,
    /// Of them, answered, by their outcome.
    pub answered: Figure,
    /// Of them, missed.
    pub missed: Figure,
    /// Percent: answered of those that somebody could be expected to answer.
    pub answer_rate: Figure,
    /// Percent answered in time, the form that leaves short abandoned ones out.
    pub service_level: Figure,
    /// Seconds: how long answered calls waited, in the mean.
    pub asa: Figure,
    /// Every measure of calls, for those that the three before are among.
    pub measures: Vec<(&'static str, Option<Thousandths>)>,
    /// By the hour of the day.
    pub by_hour: Vec<Group>,
    /// By weekday and hour.
    pub by_weekday_and_hour: Vec<Slot>,
    /// By outcome: they add up to what came in.
    pub by_outcome: Vec<Group>,
    /// By the group that the call is counted in.
    pub by_group: Vec<Group>,
    /// What became of the missed ones.
    pub funnel: Funnel,
    /// How long it takes to return one.
    pub time_to_return: ReturnTime,
    /// How fresh it is: when the latest call that the viewer may see began.
    pub latest_at: Option<String>,
}

/// The seven states of a follow-up, in the order of a funnel.
const STATES: [&str; 7] =
    ["open", "dealing", "returned_by_us", "reached_us", "settled_by_hand", "not_returnable", "expired"];

impl Reader<'_> {
    /// The figures of a period, for whatever the viewer may see.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn dashboard(&self, period: Period) -> Result<Dashboard, StoreError> {
        let view = |conditions: &[(&str, &str)]| {
            let inbound = View::of(period).with_value("direction", "inbound");
            let narrowed = |view: Result<View, ViewError>, (name, value): &(&str, &str)| view?.with_value(name, value);
            conditions.iter().fold(inbound, narrowed).map_err(StoreError::from)
        };
        let came_in = view(&[])?;
        let answered = view(&[("outcome", "answered")])?;
        let missed = view(&[("missed", "true")])?;
        let told = answered.clone().with("queue_wait_time_s", Test::Empty(false)).map_err(StoreError::from)?;
        let level = Test::Is(vec!["answered".to_owned(), "abandoned".to_owned()]);
        let level = told.clone().with("outcome", level).map_err(StoreError::from)?;
        let measures = self.measures(&came_in, &[]).await?;
        let measures: Vec<(&'static str, Option<Thousandths>)> =
            measures.into_iter().map(|Measured { measure, value }| (measure.name, value)).collect();
        let figure = |name: &str, view: &View| Figure {
            value: measures.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value),
            view: view.clone(),
        };
        let by = |name: &str| came_in.clone().grouped_by(name).map_err(StoreError::from);
        let by_weekday_and_hour = self.slots(&came_in).await?;
        let by_hour = hours(&by("hour")?, &by_weekday_and_hour)?;
        let (by_outcome, _) = self.groups(&by("outcome")?, &[]).await?;
        let (by_group, _) = self.groups(&by("owner_group")?, &[]).await?;
        let calls_missed = by_weekday_and_hour.iter().map(|slot| slot.missed).sum();
        let mut latest = View::of(period);
        (latest.limit, latest.columns) = (1, started_at());
        let latest: Option<JsonRow> = self.page(&latest, &[], None).await?.rows.pop();
        Ok(Dashboard {
            came_in: figure("offered", &came_in),
            answered: figure("answered", &answered),
            missed: figure("missed", &missed),
            answer_rate: figure("answer_rate", &came_in),
            service_level: figure(SERVICE_LEVEL, &level),
            asa: figure("asa", &told),
            by_weekday_and_hour,
            by_hour,
            by_outcome,
            by_group,
            funnel: self.funnel_of(&missed, calls_missed).await?,
            time_to_return: self.time_to_return(&missed).await?,
            latest_at: latest.and_then(|row| Some(row.get("started_at")?.as_str()?.to_owned())),
            measures,
        })
    }

    /// A view by weekday and hour, where there are calls.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn slots(&self, view: &View) -> Result<Vec<Slot>, StoreError> {
        let statement = include_str!("../../../../sql/dashboards/weekday_hour.sql");
        let summed = self.summed("a view by weekday and hour", statement, (view, &[]), usize::MAX, |q| q).await?;
        let mut slots = Vec::new();
        for (of, sums) in summed.added() {
            let Some((weekday, hour)) = of.and_then(|of| of.split_once(' ')) else { continue };
            let (Ok(weekday), Ok(hour)) = (weekday.parse(), hour.parse()) else { continue };
            let view = view.clone().with_value("weekday", &format!("{weekday}"));
            let view = view.and_then(|view| view.with_value("hour", &format!("{hour}"))).map_err(StoreError::from)?;
            let [calls, missed, answered] = counts(&sums);
            slots.push(Slot { weekday, hour, calls, missed, answered, view });
        }
        slots.sort_unstable_by_key(|slot| (slot.weekday, slot.hour));
        Ok(slots)
    }

    /// What became of the missed calls of a view, in all seven states.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn funnel(&self, view: &View) -> Result<Funnel, StoreError> {
        let missed_of = view.clone().with_value("missed", "true").map_err(StoreError::from)?;
        let missed = self.total(&missed_of, &[]).await?.calls;
        self.funnel_of(&missed_of, missed).await
    }

    /// The same of a view of missed calls alone, of which it is known how many there are.
    async fn funnel_of(&self, missed_of: &View, missed: u64) -> Result<Funnel, StoreError> {
        let found = self.states(missed_of, &[]).await?;
        let state = |state: &str| {
            let count = found.iter().find(|count| count.state == state).cloned();
            let count = count.unwrap_or_else(|| StateCount { state: state.to_owned(), calls: 0, follow_ups: 0 });
            Ok((count, missed_of.clone().with_value("follow_up", state).map_err(StoreError::from)?))
        };
        Ok(Funnel { missed, states: STATES.into_iter().map(state).collect::<Result<_, StoreError>>()? })
    }

    /// How long it takes to return what the calls of a view opened.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn time_to_return(&self, view: &View) -> Result<ReturnTime, StoreError> {
        let statement = include_str!("../../../../sql/dashboards/times_to_return.sql");
        let question = self.question_of("times to return", statement, view, &[])?;
        let Moment(now) = self.now;
        let rows: Vec<(bool, i64, u64)> = question.with("now", Value::Number(now)).rows(self.store).await?;
        Ok(return_time(&rows))
    }
}

/// The form of the service level that is shown.
const SERVICE_LEVEL: &str = "sl6";

fn started_at() -> Vec<&'static crate::view::Column> {
    crate::view::column_named("started_at").into_iter().collect()
}

/// The same by the hour alone.
fn hours(by_hour: &View, slots: &[Slot]) -> Result<Vec<Group>, StoreError> {
    let mut sums = [(0, 0, 0); 24];
    for slot in slots {
        if let Some((calls, missed, answered)) = sums.get_mut(usize::from(slot.hour)) {
            (*calls, *missed, *answered) = (*calls + slot.calls, *missed + slot.missed, *answered + slot.answered);
        }
    }
    let with_calls = sums.into_iter().enumerate().filter(|(_, (calls, ..))| *calls > 0);
    let group = |(hour, (calls, missed, answered)): (usize, (u64, u64, u64))| {
        let value = hour.to_string();
        let view = by_hour.of_group(Some(&value)).map_err(StoreError::from)?;
        Ok(Group { value: Some(value), calls, missed, answered, view })
    };
    with_calls.map(group).collect()
}

/// Kaplan and Meier: of those that waited at least so long, which share went on waiting. Rows of (is returned, after so many seconds, how
/// many), by their seconds, returned ones before those that are still open.
fn return_time(rows: &[(bool, i64, u64)]) -> ReturnTime {
    let all: u64 = rows.iter().map(|(.., count)| count).sum();
    let returned = rows.iter().filter(|(is_returned, ..)| *is_returned).map(|(.., count)| count).sum();
    let mut told = ReturnTime { follow_ups: all, returned, ..ReturnTime::default() };
    let (mut at_risk, mut waiting) = (all as f64, 1.0);
    for (is_returned, seconds, count) in rows {
        if *is_returned {
            waiting *= 1.0 - *count as f64 / at_risk;
            // What is a half in numbers is one here too, whatever the last bit says.
            for (share, found) in [(0.5, &mut told.median_s), (0.1, &mut told.p90_s)] {
                if found.is_none() && waiting <= share + 1e-9 {
                    *found = Some(*seconds);
                }
            }
        }
        at_risk -= *count as f64;
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_counts_as_long_as_it_has_been() {
        let told = |rows: &[(bool, i64, u64)]| {
            let ReturnTime { median_s, p90_s, .. } = return_time(rows);
            (median_s, p90_s)
        };
        assert_eq!(told(&[]), (None, None));
        assert_eq!(told(&[(true, 10, 1), (true, 20, 1), (true, 30, 1), (true, 40, 1)]), (Some(20), Some(40)));
        // Two of four are open since before the second was returned: 3/4, then 0.
        assert_eq!(told(&[(true, 10, 1), (false, 15, 2), (true, 20, 1)]), (Some(20), Some(20)));
        assert_eq!(told(&[(true, 10, 1), (false, 50, 3)]), (None, None));
        // At the same second the returned ones were still waiting.
        assert_eq!(told(&[(true, 10, 5), (false, 10, 5)]), (Some(10), None));
    }
}
