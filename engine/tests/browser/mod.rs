//! The pages in a real browser: every page in both languages, wide and narrow, by the rules of accessibility, with keys alone, and
//! without script. The pictures are left in `target/screenshots`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use portal::ROUTES;
use serde_json::{Value, json};

use crate::process::{Running, all_cases, folder, ringback, run, site, text, write};

/// Nobody waits for more than this to see a page, in bytes and without pictures.
const PAGE_MAX: u64 = 100_000;

/// What a picture in a document may have, in bytes.
const PICTURE_MAX: u64 = 200_000;

fn target() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    folder.to_owned()
}

/// The driver of the browser and the rules, from npm by their lock file; once for all tests.
fn npm() -> &'static Path {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    FETCHED.get_or_init(|| {
        let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser"), target().join("browser"));
        std::fs::create_dir_all(&to).expect("a folder");
        for name in ["package.json", "package-lock.json", "browse.mjs"] {
            std::fs::copy(from.join(name), to.join(name)).expect("copied");
        }
        let npm = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
            .current_dir(&to)
            .output()
            .expect("npm runs");
        assert!(npm.status.success(), "npm ci: {}", String::from_utf8_lossy(&npm.stderr));
        to
    })
}

/// Where the machine has its browser; `RINGBACK_CHROMIUM` says it otherwise.
fn chromium() -> PathBuf {
    let told = std::env::var_os("RINGBACK_CHROMIUM").map(PathBuf::from);
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    let found = told.into_iter().chain(known).find(|path| path.exists());
    found.expect("a browser: install the package `chromium`, or name one in RINGBACK_CHROMIUM")
}

/// Every page by its route, with what its address needs.
fn pages(call: &str, customer: &str) -> Vec<Value> {
    let is_page = |path: &str| !path.starts_with("/api/") && !matches!(path, "/" | "/live" | "/sign-in" | "/calls.csv");
    let paths = ROUTES.iter().filter(|route| route.method == "GET" && is_page(route.path)).map(|route| route.path);
    let mut pages: Vec<Value> = paths
        .map(|path| {
            let name = path.trim_start_matches('/').replace(['/', '{', '}'], "-").replace("--", "-");
            let mut address = path
                .replace("{id}", call)
                .replace("{login}", "admin")
                .replace("{number}", &customer.replace('+', "%2B"));
            if matches!(path, "/calls" | "/dashboard") {
                address.push_str("?period=all");
            }
            json!({"name": name.trim_end_matches('-'), "address": address})
        })
        .collect();
    pages.push(json!({"name": "calls-grouped", "address": "/calls?period=all&by=outcome"}));
    pages
}

fn browse(job: &Path) -> String {
    let browsed = Command::new("node").arg(npm().join("browse.mjs")).arg(job).output().expect("node runs");
    let said = String::from_utf8(browsed.stdout).expect("UTF-8");
    assert!(browsed.status.success(), "{said}\n{}", String::from_utf8_lossy(&browsed.stderr));
    said
}

fn screenshots() -> PathBuf {
    let folder = target().join("screenshots");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Leaves a picture of a page, as this login sees it, in `target/screenshots`.
pub fn picture(folder: &Path, host: &str, login: &str, password: &str, address: &str, name: &str) {
    let job = json!({
        "base": format!("http://{host}"), "login": login, "password": password, "chromium": chromium(), "npm": npm(),
        "screenshots": screenshots(), "picture": {"address": address, "name": name},
    });
    browse(&write(folder, "picture.json", job.to_string()));
    let bytes = std::fs::metadata(screenshots().join(format!("{name}.png"))).expect("a picture").len();
    assert!(bytes < PICTURE_MAX, "{name}: {bytes} bytes");
}

/// How many pages were looked at, each in two languages and two widths, nothing of which is wrong.
fn looked_well(seen: &[Value]) -> usize {
    let looked: Vec<&Value> = seen.iter().filter(|saw| saw["page"].is_string()).collect();
    let is_well = |saw: &&&Value| {
        let (html, transferred) = (saw["html"].as_u64().expect("bytes"), saw["transferred"].as_u64().expect("bytes"));
        saw["status"] == 200
            && saw["sideways"] == 0
            && saw["violations"] == json!([])
            && saw["wrong"] == json!([])
            && html < PAGE_MAX
            && transferred < PAGE_MAX
            && saw["spoken"] == saw["language"]
    };
    let faults: Vec<String> = looked.iter().filter(|saw| !is_well(saw)).map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    looked.len()
}

/// A demo without a site file has a form for the one that was guessed, which does without script too.
#[test]
fn the_form_of_a_guessed_site_file_in_a_browser_wide_and_narrow() {
    let folder = folder();
    let records = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let mut command = ringback(["demo", "--data"]);
    command.arg(folder.path().join("data")).arg("--records").arg(&records);
    let running = Running::start(command.stderr(Stdio::null()));
    let ready = running.ready();
    let job = json!({
        "base": ready["portal"], "login": ready["login"], "password": ready["password"], "chromium": chromium(), "npm": npm(),
        "screenshots": screenshots(), "pages": [{"name": "set-up-directory-form", "address": "/set-up/directory"}], "search": "07700900464",
        "site_file": {"from": "Anna Sales", "to": "Anna Quay"},
    });
    let said = browse(&write(folder.path(), "job.json", job.to_string()));
    let seen: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(looked_well(&seen), 4 * 2);
    let changed = seen.iter().find_map(|saw| saw["site_file"].as_str()).expect("changed");
    assert!(changed.contains("name = \"Anna Quay\"") && !changed.contains("Anna Sales"), "{changed}");
    assert_eq!(std::fs::read_to_string(folder.path().join("data/site.toml")).expect("a site file"), changed);
}

#[test]
fn every_page_in_a_browser_wide_and_narrow_by_keys_and_without_script() {
    let folder = folder();
    let records = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let mut command = ringback(["demo", "--data"]);
    command.arg(folder.path().join("data")).arg("--site").arg(site()).arg("--records").arg(&records);
    let running = Running::start(command.stderr(Stdio::null()));
    let ready = running.ready();
    let lines =
        run(ringback(["calls", "--json", "--site"]).arg(site()).args(["--pbx", "asterisk_cdr"]).arg(&records)).lines();
    let shown = lines.iter().find(|line| line["missed"] == true && !line["caller"].is_null()).expect("a missed call");
    let (call, customer) = (text(&shown["call_id"]), text(&shown["caller"]));

    let job = json!({
        "base": ready["portal"], "login": ready["login"], "password": ready["password"], "chromium": chromium(),
        "npm": npm(), "screenshots": screenshots(), "pages": pages(call, customer), "search": customer,
    });
    let job = write(folder.path(), "job.json", job.to_string());
    let said = browse(&job);
    let seen: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();

    assert_eq!(looked_well(&seen), 4 * (pages(call, customer).len() + 1));

    let keys = seen.iter().find(|saw| saw["keys"].is_array()).expect("went by keys");
    for reached in keys["keys"].as_array().expect("the menu") {
        assert_eq!((&reached["address"], &reached["isSeen"]), (&reached["href"], &json!(true)), "{keys}");
    }
    let of_customer = lines.iter().filter(|line| line["caller"] == customer).count();
    assert_eq!((&keys["found"], &keys["opened"]), (&json!(of_customer), &json!(true)), "{keys}");

    let is_left = |line: &&Value| line["direction"] == "inbound" && line["answered"] == "unanswered";
    let unanswered: BTreeSet<&str> = lines.iter().filter(is_left).map(|line| text(&line["call_id"])).collect();
    let clicks: Vec<&Value> = seen.iter().filter(|saw| saw["clicks"].is_string()).collect();
    assert_eq!(clicks.len(), 2);
    assert_eq!(clicks[0]["clicks"], clicks[1]["clicks"]);
    for saw in clicks {
        let left: BTreeSet<&str> = saw["left"].as_array().expect("rows").iter().map(text).collect();
        assert_eq!(left, unanswered, "{saw}");
    }
}
