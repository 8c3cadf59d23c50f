//! Saved views: whose they are, who finds them, and that nobody overwrites another.

use office::{Error, NewLogin, NewView, Office, SavedView, ViewChange};

use crate::{T0, office};

/// Two companies; `chief` is an administrator of acme, and `boss` of the other.
fn with_logins() -> (tempfile::TempDir, Office) {
    let (folder, office) = office();
    for (login, tenant, role) in [
        ("chief", "acme", "administrator"),
        ("ann", "acme", "analyst"),
        ("bob", "acme", "analyst"),
        ("boss", "other", "administrator"),
    ] {
        let new = NewLogin { login: login.into(), tenant: tenant.into(), role: role.into(), ..NewLogin::default() };
        assert!(office.login_add(&new, "command", T0).unwrap());
    }
    (folder, office)
}

fn new(login: &str, name: &str, is_shared: bool) -> NewView {
    NewView {
        login: login.into(),
        page: "calls".into(),
        name: name.into(),
        query: "outcome=abandoned&period=today".into(),
        is_shared,
    }
}

fn names(office: &Office, login: &str, page: &str) -> Vec<String> {
    office.views_of(login, page).unwrap().into_iter().map(|view| view.name).collect()
}

fn change(view: &SavedView, name: &str, is_shared: bool) -> ViewChange {
    ViewChange { id: view.id, version: view.version, name: name.into(), query: view.query.clone(), is_shared }
}

#[test]
fn a_view_is_its_owners_and_a_shared_one_everybodys_to_look_at() {
    let (_folder, office) = with_logins();
    let own = office.view_add(&new("ann", "  lost at noon ", false), T0).unwrap();
    let shared = office.view_add(&new("ann", "abandoned", true), T0 + 1).unwrap();
    office.view_add(&new("bob", "mine", false), T0).unwrap();
    office.view_add(&new("boss", "another company's", true), T0).unwrap();
    office.view_add(&NewView { page: "missed".into(), ..new("ann", "of another page", true) }, T0).unwrap();
    assert_eq!(
        office.view("ann", own).unwrap(),
        Some(SavedView {
            id: own,
            login: "ann".into(),
            page: "calls".into(),
            name: "lost at noon".into(),
            query: "outcome=abandoned&period=today".into(),
            is_shared: false,
            version: 1,
            created_at: T0,
            changed_at: T0,
            changed_by: "ann".into(),
        })
    );
    assert_eq!(names(&office, "ann", "calls"), ["abandoned", "lost at noon"]);
    assert_eq!(names(&office, "bob", "calls"), ["abandoned", "mine"]);
    assert_eq!(names(&office, "chief", "calls"), ["abandoned"]);
    assert_eq!(names(&office, "boss", "calls"), ["another company's"]);
    assert_eq!(names(&office, "bob", "missed"), ["of another page"]);
    let whose = |login: &str, id| office.view(login, id).unwrap().map(|view| view.login);
    let is_of = |login: &str| Some(login.to_owned());
    assert_eq!([whose("bob", own), whose("bob", shared)], [None, is_of("ann")]);
    assert_eq!(whose("chief", own), is_of("ann"), "an administrator sees every one of the company");
    assert_eq!([whose("boss", own), whose("boss", shared)], [is_of("boss"), None], "each company has its own numbers");
    assert_eq!(office.view("eve", own).unwrap_err().to_string(), "there is no login `eve`");
}

#[test]
fn a_view_is_changed_by_its_owner_and_administrators_each_knowing_what_it_was() {
    let (_folder, office) = with_logins();
    let own = office.view_add(&new("ann", "own", false), T0).unwrap();
    let shared = office.view_add(&new("ann", "shared", true), T0).unwrap();
    let of = |id| office.view("ann", id).unwrap().unwrap();
    let said = |result: office::Result<()>| match result {
        Ok(()) => "done".to_owned(),
        Err(error @ (Error::NotFound { .. } | Error::Forbidden { .. } | Error::Overtaken { .. })) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    };
    let by = |id, login: &str, now| said(office.view_change(&change(&of(id), "new", true), login, now));
    assert_eq!(by(shared, "bob", T0 + 1), "the view `shared` is changed by ann, and by administrators");
    assert_eq!(by(own, "bob", T0 + 1), format!("there is no view {own}"), "what is not seen is not there");
    assert_eq!(by(shared, "boss", T0 + 1), format!("there is no view {shared}"), "an administrator of another company");
    let before = of(shared);
    assert_eq!(by(shared, "chief", T0 + 2), "done");
    assert_eq!(
        said(office.view_change(&change(&before, "mine", true), "ann", T0 + 3)),
        "changed by chief at 2026-11-24T10:00:00.002Z: look at it again"
    );
    assert_eq!(
        said(office.view_delete(shared, before.version, "ann", T0 + 3)),
        "changed by chief at 2026-11-24T10:00:00.002Z: look at it again"
    );
    assert_eq!(
        of(shared),
        SavedView { name: "new".into(), version: 2, changed_at: T0 + 2, changed_by: "chief".into(), ..before }
    );
    assert_eq!(
        said(office.view_delete(shared, 2, "bob", T0 + 4)),
        "the view `new` is changed by ann, and by administrators"
    );
    assert_eq!(said(office.view_delete(shared, 2, "ann", T0 + 4)), "done");
    assert_eq!(said(office.view_delete(shared, 2, "ann", T0 + 5)), format!("there is no view {shared}"));
    assert_eq!(said(office.view_delete(own, 1, "chief", T0 + 6)), "done");
    let changes: Vec<(String, String, String, String)> = office
        .changes("acme", None, 4)
        .unwrap()
        .into_iter()
        .map(|change| (change.by, change.what, change.of, change.detail))
        .collect();
    let detail = |from: Option<&str>, to: Option<&str>| {
        let one = |name| {
            format!(r#"{{"is_shared":{},"name":"{name}","query":"outcome=abandoned&period=today"}}"#, name != "own")
        };
        let parts = [("from", from), ("to", to)].into_iter().filter_map(|(key, name)| Some((key, one(name?))));
        format!("{{{}}}", parts.map(|(key, told)| format!("\"{key}\":{told}")).collect::<Vec<_>>().join(","))
    };
    assert_eq!(
        changes,
        [
            ("chief".to_owned(), "view deleted".to_owned(), format!("view {own}"), detail(Some("own"), None)),
            ("ann".to_owned(), "view deleted".to_owned(), format!("view {shared}"), detail(Some("new"), None)),
            (
                "chief".to_owned(),
                "view changed".to_owned(),
                format!("view {shared}"),
                detail(Some("shared"), Some("new"))
            ),
            ("ann".to_owned(), "view added".to_owned(), format!("view {shared}"), detail(None, Some("shared"))),
        ]
    );
    let next = office.view_add(&new("ann", "next", false), T0).unwrap();
    assert!(next > shared, "a number is not given twice: somebody may have kept the old one");
}

#[test]
fn what_cannot_be_saved_says_what_could() {
    let (_folder, office) = with_logins();
    let refused = |new: &NewView| office.view_add(new, T0).unwrap_err().to_string();
    let long = "x".repeat(4001);
    for (wrong, said) in [
        (new("ann", " \t ", false), "`` is no name of a view: 1 to 100 characters, on one line".to_owned()),
        (
            new("ann", "two\nlines", false),
            "`two\nlines` is no name of a view: 1 to 100 characters, on one line".to_owned(),
        ),
        (new("eve", "fine", false), "there is no login `eve`".to_owned()),
        (
            NewView { page: "Calls".into(), ..new("ann", "v", false) },
            "`Calls` is no page of a view: 1 to 40 characters of a-z -".to_owned(),
        ),
        (
            NewView { query: "?a=b".into(), ..new("ann", "v", false) },
            "a view's query is what follows the `?` of the page's address".to_owned(),
        ),
        (
            NewView { query: long, ..new("ann", "v", false) },
            "a view's query has 4001 bytes: at most 4000 are kept".to_owned(),
        ),
    ] {
        assert_eq!(refused(&wrong), said);
    }
    assert_eq!(office.views_of("ann", "calls").unwrap(), []);
    for n in 0..200 {
        office.view_add(&new("ann", &format!("v{n}"), n % 2 == 0), T0).unwrap();
    }
    assert_eq!(refused(&new("ann", "one more", false)), "200 views are saved already: delete one first");
    assert!(office.view_add(&new("bob", "mine", false), T0).is_ok(), "bob has room");
    assert_eq!(names(&office, "bob", "calls").len(), 101);
}

#[test]
fn a_company_shares_so_many_and_no_more() {
    let (_folder, office) = with_logins();
    for n in 0..500 {
        let login = format!("p{}", n / 200);
        let add =
            NewLogin { login: login.clone(), tenant: "acme".into(), role: "analyst".into(), ..NewLogin::default() };
        office.login_add(&add, "command", T0).unwrap();
        office.view_add(&new(&login, &format!("v{n}"), true), T0).unwrap();
    }
    let full = "acme shares 500 views already: keep this one to yourself";
    assert_eq!(office.view_add(&new("ann", "mine", true), T0).unwrap_err().to_string(), full);
    let own = office.view_add(&new("ann", "mine", false), T0).unwrap();
    let own = office.view("ann", own).unwrap().unwrap();
    assert_eq!(office.view_change(&change(&own, "mine", true), "ann", T0).unwrap_err().to_string(), full);
    let shared = office.views_of("p0", "calls").unwrap().remove(0);
    office.view_change(&change(&shared, "renamed", true), "p0", T0).unwrap();
    office.view_add(&new("boss", "another company's", true), T0).unwrap();
}
