//! ClickHouse's HTTP interface over the embedded engine, on loopback.
//!
//! A request becomes a [`Statement`]; the statement runs on a thread that may block; its parts become the response.
//! Here is all that is HTTP: parameters, headers, sessions, limits, and who may ask.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use super::body::{self, Ended, Part, RequestBody, ResponseBody};
use super::codec::Encoding;
use super::exception::{self, Exception};
use super::execute::{self, Packing, STATEMENT_BYTES_MAX, Statement};
use super::ffi::{Connection, Counts, Engine};
use super::locate::AtOnce;
use super::multipart;

/// How long a statement waits for its turn before it is refused.
const TURN_WAIT_MAX: Duration = Duration::from_secs(30);
/// All headers of a request together, its URL included (a URL alone may have 65,534 bytes).
const HEADER_BYTES_MAX: usize = 256 << 10;
const HEADERS_MAX: usize = 128;
/// How long a client may take for its headers, and how long an idle connection is kept.
const HEADER_WAIT_MAX: Duration = Duration::from_secs(60);
/// Sessions at once, how long they live by default, and how long they may ask to live.
const SESSIONS_MAX: usize = 64;
const SESSION_LIFE: Duration = Duration::from_secs(60);
const SESSION_LIFE_MAX: Duration = Duration::from_secs(3600);
/// How long a request waits for another one of its session.
const SESSION_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long running statements may go on after the end was asked for.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(3);

/// URL parameters that mean something to a server and nothing here.
const IGNORED_PARAMETERS: [&str; 14] = [
    "user",
    "password",
    "quota_key",
    "role",
    "stacktrace",
    "buffer_size",
    "close_session",
    "client_protocol_version",
    "network_compression_method",
    "http_zlib_compression_level",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "http_write_exception_in_output_format",
    "cancel_http_readonly_queries_on_client_close",
];

/// The engine behind its interface.
pub(crate) struct Interface {
    engine: &'static Engine,
    at_once: AtOnce,
    version: String,
    time_zone: String,
    turns: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    sessions: std::sync::Mutex<HashMap<String, Arc<Mutex<Session>>>>,
    /// Keeps the engine running between statements.
    keeper: std::sync::Mutex<Option<Connection>>,
    random: std::hash::RandomState,
    counter: AtomicU64,
}

/// What lives between the requests of one `session_id`.
struct Session {
    connection: Option<Connection>,
    expires_at: Instant,
}

type Reply = Response<Either<Full<Bytes>, ResponseBody<KillOnDrop>>>;

impl Interface {
    /// Starts the engine.
    pub(crate) fn new(engine: &'static Engine, at_once: AtOnce) -> Result<Arc<Interface>, Exception> {
        let mut keeper = engine.connect()?;
        Ok(Arc::new(Interface {
            engine,
            at_once,
            version: keeper.query_text("SELECT version()")?,
            time_zone: keeper.query_text("SELECT serverTimezone()")?,
            turns: Arc::new(Semaphore::new(at_once.statements_max as usize)),
            connections: Arc::new(Semaphore::new(at_once.connections_max as usize)),
            sessions: std::sync::Mutex::default(),
            keeper: std::sync::Mutex::new(Some(keeper)),
            random: std::hash::RandomState::new(),
            counter: AtomicU64::new(0),
        }))
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Answers until `stop` is true, then lets running statements end for a while.
    pub(crate) async fn serve(self: Arc<Interface>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        loop {
            let permit = tokio::select! {
                permit = self.connections.clone().acquire_owned() => permit,
                () = stopped(&mut stop) => break,
            };
            let stream = tokio::select! {
                accepted = listener.accept() => accepted.map(|(stream, _)| stream),
                () = stopped(&mut stop) => break,
            };
            match stream {
                Ok(stream) => {
                    tokio::spawn(Arc::clone(&self).serve_connection(stream, permit.ok(), stop.clone()));
                }
                // Out of file descriptors, mostly: it passes, and must not make a loop that burns.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        drop(listener);
        let all_ended = self.connections.acquire_many(self.at_once.connections_max);
        let _ = timeout(DRAIN_TIME_MAX, all_ended).await;
    }

    /// Ends the engine, if no statement is left running in it.
    pub(crate) fn shut_down(&self) {
        if let Ok(mut sessions) = self.sessions.lock() {
            sessions.clear();
        }
        if self.turns.available_permits() == self.at_once.statements_max as usize
            && let Ok(mut keeper) = self.keeper.lock()
        {
            keeper.take();
            self.engine.shut_down();
        }
    }

    async fn serve_connection(
        self: Arc<Interface>,
        stream: TcpStream,
        permit: Option<OwnedSemaphorePermit>,
        mut stop: watch::Receiver<bool>,
    ) {
        // Small answers should not wait for acknowledgments; where it cannot be set, they do.
        let _ = stream.set_nodelay(true);
        let service = hyper::service::service_fn(move |request| {
            let interface = Arc::clone(&self);
            async move { Ok::<_, Infallible>(interface.answer(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_WAIT_MAX)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            // How a connection ended is its client's affair.
            _ = connection.as_mut() => {}
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
        drop(permit);
    }

    async fn answer(self: Arc<Interface>, request: Request<Incoming>) -> Reply {
        let (parts, incoming) = request.into_parts();
        if let Err(why) = check_local(&parts.headers) {
            return plain(StatusCode::FORBIDDEN, why);
        }
        let has_query = parts.uri.query().is_some_and(|query| !query.is_empty());
        match (parts.uri.path(), &parts.method) {
            ("/ping" | "/replicas_status", _) => plain(StatusCode::OK, "Ok.\n"),
            ("/", &Method::GET | &Method::HEAD) if !has_query => plain(StatusCode::OK, "Ok.\n"),
            ("/", &Method::GET | &Method::HEAD | &Method::POST | &Method::PUT) => {
                let fallback_id = self.random_letters(32);
                match self.run(parts, incoming, fallback_id.clone()).await {
                    Ok(reply) => reply,
                    Err((query_id, error)) => self.error_reply(&error, query_id.as_deref().unwrap_or(&fallback_id)),
                }
            }
            ("/", _) => plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET or POST.\n"),
            (path, _) => {
                let text = format!("There is no handle {path}\n\nUse / or /ping for health checks.\n");
                plain(StatusCode::NOT_FOUND, text)
            }
        }
    }

    async fn run(
        self: &Arc<Interface>,
        parts: Parts,
        incoming: Incoming,
        fallback_id: String,
    ) -> Result<Reply, (Option<String>, Exception)> {
        let mut asked = Asked::from_parts(&parts).map_err(|error| (None, error))?;
        if asked.statement.query_id.is_empty() {
            asked.statement.query_id = fallback_id;
        }
        asked.statement.exception_tag = self.random_letters(16);
        let query_id = asked.statement.query_id.clone();
        self.run_asked(asked, &parts.headers, incoming).await.map_err(|error| (Some(query_id), error))
    }

    async fn run_asked(
        self: &Arc<Interface>,
        mut asked: Asked,
        headers: &HeaderMap,
        incoming: Incoming,
    ) -> Result<Reply, Exception> {
        let body = match multipart::boundary(header_text(headers, header::CONTENT_TYPE.as_str())) {
            Some(boundary) => {
                asked.read_form(incoming, boundary).await?;
                RequestBody::empty()
            }
            None => RequestBody::pump(incoming),
        };
        let session = match &asked.session {
            Some(wanted) => Some(self.session(wanted).await?),
            None => None,
        };
        let Ok(Ok(turn)) = timeout(TURN_WAIT_MAX, self.turns.clone().acquire_owned()).await else {
            let seconds = TURN_WAIT_MAX.as_secs();
            let statements_max = self.at_once.statements_max;
            let what = format!("{statements_max} statements are running, and this one waited {seconds} s for its turn");
            return Err(Exception::new(exception::TOO_MANY_SIMULTANEOUS_QUERIES, what));
        };

        let (to, mut parts) = body::response_parts();
        let statement = Arc::new(asked.statement);
        let guard = KillOnDrop { interface: Arc::clone(self), query_id: Some(statement.query_id.clone()) };
        let (engine, running) = (self.engine, Arc::clone(&statement));
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            run_blocking(engine, &running, session, body, &to);
        });
        // From here on a client that goes away drops `guard`, which ends the query.
        let mut guard = guard;
        match parts.recv().await {
            Some(Part::Head(head)) => {
                let mut reply = self.reply(&statement.query_id).header("X-ClickHouse-Format", &head.format);
                reply = reply
                    .header("X-ClickHouse-Exception-Tag", &statement.exception_tag)
                    .header("X-ClickHouse-Summary", summary(&head.counts))
                    .header(header::CONTENT_TYPE, content_type(&head.format));
                if let (Some(encoding), false) =
                    (statement.response.encoding.header(), statement.response.native_frames)
                {
                    reply = reply.header(header::CONTENT_ENCODING, encoding);
                }
                reply.body(Either::Right(ResponseBody::new(parts, guard))).map_err(|error| {
                    Exception::new(exception::UNKNOWN_EXCEPTION, format_args!("Cannot make the response: {error}"))
                })
            }
            Some(Part::Exception(error)) => {
                guard.ended();
                Err(error)
            }
            Some(Part::Data(_) | Part::LateException(_)) | None => {
                guard.ended();
                Err(Exception::new(exception::UNKNOWN_EXCEPTION, "The statement ended without an answer"))
            }
        }
    }

    async fn session(&self, wanted: &WantedSession) -> Result<OwnedMutexGuard<Session>, Exception> {
        let session = {
            let Ok(mut sessions) = self.sessions.lock() else {
                return Err(Exception::new(exception::UNKNOWN_EXCEPTION, "The list of sessions is broken"));
            };
            let now = Instant::now();
            // One that is locked is in use, and so has not expired.
            sessions.retain(|_, session| session.try_lock().map_or(true, |session| session.expires_at > now));
            match sessions.get(&wanted.id) {
                Some(session) => Arc::clone(session),
                None if wanted.must_exist => {
                    return Err(Exception::new(exception::SESSION_NOT_FOUND, "Session not found"));
                }
                None if sessions.len() >= SESSIONS_MAX => {
                    let what = format!("{SESSIONS_MAX} sessions are open, which is the most");
                    return Err(Exception::new(exception::TOO_MANY_SIMULTANEOUS_QUERIES, what));
                }
                None => {
                    let session = Arc::new(Mutex::new(Session { connection: None, expires_at: now + wanted.life }));
                    sessions.insert(wanted.id.clone(), Arc::clone(&session));
                    session
                }
            }
        };
        let mut session = timeout(SESSION_WAIT_MAX, session.lock_owned())
            .await
            .map_err(|_| Exception::new(exception::SESSION_IS_LOCKED, "Session is locked by a concurrent client"))?;
        session.expires_at = Instant::now() + wanted.life;
        Ok(session)
    }

    fn error_reply(&self, error: &Exception, query_id: &str) -> Reply {
        // The engine says its version for some of its exceptions, and for others it does not.
        let says_version = error.text.contains(" (version ");
        let version = if says_version { String::new() } else { format!(" (version {} (embedded))", self.version) };
        let text = format!("{error}{version}\n");
        self.reply(query_id)
            .status(error.status())
            .header("X-ClickHouse-Exception-Code", error.code)
            .header(header::CONTENT_TYPE, "text/plain; charset=UTF-8")
            .body(Either::Left(Full::from(text)))
            .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    }

    fn reply(&self, query_id: &str) -> hyper::http::response::Builder {
        Response::builder()
            .header("X-ClickHouse-Server-Display-Name", "ringback")
            .header("X-ClickHouse-Timezone", &self.time_zone)
            .header("X-ClickHouse-Query-Id", query_id)
    }

    /// Names that need not be secret, only different: query ids, and tags that data do not have by chance.
    fn random_letters(&self, length: usize) -> String {
        use std::hash::BuildHasher;
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut letters = String::with_capacity(length);
        for at in 0..length {
            let hash = self.random.hash_one((number, at));
            letters.push(char::from(b'a' + (hash % 26) as u8));
        }
        letters
    }
}

/// Waits for the word to stop; a teller that is gone means it too.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Runs a statement on the session's connection, or on one of its own.
fn run_blocking(
    engine: &'static Engine,
    statement: &Statement,
    mut session: Option<OwnedMutexGuard<Session>>,
    body: RequestBody,
    to: &body::PartSender,
) {
    let kept = session.as_mut().and_then(|session| session.connection.take());
    let mut connection = match kept.map_or_else(|| engine.connect(), Ok) {
        Ok(connection) => connection,
        Err(error) => {
            // Nobody listens if this fails.
            let _ = to.send(Part::Exception(error));
            return;
        }
    };
    let healthy = execute::execute(&mut connection, statement, body, to);
    if let Some(session) = &mut session
        && healthy
        && execute::restore_settings(&mut connection, statement).is_ok()
    {
        session.connection = Some(connection);
    }
}

/// Ends a query whose client went away before its end.
struct KillOnDrop {
    interface: Arc<Interface>,
    query_id: Option<String>,
}

impl Ended for KillOnDrop {
    fn ended(&mut self) {
        self.query_id = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(query_id) = self.query_id.take() {
            let engine = self.interface.engine;
            tokio::task::spawn_blocking(move || {
                if let Ok(mut connection) = engine.connect() {
                    // Sending into the closed channel will end it too, only later.
                    let _ = execute::kill(&mut connection, &query_id);
                }
            });
        }
    }
}

/// A request, read.
struct Asked {
    statement: Statement,
    session: Option<WantedSession>,
}

struct WantedSession {
    id: String,
    life: Duration,
    must_exist: bool,
}

impl Asked {
    fn from_parts(parts: &Parts) -> Result<Asked, Exception> {
        let headers = &parts.headers;
        check_credentials(headers)?;
        let mut statement = Statement {
            default_format: header_text(headers, "x-clickhouse-format").to_string(),
            database: Some(header_text(headers, "x-clickhouse-database").to_string()).filter(|name| !name.is_empty()),
            read_only: matches!(parts.method, Method::GET | Method::HEAD),
            ..Statement::default()
        };
        statement.request.encoding = Encoding::parse(header_text(headers, header::CONTENT_ENCODING.as_str()))?;
        let (mut session_id, mut session_life, mut session_must_exist) = (None, SESSION_LIFE, false);
        let mut http_compression = None;

        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            match name.as_str() {
                "query" => statement.text.push_str(&value),
                "query_id" => statement.query_id = value,
                "database" => statement.database = Some(value).filter(|name| !name.is_empty()),
                "default_format" => statement.default_format = value,
                "compress" => statement.response.native_frames = is_true(&value),
                "decompress" => statement.request.native_frames = is_true(&value),
                "enable_http_compression" => http_compression = Some(is_true(&value)),
                "wait_end_of_query" => statement.wait_for_end = is_true(&value),
                "session_id" => session_id = Some(value).filter(|id| !id.is_empty()),
                "session_check" => session_must_exist = is_true(&value),
                "session_timeout" => {
                    let seconds = value.parse().map_err(|_| bad_parameter("session_timeout", &value))?;
                    session_life = Duration::from_secs(seconds).min(SESSION_LIFE_MAX);
                }
                name if IGNORED_PARAMETERS.contains(&name) => {}
                _ => statement.set(name, value),
            }
        }
        if statement.default_format.is_empty() {
            statement.default_format = "TabSeparated".to_string();
        }
        let accepted = header_text(headers, header::ACCEPT_ENCODING.as_str());
        // The server packs only when both the setting and the header say so. Clients that ask for LZ4 or ZSTD alone
        // know what they ask, where browsers and curl always offer gzip.
        let packs = http_compression.unwrap_or(matches!(accepted.trim(), "lz4" | "zstd"));
        if packs && !statement.response.native_frames {
            statement.response = Packing { encoding: Encoding::accepted(accepted), native_frames: false };
        }
        let session = session_id.map(|id| WantedSession { id, life: session_life, must_exist: session_must_exist });
        Ok(Asked { statement, session })
    }

    /// Takes the query and its parameters from a form.
    async fn read_form(&mut self, incoming: Incoming, boundary: &str) -> Result<(), Exception> {
        let body = Limited::new(incoming, STATEMENT_BYTES_MAX).collect().await.map_err(|error| {
            let what = format!("Cannot read the form, which may have {STATEMENT_BYTES_MAX} bytes: {error}");
            Exception::new(exception::QUERY_IS_TOO_LARGE, what)
        })?;
        for field in multipart::fields(&body.to_bytes(), boundary)? {
            match field.name.as_str() {
                "query" => self.statement.text.push_str(&field.value),
                "database" => self.statement.database = Some(field.value),
                _ => self.statement.set(field.name, field.value),
            }
        }
        self.statement.text_is_complete = true;
        Ok(())
    }
}

impl Statement {
    /// What is no word of the interface is a parameter of the query, or a setting.
    fn set(&mut self, name: String, value: String) {
        match name.strip_prefix("param_") {
            Some(parameter) => self.parameters.push((parameter.to_string(), value)),
            None => self.settings.push((name, value)),
        }
    }
}

/// Only programs on this machine may ask. A web page could reach loopback too: by a name that it points at 127.0.0.1
/// (then the Host is that name), or by a plain cross-site request (then the browser says so).
fn check_local(headers: &HeaderMap) -> Result<(), String> {
    let host = header_text(headers, header::HOST.as_str());
    if !host.is_empty() && !is_loopback(host) {
        return Err(format!("The Host `{host}` is not this machine: use 127.0.0.1 or localhost.\n"));
    }
    let origin = header_text(headers, header::ORIGIN.as_str());
    let origin_host = origin.split_once("://").map_or(origin, |(_, host)| host);
    if !origin.is_empty() && !is_loopback(origin_host) {
        return Err(format!("Pages of `{origin}` may not ask this database.\n"));
    }
    if header_text(headers, "sec-fetch-site") == "cross-site" {
        return Err("Pages of other sites may not ask this database.\n".to_string());
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

/// There are no users here: any name and key are taken, as the server takes its default user without a password.
fn check_credentials(headers: &HeaderMap) -> Result<(), Exception> {
    let authorization = header_text(headers, header::AUTHORIZATION.as_str());
    if let Some(basic) = authorization.strip_prefix("Basic ")
        && base64::engine::general_purpose::STANDARD.decode(basic.trim()).is_err()
    {
        return Err(bad_parameter("Authorization", "Basic …"));
    }
    Ok(())
}

fn bad_parameter(name: &str, value: &str) -> Exception {
    Exception::new(exception::BAD_REQUEST_PARAMETER, format_args!("Cannot read `{value}` as {name}"))
}

fn is_true(value: &str) -> bool {
    matches!(value, "1" | "true")
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(text.into())));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=UTF-8"));
    reply
}

fn summary(counts: &Counts) -> String {
    format!(
        r#"{{"read_rows":"{}","read_bytes":"{}","written_rows":"{}","written_bytes":"{}","total_rows_to_read":"0","result_rows":"{}","result_bytes":"{}","elapsed_ns":"{}"}}"#,
        counts.read_rows,
        counts.read_bytes,
        counts.written_rows,
        counts.written_bytes,
        counts.result_rows,
        counts.result_bytes,
        counts.elapsed_ns
    )
}

fn content_type(format: &str) -> &'static str {
    let format = format.to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| format.starts_with(prefix));
    if format.contains("eachrow") || starts(&["jsonlines", "ndjson"]) {
        "application/x-ndjson; charset=UTF-8"
    } else if starts(&["json"]) {
        "application/json; charset=UTF-8"
    } else if starts(&["csv"]) {
        "text/csv; charset=UTF-8"
    } else if starts(&["tabseparated", "tsv"]) {
        "text/tab-separated-values; charset=UTF-8"
    } else if starts(&["rowbinary", "native", "arrow", "parquet", "rawblob"]) {
        "application/octet-stream"
    } else {
        "text/plain; charset=UTF-8"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_from(pairs: &[(&'static str, &'static str)], allowed: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, header::HeaderValue::from_static(value));
        }
        assert_eq!(check_local(&headers).is_ok(), allowed, "{pairs:?}");
    }

    #[test]
    fn only_this_machine_may_ask() {
        check_from(&[], true);
        check_from(&[("host", "127.0.0.1:8123")], true);
        check_from(&[("host", "localhost")], true);
        check_from(&[("host", "[::1]:8123")], true);
        check_from(&[("host", "evil.example:8123")], false);
        check_from(&[("host", "127.0.0.1.evil.example")], false);
        check_from(&[("host", "127.0.0.1"), ("origin", "http://localhost:3000")], true);
        check_from(&[("host", "127.0.0.1"), ("origin", "https://evil.example")], false);
        check_from(&[("host", "127.0.0.1"), ("origin", "null")], false);
        check_from(&[("host", "127.0.0.1"), ("sec-fetch-site", "cross-site")], false);
        check_from(&[("host", "127.0.0.1"), ("sec-fetch-site", "none")], true);
    }

    fn asked(uri: &str) -> Asked {
        let request = Request::post(uri).body(()).expect("a request");
        Asked::from_parts(&request.into_parts().0).expect("understood")
    }

    #[test]
    fn parameters_of_a_url_find_their_places() {
        let asked =
            asked("/?query=SELECT+%7Ba:String%7D&param_a=%D1%97&database=d&max_threads=2&compress=1&user=u&query_id=q");
        assert_eq!(asked.statement.text, "SELECT {a:String}");
        assert_eq!(asked.statement.parameters, [("a".to_string(), "ї".to_string())]);
        assert_eq!(asked.statement.settings, [("max_threads".to_string(), "2".to_string())]);
        assert_eq!(asked.statement.database.as_deref(), Some("d"));
        assert_eq!(asked.statement.query_id, "q");
        assert_eq!(asked.statement.default_format, "TabSeparated");
        assert!(asked.statement.response.native_frames && !asked.statement.read_only);
        assert!(asked.session.is_none());
    }

    #[test]
    fn a_session_may_not_live_for_ever() {
        let session = asked("/?session_id=s&session_timeout=999999999&session_check=1").session.expect("a session");
        assert_eq!(session.life, SESSION_LIFE_MAX);
        assert!(session.must_exist);
    }
}
