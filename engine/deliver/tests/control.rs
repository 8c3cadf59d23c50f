//! Calls placed over real sockets at a peer that tells what a real PBX told, with every way to fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod peer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use adapters::control::{DialEnd, Order, Presence, call_name};
use deliver::attempt::{Attempted, Status};
use deliver::call_back::{CallBackOrder, CalledBack, call_back};
use deliver::control::{Control, ControlSettings, Telephone};
use directory::Directory;
use peer::Peer;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

/// A peer with a scenario, and what is needed to talk to it.
struct Set {
    folder: tempfile::TempDir,
    peer: Peer,
}

impl Set {
    async fn start(scenario: Value) -> Set {
        let folder = tempfile::tempdir().unwrap();
        let set = Set { peer: peer::start(&folder.path().join("scenario.json"), 0).await, folder };
        set.change(scenario);
        std::fs::write(set.folder.path().join("pbx.secret"), "peer-secret\n").unwrap();
        set
    }

    fn change(&self, mut scenario: Value) {
        scenario["log"] = json!(self.file("dialed.ndjson"));
        scenario["cdr"] = json!(self.file("cdr.csv"));
        let written = self.file("scenario.new");
        std::fs::write(&written, scenario.to_string()).unwrap();
        std::fs::rename(written, self.file("scenario.json")).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn control(&self, change: impl FnOnce(&mut ControlSettings)) -> Control {
        let mut settings = ControlSettings {
            address: self.peer.address.clone(),
            user: "ringback".into(),
            secret_file: "pbx.secret".into(),
            context: "from-telephones".into(),
            ring_s: 1,
            dial_s: 1,
            answer_s: 2,
            ping_s: 1,
            dials_max: 20,
            ..ControlSettings::default()
        };
        change(&mut settings);
        Control::new("main", settings, self.folder.path()).unwrap()
    }

    /// (device, number) of each command that the peer has seen.
    fn dialed(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.file("dialed.ndjson")).unwrap_or_default();
        let of = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["channel"].as_str().unwrap().to_owned(), line["exten"].as_str().unwrap().to_owned())
        };
        text.lines().map(of).collect()
    }
}

fn order(nth: u32) -> Order {
    Order {
        call: call_name("call_back:00ff00ff00ff00ff1111111111111111", 1_795_382_848_000, nth),
        action_key: "call_back:00ff00ff00ff00ff1111111111111111".into(),
        device: "PJSIP/101".into(),
        context: "from-telephones".into(),
        dialed: "+447700900331".into(),
        shown: ("Ringback".into(), "+447700900331".into()),
        ring_s: 1,
    }
}

/// Longer than any talk of the dialogues takes at the peer's speed.
const TALK_MIN_MS: i64 = 5000;

/// The end as the dialogue's file has it, but for how long they talked.
fn kind(end: &str) -> &str {
    if end.starts_with("Customer(Answered") { "Customer(Answered" } else { end }
}

async fn each_dialogue(piece_bytes: usize) {
    for dialogue in peer::dialogue::dialogues("asterisk_ami") {
        let places_one = dialogue.said.iter().filter(|said| said.get("Action") == "Originate").count() == 1;
        if !places_one {
            continue;
        }
        let set = Set::start(json!({"play": dialogue.name, "piece_bytes": piece_bytes})).await;
        // Who places calls in this dialogue cancels one that rings; here the peer only tells what followed.
        let end = set.control(|settings| settings.answer_s = 10).dial(&order(1), TALK_MIN_MS).await;
        assert_eq!(kind(&format!("{end:?}")), kind(&dialogue.ends[0]), "{}", dialogue.name);
    }
}

#[tokio::test]
async fn each_dialogue_ends_over_a_socket_as_it_did() {
    each_dialogue(0).await;
}

#[tokio::test]
async fn pieces_of_three_bytes_are_read_as_the_whole() {
    each_dialogue(3).await;
}

#[tokio::test]
async fn calls_at_once_over_one_connection_are_told_apart() {
    let plays =
        ["answered", "customer-busy", "person-busy", "customer-invalid", "person-not-registered", "person-declines"];
    let rules: Vec<Value> =
        (0..18).map(|nth| json!({"dialed_ends": format!("9{nth:02}"), "play": plays[nth % plays.len()]})).collect();
    let set = Set::start(json!({"rules": rules, "piece_bytes": 11})).await;
    let control = Arc::new(set.control(|settings| settings.answer_s = 10));
    let mut dials = tokio::task::JoinSet::new();
    for nth in 0..18 {
        let mut order = order(0);
        order.dialed = format!("+4477009{nth:02}");
        order.call = call_name(&format!("call_back:{nth:016x}"), 0, 1);
        let control = Arc::clone(&control);
        dials.spawn(async move { (nth, format!("{:?}", control.dial(&order, TALK_MIN_MS).await)) });
    }
    let mut ends = dials.join_all().await;
    ends.sort();
    for (nth, end) in &ends {
        let file = peer::dialogue::folder("asterisk_ami").join(format!("{}.txt", plays[nth % plays.len()]));
        assert_eq!(kind(end), kind(&peer::dialogue::read(&file).ends[0]), "call {nth}");
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_command_is_unknown() {
    for (stop_before, expects_unknown) in [
        ("Response", true),
        ("Newchannel", true),
        ("DialEnd", true),
        ("OriginateResponse", true),
        ("BridgeCreate", false),
    ] {
        for then in ["drop", "freeze"] {
            let rule = json!({"play": "answered", "stop_before": stop_before, "then": then});
            let set = Set::start(json!({"rules": [rule]})).await;
            let end = set.control(|settings| settings.dial_s = 10).dial(&order(1), TALK_MIN_MS).await;
            // Once the customer's line was answered, that is known.
            let is_as_expected =
                if expects_unknown { matches!(end, DialEnd::Unknown(_)) } else { matches!(end, DialEnd::Customer(..)) };
            assert!(is_as_expected, "{then} before {stop_before}: {end:?}");
        }
    }
}

#[tokio::test]
async fn a_telephone_that_rings_for_ever_is_hung_up() {
    let rule = json!({"play": "person-no-answer", "stop_before": "OriginateResponse"});
    let set = Set::start(json!({"rules": [rule]})).await;
    let end = set.control(|_| ()).dial(&order(1), TALK_MIN_MS).await;
    assert_eq!(format!("{end:?}"), "Person(NoAnswer, \"cause 16\")");
}

#[tokio::test]
async fn what_did_not_leave_is_not_sent() {
    let set = Set::start(json!({"secret": "another"})).await;
    let control = set.control(|_| ());
    let DialEnd::NotSent(why) = control.dial(&order(1), TALK_MIN_MS).await else { panic!("it was sent") };
    assert!(why.contains("refused the user ringback") && why.contains("pbx.secret"), "{why}");
    assert!(!why.contains("peer-secret"), "{why}");
    // A wrong secret is not tried again and again.
    set.change(json!({}));
    let unreachable = control.presence(&telephone("101")).await.unwrap_err();
    assert!(unreachable.retry_s > 200, "{unreachable:?}");
    assert_eq!(set.dialed(), []);
    let no_secret = set.control(|settings| settings.secret_file = "nothing.secret".into());
    let DialEnd::NotSent(why) = no_secret.dial(&order(1), TALK_MIN_MS).await else { panic!("it was sent") };
    assert!(why.contains("nothing.secret"), "{why}");
}

#[tokio::test]
async fn a_pbx_that_comes_back_is_found_again() {
    let Set { folder, peer } = Set::start(json!({})).await;
    let set = Set { folder, peer };
    let control = set.control(|_| ());
    assert_eq!(control.presence(&telephone("101")).await, Ok(Presence::Available));
    let port = set.peer.address.rsplit(':').next().unwrap().parse().unwrap();
    let Set { folder, peer } = set;
    drop(peer);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(control.presence(&telephone("101")).await.is_err());
    let set = Set { peer: peer::start(&folder.path().join("scenario.json"), port).await, folder };
    let mut tries = 0;
    while control.presence(&telephone("101")).await.is_err() {
        tries += 1;
        assert!(tries < 100, "it is not found again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(set);
}

fn telephone(extension: &str) -> Telephone {
    Telephone { extension: extension.to_owned(), device: format!("PJSIP/{extension}") }
}

#[tokio::test]
async fn a_telephone_is_as_the_pbx_says_at_that_moment() {
    let states = json!({"PJSIP/101": "NOT_INUSE", "PJSIP/102": "INUSE", "PJSIP/103": "RINGING", "PJSIP/104": "UNAVAILABLE",
        "PJSIP/105": "ONHOLD", "PJSIP/106": "UNKNOWN", "PJSIP/107": "INVALID", "PJSIP/108": "NOT_INUSE"});
    let set = Set::start(json!({"states": states, "database": {"DND/108": "YES"}})).await;
    let control = set.control(|settings| settings.do_not_disturb_key = "DND/{extension}".into());
    use Presence::{Available, Busy, DoNotDisturb, Offline, Ringing, Unknown};
    let expected = [Available, Busy, Ringing, Offline, Busy, Unknown, Offline, DoNotDisturb];
    for (extension, expected) in (101..).zip(expected) {
        assert_eq!(control.presence(&telephone(&extension.to_string())).await, Ok(expected), "{extension}");
    }
}

const SITE: &str = r#"
tenant = "fiction"
talk_min_s = 0.02
[[site]]
id = "one"
country = "GB"
[[pbx]]
id = "main"
[[group]]
id = "sales"
heads = ["head"]
[[person]]
id = "head"
name = "Head"
group = "sales"
extensions = [{ number = "100" }]
[[person]]
id = "ann"
name = "Ann"
group = "sales"
extensions = [{ number = "101" }]
[[person]]
id = "bob"
name = "Bob"
groups = ["sales"]
extensions = [{ number = "102" }]
[[person]]
id = "none"
name = "None"
group = "sales"
"#;

fn asked() -> CallBackOrder {
    CallBackOrder {
        action_key: "call_back:00ff00ff00ff00ff1111111111111111".into(),
        customer: "+447700900331".into(),
        owner: Some("person:bob".into()),
        asked_by: None,
        group: Some("sales".into()),
        attempt: 1,
        ring_s: None,
        require_presence: true,
        now: 1_795_382_848_000,
    }
}

/// Calls back with this scenario; `allowed` times it may ring.
async fn called(scenario: Value, asked: &CallBackOrder, allowed: u32) -> (CalledBack, Vec<String>) {
    called_among(scenario, asked, allowed, 3).await
}

/// The same, with so many telephones that are rung one after another.
async fn called_among(
    scenario: Value,
    asked: &CallBackOrder,
    allowed: u32,
    people_max: u32,
) -> (CalledBack, Vec<String>) {
    let set = Set::start(scenario).await;
    let control = set.control(|settings| settings.people_max = people_max);
    let directory = Directory::from_toml(SITE).unwrap();
    let looked = Arc::new(AtomicU32::new(0));
    let (asked, last_look) = (asked.clone(), Arc::clone(&looked));
    // As the driver does it: in a task of its own.
    let called = tokio::spawn(async move {
        let look = || async { last_look.fetch_add(1, Ordering::SeqCst) < allowed };
        call_back(&asked, &control, &directory, look).await
    });
    let called = called.await.unwrap();
    let rung: Vec<String> = set.dialed().into_iter().map(|(device, _)| device).collect();
    assert!(rung.len() <= looked.load(Ordering::SeqCst) as usize, "a telephone rang that nobody had allowed");
    (called, rung)
}

fn attempted(called: &CalledBack) -> &Attempted {
    match called {
        CalledBack::Dialed(attempted) | CalledBack::NotAsked(attempted) => attempted,
        CalledBack::Withheld => panic!("withheld"),
    }
}

#[tokio::test]
async fn who_was_called_is_rung_first_and_the_customer_answers() {
    let (called, rung) = called(json!({}), &asked(), 9).await;
    let expected = call_name(&asked().action_key, asked().now, 1);
    let CalledBack::Dialed(Attempted { status: Status::Done, detail, call }) = called else { panic!("{called:?}") };
    assert_eq!(call, Some(expected));
    assert!(detail.starts_with("customer: answered (connected for"), "{detail}");
    assert_eq!(rung, ["PJSIP/102"]);
}

#[tokio::test]
async fn the_next_one_is_rung_only_where_the_customer_was_not_dialed() {
    let rules = |play: &str| json!({"rules": [{"device": "PJSIP/102", "play": play}]});
    for play in ["person-no-answer", "person-busy", "person-declines", "person-not-registered"] {
        let (called, rung) = called(rules(play), &asked(), 9).await;
        assert_eq!(attempted(&called).status, Status::Done, "{play}: {called:?}");
        assert_eq!(rung, ["PJSIP/102", "PJSIP/101"], "{play}");
    }
    for play in [
        "customer-busy",
        "customer-invalid",
        "customer-network",
        "person-gives-up",
        "nothing-to-dial",
        "no-such-extension",
    ] {
        let (called, rung) = called(rules(play), &asked(), 9).await;
        assert_eq!(attempted(&called).status, Status::Failed, "{play}: {called:?}");
        assert_eq!(rung, ["PJSIP/102"], "{play}");
    }
    for stop_before in ["Response", "OriginateResponse", "DialEnd"] {
        let rules = json!({"rules": [{"play": "answered", "stop_before": stop_before, "then": "drop"}]});
        let (called, rung) = called(rules, &asked(), 9).await;
        assert_eq!(attempted(&called).status, Status::Unknown, "{stop_before}: {called:?}");
        assert_eq!(rung, ["PJSIP/102"], "{stop_before}");
    }
}

#[tokio::test]
async fn nobody_is_rung_who_is_not_there() {
    let states = json!({"states": {"PJSIP/102": "INUSE", "PJSIP/101": "UNAVAILABLE", "PJSIP/100": "UNKNOWN"}});
    let (called_back, rung) = called(states.clone(), &asked(), 9).await;
    let CalledBack::NotAsked(Attempted { status, detail, call: None }) = called_back else { panic!("{called_back:?}") };
    assert_eq!(status, Status::Again { after_s: None });
    assert_eq!(detail, "nobody is present: bob is busy; ann is offline; head is unknown");
    assert_eq!(rung, [] as [&str; 0]);
    let (called_back, rung) = called(states, &CallBackOrder { require_presence: false, ..asked() }, 9).await;
    assert_eq!(attempted(&called_back).status, Status::Done);
    assert_eq!(rung, ["PJSIP/100"]);
}

#[tokio::test]
async fn no_telephone_rings_that_the_last_look_forbids() {
    let (called_back, rung) = called(json!({}), &asked(), 0).await;
    assert_eq!(called_back, CalledBack::Withheld);
    assert_eq!(rung, [] as [&str; 0]);
    let rules = json!({"rules": [{"device": "PJSIP/102", "play": "person-busy"}]});
    let (called_back, rung) = called(rules, &asked(), 1).await;
    assert_eq!(attempted(&called_back).status, Status::Failed);
    assert_eq!(rung, ["PJSIP/102"]);
}

#[tokio::test]
async fn each_attempt_rings_one_telephone_and_the_next_one_another() {
    let one = ControlSettings::default().people_max;
    let rules = json!({"rules": [{"play": "person-no-answer"}]});
    for (attempt, device) in [(1, "PJSIP/102"), (2, "PJSIP/101"), (3, "PJSIP/100"), (4, "PJSIP/102")] {
        let (called, rung) = called_among(rules.clone(), &CallBackOrder { attempt, ..asked() }, 9, one).await;
        assert_eq!(attempted(&called).status, Status::Failed, "{called:?}");
        assert_eq!(rung, [device]);
    }
}

#[tokio::test]
async fn the_rows_of_a_placed_call_have_its_name() {
    let set = Set::start(json!({})).await;
    set.control(|_| ()).dial(&order(1), 0).await;
    let name = order(1).call;
    let mut tries = 0;
    loop {
        let rows = std::fs::read_to_string(set.file("cdr.csv")).unwrap_or_default();
        if rows.contains(&format!("\"{name}\"")) && rows.contains("\"ringback\"") {
            break;
        }
        tries += 1;
        assert!(tries < 200, "{rows}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The peer behind TLS, with a certificate of an authority of its own.
#[tokio::test]
async fn a_line_with_tls_is_believed_only_with_its_authority() {
    let set = Set::start(json!({})).await;
    let (certificate, key) = (set.file("ca.pem"), set.file("key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let chain = vec![CertificateDer::from_pem_file(&certificate).unwrap()];
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(&key).unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let behind = set.peer.address.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let mut outer = acceptor.accept(stream).await.ok()?;
                let mut inner = tokio::net::TcpStream::connect(behind).await.ok()?;
                tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok()
            });
        }
    });
    let tls = |settings: &mut ControlSettings| {
        settings.address = format!("tls://localhost:{port}");
        settings.ca_file = "ca.pem".into();
        settings.answer_s = 10;
    };
    let end = set.control(tls).dial(&order(1), TALK_MIN_MS).await;
    assert!(matches!(end, DialEnd::Customer(..)), "{end:?}");
    // Another authority, or none that can be read: nothing is sent.
    std::fs::write(set.file("other.pem"), "no certificate").unwrap();
    for file in ["other.pem", "nothing.pem"] {
        let other = |settings: &mut ControlSettings| {
            tls(settings);
            settings.ca_file = file.into();
        };
        let end = set.control(other).dial(&order(2), TALK_MIN_MS).await;
        assert!(matches!(end, DialEnd::NotSent(_)), "{end:?}");
    }
    assert_eq!(set.dialed().len(), 1);
}
