//! The figures of the dashboard: each with the view of the calls that it counts.

use std::collections::BTreeMap;

use adapters::leg::Moment;
use calls::measure::Thousandths;

use super::added_up::{AddedUp, Counts, Measured};
use super::calls::{Group, StateCount, counts, groups_of};
use super::{JsonRow, Reader};
use crate::StoreError;
use crate::period::Period;
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
        let mut latest = View::of(period);
        (latest.limit, latest.columns) = (1, started_at());
        // None of them needs what another tells: the server answers them at the same time.
        let (added_up, states, time_to_return, latest) = tokio::try_join!(
            self.added_up(&came_in, &[]),
            self.states(&missed, &[]),
            self.time_to_return(&missed),
            self.page(&latest, &[], None),
        )?;
        let measures: Vec<(&'static str, Option<Thousandths>)> =
            added_up.measures().into_iter().map(|Measured { measure, value }| (measure.name, value)).collect();
        let figure = |name: &str, view: &View| Figure {
            value: measures.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value),
            view: view.clone(),
        };
        let by = |name: &str| came_in.clone().grouped_by(name).map_err(StoreError::from);
        let by_weekday_and_hour = slots(&came_in, &added_up)?;
        let by_hour = hours(&by("hour")?, &by_weekday_and_hour)?;
        let of = |name: Option<&'_ str>, counts: &Counts| (name.map(str::to_owned), counts.to_vec());
        let outcomes = added_up.outcomes().iter().map(|(name, counts)| of(Some(name), counts)).collect();
        let (by_outcome, _) = groups_of(&by("outcome")?, outcomes)?;
        let groups = added_up.groups.iter().map(|(name, counts)| of(name.as_deref(), counts)).collect();
        let (by_group, _) = groups_of(&by("owner_group")?, groups)?;
        let calls_missed = by_weekday_and_hour.iter().map(|slot| slot.missed).sum();
        let latest: Option<JsonRow> = latest.rows.into_iter().next();
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
            funnel: funnel_of(&missed, calls_missed, &states)?,
            time_to_return,
            latest_at: latest.and_then(|row| Some(row.get("started_at")?.as_str()?.to_owned())),
            measures,
        })
    }

    /// What became of the missed calls of a view, in all seven states.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn funnel(&self, view: &View) -> Result<Funnel, StoreError> {
        let missed_of = view.clone().with_value("missed", "true").map_err(StoreError::from)?;
        let missed = self.total(&missed_of, &[]).await?.calls;
        funnel_of(&missed_of, missed, &self.states(&missed_of, &[]).await?)
    }

    /// How long it takes to return what the calls of a view opened.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn time_to_return(&self, view: &View) -> Result<ReturnTime, StoreError> {
        let statement = include_str!("../../../../sql/dashboards/times_to_return.sql");
        let summed = self.summed("times to return", statement, (view, &[]), usize::MAX, |question| question).await?;
        let (Moment(now), mut times) = (self.now, BTreeMap::new());
        for (of, numbers) in summed.weeks.values().flat_map(|week| week.iter()).chain(&summed.rest) {
            let is_left = of.as_deref() != Some("returned");
            for (number, count) in counted(numbers) {
                let opened_ago = || now.saturating_sub(number).max(0) / 1000;
                let seconds = if of.as_deref() == Some("open") { opened_ago() } else { number };
                *times.entry((seconds, is_left)).or_default() += count;
            }
        }
        Ok(return_time(&times))
    }
}

/// What became of the calls of a view of missed calls alone, of which it is known how many there are, and how many are in each state.
fn funnel_of(missed_of: &View, missed: u64, found: &[StateCount]) -> Result<Funnel, StoreError> {
    let state = |state: &str| {
        let count = found.iter().find(|count| count.state == state).cloned();
        let count = count.unwrap_or_else(|| StateCount { state: state.to_owned(), calls: 0, follow_ups: 0 });
        Ok((count, missed_of.clone().with_value("follow_up", state).map_err(StoreError::from)?))
    };
    Ok(Funnel { missed, states: STATES.into_iter().map(state).collect::<Result<_, StoreError>>()? })
}

/// The form of the service level that is shown.
const SERVICE_LEVEL: &str = "sl6";

fn started_at() -> Vec<&'static crate::view::Column> {
    crate::view::column_named("started_at").into_iter().collect()
}

/// The calls of a view by weekday and hour, where there are some.
fn slots(view: &View, added_up: &AddedUp) -> Result<Vec<Slot>, StoreError> {
    let slot = |(&(weekday, hour), sums): (&(u8, u8), &Counts)| {
        let view = view.clone().with_value("weekday", &format!("{weekday}"));
        let view = view.and_then(|view| view.with_value("hour", &format!("{hour}"))).map_err(StoreError::from)?;
        let [calls, missed, answered] = counts(sums);
        Ok(Slot { weekday, hour, calls, missed, answered, view })
    };
    added_up.slots.iter().map(slot).collect()
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

/// Numbers, each with how often it is there: what is below zero says so of the one before it.
fn counted(numbers: &[i64]) -> impl Iterator<Item = (i64, u64)> {
    let behind = numbers.iter().skip(1).map(Some).chain([None]);
    let count = |after: Option<&i64>| after.filter(|after| **after < 0).map_or(1, |after| after.unsigned_abs());
    numbers.iter().zip(behind).filter(|(number, _)| **number >= 0).map(move |(number, after)| (*number, count(after)))
}

/// Kaplan and Meier: of those that waited at least so long, which share went on waiting. How many there are by (after so many seconds, left
/// unreturned): at the same second the returned ones come before those that were left.
fn return_time(times: &BTreeMap<(i64, bool), u64>) -> ReturnTime {
    let all: u64 = times.values().sum();
    let returned = times.iter().filter(|((_, is_left), _)| !is_left).map(|(_, count)| count).sum();
    let mut told = ReturnTime { follow_ups: all, returned, ..ReturnTime::default() };
    let (mut at_risk, mut waiting) = (all as f64, 1.0);
    for ((seconds, is_left), count) in times {
        if !is_left {
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
            let times = rows.iter().map(|(is_returned, seconds, count)| ((*seconds, !is_returned), *count)).collect();
            let ReturnTime { median_s, p90_s, .. } = return_time(&times);
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

    #[test]
    fn a_number_that_several_have_says_so_behind_it() {
        let of = |numbers: &[i64]| counted(numbers).collect::<Vec<_>>();
        assert_eq!(of(&[5, 0, -3, 9, -2]), [(5, 1), (0, 3), (9, 2)]);
        assert_eq!(of(&[]), []);
    }
}
