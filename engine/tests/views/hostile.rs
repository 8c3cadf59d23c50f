//! What somebody types stays a value: no text of a view, of an id, or of a scope's ids is ever SQL.

use store::period::{Period, Preset};
use store::scope::{Groups, Held, Person, Scope, Whose};
use store::view::{COLUMNS, Kind, Test, View};

use super::told::wait;
use super::{everything, reader, world};

const TEXTS: [&str; 9] = [
    "' OR 1=1 --",
    "') OR (1=1",
    "\\' OR 1=1 --",
    "\\",
    "'",
    "{tenant:String}",
    "%calls in scope%",
    "?",
    "\0\n\t'\u{202e}",
];

#[test]
fn no_value_of_a_view_is_sql() {
    let world = &*world();
    let reader = everything(world);
    for text in TEXTS {
        for column in
            COLUMNS.iter().filter(|c| c.is_filter() && matches!(c.kind, Kind::Text | Kind::List | Kind::People))
        {
            let some = || vec![text.to_owned()];
            for test in [Test::Is(some()), Test::Contains(text.to_owned())] {
                let view = View::of(Period::Preset(Preset::All)).with(column.name, test).expect("a view");
                let view = View::parse(&view.query()).expect("the same view");
                let total = wait(reader.total(&view, &[]))
                    .unwrap_or_else(|error| panic!("{text:?} {}: {error:?}", column.name));
                assert_eq!(total.calls, 0, "{text:?} in {}", column.name);
            }
        }
        let mut view = View::of(Period::Preset(Preset::All));
        view.search = Some(text.to_owned());
        assert_eq!(wait(reader.total(&view, &[text.to_owned()])).expect("a total").calls, 0, "{text:?}");
        assert_eq!(wait(reader.call(text)).expect("asked"), None);
        assert_eq!(wait(reader.customer(text)).expect("asked").total, 0);
    }
}

#[test]
fn no_value_of_a_scope_is_sql() {
    let world = &*world();
    let all = View::of(Period::Preset(Preset::All));
    for text in TEXTS {
        let some = || vec![text.to_owned()];
        let held = Held { number: text.into(), pbx: text.into(), since: None, until: None };
        let whose = [
            Whose::Groups(Groups { groups: some(), people: some(), queues: some() }),
            Whose::Person(Person { id: text.into(), extensions: vec![held] }),
        ];
        for whose in whose {
            let reader = reader(world, Scope { tenant: world.tenant.clone(), whose });
            assert_eq!(wait(reader.total(&all, &[])).expect("a total").calls, 0, "{text:?}");
            assert!(wait(reader.work_list(10, None)).expect("asked").rows.is_empty(), "{text:?}");
        }
        let reader = reader(world, Scope::everything(text));
        assert_eq!(wait(reader.total(&all, &[])).expect("a total").calls, 0, "{text:?}");
    }
}
