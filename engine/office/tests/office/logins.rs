//! Logins, sign-ins and tokens: who gets in, and that what ends is over at once.

use office::{Error, FAILURES_SPAN_MS, LoginChange, NewLogin, NewSignIn, NewToken, Office};

use crate::{T0, office};

const HOUR: i64 = 3_600_000;

fn add(office: &Office, login: &str, role: &str) {
    let person = matches!(role, "head" | "person").then(|| login.to_owned());
    let new = NewLogin {
        login: login.into(),
        tenant: "acme".into(),
        role: role.into(),
        person,
        groups: vec!["sales".into()],
        ..NewLogin::default()
    };
    assert!(office.login_add(&new, "command", T0).unwrap());
}

fn change(office: &Office, login: &str, role: &str, is_disabled: bool) -> Result<(), String> {
    let known = office.login(login).unwrap().unwrap();
    let change = LoginChange {
        login: login.into(),
        version: known.version,
        role: role.into(),
        person: known.person,
        groups: known.groups,
        is_disabled,
    };
    office.login_change(&change, "chief", T0 + 1).map_err(|error| error.to_string())
}

fn sign_in(office: &Office, login: &str, secret: &str, now: i64) {
    let new = NewSignIn {
        secret_hash: secret.into(),
        login: login.into(),
        now,
        ends_at: now + 12 * HOUR,
        agent: "a browser".into(),
        address: "10.0.0.1".into(),
        tried_at: now,
    };
    office.sign_in(&new).unwrap();
}

fn is_in(office: &Office, secret: &str, now: i64) -> bool {
    office.sign_in_of(secret, now, HOUR).unwrap().is_some()
}

#[test]
fn what_ends_is_over_at_once() {
    let (_folder, office) = office();
    for (login, role) in [("chief", "administrator"), ("ann", "person"), ("bob", "analyst")] {
        add(&office, login, role);
    }
    sign_in(&office, "ann", "s1", T0);
    sign_in(&office, "ann", "s2", T0);
    assert!(is_in(&office, "s1", T0 + HOUR - 1), "and it was seen then");
    assert!(is_in(&office, "s1", T0 + 2 * HOUR - 2));
    assert!(!is_in(&office, "s2", T0 + HOUR), "nobody looked for an hour");
    assert!(!is_in(&office, "nobody", T0));
    office.sign_out("s1").unwrap();
    assert!(!is_in(&office, "s1", T0 + 2 * HOUR - 1));
    for (what, end) in [
        ("changed", &(|| change(&office, "ann", "person", false).unwrap()) as &dyn Fn()),
        ("another password", &|| office.login_password("ann", "hash", "chief", T0).unwrap()),
        ("disabled", &|| change(&office, "ann", "person", true).unwrap()),
    ] {
        sign_in(&office, "ann", what, T0);
        assert!(is_in(&office, what, T0));
        end();
        assert!(!is_in(&office, what, T0), "{what}");
    }
    let token = |login: &str, hash: &str, ends_at| NewToken {
        secret_hash: hash.into(),
        id: format!("id-{hash}"),
        login: login.into(),
        name: "crm".into(),
        scopes: vec!["read".into()],
        ends_at,
    };
    office.token_add(&token("bob", "t1", Some(T0 + HOUR)), "bob", T0).unwrap();
    office.token_add(&token("bob", "t2", None), "bob", T0).unwrap();
    let whose = |hash: &str, now| office.token_of(hash, now).unwrap().map(|(token, login)| (token.name, login.login));
    assert_eq!(whose("t1", T0 + HOUR - 1), Some(("crm".into(), "bob".into())));
    assert_eq!(whose("t1", T0 + HOUR), None);
    assert!(office.token_revoke("bob", "id-t1", "bob", T0).unwrap());
    assert!(!office.token_revoke("ann", "id-t2", "ann", T0).unwrap(), "it is bob's");
    assert_eq!(office.tokens_of("bob").unwrap().len(), 1);
    change(&office, "bob", "analyst", true).unwrap();
    assert_eq!(whose("t2", T0), None);
    let said: Vec<(String, String)> =
        office.changes("acme", None, 3).unwrap().into_iter().map(|change| (change.what, change.of)).collect();
    assert_eq!(
        said,
        [("login changed", "bob"), ("token revoked", "bob"), ("token added", "bob")]
            .map(|(what, of)| (what.to_owned(), of.to_owned()))
    );
}

#[test]
fn who_guesses_is_stopped_and_who_signs_in_is_not() {
    let (_folder, office) = office();
    let tries = |login: &str, address: &str, now: i64| {
        (0..).take_while(|_| office.may_sign_in(login, address, 3, now).unwrap()).take(9).count()
    };
    assert_eq!(tries("ann", "10.0.0.1", T0), 3);
    assert_eq!(tries("ann", "10.0.0.2", T0), 0, "the login is guessed at");
    assert_eq!(tries("bob", "10.0.0.1", T0), 0, "this address guesses");
    assert_eq!(tries("bob", "10.0.0.2", T0 + 1), 3);
    assert_eq!(tries("ann", "10.0.0.3", T0 + FAILURES_SPAN_MS), 3);
    add(&office, "eve", "person");
    for n in 0..9 {
        assert!(office.may_sign_in("eve", "10.0.0.9", 3, T0 + n).unwrap(), "none of them failed");
        let new = NewSignIn {
            secret_hash: format!("s{n}"),
            login: "eve".into(),
            now: T0 + n,
            ends_at: T0 + HOUR,
            address: "10.0.0.9".into(),
            tried_at: T0 + n,
            ..NewSignIn::default()
        };
        office.sign_in(&new).unwrap();
    }
}

#[test]
fn a_company_keeps_an_administrator_and_nobody_overwrites_another() {
    let (_folder, office) = office();
    add(&office, "chief", "administrator");
    let last = "chief is the last administrator of acme: make another one first";
    assert_eq!(change(&office, "chief", "analyst", false), Err(last.to_owned()));
    assert_eq!(change(&office, "chief", "administrator", true), Err(last.to_owned()));
    add(&office, "other", "administrator");
    change(&office, "chief", "analyst", false).unwrap();
    let stale = LoginChange { login: "chief".into(), version: 1, role: "analyst".into(), ..LoginChange::default() };
    match office.login_change(&stale, "other", T0 + 2) {
        Err(Error::Overtaken { by, at }) => assert_eq!((by.as_str(), at), ("chief", T0 + 1)),
        other => panic!("{other:?}"),
    }
    let refused = |login: &str, role: &str| {
        let new = NewLogin { login: login.into(), tenant: "acme".into(), role: role.into(), ..NewLogin::default() };
        office.login_add(&new, "command", T0).unwrap_err().to_string()
    };
    assert_eq!(refused("Ann B", "analyst"), "`Ann B` is no name of a login: 1 to 100 characters of a-z 0-9 . _ - @ +");
    assert_eq!(refused("ann", "boss"), "`boss` is no role: administrator, analyst, head, person");
    assert_eq!(
        refused("ann", "person"),
        "a login of role person is somebody's: say whose, by their id in the site file"
    );
}
