//! Calls one at a time, beside those of a plan, as the records that an exchange writes of them.

use adapters::leg::{Moment, Text};
use directory::Directory;

use crate::GeneratorError;
use crate::company::{Company, Entry, PersonAt};
use crate::formats::Writer;
use crate::plan::PbxChoice;
use crate::rows::{Row, Written};
use crate::script::{Call, Caller, Kind, Ring, RingEnd, Span, Step};

/// One exchange of a company, which writes what it is told has happened.
pub struct Single {
    company: Company,
    at: usize,
    id: Text,
    writer: Writer,
}

/// A call that Ringback had the exchange place: it rang a telephone of ours, and dialed the customer when that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The unique id that it was told to give the call.
    pub call: String,
    /// The account, and what stands in the user field.
    pub account: String,
    /// As of `account`.
    pub user_field: String,
    /// The telephone of ours: `PJSIP/2001`.
    pub device: String,
    /// What it showed while it rang.
    pub shown_name: String,
    /// As of `shown_name`.
    pub shown_number: String,
    /// The customer's number as it was dialed.
    pub dialed: String,
    /// When the exchange began to ring it.
    pub made_at: Moment,
    /// When somebody took it; `None`: nobody did, and the customer was not dialed.
    pub taken_at: Option<Moment>,
    /// When all was over.
    pub ended_at: Moment,
    /// How the last telephone that rang came out of it.
    pub end: PlacedEnd,
}

/// How a telephone came out of being rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacedEnd {
    /// It was taken.
    Answered,
    /// It was busy.
    Busy,
    /// It rang out.
    NoAnswer,
}

/// A call that a person of ours did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedBy {
    /// Their id in the site file.
    pub person: String,
    /// Who called, E.164.
    pub customer: String,
    /// How long the telephone rang, in milliseconds.
    pub rang_ms: i64,
    /// When the caller hung up.
    pub ended_at: Moment,
}

/// From the beginning of a call to the first telephone, in milliseconds.
const BEFORE_RINGING_MS: i64 = 60;

/// How long the dialplan would let a telephone ring, in seconds.
const RING_S: i64 = 25;

impl Single {
    /// The exchange `pbx` of the company of this site file. Its channels and ids are its own; `counted` is how many records it has
    /// written before, so that it gives none twice.
    ///
    /// # Errors
    /// A site file that is wrong, an exchange that it lacks or whose records cannot be written.
    pub fn new(
        site: &str,
        pbxes: &[PbxChoice],
        pbx: &str,
        now: Moment,
        counted: u64,
    ) -> Result<Single, GeneratorError> {
        let directory =
            Directory::from_toml(site).map_err(|error| GeneratorError(format!("the site file: {error}")))?;
        let company = Company::of(directory, pbxes, now.0, 0)?;
        let at = pbxes.iter().position(|known| known.id == pbx);
        let at = at.ok_or_else(|| GeneratorError(format!("no PBX `{pbx}`")))?;
        let counted = u32::try_from(counted % u64::from(COUNTED_MAX)).unwrap_or(0);
        let writer = match Writer::new(&company.exchanges[at])? {
            Writer::AsteriskCdr(writer) => Writer::AsteriskCdr(writer.named(SYSTEM, counted)),
            Writer::CiscoCucm(_) => {
                return Err(GeneratorError(format!("PBX `{pbx}`: single calls are written as asterisk_cdr only")));
            }
        };
        Ok(Single { company, at, id: Text::from(pbx), writer })
    }

    /// Ids of those who can be missed at this moment: they have a telephone and a number here, and their group is open.
    #[must_use]
    pub fn missable(&self, now: Moment) -> Vec<&str> {
        let exchange = &self.company.exchanges[self.at];
        let open = exchange.dids.iter().filter(|did| self.company.is_open(did, now.0));
        let person = |did: &crate::company::Did| match did.entry {
            Entry::Person(person) => Some(self.company.people[person].id.as_str()),
            _ => None,
        };
        open.filter_map(person).collect()
    }

    /// The records of a call that a person of ours did not take: their telephone rang until the caller hung up. `None`: they have no
    /// number that leads to a telephone here.
    pub fn missed(&mut self, missed: &MissedBy) -> Option<Vec<Row>> {
        let exchange = &self.company.exchanges[self.at];
        let of = |did: &crate::company::Did| match did.entry {
            Entry::Person(person) => Some(person).filter(|at| self.company.people[*at].id == missed.person),
            _ => None,
        };
        let (did, person) = exchange.dids.iter().enumerate().find_map(|(at, did)| Some((at, of(did)?)))?;
        let rang_at = missed.ended_at.0 - missed.rang_ms;
        let call = Call {
            kind: Kind::Inbound,
            caller: Caller::Outside(missed.customer.clone()),
            did,
            started_ms: rang_at - BEFORE_RINGING_MS,
            ended_ms: missed.ended_at.0,
            ended_by_caller: true,
            steps: vec![Step::Ring(rang(person, rang_at, missed.ended_at.0))],
            ..Call::nothing(self.at)
        };
        let mut written = Vec::new();
        match &mut self.writer {
            Writer::AsteriskCdr(writer) => writer.call(&self.company, &call, self.at, &mut written),
            Writer::CiscoCucm(_) => return None,
        };
        Some(self.rows(written))
    }

    /// The records of a call that the exchange was told to place.
    pub fn placed(&mut self, placed: &Placed) -> Vec<Row> {
        let mut written = Vec::new();
        if let Writer::AsteriskCdr(writer) = &mut self.writer {
            writer.placed(&self.company, self.at, placed, &mut written);
        }
        self.rows(written)
    }

    fn rows(&self, written: Vec<Written>) -> Vec<Row> {
        let adapter = self.company.exchanges[self.at].adapter;
        let row =
            |written: Written| Row { pbx: self.id.clone(), adapter, at: Moment(written.at_ms), bytes: written.bytes };
        written.into_iter().map(row).collect()
    }
}

fn rang(person: PersonAt, from: i64, until: i64) -> Ring {
    Ring {
        hunt_group: None,
        people: vec![person],
        limit_s: RING_S,
        passed_by: None,
        span: Span { from, until },
        end: RingEnd::CallerLeft,
    }
}

/// The exchange's own name, which stands before the unique ids of single calls: those of a plan have none.
const SYSTEM: &str = "demo-";

/// Channels and ids are numbered anew after so many.
const COUNTED_MAX: u32 = 1 << 24;
