//! Who may sign in to a demo: one of each role, each of whom has something to see.

use directory::Directory;
use generator::shape::FIRST_PBX;

use crate::viewing::DemoLogin;

/// The group whose head signs in: another one is within it.
const LED: &str = "service";

/// The group of the person who signs in, and those that the analyst is given.
const OF_PERSON: &str = "orders";
const GIVEN: [&str; 2] = ["orders", "accounts"];

/// The administrator first. Whoever is not in the site file any more does not sign in.
pub(crate) fn of(directory: &Directory) -> Vec<DemoLogin> {
    let head = directory.group(LED).and_then(|group| group.heads.first().cloned());
    let is_head = |id: &str| directory.groups().iter().any(|group| group.heads.iter().any(|head| head == id));
    let has_telephone =
        |person: &directory::Person| person.extensions.iter().any(|extension| extension.pbx == FIRST_PBX);
    let of_group = |person: &&directory::Person| person.group.as_deref() == Some(OF_PERSON);
    let mut people = directory.people().iter().filter(of_group);
    let person = people.find(|person| has_telephone(person) && !is_head(&person.id)).map(|person| person.id.clone());
    let given: Vec<String> =
        GIVEN.iter().filter(|id| directory.group(id).is_some()).map(|id| (*id).to_owned()).collect();
    let somebody = |login, person: Option<String>| {
        person.map(|id| DemoLogin { login, role: login, person: Some(id), groups: Vec::new() })
    };
    let analyst = DemoLogin { login: "analyst", role: "analyst", person: None, groups: given };
    [Some(DemoLogin::administrator()), somebody("head", head), somebody("person", person), Some(analyst)]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use generator::Shape;

    use super::*;

    #[test]
    fn one_of_each_role_has_something_to_see() {
        let site = Shape { zone: "Europe/London".to_owned(), people: 60 }.site_toml();
        let directory = Directory::from_toml(&site).unwrap();
        let logins = of(&directory);
        let roles: Vec<&str> = logins.iter().map(|login| login.role).collect();
        assert_eq!(roles, ["administrator", "head", "person", "analyst"]);
        let led = |id: &str| directory.people().iter().filter(|person| person.group.as_deref() == Some(id)).count();
        assert!(led(LED) > 5 && directory.groups().iter().any(|group| group.parent.as_deref() == Some(LED)));
        assert_eq!(logins[3].groups, GIVEN);
        let person = directory.person(logins[2].person.as_deref().unwrap()).unwrap();
        let number = &person.extensions[0].number;
        let leads = |did: &&directory::Did| did.entry.target.as_deref() == Some(number);
        assert!(directory.dids().any(|did| leads(&did)), "a number leads to their telephone");
    }
}
