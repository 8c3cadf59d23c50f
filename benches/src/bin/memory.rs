//! That memory does not grow with the input: the peak of `ringback calls` over ever longer inputs of one and the same traffic.
//! What it may hold is the last hour's calls and a week's follow-ups; after that week the peak stays where it is.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::process::Command;

use benches::arguments::{Arguments, site_toml};
use benches::child;
use benches::cpu;
use benches::records::{self, Plan};
use benches::table::{Table, short};

/// A kind of traffic.
struct Traffic {
    name: &'static str,
    customers: u64,
    shuffled_s: u64,
    only: &'static str,
}

const TRAFFIC: [Traffic; 3] = [
    Traffic { name: "all scenarios, in the order of their ends", customers: 300_000, shuffled_s: 0, only: "" },
    Traffic { name: "all scenarios, shuffled within an hour", customers: 300_000, shuffled_s: 3_600, only: "" },
    Traffic {
        name: "abandoned calls of a million customers, none called back",
        customers: 1_000_000,
        shuffled_s: 0,
        only: "abandon",
    },
];

fn main() {
    let arguments = Arguments::of_process(&["rows", "an-hour", "ringback"]);
    let rows = arguments.number("rows", 5_000_000);
    let records_an_hour = arguments.number("an-hour", 5_000);
    let ringback = arguments.ringback();
    let folder = std::env::temp_dir().join(format!("ringback-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the site file");
    let site = folder.join("site.toml");
    std::fs::write(&site, site_toml()).expect("the site file is written");

    println!("peak memory in MB of ringback calls, {records_an_hour} records an hour, on {}", cpu::machine());
    let mut table = Table::new(&["", "records", "days", "peak MB", "times the half", "CPU ns a record"]);
    for traffic in TRAFFIC {
        let mut half = f64::NAN;
        for records in [rows / 4, rows / 2, rows] {
            let plan = Plan {
                file: "cdr-full.csv".to_owned(),
                records,
                records_an_hour,
                customers: traffic.customers,
                shuffled_s: traffic.shuffled_s,
                only: traffic.only.to_owned(),
            };
            let mut command = Command::new(&ringback);
            command.arg("calls").arg("--site").arg(&site).args(["--pbx", "asterisk_cdr", "-"]);
            let cost = child::cost_of_input(&mut command, |input| {
                records::write(&plan, input).expect("the records are written");
            });
            let peak = cost.peak_bytes as f64 / 1e6;
            table.row(&[
                traffic.name.to_owned(),
                records.to_string(),
                short(records as f64 / records_an_hour as f64 / 24.0),
                short(peak),
                if half.is_nan() { String::new() } else { short(peak / half) },
                short(cost.cpu_ns as f64 / records as f64),
            ]);
            half = peak;
        }
    }
    table.print();
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}
