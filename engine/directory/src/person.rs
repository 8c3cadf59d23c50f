//! People and groups: who has which telephone, from when to when, and who leads whom.

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::calendar::{Calendar, start_of_day_ms};
use crate::site_file::Language;

/// A human of the company.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their group.
    pub group: Option<String>,
    /// Further groups that they belong to; their own calls are counted in `group` alone.
    pub groups: Vec<String>,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// In which language they want to be written to; [`crate::Directory::language_of`] says in which they are.
    pub language: Option<Language>,
    /// Their extensions, from when to when.
    pub extensions: Vec<Extension>,
    /// Their mobile numbers, from when to when.
    pub mobiles: Vec<Mobile>,
    /// What queue logs call them, beside their name.
    pub agent_names: Vec<String>,
    /// They have a mailbox.
    pub mailbox: bool,
}

/// An extension that a person has.
#[derive(Debug, Clone)]
pub struct Extension {
    /// The digits.
    pub number: String,
    /// At which exchange.
    pub pbx: String,
    /// Its device, where the record prints another name than the digits; else empty.
    pub device: String,
    /// From when to when.
    pub span: Span,
}

/// A mobile telephone that a person has.
#[derive(Debug, Clone)]
pub struct Mobile {
    /// E.164.
    pub number: String,
    /// From when to when.
    pub span: Span,
}

/// People together.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The group that it is part of.
    pub parent: Option<String>,
    /// Ids of the people who lead it.
    pub heads: Vec<String>,
    /// Where mail reaches all of it.
    pub email: Option<String>,
    /// In which language it wants to be written to, and its people who want no other.
    pub language: Option<Language>,
    /// The site by whose clocks it works.
    pub site: String,
    /// Its own working hours; `None`: those of the group above it, else of the site.
    pub calendar: Option<Calendar>,
}

/// From when to when, in milliseconds since 1970 (UTC); open where not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    from_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Span {
    /// From the start of the day `from` to the start of the day `until`, by the clocks of this zone.
    pub(crate) fn days(from: Option<NaiveDate>, until: Option<NaiveDate>, zone: Tz) -> Span {
        Span {
            from_ms: from.map(|day| start_of_day_ms(day, zone)),
            until_ms: until.map(|day| start_of_day_ms(day, zone)),
        }
    }

    /// Its first moment, and the first one after it, in milliseconds since 1970 (UTC); `None` where it is open.
    #[must_use]
    pub fn bounds(&self) -> (Option<i64>, Option<i64>) {
        (self.from_ms, self.until_ms)
    }

    /// True if the moment (UTC, milliseconds) is inside; the start of the day `until` is the first that is not.
    #[must_use]
    pub fn holds(&self, at_ms: i64) -> bool {
        self.from_ms.is_none_or(|from| at_ms >= from) && self.until_ms.is_none_or(|until| at_ms < until)
    }
}
