//! The set-up of access: what is changed there holds at once, and stands in the list of changes.

use office::{NewLogin, Office};
use serde_json::{Value, json};

use super::portal;
use crate::process::text;

#[test]
fn logins_are_made_changed_and_shut_out() {
    let portal = portal();
    let admin = portal.cookie(&portal.login, &portal.password);
    let token = portal.user(&["token", "admin", "--scopes", "read,act,admin"]);
    let api = |method: &str, path: &str, body: Value| portal.api(&token, method, path, &body);

    // Made on the page, with a password that is shown once.
    let fields = [("login", "New.One"), ("role", "analyst"), ("groups", "sales"), ("groups", "support")];
    let made = portal.post("/set-up/access", &admin, &fields);
    assert_eq!(made.status, 200, "{}", made.body);
    let password =
        made.body.split("<pre tabindex=\"0\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a password");
    let cookie = portal.cookie("new.one", password);
    let login = api("GET", "/api/v1/logins/new.one", Value::Null).json();
    assert_eq!((&login["role"], &login["groups"]), (&json!("analyst"), &json!(["sales", "support"])));
    assert_eq!(api("POST", "/api/v1/logins", json!({"login": "new.one", "role": "analyst"})).status, 409);
    for wrong in [
        json!({"login": "x y", "role": "analyst"}),
        json!({"login": "x", "role": "boss"}),
        json!({"login": "x", "role": "person"}),
        json!({"login": "x", "role": "person", "person": "nobody"}),
        json!({"login": "x", "role": "analyst", "groups": ["none"]}),
        json!({"login": "x", "role": "person", "person": "anna", "groups": ["sales"]}),
        json!({"login": "x", "role": "analyst", "password": "short"}),
    ] {
        assert_eq!(api("POST", "/api/v1/logins", wrong.clone()).status, 400, "{wrong}");
    }

    // Its tokens have no more power than whoever makes them and its role.
    let own = portal.post("/me/access/tokens", &cookie, &[("name", "report"), ("scopes", "read"), ("days", "7")]);
    let own_token =
        own.body.split("<pre tabindex=\"0\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a token");
    assert_eq!(portal.api(own_token, "GET", "/api/v1/tokens", &Value::Null).json()["tokens"][0]["name"], "report");
    let more = json!({"name": "more", "scopes": ["read", "act"]});
    assert_eq!(portal.api(own_token, "POST", "/api/v1/tokens", &more).status, 403, "a token that reads makes none");
    assert_eq!(portal.post("/me/access/tokens", &cookie, &[("name", "x"), ("scopes", "admin")]).status, 400);
    let weak = portal.user(&["token", "admin", "--scopes", "read,act"]);
    let stronger = portal.api(&weak, "POST", "/api/v1/tokens", &json!({"name": "x", "scopes": ["read", "admin"]}));
    assert_eq!(stronger.status, 400, "a token of an administrator gives no power that it does not have");
    let id = portal.api(own_token, "GET", "/api/v1/tokens", &Value::Null).json()["tokens"][0]["id"].clone();
    let revoked = portal.post(&format!("/me/access/tokens/{}/revoke", text(&id)), &cookie, &[]);
    assert_eq!(revoked.status, 303, "{}", revoked.body);
    assert_eq!(portal.api(own_token, "GET", "/api/v1/tokens", &Value::Null).status, 401);

    // Where one is signed in, and the end of it.
    let second = portal.cookie("new.one", password);
    let page = portal.get("/me/access", &second).body;
    assert_eq!(page.matches("/me/access/sign-ins/").count(), 2, "{page}");
    let sign_ins = portal.ask("GET", "/api/v1/sign_ins", &[("Cookie", &second)], "").json()["sign_ins"].clone();
    let other = sign_ins.as_array().expect("sign-ins").iter().find(|one| one["is_this"] == false).expect("another one");
    let end = format!("/me/access/sign-ins/{}/end", text(&other["id"]));
    assert_eq!(portal.post(&end, &second, &[]).status, 303);
    assert_eq!((portal.get("/missed", &cookie).status, portal.get("/missed", &second).status), (303, 200));
    assert_eq!(portal.post(&end, &second, &[]).status, 404, "it has ended");
    assert_eq!(portal.post("/set-up/access/new.one/sign-ins/end", &admin, &[]).status, 303);
    assert_eq!(portal.get("/missed", &second).status, 303);

    // A password, then a role, then nothing any more: each ends what was signed in.
    let third = portal.cookie("new.one", password);
    let set = api("PUT", "/api/v1/logins/new.one/password", json!({"password": "a better one"})).json();
    assert_eq!(set["password"], Value::Null, "what was sent is not sent back");
    assert_eq!(portal.get("/missed", &third).status, 303);
    let fourth = portal.cookie("new.one", "a+better+one");
    let version = api("GET", "/api/v1/logins/new.one", Value::Null).json()["version"].clone();
    let change = json!({"version": version, "role": "person", "person": "anna"});
    assert_eq!(api("PUT", "/api/v1/logins/new.one", change.clone()).json()["role"], "person");
    assert_eq!(portal.get("/missed", &fourth).status, 303);
    let late = api("PUT", "/api/v1/logins/new.one", change);
    let problem: Value = serde_json::from_str(&late.body).expect("JSON");
    assert_eq!((late.status, &problem["changed_by"]), (409, &json!("admin")));
    let token_of = portal.user(&["token", "new.one"]);
    let version = api("GET", "/api/v1/logins/new.one", Value::Null).json()["version"].clone();
    let off = json!({"version": version, "role": "person", "person": "anna", "is_disabled": true});
    assert_eq!(api("PUT", "/api/v1/logins/new.one", off).json()["is_disabled"], true);
    assert_eq!(portal.api(&token_of, "GET", "/api/v1/calls", &Value::Null).status, 401);
    assert_eq!(portal.sign_in("new.one", "a+better+one").status, 401);

    // Somebody always sets up.
    let version = api("GET", "/api/v1/logins/admin", Value::Null).json()["version"].clone();
    for change in [
        json!({"version": version, "role": "analyst"}),
        json!({"version": version, "role": "administrator", "is_disabled": true}),
    ] {
        let refused = api("PUT", "/api/v1/logins/admin", change);
        assert_eq!(refused.status, 400);
        assert!(refused.body.contains("last administrator"), "{}", refused.body);
    }
    assert_eq!(portal.get("/missed", &admin).status, 200);

    // All of it stands in the list of changes, and no secret does.
    let changes = api("GET", "/api/v1/changes?limit=500", Value::Null).json();
    let of: Vec<&str> = changes["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .filter(|change| change["of"] == "new.one")
        .map(|change| text(&change["what"]))
        .collect();
    assert_eq!(
        of,
        [
            "login changed",
            "token added",
            "login changed",
            "password changed",
            "sign-ins ended",
            "token revoked",
            "token added",
            "login added"
        ]
    );
    let page = portal.get("/set-up/changes", &admin).body;
    assert!(page.contains("new.one") && !page.contains(password) && !page.contains("argon2"), "{page}");
    let page = portal.get("/set-up/access/new.one", &admin).body;
    assert!(!page.contains("argon2") && !page.contains(own_token), "{page}");
}

/// Two companies may share an installation: an administrator of one sets up nothing of the other.
#[test]
fn another_companys_logins_are_not_there() {
    let portal = portal();
    let office =
        Office::open(&format!("sqlite:{}", portal.folder.path().join("data/office.db").display()), 60_000).unwrap();
    let theirs = NewLogin {
        login: "their-boss".into(),
        tenant: "theirs".into(),
        role: "administrator".into(),
        ..NewLogin::default()
    };
    assert!(office.login_add(&theirs, "test", 1).unwrap());
    let before = office.login("their-boss").unwrap();
    let admin = portal.cookie(&portal.login, &portal.password);
    let token = portal.user(&["token", "admin", "--scopes", "read,act,admin"]);
    for (method, path, body) in [
        ("GET", "", Value::Null),
        ("PUT", "", json!({"version": 1, "role": "analyst"})),
        ("PUT", "/password", json!({"password": "a better one"})),
        ("GET", "/sign_ins", Value::Null),
        ("DELETE", "/sign_ins", Value::Null),
        ("GET", "/tokens", Value::Null),
        ("POST", "/tokens", json!({"name": "x", "scopes": ["read"]})),
        ("DELETE", "/tokens/x", Value::Null),
    ] {
        let answer = portal.api(&token, method, &format!("/api/v1/logins/their-boss{path}"), &body);
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
    }
    for (path, fields) in [
        ("/change", &[("version", "1"), ("role", "analyst")][..]),
        ("/password", &[("password", "a better one")]),
        ("/sign-ins/end", &[]),
        ("/tokens", &[("name", "x"), ("scopes", "read")]),
        ("/tokens/x/revoke", &[]),
    ] {
        let answer = portal.post(&format!("/set-up/access/their-boss{path}"), &admin, fields);
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    assert_eq!(office.login("their-boss").unwrap(), before);
    let logins = portal.api(&token, "GET", "/api/v1/logins", &Value::Null);
    let changes = portal.api(&token, "GET", "/api/v1/changes?limit=500", &Value::Null);
    assert!(!logins.body.contains("their-boss") && !changes.body.contains("their-boss"), "{}", logins.body);
}
