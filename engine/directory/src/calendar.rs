//! Working hours: open or closed at a moment, and when it opens next. A moment is an argument.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

/// Working hours of a site or group, in its zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    zone: Tz,
    /// Monday first; spans in minutes since midnight, the end not included.
    week: [Vec<(u32, u32)>; 7],
    closed: Vec<NaiveDate>,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES_PER_DAY: u32 = 24 * 60;

/// How far ahead an opening is looked for, in days.
const LOOK_AHEAD_DAYS: u64 = 60;

impl Calendar {
    /// From `hours = { mon = ["09:00-13:00", "14:00-18:00"], ... }` and `closed = ["2026-12-25"]`; `None` where no hours are told.
    ///
    /// # Errors
    /// A sentence about the value that is not understood.
    pub(crate) fn read(
        hours: &BTreeMap<String, Vec<String>>,
        closed: &[String],
        zone: Tz,
    ) -> Result<Option<Calendar>, String> {
        let mut week: [Vec<(u32, u32)>; 7] = Default::default();
        for (name, spans) in hours {
            let day = DAYS
                .iter()
                .position(|d| d == name)
                .ok_or_else(|| format!("hours.{name}: no day of the week; there are {}", DAYS.join(", ")))?;
            for span in spans {
                let read = span.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
                let (from, to) = read.filter(|(from, to)| from < to).ok_or_else(|| {
                    format!("hours.{name}: `{span}` is not a span of the form 09:00-17:30, up to 24:00")
                })?;
                week[day].push((from, to));
            }
            week[day].sort_unstable();
        }
        let closed = closed
            .iter()
            .map(|d| d.parse().map_err(|_| format!("closed: `{d}` is not a day of the form 2026-12-25")))
            .collect::<Result<Vec<NaiveDate>, String>>()?;
        if hours.is_empty() {
            if !closed.is_empty() {
                return Err("closed: days that are closed need hours that are open; add `hours`".to_owned());
            }
            return Ok(None);
        }
        Ok(Some(Calendar { zone, week, closed }))
    }

    /// Open at this moment (UTC, milliseconds since 1970).
    #[must_use]
    pub fn is_open(&self, at_ms: i64) -> bool {
        let Some(local) = DateTime::from_timestamp_millis(at_ms).map(|t| t.with_timezone(&self.zone)) else {
            return false;
        };
        let minute = local.hour() * 60 + local.minute();
        self.spans(local.date_naive()).iter().any(|(from, to)| (*from..*to).contains(&minute))
    }

    /// The moment at or after this one at which it is open, in milliseconds; `None` if it opens not within sixty days.
    #[must_use]
    pub fn next_opening(&self, at_ms: i64) -> Option<i64> {
        if self.is_open(at_ms) {
            return Some(at_ms);
        }
        let today = DateTime::from_timestamp_millis(at_ms)?.with_timezone(&self.zone).date_naive();
        (0..LOOK_AHEAD_DAYS).find_map(|ahead| {
            let day = today.checked_add_days(Days::new(ahead))?;
            self.spans(day).iter().filter_map(|(from, _)| self.moment(day, *from)).find(|ms| *ms >= at_ms)
        })
    }

    fn spans(&self, day: NaiveDate) -> &[(u32, u32)] {
        if self.closed.contains(&day) { &[] } else { &self.week[day.weekday().num_days_from_monday() as usize] }
    }

    /// A minute of a day as a moment; one that the clock skips is the end of the gap.
    fn moment(&self, day: NaiveDate, minute: u32) -> Option<i64> {
        let time = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0)?;
        match self.zone.from_local_datetime(&day.and_time(time)) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.timestamp_millis()),
            LocalResult::None => self
                .zone
                .from_local_datetime(&(day.and_time(time) + chrono::Duration::hours(1)))
                .earliest()
                .map(|t| t.timestamp_millis()),
        }
    }
}

fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && all <= MINUTES_PER_DAY).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        let hours = [("mon", vec!["09:00-13:00", "14:00-18:00"]), ("sun", vec!["02:30-04:00"])]
            .map(|(d, s)| (d.to_owned(), s.into_iter().map(str::to_owned).collect()));
        Calendar::read(&hours.into_iter().collect(), &["2026-11-23".to_owned()], "Europe/Berlin".parse().unwrap())
            .unwrap()
            .unwrap()
    }

    fn ms(text: &str) -> i64 {
        text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis()
    }

    #[test]
    fn hours_are_local_and_closed_days_are_closed() {
        let calendar = calendar();
        assert!(calendar.is_open(ms("2026-11-16T08:00:00Z")));
        assert!(!calendar.is_open(ms("2026-11-16T12:30:00Z")));
        assert!(!calendar.is_open(ms("2026-11-23T08:00:00Z")));
        assert_eq!(calendar.next_opening(ms("2026-11-23T08:00:00Z")), Some(ms("2026-11-29T01:30:00Z")));
        assert_eq!(calendar.next_opening(ms("2026-11-16T12:30:00Z")), Some(ms("2026-11-16T13:00:00Z")));
    }

    #[test]
    fn an_opening_that_the_clock_skips_is_the_end_of_the_gap() {
        assert_eq!(calendar().next_opening(ms("2026-03-28T12:00:00Z")), Some(ms("2026-03-29T01:30:00Z")));
    }
}
