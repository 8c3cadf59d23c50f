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
    proven_records: u64,
    /// Makes that print local times which nothing proves, and which are those of UTC by default.
    kept_in_utc: BTreeSet<&'static str>,
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
            self.kept_in_utc.extend(KEPT_IN_UTC.iter().filter(|make| **make == adapter));
            return;
        }
        self.proven_records += 1;
        if self.proven.len() < DAYS_MAX {
            self.proven.entry(day(told)).or_default().insert(offset_ms);
        }
    }

    /// The records of this make are read in UTC, whatever the zone of the site.
    pub(super) fn is_kept_in_utc(&self, adapter: &str) -> bool {
        self.kept_in_utc.contains(adapter)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of a winter's day as it is told, in UTC and far away, by the clocks of a zone that is two hours ahead.
    const NOON: Moment = Moment(1_795_348_800_000);

    fn clocks(adapter: &str, order: u64, told: Moment, in_utc: Moment, far: Moment) -> Clocks {
        let mut clocks = Clocks::default();
        clocks.add(adapter, order, told, in_utc, far);
        clocks
    }

    #[test]
    fn a_moment_a_proof_and_a_local_time_alone_are_told_apart() {
        let (two_hours, far) = (NOON.plus_ms(7_200_000), NOON.plus_ms(-50_400_000));
        let kyiv = Tz::Europe__Kyiv;
        let moment = clocks("cisco_cucm", 1 << 40, NOON, NOON, NOON);
        assert_eq!((moment.told(Some(kyiv)), moment.told(None)), (Told::Machine(kyiv), Told::Unknown));
        let proven = clocks("asterisk_cdr", 1 << 40, NOON, two_hours, far);
        assert_eq!(proven.told(Some(kyiv)), Told::Proven(kyiv, 1));
        assert_eq!(proven.told(Some(Tz::Europe__Lisbon)), Told::Other(7_200_000));
        let in_utc = clocks("asterisk_cdr", 1 << 40, NOON, NOON, far);
        assert_eq!(in_utc.told(Some(kyiv)), Told::Other(0));
        let alone = clocks("mitel_smdr", 2, NOON, NOON, far);
        assert_eq!((alone.told(Some(kyiv)), alone.is_kept_in_utc("mitel_smdr")), (Told::Machine(kyiv), false));
        assert!(clocks("threecx", 0, NOON, NOON, far).is_kept_in_utc("threecx"));
    }
}
