//! Many calls from few: the engine concludes what was generated, and the database copies it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use adapters::leg::Moment;
use benches::arguments::Arguments;
use clickhouse::Client;
use directory::Directory;

use crate::questions::Sought;
use crate::{Database, person_of, runtime};

const DAY_MS: i64 = 86_400_000;
/// Copies are so many whole weeks earlier that weekdays stay.
const WEEK_MS: i64 = 7 * DAY_MS;

/// A database that is filled, and what is in it.
pub struct Filled {
    pub database: Database,
    pub directory: Directory,
    pub calls: u64,
    pub follow_ups: u64,
    pub kept: u64,
    pub days: u64,
    pub sizes: String,
    pub sought: Sought,
    /// Just after the last call.
    pub now: Moment,
}

/// Fills a database in this folder as the arguments say; or takes one that is filled already.
pub fn filled(arguments: &Arguments, folder: &Path) -> Filled {
    let ringback = arguments.ringback();
    let records = folder.join("records");
    let is_filled = folder.join("clickhouse").is_dir();
    if !is_filled {
        generate(arguments, &records);
    }
    let site_file = records.join("site.toml");
    let site = std::fs::read_to_string(&site_file).expect("the site file");
    let directory = Directory::from_toml(&site).expect("the site file");
    let database = Database::start(&ringback, folder.join("clickhouse"), false);
    let filling = Filling { client: Client::default().with_url(&database.url) };
    let runtime = runtime();
    if !is_filled {
        let files = std::fs::read_dir(&records).expect("the records").flatten().map(|entry| entry.path());
        let is_of_records = |path: &PathBuf| path.extension().is_none_or(|end| end != "toml" && end != "ndjson");
        let mut demo = Command::new(&ringback);
        demo.args(["demo", "--once", "--clickhouse", &database.url, "--data"]).arg(folder.join("demo"));
        run(demo.arg("--site").arg(&site_file).arg("--records").args(files.filter(is_of_records)));
        let days = i64::try_from(arguments.number("days", 400)).expect("a number of days");
        runtime.block_on(filling.copy(arguments.number("calls", 20_000_000), days));
    }
    let (kept, last) = runtime.block_on(filling.kept());
    let days = database.count(include_str!("../../../../sql/benches/days_of.sql"));
    let (sought, sizes) = (runtime.block_on(filling.sought(&directory)), runtime.block_on(filling.sizes()));
    let count = |table: &str| database.count(&format!("SELECT count() FROM {table}"));
    let (calls, follow_ups) = (count("calls_by_time"), count("follow_ups"));
    Filled { calls, follow_ups, directory, kept, days, sizes, sought, now: Moment(last + 60_000), database }
}

fn generate(arguments: &Arguments, records: &Path) {
    let (legs, seed) = (arguments.number("legs", 400_000), arguments.number("seed", 7));
    let mut generate = Command::new(arguments.ringback());
    generate.args(["generate", "--legs", &legs.to_string(), "--seed", &seed.to_string(), "--files"]);
    run(generate.arg(records));
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status().expect("ringback starts");
    assert!(status.success(), "{command:?}");
}

struct Filling {
    client: Client,
}

impl Filling {
    /// Copies what is there until there are so many calls.
    async fn copy(&self, calls: u64, days: i64) {
        self.run(include_str!("../../../../sql/benches/keep_calls.sql")).await;
        self.run(include_str!("../../../../sql/benches/keep_follow_ups.sql")).await;
        // Everything that is seen is a copy.
        self.run(include_str!("../../../../sql/benches/forget_calls.sql")).await;
        self.run(include_str!("../../../../sql/benches/forget_follow_ups.sql")).await;
        self.run(include_str!("../../../../sql/benches/forget_follow_ups_by_time.sql")).await;
        let (kept, last) = self.kept().await;
        let copies = i64::try_from(calls / kept).expect("a number of copies").max(1);
        let weeks = (days * DAY_MS + WEEK_MS - 1) / WEEK_MS;
        let first_of = |week: i64| copies * week / weeks;
        for week in 0..weeks {
            for statement in [
                include_str!("../../../../sql/benches/copy_calls.sql"),
                include_str!("../../../../sql/benches/copy_follow_ups.sql"),
            ] {
                let query = self.client.query(&plain(statement)).param("copy", first_of(week)).param("last", last);
                let query = query.param("copies", first_of(week + 1) - first_of(week));
                let query = query.param("earlier_ms", week * WEEK_MS).param("span_ms", weeks * WEEK_MS);
                query.execute().await.unwrap_or_else(|error| panic!("copies of week {week}: {error}"));
            }
        }
        // What began lately was told twice, and its table partitions are still in parts.
        let told_again = include_str!("../../../../sql/benches/tell_again.sql");
        self.client.query(told_again).param("since", last - WEEK_MS).execute().await.expect("told again");
        for table in ["calls_by_time", "follow_ups_by_time"] {
            let week = self.client.query(include_str!("../../../../sql/benches/week_of.sql")).param("table", table);
            let weeks: Vec<String> = week.param("week", (last - WEEK_MS) / WEEK_MS).fetch_all().await.expect("weeks");
            for week in weeks {
                // As the server does by itself after a while.
                let merge = include_str!("../../../../sql/benches/merge_week.sql").replace("%table%", table);
                self.client.query(&merge.replace("%week%", &week)).execute().await.expect("a week in one part");
            }
        }
    }

    async fn run(&self, statement: &str) {
        self.client.query(&plain(statement)).execute().await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// How many calls were copied, and when the last of them began.
    async fn kept(&self) -> (u64, i64) {
        self.client
            .query(include_str!("../../../../sql/benches/kept_span.sql"))
            .fetch_one()
            .await
            .expect("what is kept")
    }

    async fn sought(&self, directory: &Directory) -> Sought {
        let values = include_str!("../../../../sql/benches/some_values.sql");
        let (customer, name, did, queue): (String, String, String, String) =
            self.client.query(values).fetch_one().await.expect("values to be sought");
        let name = name.split_whitespace().last().unwrap_or_default().to_owned();
        Sought { customer, name, did, queue, person: person_of(directory) }
    }

    /// How large the tables are.
    async fn sizes(&self) -> String {
        let mut sizes = Vec::new();
        for table in ["calls_by_time", "call_places", "follow_ups", "follow_ups_by_time"] {
            let query = self.client.query(include_str!("../../../../sql/benches/size_of.sql")).param("table", table);
            let (_, bytes, parts): (u64, u64, u64) = query.fetch_one().await.expect("a table's size");
            sizes.push(format!("{table} {} MB in {parts} parts", bytes / 1_000_000));
        }
        sizes.join(", ")
    }
}

/// The client takes `?` as a place for a value.
fn plain(statement: &str) -> String {
    statement.replace('?', "??")
}
