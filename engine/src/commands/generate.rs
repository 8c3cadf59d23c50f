//! `ringback generate`: a company's days of calls from a seed, as files of records or in a Kafka topic, with the site file that explains
//! them and what really happened.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use adapters::leg::Text;
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use directory::Directory;
use generator::{Generator, PbxChoice, Plan, Row, Truth};

use super::arguments::SiteText;
use super::output::{Out, Progress};
use crate::WrongArguments;
use crate::config::{Config, Kafka};
use crate::pipeline::say;
use crate::source::kafka::produce::{Outgoing, Producer};
use crate::source::kafka::topic;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("generate")
        .about("Write a company's days of calls as records of its exchanges, with what really happened")
        .arg(
            Arg::new("legs")
                .long("legs")
                .value_name("N")
                .required(true)
                .value_parser(value_parser!(u64))
                .help("About how many records: no new call begins after them"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("S")
                .required(true)
                .value_parser(value_parser!(u64))
                .help("The same seed gives the same bytes"),
        )
        .arg(
            Arg::new("site")
                .long("site")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The company whose calls they are; without it one is invented"),
        )
        .arg(
            Arg::new("pbx").long("pbx").value_name("ADAPTER[@PBX]").action(ArgAction::Append).help(
                "In which format, and of which exchange; two exchanges are joined by a tie [default: asterisk_cdr]",
            ),
        )
        .arg(
            Arg::new("files")
                .long("files")
                .value_name("DIR")
                .required_unless_present("kafka")
                .value_parser(value_parser!(PathBuf))
                .help(
                    "A new or empty folder for the records, site.toml and truth.ndjson; with --kafka for the last two",
                ),
        )
        .arg(
            Arg::new("kafka")
                .long("kafka")
                .value_name("BROKERS")
                .requires("topic")
                .help("Write the records to a topic instead, HOST:PORT, several with commas"),
        )
        .arg(
            Arg::new("topic")
                .long("topic")
                .value_name("T")
                .requires("kafka")
                .help("The topic; made with one partition that keeps the records' own times, if it is not there"),
        )
}

/// Writes everything, and says in one line what it was.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let number = |name: &str| matches.get_one::<u64>(name).copied().unwrap_or_default();
    let site = matches.get_one::<PathBuf>("site");
    let site_text = SiteText::of(site.map(PathBuf::as_path), None)?;
    let directory = if site.is_some() { Some(site_text.directory(&Config::default())?) } else { None };
    let told: Vec<&String> = matches.get_many::<String>("pbx").into_iter().flatten().collect();
    let mut plan = Plan::new(number("legs"), pbxes(&told, directory.as_ref())?);
    plan.site = site.map(|_| site_text.text().to_owned());
    let pbxes = plan.pbxes.clone();
    let mut generator = Generator::new(number("seed"), plan).map_err(|error| WrongArguments(error.0))?;
    let folder = matches.get_one::<PathBuf>("files");
    let mut topic = match (matches.get_one::<String>("kafka"), matches.get_one::<String>("topic")) {
        (Some(brokers), Some(topic)) => Some(Topic::open(brokers, topic, &generator)?),
        _ => None,
    };
    let written = if topic.is_some() { &[] } else { &pbxes[..] };
    let mut files = folder.map(|folder| Files::create(folder, &generator, written)).transpose()?;
    if files.is_none() {
        say("site.toml and truth.ndjson are not kept: name a folder for them with --files DIR");
    }

    let mut progress = Progress::of(Some(number("legs")), "records", true);
    let mut summary = Summary::default();
    while let Some(row) = generator.next() {
        summary.rows += 1;
        summary.bytes += row.bytes.len() as u64;
        progress.add(1, 0);
        match (&mut topic, &mut files) {
            (Some(topic), _) => topic.write(&row, &generator)?,
            (None, Some(files)) => files.write(&row.pbx, &row.bytes)?,
            (None, None) => {}
        }
        tell_truth(&generator.take_truth(), files.as_mut(), &mut summary)?;
    }
    tell_truth(&generator.take_truth(), files.as_mut(), &mut summary)?;
    let place = match (&topic, folder) {
        (Some(topic), _) => {
            topic.producer.flush()?;
            format!("the topic {} at {}", topic.name, topic.brokers)
        }
        (None, folder) => folder.map_or_else(String::new, |folder| folder.display().to_string()),
    };
    if let Some(files) = &mut files {
        files.finish()?;
    }
    progress.finish();
    let mut out = Out::stdout();
    let Summary { rows, calls, unanswered, bytes } = summary;
    writeln!(
        out,
        "{rows} records of {calls} calls, {unanswered} of them came in and nobody answered; {bytes} bytes in {place}"
    )?;
    out.flush()?;
    Ok(())
}

/// Counts what happened, and keeps it where there is a folder for it.
fn tell_truth(truths: &[Truth], mut files: Option<&mut Files>, summary: &mut Summary) -> Result<()> {
    for truth in truths {
        summary.calls += u64::from(truth.part_of.is_none());
        summary.unanswered += u64::from(truth.missed_customer_call);
        if let Some(files) = &mut files {
            files.write_truth(truth)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Summary {
    rows: u64,
    calls: u64,
    unanswered: u64,
    bytes: u64,
}

/// The exchanges of the command line, by the rules of `ringback calls`: without `@PBX` the site's first, or `main`.
fn pbxes(told: &[&String], directory: Option<&Directory>) -> Result<Vec<PbxChoice>> {
    let first = directory.map_or("main", |d| d.first_pbx().id.as_str());
    let usual = directory.and_then(|d| d.first_pbx().adapter.clone()).unwrap_or_else(|| "asterisk_cdr".to_owned());
    let told: Vec<&str> =
        if told.is_empty() { vec![usual.as_str()] } else { told.iter().map(|t| t.as_str()).collect() };
    let mut pbxes: Vec<PbxChoice> = Vec::new();
    for word in told {
        let (name, id) = word.split_once('@').unwrap_or((word, first));
        let adapter = generator::names().find(|known| *known == name).ok_or_else(|| {
            let known: Vec<&str> = generator::names().collect();
            WrongArguments(format!("--pbx {word}: records of `{name}` cannot be generated; {} can", known.join(", ")))
        })?;
        // An id is a part of a file's name, and of the invented site file.
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(WrongArguments(format!("--pbx {word}: a PBX's id has letters, digits, _ and - only")).into());
        }
        if pbxes.iter().any(|known| known.id == id) {
            return Err(WrongArguments(format!(
                "--pbx {word}: `{id}` is given twice; name another exchange: --pbx {name}@ANOTHER"
            ))
            .into());
        }
        pbxes.push(PbxChoice { adapter, id: id.to_owned() });
    }
    Ok(pbxes)
}

/// What is written: a file of records for each exchange, and the truth.
struct Files {
    of_pbx: BTreeMap<Text, BufWriter<File>>,
    truth: BufWriter<File>,
}

impl Files {
    fn create(folder: &Path, generator: &Generator, pbxes: &[PbxChoice]) -> Result<Files> {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        let mut entries = std::fs::read_dir(folder).with_context(|| format!("{}: cannot be read", folder.display()))?;
        if entries.next().is_some() {
            return Err(WrongArguments(format!(
                "--files {}: the folder is not empty, and nothing in it is written over; name another one",
                folder.display()
            ))
            .into());
        }
        let create = |name: &str| -> Result<BufWriter<File>> {
            let path = folder.join(name);
            let file = File::create(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
            Ok(BufWriter::with_capacity(1 << 18, file))
        };
        let mut site = create("site.toml")?;
        site.write_all(generator.site_toml().as_bytes())?;
        site.flush()?;
        let mut of_pbx = BTreeMap::new();
        for pbx in pbxes {
            let mut file = create(&format!("{}.{}.csv", pbx.id, pbx.adapter))?;
            file.write_all(generator.header(&pbx.id).unwrap_or_default())?;
            of_pbx.insert(Text::from(pbx.id.as_str()), file);
        }
        Ok(Files { of_pbx, truth: create("truth.ndjson")? })
    }

    fn write(&mut self, pbx: &Text, bytes: &[u8]) -> Result<()> {
        if let Some(file) = self.of_pbx.get_mut(pbx) {
            file.write_all(bytes)?;
        }
        Ok(())
    }

    fn write_truth(&mut self, truth: &Truth) -> Result<()> {
        serde_json::to_writer(&mut self.truth, truth)?;
        self.truth.write_all(b"\n")?;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        for file in self.of_pbx.values_mut() {
            file.flush()?;
        }
        self.truth.flush()?;
        Ok(())
    }
}

/// Settings of a topic that takes and keeps the records' own moments: many are long past, and a large company's days go on after today.
const OF_ANY_DAY: &[(&str, &str)] = &[
    ("message.timestamp.type", "CreateTime"),
    ("message.timestamp.after.max.ms", "9223372036854775807"),
    ("retention.ms", "-1"),
];

/// A topic that is written as collectors do it: one record a message, with the company as key and its exchange in headers.
struct Topic {
    producer: Producer,
    name: String,
    brokers: String,
    tenant: String,
    /// How many bytes each exchange has written.
    written: BTreeMap<Text, u64>,
}

impl Topic {
    fn open(brokers: &str, name: &str, generator: &Generator) -> Result<Topic> {
        let kafka = Kafka { bootstrap: brokers.to_owned(), ..Config::default().kafka };
        let directory = Directory::from_toml(generator.site_toml())?;
        if topic::ensure(&kafka, name, OF_ANY_DAY)? {
            say(&format!(
                "made the topic {name}, with one partition and message.timestamp.type=CreateTime, for records of any day"
            ));
        }
        Ok(Topic {
            producer: Producer::to(&kafka, name)?,
            name: name.to_owned(),
            brokers: brokers.to_owned(),
            tenant: directory.tenant().to_owned(),
            written: BTreeMap::new(),
        })
    }

    fn write(&mut self, row: &Row, generator: &Generator) -> Result<()> {
        if !self.written.contains_key(&row.pbx) {
            for line in generator.header(&row.pbx).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
                self.send(row, line)?;
            }
        }
        self.send(row, &row.bytes)
    }

    fn send(&mut self, row: &Row, line: &[u8]) -> Result<()> {
        let byte = self.written.entry(row.pbx.clone()).or_default();
        let source = format!("{}.{}.csv", row.pbx, row.adapter);
        let at = byte.to_string();
        let headers = [("pbx", row.pbx.as_str()), ("adapter", row.adapter), ("source", &source), ("byte", &at)];
        *byte += line.len() as u64;
        let bytes = line.strip_suffix(b"\n").unwrap_or(line);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        self.producer.send(Outgoing {
            partition: None,
            key: &self.tenant,
            headers: &headers,
            stamp_ms: Some(row.at.0),
            bytes,
        })
    }
}
