//! Windows: spans of event time and what was counted in them, for the tenant, its sites, DIDs, groups, queues, hunt groups and people.
//!
//! A call is in the windows around its beginning, whenever it is told: first early, once when the watermark passes the window's end, and
//! again when it is late. Five minutes and hours are those of UTC, also where local hours begin at half past: their five minutes add up.
//! Days are those of the first site's calendar, of 23 or 25 hours where its clock is changed, for every scope, so that their sums hold.

mod contribution;
mod event;
mod fold;
mod kept;
mod limit;
mod sliding;

use adapters::leg::{Moment, Text};
use chrono_tz::Tz;
use directory::Scope;
use smallvec::SmallVec;

pub use contribution::Contribution;
pub use event::{LimitEvent, WindowEvent};
pub use fold::Windows;
pub use kept::{Keep, Kept};
pub use limit::LATE_RISE_MS;
pub use sliding::{SLIDING, SLIDING_WIDTH_MS};

use crate::content;
use crate::measure::{self, On, Parts, Thousandths};

/// At most so many measures are told of a window: each has a bit of a number.
pub const MEASURES_MAX: usize = 64;

/// Which window of a company.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowKey {
    /// tenant, site, did, group, queue, `hunt_group`, person; [`SLIDING`] for an hour that begins every five minutes.
    pub scope: Text,
    /// Which one.
    pub scope_id: Text,
    /// 300, 3600, or 86400 for a day, however long that is.
    pub size_s: u32,
    /// Its first moment.
    pub opened_at: Moment,
}

impl WindowKey {
    /// It is an hour that begins at any five minutes.
    #[must_use]
    pub fn is_sliding(&self) -> bool {
        self.scope == SLIDING
    }

    /// Whose it is. `None` if nothing is counted in windows of this name.
    #[must_use]
    pub fn counted_on(&self) -> Option<Scope> {
        match self.scope.as_str() {
            SLIDING => Some(Scope::Queue),
            word => Scope::ALL.into_iter().find(|scope| scope.word() == word),
        }
    }
}

/// A window as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowNow {
    /// The company.
    pub tenant: Text,
    /// Which window.
    pub key: WindowKey,
    /// The watermark has passed its end.
    pub is_final: bool,
    /// Each measure by its name, in its unit; a measure that was told before and has no value any more is 0.
    pub values: Vec<(&'static str, Thousandths)>,
}

impl WindowNow {
    /// A window in which nothing is left: every measure is told as 0. `None` if nothing is counted in windows of this name.
    #[must_use]
    pub fn nothing(tenant: &Text, key: &WindowKey) -> Option<WindowNow> {
        let values = measure::of(on(key.counted_on()?)).iter().map(|measure| (measure.name, Thousandths(0))).collect();
        Some(WindowNow { tenant: tenant.clone(), key: key.clone(), is_final: true, values })
    }

    /// A hash of what a measure of a window says: 0 for one that says nothing.
    #[must_use]
    pub fn content_of(measure: &str, value: Thousandths) -> u64 {
        if value == Thousandths(0) { 0 } else { content::of(&(measure, value.0)) }
    }

    /// A hash of what the window says, but for whether it is final: that of its measures, whatever their order. 0 if it says nothing.
    #[must_use]
    pub fn content(&self) -> u64 {
        self.values.iter().fold(0, |all, (measure, value)| all ^ WindowNow::content_of(measure, *value))
    }

    /// Each measure, as it is stored.
    pub fn rows(&self) -> impl Iterator<Item = WindowRow> + '_ {
        self.values.iter().map(|(measure, value)| WindowRow {
            tenant: self.tenant.clone(),
            scope: self.key.scope.clone(),
            scope_id: self.key.scope_id.clone(),
            size_s: self.key.size_s,
            opened_at: self.key.opened_at,
            measure,
            value: *value,
            is_final: self.is_final,
        })
    }
}

/// One measure of one window, as it is stored: by tenant, scope, id, size, beginning and measure.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRow {
    /// The company.
    pub tenant: Text,
    /// As in [`WindowKey`].
    pub scope: Text,
    /// Which one.
    pub scope_id: Text,
    /// As in [`WindowKey`].
    pub size_s: u32,
    /// Its first moment.
    pub opened_at: Moment,
    /// The measure's name.
    pub measure: &'static str,
    /// In the measure's unit.
    pub value: Thousandths,
    /// The watermark has passed its end.
    pub is_final: bool,
}

/// A window that is kept no more and has changed all the same: whoever has the calls counts it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forgotten {
    /// The company.
    pub tenant: Text,
    /// Whose.
    pub scope: Scope,
    /// Which one.
    pub scope_id: Text,
    /// 300, 3600, or 86400.
    pub size_s: u32,
    /// It is an hour that begins at any five minutes.
    pub is_sliding: bool,
    /// Its first moment.
    pub opened_at: Moment,
    /// The first moment after it.
    pub ended_at: Moment,
}

impl Forgotten {
    /// The window, from all calls that began in it (others are passed over). Every count is told, also of nothing,
    /// since nobody remembers which were told before.
    #[must_use]
    pub fn recount<'c>(&self, contributions: impl IntoIterator<Item = &'c Contribution>) -> WindowNow {
        let on = on(self.scope);
        let mut sums = vec![0; on.parts().len()];
        let is_in = |c: &&Contribution| (self.opened_at..self.ended_at).contains(&c.started_at);
        for contribution in contributions.into_iter().filter(is_in) {
            for (_, _, parts) in
                contribution.added().filter(|(scope, id, _)| (*scope, *id) == (self.scope, &self.scope_id))
            {
                add(&mut sums, parts, 1);
            }
        }
        let scope = if self.is_sliding { SLIDING } else { self.scope.word() };
        let head = Head { tenant: &self.tenant, scope, scope_id: &self.scope_id, size_s: self.size_s };
        let mut all = u64::MAX;
        head.now(on, &sums, self.opened_at, true, &mut all)
    }
}

/// How wide a tumbling window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// 300 s.
    FiveMinutes,
    /// 3600 s.
    Hour,
    /// A day by the calendar.
    Day,
}

impl Size {
    /// Every size.
    pub const ALL: [Size; 3] = [Size::FiveMinutes, Size::Hour, Size::Day];

    /// As in the table: a day is 86400, however long it is.
    #[must_use]
    pub fn seconds(self) -> u32 {
        match self {
            Size::FiveMinutes => 300,
            Size::Hour => 3600,
            Size::Day => 86_400,
        }
    }

    /// The window around this moment: its first moment, and the first after it.
    #[must_use]
    pub fn around(self, at: Moment, zone: Tz) -> (Moment, Moment) {
        if self == Size::Day {
            let (from, to) = directory::day_span_ms(at.0, zone);
            return (Moment(from), Moment(to));
        }
        let width_ms = i64::from(self.seconds()) * 1000;
        let opened_at = Moment(at.0.div_euclid(width_ms).saturating_mul(width_ms));
        (opened_at, opened_at.plus_ms(width_ms))
    }
}

/// On what the figures of this scope are counted.
#[must_use]
pub fn on(scope: Scope) -> On {
    match scope {
        Scope::Tenant | Scope::Site | Scope::Did | Scope::Group => On::Calls,
        Scope::Queue | Scope::HuntGroup => On::Visits,
        Scope::Person => On::Offers,
    }
}

fn add(sums: &mut [i64], parts: &[(u8, i32)], sign: i64) {
    for (place, value) in parts {
        if let Some(sum) = sums.get_mut(usize::from(*place)) {
            *sum += sign * i64::from(*value);
        }
    }
}

/// What the rows of one window have in common.
struct Head<'w> {
    tenant: &'w Text,
    scope: &'static str,
    scope_id: &'w Text,
    size_s: u32,
}

impl Head<'_> {
    /// Every measure that has a value or had one: what was told and is no more is told as 0, also a share or a mean of nothing.
    /// `told` has a bit for each measure that was told before, and afterwards for each that is to be told again: until nothing is told as final.
    fn now(&self, on: On, sums: &[i64], opened_at: Moment, is_final: bool, told: &mut u64) -> WindowNow {
        let before = std::mem::take(told);
        let mut values: SmallVec<[(&'static str, Thousandths); MEASURES_MAX]> = SmallVec::new();
        let parts = Parts::new(on, sums);
        // Most windows hold few calls, and most of their measures nothing: only the others are looked at.
        let is_counted = |(sum, _): &(&i64, &u64)| **sum != 0;
        let counted =
            sums.iter().zip(measure::computed_from(on)).filter(is_counted).fold(0, |all, (_, bits)| all | bits);
        let mut wanted = counted | before;
        while let Some(measure) = measure::of(on).get(wanted.trailing_zeros() as usize) {
            let bit = wanted.trailing_zeros();
            wanted &= wanted - 1;
            let is_counted = counted & 1 << bit != 0;
            let value = if is_counted { (measure.value)(&parts).unwrap_or_default() } else { Thousandths(0) };
            let has_value = value != Thousandths(0);
            if has_value || before & 1 << bit != 0 {
                *told |= u64::from(has_value || !is_final) << bit;
                values.push((measure.name, value));
            }
        }
        let scope = Text::from(self.scope);
        let key = WindowKey { scope, scope_id: self.scope_id.clone(), size_s: self.size_s, opened_at };
        WindowNow { tenant: self.tenant.clone(), key, is_final, values: values.to_vec() }
    }
}
