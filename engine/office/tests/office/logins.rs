//! Logins, sign-ins and tokens: who gets in, and that what ends is over at once.

use office::{Error, FAILURES_SPAN_MS, HeldSignIn, LoginChange, NewLogin, NewSignIn, NewToken, Office};

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
        login_version: office.login(login).unwrap().unwrap().version,
        now,
        ends_at: now + 12 * HOUR,
        agent: "a browser".into(),
        address: "10.0.0.1".into(),
        tried_at: now,
    };
    assert!(office.sign_in(&new).unwrap());
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
    let (folder, office) = office();
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
            login_version: 1,
            now: T0 + n,
            ends_at: T0 + HOUR,
            address: "10.0.0.9".into(),
            tried_at: T0 + n,
            ..NewSignIn::default()
        };
        assert!(office.sign_in(&new).unwrap());
    }
    // Nobody has succeeded since, and what failed is not kept for ever, nor a name that is none.
    let long = "x".repeat(5000);
    assert!(office.may_sign_in(&long, "10.0.0.8", 3, T0 + HOUR).unwrap());
    let database = rusqlite::Connection::open(folder.path().join("office.db")).unwrap();
    let mut kept = database.prepare("select of_whom from sign_in_failures order by of_whom").unwrap();
    let kept: Vec<String> = kept.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(kept, ["address:10.0.0.8".to_owned(), format!("login:{}", "x".repeat(101))]);
}

#[test]
fn whose_login_changed_while_the_password_was_looked_at_is_not_in() {
    let (_folder, office) = office();
    add(&office, "ann", "person");
    let new = |secret: &str, login: &str, login_version| NewSignIn {
        secret_hash: secret.into(),
        login: login.into(),
        login_version,
        now: T0,
        ends_at: T0 + HOUR,
        ..NewSignIn::default()
    };
    assert!(office.sign_in(&new("first", "ann", 1)).unwrap());
    office.login_language("ann", "uk").unwrap();
    assert!(office.sign_in(&new("second", "ann", 1)).unwrap(), "a language is no change of who may what");
    office.login_password("ann", "another", "ann", T0).unwrap();
    assert!(!office.sign_in(&new("late", "ann", 1)).unwrap());
    assert!(!office.sign_in(&new("of nobody", "eve", 0)).unwrap());
    change(&office, "ann", "person", true).unwrap();
    assert!(!office.sign_in(&new("disabled", "ann", 3)).unwrap());
    change(&office, "ann", "person", false).unwrap();
    for secret in ["first", "second", "late", "of nobody", "disabled"] {
        assert!(!is_in(&office, secret, T0), "{secret}");
    }
    assert_eq!(office.login("ann").unwrap().unwrap().signed_in_at, Some(T0));
}

#[test]
fn a_login_has_a_list_of_its_sign_ins_which_does_not_grow_for_ever() {
    let (_folder, office) = office();
    add(&office, "ann", "person");
    add(&office, "bob", "person");
    sign_in(&office, "bob", "another's", T0);
    for n in 0..3 {
        sign_in(&office, "ann", &format!("s{n}"), T0 + n);
    }
    assert!(is_in(&office, "s0", T0 + HOUR / 2), "s0 is looked through now");
    let list = |now| office.sign_ins_of("ann", now).unwrap();
    let held = |n: i64, seen_at| HeldSignIn {
        secret_hash: format!("s{n}"),
        began_at: T0 + n,
        seen_at,
        ends_at: T0 + n + 12 * HOUR,
        agent: "a browser".into(),
    };
    assert_eq!(list(T0 + HOUR), [held(0, T0 + HOUR / 2), held(2, T0 + 2), held(1, T0 + 1)]);
    assert_eq!(list(T0 + 12 * HOUR), [held(2, T0 + 2), held(1, T0 + 1)], "s0 is over");
    for n in 3..102 {
        sign_in(&office, "ann", &format!("s{n}"), T0 + n);
    }
    let left: Vec<String> = list(T0 + HOUR).into_iter().map(|held| held.secret_hash).collect();
    let wanted: Vec<String> = [0].into_iter().chain((3..102).rev()).map(|n| format!("s{n}")).collect();
    assert_eq!(left, wanted, "those that nobody looked through for longest have ended");
    office.sign_out_all("ann").unwrap();
    assert_eq!(list(T0 + HOUR), []);
    assert!(is_in(&office, "another's", T0 + 1));
}

#[test]
fn a_token_is_made_for_what_it_may_do_and_for_whom_it_may() {
    let (_folder, office) = office();
    add(&office, "bob", "analyst");
    let token = |n: i64, scopes: &[&str], ends_at| NewToken {
        secret_hash: format!("hash of {n}"),
        id: n.to_string(),
        login: "bob".into(),
        name: " crm ".into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ends_at,
    };
    let refused = |new: &NewToken| office.token_add(new, "bob", T0 + 1).unwrap_err().to_string();
    assert_eq!(refused(&token(0, &["read", "all"], None)), "`all` is no scope: read, act, admin");
    assert_eq!(refused(&token(0, &[], None)), "a token may do something: read, act, admin");
    let nameless = NewToken { name: " ".into(), ..token(0, &["read"], None) };
    assert_eq!(refused(&nameless), "`` is no name of a token: 1 to 100 characters, on one line");
    for n in 0..100 {
        let ends_at = (n == 7).then_some(T0 + HOUR);
        office.token_add(&token(n, &["read", "act"], ends_at), "bob", T0 + n).unwrap();
    }
    assert_eq!(refused(&token(100, &["read"], None)), "bob has 100 tokens: revoke one first");
    office.token_add(&token(100, &["admin"], None), "bob", T0 + HOUR).unwrap();
    let tokens = office.tokens_of("bob").unwrap();
    assert_eq!((tokens.len(), tokens.iter().find(|token| token.id == "7")), (100, None), "what has ended makes room");
    assert_eq!((&*tokens[99].name, &tokens[99].scopes), ("crm", &vec!["admin".to_owned()]));
    assert!(office.token_revoke("bob", "3", "chief", T0 + HOUR).unwrap());
    change(&office, "bob", "analyst", true).unwrap();
    assert_eq!(refused(&token(101, &["read"], None)), "the login bob is disabled: nobody may use it");
    let details: Vec<(String, String)> =
        office.changes("acme", None, 3).unwrap().into_iter().map(|change| (change.what, change.detail)).collect();
    let login = |is_disabled: bool| {
        format!(r#"{{"groups":["sales"],"is_disabled":{is_disabled},"person":null,"role":"analyst"}}"#)
    };
    assert_eq!(
        details,
        [
            ("login changed".to_owned(), format!(r#"{{"from":{},"to":{}}}"#, login(false), login(true))),
            (
                "token revoked".to_owned(),
                r#"{"from":{"ends_at":null,"id":"3","name":"crm","scopes":["read","act"]}}"#.to_owned()
            ),
            (
                "token added".to_owned(),
                r#"{"to":{"ends_at":null,"id":"100","name":"crm","scopes":["admin"]}}"#.to_owned()
            ),
        ]
    );
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
