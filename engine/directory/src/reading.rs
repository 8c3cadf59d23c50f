//! A site file's text as a directory. Every reference is checked, and an error names its line.

use std::collections::HashMap;
use std::ops::Range;

use chrono::NaiveDate;
use chrono_tz::Tz;
use rlibphonenumber::PHONE_NUMBER_UTIL;
use rlibphonenumber::enums::Region;

use crate::calendar::{Calendar, NotUnderstood};
use crate::error::SiteError;
use crate::guess;
use crate::mail::is_email;
use crate::number::as_e164;
use crate::person::{Extension, Group, Mobile, Person, Span};
use crate::place::{Context, Did, Entry, HuntGroup, Limit, NotReturnable, Pbx, Queue, Site, Tie, TieEnd, Trunk};
use crate::rewrite::{self, Rewrite};
use crate::site_file::{
    ContextKind, DidEntry, GroupEntry, LimitEntry, PbxEntry, PersonEntry, Scope, SiteEntry, SiteFile, TieEndEntry,
    Told, TrunkEntry, Week,
};
use crate::{Directory, Limits};

const MS_PER_DAY: i64 = 86_400_000;

/// The longest of the lengths that are told in seconds: more is a slip of the pen.
const LENGTH_MAX_S: f64 = 86_400.0;

/// Reads and checks the whole file.
pub(crate) fn read(text: &str) -> Result<Directory, SiteError> {
    let file: SiteFile = toml::from_str(text).map_err(|error| not_read(text, &error))?;
    let mut reading = Reading { text, directory: Directory::empty(file.tenant.as_deref().unwrap_or("main"), false) };
    reading.directory.guesses = guess::guesses(text);
    reading.limits(&file)?;
    reading.directory.missed = file.missed;
    reading.sites(file.site)?;
    reading.pbxes(file.pbx)?;
    reading.trunks(file.trunk)?;
    for tie in file.tie {
        let (a, b) = (reading.tie_end(tie.a)?, reading.tie_end(tie.b)?);
        let rewrite = reading.rewrite("rewrite", tie.rewrite.as_ref())?;
        let rewrite_back = reading.rewrite("rewrite_back", tie.rewrite_back.as_ref())?;
        reading.directory.ties.push(Tie { a, b, rewrite, rewrite_back, key: tie.key });
    }
    let ids = Ids {
        groups: file.group.iter().map(|g| g.id.get_ref().clone()).collect(),
        people: file.person.iter().map(|p| p.id.get_ref().clone()).collect(),
    };
    reading.groups(file.group, &ids)?;
    reading.people(file.person, &ids)?;
    reading.queues(file.queue, &ids)?;
    reading.hunt_groups(file.hunt_group, &ids)?;
    reading.dids(file.did, &ids)?;
    reading.watched(file.limit)?;
    reading.directory.index();
    Ok(reading.directory)
}

struct Reading<'t> {
    text: &'t str,
    directory: Directory,
}

/// Ids that may be named before their entries come.
struct Ids {
    groups: Vec<String>,
    people: Vec<String>,
}

impl Reading<'_> {
    fn limits(&mut self, file: &SiteFile) -> Result<(), SiteError> {
        let seconds = |key: &str, told: Option<&Told<f64>>, default_ms: i64| {
            told.map_or(Ok(default_ms), |told| self.milliseconds("the file", key, told, 0.0))
        };
        let default = Limits::default();
        self.directory.limits = Limits {
            short_abandon_ms: seconds("short_abandon_s", file.short_abandon_s.as_ref(), default.short_abandon_ms)?,
            service_level_ms: seconds("service_level_s", file.service_level_s.as_ref(), default.service_level_ms)?,
            talk_min_ms: seconds("talk_min_s", file.talk_min_s.as_ref(), default.talk_min_ms)?,
            expires_after_ms: file.expires_after_days.map_or(default.expires_after_ms, |d| i64::from(d) * MS_PER_DAY),
            grace_ms: file.grace_s.map_or(default.grace_ms, |s| i64::from(s) * 1000),
            tie_skew_ms: seconds("tie_skew_s", file.tie_skew_s.as_ref(), default.tie_skew_ms)?,
            follow_up_out_of_hours: file.follow_up_out_of_hours.unwrap_or(default.follow_up_out_of_hours),
            follow_up_due_ms: seconds("follow_up_due_s", file.follow_up_due_s.as_ref(), default.follow_up_due_ms)?,
            deal_lapses_ms: seconds("deal_lapses_s", file.deal_lapses_s.as_ref(), default.deal_lapses_ms)?,
        };
        for (key, numbers, why) in [
            ("fax_numbers", &file.fax_numbers, NotReturnable::Fax),
            ("do_not_call", &file.do_not_call, NotReturnable::DoNotCall),
        ] {
            for told in numbers {
                self.check_e164("the file", key, told)?;
                self.directory.not_returnable.insert(told.get_ref().clone(), why);
            }
        }
        Ok(())
    }

    fn milliseconds(&self, what: &str, key: &str, told: &Told<f64>, min_s: f64) -> Result<i64, SiteError> {
        if (min_s..=LENGTH_MAX_S).contains(told.get_ref()) {
            return Ok((told.get_ref() * 1000.0).round() as i64);
        }
        Err(SiteError::Value {
            line: line(self.text, told.span()),
            entry: what.to_owned(),
            key: key.to_owned(),
            value: told.get_ref().to_string(),
            expected: format!("give seconds from {min_s} to {LENGTH_MAX_S}"),
        })
    }

    fn sites(&mut self, entries: Vec<SiteEntry>) -> Result<(), SiteError> {
        self.each_once("site", entries.iter().map(|e| &e.id))?;
        for entry in entries {
            let id = entry.id.into_inner();
            let what = format!("site {id}");
            let zone = self.zone(&what, entry.zone.as_ref())?;
            let region = match &entry.country {
                None => None,
                Some(told) => Some(region(told.get_ref()).ok_or_else(|| {
                    self.value(&what, "country", told, "give the two letters of ISO 3166, for example \"PT\"")
                })?),
            };
            if let Some(told) = &entry.outside_prefix
                && !told.get_ref().bytes().all(|b| b.is_ascii_digit())
            {
                return Err(self.value(&what, "outside_prefix", told, "give digits, for example \"0\""));
            }
            let calendar = self.calendar(&what, entry.hours.as_ref(), &entry.closed, zone)?;
            self.directory.sites.push(Site {
                name: entry.name.unwrap_or_else(|| id.clone()),
                id,
                zone,
                region,
                outside_prefix: entry.outside_prefix.map(Told::into_inner).unwrap_or_default(),
                calendar,
            });
        }
        if self.directory.sites.is_empty() {
            return Err(missing("[[site]]", "[[site]] id = \"main\", zone = \"Europe/Lisbon\", country = \"PT\""));
        }
        Ok(())
    }

    fn pbxes(&mut self, entries: Vec<PbxEntry>) -> Result<(), SiteError> {
        self.each_once("pbx", entries.iter().map(|e| &e.id))?;
        for entry in entries {
            let id = entry.id.into_inner();
            let what = format!("pbx {id}");
            let site = self.site_or_first(&what, entry.site.as_ref())?;
            let own_zone = self.zone(&what, entry.zone.as_ref())?;
            let zone = own_zone.or_else(|| self.directory.site(&site).and_then(|s| s.zone));
            let mut contexts = std::collections::BTreeMap::new();
            for (name, told) in entry.contexts {
                let context = Context { kind: told.get_ref().kind, is_final: told.get_ref().is_final };
                if context.is_final && !matches!(context.kind, ContextKind::Menu | ContextKind::Announcement) {
                    return Err(SiteError::Value {
                        line: line(self.text, told.span()),
                        entry: format!("{what}: contexts.{name}"),
                        key: "final".to_owned(),
                        value: "true".to_owned(),
                        expected: "only a menu or an announcement can serve a caller".to_owned(),
                    });
                }
                contexts.insert(name, context);
            }
            let clock_offset = entry.clock_offset_s.as_ref();
            let clock_offset_ms =
                clock_offset.map(|told| self.milliseconds(&what, "clock_offset_s", told, -LENGTH_MAX_S)).transpose()?;
            self.directory.pbxes.push(Pbx {
                id,
                site,
                clock_offset_ms,
                sends_records: entry.records,
                adapter: entry.adapter,
                zone,
                columns: entry.columns,
                contexts,
                places: entry.places,
                trunks: Vec::new(),
                options: entry.options,
            });
        }
        if self.directory.pbxes.is_empty() {
            return Err(missing("[[pbx]]", "[[pbx]] id = \"main\""));
        }
        Ok(())
    }

    fn trunks(&mut self, entries: Vec<TrunkEntry>) -> Result<(), SiteError> {
        for entry in entries {
            let what = format!("trunk {}", entry.name.get_ref());
            let pbx = self.pbx_or_first(&what, entry.pbx.as_ref())?;
            if entry.device.get_ref().is_empty() {
                // An empty prefix begins every device's name: all telephones would be trunks.
                return Err(self.value(&what, "device", &entry.device, "give how its devices begin in the records"));
            }
            let Some(found) = self.directory.pbxes.iter_mut().find(|p| p.id == pbx) else { continue };
            found.trunks.push(Trunk {
                name: entry.name.into_inner(),
                device: entry.device.into_inner(),
                number_format: entry.number_format,
            });
        }
        Ok(())
    }

    fn tie_end(&self, end: TieEndEntry) -> Result<TieEnd, SiteError> {
        let pbx = self.pbx_or_first("tie", Some(&end.pbx))?;
        let known = self.directory.pbx(&pbx);
        let trunks = known.map_or(&[][..], |p| &p.trunks);
        let names: Vec<String> = trunks.iter().map(|t| t.name.clone()).collect();
        // Nobody knows how the devices of an exchange without records are called.
        if known.is_none_or(|p| p.sends_records) {
            self.known("tie", "trunk", &end.trunk, &names)?;
        }
        Ok(TieEnd { pbx, trunk: end.trunk.into_inner() })
    }

    fn rewrite(&self, key: &str, told: Option<&Told>) -> Result<Rewrite, SiteError> {
        let Some(told) = told else { return Ok(Rewrite::default()) };
        Rewrite::read(told.get_ref()).ok_or_else(|| self.value("tie", key, told, rewrite::EXPECTED))
    }

    fn groups(&mut self, entries: Vec<GroupEntry>, ids: &Ids) -> Result<(), SiteError> {
        self.each_once("group", entries.iter().map(|e| &e.id))?;
        self.no_group_above_itself(&entries)?;
        for entry in entries {
            let id = entry.id.into_inner();
            let what = format!("group {id}");
            self.known_if_told(&what, "parent", entry.parent.as_ref(), &ids.groups)?;
            for head in &entry.heads {
                self.known(&what, "heads", head, &ids.people)?;
            }
            let site = self.site_or_first(&what, entry.site.as_ref())?;
            let zone = self.directory.site(&site).and_then(|s| s.zone);
            let calendar = self.calendar(&what, entry.hours.as_ref(), &entry.closed, zone)?;
            self.directory.groups.push(Group {
                name: entry.name.unwrap_or_else(|| id.clone()),
                id,
                parent: entry.parent.map(Told::into_inner),
                heads: entry.heads.into_iter().map(Told::into_inner).collect(),
                email: self.email(&what, entry.email)?,
                language: entry.language,
                site,
                calendar,
            });
        }
        Ok(())
    }

    fn people(&mut self, entries: Vec<PersonEntry>, ids: &Ids) -> Result<(), SiteError> {
        self.each_once("person", entries.iter().map(|e| &e.id))?;
        for entry in entries {
            let id = entry.id.into_inner();
            let what = format!("person {id}");
            self.known_if_told(&what, "group", entry.group.as_ref(), &ids.groups)?;
            for group in &entry.groups {
                self.known(&what, "groups", group, &ids.groups)?;
            }
            let mut extensions = Vec::new();
            for told in entry.extensions {
                let pbx = self.pbx_or_first(&what, told.pbx.as_ref())?;
                let span = self.span(&what, told.from.as_ref(), told.until.as_ref(), &pbx)?;
                extensions.push(Extension { number: told.number.into_inner(), pbx, device: told.device, span });
            }
            // A mobile's days are those of the exchange where the person has a telephone.
            let home = extensions.first().map(|e| e.pbx.clone());
            let home = home.unwrap_or_else(|| self.directory.first_pbx().id.clone());
            let mut mobiles = Vec::new();
            for told in entry.mobiles {
                self.check_e164(&what, "mobiles.number", &told.number)?;
                let span = self.span(&what, told.from.as_ref(), told.until.as_ref(), &home)?;
                mobiles.push(Mobile { number: told.number.into_inner(), span });
            }
            self.directory.people.push(Person {
                id,
                name: entry.name,
                group: entry.group.map(Told::into_inner),
                groups: entry.groups.into_iter().map(Told::into_inner).collect(),
                email: self.email(&what, entry.email)?,
                language: entry.language,
                extensions,
                mobiles,
                agent_names: entry.agent_names,
                mailbox: entry.mailbox,
            });
        }
        Ok(())
    }

    fn email(&self, what: &str, told: Option<Told>) -> Result<Option<String>, SiteError> {
        match told {
            Some(told) if !is_email(told.get_ref()) => Err(self.value(
                what,
                "email",
                &told,
                "give one address without a name, for example \"ann@example.com\"",
            )),
            told => Ok(told.map(Told::into_inner)),
        }
    }

    fn queues(&mut self, entries: Vec<crate::site_file::QueueEntry>, ids: &Ids) -> Result<(), SiteError> {
        let mut seen = HashMap::new();
        for entry in entries {
            let what = format!("queue {}", entry.id.get_ref());
            let pbx = self.pbx_or_first(&what, entry.pbx.as_ref())?;
            self.once(&what, &entry.id, (pbx.clone(), entry.id.get_ref().clone()), &mut seen)?;
            self.known_if_told(&what, "group", entry.group.as_ref(), &ids.groups)?;
            let members = self.members(&what, entry.members)?;
            let id = entry.id.into_inner();
            let name = entry.name.unwrap_or_else(|| id.clone());
            let group = entry.group.map(Told::into_inner);
            self.directory.queues.push(Queue { id, pbx, name, group, members });
        }
        Ok(())
    }

    fn hunt_groups(&mut self, entries: Vec<crate::site_file::HuntGroupEntry>, ids: &Ids) -> Result<(), SiteError> {
        let mut seen = HashMap::new();
        for entry in entries {
            let what = format!("hunt_group {}", entry.id.get_ref());
            let pbx = self.pbx_or_first(&what, entry.pbx.as_ref())?;
            self.once(&what, &entry.id, (pbx.clone(), entry.id.get_ref().clone()), &mut seen)?;
            self.known_if_told(&what, "group", entry.group.as_ref(), &ids.groups)?;
            let members = self.members(&what, entry.members)?;
            let id = entry.id.into_inner();
            let name = entry.name.unwrap_or_else(|| id.clone());
            let group = entry.group.map(Told::into_inner);
            self.directory.hunt_groups.push(HuntGroup { id, pbx, name, group, members, rings: entry.rings });
        }
        Ok(())
    }

    fn dids(&mut self, entries: Vec<DidEntry>, ids: &Ids) -> Result<(), SiteError> {
        self.each_once("did", entries.iter().map(|e| &e.number))?;
        let site_ids = self.site_ids();
        for entry in entries {
            let what = format!("did {}", entry.number.get_ref());
            self.check_e164(&what, "number", &entry.number)?;
            self.known_if_told(&what, "group", entry.group.as_ref(), &ids.groups)?;
            self.known_if_told(&what, "site", entry.site.as_ref(), &site_ids)?;
            self.directory.dids.push(Did {
                number: entry.number.into_inner(),
                entry: Entry { kind: entry.entry, target: entry.target },
                group: entry.group.map(Told::into_inner),
                site: entry.site.map(Told::into_inner),
            });
        }
        Ok(())
    }

    fn watched(&mut self, entries: Vec<LimitEntry>) -> Result<(), SiteError> {
        self.each_once("limit", entries.iter().map(|e| &e.name))?;
        for entry in entries {
            let what = format!("limit {}", entry.name.get_ref());
            match (&entry.id, entry.scope) {
                (Some(told), Scope::Tenant) => {
                    return Err(self.value(&what, "id", told, "there is one company: leave `id` out"));
                }
                (Some(told), scope) => self.known(&what, "id", told, &self.ids_of(scope))?,
                (None, _) => {}
            }
            if ![300, 3600, 86_400].contains(entry.window_s.get_ref()) {
                let expected = "give 300, 3600, or 86400 for a day";
                return Err(self.other_value(&what, "window_s", &entry.window_s, expected));
            }
            let sliding = entry.sliding.as_ref().is_some_and(|told| *told.get_ref());
            if let Some(told) = entry.sliding.as_ref().filter(|_| sliding && *entry.window_s.get_ref() != 3600) {
                let expected = "only the hour, `window_s = 3600`, begins anew every five minutes";
                return Err(self.other_value(&what, "sliding", told, expected));
            }
            let above = self.thousandths(&what, "above", &entry.above)?;
            let clear_at = entry.clear_at.as_ref().map(|told| self.thousandths(&what, "clear_at", told)).transpose()?;
            if let Some(told) = entry.clear_at.as_ref().filter(|_| clear_at.is_some_and(|clear_at| clear_at > above)) {
                let expected = "it is cleared at or below what crosses it: give at most `above`";
                return Err(self.other_value(&what, "clear_at", told, expected));
            }
            self.directory.watched.push(Limit {
                name: entry.name.into_inner(),
                measure_line: line(self.text, entry.measure.span()),
                measure: entry.measure.into_inner(),
                scope: entry.scope,
                id: entry.id.map(Told::into_inner),
                window_s: entry.window_s.into_inner(),
                sliding,
                above_thousandths: above,
                clear_at_thousandths: clear_at.unwrap_or(above),
            });
        }
        Ok(())
    }

    /// A limit's value, exact to the thousandth.
    fn thousandths(&self, what: &str, key: &str, told: &Told<f64>) -> Result<i64, SiteError> {
        const VALUE_MAX: f64 = 1e12;
        if !(0.0..=VALUE_MAX).contains(told.get_ref()) {
            return Err(self.other_value(what, key, told, "give a number from 0 up"));
        }
        Ok((told.get_ref() * 1000.0).round() as i64)
    }

    fn ids_of(&self, scope: Scope) -> Vec<String> {
        let directory = &self.directory;
        match scope {
            Scope::Tenant => Vec::new(),
            Scope::Site => self.site_ids(),
            Scope::Did => directory.dids.iter().map(|d| d.number.clone()).collect(),
            Scope::Group => directory.groups.iter().map(|g| g.id.clone()).collect(),
            Scope::Queue => directory.queues.iter().map(|q| q.id.clone()).collect(),
            Scope::HuntGroup => directory.hunt_groups.iter().map(|h| h.id.clone()).collect(),
            Scope::Person => directory.people.iter().map(|p| p.id.clone()).collect(),
        }
    }

    /// Extensions, also of telephones that are nobody's, and numbers in E.164 for what is outside.
    fn members(&self, what: &str, told: Vec<Told>) -> Result<Vec<String>, SiteError> {
        for member in &told {
            if member.get_ref().starts_with('+') {
                self.check_e164(what, "members", member)?;
            }
        }
        Ok(told.into_iter().map(Told::into_inner).collect())
    }

    fn calendar(
        &self,
        what: &str,
        week: Option<&Week>,
        closed: &[Told],
        zone: Option<Tz>,
    ) -> Result<Option<Calendar>, SiteError> {
        let Some(week) = week else {
            let Some(day) = closed.first() else { return Ok(None) };
            let expected = "a day can be closed only where others are open: give `hours` too";
            return Err(self.value(what, "closed", day, expected));
        };
        let Some(zone) = zone else {
            let first = week.days().into_iter().find_map(|(spans, name)| spans.first().map(|span| (span, name)));
            return match first {
                None => Ok(None),
                Some((span, day)) => {
                    let expected = "hours need to know by which clocks: give the site's `zone`";
                    Err(self.value(what, &format!("hours.{day}"), span, expected))
                }
            };
        };
        let told = |NotUnderstood { key, value, expected }: NotUnderstood<'_>| self.value(what, &key, value, expected);
        Calendar::read(week, closed, zone).map(Some).map_err(told)
    }

    fn span(&self, what: &str, from: Option<&Told>, until: Option<&Told>, pbx: &str) -> Result<Span, SiteError> {
        let day = |key: &str, told: Option<&Told>| {
            told.map(|t| {
                t.get_ref().parse::<NaiveDate>().map_err(|_| self.value(what, key, t, "write a day as 2026-03-01"))
            })
            .transpose()
        };
        let (first, end) = (day("from", from)?, day("until", until)?);
        if let (Some(first), Some(end), Some(told)) = (first, end, until)
            && end <= first
        {
            return Err(self.value(what, "until", told, "`until` is the first day after, so it is later than `from`"));
        }
        let zone = self.directory.pbx(pbx).and_then(|p| p.zone).unwrap_or(Tz::UTC);
        Ok(Span::days(first, end, zone))
    }

    fn zone(&self, what: &str, told: Option<&Told>) -> Result<Option<Tz>, SiteError> {
        let expected = "give the IANA name of a time zone, for example \"Europe/Lisbon\"";
        told.map(|t| t.get_ref().parse().map_err(|_| self.value(what, "zone", t, expected))).transpose()
    }

    fn check_e164(&self, what: &str, key: &str, told: &Told) -> Result<(), SiteError> {
        let number = told.get_ref();
        let digits = number.strip_prefix('+').unwrap_or_default();
        if (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(());
        }
        let region = self.directory.sites.first().and_then(|s| s.region);
        let expected = match as_e164(number, region) {
            Some(better) => format!("write it in E.164, here probably \"{better}\""),
            None => {
                "write it in E.164: a plus, the country's code, the number, for example \"+351210000000\"".to_owned()
            }
        };
        Err(self.value(what, key, told, &expected))
    }

    fn site_ids(&self) -> Vec<String> {
        self.directory.sites.iter().map(|s| s.id.clone()).collect()
    }

    fn site_or_first(&self, what: &str, told: Option<&Told>) -> Result<String, SiteError> {
        let ids = self.site_ids();
        self.known_if_told(what, "site", told, &ids)?;
        Ok(told.map(|t| t.get_ref().clone()).or_else(|| ids.first().cloned()).unwrap_or_default())
    }

    fn pbx_or_first(&self, what: &str, told: Option<&Told>) -> Result<String, SiteError> {
        let Some(told) = told else { return Ok(self.directory.first_pbx().id.clone()) };
        if self.directory.pbx(told.get_ref()).is_none() {
            let ids: Vec<String> = self.directory.pbx_ids().map(str::to_owned).collect();
            self.known(what, "pbx", told, &ids)?;
        }
        Ok(told.get_ref().clone())
    }

    fn known_if_told(&self, what: &str, key: &str, told: Option<&Told>, ids: &[String]) -> Result<(), SiteError> {
        told.map_or(Ok(()), |t| self.known(what, key, t, ids))
    }

    fn known(&self, what: &str, key: &str, told: &Told, ids: &[String]) -> Result<(), SiteError> {
        if ids.contains(told.get_ref()) {
            return Ok(());
        }
        Err(SiteError::Unknown {
            line: line(self.text, told.span()),
            entry: what.to_owned(),
            key: key.to_owned(),
            value: told.get_ref().clone(),
            known: ids.to_vec(),
        })
    }

    fn value(&self, what: &str, key: &str, told: &Told, expected: &str) -> SiteError {
        self.other_value(what, key, told, expected)
    }

    /// The same of what is no text.
    fn other_value<T: ToString>(&self, what: &str, key: &str, told: &Told<T>, expected: &str) -> SiteError {
        SiteError::Value {
            line: line(self.text, told.span()),
            entry: what.to_owned(),
            key: key.to_owned(),
            value: told.get_ref().to_string(),
            expected: expected.to_owned(),
        }
    }

    fn each_once<'f>(&self, table: &str, ids: impl Iterator<Item = &'f Told>) -> Result<(), SiteError> {
        let mut seen = HashMap::new();
        for id in ids {
            self.once(&format!("{table} {}", id.get_ref()), id, id.get_ref().clone(), &mut seen)?;
        }
        Ok(())
    }

    fn once<K: Eq + std::hash::Hash>(
        &self,
        what: &str,
        told: &Told,
        key: K,
        seen: &mut HashMap<K, usize>,
    ) -> Result<(), SiteError> {
        let line = line(self.text, told.span());
        match seen.insert(key, line) {
            None => Ok(()),
            Some(first_line) => Err(SiteError::Twice { line, entry: what.to_owned(), first_line }),
        }
    }

    fn no_group_above_itself(&self, groups: &[GroupEntry]) -> Result<(), SiteError> {
        let parents: HashMap<&str, &Told> =
            groups.iter().filter_map(|g| Some((g.id.get_ref().as_str(), g.parent.as_ref()?))).collect();
        for group in groups {
            let mut above = group.id.get_ref().as_str();
            for _ in 0..groups.len() {
                let Some(parent) = parents.get(above) else { break };
                above = parent.get_ref();
                if above == group.id.get_ref() {
                    let what = format!("group {above}");
                    let expected = "a group is not above itself: leave `parent` out of the topmost one";
                    let told = group.parent.as_ref().unwrap_or(parent);
                    return Err(self.value(&what, "parent", told, expected));
                }
            }
        }
        Ok(())
    }
}

/// The TOML reader's error in our words: it lists the allowed keys, and we add the line.
fn not_read(text: &str, error: &toml::de::Error) -> SiteError {
    let sentence = error
        .message()
        .replace("unknown field", "unknown key")
        .replace("missing field", "missing key")
        .replace("duplicate field", "the key is there twice:")
        .replace("unknown variant", "unknown value")
        .replace("expected one of", "there are")
        .replace('\n', " ");
    SiteError::Text { line: error.span().map(|span| line(text, span)), sentence }
}

fn missing(table: &str, example: &str) -> SiteError {
    SiteError::Missing { table: table.to_owned(), example: example.to_owned() }
}

/// Lines count from 1.
fn line(text: &str, span: Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1
}

fn region(code: &str) -> Option<Region> {
    let region = Region::try_from(code.to_ascii_uppercase().as_str()).ok().filter(|_| code.len() == 2)?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
}
