//! A moment: counted in code, RFC 3339 in JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DAY_MS: i64 = 86_400_000;

/// A moment: milliseconds since 1970-01-01 UTC; in text and JSON RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// So many seconds later.
    #[must_use]
    pub fn plus_s(self, seconds: u32) -> Time {
        Time(self.0.saturating_add(i64::from(seconds) * 1000))
    }

    /// Milliseconds since an earlier moment; negative if it is later.
    #[must_use]
    pub fn ms_since(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, ms) = (self.0.div_euclid(DAY_MS), self.0.rem_euclid(DAY_MS));
        // Days are counted from a March 1st, so that the leap day is the last one of its year.
        let from_march = day + 719_468;
        let era = from_march.div_euclid(146_097);
        let of_era = from_march.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let date = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        read(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no moment: write it like 2026-11-23T10:00:00.000Z")))
    }
}

/// Only in UTC and with milliseconds or none: what [`Time`] and the engine write.
fn read(text: &str) -> Option<Time> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let in_range = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 59 || fraction.len() > 3 {
        return None;
    }
    let ms = number(fraction)? * [100, 10, 1][fraction.len() - 1];
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let days =
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5 + day - 1 - 719_468;
    let read = Time(days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms);
    // A day that its month does not have comes out as another one.
    read.to_string().starts_with(date).then_some(read)
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(number);
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        for (text, ms) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2026-11-23T10:00:00.250Z", 1_795_428_000_250),
            ("2100-03-01T00:00:00.001Z", 4_107_542_400_001),
        ] {
            assert_eq!(Time(ms).to_string(), text);
            assert_eq!(serde_json::from_str::<Time>(&format!("{text:?}")).ok(), Some(Time(ms)), "{text}");
        }
        assert_eq!(serde_json::from_str::<Time>("\"1970-01-01T00:00:01Z\"").ok(), Some(Time(1000)));
        for wrong in ["2026-02-29T00:00:00.000Z", "2026-11-23 10:00:00", "2026-11-23T24:00:00.000Z", "now", ""] {
            assert!(serde_json::from_str::<Time>(&format!("{wrong:?}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_day_of_a_long_time_comes_back() {
        for day in 0..100_000 {
            let time = Time(day * super::DAY_MS);
            assert_eq!(super::read(&time.to_string()), Some(time));
        }
    }
}
