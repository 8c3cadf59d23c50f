//! Printed times that carry their own offset: `2026-02-10 09:41:57.554 +0100`, `2026-02-10T08:41:57Z`, `2026-02-10 08:41:57.554+00`.

use crate::clock::{LocalTime, date_time};
use crate::leg::Moment;

/// A printed time, and its offset from UTC in minutes where it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// As printed.
    pub local: LocalTime,
    /// Minutes that the printed time is ahead of UTC; `None`: not told.
    pub offset_minutes: Option<i64>,
    /// No finer than this, in milliseconds: 1 where a fraction was printed, else 1000.
    pub grain_ms: u32,
}

impl Stamp {
    /// The moment, where the offset is told.
    #[must_use]
    pub fn moment(self) -> Option<Moment> {
        self.offset_minutes.map(|minutes| Moment(self.local.0 - minutes * 60_000))
    }
}

/// Reads `YYYY-MM-DD hh:mm:ss`, an optional fraction, and an optional `Z`, `UTC`, `+hh`, `+hhmm` or `+hh:mm`.
/// `None` for anything else.
#[must_use]
pub fn stamp(bytes: &[u8]) -> Option<Stamp> {
    const SECONDS_END: usize = 19;
    let bytes = bytes.trim_ascii();
    let rest = bytes.get(SECONDS_END..)?;
    let fraction = match rest.split_first() {
        Some((b'.' | b',', digits)) => 1 + digits.iter().take_while(|b| b.is_ascii_digit()).count(),
        _ => 0,
    };
    let (time, zone) = bytes.split_at_checked(SECONDS_END + fraction)?;
    let grain_ms = if fraction > 1 { 1 } else { 1000 };
    Some(Stamp { local: date_time(time)?, offset_minutes: offset(zone.trim_ascii())?, grain_ms })
}

/// `Some(None)`: no offset is told; `None`: what stands there is none.
fn offset(zone: &[u8]) -> Option<Option<i64>> {
    if zone.is_empty() {
        return Some(None);
    }
    if zone.eq_ignore_ascii_case(b"Z") || zone.eq_ignore_ascii_case(b"UTC") || zone.eq_ignore_ascii_case(b"GMT") {
        return Some(Some(0));
    }
    let (sign, digits) = match zone.split_first()? {
        (b'+', digits) => (1, digits),
        (b'-', digits) => (-1, digits),
        _ => return None,
    };
    let two = |at: usize| -> Option<i64> {
        let pair = digits.get(at..at + 2)?;
        pair.iter().all(u8::is_ascii_digit).then(|| i64::from(pair[0] - b'0') * 10 + i64::from(pair[1] - b'0'))
    };
    let minutes = match digits.len() {
        2 => 0,
        4 => two(2)?,
        5 if digits[2] == b':' => two(3)?,
        _ => return None,
    };
    let minutes = two(0)? * 60 + minutes;
    (minutes <= 14 * 60).then_some(Some(sign * minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_every_writing() {
        let utc = date_time(b"2026-02-10 08:41:57.554").unwrap().0;
        for text in [
            "2026-02-10 09:41:57.554 +0100",
            "2026-02-10T09:41:57.554123+01:00",
            "2026-02-10 08:41:57.554Z",
            "2026-02-10 08:41:57.554+00",
            "2026-02-10 08:41:57.554 UTC",
            "2026-02-10 05:11:57,554-03:30",
        ] {
            assert_eq!(stamp(text.as_bytes()).and_then(Stamp::moment), Some(Moment(utc)), "{text}");
        }
        assert_eq!(stamp(b"2026-02-10 08:41:57").map(|s| (s.offset_minutes, s.grain_ms)), Some((None, 1000)));
        for bad in [
            "2026-02-10 08:41:57 CET",
            "2026-02-10 08:41:57+1",
            "2026-02-10 08:41",
            "",
            "2026-02-30 08:41:57Z",
            "2026-02-10 08:41:57+99",
        ] {
            assert_eq!(stamp(bad.as_bytes()), None, "{bad}");
        }
    }
}
