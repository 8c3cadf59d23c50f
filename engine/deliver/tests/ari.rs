//! Calls placed over Asterisk's REST interface at a server that answers and tells as the real PBX did.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "peer/dialogue.rs"]
mod dialogue;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::control::{DialEnd, Order, Presence};
use deliver::control::{Control, ControlKind, ControlSettings, Telephone};
use dialogue::{Dialogue, Said};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// How the server behaves.
#[derive(Clone)]
struct Play {
    dialogue: Arc<Dialogue>,
    /// The websocket is closed before this event; empty: never.
    drop_before: &'static str,
    /// Events of the call, by the websocket; the empty one closes it.
    events: broadcast::Sender<String>,
    /// What was asked, the first line of each request.
    asked: Arc<Mutex<Vec<String>>>,
    authorization: String,
}

/// One listener for requests and for the websocket, as Asterisk has.
async fn serve(listener: TcpListener, play: Play) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(attend(stream, play.clone()));
    }
}

async fn attend(stream: TcpStream, play: Play) -> Option<()> {
    let mut head = vec![0; 8192];
    // The websocket's handshake reads the request itself.
    loop {
        let read = stream.peek(&mut head).await.ok()?;
        if head[..read].windows(4).any(|four| four == b"\r\n\r\n") {
            head.truncate(read);
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    play.asked.lock().unwrap().push(text.lines().next().unwrap_or_default().to_owned());
    let is_known = text.contains(&format!("Authorization: {}", play.authorization))
        || text.contains(&format!("authorization: {}", play.authorization));
    if text.starts_with("GET /ari/events") && is_known {
        return attend_socket(stream, play).await;
    }
    let mut stream = BufReader::new(stream);
    let (mut line, mut length, mut asked) = (String::new(), 0, String::new());
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        if asked.is_empty() {
            asked.clone_from(&line);
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let answer = if !is_known {
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 37\r\n\r\n{\"message\":\"Authentication required\"}".to_owned()
    } else if asked.starts_with("POST /ari/channels?") {
        return originate(&mut stream, &asked, &String::from_utf8_lossy(&body), play).await;
    } else if asked.starts_with("GET /ari/deviceStates/PJSIP%2F101 ") {
        with_body("200 OK", r#"{"name":"PJSIP/101","state":"NOT_INUSE"}"#)
    } else if asked.starts_with("GET /ari/deviceStates/") {
        with_body("200 OK", r#"{"name":"x","state":"INVALID"}"#)
    } else {
        with_body("200 OK", "{}")
    };
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

fn with_body(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Tells what followed the first request for a call in the dialogue, with the name and the device of this one.
async fn originate(stream: &mut BufReader<TcpStream>, asked: &str, body: &str, play: Play) -> Option<()> {
    let named = |asked: &str| {
        asked.split(['&', ' ']).find_map(|pair| pair.strip_prefix("channelId=")).unwrap_or_default().to_owned()
    };
    let is_request = |said: &Said| said.by == "C" && said.lines[0].starts_with("POST /ari/channels?");
    let recorded = play.dialogue.said.iter().find(|said| is_request(said))?;
    let (from, to) = (named(&recorded.lines[0]), named(asked));
    // Variables reach the records: without them our own calls were not known.
    assert!(body.contains("CHANNEL(accountcode)") && body.contains(&to), "{body}");
    let mut at_ms = None;
    let after =
        play.dialogue.said.iter().skip_while(|said| !is_request(said)).skip(1).take_while(|said| !is_request(said));
    for said in after {
        let pause = said.at_ms - *at_ms.get_or_insert(said.at_ms);
        at_ms = Some(said.at_ms);
        tokio::time::sleep(Duration::from_millis(u64::try_from(pause).unwrap_or(0) / 50)).await;
        let mut text = said.lines.join("\r\n");
        if !from.is_empty() {
            text = text.replace(&from, &to);
        }
        if said.by == "W<" {
            let is_last = !play.drop_before.is_empty() && text.contains(play.drop_before);
            let _ = play.events.send(if is_last { String::new() } else { text });
            if is_last {
                break;
            }
        } else if said.by == "S" && said.lines[0].starts_with("HTTP") {
            // The name is longer than the recorded one.
            let (_, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
            let status = said.lines[0].strip_prefix("HTTP/1.1 ").unwrap_or_default();
            let _ = stream.write_all(with_body(status, body).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }
    Some(())
}

async fn attend_socket(stream: TcpStream, play: Play) -> Option<()> {
    let mut events = play.events.subscribe();
    #[allow(clippy::result_large_err, reason = "the library's own type")]
    let accept = |_: &tokio_tungstenite::tungstenite::handshake::server::Request,
                  mut response: tokio_tungstenite::tungstenite::handshake::server::Response| {
        let ari = tokio_tungstenite::tungstenite::http::HeaderValue::from_static("ari");
        response.headers_mut().insert("Sec-WebSocket-Protocol", ari);
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, accept).await.ok()?;
    while let Ok(event) = events.recv().await {
        if event.is_empty() {
            return None;
        }
        socket.get_mut().write_all(&frame(&event)).await.ok()?;
    }
    None
}

/// One text frame of a server (RFC 6455): whole, and not masked.
fn frame(text: &str) -> Vec<u8> {
    // Every event is longer than what a shorter length would tell.
    assert!(text.len() > 125);
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&[0x81, 126][..], &length, text.as_bytes()].concat()
}

async fn dialed(name: &str, drop_before: &'static str, secret: &str) -> (DialEnd, Vec<String>, Presence) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let play = Play {
        dialogue: Arc::new(dialogue::read(&dialogue::folder("asterisk_ari").join(format!("{name}.txt")))),
        drop_before,
        events: broadcast::channel(1024).0,
        asked: Arc::default(),
        authorization: "Basic cmluZ2JhY2s6cGVlci1zZWNyZXQ=".into(),
    };
    let server = tokio::spawn(serve(listener, play.clone()));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pbx.secret"), secret).unwrap();
    let settings = ControlSettings {
        kind: ControlKind::AsteriskAri,
        address,
        user: "ringback".into(),
        secret_file: "pbx.secret".into(),
        context: "from-telephones".into(),
        ring_s: 1,
        dial_s: 10,
        ..ControlSettings::default()
    };
    let control = Control::new("main", settings, folder.path()).unwrap();
    let order = Order {
        call: "rb-00ff00ff00ff00ff-1795382848.1".into(),
        action_key: "call_back:00ff00ff00ff00ff1111111111111111".into(),
        device: "PJSIP/101".into(),
        context: "from-telephones".into(),
        dialed: "+447700900331".into(),
        shown: ("Ringback".into(), "+447700900331".into()),
        ring_s: 1,
    };
    let telephone = Telephone { extension: "101".into(), device: "PJSIP/101".into() };
    let presence = control.presence(&telephone).await.unwrap_or(Presence::Unknown);
    let end = control.dial(&order, 5000).await;
    server.abort();
    let asked = play.asked.lock().unwrap().clone();
    (end, asked, presence)
}

#[tokio::test]
async fn each_dialogue_ends_over_a_socket_as_it_did() {
    for name in ["answered", "person-no-answer", "person-busy", "no-such-extension", "read-only", "refused"] {
        let file = dialogue::folder("asterisk_ari").join(format!("{name}.txt"));
        let expected = dialogue::read(&file).ends[0].clone();
        let (end, asked, presence) = dialed(name, "", "peer-secret\n").await;
        let kind = |end: &str| end.split(" {").next().unwrap_or_default().to_owned();
        assert_eq!(kind(&format!("{end:?}")), kind(&expected), "{name}");
        assert_eq!(presence, Presence::Available, "{name}");
        let placed = asked.iter().filter(|line| line.starts_with("POST /ari/channels?")).count();
        assert_eq!(placed, 1, "{asked:?}");
    }
}

#[tokio::test]
async fn a_lost_websocket_is_unknown() {
    let (end, ..) = dialed("answered", "\"dialstatus\":\"ANSWER\"", "peer-secret\n").await;
    assert!(matches!(end, DialEnd::Unknown(_)), "{end:?}");
}

#[tokio::test]
async fn with_a_wrong_secret_nothing_is_placed() {
    let (end, asked, presence) = dialed("answered", "", "wrong").await;
    assert!(end.is_customer_untouched(), "{end:?}");
    assert_eq!(presence, Presence::Unknown);
    assert!(!asked.iter().any(|line| line.starts_with("POST /ari/channels?")), "{asked:?}");
}
