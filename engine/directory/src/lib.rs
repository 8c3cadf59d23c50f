//! Who is who in one company: people, groups, extensions, numbers, queues, trunks, hours, from when to when.
//!
//! Pure: the site file's text comes in, nothing is read or written here, and a moment is an argument.
//! `site.example.toml` beside this crate's manifest explains every key of that file.

mod calendar;
mod country;
mod dialable;
mod error;
mod guess;
mod mail;
mod number;
mod number_kind;
mod numbering_plan;
mod person;
mod place;
mod reading;
mod rewrite;
mod site_file;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use rustc_hash::{FxHashMap, FxHashSet};

pub use calendar::{Calendar, day_span_ms};
pub use country::country_of;
pub use error::SiteError;
pub use guess::Guess;
pub use mail::{EMAIL_BYTES_MAX, is_email};
pub use number::{CACHED_NUMBERS_MAX, Numbers, in_groups, is_withheld};
pub use number_kind::is_premium;
pub use person::{Extension, Group, Mobile, Person, Span};
pub use place::{Context, Did, Entry, HuntGroup, Limit, NotReturnable, Pbx, Queue, Site, Tie, TieEnd, Trunk};
pub use rewrite::Rewrite;
pub use site_file::{ContextKind, EntryKind, Language, MissedSwitches, Rings, Scope, TieKey};

/// Without a site file, an extension has up to six digits.
pub const EXTENSION_DIGITS_MAX: usize = 6;

/// One tenant's directory. The administrator wrote the keys of its maps: a hash without a secret is enough.
#[derive(Debug)]
pub struct Directory {
    tenant: String,
    guessed: bool,
    guesses: Vec<Guess>,
    sites: Vec<Site>,
    pbxes: Vec<Pbx>,
    ties: Vec<Tie>,
    groups: Vec<Group>,
    people: Vec<Person>,
    queues: Vec<Queue>,
    hunt_groups: Vec<HuntGroup>,
    dids: Vec<Did>,
    /// PBX -> extension -> people who had it.
    by_extension: FxHashMap<String, FxHashMap<String, Vec<usize>>>,
    /// Sorted, so that whoever lists agents has the same list each time.
    by_agent_name: BTreeMap<String, Vec<usize>>,
    by_mobile: FxHashMap<String, Vec<usize>>,
    by_did: FxHashMap<String, usize>,
    /// PBX -> extensions of people and of members of queues and hunt groups.
    extensions: FxHashMap<String, FxHashSet<String>>,
    missed: MissedSwitches,
    limits: Limits,
    watched: Vec<Limit>,
    /// By number in E.164.
    not_returnable: FxHashMap<String, NotReturnable>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    short_abandon_ms: i64,
    service_level_ms: i64,
    talk_min_ms: i64,
    expires_after_ms: i64,
    grace_ms: i64,
    tie_skew_ms: i64,
    follow_up_out_of_hours: bool,
    follow_up_due_ms: i64,
    deal_lapses_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            short_abandon_ms: 5_000,
            service_level_ms: 20_000,
            talk_min_ms: 10_000,
            expires_after_ms: 7 * 86_400_000,
            grace_ms: 4 * 3_600_000,
            tie_skew_ms: 3_000,
            follow_up_out_of_hours: true,
            follow_up_due_ms: 900_000,
            deal_lapses_ms: 1_800_000,
        }
    }
}

impl Directory {
    /// Reads a site file.
    ///
    /// # Errors
    /// What is wrong, on which line, and what would have worked.
    pub fn from_toml(text: &str) -> Result<Directory, SiteError> {
        reading::read(text)
    }

    /// What holds without a site file: one site, one exchange, no country and no zone.
    #[must_use]
    pub fn without_site_file(pbx_id: &str) -> Directory {
        let mut directory = Directory::empty("main", true);
        directory.sites.push(Site {
            id: "main".into(),
            name: "main".into(),
            zone: None,
            region: None,
            outside_prefix: String::new(),
            calendar: None,
        });
        directory.pbxes.push(Pbx {
            id: pbx_id.to_owned(),
            site: "main".into(),
            adapter: None,
            zone: None,
            columns: Vec::new(),
            contexts: BTreeMap::new(),
            places: BTreeMap::new(),
            trunks: Vec::new(),
            clock_offset_ms: None,
            sends_records: true,
            options: BTreeMap::new(),
        });
        directory
    }

    /// The same, of the company with this id.
    #[must_use]
    pub fn of_tenant(mut self, tenant: &str) -> Directory {
        tenant.clone_into(&mut self.tenant);
        self
    }

    /// The company.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// True without a site file.
    #[must_use]
    pub fn is_guessed(&self) -> bool {
        self.guessed
    }

    /// The lines of the site file of which it says itself that they were guessed.
    #[must_use]
    pub fn guesses(&self) -> &[Guess] {
        &self.guesses
    }

    /// All sites, the first one first.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// All exchanges, the first one first.
    #[must_use]
    pub fn pbxes(&self) -> &[Pbx] {
        &self.pbxes
    }

    /// The site file's first exchange.
    #[must_use]
    pub fn first_pbx(&self) -> &Pbx {
        &self.pbxes[0]
    }

    /// The exchange of this id; without a site file, any id is the one exchange.
    #[must_use]
    pub fn pbx(&self, id: &str) -> Option<&Pbx> {
        if self.guessed { self.pbxes.first() } else { self.pbxes.iter().find(|p| p.id == id) }
    }

    /// Ids of all exchanges.
    pub fn pbx_ids(&self) -> impl Iterator<Item = &str> {
        self.pbxes.iter().map(|p| p.id.as_str())
    }

    /// The site of this id.
    #[must_use]
    pub fn site(&self, id: &str) -> Option<&Site> {
        self.sites.iter().find(|s| s.id == id)
    }

    /// Trunks between two of our exchanges.
    #[must_use]
    pub fn ties(&self) -> &[Tie] {
        &self.ties
    }

    /// Everybody.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Every group.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The person of this id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|p| p.id == id)
    }

    /// Who had this extension at this moment (UTC, milliseconds); where several share it, the first in the site file.
    #[must_use]
    pub fn person_at_extension(&self, pbx: &str, extension: &str, at_ms: i64) -> Option<&Person> {
        let people = self.by_extension.get(pbx)?.get(extension)?;
        people
            .iter()
            .filter_map(|i| self.people.get(*i))
            .find(|p| p.extensions.iter().any(|e| e.pbx == pbx && e.number == extension && e.span.holds(at_ms)))
    }

    /// Who had this mobile number (E.164) at this moment (UTC, milliseconds).
    #[must_use]
    pub fn person_by_mobile(&self, number: &str, at_ms: i64) -> Option<&Person> {
        let people = self.by_mobile.get(number)?;
        people
            .iter()
            .filter_map(|i| self.people.get(*i))
            .find(|p| p.mobiles.iter().any(|m| m.number == number && m.span.holds(at_ms)))
    }

    /// The person whom a queue log calls so at this moment (UTC, milliseconds): by a listed agent name, by their own
    /// name, or by their extension. `None` where two people who were there share the name: nobody can tell them apart.
    #[must_use]
    pub fn person_by_agent_name(&self, pbx: &str, name: &str, at_ms: i64) -> Option<&Person> {
        let Some(indexes) = self.by_agent_name.get(name) else { return self.person_at_extension(pbx, name, at_ms) };
        let people = || indexes.iter().filter_map(|i| self.people.get(*i));
        let was_there = |p: &&Person| p.extensions.iter().any(|e| e.pbx == pbx && e.span.holds(at_ms));
        let is_listed = |p: &&Person| p.agent_names.iter().any(|n| n == name);
        only(people().filter(was_there).filter(is_listed))
            .or_else(|| only(people().filter(was_there)))
            .or_else(|| only(people()))
    }

    /// The first extension that a person had at this exchange at this moment, else at any.
    #[must_use]
    pub fn main_extension<'a>(&'a self, person: &'a Person, pbx: &str, at_ms: i64) -> Option<&'a str> {
        let held = || person.extensions.iter().filter(|e| e.span.holds(at_ms));
        held().find(|e| e.pbx == pbx).or_else(|| held().next()).map(|e| e.number.as_str())
    }

    /// The group that a person is in.
    #[must_use]
    pub fn group_of(&self, person: &Person) -> Option<&Group> {
        person.group.as_deref().and_then(|g| self.group(g))
    }

    /// The group of this id.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|g| g.id == id)
    }

    /// The queue that the records of this exchange call so.
    #[must_use]
    pub fn queue(&self, pbx: &str, id: &str) -> Option<&Queue> {
        self.queues.iter().find(|q| q.pbx == pbx && q.id == id)
    }

    /// The hunt group that the records of this exchange call so.
    #[must_use]
    pub fn hunt_group(&self, pbx: &str, id: &str) -> Option<&HuntGroup> {
        self.hunt_groups.iter().find(|h| h.pbx == pbx && h.id == id)
    }

    /// All queues.
    pub fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter()
    }

    /// All hunt groups.
    pub fn hunt_groups(&self) -> impl Iterator<Item = &HuntGroup> {
        self.hunt_groups.iter()
    }

    /// The number of ours, E.164.
    #[must_use]
    pub fn did(&self, number: &str) -> Option<&Did> {
        self.by_did.get(number).and_then(|i| self.dids.get(*i))
    }

    /// All numbers of ours.
    pub fn dids(&self) -> impl Iterator<Item = &Did> {
        self.dids.iter()
    }

    /// (extension, device) of everybody at this exchange whose device was told.
    pub fn devices<'a>(&'a self, pbx: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.people
            .iter()
            .flat_map(|p| &p.extensions)
            .filter(move |e| e.pbx == pbx && !e.device.is_empty())
            .map(|e| (e.number.as_str(), e.device.as_str()))
    }

    /// Every extension of this exchange: those of people, and those that are only a member of a queue or hunt group.
    pub fn extensions<'a>(&'a self, pbx: &str) -> impl Iterator<Item = &'a str> {
        self.extensions.get(pbx).into_iter().flatten().map(String::as_str)
    }

    /// True for an extension of this exchange, or, where nobody listed any, for up to six digits.
    #[must_use]
    pub fn is_extension(&self, pbx: &str, digits: &str) -> bool {
        match self.extensions.get(pbx) {
            Some(known) => known.contains(digits),
            None => (1..=EXTENSION_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()),
        }
    }

    /// (name in a queue log, extension) of everybody at this exchange; a name that two people share is left out.
    pub fn agents<'a>(&'a self, pbx: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.by_agent_name.iter().filter_map(move |(name, indexes)| {
            let people = indexes.iter().filter_map(|i| self.people.get(*i));
            let extension = only(people.filter_map(|p| p.extensions.iter().find(|e| e.pbx == pbx)))?;
            Some((name.as_str(), extension.number.as_str()))
        })
    }

    /// Places of this exchange by the number that reaches them.
    pub fn places<'a>(&'a self, pbx: &'a str) -> impl Iterator<Item = (&'a str, ContextKind)> {
        let own =
            self.pbxes.iter().filter(move |p| p.id == pbx).flat_map(|p| p.places.iter().map(|(n, k)| (n.as_str(), *k)));
        let queues = self.queues.iter().filter(move |q| q.pbx == pbx).map(|q| (q.id.as_str(), ContextKind::Queue));
        let groups =
            self.hunt_groups.iter().filter(move |h| h.pbx == pbx).map(|h| (h.id.as_str(), ContextKind::HuntGroup));
        own.chain(queues).chain(groups)
    }

    /// What is dialed before an outside number.
    #[must_use]
    pub fn outside_prefix(&self, pbx: &str) -> Option<&str> {
        self.pbx(pbx).and_then(|p| self.site(&p.site)).map(|s| s.outside_prefix.as_str())
    }

    /// Normalizes the numbers of this exchange.
    #[must_use]
    pub fn numbers(&self, pbx: &str) -> Numbers {
        Numbers::new(self, pbx)
    }

    /// Open by the calendar of the group (or of a group above it), else of the site; `None` where nobody told hours.
    #[must_use]
    pub fn group_open_at(&self, group: Option<&str>, site: Option<&str>, at_ms: i64) -> Option<bool> {
        self.calendar(group, site).map(|c| c.is_open(at_ms))
    }

    /// When the group or site opens next; `None` where nobody told hours.
    #[must_use]
    pub fn next_opening(&self, group: Option<&str>, site: Option<&str>, at_ms: i64) -> Option<i64> {
        self.calendar(group, site).and_then(|c| c.next_opening(at_ms))
    }

    /// When so much working time of the group or site has passed since this moment, all in milliseconds; always is working time where
    /// nobody told hours. `None` where it does not come within sixty days.
    #[must_use]
    pub fn after_working_time(
        &self,
        group: Option<&str>,
        site: Option<&str>,
        since_ms: i64,
        working_ms: i64,
    ) -> Option<i64> {
        match self.calendar(group, site) {
            Some(calendar) => calendar.after_working_time(since_ms, working_ms),
            None => Some(since_ms.saturating_add(working_ms)),
        }
    }

    fn calendar(&self, group: Option<&str>, site: Option<&str>) -> Option<&Calendar> {
        let mut above = group.and_then(|g| self.group(g));
        while let Some(group) = above {
            if let Some(calendar) = &group.calendar {
                return Some(calendar);
            }
            above = group.parent.as_deref().and_then(|p| self.group(p));
        }
        site.and_then(|s| self.site(s)).and_then(|s| s.calendar.as_ref())
    }

    /// What counts as missed beyond the plain case.
    #[must_use]
    pub fn missed_switches(&self) -> &MissedSwitches {
        &self.missed
    }

    /// A caller who hangs up sooner left almost at once, in milliseconds.
    #[must_use]
    pub fn short_abandon_ms(&self) -> i64 {
        self.limits.short_abandon_ms
    }

    /// A caller who is answered within this was answered soon enough, in milliseconds: the `t` of the service level.
    #[must_use]
    pub fn service_level_ms(&self) -> i64 {
        self.limits.service_level_ms
    }

    /// The figures that somebody wants to hear of when they rise too high.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.watched
    }

    /// By whose clocks the company's days go: those of its first site; UTC where that tells no zone.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.sites.first().and_then(|s| s.zone).unwrap_or(Tz::UTC)
    }

    /// A call back shorter than this settles nothing, in milliseconds.
    #[must_use]
    pub fn talk_min_ms(&self) -> i64 {
        self.limits.talk_min_ms
    }

    /// An open follow-up is expired after this, in milliseconds.
    #[must_use]
    pub fn expires_after_ms(&self) -> i64 {
        self.limits.expires_after_ms
    }

    /// How long a call without an end marker stays open, in milliseconds.
    #[must_use]
    pub fn grace_ms(&self) -> i64 {
        self.limits.grace_ms
    }

    /// The two halves of a call over a tie begin within this of each other, by one clock, in milliseconds.
    #[must_use]
    pub fn tie_skew_ms(&self) -> i64 {
        self.limits.tie_skew_ms
    }

    /// An unanswered call out of hours opens a follow-up too.
    #[must_use]
    pub fn follow_up_out_of_hours(&self) -> bool {
        self.limits.follow_up_out_of_hours
    }

    /// A missed call is to be returned within so much working time after its end, in milliseconds.
    #[must_use]
    pub fn follow_up_due_ms(&self) -> i64 {
        self.limits.follow_up_due_ms
    }

    /// Whoever deals with a follow-up does so for so long, unless they say it again, in milliseconds.
    #[must_use]
    pub fn deal_lapses_ms(&self) -> i64 {
        self.limits.deal_lapses_ms
    }

    /// Why this customer (E.164) is not called back, if they are not.
    #[must_use]
    pub fn not_returnable(&self, customer: &str) -> Option<NotReturnable> {
        self.not_returnable.get(customer).copied()
    }

    /// Nothing but the defaults.
    fn empty(tenant: &str, guessed: bool) -> Directory {
        Directory {
            tenant: tenant.to_owned(),
            guessed,
            guesses: Vec::new(),
            sites: Vec::new(),
            pbxes: Vec::new(),
            ties: Vec::new(),
            groups: Vec::new(),
            people: Vec::new(),
            queues: Vec::new(),
            hunt_groups: Vec::new(),
            dids: Vec::new(),
            by_extension: FxHashMap::default(),
            by_agent_name: BTreeMap::new(),
            by_mobile: FxHashMap::default(),
            by_did: FxHashMap::default(),
            extensions: FxHashMap::default(),
            missed: MissedSwitches::default(),
            limits: Limits::default(),
            watched: Vec::new(),
            not_returnable: FxHashMap::default(),
        }
    }

    /// Fills what is looked up, from what was read.
    fn index(&mut self) {
        for (index, person) in self.people.iter().enumerate() {
            for extension in &person.extensions {
                let at_pbx = self.by_extension.entry(extension.pbx.clone()).or_default();
                at_pbx.entry(extension.number.clone()).or_default().push(index);
                self.extensions.entry(extension.pbx.clone()).or_default().insert(extension.number.clone());
            }
            for mobile in &person.mobiles {
                self.by_mobile.entry(mobile.number.clone()).or_default().push(index);
            }
            for name in person.agent_names.iter().chain([&person.name]) {
                let people = self.by_agent_name.entry(name.clone()).or_default();
                if people.last() != Some(&index) {
                    people.push(index);
                }
            }
        }
        let queues = self.queues.iter().map(|q| (&q.pbx, &q.members));
        let hunt_groups = self.hunt_groups.iter().map(|h| (&h.pbx, &h.members));
        for (pbx, members) in queues.chain(hunt_groups) {
            let inside = members.iter().filter(|m| !m.starts_with('+'));
            self.extensions.entry(pbx.clone()).or_default().extend(inside.cloned());
        }
        self.extensions.retain(|_, extensions| !extensions.is_empty());
        self.by_did = self.dids.iter().enumerate().map(|(index, did)| (did.number.clone(), index)).collect();
    }
}

/// The only one there is.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}
