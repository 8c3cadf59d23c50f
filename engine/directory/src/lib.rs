//! Who is who in one company: people, groups, extensions, numbers, queues, trunks, hours, from when to when.
//!
//! Pure: the site file's text comes in, nothing is read or written here, and a moment is an argument.

mod calendar;
mod number;
mod site_file;

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use chrono_tz::Tz;
use rlibphonenumber::enums::Region;

pub use calendar::Calendar;
pub use number::{CACHED_NUMBERS_MAX, Numbers, is_withheld};
pub use site_file::{ContextKind, EntryKind, MissedSwitches, Rings, TieEnd, TieEntry, TieKey};

use site_file::{ContextEntry, SiteFile};

/// Without a site file, an extension has up to six digits.
pub const EXTENSION_DIGITS_MAX: usize = 6;

/// What is wrong in a site file: what, where, and what would have worked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteError(String);

impl std::fmt::Display for SiteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SiteError {}

/// One tenant's directory.
#[derive(Debug)]
pub struct Directory {
    tenant: String,
    guessed: bool,
    sites: Vec<Site>,
    pbxes: Vec<Pbx>,
    ties: Vec<TieEntry>,
    groups: Vec<Group>,
    people: Vec<Person>,
    queues: Vec<Queue>,
    hunt_groups: Vec<HuntGroup>,
    dids: Vec<Did>,
    /// (PBX, extension) -> people who had it.
    by_extension: HashMap<(String, String), Vec<usize>>,
    by_agent_name: HashMap<String, usize>,
    by_mobile: HashMap<String, Vec<usize>>,
    by_did: HashMap<String, usize>,
    missed: MissedSwitches,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    short_abandon_ms: i64,
    talk_min_ms: i64,
    expires_after_ms: i64,
    grace_ms: i64,
    follow_up_out_of_hours: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            short_abandon_ms: 5_000,
            talk_min_ms: 10_000,
            expires_after_ms: 7 * 86_400_000,
            grace_ms: 4 * 3_600_000,
            follow_up_out_of_hours: true,
        }
    }
}

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
    /// Its own working hours; `None`: its site's.
    pub calendar: Option<Calendar>,
}

/// A human of the company.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their group.
    pub group: Option<String>,
    /// Their extensions, from when to when.
    pub extensions: Vec<Extension>,
    /// Their mobile numbers, E.164, from when to when.
    pub mobiles: Vec<(String, Span)>,
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
    /// Its device, where the record prints another name than the digits.
    pub device: String,
    /// From when to when.
    pub span: Span,
}

/// From when to when, by days in UTC; open where not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
}

impl Span {
    /// True if the moment (UTC, milliseconds) is inside; the day `until` is the first that is not.
    #[must_use]
    pub fn holds(&self, at_ms: i64) -> bool {
        let day = chrono::DateTime::from_timestamp_millis(at_ms).map(|t| t.date_naive());
        day.is_some_and(|d| self.from.is_none_or(|f| d >= f) && self.until.is_none_or(|u| d < u))
    }
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
    /// The extensions of its agents.
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
    /// The extensions that it rings.
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

impl Directory {
    /// Reads a site file.
    ///
    /// # Errors
    /// What is wrong, where, and what would have worked.
    pub fn from_toml(text: &str) -> Result<Directory, SiteError> {
        let file: SiteFile = toml::from_str(text).map_err(|e| SiteError(e.to_string().trim_end().to_owned()))?;
        build(file).map_err(SiteError)
    }

    /// What holds without a site file: one site, one exchange, no country and no zone.
    #[must_use]
    pub fn without_site_file(pbx_id: &str) -> Directory {
        let mut directory = empty("main".to_owned(), true);
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
            options: BTreeMap::new(),
        });
        directory
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
    pub fn ties(&self) -> &[TieEntry] {
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

    /// Who had this extension at this moment (UTC, milliseconds).
    #[must_use]
    pub fn person_at_extension(&self, pbx: &str, extension: &str, at_ms: i64) -> Option<&Person> {
        let people = self.by_extension.get(&(pbx.to_owned(), extension.to_owned()))?;
        people
            .iter()
            .map(|i| &self.people[*i])
            .find(|p| p.extensions.iter().any(|e| e.pbx == pbx && e.number == extension && e.span.holds(at_ms)))
    }

    /// Who had this mobile number (E.164) at this moment.
    #[must_use]
    pub fn person_by_mobile(&self, number: &str, at_ms: i64) -> Option<&Person> {
        let people = self.by_mobile.get(number)?;
        people
            .iter()
            .map(|i| &self.people[*i])
            .find(|p| p.mobiles.iter().any(|(n, span)| n == number && span.holds(at_ms)))
    }

    /// The person whom a queue log calls so.
    #[must_use]
    pub fn person_by_agent_name(&self, name: &str) -> Option<&Person> {
        self.by_agent_name.get(name).map(|i| &self.people[*i])
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

    /// The number of ours, E.164.
    #[must_use]
    pub fn did(&self, number: &str) -> Option<&Did> {
        self.by_did.get(number).map(|i| &self.dids[*i])
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

    /// Every extension of this exchange.
    pub fn extensions<'a>(&'a self, pbx: &'a str) -> impl Iterator<Item = &'a str> {
        self.people.iter().flat_map(|p| &p.extensions).filter(move |e| e.pbx == pbx).map(|e| e.number.as_str())
    }

    /// (name in a queue log, extension) of everybody at this exchange.
    pub fn agents<'a>(&'a self, pbx: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.by_agent_name.iter().filter_map(move |(name, index)| {
            let person = &self.people[*index];
            person.extensions.iter().find(|e| e.pbx == pbx).map(|e| (name.as_str(), e.number.as_str()))
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

    /// An unanswered call out of hours opens a follow-up too.
    #[must_use]
    pub fn follow_up_out_of_hours(&self) -> bool {
        self.limits.follow_up_out_of_hours
    }
}

fn empty(tenant: String, guessed: bool) -> Directory {
    Directory {
        tenant,
        guessed,
        sites: Vec::new(),
        pbxes: Vec::new(),
        ties: Vec::new(),
        groups: Vec::new(),
        people: Vec::new(),
        queues: Vec::new(),
        hunt_groups: Vec::new(),
        dids: Vec::new(),
        by_extension: HashMap::new(),
        by_agent_name: HashMap::new(),
        by_mobile: HashMap::new(),
        by_did: HashMap::new(),
        missed: MissedSwitches::default(),
        limits: Limits::default(),
    }
}

/// The file's entries as a directory; every reference is checked.
fn build(file: SiteFile) -> Result<Directory, String> {
    let mut directory = empty(file.tenant.unwrap_or_else(|| "main".to_owned()), false);
    let seconds = |s: f64| (s * 1000.0) as i64;
    let limits = &mut directory.limits;
    limits.short_abandon_ms = file.short_abandon_s.map_or(limits.short_abandon_ms, seconds);
    limits.talk_min_ms = file.talk_min_s.map_or(limits.talk_min_ms, seconds);
    limits.expires_after_ms = file.expires_after_days.map_or(limits.expires_after_ms, |d| i64::from(d) * 86_400_000);
    limits.grace_ms = file.grace_s.map_or(limits.grace_ms, |s| i64::from(s) * 1000);
    limits.follow_up_out_of_hours = file.follow_up_out_of_hours.unwrap_or(limits.follow_up_out_of_hours);
    directory.missed = file.missed;
    for site in file.site {
        let zone = zone(&format!("site {}", site.id), site.zone.as_deref())?;
        let region = match &site.country {
            None => None,
            Some(code) => Some(region(code).ok_or_else(|| {
                format!(
                    "site {}: country = \"{code}\" is no country; give two letters of ISO 3166, for example \"PL\"",
                    site.id
                )
            })?),
        };
        let calendar = Calendar::read(&site.hours, &site.closed, zone.unwrap_or(Tz::UTC))
            .map_err(|e| format!("site {}: {e}", site.id))?;
        directory.sites.push(Site {
            name: site.name.unwrap_or_else(|| site.id.clone()),
            id: site.id,
            zone,
            region,
            outside_prefix: site.outside_prefix,
            calendar,
        });
    }
    if directory.sites.is_empty() {
        return Err("no [[site]]: a company has at least one, with its zone and country".to_owned());
    }
    let site_ids: Vec<String> = directory.sites.iter().map(|s| s.id.clone()).collect();
    for pbx in file.pbx {
        let what = format!("pbx {}", pbx.id);
        let site = pbx.site.unwrap_or_else(|| site_ids[0].clone());
        known(&what, "site", &site, &site_ids)?;
        let own_zone = zone(&what, pbx.zone.as_deref())?;
        let zone = own_zone.or_else(|| directory.site(&site).and_then(|s| s.zone));
        let contexts = pbx
            .contexts
            .into_iter()
            .map(|(name, entry)| {
                let context = match entry {
                    ContextEntry::Kind(kind) => Context { kind, is_final: false },
                    ContextEntry::Told(told) => Context { kind: told.kind, is_final: told.is_final },
                };
                (name, context)
            })
            .collect();
        directory.pbxes.push(Pbx {
            id: pbx.id,
            site,
            adapter: pbx.adapter,
            zone,
            columns: pbx.columns,
            contexts,
            places: pbx.places,
            trunks: Vec::new(),
            options: pbx.options,
        });
    }
    if directory.pbxes.is_empty() {
        return Err("no [[pbx]]: name at least one exchange, for example [[pbx]] id = \"main\"".to_owned());
    }
    let pbx_ids: Vec<String> = directory.pbxes.iter().map(|p| p.id.clone()).collect();
    let pbx_of = |what: &str, told: Option<String>| -> Result<String, String> {
        let pbx = told.unwrap_or_else(|| pbx_ids[0].clone());
        known(what, "pbx", &pbx, &pbx_ids)?;
        Ok(pbx)
    };
    for trunk in file.trunk {
        let pbx = pbx_of(&format!("trunk {}", trunk.name), trunk.pbx)?;
        if let Some(found) = directory.pbxes.iter_mut().find(|p| p.id == pbx) {
            found.trunks.push(Trunk { name: trunk.name, device: trunk.device });
        }
    }
    for tie in &file.tie {
        for end in [&tie.a, &tie.b] {
            known("tie", "pbx", &end.pbx, &pbx_ids)?;
        }
    }
    directory.ties = file.tie;
    let group_ids: Vec<String> = file.group.iter().map(|g| g.id.clone()).collect();
    let person_ids: Vec<String> = file.person.iter().map(|p| p.id.clone()).collect();
    let first_zone = directory.sites[0].zone.unwrap_or(Tz::UTC);
    for group in file.group {
        let what = format!("group {}", group.id);
        if let Some(parent) = &group.parent {
            known(&what, "parent", parent, &group_ids)?;
        }
        for head in &group.heads {
            known(&what, "heads", head, &person_ids)?;
        }
        let calendar = Calendar::read(&group.hours, &group.closed, first_zone).map_err(|e| format!("{what}: {e}"))?;
        directory.groups.push(Group {
            name: group.name.unwrap_or_else(|| group.id.clone()),
            id: group.id,
            parent: group.parent,
            heads: group.heads,
            calendar,
        });
    }
    check_tree(&directory.groups)?;
    for person in file.person {
        add_person(&mut directory, person, &group_ids, &pbx_of)?;
    }
    for queue in file.queue {
        let what = format!("queue {}", queue.id);
        let pbx = pbx_of(&what, queue.pbx)?;
        check_group(&what, queue.group.as_ref(), &group_ids)?;
        directory.queues.push(Queue {
            name: queue.name.unwrap_or_else(|| queue.id.clone()),
            id: queue.id,
            pbx,
            group: queue.group,
            members: queue.members,
        });
    }
    for group in file.hunt_group {
        let what = format!("hunt_group {}", group.id);
        let pbx = pbx_of(&what, group.pbx)?;
        check_group(&what, group.group.as_ref(), &group_ids)?;
        directory.hunt_groups.push(HuntGroup {
            name: group.name.unwrap_or_else(|| group.id.clone()),
            id: group.id,
            pbx,
            group: group.group,
            members: group.members,
            rings: group.rings,
        });
    }
    for did in file.did {
        let what = format!("did {}", did.number);
        check_e164(&what, &did.number)?;
        check_group(&what, did.group.as_ref(), &group_ids)?;
        if let Some(site) = &did.site {
            known(&what, "site", site, &site_ids)?;
        }
        directory.by_did.insert(did.number.clone(), directory.dids.len());
        directory.dids.push(Did {
            number: did.number,
            entry: Entry { kind: did.entry, target: did.target },
            group: did.group,
            site: did.site,
        });
    }
    Ok(directory)
}

fn add_person(
    directory: &mut Directory,
    person: site_file::PersonEntry,
    group_ids: &[String],
    pbx_of: &impl Fn(&str, Option<String>) -> Result<String, String>,
) -> Result<(), String> {
    let what = format!("person {}", person.id);
    check_group(&what, person.group.as_ref(), group_ids)?;
    let index = directory.people.len();
    let mut extensions = Vec::new();
    for extension in person.extensions {
        let pbx = pbx_of(&what, extension.pbx)?;
        let span = span(&what, extension.from.as_deref(), extension.until.as_deref())?;
        directory.by_extension.entry((pbx.clone(), extension.number.clone())).or_default().push(index);
        extensions.push(Extension { number: extension.number, pbx, device: extension.device, span });
    }
    let mut mobiles = Vec::new();
    for mobile in person.mobiles {
        check_e164(&format!("{what}: mobile"), &mobile.number)?;
        directory.by_mobile.entry(mobile.number.clone()).or_default().push(index);
        mobiles.push((mobile.number, span(&what, mobile.from.as_deref(), mobile.until.as_deref())?));
    }
    for name in person.agent_names.into_iter().chain([person.name.clone()]) {
        directory.by_agent_name.entry(name).or_insert(index);
    }
    directory.people.push(Person {
        id: person.id,
        name: person.name,
        group: person.group,
        extensions,
        mobiles,
        mailbox: person.mailbox,
    });
    Ok(())
}

fn zone(what: &str, told: Option<&str>) -> Result<Option<Tz>, String> {
    told.map(|z| {
        z.parse().map_err(|_| {
            format!("{what}: zone = \"{z}\" is no time zone; give an IANA name, for example \"Europe/Warsaw\"")
        })
    })
    .transpose()
}

fn region(code: &str) -> Option<Region> {
    (code.len() == 2).then(|| Region::try_from(code.to_ascii_uppercase().as_str()).ok()).flatten()
}

fn span(what: &str, from: Option<&str>, until: Option<&str>) -> Result<Span, String> {
    let day = |text: Option<&str>| {
        text.map(|t| t.parse::<NaiveDate>().map_err(|_| format!("{what}: `{t}` is not a day of the form 2026-03-01")))
            .transpose()
    };
    Ok(Span { from: day(from)?, until: day(until)? })
}

fn known(what: &str, key: &str, value: &str, ids: &[String]) -> Result<(), String> {
    if ids.iter().any(|i| i == value) {
        return Ok(());
    }
    let there_are = if ids.is_empty() { "there is none".to_owned() } else { format!("there are {}", ids.join(", ")) };
    Err(format!("{what}: {key} = \"{value}\" is not in this file; {there_are}"))
}

fn check_group(what: &str, group: Option<&String>, ids: &[String]) -> Result<(), String> {
    group.map_or(Ok(()), |g| known(what, "group", g, ids))
}

fn check_e164(what: &str, number: &str) -> Result<(), String> {
    let digits = number.strip_prefix('+').unwrap_or_default();
    if (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("{what}: `{number}` is not a number in E.164; write it as +48221234567"))
}

/// A group is not above itself.
fn check_tree(groups: &[Group]) -> Result<(), String> {
    for group in groups {
        let mut above = group.parent.as_deref();
        for _ in 0..=groups.len() {
            let Some(id) = above else { break };
            if id == group.id {
                return Err(format!("group {}: is above itself; a group's parents are a tree", group.id));
            }
            above = groups.iter().find(|g| g.id == id).and_then(|g| g.parent.as_deref());
        }
    }
    Ok(())
}
