//! `[deliver]` of `engine.toml`: when nobody is called or told, whatever was asked for.

use chrono::{DateTime, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// The limits that no plugin and no grant can pass.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverSettings {
    /// Spans of the clock of the company's first site in which no customer is called.
    pub quiet_hours: Vec<QuietHours>,
    /// What is older than this when its turn comes is not done any more, in seconds.
    pub not_after_s: u64,
    /// A customer who was dialed or spoken with is not dialed again for so many seconds, whoever asks.
    pub redial_pause_s: u64,
    /// A telephone that nobody knows the state of counts as one that nobody is at.
    pub require_presence: bool,
    /// At most so many customers of a company are called in an hour.
    pub max_per_hour: u32,
    /// Numbers that are never called, in E.164; with `*` at the end all that begin so.
    pub do_not_call: Vec<String>,
    /// What dear numbers begin with, beside those that their numbering plans call so.
    pub premium_prefixes: Vec<String>,
    /// Tries at a mail, a webhook or a call back, of which each waits twice as long as the one before.
    pub attempts_max: u32,
    /// Seconds before the second try.
    pub retry_after_s: u64,
    /// Seconds that one try may take; then another process may take it, and a dial is unknown.
    pub attempt_s: u64,
    /// Dials that are under way at once; and so many of everything else beside them.
    pub at_once_max: u32,
}

/// Seconds of the settings as milliseconds.
pub(crate) fn ms(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

impl Default for DeliverSettings {
    fn default() -> DeliverSettings {
        DeliverSettings {
            quiet_hours: vec![QuietHours { from: 20 * 60, until: 8 * 60 }],
            not_after_s: 8 * 3600,
            redial_pause_s: 900,
            require_presence: true,
            max_per_hour: 120,
            do_not_call: Vec::new(),
            premium_prefixes: Vec::new(),
            attempts_max: 8,
            retry_after_s: 30,
            attempt_s: 180,
            at_once_max: 32,
        }
    }
}

impl DeliverSettings {
    /// Why this number is never called, if it is not.
    #[must_use]
    pub fn refuses(&self, number: &str) -> Option<&'static str> {
        let is_meant = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => number.starts_with(prefix),
            None => number == pattern,
        };
        if self.do_not_call.iter().any(is_meant) {
            return Some("the number is in `do_not_call` under [deliver]");
        }
        let is_dear = self.premium_prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()));
        if is_dear || directory::is_premium(number) {
            return Some(
                "the number is dear: a premium or shared-cost number, or in `premium_prefixes` under [deliver]",
            );
        }
        None
    }

    /// When the quiet hours that this moment is in are over; `None` if it is in none.
    #[must_use]
    pub fn quiet_until(&self, now_ms: i64, zone: Tz) -> Option<i64> {
        let mut until = now_ms;
        // Spans may follow each other; more than a day of them is a day.
        for _ in 0..self.quiet_hours.len() + 1 {
            let local = DateTime::from_timestamp_millis(until)?.with_timezone(&zone);
            let minute = local.hour() * 60 + local.minute();
            let into_minute_ms = i64::from(local.second()) * 1000 + i64::from(local.timestamp_subsec_millis());
            let Some(left) = self.quiet_hours.iter().filter_map(|span| span.left(minute)).max() else { break };
            until += i64::from(left) * 60_000 - into_minute_ms;
        }
        (until > now_ms).then_some(until)
    }
}

const MINUTES_PER_DAY: u32 = 24 * 60;

/// A span of the clock, written `"20:00-08:00"`; one whose end is before its beginning goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours {
    /// Minutes since midnight.
    from: u32,
    /// Minutes since midnight, not in the span any more.
    until: u32,
}

impl QuietHours {
    /// How many minutes are left of it at this minute of the day; `None` outside of it.
    fn left(self, minute: u32) -> Option<u32> {
        let length = (self.until + MINUTES_PER_DAY - self.from) % MINUTES_PER_DAY;
        let into = (minute + MINUTES_PER_DAY - self.from) % MINUTES_PER_DAY;
        (into < length).then(|| length - into)
    }
}

impl TryFrom<String> for QuietHours {
    type Error = String;

    fn try_from(text: String) -> Result<QuietHours, String> {
        let minutes = |text: &str| {
            let (hours, minutes) = text.trim().split_once(':')?;
            let all = hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok().filter(|m| *m < 60)?;
            (all <= MINUTES_PER_DAY).then_some(all)
        };
        let span = text.split_once('-').and_then(|(from, until)| Some((minutes(from)?, minutes(until)?)));
        match span {
            Some((from, until)) if from % MINUTES_PER_DAY != until % MINUTES_PER_DAY => {
                Ok(QuietHours { from: from % MINUTES_PER_DAY, until: until % MINUTES_PER_DAY })
            }
            _ => Err(format!("`{text}` are no quiet hours: write them like \"20:00-08:00\"")),
        }
    }
}

impl From<QuietHours> for String {
    fn from(hours: QuietHours) -> String {
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        format!("{}-{}", clock(hours.from), clock(hours.until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(quiet_hours: &[&str]) -> DeliverSettings {
        let quiet_hours = quiet_hours.iter().map(|text| QuietHours::try_from((*text).to_owned()).unwrap()).collect();
        DeliverSettings { quiet_hours, ..DeliverSettings::default() }
    }

    fn check(quiet_hours: &[&str], now: &str, until: Option<&str>) {
        let ms = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis();
        let found = settings(quiet_hours).quiet_until(ms(now), chrono_tz::Europe::Kyiv);
        assert_eq!(found, until.map(ms), "{quiet_hours:?} at {now}");
    }

    #[test]
    fn quiet_hours_end_by_the_clock_of_the_site() {
        check(&["20:00-08:00"], "2026-11-23T17:59:59.999Z", None);
        check(&["20:00-08:00"], "2026-11-23T18:00:00Z", Some("2026-11-24T06:00:00Z"));
        check(&["20:00-08:00"], "2026-11-24T05:59:59.999Z", Some("2026-11-24T06:00:00Z"));
        check(&["20:00-08:00"], "2026-11-24T06:00:00Z", None);
        check(&["12:00-13:00", "13:00-14:30"], "2026-11-24T10:10:30.500Z", Some("2026-11-24T12:30:00Z"));
        check(&[], "2026-11-24T00:00:00Z", None);
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "20:00", "20:00-20:00", "25:00-08:00", "20:60-08:00", "8-9"] {
            let said = QuietHours::try_from(text.to_owned()).unwrap_err();
            assert_eq!(said, format!("`{text}` are no quiet hours: write them like \"20:00-08:00\""));
        }
    }

    #[test]
    fn dear_and_unwanted_numbers_are_refused() {
        let settings = DeliverSettings {
            do_not_call: vec!["+447700900331".to_owned(), "+44770090044*".to_owned()],
            premium_prefixes: vec!["+232".to_owned()],
            ..DeliverSettings::default()
        };
        let unwanted = Some("the number is in `do_not_call` under [deliver]");
        let dear =
            Some("the number is dear: a premium or shared-cost number, or in `premium_prefixes` under [deliver]");
        for (number, expected) in [
            ("+447700900331", unwanted),
            ("+447700900441", unwanted),
            ("+447700900332", None),
            ("+23276123456", dear),
            ("+449012345678", dear),
        ] {
            assert_eq!(settings.refuses(number), expected, "{number}");
        }
    }
}
