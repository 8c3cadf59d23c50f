//! Whom an action names: `person:ID`, `head:person:ID`, `head:group:ID`, `group:ID` or an address, as people and
//! addresses of the directory. Pure; who cannot be found is told with what to add to the site file.

use chrono_tz::Tz;
use directory::{Directory, Group, Language, Person, is_email};

/// One action reaches no more than so many.
pub const RECIPIENTS_MAX: usize = 200;

/// Whom a mail goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// One address.
    pub address: String,
    /// The person's or the group's name.
    pub name: Option<String>,
    /// In which language it is written.
    pub language: Language,
    /// By whose clocks its moments are told.
    pub zone: Tz,
}

/// Who was named and cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// As the action has it.
    pub named: String,
    /// Why, and what to add to the site file.
    pub why: String,
}

impl std::fmt::Display for Unreached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.named, self.why)
    }
}

/// The addresses of all who are named, each once, in this order, as of a moment (UTC, milliseconds); and who has none.
#[must_use]
pub fn addresses(named: &[String], directory: &Directory, at_ms: i64) -> (Vec<Recipient>, Vec<Unreached>) {
    let (mut found, mut unreached): (Vec<Recipient>, Vec<Unreached>) = (Vec::new(), Vec::new());
    for name in named {
        let unreached_of = |why: String| Unreached { named: name.clone(), why };
        let of_people =
            |people: Vec<&Person>| people.into_iter().map(|p| person_address(p, directory, at_ms)).collect();
        let reached: Vec<Result<Recipient, String>> = match Named::read(name) {
            Named::Address(address) if is_email(address) => vec![Ok(Recipient {
                address: address.to_owned(),
                name: None,
                language: directory.first_site().map(directory::Site::language).unwrap_or_default(),
                zone: directory.zone(),
            })],
            Named::Address(_) => vec![Err(NOT_UNDERSTOOD.to_owned())],
            Named::Group(id) => match directory.group(id) {
                Some(group) if group.email.is_some() => vec![Ok(group_address(group, directory))],
                _ => members(id, directory).map_or_else(|why| vec![Err(why)], of_people),
            },
            other => people_of(other, directory).map_or_else(|why| vec![Err(why)], of_people),
        };
        for reached in reached {
            match reached {
                Ok(recipient) if found.iter().any(|f| f.address.eq_ignore_ascii_case(&recipient.address)) => {}
                Ok(_) if found.len() >= RECIPIENTS_MAX => unreached.push(unreached_of(too_many())),
                Ok(recipient) => found.push(recipient),
                Err(why) => unreached.push(unreached_of(why)),
            }
        }
    }
    (found, unreached)
}

/// The ids of all people who are named, each once, in this order; and who was named in vain.
#[must_use]
pub fn people(named: &[String], directory: &Directory) -> (Vec<String>, Vec<Unreached>) {
    let (mut found, mut unreached): (Vec<String>, Vec<Unreached>) = (Vec::new(), Vec::new());
    for name in named {
        match people_of(Named::read(name), directory) {
            Ok(people) => {
                for person in people {
                    if found.contains(&person.id) {
                        continue;
                    }
                    if found.len() >= RECIPIENTS_MAX {
                        unreached.push(Unreached { named: name.clone(), why: too_many() });
                        break;
                    }
                    found.push(person.id.clone());
                }
            }
            Err(why) => unreached.push(Unreached { named: name.clone(), why }),
        }
    }
    (found, unreached)
}

const NOT_UNDERSTOOD: &str =
    "is not understood; write person:ID, group:ID, head:person:ID, head:group:ID or one address";

fn too_many() -> String {
    format!("one action reaches {RECIPIENTS_MAX} at most; give the group an `email` in site.toml")
}

#[derive(Clone, Copy)]
enum Named<'a> {
    Person(&'a str),
    Group(&'a str),
    HeadOfPerson(&'a str),
    HeadOfGroup(&'a str),
    Address(&'a str),
}

impl Named<'_> {
    fn read(text: &str) -> Named<'_> {
        let text = text.trim();
        match text.split_once(':') {
            Some(("person", id)) => Named::Person(id),
            Some(("group", id)) => Named::Group(id),
            Some(("head", of)) => match of.split_once(':') {
                Some(("person", id)) => Named::HeadOfPerson(id),
                Some(("group", id)) => Named::HeadOfGroup(id),
                _ => Named::Address(text),
            },
            _ => Named::Address(text),
        }
    }
}

fn people_of<'d>(named: Named<'_>, directory: &'d Directory) -> Result<Vec<&'d Person>, String> {
    match named {
        Named::Person(id) => Ok(vec![person(id, directory)?]),
        Named::Group(id) => members(id, directory),
        Named::HeadOfGroup(id) => heads(group(id, directory)?, None, directory),
        Named::HeadOfPerson(id) => {
            let person = person(id, directory)?;
            let group = directory.group_of(person).ok_or_else(|| {
                format!("{id} is in no group: add `group = ` under [[person]] id = {id:?} in site.toml")
            })?;
            heads(group, Some(id), directory)
        }
        Named::Address(_) => Err(NOT_UNDERSTOOD.to_owned()),
    }
}

fn person<'d>(id: &str, directory: &'d Directory) -> Result<&'d Person, String> {
    directory.person(id).ok_or_else(|| format!("site.toml has no [[person]] id = {id:?}"))
}

fn group<'d>(id: &str, directory: &'d Directory) -> Result<&'d Group, String> {
    directory.group(id).ok_or_else(|| format!("site.toml has no [[group]] id = {id:?}"))
}

/// Everybody who is in this group.
fn members<'d>(id: &str, directory: &'d Directory) -> Result<Vec<&'d Person>, String> {
    group(id, directory)?;
    let is_member = |p: &&Person| p.group.as_deref() == Some(id) || p.groups.iter().any(|g| g == id);
    let members: Vec<&Person> = directory.people().iter().filter(is_member).collect();
    if members.is_empty() {
        return Err(format!(
            "nobody is in group {id}: add `email = ` under [[group]] id = {id:?} in site.toml, \
            or `group = {id:?}` to its people"
        ));
    }
    Ok(members)
}

/// Who leads this group, else the one above it: whoever leads a group has their head further up.
fn heads<'d>(lowest: &Group, of: Option<&str>, directory: &'d Directory) -> Result<Vec<&'d Person>, String> {
    let mut above = directory.group(&lowest.id);
    while let Some(group) = above {
        let leads_it = of.is_some_and(|of| group.heads.iter().any(|head| head == of));
        let heads: Vec<&Person> = group.heads.iter().filter_map(|head| directory.person(head)).collect();
        if !leads_it && !heads.is_empty() {
            return Ok(heads);
        }
        above = group.parent.as_deref().and_then(|parent| directory.group(parent));
    }
    let id = &lowest.id;
    Err(match of {
        Some(of) => format!(
            "nobody else leads group {id} or one above it: \
            add `heads = [..]` under the [[group]] above {of} in site.toml"
        ),
        None => format!(
            "nobody leads group {id} or one above it: add `heads = [..]` under [[group]] id = {id:?} in site.toml"
        ),
    })
}

fn person_address(person: &Person, directory: &Directory, at_ms: i64) -> Result<Recipient, String> {
    let id = &person.id;
    let address = person
        .email
        .clone()
        .ok_or_else(|| format!("{id} has no email in site.toml: add `email = ` under [[person]] id = {id:?}"))?;
    Ok(Recipient {
        address,
        name: Some(person.name.clone()),
        language: directory.language_of(person),
        zone: directory.zone_of(person, at_ms),
    })
}

fn group_address(group: &Group, directory: &Directory) -> Recipient {
    Recipient {
        address: group.email.clone().unwrap_or_default(),
        name: Some(group.name.clone()),
        language: directory.group_language(group),
        zone: directory.group_zone(group),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = r#"
        [[site]]
        id = "kyiv"
        zone = "Europe/Kyiv"
        country = "UA"
        [[site]]
        id = "lisbon"
        zone = "Europe/Lisbon"
        country = "PT"
        [[pbx]]
        id = "first"
        [[pbx]]
        id = "second"
        site = "lisbon"
        [[group]]
        id = "board"
        heads = ["chief"]
        [[group]]
        id = "sales"
        name = "Sales"
        parent = "board"
        heads = ["ann"]
        [[group]]
        id = "desk"
        email = "desk@example.com"
        site = "lisbon"
        [[group]]
        id = "empty"
        [[person]]
        id = "chief"
        name = "The Chief"
        group = "board"
        email = "chief@example.com"
        [[person]]
        id = "ann"
        name = "Ann Poe"
        group = "sales"
        email = "ann@example.com"
        language = "en"
        [[person]]
        id = "bob"
        name = "Bob Roe"
        group = "sales"
        [[person]]
        id = "eva"
        name = "Eva Moe"
        group = "desk"
        groups = ["sales"]
        email = "Eva@example.com"
        extensions = [{ number = "31", pbx = "second" }]
        [[person]]
        id = "lone"
        name = "Lone"
    "#;

    fn check(named: &[&str], addresses_expected: &[&str], unreached_expected: &[&str]) {
        let directory = Directory::from_toml(SITE).unwrap();
        let named: Vec<String> = named.iter().map(|n| (*n).to_owned()).collect();
        let (found, unreached) = addresses(&named, &directory, 0);
        assert_eq!(found.iter().map(|r| r.address.as_str()).collect::<Vec<_>>(), addresses_expected, "{named:?}");
        assert_eq!(unreached.iter().map(ToString::to_string).collect::<Vec<_>>(), unreached_expected, "{named:?}");
    }

    #[test]
    fn each_is_reached_once_in_the_order_of_the_names() {
        check(&["person:ann", "person:ann", "ANN@example.com"], &["ann@example.com"], &[]);
        check(&["group:desk", "person:eva", "eva@example.com"], &["desk@example.com", "Eva@example.com"], &[]);
        check(
            &["group:sales"],
            &["ann@example.com", "Eva@example.com"],
            &["group:sales: bob has no email in site.toml: add `email = ` under [[person]] id = \"bob\""],
        );
        check(&["head:group:sales", "head:person:bob"], &["ann@example.com"], &[]);
        check(&["head:person:ann"], &["chief@example.com"], &[]);
        check(&["head:group:board"], &["chief@example.com"], &[]);
    }

    #[test]
    fn who_cannot_be_reached_is_told_with_what_to_add() {
        check(
            &["person:bob"],
            &[],
            &["person:bob: bob has no email in site.toml: add `email = ` under [[person]] id = \"bob\""],
        );
        check(&["person:zoe"], &[], &["person:zoe: site.toml has no [[person]] id = \"zoe\""]);
        check(&["group:zoo"], &[], &["group:zoo: site.toml has no [[group]] id = \"zoo\""]);
        check(
            &["group:empty"],
            &[],
            &[
                "group:empty: nobody is in group empty: add `email = ` under [[group]] id = \"empty\" in site.toml, or `group = \"empty\"` to its people",
            ],
        );
        check(
            &["head:group:desk"],
            &[],
            &[
                "head:group:desk: nobody leads group desk or one above it: add `heads = [..]` under [[group]] id = \"desk\" in site.toml",
            ],
        );
        check(
            &["head:person:chief"],
            &[],
            &[
                "head:person:chief: nobody else leads group board or one above it: add `heads = [..]` under the [[group]] above chief in site.toml",
            ],
        );
        check(
            &["head:person:lone"],
            &[],
            &["head:person:lone: lone is in no group: add `group = ` under [[person]] id = \"lone\" in site.toml"],
        );
        for wrong in
            ["", "ann", "head:ann", "manager:ann", "x@example.com, y@example.com", "x@example.com\nBcc: y@example.com"]
        {
            check(&[wrong], &[], &[&format!("{wrong}: {NOT_UNDERSTOOD}")]);
        }
    }

    #[test]
    fn language_and_clocks_are_those_of_whoever_reads() {
        let directory = Directory::from_toml(SITE).unwrap();
        let one = |named: &str| addresses(&[named.to_owned()], &directory, 0).0.remove(0);
        let told = |r: Recipient| (r.name, r.language, r.zone);
        assert_eq!(told(one("person:ann")), (Some("Ann Poe".to_owned()), Language::En, Tz::Europe__Kyiv));
        assert_eq!(told(one("person:chief")), (Some("The Chief".to_owned()), Language::Uk, Tz::Europe__Kyiv));
        assert_eq!(told(one("person:eva")), (Some("Eva Moe".to_owned()), Language::En, Tz::Europe__Lisbon));
        assert_eq!(told(one("group:desk")), (Some("desk".to_owned()), Language::En, Tz::Europe__Lisbon));
        assert_eq!(told(one("x@example.com")), (None, Language::Uk, Tz::Europe__Kyiv));
    }

    #[test]
    fn one_action_reaches_only_so_many() {
        let directory = Directory::from_toml(SITE).unwrap();
        let named: Vec<String> = (0..RECIPIENTS_MAX + 2).map(|n| format!("x{n}@example.com")).collect();
        let (found, unreached) = addresses(&named, &directory, 0);
        assert_eq!(found.len(), RECIPIENTS_MAX);
        let told: Vec<String> = unreached.iter().map(ToString::to_string).collect();
        let why = "one action reaches 200 at most; give the group an `email` in site.toml";
        assert_eq!(told, [format!("x200@example.com: {why}"), format!("x201@example.com: {why}")]);
    }

    #[test]
    fn people_are_named_by_the_same_words() {
        let directory = Directory::from_toml(SITE).unwrap();
        let named = ["group:sales", "head:person:ann", "x@example.com"].map(str::to_owned);
        let (found, unreached) = people(&named, &directory);
        assert_eq!(found, ["ann", "bob", "eva", "chief"]);
        assert_eq!(unreached, [Unreached { named: "x@example.com".to_owned(), why: NOT_UNDERSTOOD.to_owned() }]);
    }
}
