//! What the engine sends to the database, kept as it stands on the wire, and sent again.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections over which kept requests are sent: one for each core of the smallest machine that we look at.
const CONNECTIONS: usize = 2;

/// Reads one message of HTTP, head and body as they are; false where the other side has nothing more to say.
fn message(input: &mut impl BufRead, message: &mut Vec<u8>) -> io::Result<bool> {
    message.clear();
    let mut length = Some(0);
    loop {
        let begin = message.len();
        if input.read_until(b'\n', message)? == 0 {
            return Ok(false);
        }
        let line = String::from_utf8_lossy(&message[begin..]).trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().ok();
        } else if line.starts_with("transfer-encoding:") {
            length = None;
        }
    }
    if let Some(length) = length {
        input.by_ref().take(length).read_to_end(message)?;
        return Ok(true);
    }
    loop {
        let begin = message.len();
        input.read_until(b'\n', message)?;
        let line = String::from_utf8_lossy(&message[begin..]);
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        // Each chunk ends with a line's end, the last one too.
        input.by_ref().take(size + 2).read_to_end(message)?;
        if size == 0 {
            return Ok(true);
        }
    }
}

fn address(url: &str) -> String {
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// What went over the wire.
#[derive(Default)]
pub struct Sent {
    /// Requests that store something.
    pub inserts: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// Other requests.
    pub questions: AtomicU64,
}

/// Stands before a database, and keeps every insert in a file. Gives its own URL; ends with the process.
pub fn record(url: &str, path: &Path, sent: &Arc<Sent>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let own = format!("http://{}", listener.local_addr().expect("an address"));
    let database = address(url);
    let kept = Arc::new(Mutex::new(File::create(path).expect("a file for the requests")));
    let sent = Arc::clone(sent);
    std::thread::spawn(move || {
        for engine in listener.incoming().flatten() {
            let database = TcpStream::connect(&database).expect("the database");
            let (kept, sent) = (Arc::clone(&kept), Arc::clone(&sent));
            // A connection that one side has closed is no failure.
            std::thread::spawn(move || relay(&engine, &database, &kept, &sent).unwrap_or(()));
        }
    });
    own
}

fn relay(engine: &TcpStream, database: &TcpStream, kept: &Mutex<File>, sent: &Sent) -> io::Result<()> {
    let (mut asks, mut answers) = (BufReader::new(engine), BufReader::new(database));
    let mut bytes = Vec::new();
    while message(&mut asks, &mut bytes)? {
        let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        if String::from_utf8_lossy(line).contains("query=INSERT") {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.write_all(&(bytes.len() as u64).to_le_bytes())?;
            kept.write_all(&bytes)?;
            sent.inserts.fetch_add(1, Ordering::Relaxed);
            sent.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        } else {
            sent.questions.fetch_add(1, Ordering::Relaxed);
        }
        (&*database).write_all(&bytes)?;
        if !message(&mut answers, &mut bytes)? {
            return Ok(());
        }
        (&*engine).write_all(&bytes)?;
    }
    Ok(())
}

/// Requests that were kept.
pub fn kept(path: &Path) -> VecDeque<Vec<u8>> {
    let mut file = BufReader::new(File::open(path).expect("the requests"));
    let mut requests = VecDeque::new();
    let mut length = [0; 8];
    while file.read_exact(&mut length).is_ok() {
        let mut request = vec![0; usize::try_from(u64::from_le_bytes(length)).expect("a length")];
        file.read_exact(&mut request).expect("a whole request");
        requests.push_back(request);
    }
    requests
}

/// Sends kept requests to another database, over as many connections as are of use.
pub fn send(url: &str, requests: VecDeque<Vec<u8>>) {
    let (address, requests) = (address(url), Mutex::new(requests));
    let next = || requests.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let database = TcpStream::connect(&address).expect("the database");
                let mut answers = BufReader::new(&database);
                let mut answer = Vec::new();
                while let Some(request) = next() {
                    (&database).write_all(&request).expect("the request is sent");
                    let is_answered = message(&mut answers, &mut answer).expect("an answer");
                    assert!(is_answered && answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
                }
            });
        }
    });
}

/// A database that says yes to everything: to know what sending costs. Gives its URL; ends with the process.
pub fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let own = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for engine in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut asks = BufReader::new(&engine);
                let mut bytes = Vec::new();
                while message(&mut asks, &mut bytes).unwrap_or(false) {
                    let said = (&engine).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                    if said.is_err() {
                        break;
                    }
                }
            });
        }
    });
    own
}
