//! The embedded database from outside: the binary, its process tree, and ClickHouse's HTTP interface.
//!
//! Each test has a folder, a free port and a process tree of its own. The library comes from the user's cache, where
//! the first start puts it.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may say plainly what they expect")]

mod exact;
mod views;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_ringback");

/// A running `ringback clickhouse`.
struct Database {
    process: Child,
    url: String,
    data: PathBuf,
}

/// The end of a test must not leave a database behind. Its child ends with it: a test of its own shows that.
impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["clickhouse", "--port", "0", "--data"]).arg(data);
    command.env_remove("CLICKHOUSE_URL").stdin(Stdio::null());
    command
}

fn start(data: &Path) -> Database {
    start_command(&mut command(data), data)
}

fn start_command(command: &mut Command, data: &Path) -> Database {
    let mut process = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let ready = line.strip_prefix("ready ").unwrap_or_else(|| panic!("no `ready`, but {line:?}"));
    let ready: serde_json::Value = serde_json::from_str(ready).expect("JSON");
    let url = ready["clickhouse"].as_str().expect("a URL").to_string();
    Database { process, url, data: data.to_path_buf() }
}

/// Runs the binary where it is expected to end by itself.
fn run_to_end(command: &mut Command) -> (Output, String) {
    let output = command.output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{stderr}");
    (output, stderr)
}

fn check_refused(command: &mut Command, words: &[&str]) {
    let (output, stderr) = run_to_end(command);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    /// Whether the body came to its end, or was cut.
    whole: bool,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Database {
    fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_string()
    }

    /// The process that the engine runs in: it writes its id into its lock.
    fn child_pid(&self) -> u32 {
        fs::read_to_string(self.data.join("ringback.lock")).expect("a lock").trim().parse().expect("a number")
    }

    fn request(&self, method: &str, parameters: &[(&str, &str)], headers: &[(&str, &str)], body: Bytes) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let mut request = Request::builder().method(method).uri(format!("/?{query}")).header("Host", self.address());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).expect("a request");
        let address = self.address();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let stream = tokio::net::TcpStream::connect(address).await.expect("connected");
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a connection");
            let connection = tokio::spawn(connection);
            let response = sender.send_request(request).await.expect("a response");
            let (parts, mut incoming) = response.into_parts();
            let (mut body, mut whole) = (Vec::new(), true);
            while let Some(frame) = incoming.frame().await {
                match frame {
                    Ok(frame) => body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
                    Err(_) => {
                        whole = false;
                        break;
                    }
                }
            }
            connection.abort();
            Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.into(), whole }
        })
    }

    fn post(&self, parameters: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.request("POST", parameters, &[], body.into())
    }

    /// Runs a statement that must succeed; gives its result without the last line break.
    fn ask(&self, statement: &str) -> String {
        self.ask_with(&[], statement.to_string())
    }

    fn ask_with(&self, parameters: &[(&str, &str)], statement: impl Into<Bytes>) -> String {
        let answer = self.post(parameters, statement);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.whole, "{}", answer.text());
        answer.text().trim_end().to_string()
    }

    fn insert(&self, statement: &str, data: impl Into<Bytes>) {
        self.ask_with(&[("query", statement)], data);
    }

    fn check_exception(&self, statement: &str, status: u16, code: &str) {
        let answer = self.post(&[], statement.to_string());
        let text = answer.text();
        assert_eq!((answer.status, answer.header("X-ClickHouse-Exception-Code")), (status, code), "{text}");
        assert!(text.starts_with(&format!("Code: {code}. DB::Exception: ")), "{text}");
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn signal(signal: &str, pid: u32) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -{signal} {pid}")).status().expect("sh");
    assert!(status.success());
}

fn is_alive(pid: u32) -> bool {
    // A zombie has ended; only nobody has asked yet how.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn wait_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let started_at = Instant::now();
    while !is_so() {
        assert!(started_at.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait_for_end(process: &mut Child) -> ExitStatus {
    let mut status = None;
    wait_until("the end of the process", Duration::from_secs(15), || {
        status = process.try_wait().expect("waited");
        status.is_some()
    });
    status.expect("a status")
}

#[test]
fn rows_go_in_and_come_out_in_every_format() {
    let folder = folder();
    let database = start(folder.path());
    database.ask("CREATE TABLE a (n UInt64, s String, d Nullable(Date)) ENGINE = MergeTree ORDER BY n");
    database.ask("INSERT INTO a VALUES (1, 'дзвінок', '2026-01-02'), (2, 'FORMAT CSV', NULL)");
    database.insert("INSERT INTO a FORMAT JSONEachRow", r#"{"n":3,"s":"it's","d":null}"#);
    database.ask("INSERT INTO a (n, s) FORMAT CSV\n4,\"four\"\n");
    let all = "SELECT * FROM a ORDER BY n FORMAT ";
    let expected = database.ask(&format!("{all}JSONEachRow"));
    assert_eq!(expected.lines().count(), 4, "{expected}");

    for format in ["Native", "RowBinary", "RowBinaryWithNamesAndTypes", "JSONEachRow", "TSV", "CSV", "Parquet", "JSON"]
    {
        let data = database.post(&[], format!("{all}{format}")).body;
        database.ask("CREATE OR REPLACE TABLE b AS a");
        database.insert(&format!("INSERT INTO b FORMAT {format}"), data.clone());
        assert_eq!(database.ask("SELECT * FROM b ORDER BY n FORMAT JSONEachRow"), expected, "{format}");
        // The statement and its data in one body.
        database.ask("TRUNCATE TABLE b");
        let head = Bytes::from(format!("INSERT INTO b FORMAT {format}\n"));
        database.ask_with(&[], [head, data].concat());
        assert_eq!(database.ask("SELECT * FROM b ORDER BY n FORMAT JSONEachRow"), expected, "{format}");
    }
}

#[test]
fn packed_bodies_are_understood() {
    let folder = folder();
    let database = start(folder.path());
    database.ask("CREATE TABLE a (n UInt64) ENGINE = MergeTree ORDER BY n");
    let rows = "SELECT number AS n FROM numbers(300000) FORMAT Native";
    let frames = database.post(&[("compress", "1")], rows).body;
    let plain = database.post(&[], rows).body;
    assert!(frames.len() < plain.len());
    database.ask_with(&[("query", "INSERT INTO a FORMAT Native"), ("decompress", "1")], frames.clone());
    for encoding in ["gzip", "deflate", "zstd", "lz4"] {
        let accept = [("Accept-Encoding", encoding)];
        let packed = database.request("POST", &[("enable_http_compression", "1")], &accept, Bytes::from(rows));
        assert_eq!(packed.header("Content-Encoding"), encoding);
        let headers = [("Content-Encoding", encoding)];
        let answer = database.request("POST", &[("query", "INSERT INTO a FORMAT Native")], &headers, packed.body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(database.ask("SELECT count(), sum(n) FROM a"), format!("1500000\t{}", 5 * 299_999_u64 * 150_000));

    // A damaged frame in the middle: nothing of the body is kept.
    let mut damaged = frames.to_vec();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let answer = database.post(&[("query", "INSERT INTO a FORMAT Native"), ("decompress", "1")], damaged);
    assert_eq!(answer.header("X-ClickHouse-Exception-Code"), "40", "{}", answer.text());
    assert_eq!(database.ask("SELECT count() FROM a"), "1500000");
}

#[test]
fn exceptions_have_the_servers_codes_and_statuses() {
    let folder = folder();
    let database = start(folder.path());
    database.ask("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n");
    database.check_exception("SELECT FROM WHERE", 400, "62");
    database.check_exception("", 400, "62");
    database.check_exception("SELECT 1; SELECT 2", 400, "62");
    database.check_exception("SELECT * FROM nowhere", 404, "60");
    database.check_exception("SELECT nothing FROM t", 404, "47");
    database.check_exception("SELECT throwIf(1)", 500, "395");
    database.check_exception("INSERT INTO nowhere VALUES (1)", 404, "60");
    database.check_exception("INSERT INTO t FORMAT CSV\nno number\n", 400, "117");
    database.check_exception("SELECT 1 INTO OUTFILE '/tmp/ringback-outfile'", 500, "358");
    let answer = database.post(&[("no_such_setting", "1")], "SELECT 1");
    assert_eq!((answer.status, answer.header("X-ClickHouse-Exception-Code")), (404, "115"));
    let answer = database.post(&[("max_threads', readonly = '1", "1")], "SELECT 1");
    assert_eq!(answer.header("X-ClickHouse-Exception-Code"), "115");

    // GET reads only.
    for statement in ["INSERT INTO t VALUES (1)", "DROP TABLE t", "INSERT INTO t SELECT 1"] {
        let answer = database.request("GET", &[("query", statement)], &[], Bytes::new());
        assert_eq!(answer.header("X-ClickHouse-Exception-Code"), "164", "{}", answer.text());
    }
    let answer = database.request("GET", &[("query", "SELECT count() FROM t")], &[], Bytes::new());
    assert_eq!(answer.text(), "0\n");

    // Within a result: what came so far, the server's block, and a body without its end.
    let answer = database.post(&[], "SELECT throwIf(number = 3000000) FROM numbers(4000000) FORMAT RowBinary");
    let text = answer.text();
    let tag = answer.header("X-ClickHouse-Exception-Tag");
    assert_eq!((answer.status, answer.whole, tag.len()), (200, false, 16));
    assert!(text.ends_with(&format!("{tag}\r\n__exception__\r\n")), "{}", &text[text.len().saturating_sub(400)..]);
    assert!(text.contains("Code: 395. DB::Exception"));
    let answer = database.post(&[("wait_end_of_query", "1")], "SELECT throwIf(number = 3000000) FROM numbers(4000000)");
    assert_eq!(answer.status, 500);
}

#[test]
fn limits_are_told() {
    let folder = folder();
    let database = start(folder.path());
    let long = format!("SELECT 1 /* {} */", "x".repeat(17 << 20));
    let answer = database.post(&[], long);
    assert_eq!((answer.status, answer.header("X-ClickHouse-Exception-Code")), (413, "229"));
    let status = database.request("POST", &[], &[("X-Long", &"x".repeat(300_000))], Bytes::new()).status;
    assert!(matches!(status, 400 | 431), "{status}");
    // An INSERT's data are no text: they may be as long as they like, in the statement's own body too.
    database.ask("CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY tuple()");
    database.ask_with(&[], format!("INSERT INTO t FORMAT CSV\n{}", "abcdefghijklmno\n".repeat(2 << 20)));
    assert_eq!(database.ask("SELECT count() FROM t"), (2 << 20).to_string());
}

#[test]
fn parameters_settings_forms_and_sessions_are_heard() {
    let folder = folder();
    let database = start(folder.path());
    assert_eq!(database.ask_with(&[("param_a", "it's {b}")], "SELECT {a:String}"), "it\\'s {b}");
    assert_eq!(database.ask_with(&[("max_threads", "3")], "SELECT getSetting('max_threads')"), "3");
    assert_ne!(database.ask("SELECT getSetting('max_threads')"), "3");
    assert_eq!(database.ask_with(&[("query", "SELECT 1")], "+ 1"), "2");
    assert_eq!(database.ask_with(&[("default_format", "JSONCompactEachRow")], "SELECT 1, 'a'"), "[1, \"a\"]");
    database.ask("CREATE DATABASE other");
    assert_eq!(database.ask_with(&[("database", "other")], "SELECT currentDatabase()"), "other");
    let headers = [("X-ClickHouse-User", "default"), ("X-ClickHouse-Key", "any"), ("X-ClickHouse-Database", "other")];
    let answer = database.request("POST", &[("query_id", "abc")], &headers, Bytes::from("SELECT currentDatabase()"));
    assert_eq!((answer.text().as_str(), answer.header("X-ClickHouse-Query-Id")), ("other\n", "abc"));
    assert!(answer.header("X-ClickHouse-Summary").starts_with(r#"{"read_rows":""#));

    let form = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {a:UInt8} + 1\r\n--b\r\n\
                Content-Disposition: form-data; name=\"param_a\"\r\n\r\n41\r\n--b--\r\n";
    let headers = [("Content-Type", "multipart/form-data; boundary=b")];
    assert_eq!(database.request("POST", &[], &headers, Bytes::from(form)).text(), "42\n");

    let session = ("session_id", "one");
    database.ask_with(&[session], "CREATE TEMPORARY TABLE mine (n UInt8)");
    database.ask_with(&[session, ("max_threads", "3")], "INSERT INTO mine VALUES (7)");
    assert_eq!(database.ask_with(&[session], "SELECT n FROM mine"), "7");
    assert_ne!(database.ask_with(&[session], "SELECT getSetting('max_threads')"), "3");
    database.check_exception("SELECT n FROM mine", 404, "60");
    let answer = database.post(&[("session_id", "two"), ("session_check", "1")], "SELECT 1");
    assert_eq!(answer.header("X-ClickHouse-Exception-Code"), "372");

    let answer = database.request("POST", &[], &[("Origin", "https://pages.example")], Bytes::from("SELECT 1"));
    assert_eq!(answer.status, 403);
}

#[test]
fn a_deduplication_token_keeps_an_insert_single() {
    let folder = folder();
    let database = start(folder.path());
    database.ask(
        "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 10000",
    );
    let rows = database.post(&[], "SELECT number AS n FROM numbers(1000) FORMAT Native").body;
    let insert = |token: &str, more: &[(&str, &str)]| {
        let mut parameters = vec![("query", "INSERT INTO t FORMAT Native"), ("insert_deduplication_token", token)];
        parameters.extend_from_slice(more);
        database.ask_with(&parameters, rows.clone());
        database.ask("SELECT count() FROM t")
    };
    assert_eq!(insert("1/legs/topic/0/0-10", &[]), "1000");
    assert_eq!(insert("1/legs/topic/0/0-10", &[]), "1000");
    assert_eq!(insert("1/legs/topic/0/10-20", &[]), "2000");
    assert_eq!(insert("1/legs/topic/0/10-20", &[("async_insert", "0")]), "2000");
    // In the text of the statement too.
    let text = "INSERT INTO t SETTINGS insert_deduplication_token = '1/legs/topic/0/10-20' FORMAT Native\n";
    database.ask_with(&[], [Bytes::from(text), rows.clone()].concat());
    assert_eq!(database.ask("SELECT count() FROM t"), "2000");
}

#[test]
fn final_gives_the_highest_version() {
    let folder = folder();
    let database = start(folder.path());
    database.ask("CREATE TABLE calls (id UInt64, v UInt64, s String) ENGINE = ReplacingMergeTree(v) ORDER BY id");
    for (version, text) in [(2, "second"), (3, "third"), (1, "first")] {
        database.ask(&format!("INSERT INTO calls VALUES (1, {version}, '{text}')"));
    }
    assert_eq!(database.ask("SELECT s FROM calls FINAL"), "third");
    database.ask("CREATE VIEW calls_now AS SELECT * FROM calls FINAL WHERE id = {id:UInt64}");
    assert_eq!(database.ask("SELECT s FROM calls_now(id = 1)"), "third");
}

/// Peak of the resident memory, in MB.
fn peak_mb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("alive");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") / 1024
}

#[test]
fn a_big_insert_and_a_big_select_flow() {
    const ROWS: u64 = 6_000_000;
    const ROW_BYTES: u64 = 8 + 1 + 90;
    const PEAK_MB_MAX: u64 = 900;
    let folder = folder();
    let database = start(folder.path());
    database.ask("CREATE TABLE t (n UInt64, s String CODEC(NONE)) ENGINE = MergeTree ORDER BY n");
    let mut stream = TcpStream::connect(database.address()).expect("connected");
    let started_at = Instant::now();
    let length = ROWS * ROW_BYTES;
    write!(
        stream,
        "POST /?query=INSERT+INTO+t+FORMAT+RowBinary HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n"
    )
    .expect("sent");
    let mut block = Vec::new();
    for n in 0..ROWS {
        block.extend_from_slice(&n.to_le_bytes());
        block.push(90);
        block.extend((0..90_u64).map(|i| (n.wrapping_mul(31).wrapping_add(i * 7) % 251) as u8));
        if block.len() > 1 << 20 || n + 1 == ROWS {
            stream.write_all(&block).expect("sent");
            block.clear();
        }
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    eprintln!(
        "{ROWS} rows, {} MB in: {:?}, peak {} MB",
        length >> 20,
        started_at.elapsed(),
        peak_mb(database.child_pid())
    );

    let started_at = Instant::now();
    let mut stream = TcpStream::connect(database.address()).expect("connected");
    let query = "SELECT+*+FROM+t+FORMAT+RowBinary";
    write!(stream, "GET /?query={query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let mut got_bytes = 0_u64;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match stream.read(&mut buffer).expect("read") {
            0 => break,
            length => got_bytes += length as u64,
        }
    }
    let peak = peak_mb(database.child_pid());
    eprintln!("{} MB out: {:?}, peak {peak} MB", got_bytes >> 20, started_at.elapsed());
    assert!(got_bytes > length, "{got_bytes}");
    assert_eq!(database.ask("SELECT count(), max(n) FROM t"), format!("{ROWS}\t{}", ROWS - 1));
    assert!(peak < PEAK_MB_MAX, "{peak} MB");
}

#[test]
fn an_aborted_insert_commits_nothing() {
    let folder = folder();
    let database = start(folder.path());
    database.ask("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n");
    let target = "POST /?query=INSERT+INTO+t+FORMAT+RowBinary HTTP/1.1\r\nHost: localhost\r\n";
    let row_bytes = [7_u8; 8 * 10_000];
    // A length that is not kept, a chunked body without its last chunk, and a body that says nothing more.
    for head in ["Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n13880\r\n"] {
        let mut stream = TcpStream::connect(database.address()).expect("connected");
        stream.write_all([target.as_bytes(), head.as_bytes(), &row_bytes].concat().as_slice()).expect("sent");
        std::thread::sleep(Duration::from_millis(300));
        drop(stream);
    }
    wait_until("no insert is left", Duration::from_secs(10), || {
        database.ask("SELECT count() FROM system.processes WHERE query_kind = 'Insert'") == "0"
    });
    assert_eq!(database.ask("SELECT count() FROM t"), "0");
    database.insert("INSERT INTO t FORMAT RowBinary", row_bytes.to_vec());
    assert_eq!(database.ask("SELECT count() FROM t"), "10000");
}

#[test]
fn clients_do_not_wait_for_each_other() {
    let folder = folder();
    let database = start(folder.path());
    database.ask("CREATE TABLE t (c UInt8, n UInt64) ENGINE = MergeTree ORDER BY n");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| database.ask("SELECT sleep(3)"));
        let clients: Vec<_> = (0..2)
            .map(|client| {
                let database = &database;
                scope.spawn(move || {
                    for n in 0..10 {
                        database.ask(&format!("INSERT INTO t VALUES ({client}, {n})"));
                        let count = database.ask(&format!("SELECT count() FROM t WHERE c = {client}"));
                        assert_eq!(count, (n + 1).to_string());
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().expect("a client");
        }
        assert!(!slow.is_finished(), "twenty inserts took three seconds, or waited for the sleeper");
    });
    // More statements than may run at once: the others wait for their turn.
    let started_at = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| assert_eq!(database.ask("SELECT sleep(1)"), "0"));
        }
    });
    assert!(started_at.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_client_that_leaves_takes_its_query_along() {
    let folder = folder();
    let database = start(folder.path());
    let running = "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000%' AND query NOT LIKE '%LIKE%'";
    for query in [
        "SELECT+sum(sin(number))+FROM+numbers(1000000000000000)+SETTINGS+max_threads=1",
        "SELECT+*+FROM+numbers(1000000000000000)+FORMAT+RowBinary",
    ] {
        let mut stream = TcpStream::connect(database.address()).expect("connected");
        write!(stream, "GET /?query={query} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
        wait_until("it runs", Duration::from_secs(10), || database.ask(running) == "1");
        drop(stream);
        wait_until("it is gone", Duration::from_secs(10), || database.ask(running) == "0");
    }
}

#[test]
fn the_clickhouse_crate_writes_and_reads() {
    #[derive(Debug, PartialEq, clickhouse::Row, serde::Serialize, serde::Deserialize)]
    struct Call {
        id: u64,
        number: String,
        answered: bool,
    }
    let folder = folder();
    let database = start(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = clickhouse::Client::default().with_url(&database.url).with_user("default").with_password("");
        client
            .query("CREATE TABLE calls (id UInt64, number String, answered Bool) ENGINE = MergeTree ORDER BY id")
            .execute()
            .await
            .expect("created");
        let calls: Vec<Call> =
            (0..50_000).map(|id| Call { id, number: format!("+38044{id}"), answered: id % 3 == 0 }).collect();
        let mut insert = client.insert::<Call>("calls").await.expect("an insert");
        for call in &calls {
            insert.write(call).await.expect("written");
        }
        insert.end().await.expect("stored");
        let read = client.query("SELECT ?fields FROM calls ORDER BY id").fetch_all::<Call>().await.expect("read");
        assert!(read == calls);
        let found = client
            .query("SELECT ?fields FROM calls WHERE id = {id:UInt64}")
            .param("id", 1_000_000_u64)
            .fetch_all::<Call>()
            .await
            .expect("an empty result");
        assert_eq!(found, []);
        let error = client.query("SELECT nothing FROM calls").fetch_one::<u64>().await.expect_err("no such column");
        assert!(error.to_string().contains("Code: 47"), "{error}");
        let late = client.query("SELECT throwIf(number = 3000000) FROM numbers(4000000)").fetch_all::<u8>().await;
        assert!(late.expect_err("a late exception").to_string().contains("Code: 395"));
    });
}

#[test]
fn the_child_ends_with_a_killed_parent_and_the_data_stay() {
    let folder = folder();
    let mut database = start(folder.path());
    database.ask("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n");
    database.ask("INSERT INTO t SELECT number FROM numbers(1000)");
    let child = database.child_pid();
    assert!(is_alive(child));
    signal("KILL", database.process.id());
    wait_for_end(&mut database.process);
    // At once, while the old child may still have the data.
    let second = start(folder.path());
    assert!(!is_alive(child));
    assert_eq!(second.ask("SELECT count() FROM t"), "1000");
}

#[test]
fn a_running_query_does_not_keep_the_child_alive() {
    let folder = folder();
    let mut database = start(folder.path());
    let child = database.child_pid();
    let mut stream = TcpStream::connect(database.address()).expect("connected");
    write!(
        stream,
        "GET /?query=SELECT+sum(sin(number))+FROM+numbers(1000000000000) HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .expect("sent");
    std::thread::sleep(Duration::from_millis(500));
    signal("KILL", database.process.id());
    wait_for_end(&mut database.process);
    wait_until("the child's end", Duration::from_secs(10), || !is_alive(child));
}

#[test]
fn a_signal_ends_both_in_order() {
    for name in ["TERM", "INT"] {
        let folder = folder();
        let mut database = start(folder.path());
        database.ask("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n");
        let child = database.child_pid();
        signal(name, database.process.id());
        assert_eq!(wait_for_end(&mut database.process).code(), Some(0), "{name}");
        assert!(!is_alive(child));
    }
}

#[test]
fn the_parent_tells_of_a_killed_child() {
    let folder = folder();
    let mut database = start_command(command(folder.path()).stderr(Stdio::piped()), folder.path());
    signal("KILL", database.child_pid());
    assert_eq!(wait_for_end(&mut database.process).code(), Some(1));
    let mut stderr = String::new();
    database.process.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("read");
    assert!(stderr.contains("the database's process ended (signal: 9"), "{stderr}");
}

#[test]
fn what_cannot_work_is_said_in_one_message() {
    let folder = folder();
    let data = folder.path().join("data with 'quotes' & ї");
    let database = start(&data);
    let pid = database.child_pid().to_string();
    check_refused(command(&data).args(["--lock-wait-s", "1"]), &["are in use by process", &pid, "--data"]);

    let port = database.address().rsplit(':').next().expect("a port").to_string();
    let mut in_use = Command::new(BINARY);
    in_use.args(["clickhouse", "--port", &port, "--data"]).arg(folder.path().join("other"));
    check_refused(&mut in_use, &[&format!("port {port} on 127.0.0.1 is in use"), "--port"]);

    let file = folder.path().join("file");
    fs::write(&file, "x").expect("written");
    check_refused(&mut command(&file), &["is a file", "--data"]);
    check_refused(&mut command(&file.join("below")), &["is a file", "--data"]);
    check_refused(&mut command(Path::new("/proc/ringback")), &["/proc/ringback", "--data"]);

    let not_a_library = folder.path().join("libchdb.so");
    fs::write(&not_a_library, "x").expect("written");
    let mut wrong_library = command(&folder.path().join("other"));
    check_refused(wrong_library.env("RINGBACK_LIBCHDB", &not_a_library), &["cannot load", "libchdb.so"]);
    let mut no_library = command(&folder.path().join("other"));
    check_refused(no_library.env("RINGBACK_LIBCHDB", "/nowhere/libchdb.so"), &["RINGBACK_LIBCHDB", "/nowhere"]);

    for wrong in [&["clickhouse"][..], &["clickhouse", "--data", "x", "--port", "70000"], &["no-such-command"]] {
        let (output, stderr) = run_to_end(Command::new(BINARY).args(wrong));
        assert_eq!(output.status.code(), Some(2), "{stderr}");
    }
    assert_eq!(database.ask("SELECT 1"), "1");
}

/// A folder with programs that stand in for real ones, for a PATH.
fn programs(folder: &Path, scripts: &[(&str, &str)]) -> PathBuf {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    for (name, script) in scripts {
        let path = bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    bin
}

#[test]
fn without_a_database_the_five_ways_are_named() {
    let folder = folder();
    let five = ["--clickhouse URL", "CLICKHOUSE_URL", "`clickhouse` on PATH", "RINGBACK_LIBCHDB", "`npm`"];
    let without = |scripts: &[(&str, &str)]| {
        let mut command = command(&folder.path().join("data"));
        command.arg("--any").env("PATH", programs(folder.path(), scripts)).env_remove("RINGBACK_LIBCHDB");
        command.env("XDG_CACHE_HOME", folder.path().join("cache"));
        command
    };
    check_refused(&mut without(&[]), &five);
    let old = ("clickhouse", "echo ClickHouse server version 18.16.1.");
    check_refused(&mut without(&[old]), &["is 18.16.1", "24.1 is the oldest"]);

    let offline = ("npm", "echo 'npm error network unreachable' >&2; exit 1");
    check_refused(&mut without(&[offline]), &[&["network unreachable"], &five[..]].concat());
    let other_file = ("npm", "echo abc > \"$5\"/some.tgz");
    check_refused(&mut without(&[other_file]), &["is not the file that this program knows", "sha512"]);
    assert!(!folder.path().join("cache/ringback/libchdb/26.7.3-stable.1").exists());

    let mut no_url = without(&[]);
    check_refused(no_url.env("CLICKHOUSE_URL", "localhost:8123"), &["CLICKHOUSE_URL", "http://127.0.0.1:8123"]);
    let mut nobody = without(&[]);
    check_refused(
        nobody.env("CLICKHOUSE_URL", "http://u:secret@127.0.0.1:1"),
        &["http://u@127.0.0.1:1", "does not answer"],
    );
}

#[test]
fn a_url_or_a_server_on_the_path_comes_first() {
    let folder = folder();
    let first = start(&folder.path().join("first"));
    let by_url = start_command(
        command(&folder.path().join("none")).arg("--any").env("CLICKHOUSE_URL", &first.url),
        &folder.path().join("none"),
    );
    assert_eq!(by_url.url, first.url);
    assert!(!folder.path().join("none").exists());

    // A stand-in for the server: this binary, over the folder and port that the configuration names.
    let script = format!(
        "[ \"$2\" = --version ] && {{ echo 'ClickHouse server version 25.8.1.1 (official build).'; exit; }}\n\
         port=$(sed -n 's:.*<http_port>\\(.*\\)</http_port>.*:\\1:p' \"$3\")\n\
         path=$(sed -n 's:^ *<path>\\(.*\\)/</path>$:\\1:p' \"$3\")\n\
         unset CLICKHOUSE_URL\n\
         exec {BINARY} clickhouse --data \"$path/stand-in\" --port \"$port\" >/dev/null"
    );
    let path = programs(folder.path(), &[("clickhouse", &script)]);
    let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default());
    let data = folder.path().join("served");
    let mut server = start_command(command(&data).arg("--any").env("PATH", &path).stderr(Stdio::piped()), &data);
    server.ask("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n");
    let child = server.child_pid();
    signal("TERM", server.process.id());
    assert_eq!(wait_for_end(&mut server.process).code(), Some(0));
    assert!(!is_alive(child));
    let mut stderr = String::new();
    server.process.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("read");
    assert!(
        stderr.contains("25.8.1.1 (on PATH; no --clickhouse, no CLICKHOUSE_URL, no URL in the settings)"),
        "{stderr}"
    );
    // The library must not open what a server made.
    check_refused(&mut command(&data), &["were made by clickhouse server", "--data"]);
}
