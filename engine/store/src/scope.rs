//! Whose rows a viewer may see: the only place that narrows a query to a viewer.
//!
//! A statement says what of a scope it needs by a place-holder, `%calls in scope%`; a `Question` is built from a
//! statement and a scope, and a statement without a place-holder is none. What stands there is in `sql/scope`, and its values are
//! parameters, never text.

use adapters::leg::Moment;

/// Whose rows, and of which company.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope {
    /// The company: nobody sees two.
    pub tenant: String,
    /// Whose calls of it.
    pub whose: Whose,
}

/// Whose calls of a company.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Everybody's, and what is nobody's: records that were not understood, and what each exchange told.
    Everything,
    /// Those of these groups, as their heads and analysts see them: calls that their people placed, took, were offered, or own the
    /// follow-up of; calls that came to their queues and hunt groups; and those that a group owns.
    Groups(Groups),
    /// One person's: calls that they placed, took, were offered, were passed, or own the follow-up of.
    Person(Person),
}

/// Some groups of a company.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Groups {
    /// Their ids, those of the groups within them too.
    pub groups: Vec<String>,
    /// The ids of the people in them.
    pub people: Vec<String>,
    /// The numbers or names of their queues and hunt groups.
    pub queues: Vec<String>,
}

/// One person.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// The extensions that they have or had: who has one after them does not see their calls, nor they the other's.
    pub extensions: Vec<Held>,
}

/// An extension while somebody has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// The digits.
    pub number: String,
    /// The exchange.
    pub pbx: String,
    /// From this moment on; `None`: ever since.
    pub since: Option<Moment>,
    /// Until this moment, which is not theirs any more; `None`: still.
    pub until: Option<Moment>,
}

/// What a scope narrows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Of {
    Calls,
    FollowUps,
    Deliveries,
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "windows are asked for by tiles, which come with their statements")
    )]
    Windows,
    /// Records and what became of them, which are nobody's.
    Facts,
}

impl Of {
    pub(crate) const ALL: [Of; 5] = [Of::Calls, Of::FollowUps, Of::Deliveries, Of::Windows, Of::Facts];

    /// What stands in a statement in its place.
    pub(crate) fn place_holder(self) -> &'static str {
        match self {
            Of::Calls => "%calls in scope%",
            Of::FollowUps => "%follow_ups in scope%",
            Of::Deliveries => "%deliveries in scope%",
            Of::Windows => "%windows in scope%",
            Of::Facts => "%facts in scope%",
        }
    }
}

/// A value of a parameter of a scope.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum ScopeValue {
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<i64>),
}

macro_rules! fragment {
    ($of:literal, $whose:literal) => {
        include_str!(concat!("../../../sql/scope/", $of, "_", $whose, ".sql"))
    };
}

impl Scope {
    /// All of a company.
    #[must_use]
    pub fn everything(tenant: &str) -> Scope {
        Scope { tenant: tenant.to_owned(), whose: Whose::Everything }
    }

    /// The condition on rows of this kind; it may itself contain the place-holder of calls or follow-ups.
    pub(crate) fn narrowing(&self, of: Of) -> &'static str {
        let fragment = match (of, &self.whose) {
            (Of::Calls, Whose::Everything) => fragment!("calls", "everything"),
            (Of::Calls, Whose::Groups(_)) => fragment!("calls", "groups"),
            (Of::Calls, Whose::Person(_)) => fragment!("calls", "person"),
            (Of::FollowUps, Whose::Everything) => fragment!("follow_ups", "everything"),
            (Of::FollowUps, Whose::Groups(_) | Whose::Person(_)) => fragment!("follow_ups", "some"),
            (Of::Deliveries, Whose::Everything) => fragment!("deliveries", "everything"),
            (Of::Deliveries, Whose::Groups(_) | Whose::Person(_)) => fragment!("deliveries", "some"),
            (Of::Windows, Whose::Everything) => fragment!("windows", "everything"),
            (Of::Windows, Whose::Groups(_)) => fragment!("windows", "groups"),
            (Of::Windows, Whose::Person(_)) => fragment!("windows", "person"),
            (Of::Facts, Whose::Everything) => fragment!("facts", "everything"),
            (Of::Facts, Whose::Groups(_) | Whose::Person(_)) => fragment!("facts", "some"),
        };
        fragment.trim_end()
    }

    /// The values of its parameters, in every kind of scope the same names.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, ScopeValue)> {
        let mut all = vec![("tenant", ScopeValue::Text(self.tenant.clone()))];
        let owners = |kind: &str, ids: &[String]| ids.iter().map(|id| format!("{kind}:{id}")).collect::<Vec<String>>();
        match &self.whose {
            Whose::Everything => {}
            Whose::Groups(Groups { groups, people, queues }) => {
                let owners = [owners("group", groups), owners("person", people)].concat();
                all.push(("scope_groups", ScopeValue::Texts(groups.clone())));
                all.push(("scope_people", ScopeValue::Texts(people.clone())));
                all.push(("scope_queues", ScopeValue::Texts(queues.clone())));
                all.push(("scope_owners", ScopeValue::Texts(owners)));
            }
            Whose::Person(Person { id, extensions }) => {
                let texts = |of: fn(&Held) -> &String| ScopeValue::Texts(extensions.iter().map(of).cloned().collect());
                let numbers = |of: fn(&Held) -> i64| ScopeValue::Numbers(extensions.iter().map(of).collect());
                all.push(("scope_person", ScopeValue::Text(id.clone())));
                all.push(("scope_people", ScopeValue::Texts(vec![id.clone()])));
                all.push(("scope_owners", ScopeValue::Texts(owners("person", std::slice::from_ref(id)))));
                all.push(("scope_numbers", texts(|held| &held.number)));
                all.push(("scope_pbxes", texts(|held| &held.pbx)));
                all.push(("scope_since", numbers(|held| held.since.map_or(i64::MIN, |at| at.0))));
                all.push(("scope_until", numbers(|held| held.until.map_or(i64::MAX, |at| at.0))));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes() -> [Scope; 3] {
        let of = |whose| Scope { tenant: "acme".into(), whose };
        [
            Scope::everything("acme"),
            of(Whose::Groups(Groups { groups: vec!["sales".into()], people: vec!["ann".into()], queues: vec![] })),
            of(Whose::Person(Person { id: "ann".into(), extensions: vec![] })),
        ]
    }

    #[test]
    fn every_narrowing_is_of_one_company_and_has_its_values() {
        for scope in scopes() {
            let given: Vec<&str> = scope.parameters().iter().map(|(name, _)| *name).collect();
            for of in Of::ALL {
                let sql = scope.narrowing(of);
                assert!(sql.starts_with("tenant = {tenant:String}"), "{of:?} of {scope:?}: {sql}");
                for asked in sql.split('{').skip(1).filter_map(|rest| rest.split(':').next()) {
                    assert!(given.contains(&asked), "{of:?} of {scope:?}: no value for {asked}");
                }
            }
        }
    }

    /// An OR that is not in parentheses would let everything through.
    #[test]
    fn no_narrowing_has_a_way_around_it() {
        for scope in scopes() {
            for of in Of::ALL {
                let mut depth = 0;
                let sql = scope.narrowing(of);
                for (at, c) in sql.char_indices() {
                    match c {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        'O' if sql[at..].starts_with("OR ") && sql[..at].ends_with([' ', '\n']) => {
                            assert!(depth > 0, "{of:?} of {scope:?}: {sql}");
                        }
                        _ => {}
                    }
                }
                assert_eq!(depth, 0, "{of:?} of {scope:?}: {sql}");
            }
        }
    }
}
