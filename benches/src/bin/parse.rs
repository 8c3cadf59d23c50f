//! What it costs to read a PBX's records: the limit (splitting fields with csv-core), the adapter (framing and parse to legs),
//! and the whole `ringback calls` as a process.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::Command;

use adapters::Legs;
use adapters::reader::Reader;
use benches::arguments::{Arguments, site_toml};
use benches::child;
use benches::cpu::{self, Subject};
use benches::records::{self, Plan};
use benches::table::{Table, short};
use directory::Directory;

/// What `ringback calls` promises of 1.2 million records, from the first figure that was ever kept.
const FIRST_LINE_S_MAX: f64 = 5.0;
const PEAK_MB_MAX: f64 = 700.0;

/// Enough of the file for the limit and the adapter, and little enough that this process stays small:
/// the kernel counts a parent's memory to its child until the child is another program.
const SAMPLE_BYTES: u64 = 24 << 20;

fn main() {
    let arguments = Arguments::of_process(&[
        "rows",
        "file",
        "rounds",
        "an-hour",
        "customers",
        "shuffled-s",
        "only",
        "ringback",
        "keep",
    ]);
    let plan = Plan {
        file: arguments.word("file", "cdr-full.csv").to_owned(),
        records: arguments.number("rows", 1_200_000),
        records_an_hour: arguments.number("an-hour", 5_000),
        customers: arguments.number("customers", 300_000),
        shuffled_s: arguments.number("shuffled-s", 0),
        only: arguments.word("only", "").to_owned(),
    };
    let rounds = arguments.number("rounds", 5);
    let ringback = arguments.ringback();
    let folder = std::env::temp_dir().join(format!("ringback-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the records");
    let (path, site) = (folder.join(&plan.file), folder.join("site.toml"));
    let bytes = write(&plan, &path);
    std::fs::write(&site, site_toml()).expect("the site file is written");

    let adapter = if plan.file.starts_with("cel") { "asterisk_cel" } else { "asterisk_cdr" };
    let command = || {
        let mut command = Command::new(&ringback);
        command.arg("calls").arg("--site").arg(&site).arg("--pbx").arg(adapter).arg(&path);
        command
    };
    let (first, _) = child::first_line(&mut command());
    let mut sample = Vec::new();
    File::open(&path).expect("the records").take(SAMPLE_BYTES).read_to_end(&mut sample).expect("the records");
    sample.truncate(sample.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1));
    let sample_rows = sample.iter().filter(|b| **b == b'\n').count() as f64;

    let directory = Directory::from_toml(&site_toml()).expect("the site file");
    let mut wholes = Vec::new();
    let mut parts: [Vec<u64>; 2] = Default::default();
    let mut peak = 0;
    for _ in 0..rounds.max(1) {
        let took = cpu::in_turn(
            3,
            &mut [
                Subject { name: "limit", round: Box::new(|| split(&sample)) },
                Subject { name: "adapter", round: Box::new(|| parse(adapter, &sample, &directory)) },
            ],
        );
        for (kept, took) in parts.iter_mut().zip(took) {
            kept.push(took as u64);
        }
        let cost = child::cost(&mut command());
        wholes.push(cost.cpu_ns);
        peak = peak.max(cost.peak_bytes);
    }
    let [limit, parsed] = parts.map(|kept| cpu::median(kept) / sample_rows);
    let whole = cpu::median(wholes) / plan.records as f64;
    let record_bytes = bytes as f64 / plan.records as f64;

    println!("{} records of {} ({} bytes each), on {}", plan.records, plan.file, short(record_bytes), cpu::machine());
    let mut table = Table::new(&["", "CPU ns a record", "MB/s of CPU", "times the limit"]);
    for (name, ns) in [
        ("fields split by csv-core, the limit", limit),
        ("framing and adapter, to legs", parsed),
        ("ringback calls, the whole process", whole),
    ] {
        table.row(&[name.to_owned(), short(ns), short(record_bytes * 1000.0 / ns), short(ns / limit)]);
    }
    table.print();
    let (first_s, peak_mb) = (first.as_secs_f64(), peak as f64 / 1e6);
    println!(
        "first line after {first_s:.2} s (at most {FIRST_LINE_S_MAX}); peak memory {peak_mb:.0} MB (at most {PEAK_MB_MAX})"
    );
    if arguments.word("keep", "no") == "no" {
        std::fs::remove_dir_all(&folder).expect("the records are removed");
    } else {
        println!("kept: {}", folder.display());
    }
    if first_s > FIRST_LINE_S_MAX || peak_mb > PEAK_MB_MAX {
        std::process::exit(1);
    }
}

fn write(plan: &Plan, path: &Path) -> u64 {
    let mut out = BufWriter::new(File::create(path).expect("a file for the records"));
    let bytes = records::write(plan, &mut out).expect("the records are written");
    out.flush().expect("the records are written");
    bytes
}

/// Every field's end, and its bytes without quotes: the least that any reader of this format does.
fn split(bytes: &[u8]) -> u64 {
    let mut reader = csv_core::Reader::new();
    let (mut fields, mut ends) = (vec![0; 1 << 16], vec![0; 256]);
    let (mut rest, mut count) = (bytes, 0);
    loop {
        let (result, read, _, ended) = reader.read_record(rest, &mut fields, &mut ends);
        rest = &rest[read..];
        match result {
            csv_core::ReadRecordResult::Record => count += ended as u64,
            csv_core::ReadRecordResult::InputEmpty if rest.is_empty() => {}
            csv_core::ReadRecordResult::End => return count,
            other => panic!("csv-core: {other:?}"),
        }
    }
}

fn parse(adapter: &str, bytes: &[u8], directory: &Directory) -> u64 {
    let adapter = adapters::pbx::named(adapter).expect("the adapter");
    let settings = calls::settings::settings(directory, directory.first_pbx().id.as_str(), adapter.about().name);
    let mut reader = Reader::new(adapter, &settings, b"bench", 1);
    let mut legs = Legs::default();
    let mut count = 0;
    for chunk in bytes.chunks(1 << 18) {
        reader.push(chunk, None, &mut legs);
        count += legs.legs.len() as u64;
        assert!(legs.rejects.is_empty(), "{:?}", legs.rejects);
        legs.legs.clear();
    }
    count
}
