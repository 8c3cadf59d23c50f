//! Moments as an exchange prints them: by the clock of its zone, which may go wrong by some seconds.

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// One exchange's clock.
pub(crate) struct Clock {
    zone: Tz,
    ahead_ms: i64,
    slot: i64,
    offset_s: i64,
}

/// No zone changes its offset within a quarter of an hour of UTC.
const SLOT_S: i64 = 900;

impl Clock {
    pub(crate) fn new(zone: Tz, ahead_ms: i64) -> Clock {
        Clock { zone, ahead_ms, slot: i64::MIN, offset_s: 0 }
    }

    /// Seconds since 1970 as this clock has them.
    pub(crate) fn seconds(&self, true_ms: i64) -> i64 {
        (true_ms + self.ahead_ms).div_euclid(1000)
    }

    /// Appends the local time, as in `2026-03-02 09:15:07`.
    pub(crate) fn print(&mut self, true_ms: i64, out: &mut Vec<u8>) {
        let seconds = self.seconds(true_ms);
        let slot = seconds.div_euclid(SLOT_S);
        if slot != self.slot {
            self.slot = slot;
            let utc = DateTime::from_timestamp(seconds, 0).map_or(NaiveDateTime::MIN, |d| d.naive_utc());
            self.offset_s = i64::from(self.zone.offset_from_utc_datetime(&utc).fix().local_minus_utc());
        }
        let local = seconds + self.offset_s;
        let (year, month, day) = civil(local.div_euclid(86_400));
        let of_day = local.rem_euclid(86_400);
        two(year / 100, out);
        two(year % 100, out);
        for (mark, part) in
            [(b'-', month), (b'-', day), (b' ', of_day / 3600), (b':', of_day / 60 % 60), (b':', of_day % 60)]
        {
            out.push(mark);
            two(part, out);
        }
    }
}

fn two(number: i64, out: &mut Vec<u8>) {
    for digit in [number / 10 % 10, number % 10] {
        out.push(b'0'.wrapping_add(u8::try_from(digit).unwrap_or(0)));
    }
}

/// Year, month and day of so many days since 1970, by the rule of the Gregorian calendar (years begin in March, so that a leap day ends one).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
