//! Places: sites, exchanges, trunks and ties, queues, hunt groups, and the numbers that lead to them.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use rlibphonenumber::enums::Region;

use crate::calendar::Calendar;
use crate::rewrite::Rewrite;
use crate::site_file::{ContextKind, EntryKind, Rings, Scope, TieKey};

/// A place of the company.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its clocks stand; `None` without a site file: UTC, or what the records prove.
    pub zone: Option<Tz>,
    /// The country whose national numbers it dials.
    pub region: Option<Region>,
    /// Dialed before an outside number.
    pub outside_prefix: String,
    /// Working hours; `None`: always open.
    pub calendar: Option<Calendar>,
}

impl Site {
    /// The two letters of ISO 3166 of the country whose national numbers it dials.
    #[must_use]
    pub fn country(&self) -> Option<String> {
        self.region.map(|region| region.to_string())
    }
}

/// One installed exchange.
#[derive(Debug, Clone)]
pub struct Pbx {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub site: String,
    /// Which adapter reads its records.
    pub adapter: Option<String>,
    /// The zone of the times that it prints.
    pub zone: Option<Tz>,
    /// The columns of a layout that the administrator chose.
    pub columns: Vec<String>,
    /// What each dialplan context is.
    pub contexts: BTreeMap<String, Context>,
    /// Parking places, mailboxes, rooms by the number that reaches them.
    pub places: BTreeMap<String, ContextKind>,
    /// Its ways to the outside.
    pub trunks: Vec<Trunk>,
    /// How far its clock is ahead of the right time, in milliseconds; `None`: nobody told.
    pub clock_offset_ms: Option<i64>,
    /// Its records come here; where they do not, what happens behind a tie to it is not known.
    pub sends_records: bool,
    /// More settings of its adapter.
    pub options: BTreeMap<String, String>,
}

/// What a dialplan context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Its kind.
    pub kind: ContextKind,
    /// A caller who heard it to its end was served.
    pub is_final: bool,
}

/// A way to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Its name.
    pub name: String,
    /// How its devices begin in the records.
    pub device: String,
    /// How the provider writes numbers, in the administrator's words; for people, no number is read by it.
    pub number_format: Option<String>,
}

/// A trunk between two exchanges of the company: what leaves on one end arrives on the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    /// One end.
    pub a: TieEnd,
    /// The other.
    pub b: TieEnd,
    /// How the digits dialed at `a` become those that arrive at `b`.
    pub rewrite: Rewrite,
    /// How the digits dialed at `b` become those that arrive at `a`.
    pub rewrite_back: Rewrite,
    /// What both records share.
    pub key: TieKey,
}

/// One end of a tie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TieEnd {
    /// The exchange.
    pub pbx: String,
    /// The name of its trunk; of an exchange that sends no records, any name.
    pub trunk: String,
}

/// A queue: callers wait, agents answer.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Its number or name in the records.
    pub id: String,
    /// At which exchange.
    pub pbx: String,
    /// Its name.
    pub name: String,
    /// The group that serves it.
    pub group: Option<String>,
    /// The extensions of its agents; one that begins with a plus is an outside number.
    pub members: Vec<String>,
}

/// Extensions rung by a rule.
#[derive(Debug, Clone)]
pub struct HuntGroup {
    /// Its number or name in the records.
    pub id: String,
    /// At which exchange.
    pub pbx: String,
    /// Its name.
    pub name: String,
    /// The group behind it.
    pub group: Option<String>,
    /// The extensions that it rings; one that begins with a plus is an outside number.
    pub members: Vec<String>,
    /// How.
    pub rings: Rings,
}

/// A number of ours.
#[derive(Debug, Clone)]
pub struct Did {
    /// E.164.
    pub number: String,
    /// What it leads to.
    pub entry: Entry,
    /// Whose it is.
    pub group: Option<String>,
    /// Where it belongs.
    pub site: Option<String>,
}

/// What a number of ours leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The kind.
    pub kind: EntryKind,
    /// Which one.
    pub target: Option<String>,
}

impl Entry {
    /// As printed in a call's `entry`.
    #[must_use]
    pub fn kind_word(&self) -> &'static str {
        match self.kind {
            EntryKind::Person => "person",
            EntryKind::HuntGroup => "hunt_group",
            EntryKind::Queue => "queue",
            EntryKind::Menu => "menu",
            EntryKind::Closed => "closed",
            EntryKind::Mailbox => "mailbox",
            EntryKind::Conference => "conference",
            EntryKind::Refused => "refused",
        }
    }
}

/// A figure that somebody wants to hear of when it rises too high.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// The measure, by its name; whoever counts checks that there is one.
    pub measure: String,
    /// Whose figure.
    pub scope: Scope,
    /// Which one of them; `None`: each by itself.
    pub id: Option<String>,
    /// How wide the window is, in seconds: 300, 3600, or 86400 for a day by the calendar.
    pub window_s: u32,
    /// A window of an hour begins every five minutes.
    pub sliding: bool,
    /// A value above this crosses it, in thousandths of the measure's unit.
    pub above_thousandths: i64,
    /// A value at or below this clears it, in thousandths of the measure's unit.
    pub clear_at_thousandths: i64,
    /// Where the site file names the measure.
    pub measure_line: usize,
}

/// Why a customer whose number is known is not called back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NotReturnable {
    /// They asked not to be called.
    DoNotCall,
    /// A fax machine.
    Fax,
}

impl NotReturnable {
    /// As in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            NotReturnable::DoNotCall => "do_not_call",
            NotReturnable::Fax => "fax",
        }
    }
}
