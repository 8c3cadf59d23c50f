//! Working hours: open or closed at a moment, and when it opens next. A moment is an argument.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::site_file::{Told, Week};

const MINUTES_PER_DAY: u32 = 24 * 60;

/// How far ahead an opening is looked for, in days: longer than any holiday.
const LOOK_AHEAD_DAYS: u64 = 60;

/// Working hours of a site or group, in its zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    zone: Tz,
    /// Monday first; spans in minutes since midnight, the end not included.
    week: [Vec<(u32, u32)>; 7],
    closed: Vec<NaiveDate>,
}

/// A value of a calendar that is not understood.
pub(crate) struct NotUnderstood<'f> {
    pub(crate) key: String,
    pub(crate) value: &'f Told,
    pub(crate) expected: &'static str,
}

impl Calendar {
    /// The hours of a week and the days that are closed all the same.
    pub(crate) fn read<'f>(week: &'f Week, closed: &'f [Told], zone: Tz) -> Result<Calendar, NotUnderstood<'f>> {
        let mut spans: [Vec<(u32, u32)>; 7] = Default::default();
        for ((told, name), read) in week.days().into_iter().zip(&mut spans) {
            for value in told {
                read.push(span(value.get_ref()).ok_or_else(|| NotUnderstood {
                    key: format!("hours.{name}"),
                    value,
                    expected: "write spans as \"09:00-17:30\", up to 24:00; what runs past midnight is two spans on two days",
                })?);
            }
            read.sort_unstable();
        }
        let day = |value: &'f Told| {
            let expected = "write a day as 2026-12-25";
            value.get_ref().parse().map_err(|_| NotUnderstood { key: "closed".to_owned(), value, expected })
        };
        Ok(Calendar { zone, week: spans, closed: closed.iter().map(day).collect::<Result<_, _>>()? })
    }

    /// The hours of each day of the week, Monday first, as the site file writes them: `09:00-17:30`.
    #[must_use]
    pub fn week(&self) -> [Vec<String>; 7] {
        let minute = |minute: &u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        self.week
            .clone()
            .map(|spans| spans.iter().map(|(from, to)| format!("{}-{}", minute(from), minute(to))).collect())
    }

    /// The days that are closed whatever the hours say.
    #[must_use]
    pub fn closed(&self) -> &[NaiveDate] {
        &self.closed
    }

    /// Open at this moment (UTC, milliseconds since 1970).
    #[must_use]
    pub fn is_open(&self, at_ms: i64) -> bool {
        let Some(at) = DateTime::from_timestamp_millis(at_ms) else { return false };
        let local = at.with_timezone(&self.zone);
        let minute = local.hour() * 60 + local.minute();
        self.spans(local.date_naive()).iter().any(|(from, to)| (*from..*to).contains(&minute))
    }

    /// The first moment at or after this one at which it is open, in milliseconds;
    /// `None` if it does not open within sixty days.
    #[must_use]
    pub fn next_opening(&self, at_ms: i64) -> Option<i64> {
        if self.is_open(at_ms) {
            return Some(at_ms);
        }
        let today = DateTime::from_timestamp_millis(at_ms)?.with_timezone(&self.zone).date_naive();
        (0..=LOOK_AHEAD_DAYS).find_map(|ahead| {
            let day = today.checked_add_days(Days::new(ahead))?;
            let openings = self.spans(day).iter().filter_map(|(from, to)| self.opening(day, *from, *to));
            openings.filter(|ms| *ms >= at_ms).min()
        })
    }

    /// The moment at which it has been open for so long since this one, in milliseconds; `None` if that does not come within sixty days.
    #[must_use]
    pub fn after_working_time(&self, since_ms: i64, open_ms: i64) -> Option<i64> {
        let today = DateTime::from_timestamp_millis(since_ms)?.with_timezone(&self.zone).date_naive();
        let (mut counted_to, mut left) = (since_ms, open_ms.max(0));
        for ahead in 0..=LOOK_AHEAD_DAYS {
            let day = today.checked_add_days(Days::new(ahead))?;
            for (from, to) in self.spans(day) {
                let (Some(opens), Some(closes)) = (self.opening(day, *from, *to), self.closing(day, *to)) else {
                    continue;
                };
                // Spans may lie over each other: their time counts once.
                let opens = opens.max(counted_to);
                if opens >= closes {
                    continue;
                }
                if left <= closes - opens {
                    return Some(opens + left);
                }
                left -= closes - opens;
                counted_to = closes;
            }
        }
        None
    }

    fn spans(&self, day: NaiveDate) -> &[(u32, u32)] {
        if self.closed.contains(&day) { &[] } else { &self.week[day.weekday().num_days_from_monday() as usize] }
    }

    /// When a span of a day begins: where the clock skips its first minutes, at the first that there is.
    fn opening(&self, day: NaiveDate, from: u32, to: u32) -> Option<i64> {
        (from..to).find_map(|minute| moment_ms(day, minute, self.zone))
    }

    /// When a span of a day ends: where the clock skips that minute, at the first after it.
    fn closing(&self, day: NaiveDate, to: u32) -> Option<i64> {
        let of_day = (to..MINUTES_PER_DAY).find_map(|minute| moment_ms(day, minute, self.zone));
        of_day.or_else(|| Some(start_of_day_ms(day.succ_opt()?, self.zone)))
    }
}

/// The first moment of a day, in milliseconds; where the clock skips midnight, the first that there is.
pub(crate) fn start_of_day_ms(day: NaiveDate, zone: Tz) -> i64 {
    let by_clock = (0..MINUTES_PER_DAY).find_map(|minute| moment_ms(day, minute, zone));
    // A zone that skipped a whole day has no moment in it: the day is then taken in UTC, which is near enough.
    by_clock.unwrap_or_else(|| day.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
}

/// The day around this moment by the clocks of this zone: its first moment and that of the next day, in milliseconds.
/// It has 23 or 25 hours where the clock is changed.
#[must_use]
pub fn day_span_ms(at_ms: i64, zone: Tz) -> (i64, i64) {
    const MS_PER_DAY: i64 = 86_400_000;
    let by_utc = at_ms.div_euclid(MS_PER_DAY).saturating_mul(MS_PER_DAY);
    let Some(at) = DateTime::from_timestamp_millis(at_ms) else { return (by_utc, by_utc.saturating_add(MS_PER_DAY)) };
    let day = at.with_timezone(&zone).date_naive();
    // The next day is not the following date where a zone skipped that one.
    let next = (1..=2).filter_map(|ahead| day.checked_add_days(Days::new(ahead))).map(|day| start_of_day_ms(day, zone));
    let end = next.filter(|start| *start > at_ms).min();
    (start_of_day_ms(day, zone), end.unwrap_or_else(|| by_utc.saturating_add(MS_PER_DAY)))
}

/// A minute of a day as a moment; the first where the clock shows it twice, `None` where it skips it.
fn moment_ms(day: NaiveDate, minute: u32, zone: Tz) -> Option<i64> {
    let time = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0)?;
    match zone.from_local_datetime(&day.and_time(time)) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.timestamp_millis()),
        LocalResult::None => None,
    }
}

fn span(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-')?;
    Some((minutes(from)?, minutes(to)?)).filter(|(from, to)| from < to)
}

fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |t: &str| t.len() <= 2 && !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= MINUTES_PER_DAY).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directory;

    const SITE: &str = r#"
        [[site]]
        id = "pier"
        zone = "Europe/Berlin"
        hours = { mon = ["09:00-13:00", "14:00-18:00"], sun = ["02:30-04:00"] }
        closed = ["2026-11-23"]
        [[pbx]]
        id = "bell"
    "#;

    fn check(at: &str, is_open: bool, opens: &str) {
        let ms = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis();
        let directory = Directory::from_toml(SITE).unwrap();
        assert_eq!(directory.group_open_at(None, Some("pier"), ms(at)), Some(is_open), "{at}");
        let next = directory.next_opening(None, Some("pier"), ms(at));
        assert_eq!(next, Some(ms(opens)), "{at}: {next:?}");
    }

    #[test]
    fn hours_are_local() {
        check("2026-11-16T08:00:00Z", true, "2026-11-16T08:00:00Z");
        check("2026-07-20T06:59:59Z", false, "2026-07-20T07:00:00Z");
        check("2026-11-16T12:30:00Z", false, "2026-11-16T13:00:00Z");
        check("2026-11-16T12:00:00Z", false, "2026-11-16T13:00:00Z");
    }

    #[test]
    fn a_closed_day_is_closed() {
        check("2026-11-23T08:00:00Z", false, "2026-11-29T01:30:00Z");
    }

    #[test]
    fn an_opening_that_the_clock_skips_is_the_end_of_the_gap() {
        check("2026-03-28T12:00:00Z", false, "2026-03-29T01:00:00Z");
        check("2026-03-29T01:00:00Z", true, "2026-03-29T01:00:00Z");
    }

    #[test]
    fn an_opening_that_the_clock_shows_twice_is_the_first() {
        check("2026-10-24T12:00:00Z", false, "2026-10-25T00:30:00Z");
    }

    #[test]
    fn working_time_is_counted_while_it_is_open() {
        let ms = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis();
        let directory = Directory::from_toml(SITE).unwrap();
        for (since, minutes, at) in [
            ("2026-11-16T08:00:00Z", 15, "2026-11-16T08:15:00Z"),
            // Over the break, up to its end, and over the days that are closed.
            ("2026-11-16T11:50:00Z", 15, "2026-11-16T13:05:00Z"),
            ("2026-11-16T11:50:00Z", 10, "2026-11-16T12:00:00Z"),
            ("2026-11-16T16:50:00Z", 15, "2026-11-22T01:35:00Z"),
            ("2026-11-22T02:50:00Z", 15, "2026-11-29T01:35:00Z"),
            ("2026-11-17T08:00:00Z", 0, "2026-11-22T01:30:00Z"),
            // The clock skips the half hour between opening and three; the span has one hour.
            ("2026-03-28T12:00:00Z", 60, "2026-03-29T02:00:00Z"),
        ] {
            let found = directory.after_working_time(None, Some("pier"), ms(since), minutes * 60_000);
            assert_eq!(found, Some(ms(at)), "{since} and {minutes} minutes");
        }
        assert_eq!(directory.after_working_time(None, None, 5, 900_000), Some(900_005));
        assert_eq!(directory.after_working_time(None, Some("pier"), ms("2026-11-16T08:00:00Z"), i64::MAX), None);
    }

    #[test]
    fn a_day_has_the_hours_that_its_clock_shows() {
        let ms = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis();
        for (zone, at, from, to) in [
            (Tz::Europe__Berlin, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            (Tz::Europe__Berlin, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            (Tz::Asia__Kolkata, "2026-10-24T18:30:00Z", "2026-10-24T18:30:00Z", "2026-10-25T18:30:00Z"),
            (Tz::Asia__Kolkata, "2026-10-24T18:29:59Z", "2026-10-23T18:30:00Z", "2026-10-24T18:30:00Z"),
            // The clock skips midnight, and later a whole day.
            (Tz::Africa__Cairo, "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"),
            (Tz::Pacific__Apia, "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
            (Tz::Pacific__Apia, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
        ] {
            assert_eq!(day_span_ms(ms(at), zone), (ms(from), ms(to)), "{zone} {at}");
        }
    }

    #[test]
    fn times_are_read_strictly() {
        for (text, expected) in [
            ("09:00-17:30", Some((540, 1050))),
            ("0:00-24:00", Some((0, 1440))),
            ("22:00-06:00", None),
            ("09:00-24:01", None),
            ("9-17", None),
            ("+9:00-10:00", None),
            ("4000000000:00-10:00", None),
        ] {
            assert_eq!(span(text), expected, "{text}");
        }
    }
}
