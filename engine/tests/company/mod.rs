//! `ringback demo` without arguments, from outside: a company that lives, a missed call that is called back, and all of it there again
//! after it was killed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::browser::picture;
use crate::process::web::{Answer, ask, cookie};
use crate::process::{Running, check_refused, folder, processes_over, ringback, run, text, wait_until, write};

/// A running demo with a generated company.
struct Company {
    running: Running,
    host: String,
    clickhouse: String,
    /// By login.
    passwords: BTreeMap<String, String>,
}

/// Whose customers call when somebody wants a missed call.
const CUSTOMERS: &str = "+443069990";

impl Company {
    fn start(data: &Path) -> Company {
        let mut command = ringback(["demo", "--day-s", "1", "--data"]);
        let running = Running::start(command.arg(data).stderr(Stdio::inherit()));
        let mut passwords = BTreeMap::new();
        let ready: Value = running.wait_for("ready", |line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [_, login, password, address] = words[..]
                && address.ends_with(&format!("/sign-in?login={login}"))
            {
                passwords.insert(login.to_owned(), password.to_owned());
            }
            serde_json::from_str(line.strip_prefix("ready ")?).ok()
        });
        assert_eq!(passwords.keys().collect::<Vec<_>>(), ["admin", "analyst", "head", "person"]);
        assert_eq!((&ready["login"], &ready["password"]), (&"admin".into(), &passwords["admin"].as_str().into()));
        let host = text(&ready["portal"]).strip_prefix("http://").expect("http").to_owned();
        Company { running, host, clickhouse: text(&ready["clickhouse"]).to_owned(), passwords }
    }

    fn get(&self, path: &str, cookie: &str) -> Answer {
        ask(&self.host, "GET", path, &[("Cookie", cookie)], "")
    }

    fn post(&self, path: &str, cookie: &str, body: &str) -> Answer {
        let origin = format!("http://{}", self.host);
        ask(&self.host, "POST", path, &[("Cookie", cookie), ("Origin", &origin)], body)
    }

    fn cookie(&self, login: &str) -> String {
        cookie(&self.host, login, &self.passwords[login])
    }

    /// Presses the button, as a page has it.
    fn miss(&self, cookie: &str) -> u16 {
        let page = self.get("/missed", cookie);
        self.post("/missed-call-now", cookie, &format!("csrf={}", page.csrf())).status
    }

    /// Calls of the customers who call when somebody wants it, by the API.
    fn made(&self, token: &str, direction: &str) -> Vec<Value> {
        let path = format!("/api/v1/calls?period=last_24h&direction={direction}&limit=1000&search=443069990");
        let answer = ask(&self.host, "GET", &path, &[("Authorization", &format!("Bearer {token}"))], "").json();
        answer["calls"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }

    /// What the database answers; the connection's end is the answer's.
    fn ask(&self, query: &str) -> String {
        let address = self.clickhouse.strip_prefix("http://").expect("http");
        let mut stream = TcpStream::connect(address).expect("the database");
        let length = query.len();
        write!(stream, "POST / HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{query}").expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(" 200 "), "{query}\n{answer}");
        body.trim().to_owned()
    }
}

fn token(data: &Path) -> String {
    let ran = run(ringback(["user", "token", "admin", "--data"]).arg(data));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    String::from_utf8(ran.stdout).expect("UTF-8").trim().to_owned()
}

fn audit(data: &Path) -> Value {
    let ran = run(ringback(["audit", "--json", "--data"]).arg(data));
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr))
}

fn mails(data: &Path) -> Vec<String> {
    let files = fs::read_dir(data.join("mails")).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    let whole = |path: &PathBuf| path.extension().is_some_and(|end| end == "eml");
    files.filter(whole).map(|path| fs::read_to_string(path).expect("a mail")).collect()
}

#[test]
fn a_missed_call_is_called_back_and_all_is_there_after_a_kill() {
    let folder = folder();
    let data = folder.path().join("demo");
    let mut company = Company::start(&data);
    let person = company.cookie("person");
    let (head, analyst) = (company.cookie("head"), company.cookie("analyst"));
    let token = token(&data);

    // Whoever has a button makes a call that is missed; an analyst has none.
    for (cookie, has_button) in [(&person, true), (&head, true), (&analyst, false)] {
        assert_eq!(company.get("/missed", cookie).body.contains("/missed-call-now"), has_button);
    }
    assert_eq!(company.miss(&analyst), 404);
    assert_eq!(company.post("/missed-call-now", &person, "csrf=of-another-page").status, 403);
    assert_eq!(company.miss(&person), 303);
    let mut missed = Value::Null;
    wait_until("the missed call is returned", || {
        let made = company.made(&token, "inbound");
        assert!(made.len() <= 1, "{made:?}");
        missed = made.into_iter().next().unwrap_or_default();
        missed["follow_up"]["status"] == "returned_by_us"
    });
    assert_eq!((&missed["missed"], &missed["outcome"]), (&true.into(), &"abandoned".into()), "{missed}");
    assert!(text(&missed["caller"]).starts_with(CUSTOMERS));
    assert!(text(&missed["owner"]).starts_with("person:"), "{missed}");
    let back = company.made(&token, "outbound");
    assert_eq!(back.len(), 1, "{back:?}");
    assert_eq!((&back[0]["answered"], &back[0]["missed"]), (&"answered".into(), &false.into()));

    // Both are on the call's page: who was called back, and who was told.
    let page = format!("/calls/{}", text(&missed["call_id"]));
    wait_until("the call back and the mail are on the page", || {
        let body = company.get(&page, &person).body;
        body.contains("rung for them") && body.contains("it is in") && body.contains(".eml")
    });
    let administrator = &company.passwords["admin"];
    picture(folder.path(), &company.host, "admin", administrator, "/missed", "company-missed");
    picture(folder.path(), &company.host, "admin", administrator, &page, "company-call");
    let csrf = company.get("/missed", &person).csrf().to_owned();
    let saved = company.post("/views", &person, &format!("csrf={csrf}&name=Ours&query=period%3Dall"));
    assert_eq!(saved.status, 303, "{}", saved.body);
    let mails_before = mails(&data);
    assert!(mails_before.iter().any(|mail| mail.contains(CUSTOMERS)), "{mails_before:?}");
    // Nobody is dialed, and nobody is told, of what was over before.
    let kept = fs::read_to_string(data.join("company.toml")).expect("kept");
    let started = kept.lines().find_map(|line| line.strip_prefix("started_at_ms = ")).expect("a moment");
    let strangers = company.ask(&format!(
        "SELECT count() FROM deliveries_now WHERE customer NOT IN (SELECT caller FROM calls_now WHERE caller IS NOT NULL \
         AND ended_at >= fromUnixTimestamp64Milli({started}) - 1) FORMAT TSV"
    ));
    assert_eq!(strangers, "0");

    let now = company.ask("SELECT count() FROM legs_now WHERE ended_at > now64(3) + 1 FORMAT TSV");
    assert_eq!(now, "0", "no record is of the future");

    company.running.signal("KILL");
    company.running.end();
    wait_until("the end of the database", || processes_over(&data).is_empty());
    let mut company = Company::start(&data);
    assert_eq!(company.get("/missed", &person).status, 200, "whoever was signed in is");
    assert!(company.get("/views", &person).body.contains("Ours"), "what was saved is there");
    let again = company.made(&token, "inbound");
    assert_eq!(again.len(), 1);
    assert_eq!(again[0]["follow_up"]["status"], "returned_by_us");
    assert_eq!(company.made(&token, "outbound").len(), 1, "nobody is dialed again");
    company.running.signal("TERM");
    assert_eq!(company.running.end().code(), Some(0));
    wait_until("the end of the database", || processes_over(&data).is_empty());
    assert_eq!(audit(&data), json!({"lost": 0, "doubled": 0, "unexplained": 0}));

    // What is in the binary is the plugins that come along.
    for plugin in ["call_back", "notify_missed"] {
        let tried = folder.path().join(plugin);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(plugin).join("fixtures");
        copy(&data.join("plugins").join(plugin), &tried);
        copy(&from, &tried.join("fixtures"));
        let ran = run(ringback(["plugin", "test"]).arg(&tried));
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.code == 0 && said.contains(" 0 failed"), "{plugin}: build it again: {said}{}", ran.stderr);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("copied");
        }
    }
}

#[test]
fn a_folder_has_a_company_or_records_of_files() {
    let folder = folder();
    let data = folder.path().join("company");
    fs::create_dir_all(data.join("spool")).expect("made");
    check_refused(ringback(["demo", "--data"]).arg(&data), 2, &["records of files", "--records"]);
    write(&data, "company.toml", "");
    let records = write(folder.path(), "records.csv", "x\n");
    let mut both = ringback(["demo", "--data"]);
    check_refused(both.arg(&data).arg("--records").arg(&records), 2, &["generated company", "another folder"]);
    check_refused(ringback(["demo", "--data"]).arg(&data).args(["--site", "x"]), 2, &["--records"]);
    let wrong = folder.path().join("wrong");
    fs::create_dir_all(&wrong).expect("made");
    write(&wrong, "company.toml", "seed = \"one\"\n");
    check_refused(ringback(["demo", "--data"]).arg(&wrong), 1, &["company.toml", "seed"]);
}
