//! A broker and a database of the test's own, and what is asked of both.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Running, ringback, run, site, text, write};

/// The session of the members of a group, in seconds.
pub const SESSION_S: u64 = 6;

pub struct World {
    pub folder: TempDir,
    broker: Option<(Child, ChildStdin)>,
    pub bootstrap: String,
    database: Option<Running>,
    pub url: String,
    /// A producer that lost an answer may have sent records twice: their numbers are then others than in the file.
    is_shifted: bool,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop_broker();
    }
}

impl World {
    pub fn start() -> World {
        let folder = crate::process::folder();
        let mut world = World {
            folder,
            broker: None,
            bootstrap: String::new(),
            database: None,
            url: String::new(),
            is_shifted: false,
        };
        world.start_broker();
        world.start_database();
        let ran = run(ringback(["migrate", "--clickhouse"]).arg(&world.url));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        world
    }

    pub fn start_broker(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kafka/start");
        let mut broker = Command::new(script)
            .arg(self.folder.path().join("kafka"))
            // It lives for a minute: what is compiled for speed would not be used.
            .env("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("deploy/kafka/start runs");
        let mut line = String::new();
        BufReader::new(broker.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        self.bootstrap = line.trim().strip_prefix("bootstrap=").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        let stdin = broker.stdin.take().expect("a pipe");
        self.broker = Some((broker, stdin));
    }

    pub fn stop_broker(&mut self) {
        self.is_shifted = true;
        if let Some((mut broker, stdin)) = self.broker.take() {
            drop(stdin);
            let _ = broker.wait();
        }
    }

    pub fn start_database(&mut self) {
        let data = self.folder.path().join("clickhouse");
        let port = self.url.rsplit(':').next().filter(|p| !p.is_empty()).unwrap_or("0").to_owned();
        let database = Running::start(ringback(["clickhouse", "--port", &port, "--data"]).arg(data));
        self.url = text(&database.ready()["clickhouse"]).to_owned();
        self.database = Some(database);
    }

    /// The database is away, with its data kept, until [`World::start_database`].
    pub fn stop_database(&mut self) {
        self.database = None;
    }

    /// A topic whose records keep the times that they are given.
    pub fn topic(&self, name: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().expect("a client");
        let new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let made = runtime.block_on(admin.create_topics([&new], &AdminOptions::new())).expect("asked");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    /// Sends each line as a record of the company `main`, with the moment at which its exchange wrote it.
    pub fn produce(&self, topic: &str, lines: &[u8]) {
        let sender = Sender::to(&self.bootstrap, topic);
        for line in lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            sender.send("main", None, written_ms(line), line);
        }
        sender.flush();
    }

    /// The settings of an installation of the company `main` that reads this topic.
    pub fn settings(&self, topic: &str) -> PathBuf {
        let folder = self.folder.path().join("settings");
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::copy(site(), folder.join("site.toml")).expect("copied");
        self.write_settings(&folder, "", topic);
        folder
    }

    /// The settings of an installation of several companies that reads this topic.
    pub fn settings_of(&self, topic: &str, companies: &[&str]) -> PathBuf {
        let folder = self.folder.path().join("settings");
        std::fs::create_dir_all(&folder).expect("made");
        let mut tenants = String::new();
        for company in companies {
            std::fs::copy(self.site_of(company), folder.join(format!("{company}.toml"))).expect("copied");
            tenants.push_str(&format!("[tenant.{company}]\nsite = \"{company}.toml\"\n"));
        }
        self.write_settings(&folder, &tenants, topic);
        folder
    }

    fn write_settings(&self, folder: &Path, tenants: &str, topic: &str) {
        let (bootstrap, url) = (&self.bootstrap, &self.url);
        write(
            folder,
            "engine.toml",
            format!(
                "{tenants}[kafka]\nbootstrap = \"{bootstrap}\"\ntopics = [\"{topic}\"]\nlog_time = \"create_time\"\nsession_timeout_s = {SESSION_S}\n\
                 [clickhouse]\nurl = \"{url}\"\n[limits]\nbatch_legs_max = 40\nbatch_age_ms = 100\ncommit_age_ms = 300\n\
                 look_again_s = 1\n"
            ),
        );
    }

    /// The site file of a company that has the exchange of the corpus.
    pub fn site_of(&self, company: &str) -> PathBuf {
        if company == "main" {
            return site().to_owned();
        }
        let text = std::fs::read_to_string(site()).expect("read");
        write(self.folder.path(), &format!("site-{company}.toml"), format!("tenant = \"{company}\"\n{text}"))
    }

    pub fn run(&self, settings: &Path, more: &[&str]) -> Command {
        let mut command = ringback(["run", "--settings"]);
        command.arg(settings).args(more);
        command
    }

    /// What the database answers.
    pub fn ask(&self, query: &str) -> String {
        let address = self.url.strip_prefix("http://").expect("http");
        let mut stream = TcpStream::connect(address).expect("the database");
        let length = query.len();
        write!(stream, "POST / HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{query}").expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(" 200 "), "{query}: {body}");
        body.to_owned()
    }

    /// `calls_now` has what `ringback calls` prints of the same records, and nothing else.
    pub fn check_calls(&self, records: &[u8]) {
        self.check_companies(&["main"], records);
    }

    /// The same of several companies, each of which had these records in a partition of its own.
    pub fn check_companies(&self, companies: &[&str], records: &[u8]) {
        for company in companies {
            self.check_company(company, records);
        }
        let known = companies.iter().map(|c| format!("'{c}'")).collect::<Vec<_>>().join(",");
        let strangers = self.ask(&format!("SELECT count() FROM calls_now WHERE tenant NOT IN ({known})"));
        assert_eq!(strangers.trim(), "0", "calls of nobody");
    }

    fn check_company(&self, company: &str, records: &[u8]) {
        let file = write(self.folder.path(), "records.csv", records);
        let site = self.site_of(company);
        let lines =
            run(ringback(["calls", "--json", "--site"]).arg(site).args(["--pbx", "asterisk_cdr"]).arg(&file)).lines();
        self.check_lines(company, lines, &[]);
    }

    /// `calls_now` has these lines of a company, and nothing else; but for these fields of them.
    pub fn check_lines(&self, company: &str, lines: Vec<Value>, without: &[&str]) {
        assert!(!lines.is_empty(), "no calls");
        let settings = "SETTINGS date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0, \
            output_format_json_named_tuples_as_objects = 1, output_format_json_quote_decimals = 0";
        let rows =
            self.ask(&format!("SELECT * FROM calls_now WHERE tenant = '{company}' {settings} FORMAT JSONEachRow"));
        let mut rows: BTreeMap<String, Value> = rows
            .lines()
            .map(|row| serde_json::from_str::<Value>(row).expect("JSON"))
            .map(|row| (text(&row["call_id"]).to_owned(), row))
            .collect();
        for line in lines {
            let id = text(&line["call_id"]);
            let row = rows.remove(id).unwrap_or_else(|| {
                let versions = format!("SELECT tenant, version, merged_into, is_final, started_at FROM calls WHERE call_id = '{id}'");
                let counts = "SELECT tenant, count(), countIf(merged_into IS NOT NULL), max(started_at) FROM calls FINAL GROUP BY tenant";
                panic!("call {id} of {company} is not stored: {}\n{}", self.ask(&versions), self.ask(counts))
            });
            // How often a call was revised depends on when its records came.
            let is_compared =
                |key: &str| key != "revision" && !(self.is_shifted && key == "records") && !without.contains(&key);
            for (key, told) in line.as_object().expect("an object").iter().filter(|(key, _)| is_compared(key)) {
                let versions = || {
                    let of_call = format!(
                        "SELECT version, content, outcome, missed, is_final, merged_into, follow_up_id FROM calls WHERE call_id = '{id}' ORDER BY version"
                    );
                    let owed = format!(
                        "SELECT version, content, follow_up_id, calls, calls_at, status, opened_at, last_at, closed_at, merged_into FROM follow_ups WHERE tenant = '{company}' AND customer IN (SELECT customer FROM follow_ups WHERE tenant = '{company}' AND has(calls, '{id}')) ORDER BY version"
                    );
                    let marks = format!("SELECT max(version) FROM calls WHERE tenant = '{company}'");
                    format!("{}\n{}\n{}", self.ask(&of_call), self.ask(&owed), self.ask(&marks))
                };
                assert!(
                    same(key, told) == same(key, &row[key]),
                    "{key} of {id}: {:?} is stored as {:?}\n{}",
                    told,
                    row[key],
                    versions()
                );
            }
        }
        assert!(rows.is_empty(), "stored and not printed: {:?}", rows.keys());
    }

    /// Every leg is physically there once, and every record is accounted for.
    pub fn check_audit(&self) {
        let doubled = self.ask("SELECT count() - uniqExact(topic, partition, position, part) FROM legs");
        assert_eq!(doubled.trim(), "0", "legs that are stored twice");
        let holes = self.ask(
            "SELECT partition, epoch, before, first, next, records FROM (SELECT *, lagInFrame(next, 1, first) OVER (PARTITION BY topic, \
             partition ORDER BY first, next ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before FROM batches) \
             WHERE first != before ORDER BY partition, first",
        );
        assert_eq!(holes, "", "batches that do not begin where the one before ends");
        let promised = self.ask("SELECT sum(legs) = (SELECT count() FROM legs) FROM batches");
        assert_eq!(promised.trim(), "1", "legs that batches promise");
    }

    /// What was sent is accounted for to the end of the log: the batches of each partition go from its first record to its last.
    pub fn check_nothing_is_left(&self, topic: &str) {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().expect("a client");
        let long = Duration::from_secs(30);
        let told = consumer.fetch_metadata(Some(topic), long).expect("the topic");
        let mut wanted = String::new();
        for partition in told.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
            let (first, next) = consumer.fetch_watermarks(topic, partition.id(), long).expect("its ends");
            if next > first {
                wanted.push_str(&format!("{}\t{first}\t{next}\n", partition.id()));
            }
        }
        let stored = self.ask(&format!(
            "SELECT partition, min(first), max(next) FROM batches WHERE topic = '{topic}' GROUP BY partition ORDER BY partition"
        ));
        assert_eq!(stored, wanted, "partition, first position, position after the last");
    }
}

/// Sends records to a topic.
pub struct Sender {
    producer: BaseProducer<Answers>,
    topic: String,
}

/// What brokers did not take.
#[derive(Default)]
struct Answers {
    refused: Mutex<Vec<String>>,
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = ();

    fn delivery(&self, answer: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = answer {
            self.refused.lock().expect("answers").push(error.to_string());
        }
    }
}

impl Sender {
    pub fn to(bootstrap: &str, topic: &str) -> Sender {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            .create_with_context(Answers::default())
            .expect("a producer");
        Sender { producer, topic: topic.to_owned() }
    }

    /// A record of a company, logged at this moment in milliseconds since 1970; to this partition, or to that of its key.
    pub fn send(&self, company: &str, partition: Option<i32>, at_ms: i64, line: &[u8]) {
        self.send_of(("main", "asterisk_cdr"), company, partition, at_ms, line);
    }

    /// The same of an exchange, in the format of an adapter.
    pub fn send_of(
        &self,
        (pbx, adapter): (&str, &str),
        company: &str,
        partition: Option<i32>,
        at_ms: i64,
        line: &[u8],
    ) {
        let headers = OwnedHeaders::new()
            .insert(Header { key: "pbx", value: Some(pbx) })
            .insert(Header { key: "adapter", value: Some(adapter) });
        let mut record = BaseRecord::to(&self.topic).key(company).payload(line).headers(headers).timestamp(at_ms);
        record.partition = partition;
        while let Err((_, back)) = self.producer.send(record) {
            record = back;
            self.producer.poll(Duration::from_millis(20));
        }
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until the brokers have everything.
    pub fn flush(&self) {
        self.producer.flush(crate::process::LONG).expect("taken");
        assert_eq!(*self.producer.context().refused.lock().expect("answers"), Vec::<String>::new());
    }
}

/// The moment at which an exchange wrote a line: its last one, in milliseconds since 1970; the corpus is in UTC.
pub fn written_ms(line: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(line);
    let mut last = 0;
    for word in text.split('"') {
        if let Ok(at) = chrono::NaiveDateTime::parse_from_str(word, "%Y-%m-%d %H:%M:%S") {
            last = last.max(at.and_utc().timestamp_millis());
        }
    }
    last
}

fn same(key: &str, value: &Value) -> Value {
    match value {
        // Numbers of records are text in the view, since with several files they are.
        Value::Array(values) if key == "records" => values.iter().map(|r| r.to_string().replace('"', "")).collect(),
        Value::Array(values) => values.iter().map(|v| same("", v)).collect(),
        Value::Object(fields) if fields.values().all(Value::is_null) => Value::Null,
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), same(k, v))).collect(),
        Value::Number(number) => Value::from((number.as_f64().unwrap_or_default() * 1000.0).round()),
        other => other.clone(),
    }
}
