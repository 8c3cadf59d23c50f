//! A demo of records without a site file: it is guessed and written, changed on a page, and everything is computed anew.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::{Demo, records};
use crate::process::web::{Answer, ask, cookie, encoded};
use crate::process::{Running, all_cases, folder, ringback, run, site, text, wait_until, write};

/// A demo that guesses, and somebody who signed in as its administrator.
struct Guessing {
    demo: Demo,
    data: PathBuf,
    host: String,
    cookie: String,
}

impl Guessing {
    fn start(data: &Path, records: &Path) -> Guessing {
        let said = File::create(data.with_extension("said")).expect("a file");
        let mut command = ringback(["demo", "--data"]);
        let running = Running::start(command.arg(data).arg("--records").arg(records).stderr(said));
        let ready = running.ready();
        let host = text(&ready["portal"]).strip_prefix("http://").expect("http").to_owned();
        let cookie = cookie(&host, text(&ready["login"]), text(&ready["password"]));
        let demo = Demo { running, url: text(&ready["clickhouse"]).to_owned() };
        Guessing { demo, data: data.to_owned(), host, cookie }
    }

    fn site_file(&self) -> String {
        fs::read_to_string(self.data.join("site.toml")).expect("a site file")
    }

    fn get(&self, path: &str) -> Answer {
        ask(&self.host, "GET", path, &[("Cookie", &self.cookie)], "")
    }

    /// Sends the form of the page with this text, and with what the page says of the text that was there.
    fn save(&self, page: &Answer, text: &str) -> Answer {
        let was =
            page.body.split("name=\"was\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
        let text = encoded(&text.replace('\n', "\r\n"));
        let form = format!("csrf={}&was={was}&text={text}", encoded(page.csrf()));
        ask(&self.host, "POST", "/set-up/directory", &[("Cookie", &self.cookie)], &form)
    }

    /// The directory as the API gives it.
    fn directory(&self) -> Value {
        let ran = run(ringback(["user", "token", "admin", "--scopes", "read,act,admin", "--data"]).arg(&self.data));
        let bearer = format!("Bearer {}", String::from_utf8(ran.stdout).expect("UTF-8").trim());
        ask(&self.host, "GET", "/api/v1/directory", &[("Authorization", &bearer)], "").json()
    }

    /// How many rows there are of everything, and how many offers this person had.
    fn counts(&self, person: &str) -> String {
        self.demo.ask(&format!(
            "SELECT (SELECT count() FROM legs_now), (SELECT count() FROM rejects_now), (SELECT count() FROM calls_now), \
             (SELECT count() FROM follow_ups_now), (SELECT count() FROM offers_now WHERE person = '{person}')"
        ))
    }
}

/// The site file with another id and name for who has this extension.
fn renamed(site_file: &str, extension: &str, id: &str, name: &str) -> String {
    let mut lines: Vec<String> = site_file.lines().map(str::to_owned).collect();
    let at = lines.iter().position(|line| line.starts_with(&format!("id = \"{extension}\""))).expect("a person");
    lines[at] = format!("id = \"{id}\"");
    lines[at + 1] = format!("name = \"{name}\"");
    lines.join("\n") + "\n"
}

fn is_there(host: &str) -> bool {
    TcpStream::connect(host).is_ok()
}

#[test]
fn a_guessed_site_file_is_changed_on_its_page_and_everything_is_computed_anew() {
    let folder = folder();
    let (data, file) = (folder.path().join("data"), records(folder.path()));
    let guessing = Guessing::start(&data, &file);
    let guessed = guessing.site_file();
    let lines = guessed.lines().filter(|line| line.contains("# guessed from ")).count();
    let said = fs::read_to_string(data.with_extension("said")).expect("said");
    assert!(said.contains(&format!("site.toml: {lines} lines are guessed")), "{said}");
    let directory = guessing.directory();
    assert_eq!(directory["guesses"].as_array().expect("guesses").len(), lines);
    let anna = directory["people"].as_array().expect("people").iter().find(|person| person["id"] == "101");
    assert_eq!(anna.expect("a person")["name"], "Anna Sales");

    let page = guessing.get("/set-up/directory");
    assert!(page.body.contains("name = &quot;Anna Sales&quot;") && page.body.contains("<textarea"), "{}", page.body);
    let wrong = guessed.replace("[[pbx]]\n", "zone = \"Europe/<Nowhere>\"\n[[pbx]]\n");
    let refused = guessing.save(&page, &wrong);
    let line = 1 + wrong.lines().position(|line| line.contains("<Nowhere>")).expect("a line");
    assert_eq!(refused.status, 400, "{}", refused.body);
    for part in [format!("line {line}: "), "zone = &quot;Europe/&lt;Nowhere&gt;&quot;\n[[pbx]]".to_owned()] {
        assert!(refused.body.contains(&part), "{part}: {}", refused.body);
    }
    assert_eq!(guessing.site_file(), guessed);
    // What is there already is no change.
    assert_eq!(guessing.save(&page, &guessed).status, 303);
    // Nor does a form of another page change anything.
    let strange = format!("csrf=none&text={}", encoded(&wrong));
    assert_eq!(ask(&guessing.host, "POST", "/set-up/directory", &[("Cookie", &guessing.cookie)], &strange).status, 403);

    let before = guessing.counts("101");
    let changed = renamed(&guessed, "101", "anna", "Anna Quay");
    let database = guessing.demo.url.strip_prefix("http://").expect("http").to_owned();
    let saved = guessing.save(&refused, &changed);
    assert_eq!((saved.status, saved.header("refresh")), (200, Some("2; url=/set-up/directory")), "{}", saved.body);
    // Whoever comes while it is computed waits, and is answered.
    wait_until("the end of the database", || !is_there(&database));
    wait_until("the database of the next start", || is_there(&database));
    let page = guessing.get("/set-up/directory");
    assert_eq!((page.status, page.header("refresh")), (200, None), "the same sign-in, and no waiting any more");
    assert!(page.body.contains("Anna Quay"), "{}", page.body);
    let ready = guessing.demo.running.ready();
    assert_eq!(text(&ready["portal"]), format!("http://{}", guessing.host));
    assert_eq!(text(&ready["clickhouse"]), guessing.demo.url);
    assert_eq!(guessing.site_file(), changed);
    assert_eq!(guessing.counts("anna"), before, "nothing is lost or doubled");
    assert!(guessing.counts("101").ends_with("\t0\n"));
    assert!(guessing.get("/calls?period=all&tried=anna").body.contains("Anna Quay"));
    let changes = guessing.get("/set-up/changes").body;
    assert!(changes.contains("site file changed") && changes.contains("Anna Quay"), "{changes}");
    // A page that was made before somebody else saved does not take that away.
    let stale = guessing.save(&refused, &guessed);
    assert_eq!(stale.status, 409, "{}", stale.body);
    assert_eq!(guessing.site_file(), changed);

    guessing.demo.interrupt(&data);
    let audit = run(ringback(["audit", "--data"]).arg(&data));
    assert_eq!(audit.code, 0, "{}{}", String::from_utf8_lossy(&audit.stdout), audit.stderr);
    let again = Guessing::start(&data, &file);
    assert_eq!(again.site_file(), changed, "what is there is taken, and not guessed again");
    assert_eq!(again.counts("anna"), before);
    again.demo.interrupt(&data);
}

#[test]
fn a_pipe_and_a_named_site_file_are_not_guessed() {
    let folder = folder();
    let file = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let data = folder.path().join("piped");
    let mut command = ringback(["demo", "--once", "--records", "-", "--data"]);
    let piped = run(command.arg(&data).stdin(Stdio::from(File::open(&file).expect("records"))));
    assert_eq!(piped.code, 0, "{}", piped.stderr);
    assert!(piped.stderr.contains("a pipe cannot be read twice"), "{}", piped.stderr);
    assert!(!data.join("site.toml").exists());

    let data = folder.path().join("named");
    let mut command = ringback(["demo", "--once", "--data"]);
    let named = run(command.arg(&data).arg("--site").arg(site()).arg("--records").arg(&file));
    assert_eq!(named.code, 0, "{}", named.stderr);
    assert_eq!(fs::read(data.join("site.toml")).expect("kept"), fs::read(site()).expect("a site file"));
}
