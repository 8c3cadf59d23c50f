//! By which clock the times of records go.
//!
//! A format prints moments (then every zone reads them alike), or local times with something that proves them (an id made of a moment:
//! then no zone reads them as they are meant), or local times alone (then no zone reads them as UTC does).

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::Moment;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::day;

/// Days of which the offsets are kept.
const DAYS_MAX: usize = 40_000;

/// An order as high as this is one that ids tell which are made of a moment, and no count of legs.
const ORDER_OF_MOMENT_MIN: u64 = 1 << 24;

/// Makes whose local times are those of UTC where the record does not say it otherwise.
const KEPT_IN_UTC: [&str; 1] = ["threecx"];

/// What was seen of clocks.
#[derive(Default)]
pub(super) struct Clocks {
    /// Day -> how far local time was ahead of UTC, in milliseconds, as records prove.
    proven: BTreeMap<i64, BTreeSet<i64>>,
    pub(super) proven_records: u64,
    /// Some print local times that nothing proves, and that are UTC's by default.
    is_kept_in_utc: bool,
}

/// Which zone to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The machine's, since nothing says another.
    Machine(Tz),
    /// The machine's, and so many records prove it.
    Proven(Tz, u64),
    /// None: the clocks of the records are so far ahead of UTC, in milliseconds, and those of the machine are not.
    Other(i64),
    /// None: the machine does not say one.
    Unknown,
}

impl Clocks {
    pub(super) fn add(&mut self, adapter: &str, order: u64, told: Moment, in_utc: Moment, far: Moment) {
        let is_moment = told == far;
        if is_moment {
            return;
        }
        let offset_ms = in_utc.ms_since(told);
        if offset_ms == 0 && order < ORDER_OF_MOMENT_MIN {
            self.is_kept_in_utc |= KEPT_IN_UTC.contains(&adapter);
            return;
        }
        self.proven_records += 1;
        if self.proven.len() < DAYS_MAX {
            self.proven.entry(day(told)).or_default().insert(offset_ms);
        }
    }

    /// The records of some exchange are read in UTC, whatever the zone of its site.
    pub(super) fn is_kept_in_utc(&self) -> bool {
        self.is_kept_in_utc
    }

    pub(super) fn told(&self, machine: Option<Tz>) -> Told {
        let other = self.proven.values().flatten().next().copied();
        match (machine, other) {
            (Some(zone), None) => Told::Machine(zone),
            (Some(zone), Some(_)) if self.is_of(zone) => Told::Proven(zone, self.proven_records),
            (_, Some(offset_ms)) => Told::Other(offset_ms),
            (None, None) => Told::Unknown,
        }
    }

    /// Every offset that was proven is one that the zone had on that day.
    fn is_of(&self, zone: Tz) -> bool {
        self.proven.iter().all(|(day, offsets)| {
            let had: Vec<i64> = [*day, day + 1].into_iter().filter_map(|day| offset_ms(zone, day)).collect();
            offsets.iter().all(|offset| had.contains(offset))
        })
    }
}

/// How far a zone's clocks are ahead of UTC as a day begins.
fn offset_ms(zone: Tz, day: i64) -> Option<i64> {
    let at = DateTime::from_timestamp_millis(day.checked_mul(86_400_000)?)?;
    Some(i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()) * 1000)
}
