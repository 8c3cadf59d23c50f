//! What weeks of calls add up to, kept as long as they are the same.
//!
//! `calls_by_time` has a table partition for each week, in which are all versions of the calls that began then. The server never changes a
//! part of it: whatever is written, merged or deleted is a part of another name. So what a question counts in a week is the same as long
//! as the names of the week's parts are, and only the other weeks are asked again. A year of calls is counted once, and from then on what
//! is new.
//!
//! Only whole weeks that are over are kept, those of one database, in this process; the oldest answers make room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapters::leg::Moment;
use hashlink::LruCache;

use crate::period::Span;

/// Milliseconds of a week of the table; since 1970 began with a Thursday, from Thursday to Thursday.
const WEEK_MS: i64 = 7 * 86_400_000;
/// Quarters of an hour in it.
pub(crate) const WEEK_QUARTERS: i64 = 672;
/// Weeks that are a table partition of their own (`sql/schema/0033_calls_by_time.sql`): all before and all after share one.
const FIRST_WEEK: i64 = 1_489;
const LAST_WEEK: i64 = 7_439;

/// Ranges in one question; where kept weeks leave more gaps, all between the first and the last gap is asked again.
const RANGES_MAX: usize = 64;

/// Weeks of which nothing is known that one question asks for at most, so that the first question of a year neither takes long nor holds
/// all of it in memory.
const WEEKS_AT_ONCE: usize = 8;

/// Rows of an answer that are kept at most: a view by something of which there are very many is not added up here.
pub(crate) const ANSWER_ROWS_MAX: usize = 50_000;

/// Rows that are kept at most where nobody says another number, of a hundred bytes or two each.
pub(crate) const ROWS_MAX: usize = 500_000;

/// Sums that take as much room as a row: one of more counts as several.
const ROW_SUMS: usize = 16;

/// What is kept of a week's answer.
pub(crate) trait Kind {
    /// How many rows it counts for.
    fn rows(&self) -> usize;
}

impl Kind for Sums {
    fn rows(&self) -> usize {
        1 + self.1.len() / ROW_SUMS
    }
}

impl Kind for At {
    fn rows(&self) -> usize {
        1
    }
}

/// A row of an answer: of what, and counts and sums that add up.
pub(crate) type Sums = (Option<String>, Vec<i64>);

/// A row as a statement of sums gives it.
#[derive(clickhouse::Row, serde::Deserialize)]
pub(crate) struct Summand {
    /// Of this week, if it is one that is kept, or 0.
    week: i64,
    of: Option<String>,
    sums: Vec<i64>,
}

/// A question, however its period is told.
pub(crate) type Key = u128;

/// The parts of each week, as one number.
pub(crate) type Parts = BTreeMap<i64, u64>;

/// Whether this span has a whole week that is over, of which something may be kept.
pub(crate) fn has_whole_week(span: Span, now: Moment) -> bool {
    let first = span.from.map_or(FIRST_WEEK, |from| -(-from.0).div_euclid(WEEK_MS)).max(FIRST_WEEK);
    (first + 1).saturating_mul(WEEK_MS) <= over_until(span, now).0
}

fn over_until(span: Span, now: Moment) -> Moment {
    span.to.map_or(now, |to| to.min(now))
}

/// Of what the server told: is it of follow-ups, which week, its parts as one number.
///
/// A call is owed in a follow-up that was opened in its week or before.
pub(crate) fn parts(found: &[(u8, i64, u64)], with_follow_ups: bool) -> Parts {
    let of = |follow_ups: bool| -> Parts {
        let chosen = found.iter().filter(|(is_of_follow_ups, ..)| (*is_of_follow_ups == 1) == follow_ups);
        chosen.map(|(_, week, parts)| (*week, *parts)).collect()
    };
    let (mut calls, owed) = (of(false), of(with_follow_ups));
    if with_follow_ups {
        for (week, parts) in &mut calls {
            let all: Vec<u8> = owed.range(..=*week).flat_map(|(_, owed)| owed.to_le_bytes()).collect();
            *parts ^= xxhash_rust::xxh3::xxh3_64(&all);
        }
    }
    calls
}

/// Where a call of a page stands: its quarter of an hour, its id, when it began in milliseconds, and what the page is sorted by.
pub(crate) type At = (i64, String, i64, Option<String>);

/// What a process keeps: half of it sums, half of it where the first pages of weeks are.
pub(crate) struct Kept {
    pub(crate) sums: KeptWeeks<Sums>,
    pub(crate) pages: KeptWeeks<At>,
}

impl Kept {
    /// Nothing yet; at most so many rows.
    pub(crate) fn new(rows_max: usize) -> Kept {
        Kept { sums: KeptWeeks::new(rows_max.div_ceil(2)), pages: KeptWeeks::new(rows_max / 2) }
    }
}

/// The answers of a process, in rows of one kind.
pub(crate) struct KeptWeeks<R> {
    rows_max: usize,
    kept: Mutex<Answers<R>>,
}

/// What was answered for a week that had these parts.
type Answer<R> = (u64, Arc<[R]>);

struct Answers<R> {
    /// By question and week.
    answers: LruCache<(Key, i64), Answer<R>>,
    rows: usize,
}

/// Under this week it is kept that an answer is too large to be.
const TOO_LARGE: i64 = i64::MIN;

impl<R: Kind> KeptWeeks<R> {
    /// Nothing yet; at most so many rows. None are kept where that is 0.
    pub(crate) fn new(rows_max: usize) -> KeptWeeks<R> {
        KeptWeeks { rows_max, kept: Mutex::new(Answers { answers: LruCache::new_unbounded(), rows: 0 }) }
    }

    fn kept(&self) -> MutexGuard<'_, Answers<R>> {
        // Whoever panicked while it held this left answers that are whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was counted in this week, if it still has these parts.
    fn of(&self, key: Key, week: i64, parts: u64) -> Option<Arc<[R]>> {
        let mut kept = self.kept();
        let (of, answer) = kept.answers.get(&(key, week))?;
        (*of == parts).then(|| answer.clone())
    }

    /// Keeps what was answered for this week, which had these parts before it was asked.
    pub(crate) fn keep(&self, key: Key, week: i64, parts: u64, answer: Arc<[R]>) {
        let mut kept = self.kept();
        // An answer of no rows takes room, too.
        let rows = |answer: &[R]| 1 + answer.iter().map(Kind::rows).sum::<usize>();
        kept.rows += rows(&answer);
        if let Some((_, before)) = kept.answers.insert((key, week), (parts, answer)) {
            kept.rows -= rows(&before);
        }
        while kept.rows > self.rows_max {
            let Some((_, (_, oldest))) = kept.answers.remove_lru() else { break };
            kept.rows -= rows(&oldest);
        }
    }

    /// The answer to this question has too many rows.
    pub(crate) fn keep_too_large(&self, key: Key) {
        self.keep(key, TOO_LARGE, 0, Arc::default());
    }

    /// Whether answers to this question are kept at all.
    pub(crate) fn keeps(&self, key: Key) -> bool {
        self.rows_max > 0 && self.of(key, TOO_LARGE, 0).is_none()
    }

    /// What of a question is known, and what has to be asked.
    pub(crate) fn plan(&self, key: Key, span: Span, now: Moment, parts: &Parts) -> Plan<R> {
        plan(span, now, parts, |week, parts| self.of(key, week, parts))
    }
}

impl KeptWeeks<Sums> {
    /// The answer to a question that was asked by this plan; its weeks are kept.
    pub(crate) fn take(&self, key: Key, mut plan: Plan<Sums>, rows: Vec<Summand>) -> Summed {
        let asked: Vec<i64> = plan.to_keep.keys().copied().collect();
        let rest = self.learn(key, &mut plan, &asked, rows);
        Summed { weeks: plan.known, rest }
    }

    /// Of a plan these weeks were asked: they are known and kept. What is of none of them comes back.
    pub(crate) fn learn(&self, key: Key, plan: &mut Plan<Sums>, asked: &[i64], rows: Vec<Summand>) -> Vec<Sums> {
        let (mut rest, mut found) = (Vec::new(), BTreeMap::<i64, Vec<Sums>>::new());
        for Summand { week, of, sums } in rows {
            match asked.contains(&week) {
                true => found.entry(week).or_default().push((of, sums)),
                false => rest.push((of, sums)),
            }
        }
        for week in asked {
            let Some(parts) = plan.to_keep.remove(week) else { continue };
            let answer: Arc<[Sums]> = found.remove(week).unwrap_or_default().into();
            self.keep(key, *week, parts, answer.clone());
            plan.known.insert(*week, answer);
        }
        plan.ask();
        rest
    }
}

/// What of a question is known, and what has to be asked.
#[derive(Debug)]
pub(crate) struct Plan<R> {
    /// Weeks whose answers are known.
    pub(crate) known: BTreeMap<i64, Arc<[R]>>,
    /// What has to be asked.
    pub(crate) asked: Vec<Range>,
    /// Weeks that are asked as a whole and kept, with their parts.
    pub(crate) to_keep: BTreeMap<i64, u64>,
    /// There may be something before the first of these weeks.
    has_before: bool,
}

impl<R> Plan<R> {
    /// Of a question of which nothing is kept.
    pub(crate) fn of_all() -> Plan<R> {
        Plan { known: BTreeMap::new(), asked: vec![(None, None)], to_keep: Parts::new(), has_before: true }
    }

    /// The weeks that are known or to be kept, in order.
    pub(crate) fn weeks(&self) -> Vec<i64> {
        let mut weeks: Vec<i64> = self.known.keys().chain(self.to_keep.keys()).copied().collect();
        weeks.sort_unstable();
        weeks
    }

    /// Some of the weeks that are to be kept, where they are too many for the question that asks for all that is not known.
    pub(crate) fn first_weeks(&self) -> Option<Vec<i64>> {
        (self.to_keep.len() > WEEKS_AT_ONCE).then(|| self.to_keep.keys().take(WEEKS_AT_ONCE).copied().collect())
    }

    /// What is in none of these weeks.
    pub(crate) fn rest(&self) -> Vec<Range> {
        others(&self.weeks(), self.has_before, |_| true)
    }

    /// Asks for all that is not known.
    fn ask(&mut self) {
        self.asked = others(&self.weeks(), self.has_before, |week| self.known.contains_key(&week));
    }

    /// Quarters of an hour, from the first to before the second, that hold these weeks; or all that are to be kept.
    pub(crate) fn kept_quarters(&self, first: Option<&[i64]>) -> (i64, i64) {
        let ends = match first {
            Some(first) => first.first().zip(first.last()),
            None => self.to_keep.keys().next().zip(self.to_keep.keys().next_back()),
        };
        ends.map_or((0, 0), |(first, last)| (first * WEEK_QUARTERS, (last + 1) * WEEK_QUARTERS))
    }
}

/// The quarters of an hour of a week.
pub(crate) fn range_of(week: i64) -> Range {
    (Some(week * WEEK_QUARTERS), Some((week + 1) * WEEK_QUARTERS))
}

fn plan<R>(span: Span, now: Moment, parts: &Parts, known: impl Fn(i64, u64) -> Option<Arc<[R]>>) -> Plan<R> {
    let until = over_until(span, now);
    let is_whole = |week: i64| {
        let (from, to) = (Moment(week * WEEK_MS), Moment((week + 1) * WEEK_MS));
        (FIRST_WEEK..=LAST_WEEK).contains(&week) && span.from.is_none_or(|first| first <= from) && to <= until
    };
    let whole: Vec<(i64, u64)> = parts.iter().map(|(w, parts)| (*w, *parts)).filter(|(w, _)| is_whole(*w)).collect();
    let mut plan = Plan::of_all();
    for (week, parts) in &whole {
        plan.known.extend(known(*week, *parts).map(|answer| (*week, answer)));
    }
    let is_before = |week: &i64| whole.first().is_none_or(|(first, _)| week < first);
    plan.has_before = parts.keys().any(is_before);
    plan.to_keep = whole.into_iter().filter(|(week, _)| !plan.known.contains_key(week)).collect();
    plan.ask();
    if plan.asked.len() > RANGES_MAX {
        let (first, last) = (plan.to_keep.keys().next().copied(), plan.to_keep.keys().next_back().copied());
        let is_between = |week: &i64| first.is_some_and(|first| *week > first) && last.is_some_and(|last| *week < last);
        let forgotten: Vec<i64> = plan.known.keys().copied().filter(|week| is_between(week)).collect();
        plan.known.retain(|week, _| !is_between(week));
        plan.to_keep.extend(forgotten.iter().filter_map(|week| Some((*week, *parts.get(week)?))));
        plan.ask();
    }
    plan
}

/// Quarters of an hour, from the first to before the second; open where one is `None`.
pub(crate) type Range = (Option<i64>, Option<i64>);

/// What is in none of these weeks that is left out, as ranges in order. Between weeks that are named there is nothing.
fn others(weeks: &[i64], has_before: bool, is_left_out: impl Fn(i64) -> bool) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut open: Option<Option<i64>> = (has_before || weeks.is_empty()).then_some(None);
    for week in weeks {
        match (is_left_out(*week), open) {
            (true, Some(from)) => {
                ranges.push((from, Some(week * WEEK_QUARTERS)));
                open = None;
            }
            (false, None) => open = Some(Some(week * WEEK_QUARTERS)),
            (true, None) | (false, Some(_)) => {}
        }
    }
    let after_last = weeks.last().map(|week| (week + 1) * WEEK_QUARTERS);
    ranges.push((open.unwrap_or(after_last), None));
    ranges
}

/// What a question adds up to, week by week where it is known so.
#[derive(Debug, Default)]
pub(crate) struct Summed {
    /// By week.
    pub(crate) weeks: BTreeMap<i64, Arc<[Sums]>>,
    /// What is of no such week: the ends of a period, and what is going on.
    pub(crate) rest: Vec<Sums>,
}

impl Summed {
    /// All rows, each once with the sums of all weeks.
    pub(crate) fn added(&self) -> BTreeMap<Option<&str>, Vec<i64>> {
        let mut all: BTreeMap<Option<&str>, Vec<i64>> = BTreeMap::new();
        for (of, sums) in self.weeks.values().flat_map(|week| week.iter()).chain(&self.rest) {
            let added = all.entry(of.as_deref()).or_insert_with(|| vec![0; sums.len()]);
            added.iter_mut().zip(sums).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
        }
        all
    }

    /// Where the latest `rows` calls are that began by `latest`, if the first sum counts calls: no earlier than this moment, and in these
    /// ranges.
    pub(crate) fn where_latest(&self, rows: i64, latest: Moment) -> (Option<Moment>, Vec<Range>) {
        let count = |week: &Arc<[Sums]>| week.iter().filter_map(|(_, sums)| sums.first()).sum::<i64>();
        let (mut found, mut since) = (0i64, None);
        // Of the week of `latest` itself it is not known how many began before it.
        for (week, sums) in self.weeks.iter().rev().filter(|(week, _)| Moment((*week + 1) * WEEK_MS) <= latest) {
            found = found.saturating_add(count(sums));
            if found >= rows {
                since = Some(Moment(week * WEEK_MS));
                break;
            }
        }
        let weeks: Vec<i64> = self.weeks.keys().copied().collect();
        let mut ranges = others(&weeks, true, |week| self.weeks.get(&week).is_some_and(|sums| count(sums) == 0));
        if ranges.len() > RANGES_MAX {
            ranges.clear();
        }
        (since, ranges)
    }
}

#[cfg(test)]
#[path = "weeks/tests.rs"]
mod tests;
