//! The contract of an adapter, on one page: a PBX's bytes in, legs, marks and rejects out. It never fails, reads no clock, keeps no state.

use std::sync::Arc;

use chrono_tz::Tz;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::framing::Framing;
use crate::leg::{Leg, Moment, Origin, Position, Stage, Text};
use crate::mark::Mark;
use crate::reject::Reject;

/// One format of one make of PBX.
pub trait Adapter: Sync {
    /// What it is, what it tells, what ends a call.
    fn about(&self) -> &'static About;

    /// How a stream of bytes is cut into records.
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    /// A line that names the columns instead of telling a leg: it is not counted as a record,
    /// and goes with every record after it. A header without names (a line of SQL types below the names) is no record either,
    /// and the header before it stays.
    fn header(&self, _bytes: &[u8], _settings: &Settings) -> Option<Header> {
        None
    }

    /// Reads one record. What was understood is in `out.legs` or `out.marks`, what was not in `out.rejects`; every byte is in one of them.
    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs);
}

/// One record as the PBX wrote it.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Its bytes, without the frame (line end, STX and ETX).
    pub bytes: &'a [u8],
    /// Where it was read.
    pub position: Position,
    /// The identity of the file or collector it came from: with the position, the id of legs whose format has none.
    pub source: &'a [u8],
    /// The column names that stood before it, if any did.
    pub header: Option<&'a Header>,
    /// When it reached the log, for formats without a year or a date; `None` when a file is read by hand.
    pub logged_at: Option<Moment>,
}

/// The column names of a file, and where the adapter's own columns are among them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// As written.
    pub names: Vec<Text>,
    /// For each column that the adapter knows, in its own order: the index in a record, or `None`.
    pub index: Vec<Option<usize>>,
}

impl Header {
    /// What goes with the records after this line, when `known` went with those before it.
    pub fn take(self, known: &mut Option<Header>) {
        if !self.names.is_empty() {
            *known = Some(self);
        }
    }

    /// Finds `known` columns among `names`, without regard to case.
    #[must_use]
    pub fn find(names: Vec<Text>, known: &[&str]) -> Header {
        let index = known.iter().map(|k| names.iter().position(|n| n.trim().eq_ignore_ascii_case(k))).collect();
        Header { names, index }
    }
}

/// What was read: reused from record to record, so that its memory is asked for once.
#[derive(Default, Debug)]
pub struct Legs {
    /// What was understood.
    pub legs: Vec<Leg>,
    /// What was understood and is no leg: of the engine's own records.
    pub marks: Vec<Mark>,
    /// What was not.
    pub rejects: Vec<Reject>,
}

impl Legs {
    /// Says that the record was not understood.
    pub fn reject(&mut self, record: Record<'_>, reason: impl Into<String>) {
        self.rejects.push(Reject::new(record.position, record.bytes, reason));
    }
}

/// What an adapter is told of the exchange whose records it reads. The shell fills it from the site file;
/// everything site-specific is here and nothing of it in an adapter's code.
/// Its maps are asked several times for each record, and the administrator wrote their keys: a hash without a secret is enough.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who tells the legs.
    pub origin: Arc<Origin>,
    /// The zone of its printed times; `None`: UTC, or what a record proves.
    pub zone: Option<Tz>,
    /// The columns of a layout that the administrator chose; empty: as the product writes them.
    pub columns: Vec<Text>,
    /// What each dialplan context (or place of another name) is.
    pub stages: FxHashMap<Text, Stage>,
    /// Trunks: how their devices begin, and their names.
    pub trunks: Vec<(Text, Text)>,
    /// Telephones: device -> extension, where the device's name does not say it.
    pub devices: FxHashMap<Text, Text>,
    /// The extensions that exist; empty: digits up to [`EXTENSION_DIGITS_MAX`] are one.
    pub extensions: FxHashSet<Text>,
    /// Agents by the name that a queue log prints -> extension.
    pub agents: FxHashMap<Text, Text>,
    /// Numbers of ours, E.164 without the plus.
    pub dids: FxHashSet<Text>,
    /// Queues, hunt groups, parking places, mailboxes, conference rooms, menus by the number that reaches them.
    pub places: FxHashMap<Text, Stage>,
    /// The prefix that takes an outside line.
    pub outside_prefix: Text,
    /// More settings of one adapter, by name (`generic_csv` maps its columns here).
    pub options: FxHashMap<Text, Text>,
}

/// Without a site file, an extension has up to six digits, and an outside number more.
pub const EXTENSION_DIGITS_MAX: usize = 6;

impl Settings {
    /// What holds without a site file.
    #[must_use]
    pub fn without_site_file(tenant: &str, pbx: &str, adapter: &'static str) -> Settings {
        Settings {
            origin: Arc::new(Origin { tenant: tenant.into(), pbx: pbx.into(), adapter }),
            zone: None,
            columns: Vec::new(),
            stages: FxHashMap::default(),
            trunks: Vec::new(),
            devices: FxHashMap::default(),
            extensions: FxHashSet::default(),
            agents: FxHashMap::default(),
            dids: FxHashSet::default(),
            places: FxHashMap::default(),
            outside_prefix: Text::default(),
            options: FxHashMap::default(),
        }
    }

    /// True for an extension that exists, or, where nobody listed them, for up to six digits.
    #[must_use]
    pub fn is_extension(&self, digits: &str) -> bool {
        if self.extensions.is_empty() { looks_like_extension(digits) } else { self.extensions.contains(digits) }
    }

    /// The trunk that this device belongs to: the longest prefix wins.
    #[must_use]
    pub fn trunk(&self, device: &str) -> Option<&Text> {
        self.trunks
            .iter()
            .filter(|(prefix, _)| device.starts_with(prefix.as_str()))
            .max_by_key(|(prefix, _)| prefix.len())
            .map(|(_, name)| name)
    }
}

/// One to six digits.
#[must_use]
pub fn looks_like_extension(digits: &str) -> bool {
    (1..=EXTENSION_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// What an adapter is: printed by `ringback adapters`, and used by whoever must know when a call has ended.
#[derive(Debug)]
pub struct About {
    /// The adapter's name: its file in `pbx/`.
    pub name: &'static str,
    /// The make and the format, in the manual's words.
    pub title: &'static str,
    /// Versions whose records it was written for.
    pub versions: &'static str,
    /// Where the knowledge comes from.
    pub provenance: Provenance,
    /// What ends a call.
    pub ends: Ends,
    /// What its records can tell.
    pub tells: &'static [Tells],
    /// What must be switched on at the PBX so that unanswered calls are recorded at all.
    pub needs: &'static str,
    /// How late a record usually comes after the end of what it tells, in seconds.
    pub typical_delay_s: u32,
}

/// Where an adapter's knowledge comes from, from the surest down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provenance {
    /// A real PBX whose calls were scripted, with the truth.
    RealPbx,
    /// Records that somebody's PBX wrote.
    RealRecords,
    /// The manufacturer's documentation.
    Documentation,
}

/// What ends a call: before that its verdict may still turn, so nothing may act on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
    /// Each record is a whole call.
    EachRecord,
    /// One record says that it is the last ([`Leg::ends_call`]); those written with it follow within `settle_s`.
    Marker {
        /// Seconds of the log's time after the marker.
        settle_s: u32,
    },
    /// Nothing in the records: only silence for `idle_s`, with the argument why that is enough.
    Silence {
        /// Seconds of the log's time without a record of the call.
        idle_s: u32,
        /// Why no record of the call can come later than that.
        because: &'static str,
    },
    /// It refines another source of the same PBX and ends no call by itself.
    Never,
}

/// A thing that a format's records can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tells {
    /// Inbound, outbound or internal, without a site file.
    Direction,
    /// Each ringing of each person.
    Offers,
    /// The wait in a queue apart from the ringing.
    QueueWait,
    /// The number of ours that was dialed.
    Did,
    /// Who hung up.
    EndedBy,
    /// Time on hold.
    Hold,
    /// That a mailbox took the call.
    Mailbox,
    /// Who of several was asked in vain.
    Declined,
    /// Transfers with who passed whom to whom.
    Transfers,
    /// Seconds or better.
    Seconds,
}
