//! Where and in which language people are written to.

use chrono_tz::Tz;
use rlibphonenumber::enums::Region;

use crate::Directory;
use crate::person::{Group, Person};
use crate::place::Site;
use crate::site_file::Language;

/// No address that mail servers take is longer (RFC 5321, 4.5.3.1.3).
pub const EMAIL_BYTES_MAX: usize = 254;

/// True for one address without a name. What is rarely used in addresses and often in attacks on headers is refused:
/// white space, control characters, brackets, quotes, commas.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((user, domain)) = text.split_once('@') else { return false };
    let is_refused = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\' | '"' | '@')
    };
    let has_dots = |part: &str| part.split('.').all(|label| !label.is_empty());
    text.len() <= EMAIL_BYTES_MAX
        && !user.contains(is_refused)
        && !domain.contains(is_refused)
        && has_dots(user)
        && has_dots(domain)
}

impl Site {
    /// Ukrainian in Ukraine, else English.
    #[must_use]
    pub fn language(&self) -> Language {
        if self.region == Some(Region::UA) { Language::Uk } else { Language::En }
    }
}

impl Directory {
    /// In which language a person is written to: their own, else that of their group or one above it, else that of the
    /// country where their first telephone stands.
    #[must_use]
    pub fn language_of(&self, person: &Person) -> Language {
        let of_site = || self.home(person, None).map(Site::language).unwrap_or_default();
        person.language.or_else(|| self.group_of(person).and_then(|g| self.wanted(g))).unwrap_or_else(of_site)
    }

    /// In which language a group is written to: its own, else that of one above it, else that of its site's country.
    #[must_use]
    pub fn group_language(&self, group: &Group) -> Language {
        let of_site = || self.site(&group.site).map(Site::language).unwrap_or_default();
        self.wanted(group).unwrap_or_else(of_site)
    }

    /// By whose clocks a person works at this moment (UTC, milliseconds): those of the site where their telephone
    /// stands, else of the company.
    #[must_use]
    pub fn zone_of(&self, person: &Person, at_ms: i64) -> Tz {
        self.home(person, Some(at_ms)).and_then(|site| site.zone).unwrap_or_else(|| self.zone())
    }

    /// By whose clocks a group works.
    #[must_use]
    pub fn group_zone(&self, group: &Group) -> Tz {
        self.site(&group.site).and_then(|site| site.zone).unwrap_or_else(|| self.zone())
    }

    /// Where mail to the whole company is read: its first site.
    #[must_use]
    pub fn first_site(&self) -> Option<&Site> {
        self.sites.first()
    }

    /// Where a person's first telephone stands, of those that they have at this moment if one is told; else the first
    /// site.
    fn home(&self, person: &Person, at_ms: Option<i64>) -> Option<&Site> {
        let mut held = person.extensions.iter().filter(|e| at_ms.is_none_or(|at| e.span.holds(at)));
        held.next().and_then(|e| self.pbx(&e.pbx)).and_then(|p| self.site(&p.site)).or_else(|| self.first_site())
    }

    /// What a group or one above it wants.
    fn wanted(&self, group: &Group) -> Option<Language> {
        let mut above = Some(group);
        while let Some(group) = above {
            if group.language.is_some() {
                return group.language;
            }
            above = group.parent.as_deref().and_then(|p| self.group(p));
        }
        None
    }
}
