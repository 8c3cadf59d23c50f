//! The portal of a demo from outside: who gets in, what each role may ask for and see, and that pages say what `ringback calls` says.

mod access;
mod claims;
mod document;
mod parameters;
mod saved;
mod set_up;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use portal::{Powers, ROUTES, Role, Who};
use serde_json::Value;

use crate::process::web::{Answer, ask, cookie, encoded, sign_in};
use crate::process::{Running, all_cases, folder, ringback, run, site, text, write};

struct Portal {
    _running: Mutex<Running>,
    folder: tempfile::TempDir,
    host: String,
    clickhouse: String,
    login: String,
    password: String,
    lines: Vec<Value>,
}

/// One demo for all tests of this module, each of which has logins of its own. The last test that has it ends it.
fn portal() -> Arc<Portal> {
    static PORTAL: Mutex<Weak<Portal>> = Mutex::new(Weak::new());
    let mut kept = PORTAL.lock().unwrap_or_else(PoisonError::into_inner);
    kept.upgrade().unwrap_or_else(|| {
        let portal = Arc::new(Portal::start());
        *kept = Arc::downgrade(&portal);
        portal
    })
}

/// The site of the corpus, where Hugo leads the managers, and sales and support are within them.
fn nested_site(folder: &std::path::Path) -> PathBuf {
    let mut text = std::fs::read_to_string(site()).expect("a site file");
    for (group, more) in
        [("sales", "parent = \"managers\""), ("support", "parent = \"managers\""), ("managers", "heads = [\"hugo\"]")]
    {
        let entry = format!("[[group]]\nid = \"{group}\"\n");
        assert!(text.contains(&entry), "{group}");
        text = text.replace(&entry, &format!("{entry}{more}\n"));
    }
    write(folder, "site.toml", text)
}

impl Portal {
    fn start() -> Portal {
        let folder = folder();
        let records = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
        let site = nested_site(folder.path());
        let mut command = ringback(["demo", "--data"]);
        command.arg(folder.path().join("data")).arg("--site").arg(&site).arg("--records").arg(&records);
        let running = Running::start(command.stderr(Stdio::null()));
        let ready = running.ready();
        let url = text(&ready["portal"]);
        let lines =
            run(ringback(["calls", "--json", "--site"]).arg(&site).args(["--pbx", "asterisk_cdr"]).arg(&records))
                .lines();
        Portal {
            host: url.strip_prefix("http://").expect("http").to_owned(),
            clickhouse: text(&ready["clickhouse"]).to_owned(),
            login: text(&ready["login"]).to_owned(),
            password: text(&ready["password"]).to_owned(),
            _running: Mutex::new(running),
            folder,
            lines,
        }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(&self.host, method, path, headers, body)
    }

    /// Asks the API with a token; what is sent is JSON.
    fn api(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        api(&self.host, token, method, path, body)
    }

    /// Sends a form of a page, as a browser does that signed in.
    fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get("/measures", cookie);
        let mut form: Vec<String> = vec![format!("csrf={}", encoded(page.csrf()))];
        form.extend(fields.iter().map(|(key, value)| format!("{key}={}", encoded(value))));
        self.ask("POST", path, &[("Cookie", cookie)], &form.join("&"))
    }

    fn sign_in(&self, login: &str, password: &str) -> Answer {
        sign_in(&self.host, login, password)
    }

    /// The cookie of somebody who signed in.
    fn cookie(&self, login: &str, password: &str) -> String {
        cookie(&self.host, login, password)
    }

    fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask("GET", path, &[("Cookie", cookie)], "")
    }

    fn user(&self, arguments: &[&str]) -> String {
        let mut command = ringback(["user"]);
        command.args(arguments).arg("--data").arg(self.folder.path().join("data"));
        let ran = run(&mut command);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        String::from_utf8(ran.stdout).expect("UTF-8").trim().to_owned()
    }

    /// Ids of the calls of a view, by a token.
    fn calls(&self, token: &str, query: &str) -> BTreeSet<String> {
        let bearer = format!("Bearer {token}");
        let path = format!("/api/v1/calls?limit=1000&columns=call_id&{query}");
        let answer = self.ask("GET", &path, &[("Authorization", &bearer)], "").json();
        let ids = answer["calls"].as_array().expect("calls").iter().map(|call| text(&call["call_id"]).to_owned());
        let ids: BTreeSet<String> = ids.collect();
        assert_eq!(answer["total"], ids.len(), "{query}");
        ids
    }

    /// Ids of the lines that `ringback calls` prints and for which this holds.
    fn of_lines(&self, holds: impl Fn(&Value) -> bool) -> BTreeSet<String> {
        self.lines.iter().filter(|line| holds(line)).map(|line| text(&line["call_id"]).to_owned()).collect()
    }
}

fn api(host: &str, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let json = if body.is_null() { String::new() } else { body.to_string() };
    let headers: &[(&str, &str)] = &[("Authorization", &bearer), ("Content-Type", "application/json")];
    ask(host, method, path, if json.is_empty() { &headers[..1] } else { headers }, &json)
}

/// Whether a person of the corpus placed a call, was rung in it, or owns its miss.
fn is_of(line: &Value, person: &str) -> bool {
    let offers = line["offers"].as_array().expect("offers");
    line["caller_person"] == person
        || offers.iter().any(|offer| offer["person"] == person)
        || line["owner"] == format!("person:{person}")
}

#[test]
fn each_role_may_ask_and_see_what_is_theirs() {
    // A demo of its own: at its end nobody signs in any more from this address.
    let portal = Portal::start();
    let admin = portal.cookie(&portal.login, &portal.password);

    // Two clicks leave exactly the unanswered inbound calls (S11), on the page and in the API.
    let token = portal.user(&["token", "admin"]);
    let unanswered = portal.of_lines(|line| line["direction"] == "inbound" && line["answered"] == "unanswered");
    let two_clicks = "period=all&direction=inbound&answered=unanswered";
    assert_eq!(portal.calls(&token, two_clicks), unanswered);
    let all = portal.get("/calls?period=all", &admin).body;
    for click in ["/calls?period=all&amp;direction=inbound", "/calls?period=all&amp;answered=unanswered"] {
        assert!(all.contains(&format!("href=\"{click}\"")), "{click}");
    }
    let left = portal.get(&format!("/calls?{two_clicks}&limit=1000"), &admin).body;
    let on_page: BTreeSet<&str> =
        left.split("href=\"/calls/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(on_page, unanswered.iter().map(String::as_str).collect());

    // Each figure of the dashboard is the number of the calls that it leads to.
    let funnel = portal.get("/dashboard?period=all", &admin).body;
    let missed = portal.of_lines(|line| line["missed"] == true);
    assert!(funnel.contains(&format!("<strong>{}</strong>", missed.len())), "{funnel}");
    assert_eq!(portal.calls(&token, "period=all&direction=inbound&missed=true"), missed);

    // A person sees their own calls, and nobody else's.
    let of_person = portal.user(&["token", "--person", "anna"]);
    let own = portal.of_lines(|line| is_of(line, "anna"));
    let seen = portal.calls(&of_person, "period=all");
    assert!(own.is_subset(&seen) && seen.len() < portal.lines.len(), "{} of {}", seen.len(), own.len());
    let others: Vec<&String> = seen.difference(&own).collect();
    // What was passed to one's extension, or answered there, is one's own too.
    let line_of = |id: &String| portal.lines.iter().find(|line| line["call_id"] == id.as_str()).expect("a line");
    for id in others {
        let line = line_of(id).to_string();
        assert!(line.contains("\"101\""), "{line}");
    }
    let strange = portal.of_lines(|line| !line.to_string().contains("anna") && !line.to_string().contains("\"101\""));
    let strange = strange.first().expect("a call of others");
    let bearer = format!("Bearer {of_person}");
    let answer = portal.ask("GET", &format!("/api/v1/calls/{strange}"), &[("Authorization", &bearer)], "");
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")));
    for query in [format!("call_id={strange}"), "owner=group:support".to_owned(), "tried=pavel".to_owned()] {
        let seen = portal.calls(&of_person, &format!("period=all&{query}"));
        assert!(!seen.contains(strange), "{query}");
    }
    let wrong = portal.ask("GET", "/api/v1/calls?directon=inbound", &[("Authorization", &bearer)], "");
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("directon"), "{}", wrong.body);

    // Every route, asked by every role and by nobody.
    let logins: BTreeMap<&str, (&str, &[&str])> = BTreeMap::from([
        ("analyst", ("analyst", &["--groups", "support,sales"][..])),
        ("person", ("person", &["--person", "boris"])),
        ("head", ("head", &["--person", "hugo"])),
    ]);
    let mut cookies = vec![(Some(Role::Administrator), admin.clone()), (None, String::new())];
    for (role, (login, more)) in logins {
        let made = [&["add", login, "--role", role, "--generate"], more].concat();
        let password = portal.user(&made);
        cookies.push((Role::of_word(role), portal.cookie(login, &password)));
    }
    // Nobody acts in a demo of records, which has no deliver.
    let powers = Powers::of_sign_in(false);
    for route in ROUTES {
        for (role, cookie) in &cookies {
            let path = filled(route.path);
            let answer = portal.ask(route.method.as_str(), &path, &[("Cookie", cookie)], "");
            let (status, is_api) = (answer.status, path.starts_with("/api/"));
            let may = route.who.allows(*role, role.map_or_else(Powers::default, |_| powers));
            let expected: &[u16] = match (may, role, route.method.as_str()) {
                (true, _, "GET") => &[200, 303, 404],
                // No form was sent from a page.
                (true, ..) => &[403],
                (false, None, _) if is_api => &[401],
                (false, None, _) => &[303],
                (false, Some(_), _) => &[403],
            };
            assert!(expected.contains(&status), "{} {path} as {role:?}: {status} {}", route.method, answer.body);
            if route.who != Who::Anybody && role.is_none() && !is_api {
                assert!(answer.header("location").is_some_and(|to| to.starts_with("/sign-in")), "{path}");
            }
            assert!(answer.header("content-security-policy").is_some(), "{path}");
        }
    }
    // A token does what its scopes say, whatever its login may.
    let scopes: [&[&str]; 3] = [&["read"], &["read", "act"], &["act", "admin"]];
    for scopes in scopes {
        let token = portal.user(&["token", "admin", "--scopes", &scopes.join(",")]);
        let owned: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let powers = Powers::of_scopes(&owned, false);
        for route in ROUTES.iter().filter(|route| route.path.starts_with("/api/")) {
            let answer = portal.api(&token, route.method.as_str(), &filled(route.path), &Value::Null);
            let may = route.who.allows(Some(Role::Administrator), powers);
            assert_eq!(answer.status != 403, may, "{} {} with {scopes:?}: {}", route.method, route.path, answer.status);
        }
    }

    // What is revoked is over at once.
    portal.user(&["disable", "analyst"]);
    let (_, analyst) = cookies.iter().find(|(role, _)| *role == Some(Role::Analyst)).expect("signed in");
    assert_eq!(portal.get("/missed", analyst).status, 303);
    let out = portal.ask("POST", "/sign-out", &[("Cookie", &admin)], "csrf=none");
    assert_eq!(out.status, 403, "a form of another page signs nobody out");
    assert_eq!(portal.get("/missed", &admin).status, 200);
    let csrf = all.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let out = portal.ask("POST", "/sign-out", &[("Cookie", &admin)], &format!("csrf={csrf}"));
    assert_eq!(out.status, 303);
    assert_eq!(portal.get("/missed", &admin).status, 303);

    // Whoever guesses is stopped, also with the right password at last.
    for _ in 0..10 {
        assert_eq!(portal.sign_in("pavel", "wrong").status, 401);
    }
    assert_eq!(portal.sign_in("pavel", "wrong").status, 429);
}

/// An address with parts that there are none of.
fn filled(path: &str) -> String {
    let path = path.replace("{id}", "nothing").replace("{number}", "%2B44");
    path.replace("{login}", "nobody").replace("{name}", "no_plugin").replace("{seq}", "7")
}
