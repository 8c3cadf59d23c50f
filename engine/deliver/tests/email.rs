//! Mails through a real SMTP server: what it takes, what it refuses, and what nobody can know.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "email/peer.rs"]
mod peer;
#[path = "email/python.rs"]
mod python;

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::path::Path;
use std::sync::{Arc, Mutex};

use deliver::attempt::{Attempted, Status};
use deliver::email::{self, EmailBody, Mailer, Mails, Security, SmtpSettings, Templates};
use directory::Directory;
use peer::Peer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

const NOW_MS: i64 = 1_795_428_000_000; // 2026-11-23T10:00:00Z
const SITE: &str = "[[site]]\nid = \"a\"\nzone = \"Europe/Kyiv\"\ncountry = \"UA\"\n[[pbx]]\nid = \"b\"\n\
    [[person]]\nid = \"ann\"\nname = \"Ганна По\"\nemail = \"ann@example.com\"\n\
    [[person]]\nid = \"bob\"\nname = \"Bob Roe\"\nemail = \"bob@example.com\"\nlanguage = \"en\"\n\
    [[person]]\nid = \"eva\"\nname = \"Eva\"\n";

fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port,
        from: "Ringback <calls@example.com>".to_owned(),
        security: Security::None,
        ..SmtpSettings::default()
    }
}

fn mailer(settings: &SmtpSettings, folder: &Path) -> Mailer {
    Mailer::new(settings, folder).unwrap_or_else(|error| panic!("{error}"))
}

fn mails(to: &[&str]) -> Mails {
    let to = to.iter().map(|to| (*to).to_owned()).collect();
    let data = json!({"subject": "Three wait\r\nBcc: x@example.com", "text": "Дві лінії\n.\n.крапка на початку\n"});
    let body = EmailBody { to, template: "plain".to_owned(), data, options: BTreeMap::new() };
    let directory = Directory::from_toml(SITE).unwrap();
    email::write("email:0123456789abcdef", &body, &Templates::built_in().unwrap(), &directory, "example.com", NOW_MS)
}

/// Sends one mail to this address.
async fn send(mailer: &Mailer, to: &str) -> Attempted {
    mailer.send(&mails(&[to]).mails[0], || ready(true)).await
}

/// A header's value.
fn header<'m>(mail: &'m Value, name: &str) -> &'m str {
    let content = mail["content"].as_str().unwrap();
    content.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

#[tokio::test]
async fn each_gets_their_own_mail_in_their_language() {
    let folder = TempDir::new().unwrap();
    let peer = Peer::start(folder.path(), &[]);
    let mailer = mailer(&settings(peer.port), folder.path());
    let data = json!({"call": {"caller": {"number": "+442079460331"}, "started_at": "2026-11-23T09:30:00.000Z", "wait_time_s": 125}, "follow_up": {}});
    let to = ["person:ann", "person:bob", "person:eva", "bob@example.com"].map(str::to_owned).to_vec();
    let body = EmailBody { to, template: "missed".to_owned(), data, options: BTreeMap::new() };
    let directory = Directory::from_toml(SITE).unwrap();
    let mails =
        email::write("email:1", &body, &Templates::built_in().unwrap(), &directory, mailer.from_domain(), NOW_MS);
    let nothing = BTreeMap::new();
    let sent = spawnable(email::send(&mailer, &mails, &nothing, |_| ready(true), |_, _| ready(()))).await;
    assert_eq!(
        sent,
        Attempted {
            status: Status::Done,
            detail: "ann@example.com: sent, localhost took it: 250 2.0.0 Taken; bob@example.com: sent, localhost took it: 250 2.0.0 Taken; \
                person:eva: eva has no email in site.toml: add `email = ` under [[person]] id = \"eva\"".to_owned(),
            call: None,
        }
    );
    let (ann, bob) = (peer.taken(), peer.taken());
    assert_eq!((&ann["to"], &bob["to"]), (&json!(["ann@example.com"]), &json!(["bob@example.com"])));
    assert_eq!((&ann["from"], header(&ann, "From")), (&json!("calls@example.com"), "Ringback <calls@example.com>"));
    assert_eq!(header(&bob, "To"), "\"Bob Roe\" <bob@example.com>");
    assert_eq!(header(&bob, "Subject"), "Missed call from +44 20 7946 0331, 23 November, 11:30");
    assert_eq!(decoded(&ann, "Subject"), "Пропущений дзвінок: +44 20 7946 0331, 23 листопада, 11:30");
    assert!(decoded(&ann, "").contains("Час очікування: 2 хв 5 с"));
    // The second mail went over the first one's connection.
    assert_eq!(ann["peer"], bob["peer"]);
    assert_eq!(peer.end(), Vec::<Value>::new());
}

/// Whoever sends may be moved from thread to thread.
fn spawnable<F: Future + Send>(sending: F) -> F {
    sending
}

/// What Python's own reader of mails makes of a header; without a name, of the text.
fn decoded(mail: &Value, name: &str) -> String {
    let program = "import sys, email, email.policy\n\
        mail = email.message_from_string(sys.stdin.read(), policy=email.policy.default)\n\
        print(mail[sys.argv[1]] if sys.argv[1] else mail.get_body(('plain',)).get_content())";
    let mut child = std::process::Command::new("python3")
        .args(["-X", "utf8", "-c", program, name])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), mail["content"].as_str().unwrap().as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().replace("\r\n", "\n").trim_end().to_owned()
}

#[tokio::test]
async fn what_is_written_is_what_is_read() {
    let folder = TempDir::new().unwrap();
    let peer = Peer::start(folder.path(), &[]);
    assert_eq!(send(&mailer(&settings(peer.port), folder.path()), "ann@example.com").await.status, Status::Done);
    let mail = peer.taken();
    assert_eq!(decoded(&mail, "Subject"), "Three wait Bcc: x@example.com");
    assert_eq!(decoded(&mail, "Bcc"), "None");
    // A dot alone on its line ends a mail for a careless program.
    assert_eq!(decoded(&mail, ""), "Дві лінії\n.\n.крапка на початку");
}

#[tokio::test]
async fn how_a_try_ends_depends_on_what_the_server_says() {
    let folder = TempDir::new().unwrap();
    let peer = Peer::start(folder.path(), &[]);
    let mailer = mailer(&SmtpSettings { taken_s: 1.try_into().unwrap(), ..settings(peer.port) }, folder.path());
    let again = Status::Again { after_s: None };
    for (to, status, detail) in [
        ("ok@example.com", Status::Done, "localhost took it: 250 2.0.0 Taken"),
        (
            "later@example.com",
            again,
            "the server does not take the recipient now: transient error (451): 4.7.1 Greylisted, try again",
        ),
        (
            "never@example.com",
            Status::Failed,
            "the server refuses the recipient: permanent error (550): 5.1.1 No such mailbox",
        ),
        (
            "content-later@example.com",
            again,
            "the server does not take the mail now: transient error (452): 4.3.1 Disk is full",
        ),
        (
            "content-never@example.com",
            Status::Failed,
            "the server refuses the mail: permanent error (554): 5.7.1 Looks like spam",
        ),
        ("cut-before@example.com", again, "the connection broke before the mail was sent: "),
        ("cut@example.com", Status::Unknown, "the whole mail was sent, and no answer came: "),
        ("freeze@example.com", Status::Unknown, "the whole mail was sent, and no answer came: waited 1 s"),
        (
            "оля@example.com",
            Status::Failed,
            "the server takes only addresses in ASCII: оля@example.com from calls@example.com is not",
        ),
        ("ok@example.com", Status::Done, "localhost took it: 250 2.0.0 Taken"),
    ] {
        let attempted = send(&mailer, to).await;
        assert_eq!(attempted.status, status, "{to}: {}", attempted.detail);
        assert!(attempted.detail.starts_with(detail), "{to}: {}", attempted.detail);
    }
    let taken: Vec<Value> = peer.end().iter().map(|mail| mail["to"][0].clone()).collect();
    assert_eq!(taken, ["ok@example.com", "cut@example.com", "freeze@example.com", "ok@example.com"]);
}

#[tokio::test]
async fn nothing_is_sent_by_who_lost_the_right_to() {
    let folder = TempDir::new().unwrap();
    let peer = Peer::start(folder.path(), &[]);
    let mailer = mailer(&settings(peer.port), folder.path());
    let attempted = mailer.send(&mails(&["ok@example.com"]).mails[0], || ready(false)).await;
    let detail = "the right to send it was lost".to_owned();
    assert_eq!(attempted, Attempted { status: Status::Again { after_s: None }, detail, call: None });
    assert_eq!(send(&mailer, "later@example.com").await.status, Status::Again { after_s: None });
    assert_eq!(peer.end(), Vec::<Value>::new());
}

/// What the office keeps of mails, between tries.
#[derive(Default)]
struct Notes(Mutex<BTreeMap<String, Status>>);

impl Notes {
    fn begin(&self, name: String) -> bool {
        // Begun and not ended is unknown, until the end is noted.
        self.0.lock().unwrap().insert(name, Status::Unknown);
        true
    }

    fn end(&self, name: String, attempted: &Attempted) {
        match attempted.status {
            Status::Again { .. } => drop(self.0.lock().unwrap().remove(&name)),
            status => drop(self.0.lock().unwrap().insert(name, status)),
        }
    }

    fn ended(&self) -> BTreeMap<String, Status> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn tried_again_and_again_each_mail_arrives_once() {
    let folder = TempDir::new().unwrap();
    let peer = Peer::start(folder.path(), &[]);
    let mailer = mailer(&settings(peer.port), folder.path());
    let mails = mails(&["ok@example.com", "later@example.com", "cut@example.com", "never@example.com", "person:ann"]);
    let notes = Notes::default();
    for _ in 0..3 {
        let begin = |name| ready(notes.begin(name));
        let end = |name, attempted: Attempted| {
            notes.end(name, &attempted);
            ready(())
        };
        let attempted = email::send(&mailer, &mails, &notes.ended(), begin, end).await;
        assert_eq!(attempted.status, Status::Again { after_s: None }, "{}", attempted.detail);
    }
    // Killed between the dot and the answer: the mail is out, and nobody noted how it ended.
    let late = crate::mails(&["late@example.com"]);
    let begin = |name| ready(notes.begin(name));
    email::send(&mailer, &late, &notes.ended(), begin, |_, _| ready(())).await;
    let attempted = email::send(&mailer, &late, &notes.ended(), begin, |_, _| ready(())).await;
    assert_eq!(attempted.status, Status::Unknown);
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    let mut to = Vec::new();
    for mail in peer.end() {
        *arrived.entry(header(&mail, "Message-ID").to_owned()).or_default() += 1;
        to.push(mail["to"][0].as_str().unwrap().to_owned());
    }
    to.sort();
    assert_eq!(to, ["ann@example.com", "cut@example.com", "late@example.com", "ok@example.com"]);
    assert_eq!(arrived.values().copied().collect::<Vec<_>>(), [1; 4], "{arrived:?}");
}

#[tokio::test]
async fn a_protected_connection_is_signed_in_to() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("word"), "swordfish\n").unwrap();
    for (argument, security) in [("starttls", Security::Starttls), ("tls", Security::Tls)] {
        let peer = Peer::start(folder.path(), &["--security", argument, "--login", "ringback:swordfish"]);
        let good = SmtpSettings {
            security,
            user: "ringback".to_owned(),
            secret_file: "word".into(),
            ca_file: "ca.pem".into(),
            ..settings(peer.port)
        };
        let sent = send(&mailer(&good, folder.path()), "ok@example.com").await;
        assert_eq!(sent.status, Status::Done, "{}", sent.detail);
        let taken = peer.taken();
        assert_eq!((&taken["login"], &taken["is_tls"]), (&json!("ringback"), &json!(true)));

        let strange = SmtpSettings { ca_file: "other.pem".into(), ..good.clone() };
        let refused = send(&mailer(&strange, folder.path()), "ok@example.com").await;
        assert_eq!(refused.status, Status::Again { after_s: None });
        assert!(refused.detail.contains("the server's certificate is not trusted"), "{}", refused.detail);

        let elsewhere = SmtpSettings { host: "127.0.0.2".to_owned(), ..good.clone() };
        assert_eq!(
            send(&mailer(&elsewhere, folder.path()), "ok@example.com").await.status,
            Status::Again { after_s: None }
        );

        std::fs::write(folder.path().join("wrong"), "catfish\n").unwrap();
        let wrong = SmtpSettings { secret_file: "wrong".into(), ..good.clone() };
        let refused = send(&mailer(&wrong, folder.path()), "ok@example.com").await;
        assert_eq!(refused.status, Status::Again { after_s: None });
        assert!(refused.detail.contains("ringback cannot sign in (permanent error (535)"), "{}", refused.detail);
        assert!(!refused.detail.contains("catfish"), "{}", refused.detail);

        let nobody = SmtpSettings { user: String::new(), secret_file: "".into(), ..good };
        let refused = send(&mailer(&nobody, folder.path()), "ok@example.com").await;
        assert_eq!(refused.status, Status::Failed, "{}", refused.detail);
        assert_eq!(peer.end(), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn nothing_goes_out_in_the_open_where_it_must_not() {
    let folder = TempDir::new().unwrap();
    // This one makes the authority's certificate, by which the settings of the other say that they want TLS.
    let protected = Peer::start(folder.path(), &["--security", "starttls"]);
    let peer = Peer::start(folder.path(), &[]);
    let stripped = SmtpSettings { security: Security::Starttls, ca_file: "ca.pem".into(), ..settings(peer.port) };
    let refused = send(&mailer(&stripped, folder.path()), "ok@example.com").await;
    assert_eq!(refused.status, Status::Again { after_s: None });
    assert!(refused.detail.contains("the server offers no STARTTLS"), "{}", refused.detail);

    // What goes to this machine itself crosses no network.
    for peer in [&peer, &protected] {
        let here = SmtpSettings { security: Security::Starttls, ..settings(peer.port) };
        let sent = send(&mailer(&here, folder.path()), "ok@example.com").await;
        assert_eq!(sent.status, Status::Done, "{}", sent.detail);
        assert_eq!(peer.taken()["is_tls"], json!(false));
    }
}

#[tokio::test]
async fn who_is_not_there_is_tried_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = TempDir::new().unwrap();
    let refused = send(&mailer(&settings(free), folder.path()), "ok@example.com").await;
    assert_eq!(refused.status, Status::Again { after_s: None });
    assert!(refused.detail.starts_with(&format!("localhost:{free}: Connection error")), "{}", refused.detail);
    // A server that takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let impatient = SmtpSettings { connect_s: 1.try_into().unwrap(), host: "127.0.0.1".to_owned(), ..settings(port) };
    let refused = send(&mailer(&impatient, folder.path()), "ok@example.com").await;
    assert_eq!(refused.detail, format!("127.0.0.1:{port}: no answer within 1 s"));
}

#[tokio::test]
async fn many_mails_share_few_connections() {
    let folder = TempDir::new().unwrap();
    let peer = Peer::start(folder.path(), &[]);
    let few = SmtpSettings { connections_max: 2.try_into().unwrap(), ..settings(peer.port) };
    let mailer = Arc::new(mailer(&few, folder.path()));
    let mut sending = JoinSet::new();
    for n in 0..12 {
        let mailer = mailer.clone();
        sending.spawn(async move { send(&mailer, &format!("ok@{n}.example.com")).await });
    }
    for sent in sending.join_all().await {
        assert_eq!(sent.status, Status::Done, "{}", sent.detail);
    }
    let taken = peer.end();
    let connections: BTreeSet<String> = taken.iter().map(|mail| mail["peer"].to_string()).collect();
    assert_eq!((taken.len(), connections.len()), (12, 2), "{connections:?}");
}

#[test]
fn settings_say_what_is_wrong_with_them() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("word"), "swordfish\n").unwrap();
    std::fs::write(folder.path().join("empty.pem"), "no certificate\n").unwrap();
    let good = SmtpSettings { host: "mail.example.com".to_owned(), ..settings(0) };
    let signed = SmtpSettings { user: "ringback".to_owned(), secret_file: "word".into(), ..good.clone() };
    let path = folder.path().display();
    for (settings, expected) in [
        (SmtpSettings::default(), "`host` under [smtp] is empty: give the name of the server that takes mails, for example \"mail.example.com\"".to_owned()),
        (SmtpSettings { from: "Ringback".to_owned(), ..good.clone() }, "`from` under [smtp] = \"Ringback\" is no address".to_owned()),
        (SmtpSettings { from: "calls@приклад.укр".to_owned(), ..good.clone() }, "`from` under [smtp] has letters in its domain that not every server takes".to_owned()),
        (SmtpSettings { secret_file: "".into(), ..signed.clone() }, "`user` under [smtp] signs in with a password: give the file that holds it as `secret_file`".to_owned()),
        (SmtpSettings { user: String::new(), ..signed.clone() }, "`secret_file` under [smtp] is the password of a `user`: give that too".to_owned()),
        (SmtpSettings { secret_file: "nowhere".into(), ..signed.clone() }, format!("`secret_file` under [smtp]: the secret's file {path}/nowhere cannot be read")),
        (signed, "`security` under [smtp] = \"none\" would send the password in the open: write \"starttls\" or \"tls\"".to_owned()),
        (SmtpSettings { security: Security::Tls, ca_file: "empty.pem".into(), ..good.clone() }, format!("`ca_file` under [smtp] = \"{path}/empty.pem\" holds no certificates")),
        (SmtpSettings { security: Security::Tls, ca_file: "nowhere.pem".into(), ..good }, format!("`ca_file` under [smtp] = \"{path}/nowhere.pem\" cannot be read")),
    ] {
        let error = Mailer::new(&settings, folder.path()).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(&expected) && !error.contains("swordfish"), "{error}");
    }
    let read = |text: &str| serde_json::from_str::<SmtpSettings>(text);
    assert_eq!(read(r#"{"security":"tls"}"#).unwrap().port(), 465);
    assert!(read(r#"{"password":"x"}"#).unwrap_err().to_string().contains("unknown field `password`"));
}
