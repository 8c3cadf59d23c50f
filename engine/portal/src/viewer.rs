//! Whoever looks at a page: their login, their role, and whose calls they may see.

use adapters::leg::Moment;
use directory::Directory;
use store::scope::{Groups, Held, Person, Scope, Whose};

use crate::words::Language;

/// What a login is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Sees their own calls.
    Person,
    /// Sees also those of the groups that they lead.
    Head,
    /// Sees those of the groups that were given to them.
    Analyst,
    /// Sees everything, and sets up.
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Person, Role::Head, Role::Analyst, Role::Administrator];

    /// As the office has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::Person => "person",
            Role::Head => "head",
            Role::Analyst => "analyst",
            Role::Administrator => "administrator",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// What somebody may do, as far as their role lets them: who signed in, all of it; a token, what its scopes say.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Powers {
    /// Look.
    pub read: bool,
    /// Change what is their own: views, tokens, what they have read.
    pub write: bool,
    /// Take a follow-up, settle it, have somebody called back; only where somebody does what is asked for.
    pub act: bool,
    /// Set up, where they are administrators.
    pub set_up: bool,
}

impl Powers {
    /// Of whoever signed in; `acts`: somebody does here what is asked for.
    #[must_use]
    pub fn of_sign_in(acts: bool) -> Powers {
        Powers { read: true, write: true, act: acts, set_up: true }
    }

    /// Of a token with these scopes.
    #[must_use]
    pub fn of_scopes(scopes: &[String], acts: bool) -> Powers {
        let has = |word: &str| scopes.iter().any(|scope| scope == word);
        Powers { read: has("read"), write: has("act"), act: has("act") && acts, set_up: has("admin") }
    }

    /// The scopes that a token may be given by whoever has these.
    #[must_use]
    pub fn scopes(self, role: Role) -> Vec<&'static str> {
        let may = [("read", self.read), ("act", self.write), ("admin", self.set_up && role == Role::Administrator)];
        may.into_iter().filter(|(_, may)| *may).map(|(scope, _)| scope).collect()
    }
}

/// Who looks.
#[derive(Clone, PartialEq, Debug)]
pub struct Viewer {
    /// Their login.
    pub login: String,
    /// What it is for.
    pub role: Role,
    /// In the directory, where they are a person of the company.
    pub person: Option<String>,
    /// In which they want to read, where they said so.
    pub language: Option<Language>,
    /// Whose calls they may see.
    pub scope: Scope,
    /// What they may do beside looking.
    pub powers: Powers,
    /// What forms of this sign-in carry; `None`: they came with a token, which no other page can make a browser send.
    pub csrf: Option<String>,
}

impl Viewer {
    /// Their company.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.scope.tenant
    }

    /// They set up.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.role == Role::Administrator
    }

    /// They may take a follow-up over from somebody else who deals with it.
    #[must_use]
    pub fn may_take_over(&self) -> bool {
        self.powers.act && matches!(self.role, Role::Administrator | Role::Head)
    }
}

/// Whose calls somebody may see. `given` are the groups that an analyst was given.
#[must_use]
pub fn scope(role: Role, person: Option<&str>, given: &[String], directory: &Directory) -> Scope {
    let tenant = directory.tenant().to_owned();
    let own = || Whose::Person(person_scope(person, directory));
    let whose = match role {
        Role::Administrator => Whose::Everything,
        Role::Analyst => Whose::Groups(groups_scope(given, None, directory)),
        Role::Head => {
            let leads = |group: &&directory::Group| group.heads.iter().any(|head| Some(head.as_str()) == person);
            let led: Vec<String> = directory.groups().iter().filter(leads).map(|group| group.id.clone()).collect();
            if led.is_empty() { own() } else { Whose::Groups(groups_scope(&led, person, directory)) }
        }
        Role::Person => own(),
    };
    Scope { tenant, whose }
}

/// A person who is nobody in the directory sees nothing.
fn person_scope(person: Option<&str>, directory: &Directory) -> Person {
    let Some(person) = person.and_then(|id| directory.person(id)) else { return Person::default() };
    let held = |extension: &directory::Extension| {
        let (since, until) = extension.span.bounds();
        Held {
            number: extension.number.clone(),
            pbx: extension.pbx.clone(),
            since: since.map(Moment),
            until: until.map(Moment),
        }
    };
    Person { id: person.id.clone(), extensions: person.extensions.iter().map(held).collect() }
}

/// These groups, those within them, and their people; and the head's own calls, also where they are in no group that they lead.
fn groups_scope(of: &[String], head: Option<&str>, directory: &Directory) -> Groups {
    let mut groups: Vec<String> = Vec::new();
    let mut wanted: Vec<&str> = of.iter().map(String::as_str).collect();
    while let Some(id) = wanted.pop() {
        if groups.iter().any(|known| known == id) || directory.group(id).is_none() {
            continue;
        }
        groups.push(id.to_owned());
        let within = directory.groups().iter().filter(|group| group.parent.as_deref() == Some(id));
        wanted.extend(within.map(|group| group.id.as_str()));
    }
    groups.sort_unstable();
    let is_in = |id: &String| groups.contains(id);
    let of_people = directory.people().iter().filter(|person| {
        person.group.as_ref().is_some_and(is_in) || person.groups.iter().any(is_in) || Some(person.id.as_str()) == head
    });
    let people = of_people.map(|person| person.id.clone()).collect();
    let of_queues = directory.queues().filter(|queue| queue.group.as_ref().is_some_and(is_in)).map(|q| q.id.clone());
    let of_hunt_groups =
        directory.hunt_groups().filter(|hunt| hunt.group.as_ref().is_some_and(is_in)).map(|hunt| hunt.id.clone());
    let queues = of_queues.chain(of_hunt_groups).collect();
    Groups { groups, people, queues }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = r#"
        tenant = "acme"
        [[site]]
        id = "main"
        zone = "Europe/London"
        country = "GB"
        [[pbx]]
        id = "main"
        [[group]]
        id = "board"
        heads = ["chief"]
        [[group]]
        id = "sales"
        parent = "board"
        heads = ["ann"]
        [[group]]
        id = "desk"
        parent = "sales"
        [[group]]
        id = "stock"
        [[person]]
        id = "chief"
        name = "Chief"
        group = "board"
        [[person]]
        id = "ann"
        name = "Ann"
        group = "stock"
        [[person]]
        id = "bob"
        name = "Bob"
        group = "desk"
        extensions = [{ number = "102", from = "2026-01-01", until = "2026-06-01" }]
        [[person]]
        id = "joy"
        name = "Joy"
        group = "stock"
        groups = ["sales"]
        [[queue]]
        id = "500"
        name = "Desk"
        group = "desk"
        members = ["102"]
        [[hunt_group]]
        id = "600"
        name = "Stock"
        group = "stock"
        members = ["102"]
    "#;

    fn check(role: Role, person: Option<&str>, given: &[&str], expected: Whose) {
        let directory = Directory::from_toml(SITE).unwrap();
        let given: Vec<String> = given.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(
            scope(role, person, &given, &directory),
            Scope { tenant: "acme".to_owned(), whose: expected },
            "{role:?} {person:?} {given:?}"
        );
    }

    fn groups(groups: &[&str], people: &[&str], queues: &[&str]) -> Whose {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Whose::Groups(Groups { groups: owned(groups), people: owned(people), queues: owned(queues) })
    }

    #[test]
    fn a_token_gives_no_power_that_it_does_not_have() {
        let of = |scopes: &[&str]| {
            let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            Powers::of_scopes(&scopes, true)
        };
        assert_eq!(of(&["read"]).scopes(Role::Administrator), ["read"]);
        assert_eq!(of(&["read", "act"]).scopes(Role::Administrator), ["read", "act"]);
        assert_eq!(of(&["read", "act", "admin"]).scopes(Role::Person), ["read", "act"]);
        assert_eq!(Powers::of_sign_in(false).scopes(Role::Administrator), ["read", "act", "admin"]);
        assert!(!Powers::of_sign_in(false).act && !of(&["admin"]).act);
    }

    #[test]
    fn each_role_sees_what_is_theirs() {
        check(Role::Administrator, None, &[], Whose::Everything);
        check(Role::Analyst, None, &["stock"], groups(&["stock"], &["ann", "joy"], &["600"]));
        check(Role::Analyst, None, &[], groups(&[], &[], &[]));
        check(Role::Analyst, None, &["nobody"], groups(&[], &[], &[]));
        // Who leads a group sees the groups within it, and themselves.
        check(Role::Head, Some("ann"), &[], groups(&["desk", "sales"], &["ann", "bob", "joy"], &["500"]));
        check(Role::Head, Some("chief"), &[], groups(&["board", "desk", "sales"], &["chief", "bob", "joy"], &["500"]));
        // What an analyst was given is nothing to a head or a person.
        check(Role::Person, Some("nobody"), &["stock"], Whose::Person(Person::default()));
        check(Role::Head, None, &["stock"], Whose::Person(Person::default()));
        let held = Held {
            number: "102".to_owned(),
            pbx: "main".to_owned(),
            since: Some(Moment(1_767_225_600_000)),
            until: Some(Moment(1_780_268_400_000)),
        };
        let bob = Person { id: "bob".to_owned(), extensions: vec![held] };
        check(Role::Person, Some("bob"), &[], Whose::Person(bob.clone()));
        check(Role::Head, Some("bob"), &[], Whose::Person(bob));
    }
}
