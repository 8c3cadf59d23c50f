//! Two portals on one office: who deals with a follow-up, what is said of it, and who may take it over.
//!
//! A portal is this test binary again, told by its environment what to serve; it says its address on its standard output.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};

use adapters::leg::Moment;
use directory::Directory;
use office::{FollowUpNow, NewLogin, NewToken, Office, Owner, Told};
use portal::{Parts, PortalSettings};
use serde_json::{Value, json};
use store::Store;

use super::{api, ask, encoded, portal};
use crate::process::text;

const CLICKHOUSE: &str = "PORTAL_TEST_CLICKHOUSE";
const DATABASE: &str = "PORTAL_TEST_DATABASE";
const OFFICE: &str = "PORTAL_TEST_OFFICE";
const SITE: &str = "PORTAL_TEST_SITE";

/// How many want it at once.
const CLAIMS: usize = 200;

/// How long a portal waits for the transactions of the other.
const BUSY_MS: u64 = 60_000;

/// 2026-11-27T12:00:00Z.
const NOW: i64 = 1_795_780_800_000;

/// A portal that acts.
struct Serving {
    process: Child,
    host: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Serving {
    fn start(clickhouse: &str, office: &Path, site: &Path) -> Serving {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "portal_pages::claims::as_a_portal", "--nocapture", "--test-threads=1"])
            .env(CLICKHOUSE, clickhouse)
            .env(DATABASE, "default")
            .env(OFFICE, office)
            .env(SITE, site)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let host = lines.find_map(|line| line.strip_prefix('@').map(str::to_owned)).expect("an address");
        Serving { process, host }
    }
}

/// Does nothing unless it is started by another test. It ends with whoever started it.
#[test]
fn as_a_portal() {
    let Ok(clickhouse) = std::env::var(CLICKHOUSE) else { return };
    let var = |name: &str| std::env::var(name).unwrap();
    let directory = Directory::from_toml(&std::fs::read_to_string(var(SITE)).unwrap()).unwrap();
    let parts = Parts {
        missed_call_now: None,
        site_file: None,
        store: Store::at(&clickhouse, &var(DATABASE)),
        office: Office::open(&format!("sqlite:{}", var(OFFICE)), BUSY_MS).unwrap(),
        directories: BTreeMap::from([(directory.tenant().to_owned(), Arc::new(directory))]),
        acts: true,
        settings: PortalSettings {
            listen: "127.0.0.1:0".into(),
            requests_at_once_max: 1000,
            ..PortalSettings::default()
        },
        now: || Moment(NOW),
        say: |what| eprintln!("{what}"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let address = runtime.block_on(portal::serve(parts)).unwrap();
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n@{address}").unwrap();
    output.flush().unwrap();
    drop(output);
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// A token that may act, of a login that is made for it.
fn token(office: &Office, login: &str, role: &str, person: Option<&str>) -> String {
    let new = NewLogin {
        login: login.into(),
        tenant: "main".into(),
        role: role.into(),
        person: person.map(str::to_owned),
        ..NewLogin::default()
    };
    assert!(office.login_add(&new, "test", NOW).unwrap());
    let secret = format!("secret of {login}");
    let new = NewToken {
        secret_hash: portal::secret::hash(&secret),
        id: login.into(),
        login: login.into(),
        name: "test".into(),
        scopes: vec!["read".into(), "act".into()],
        ends_at: None,
    };
    office.token_add(&new, "test", NOW).unwrap();
    secret
}

#[test]
fn of_two_hundred_who_want_it_at_two_portals_one_deals_with_it() {
    let demo = portal();
    let admin = demo.user(&["token", "admin"]);
    let tenant = text(&demo.lines[0]["tenant"]).to_owned();
    assert_eq!(tenant, "main");
    let missed = demo.api(&admin, "GET", "/api/v1/calls?period=all&missed=true&limit=1000", &Value::Null).json();
    let owed: BTreeSet<(String, String)> = missed["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|call| Some((call["follow_up"]["id"].as_str()?.to_owned(), call["caller"].as_str()?.to_owned())))
        .collect();
    // An office of its own, which knows one follow-up of the demo: nobody else's test is disturbed.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("office.db");
    let office = Office::open(&format!("sqlite:{}", path.display()), BUSY_MS).unwrap();
    let (id, customer) = owed.first().expect("something is owed").clone();
    let now = FollowUpNow {
        tenant: tenant.clone(),
        id: id.clone(),
        customer: Some(customer),
        opened_at: NOW - 60_000,
        last_at: NOW - 60_000,
        status: "open".into(),
        customer_calls: 1,
        version: 1,
        ..FollowUpNow::default()
    };
    let told = Told {
        topic: "records".into(),
        owner: Owner { epoch: 1, versions: 1 },
        now: NOW,
        follow_ups: vec![now],
        ..Told::default()
    };
    office.tell(&told).unwrap();
    let tokens: Vec<String> = (0..CLAIMS).map(|n| token(&office, &format!("w{n:03}"), "administrator", None)).collect();
    let site = demo.folder.path().join("site.toml");
    let portals = [Serving::start(&demo.clickhouse, &path, &site), Serving::start(&demo.clickhouse, &path, &site)];
    let hosts = [portals[0].host.clone(), portals[1].host.clone()];
    let claim = format!("/api/v1/follow_ups/{id}/claim");

    let together = Barrier::new(CLAIMS);
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let threads: Vec<_> = tokens
            .iter()
            .enumerate()
            .map(|(n, token)| {
                let (together, hosts, claim) = (&together, &hosts, &claim);
                scope.spawn(move || {
                    together.wait();
                    let answer = api(&hosts[n % 2], token, "POST", claim, &json!({}));
                    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let winners: Vec<usize> = (0..CLAIMS).filter(|n| answers[*n].0 == 200).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    let winner = format!("w{:03}", winners[0]);
    for (n, (status, problem)) in answers.iter().enumerate().filter(|(n, _)| *n != winners[0]) {
        assert_eq!(*status, 409, "{n}: {problem}");
        assert_eq!(problem["holder"], json!(winner), "{n}: {problem}");
        assert_eq!(problem["since"], "2026-11-27T12:00:00.000Z", "{n}: {problem}");
    }
    let claims = office.said_of(&tenant, &id).unwrap();
    assert_eq!(claims.len(), 1, "the log hears of one: {claims:?}");

    // Whoever comes with a browser hears it too, on the page.
    let hash = portal::password::hash("correct horse").unwrap();
    let browser = NewLogin {
        login: "browser".into(),
        tenant: tenant.clone(),
        role: "administrator".into(),
        password_hash: Some(hash),
        ..NewLogin::default()
    };
    assert!(office.login_add(&browser, "test", NOW).unwrap());
    let origin = format!("http://{}", hosts[1]);
    let signed = ask(&hosts[1], "POST", "/sign-in", &[("Origin", &origin)], "login=browser&password=correct+horse");
    let cookie = signed.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let answer = ask(&hosts[1], "GET", "/missed", &[("Cookie", &cookie)], "");
    let page = &answer.body;
    assert!(page.contains(&format!("<strong>{winner}</strong>")), "{page}");
    assert!(page.contains(&format!("/follow-ups/{id}/take-over")) && page.contains("name=\"note\""), "{page}");
    let form = format!("csrf={}&back=%2Fcalls", encoded(answer.csrf()));
    let lost = ask(&hosts[1], "POST", &format!("/follow-ups/{id}/claim"), &[("Cookie", &cookie)], &form);
    assert_eq!(lost.status, 409);
    assert!(lost.body.contains(&format!("{winner} · ")) && lost.body.contains("href=\"/missed\""), "{}", lost.body);

    // What is done at one portal is seen at the other.
    let about = |at: usize, token: &str, method: &str, what: &str, body: Value| {
        api(&hosts[at], token, method, &format!("/api/v1/follow_ups/{id}{what}"), &body)
    };
    let (mine, other) = (&tokens[winners[0]], &tokens[(winners[0] + 1) % CLAIMS]);
    assert_eq!(about(0, other, "POST", "/give_back", json!({})).status, 409, "it is not theirs");
    assert_eq!(about(0, other, "POST", "/notes", json!({"note": "  "})).status, 400);
    assert_eq!(about(0, other, "POST", "/notes", json!({"note": "call <after> noon"})).status, 200);
    let shown = about(1, mine, "GET", "", Value::Null).json();
    assert_eq!((&shown["dealing"]["by_name"], &shown["dealing"]["is_mine"]), (&json!(winner), &json!(true)));
    let kinds: Vec<&str> = shown["said"].as_array().unwrap().iter().map(|said| text(&said["kind"])).collect();
    assert_eq!(kinds, ["claim", "note"]);

    // A person does not take over, and whoever does not see it does not even find it.
    let seer = demo.lines.iter().find(|line| line["follow_up"]["id"] == id.as_str());
    let rung = seer.and_then(|line| {
        line["offers"].as_array()?.iter().find_map(|offer| offer["person"].as_str().map(str::to_owned))
    });
    let call = missed["calls"].as_array().unwrap().iter().find(|call| call["follow_up"]["id"] == id.as_str()).unwrap();
    let rung = rung
        .or_else(|| call["offers"].as_array()?.iter().find_map(|offer| offer["person"].as_str().map(str::to_owned)));
    let stranger = token(&office, "stranger", "analyst", None);
    assert_eq!(about(0, &stranger, "POST", "/claim", json!({})).status, 404);
    assert_eq!(about(0, &stranger, "POST", "/notes", json!({"note": "x"})).status, 404);
    if let Some(person) = rung {
        let rung = token(&office, "rung", "person", Some(&person));
        let lost = about(0, &rung, "POST", "/claim", json!({}));
        let problem: Value = serde_json::from_str(&lost.body).unwrap();
        assert_eq!((lost.status, &problem["holder"]), (409, &json!(winner)));
        assert_eq!(about(0, &rung, "POST", "/claim", json!({"take_over": true})).status, 403);
    }
    assert_eq!(about(1, other, "POST", "/claim", json!({"take_over": true})).status, 200);
    let lost = about(0, mine, "POST", "/claim", json!({}));
    assert_eq!(lost.status, 409, "{}", lost.body);
    assert_eq!(about(0, other, "POST", "/give_back", json!({})).status, 200);

    // Settled for a reason of one's own, and opened again, once.
    assert_eq!(about(0, mine, "POST", "/settle", json!({"why": "other"})).status, 400, "in which words?");
    assert_eq!(about(0, mine, "POST", "/settle", json!({"why": "bored"})).status, 400);
    assert_eq!(about(0, mine, "POST", "/settle", json!({"why": "other", "note": "met them"})).status, 200);
    assert_eq!(about(1, other, "POST", "/settle", json!({"why": "spam"})).status, 409);
    assert_eq!(about(1, other, "POST", "/claim", json!({})).status, 409, "nothing is owed");
    let shown = about(1, mine, "GET", "", Value::Null).json();
    assert_eq!(
        (&shown["settled_here"]["why"], &shown["is_open"], &shown["may_reopen"]),
        (&json!("other"), &json!(false), &json!(true))
    );
    assert_eq!(about(1, other, "POST", "/reopen", json!({})).status, 200);
    assert_eq!(about(0, other, "POST", "/reopen", json!({})).status, 409);
    assert_eq!(about(0, mine, "POST", "/call_back", json!({})).status, 200);
    let shown = about(1, mine, "GET", "", Value::Null).json();
    assert_eq!((&shown["done"][0]["kind"], &shown["done"][0]["status"]), (&json!("call_back"), &json!("due")));
    let kinds: Vec<&str> = shown["said"].as_array().unwrap().iter().map(|said| text(&said["kind"])).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "settlement").count(), 1, "{kinds:?}");
    assert!(kinds.contains(&"reopening") && kinds.contains(&"release"), "{kinds:?}");
}
