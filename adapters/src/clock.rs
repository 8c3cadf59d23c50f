//! Printed local times to moments in UTC. Reads no clock: what a record does not say (a year, a fold) is proven by something it does say.

use std::cell::RefCell;

use chrono::{LocalResult, Offset, TimeZone};
use chrono_tz::Tz;

use crate::leg::Moment;

const MS_PER_DAY: i64 = 86_400_000;
const MS_PER_HOUR: i64 = 3_600_000;

/// No calendar is asked beyond these years, before and after Christ.
const YEARS_MAX: i64 = 262_142;

/// From the first of March of the year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;

/// A printed time without zone: milliseconds since 1970 as if it were UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LocalTime(pub i64);

/// `YYYY-MM-DD hh:mm:ss`, with `/` or `-` in the date, a blank or `T` between, and an optional fraction of a second.
/// `None` for anything else, also for a day or an hour that does not exist.
#[must_use]
pub fn date_time(bytes: &[u8]) -> Option<LocalTime> {
    let bytes = bytes.trim_ascii();
    let ([y0, y1, y2, y3, hyphen, m0, m1, again, d0, d1, between], time) = bytes.split_first_chunk()?;
    if !matches!(between, b' ' | b'T') || !matches!(hyphen, b'-' | b'/') || again != hyphen {
        return None;
    }
    let day = day(digits([*y0, *y1, *y2, *y3])?, digits([*m0, *m1])?, digits([*d0, *d1])?)?;
    Some(LocalTime(day * MS_PER_DAY + time_of_day(time)?))
}

/// `hh:mm:ss` with an optional fraction, in milliseconds since midnight.
#[must_use]
pub fn time_of_day(bytes: &[u8]) -> Option<i64> {
    let ([h0, h1, b':', m0, m1, b':', s0, s1], fraction) = bytes.split_first_chunk()? else { return None };
    let (hour, minute, second) = (digits([*h0, *h1])?, digits([*m0, *m1])?, digits([*s0, *s1])?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let ms = match fraction.split_first() {
        None => 0,
        Some((b'.' | b',', rest)) if !rest.is_empty() && rest.iter().all(u8::is_ascii_digit) => {
            rest.iter().chain([b'0', b'0'].iter()).take(3).fold(0, |n, b| n * 10 + i64::from(b - b'0'))
        }
        Some(_) => return None,
    };
    Some(((hour * 60 + minute) * 60 + second) * 1000 + ms)
}

/// Days since 1970, or `None` if the calendar has no such day.
#[must_use]
pub fn day(year: i64, month: i64, day_of_month: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day_of_month) || !(-YEARS_MAX..=YEARS_MAX).contains(&year) {
        return None;
    }
    // The year begins with March, so that its leap day is its last.
    let year = year - i64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day_of_month - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + day_of_year - DAYS_TO_1970)
}

/// Year, month and day of a number of days since 1970: the other way round.
#[must_use]
pub fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let since = days + DAYS_TO_1970;
    let (era, day) = (since.div_euclid(DAYS_IN_400_YEARS), since.rem_euclid(DAYS_IN_400_YEARS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let months = (5 * day_of_year + 2) / 153;
    let month = if months < 10 { months + 3 } else { months - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day_of_year - (153 * months + 2) / 5 + 1)
}

/// A local time in a zone, as a moment.
/// In the hour that happens twice, `near` decides (a moment that the record proves: the nearest of the two is meant);
/// without it, the first. A time that the zone skips is read with the offset before the gap.
#[must_use]
pub fn in_zone(local: LocalTime, zone: Tz, near: Option<Moment>) -> Moment {
    match plain_offset_ms(local, zone) {
        Some(offset_ms) => Moment(local.0 - offset_ms),
        None => look_up(local, zone, near),
    }
}

/// Hours of local time that are remembered, with their offset: a file's records follow one another.
const REMEMBERED_HOURS: usize = 8;

/// The offset that holds for the whole hour around a local time: `None` in an hour in which the zone changes.
/// The zone's rules are asked once for an hour, not once for a time.
fn plain_offset_ms(local: LocalTime, zone: Tz) -> Option<i64> {
    type Hour = (Tz, i64, Option<i64>);
    thread_local! {
        static KNOWN: RefCell<[Option<Hour>; REMEMBERED_HOURS]> = const { RefCell::new([None; REMEMBERED_HOURS]) };
    }
    let hour = local.0.div_euclid(MS_PER_HOUR);
    let at = hour.rem_euclid(REMEMBERED_HOURS as i64) as usize;
    KNOWN.with_borrow_mut(|known| match known[at] {
        Some((z, h, offset)) if z == zone && h == hour => offset,
        _ => {
            let single = |ms: i64| {
                let naive = chrono::DateTime::from_timestamp_millis(ms)?.naive_utc();
                zone.offset_from_local_datetime(&naive).single().map(|o| i64::from(o.fix().local_minus_utc()) * 1000)
            };
            let first = single(hour.saturating_mul(MS_PER_HOUR));
            let offset = first.filter(|_| first == single(hour.saturating_add(1).saturating_mul(MS_PER_HOUR) - 1));
            known[at] = Some((zone, hour, offset));
            offset
        }
    })
}

fn look_up(local: LocalTime, zone: Tz, near: Option<Moment>) -> Moment {
    let Some(naive) = chrono::DateTime::from_timestamp_millis(local.0).map(|t| t.naive_utc()) else {
        return Moment(local.0);
    };
    let at = |offset: i32| Moment(local.0 - i64::from(offset) * 1000);
    match zone.offset_from_local_datetime(&naive) {
        LocalResult::Single(offset) => at(offset.fix().local_minus_utc()),
        LocalResult::Ambiguous(first, second) => {
            let (first, second) = (at(first.fix().local_minus_utc()), at(second.fix().local_minus_utc()));
            match near {
                Some(proof) if second.ms_since(proof).abs() < first.ms_since(proof).abs() => second,
                _ => first,
            }
        }
        LocalResult::None => {
            let before = naive - chrono::Duration::hours(3);
            match zone.offset_from_local_datetime(&before) {
                LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => at(offset.fix().local_minus_utc()),
                LocalResult::None => Moment(local.0),
            }
        }
    }
}

/// A local time whose zone nobody told, next to a moment at or shortly before it that the record proves:
/// the difference, down to whole half hours, is the zone's offset.
#[must_use]
pub fn by_proof(local: LocalTime, proof: Moment) -> Moment {
    const HALF_HOUR_MS: i64 = 1_800_000;
    // The printed second may lie a little before the proof, since both are cut off.
    let mut offset = (local.0 - proof.0 + 2_000).div_euclid(HALF_HOUR_MS) * HALF_HOUR_MS;
    // Less than a minute before the proof of a zone of whole hours, rather than half an hour after that of another:
    // a record may be named after the younger of two channels.
    let next = offset + HALF_HOUR_MS;
    if next % MS_PER_HOUR == 0 && next - (local.0 - proof.0) <= 60_000 {
        offset = next;
    }
    if offset.abs() > 14 * 2 * HALF_HOUR_MS { Moment(local.0) } else { Moment(local.0 - offset) }
}

fn digits<const COUNT: usize>(digits: [u8; COUNT]) -> Option<i64> {
    let number = || digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    digits.iter().all(u8::is_ascii_digit).then(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Moment {
        Moment(date_time(text.as_bytes()).unwrap().0)
    }

    #[test]
    fn dates_that_do_not_exist_are_not_read() {
        for bad in [
            "2026-02-30 10:00:00",
            "2026-13-01 10:00:00",
            "2026-01-01 25:00:00",
            "2026-01-01",
            "",
            "2026/01-01 10:00:00",
        ] {
            assert_eq!(date_time(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(date_time(b"1970-01-02 00:00:01.25").unwrap().0, MS_PER_DAY + 1250);
        assert_eq!(date_time(b"1970/01/02T00:00:01").unwrap().0, MS_PER_DAY + 1000);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let mut date = chrono::NaiveDate::from_ymd_opt(1899, 12, 1).unwrap();
        for _ in 0..100_000 {
            use chrono::Datelike;
            let (y, m, d) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            assert_eq!(day(y, m, d), Some(i64::from(date.to_epoch_days())), "{date}");
            assert_eq!(super::date(i64::from(date.to_epoch_days())), (y, m, d));
            let next = date.succ_opt().unwrap();
            assert_eq!(day(y, m, d + 1).is_some(), next.month() == date.month(), "{date}");
            date = next;
        }
        assert_eq!((day(2026, 0, 1), day(2026, 13, 1), day(2026, 1, 0), day(i64::MAX, 1, 1)), (None, None, None, None));
    }

    #[test]
    fn the_hour_that_happens_twice_is_decided_by_proof() {
        let local = date_time(b"2026-10-25 02:30:00").unwrap();
        let zone: Tz = "Europe/Madrid".parse().unwrap();
        assert_eq!(in_zone(local, zone, None), utc("2026-10-25 00:30:00"));
        assert_eq!(in_zone(local, zone, Some(utc("2026-10-25 01:29:58"))), utc("2026-10-25 01:30:00"));
    }

    #[test]
    fn a_skipped_hour_is_read_with_the_offset_before_it() {
        let local = date_time(b"2026-03-29 02:30:00").unwrap();
        assert_eq!(in_zone(local, "Europe/Madrid".parse().unwrap(), None), utc("2026-03-29 01:30:00"));
    }

    #[test]
    fn an_unknown_zone_is_proven_by_an_epoch() {
        for (local, proof, moment) in [
            ("2026-01-01 12:00:00", "2026-01-01 12:00:00", "2026-01-01 12:00:00"),
            ("2026-01-01 12:00:09", "2026-01-01 10:59:59", "2026-01-01 11:00:09"),
            ("2026-01-01 05:30:00", "2026-01-01 00:00:00", "2026-01-01 00:00:00"),
            ("2025-12-31 19:00:00", "2026-01-01 00:00:01", "2026-01-01 00:00:00"),
            ("2026-01-01 05:59:48", "2026-01-01 12:00:00", "2026-01-01 11:59:48"),
            ("2026-01-01 05:28:00", "2026-01-01 00:00:00", "2026-01-01 00:28:00"),
        ] {
            assert_eq!(by_proof(date_time(local.as_bytes()).unwrap(), utc(proof)), utc(moment), "{local}");
        }
    }
}
