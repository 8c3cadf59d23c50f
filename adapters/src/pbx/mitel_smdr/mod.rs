//! Mitel's SMDR: MiVoice Business (3300 ICP, SX-2000, SX-200) in fixed columns, and Mitel 5000 / Inter-Tel Axxess in 80 columns.
//!
//! Mitel's help, *SMDR - Summary of Fields Tables* and *SMDR Examples*; *Inter-Tel 5000 Administrator Guide*, SMDR Report Format;
//! `cdr-formats/mitel.md` quotes them.
//! Which of the two a line is, shows its beginning: a date `mm/dd`, or a call type (`TLC`, `IN`, `RG`).
//!
//! Neither prints a whole date: MiVoice Business has no year, Mitel 5000 no date at all.
//! What stands for it: the moment at which the line reached the log; else the site file's `options.year`
//! (`2025`, or `2025-07` for a file that runs from July 2025 over New Year) or `options.date` (`2025-07-16`);
//! else the year 1972 or its first day, marked as not told, so that what the line does tell (how long it rang, how long they talked) is kept.

use chrono::{Datelike, Offset, TimeZone};
use chrono_tz::Tz;

use crate::adapter::{About, Adapter, Ends, Header, Legs, Provenance, Record, Settings, Tells};
use crate::clock::{self, LocalTime};
use crate::leg::{Moment, Text};

mod business;
mod small;

/// Mitel's SMDR.
pub struct MitelSmdr;

static ABOUT: About = About {
    name: "mitel_smdr",
    title: "Mitel SMDR: MiVoice Business / 3300 / SX-2000 (all layouts), Mitel 5000 / Inter-Tel Axxess (80 columns)",
    versions: "SX-2000 to MiVoice Business 10; Axxess and Mitel 5000 all",
    provenance: Provenance::RealRecords,
    // A line is written when its trunk is released: that of the caller's trunk ends the call. A consultation's own trunk can be released hours
    // before, and names the call that it was made for. What else was passed on follows within minutes.
    ends: Ends::Marker { settle_s: 600 },
    tells: &[Tells::Offers, Tells::Did, Tells::Transfers, Tells::Seconds],
    needs: "MiVoice Business, SMDR Options: External SMDR, Standardized Network OLI (joins transferred calls), Extended Reporting Level 2 (seconds), \
            ANI/DNIS Number Delivery Reporting; Mitel 5000: Ring-in Diagnostics (else unanswered calls are not written)",
    typical_delay_s: 1,
};

const MS_PER_DAY: i64 = 86_400_000;

/// A year that stands for one that nobody told: it has a 29th of February, and nobody takes it for true.
const YEAR_NOT_TOLD: i64 = 1972;

impl Adapter for MitelSmdr {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// Titles and rulers that printer ports put on every page.
    fn header(&self, bytes: &[u8], _settings: &Settings) -> Option<Header> {
        let line = bytes.trim_ascii();
        let is_ruler = line.len() > 3 && line.iter().all(|b| matches!(b, b'-' | b'=' | b'_' | b' '));
        let is_title = line.starts_with(b"TYP ")
            || line.windows(4).any(|w| w == b"SMDR") && !line.iter().any(|b| *b == b',' || *b == b'{');
        (is_ruler || is_title).then(Header::default)
    }

    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs) {
        let mut record = record;
        let mut bytes = without_frame(record.bytes);
        if let Some((at, line)) = written_at(bytes, settings) {
            record.logged_at = record.logged_at.or(Some(at));
            bytes = line;
        }
        if business::is_line(bytes) {
            business::parse(bytes, record, settings, out);
        } else if small::is_line(bytes) {
            small::parse(bytes, record, settings, out);
        } else {
            out.reject(record, "neither a line of MiVoice Business (`mm/dd hh:mm` in columns 2 to 12) nor of Mitel 5000 (a call type such as IN, RG, TLC first): \
                 a page's title, or a line that is cut");
        }
    }
}

/// The line behind the moment that a collector wrote before it, `2025-07-16 08:36:12.345678 `, with that moment.
fn written_at<'b>(bytes: &'b [u8], settings: &Settings) -> Option<(Moment, &'b [u8])> {
    const LENGTH: usize = "2025-07-16 08:36:12".len();
    let (time, rest) = bytes.split_at_checked(LENGTH)?;
    let local = clock::date_time(time)?;
    let fraction = rest.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')).count();
    let [b' ' | b'\t', line @ ..] = rest.get(fraction..)? else { return None };
    let is_line = business::is_line(line) || small::is_line(line);
    is_line.then(|| (clock::in_zone(local, settings.zone.unwrap_or(Tz::UTC), None), line))
}

/// The line without form feeds and a mark of its encoding, and without the four bytes of length that Mitel 5000 puts before it on a socket.
fn without_frame(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = match bytes {
        [_, 0, 0, 0, rest @ ..] => rest,
        _ => bytes,
    };
    let start = bytes.iter().position(|b| !matches!(b, 0x0c | 0x02 | 0x00)).unwrap_or(bytes.len());
    &bytes[start..]
}

/// What is known of the day.
#[derive(Clone, Copy)]
enum Day {
    /// Month and day, without a year.
    MonthAndDay(i64, i64),
    /// Not even that.
    None,
}

/// A moment, and whether its year (or day) was told.
struct Dated {
    at: Moment,
    is_told: bool,
}

/// The moment of a printed time of day. `length_ms`: from there to the end of the call, when the line was written.
/// `Err` for a day that no calendar has.
fn date(day: Day, of_day_ms: i64, length_ms: i64, record: Record<'_>, settings: &Settings) -> Result<Dated, String> {
    let zone = settings.zone.unwrap_or(Tz::UTC);
    let at = |day: i64, near: Option<Moment>| clock::in_zone(LocalTime(day * MS_PER_DAY + of_day_ms), zone, near);
    if let Some(logged) = record.logged_at {
        let began = logged.plus_ms(-length_ms);
        let nearest = |days: &mut dyn Iterator<Item = i64>| {
            days.map(|day| at(day, Some(began))).min_by_key(|moment| moment.ms_since(began).abs())
        };
        let local_day = local_day(logged, zone);
        let found = match day {
            Day::MonthAndDay(month, of_month) => {
                let year = chrono::NaiveDate::from_epoch_days(i32::try_from(local_day).unwrap_or(0))
                    .map_or(YEAR_NOT_TOLD, |d| i64::from(d.year()));
                nearest(&mut (year - 1..=year + 1).filter_map(|year| clock::day(year, month, of_month)))
            }
            Day::None => nearest(&mut (local_day - 2..=local_day + 1)),
        };
        return found.map(|at| Dated { at, is_told: true }).ok_or_else(|| no_such_day(day));
    }
    let option = |name: &str| settings.options.get(name).map(Text::as_str);
    match day {
        Day::MonthAndDay(month, of_month) => {
            let told = match option("year") {
                Some(text) => Some(year_of(text, month).ok_or_else(|| format!("options.year: `{text}` is neither a year (2025) nor the month in which the file begins (2025-07)"))?),
                None => None,
            };
            let day = clock::day(told.unwrap_or(YEAR_NOT_TOLD), month, of_month).ok_or_else(|| no_such_day(day))?;
            Ok(Dated { at: at(day, None), is_told: told.is_some() })
        }
        Day::None => {
            let told = match option("date") {
                Some(text) => {
                    let noon = clock::date_time(format!("{text} 12:00:00").as_bytes());
                    Some(
                        noon.ok_or_else(|| format!("options.date: `{text}` is no day of the form 2025-07-16"))?
                            .0
                            .div_euclid(MS_PER_DAY),
                    )
                }
                None => None,
            };
            let day = told.or_else(|| clock::day(YEAR_NOT_TOLD, 1, 1)).unwrap_or(0);
            Ok(Dated { at: at(day, None), is_told: told.is_some() })
        }
    }
}

fn no_such_day(day: Day) -> String {
    match day {
        Day::MonthAndDay(month, of_month) => {
            format!("columns 2 to 6: `{month:02}/{of_month:02}` is no day of that year")
        }
        Day::None => "no day".to_owned(),
    }
}

/// The year in which a month lies, of a file that begins in that year, or in that month of it.
fn year_of(option: &str, month: i64) -> Option<i64> {
    let (year, first) = match option.split_once('-') {
        Some((year, first)) => (year, first.parse::<i64>().ok().filter(|m| (1..=12).contains(m))?),
        None => (option, 1),
    };
    let year: i64 = year.trim().parse().ok().filter(|y| (1970..=9999).contains(y))?;
    Some(if month < first { year + 1 } else { year })
}

/// The day in a zone, counted from 1970.
fn local_day(moment: Moment, zone: Tz) -> i64 {
    let offset = chrono::DateTime::from_timestamp_millis(moment.0)
        .map_or(0, |utc| i64::from(zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()));
    moment.0.saturating_add(offset * 1000).div_euclid(MS_PER_DAY)
}

/// `hh:mm:ss` or `hhhh:mm:ss` in milliseconds.
fn length_ms(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes.trim_ascii()).ok()?;
    let mut parts = text
        .split(':')
        .map(|p| if p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit()) { None } else { p.parse::<i64>().ok() });
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || hours > 9999 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leg::Position;

    fn dated(day: Day, of_day_ms: i64, logged: Option<&str>, options: &[(&str, &str)]) -> Result<String, String> {
        let mut settings = Settings::without_site_file("", "", "mitel_smdr");
        settings.zone = Some("America/New_York".parse().unwrap());
        settings.options = options.iter().map(|(k, v)| (Text::from(*k), Text::from(*v))).collect();
        let logged_at = logged.map(|text| Moment(clock::date_time(text.as_bytes()).unwrap().0));
        let record = Record { bytes: b"", position: Position::default(), source: b"", header: None, logged_at };
        date(day, of_day_ms, 60_000, record, &settings).map(|d| format!("{} {}", crate::line::moment(d.at), d.is_told))
    }

    #[test]
    fn the_log_tells_the_year_also_across_new_year() {
        let hour = 3_600_000;
        let new_year = Some("2026-01-01 05:03:00");
        assert_eq!(dated(Day::MonthAndDay(12, 31), 23 * hour, new_year, &[]).unwrap(), "2026-01-01T04:00:00.000Z true");
        assert_eq!(dated(Day::MonthAndDay(1, 1), 0, new_year, &[]).unwrap(), "2026-01-01T05:00:00.000Z true");
        assert_eq!(dated(Day::None, 23 * hour, new_year, &[]).unwrap(), "2026-01-01T04:00:00.000Z true");
        assert_eq!(dated(Day::None, 0, new_year, &[]).unwrap(), "2026-01-01T05:00:00.000Z true");
        // The hour that happens twice: the line was written in the second one.
        assert_eq!(
            dated(Day::MonthAndDay(11, 1), hour, Some("2026-11-01 06:01:30"), &[]).unwrap(),
            "2026-11-01T06:00:00.000Z true"
        );
        assert_eq!(
            dated(Day::MonthAndDay(11, 1), hour, Some("2026-11-01 05:01:30"), &[]).unwrap(),
            "2026-11-01T05:00:00.000Z true"
        );
    }

    #[test]
    fn by_hand_an_option_tells_the_year() {
        assert_eq!(
            dated(Day::MonthAndDay(3, 5), 0, None, &[("year", "2025-07")]).unwrap(),
            "2026-03-05T05:00:00.000Z true"
        );
        assert_eq!(
            dated(Day::MonthAndDay(8, 5), 0, None, &[("year", "2025-07")]).unwrap(),
            "2025-08-05T04:00:00.000Z true"
        );
        assert_eq!(dated(Day::MonthAndDay(2, 29), 0, None, &[]).unwrap(), "1972-02-29T05:00:00.000Z false");
        assert!(dated(Day::MonthAndDay(2, 29), 0, None, &[("year", "2025")]).is_err());
        assert!(dated(Day::MonthAndDay(2, 28), 0, None, &[("year", "last")]).is_err());
        assert_eq!(dated(Day::None, 0, None, &[("date", "2012-04-16")]).unwrap(), "2012-04-16T04:00:00.000Z true");
    }
}
