//! A broker, databases and a topic of the bench's own; and processes with what they cost.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use benches::arguments::repository;
use benches::child::{self, Cost};
use benches::database::{Database, first_line, runtime};
use directory::Directory;
use generator::Generator;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

/// The topic: one company, so one partition.
pub const TOPIC: &str = "cdr";

/// Exchange and adapter of every record.
pub const PBX: &str = "main";
pub const ADAPTER: &str = "asterisk_cdr";

/// A real broker in a folder; it ends with its standard input.
pub struct Broker {
    script: Child,
    input: Option<ChildStdin>,
    pub bootstrap: String,
}

impl Broker {
    pub fn start(folder: &Path) -> Broker {
        let mut script = Command::new(repository().join("deploy/kafka/start"))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("deploy/kafka/start runs");
        let line = first_line(&mut script);
        let bootstrap = line.strip_prefix("bootstrap=").unwrap_or_else(|| panic!("no broker: {line:?}")).to_owned();
        let input = script.stdin.take();
        Broker { script, input, bootstrap }
    }

    /// Makes the topic, and writes everything that the generator gives; how many records.
    pub fn fill(&self, generator: &mut Generator, tenant: &str) -> u64 {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("enable.idempotence", "true").set("linger.ms", "5");
        let admin: AdminClient<DefaultClientContext> = config.create().expect("a client");
        // The records are of days that are long past, which brokers would remove while they are read, and of days to come, which they
        // would not take.
        let new = NewTopic::new(TOPIC, 1, TopicReplication::Fixed(1))
            .set("retention.ms", "-1")
            .set("message.timestamp.after.max.ms", "9223372036854775807");
        let made = runtime().block_on(admin.create_topics([&new], &AdminOptions::new())).expect("asked");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        let producer: BaseProducer = config.create().expect("a producer");
        let mut records = 0;
        while let Some(row) = generator.next() {
            generator.take_truth();
            let headers = OwnedHeaders::new()
                .insert(Header { key: "pbx", value: Some(row.pbx.as_str()) })
                .insert(Header { key: "adapter", value: Some(row.adapter) });
            let line = row.bytes.strip_suffix(b"\n").unwrap_or(&row.bytes);
            let mut record = BaseRecord::to(TOPIC).key(tenant).payload(line).headers(headers).timestamp(row.at.0);
            while let Err((_, back)) = producer.send(record) {
                record = back;
                producer.poll(Duration::from_millis(20));
            }
            records += 1;
        }
        producer.flush(Duration::from_secs(60)).expect("the records are sent");
        let (_, next) = producer.client().fetch_watermarks(TOPIC, 0, Duration::from_secs(10)).expect("the topic's end");
        assert_eq!(u64::try_from(next), Ok(records), "records that the broker took");
        records
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.script.wait();
    }
}

/// What a run took.
#[derive(Clone, Copy, Default)]
pub struct Took {
    pub wall: Duration,
    pub cost: Cost,
    /// Of the database meanwhile.
    pub database_ns: u64,
}

/// Runs a process to its end beside a database.
pub fn took(command: &mut Command, database: Option<&Database>) -> Took {
    let before = database.map_or(0, Database::cpu_ns);
    let started = Instant::now();
    let cost = child::cost_watched(command);
    let wall = started.elapsed();
    Took { wall, cost, database_ns: database.map_or(0, Database::cpu_ns) - before }
}

/// The settings of an installation that reads the topic.
pub fn settings(folder: &Path, site: &str, bootstrap: &str, url: &str, group: &str) -> PathBuf {
    let tenant = tenant(site);
    let folder = folder.join(format!("settings-{group}"));
    std::fs::create_dir_all(&folder).expect("a folder for the settings");
    std::fs::write(folder.join("site.toml"), site).expect("the site file is written");
    let engine = format!(
        "tenant = \"{tenant}\"\n[kafka]\nbootstrap = \"{bootstrap}\"\ntopics = [\"{TOPIC}\"]\ngroup = \"{group}\"\nlog_time = \"create_time\"\n\
         [clickhouse]\nurl = \"{url}\"\n"
    );
    std::fs::write(folder.join("engine.toml"), engine).expect("the settings are written");
    folder
}

/// The company that a site file is of: the key of its records.
pub fn tenant(site: &str) -> String {
    Directory::from_toml(site).expect("the site file").tenant().to_owned()
}
