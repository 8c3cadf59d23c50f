//! Periods of a view: presets by the calendar of the viewer's site, or from one moment to another. Pure: now is an argument.
//!
//! The last hour and the last 24 hours roll to now; days, weeks and months are those of the site's clock, which sometimes have an hour
//! more or less. A week begins on Monday. A period contains its beginning and not its end.

use adapters::leg::Moment;
use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, TimeZone};
use chrono_tz::Tz;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The presets, with their words in a URL.
pub const PRESETS: &[(Preset, &str)] = &[
    (Preset::LastHour, "last_hour"),
    (Preset::Last24h, "last_24h"),
    (Preset::Today, "today"),
    (Preset::Yesterday, "yesterday"),
    (Preset::ThisWeek, "this_week"),
    (Preset::PreviousWeek, "previous_week"),
    (Preset::ThisMonth, "this_month"),
    (Preset::PreviousMonth, "previous_month"),
    (Preset::All, "all"),
];

/// A named period.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Preset {
    /// The 60 minutes up to now.
    LastHour,
    /// The 24 hours up to now.
    Last24h,
    /// The day of now.
    Today,
    /// The day before.
    Yesterday,
    /// Since Monday.
    ThisWeek,
    /// The week before, from Monday to Sunday.
    PreviousWeek,
    /// The month of now.
    ThisMonth,
    /// The month before.
    PreviousMonth,
    /// Everything.
    All,
}

impl Preset {
    /// Its word in a URL.
    #[must_use]
    pub fn word(self) -> &'static str {
        PRESETS.iter().find(|(preset, _)| *preset == self).map_or("all", |(_, word)| word)
    }
}

/// An end of a free period.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Edge {
    /// A moment.
    At(Moment),
    /// A day of the site's calendar: as a beginning its first moment, as an end its last one.
    Day(NaiveDate),
}

/// When the calls of a view began.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Period {
    /// A named one.
    Preset(Preset),
    /// From here to there; open where an end is not told.
    Free {
        /// The beginning.
        from: Option<Edge>,
        /// The end.
        to: Option<Edge>,
    },
}

/// A period as moments: from the first, which is in it, to the second, which is not; open where one is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Span {
    /// The first moment in it.
    pub from: Option<Moment>,
    /// The first moment after it.
    pub to: Option<Moment>,
}

impl Period {
    /// The moments of it, at this moment, by the clocks of this zone.
    #[must_use]
    pub fn span(self, now: Moment, zone: Tz) -> Span {
        let closed = |from: i64, to: i64| Span { from: Some(Moment(from)), to: Some(Moment(to)) };
        let today = DateTime::from_timestamp_millis(now.0).unwrap_or_default().with_timezone(&zone).date_naive();
        // What began at this very millisecond is in what rolls to now.
        let rolling =
            |length_ms: i64| closed(now.0.saturating_sub(length_ms).saturating_add(1), now.0.saturating_add(1));
        let days = |from: NaiveDate, to: NaiveDate| closed(start_of_day_ms(from, zone), start_of_day_ms(to, zone));
        let monday = before(today, u64::from(today.weekday().num_days_from_monday()));
        let first = today.with_day(1).unwrap_or(today);
        let month = |ahead: u32| first.checked_add_months(Months::new(ahead)).unwrap_or(first);
        let month_before = first.checked_sub_months(Months::new(1)).unwrap_or(first);
        match self {
            Period::Preset(Preset::LastHour) => rolling(HOUR_MS),
            Period::Preset(Preset::Last24h) => rolling(DAY_MS),
            Period::Preset(Preset::Today) => days(today, after(today, 1)),
            Period::Preset(Preset::Yesterday) => days(before(today, 1), today),
            Period::Preset(Preset::ThisWeek) => days(monday, after(monday, 7)),
            Period::Preset(Preset::PreviousWeek) => days(before(monday, 7), monday),
            Period::Preset(Preset::ThisMonth) => days(first, month(1)),
            Period::Preset(Preset::PreviousMonth) => days(month_before, first),
            Period::Preset(Preset::All) => Span::default(),
            Period::Free { from, to } => {
                let edge = |edge: Edge, ahead: u64| match edge {
                    Edge::At(moment) => moment,
                    Edge::Day(day) => Moment(start_of_day_ms(after(day, ahead), zone)),
                };
                Span { from: from.map(|from| edge(from, 0)), to: to.map(|to| edge(to, 1)) }
            }
        }
    }

    /// As the keys of a URL.
    #[must_use]
    pub fn pairs(self) -> Vec<(&'static str, String)> {
        match self {
            Period::Preset(preset) => vec![("period", preset.word().to_owned())],
            Period::Free { from, to } => {
                let pairs = [("from", from), ("to", to)];
                pairs.into_iter().filter_map(|(key, edge)| Some((key, edge?.to_string()))).collect()
            }
        }
    }
}

impl std::fmt::Display for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Edge::Day(day) => write!(f, "{day}"),
            Edge::At(moment) => {
                let at = DateTime::from_timestamp_millis(moment.0).unwrap_or_default();
                f.write_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
            }
        }
    }
}

impl Edge {
    /// Of a day (`2026-11-27`) or a moment with its offset (`2026-11-27T09:30:00+02:00`, `...Z`); `None` if it is neither, or outside of
    /// the years 1900 to 2299, which the tables can show.
    #[must_use]
    pub fn parse(text: &str) -> Option<Edge> {
        let is_shown = |year: i32| (1900..=2299).contains(&year);
        // NaiveDate takes what has no two digits of a month too.
        if text.len() == 10
            && let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        {
            return is_shown(day.year()).then_some(Edge::Day(day));
        }
        let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        is_shown(at.year()).then(|| Edge::At(Moment(at.timestamp_millis())))
    }
}

fn before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

fn after(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}

/// The first moment of a day: where the clock skips midnight, the first that there is; where it skips the day, the first after it.
fn start_of_day_ms(day: NaiveDate, zone: Tz) -> i64 {
    let midnight = day.and_time(NaiveTime::MIN);
    // No zone has skipped more than a day, and none by less than a minute in the years that calls are of.
    let minutes = (0..=2 * 24 * 60).map(TimeDelta::minutes).filter_map(|later| midnight.checked_add_signed(later));
    let found = minutes.map(|local| zone.from_local_datetime(&local)).find_map(|at| match at {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.timestamp_millis()),
        LocalResult::None => None,
    });
    found.unwrap_or_else(|| midnight.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    #[track_caller]
    fn check(preset: Preset, now: &str, zone: Tz, expected: (&str, &str)) {
        let span = Period::Preset(preset).span(at(now), zone);
        let expected = Span { from: Some(at(expected.0)), to: Some(at(expected.1)) };
        assert_eq!(span, expected, "{preset:?} at {now} in {zone}");
    }

    #[test]
    fn presets_follow_the_calendar_of_the_site() {
        let kyiv = chrono_tz::Europe::Kyiv;
        // A Friday, already Saturday in Kyiv.
        let now = "2026-11-27T22:30:00Z";
        for (preset, expected) in [
            (Preset::Today, ("2026-11-28T00:00:00+02:00", "2026-11-29T00:00:00+02:00")),
            (Preset::Yesterday, ("2026-11-27T00:00:00+02:00", "2026-11-28T00:00:00+02:00")),
            (Preset::ThisWeek, ("2026-11-23T00:00:00+02:00", "2026-11-30T00:00:00+02:00")),
            (Preset::PreviousWeek, ("2026-11-16T00:00:00+02:00", "2026-11-23T00:00:00+02:00")),
            (Preset::ThisMonth, ("2026-11-01T00:00:00+02:00", "2026-12-01T00:00:00+02:00")),
            // Summer time ended on the 25th.
            (Preset::PreviousMonth, ("2026-10-01T00:00:00+03:00", "2026-11-01T00:00:00+02:00")),
        ] {
            check(preset, now, kyiv, expected);
        }
        check(Preset::LastHour, now, kyiv, ("2026-11-27T21:30:00.001Z", "2026-11-27T22:30:00.001Z"));
        check(Preset::Last24h, now, kyiv, ("2026-11-26T22:30:00.001Z", "2026-11-27T22:30:00.001Z"));
        assert_eq!(Period::Preset(Preset::All).span(at(now), kyiv), Span::default());
    }

    #[test]
    fn days_have_the_hours_that_their_clock_has() {
        let hours = |day: &str, zone: Tz| {
            let edge = Edge::parse(day);
            let span = Period::Free { from: edge, to: edge }.span(at("2026-01-01T00:00:00Z"), zone);
            (span.to.unwrap().0 - span.from.unwrap().0) / HOUR_MS
        };
        assert_eq!(hours("2026-03-29", chrono_tz::Europe::Kyiv), 23);
        assert_eq!(hours("2026-10-25", chrono_tz::Europe::Kyiv), 25);
        // The clock skips midnight there, so that the day begins at one.
        assert_eq!(hours("2018-11-04", chrono_tz::America::Sao_Paulo), 23);
        // A day that there was not.
        assert_eq!(hours("2011-12-30", chrono_tz::Pacific::Apia), 0);
        check(
            Preset::Yesterday,
            "2026-10-26T10:00:00Z",
            chrono_tz::Europe::Kyiv,
            ("2026-10-25T00:00:00+03:00", "2026-10-26T00:00:00+02:00"),
        );
        check(
            Preset::PreviousMonth,
            "2026-01-15T00:00:00Z",
            chrono_tz::UTC,
            ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        );
    }

    #[test]
    fn an_end_is_a_day_or_a_moment() {
        assert_eq!(Edge::parse("2026-11-27").unwrap().to_string(), "2026-11-27");
        assert_eq!(Edge::parse("2026-11-27T09:30:00+02:00").unwrap().to_string(), "2026-11-27T07:30:00.000Z");
        for wrong in ["", "27.11.2026", "2026-13-01", "2026-11-27T09:30:00", "2026-1-1", "1066-10-14", "9999-01-01"] {
            assert_eq!(Edge::parse(wrong), None, "{wrong}");
        }
    }
}
