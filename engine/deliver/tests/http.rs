//! Webhooks to real HTTP servers: what is posted and signed, what the answers mean, and where it must not connect to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "email/python.rs"]
mod python;
#[path = "http/receiver.rs"]
mod receiver;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use deliver::attempt::{Attempted, Status};
use deliver::http::{Webhook, WebhookSettings};
use receiver::{Answer, Receiver};
use serde_json::json;
use tempfile::TempDir;

const NOW_MS: i64 = 1_795_428_000_123; // 2026-11-23T10:00:00.123Z
const KEY: &str = "webhook:0123456789abcdef0123456789abcdef";

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("secret"), format!("whsec_{}\n", STANDARD.encode([7; 32]))).unwrap();
    folder
}

fn settings(url: &str) -> WebhookSettings {
    WebhookSettings {
        url: url.to_owned(),
        secret_file: "secret".into(),
        allow_private: true,
        ..WebhookSettings::default()
    }
}

async fn post(settings: &WebhookSettings, folder: &Path) -> Attempted {
    let webhook = Webhook::new("crm", settings, folder).unwrap_or_else(|error| panic!("{error}"));
    let json = json!({"number": "+442079460331", "name": "Ганна"});
    // Spawned, as the engine does it.
    tokio::spawn(async move { webhook.post(KEY, &json, NOW_MS).await }).await.unwrap()
}

#[tokio::test]
async fn what_is_posted_is_signed_so_that_another_program_agrees() {
    let folder = folder();
    let receiver = Receiver::start(Answer::status(204)).await;
    let attempted = post(&settings(&receiver.url("/calls")), folder.path()).await;
    assert_eq!(attempted, Attempted { status: Status::Done, detail: "crm answered 204".to_owned(), call: None });
    let posted = receiver.posted();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].path, "/calls");
    assert_eq!(posted[0].header("webhook-id"), KEY);
    assert_eq!(posted[0].header("webhook-timestamp"), "1795428000");
    assert_eq!(posted[0].header("content-type"), "application/json");
    let body: serde_json::Value = serde_json::from_slice(&posted[0].body).unwrap();
    assert_eq!(body, json!({"number": "+442079460331", "name": "Ганна"}));
    let program = "import base64, hmac, sys\n\
        secret, key, at = sys.argv[1:]\n\
        secret = base64.b64decode(secret.removeprefix('whsec_'))\n\
        signed = f'{key}.{at}.'.encode() + sys.stdin.buffer.read()\n\
        print('v1,' + base64.b64encode(hmac.digest(secret, signed, 'sha256')).decode())";
    let secret = std::fs::read_to_string(folder.path().join("secret")).unwrap();
    let mut python = Command::new("python3")
        .args(["-c", program, secret.trim(), KEY, "1795428000"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(&posted[0].body).unwrap();
    let expected = String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(posted[0].header("webhook-signature"), expected.trim());
}

#[tokio::test]
async fn what_an_answer_means_is_in_its_status() {
    let folder = folder();
    let again = |after_s| Status::Again { after_s };
    for (answer, status, detail) in [
        (Answer::status(200), Status::Done, "crm answered 200"),
        (Answer::status(202), Status::Done, "crm answered 202"),
        (Answer::status(400).with_body("no\r\nsuch   field"), Status::Failed, "crm answered 400: no such field"),
        (Answer::status(401), Status::Failed, "crm answered 401"),
        (Answer::status(404), Status::Failed, "crm answered 404"),
        (Answer::status(410), Status::Failed, "crm answered 410"),
        (Answer::status(408), again(None), "crm answered 408"),
        (Answer::status(425), again(None), "crm answered 425"),
        (Answer::status(429).with_header("retry-after", "120"), again(Some(120)), "crm answered 429"),
        (Answer::status(500), again(None), "crm answered 500"),
        (
            Answer::status(503).with_header("retry-after", "Mon, 23 Nov 2026 10:01:30 GMT"),
            again(Some(89)),
            "crm answered 503",
        ),
        (
            Answer::status(307).with_header("location", "http://169.254.169.254/secret"),
            Status::Failed,
            "crm answered 307; redirects are not followed: it points to http://169.254.169.254/secret, write that as `url` under [webhook.crm] if it is right",
        ),
    ] {
        let receiver = Receiver::start(answer).await;
        let attempted = post(&settings(&receiver.url("/")), folder.path()).await;
        assert_eq!(attempted, Attempted { status, detail: detail.to_owned(), call: None });
        assert_eq!(receiver.posted().len(), 1, "{detail}");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_no_further_than_it_is_shown() {
    let folder = folder();
    let receiver = Receiver::start(Answer::status(400).with_endless_body()).await;
    // Whoever read on would read for an hour.
    let patient = WebhookSettings { timeout_s: 3600.try_into().unwrap(), ..settings(&receiver.url("/")) };
    let attempted = post(&patient, folder.path()).await;
    assert_eq!(attempted.status, Status::Failed);
    assert_eq!(attempted.detail, format!("crm answered 400: {}", "x".repeat(200)));
}

#[tokio::test]
async fn who_does_not_answer_is_tried_again() {
    let folder = folder();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let attempted = post(&settings(&format!("http://127.0.0.1:{free}/")), folder.path()).await;
    assert_eq!(attempted.status, Status::Again { after_s: None });
    assert!(attempted.detail.starts_with("crm was not reached: "), "{}", attempted.detail);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let impatient = WebhookSettings { timeout_s: 1.try_into().unwrap(), ..settings(&url) };
    let attempted = post(&impatient, folder.path()).await;
    let detail = "crm did not answer in time".to_owned();
    assert_eq!(attempted, Attempted { status: Status::Again { after_s: None }, detail, call: None });
    let attempted = post(&settings("http://nowhere.invalid/"), folder.path()).await;
    assert_eq!(attempted.status, Status::Again { after_s: None });
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let folder = folder();
    let (port, url) = protected(folder.path());
    let receiver = Receiver::start_with_tls(port, Answer::status(200), folder.path()).await;
    let inside = WebhookSettings { ca_file: "ca.pem".into(), allow_private: false, ..settings(&url) };
    let attempted = post(&inside, folder.path()).await;
    assert_eq!(attempted.status, Status::Failed);
    let told = attempted.detail.as_str();
    assert!(
        told.starts_with("localhost is ")
            && told.contains(
                "which is not of the internet at large: write `allow_private = true` under [webhook.crm] if it is meant"
            ),
        "{told}"
    );
    assert_eq!(receiver.posted().len(), 0);

    // The same receiver is reached where that is meant, and only if its certificate is trusted.
    let meant = WebhookSettings { allow_private: true, ..inside };
    assert_eq!(post(&meant, folder.path()).await.status, Status::Done);
    let strange = WebhookSettings { ca_file: "other.pem".into(), ..meant };
    let attempted = post(&strange, folder.path()).await;
    assert_eq!(attempted.status, Status::Again { after_s: None });
    assert!(attempted.detail.contains("invalid peer certificate"), "{}", attempted.detail);
    assert_eq!(receiver.posted().len(), 1);
}

/// Writes certificates, and gives a free port of this machine with its address.
fn protected(folder: &Path) -> (std::net::TcpListener, String) {
    let done = Command::new(python::interpreter())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/email/peer.py"))
        .arg("--folder")
        .arg(folder)
        .arg("--certificates-only")
        .status()
        .unwrap();
    assert!(done.success());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    (listener, url)
}

#[test]
fn settings_say_what_is_wrong_with_them() {
    let folder = folder();
    std::fs::write(folder.path().join("short"), "whsec_c3dvcmRmaXNo\n").unwrap();
    let path = folder.path().display();
    let good = settings("https://crm.example.com/");
    for (settings, expected) in [
        (WebhookSettings::default(), "`url` under [webhook.crm] = \"\" is no address".to_owned()),
        (
            WebhookSettings { secret_file: "".into(), ..good.clone() },
            "`secret_file` under [webhook.crm] is missing: what is posted is signed".to_owned(),
        ),
        (
            WebhookSettings { secret_file: "nowhere".into(), ..good.clone() },
            format!("`secret_file` under [webhook.crm]: the secret's file {path}/nowhere cannot be read"),
        ),
        (
            WebhookSettings { secret_file: "short".into(), ..good.clone() },
            format!(
                "`secret_file` under [webhook.crm] = \"{path}/short\": write `whsec_` and the base64 of 24 to 64 bytes"
            ),
        ),
        (
            WebhookSettings { ca_file: "nowhere.pem".into(), ..good },
            format!("`ca_file` under [webhook.crm] = \"{path}/nowhere.pem\" cannot be read"),
        ),
    ] {
        let error = Webhook::new("crm", &settings, folder.path()).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(&expected) && !error.contains("c3dvcmRmaXNo"), "{error}");
    }
    let unknown = serde_json::from_str::<WebhookSettings>(r#"{"secret":"x"}"#).unwrap_err().to_string();
    assert!(unknown.contains("unknown field `secret`"), "{unknown}");
}
