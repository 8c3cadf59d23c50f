//! Guesses from records as their makes write them.

use adapters::leg::Leg;
use adapters::reader::Reader;
use adapters::{Legs, Settings, pbx};
use chrono_tz::Tz;
use directory::Directory;

use super::{Guessed, Guesser, PEOPLE_MAX, READ_IN};

/// A file of records, with what reads it.
type Records<'r> = (&'static str, &'r str);

fn legs((adapter, text): Records<'_>, file: u32, zone: Option<Tz>) -> Vec<Leg> {
    let adapter = pbx::named(adapter).unwrap();
    let settings = Settings { zone, ..Settings::without_site_file("main", "main", adapter.about().name) };
    let mut out = Legs::default();
    let mut reader = Reader::new(adapter, &settings, b"file", file);
    reader.push(text.as_bytes(), None, &mut out);
    reader.finish(None, &mut out);
    assert!(out.rejects.is_empty(), "{:?}", out.rejects);
    out.legs
}

fn guesser(files: &[Records<'_>]) -> Guesser {
    let mut guesser = Guesser::default();
    for (file, number) in files.iter().zip(1..) {
        let [told, in_utc, far] = READ_IN.map(|zone| legs(*file, number, zone));
        for ((told, in_utc), far) in told.iter().zip(&in_utc).zip(&far) {
            guesser.add(told);
            guesser.add_clock(told, in_utc, far);
        }
    }
    guesser
}

/// What is guessed, without the comments of its beginning; and that a site file it is, with as many guesses as were counted.
fn lines(guessed: &Guessed) -> Vec<&str> {
    let directory = Directory::from_toml(&guessed.text).unwrap_or_else(|error| panic!("{error}\n{}", guessed.text));
    assert_eq!(directory.guesses().len(), guessed.lines);
    guessed.text.lines().skip_while(|line| line.starts_with('#')).filter(|line| !line.is_empty()).collect()
}

/// `Master.csv` of Asterisk: two callers of one queue, a hunt group, a call between two telephones, one of which is not named as it is called.
const CDR: &str = r#"
"","+380441110001","+380442220000","q","""+380441110001"" <+380441110001>","PJSIP/out-00000001","PJSIP/101-00000002","Queue","sales,t,,,30","2026-11-22 10:00:00","2026-11-22 10:00:05","2026-11-22 10:00:20",20,15,"ANSWERED","DOCUMENTATION","1795334400.1","","","1795334400.1","1"
"","+380441110002","+380442220000","q","""+380441110002"" <+380441110002>","PJSIP/out-00000003","PJSIP/102-00000004","Queue","sales,t,,,30","2026-11-22 10:01:00","","2026-11-22 10:01:20",20,0,"NO ANSWER","DOCUMENTATION","1795334460.3","","","1795334460.3","2"
"","+380441110003","600","g","""+380441110003"" <+380441110003>","PJSIP/out-00000005","PJSIP/101-00000006","Dial","PJSIP/101&DAHDI/7,20","2026-11-22 10:02:00","","2026-11-22 10:02:20",20,0,"NO ANSWER","DOCUMENTATION","1795334520.5","","","1795334520.5","3"
"","+380441110003","600","g","""+380441110003"" <+380441110003>","PJSIP/out-00000005","DAHDI/7-1","Dial","PJSIP/101&DAHDI/7,20","2026-11-22 10:02:00","","2026-11-22 10:02:20",20,0,"NO ANSWER","DOCUMENTATION","1795334520.5","","","1795334520.5","4"
"","101","102","i","""An \""A\"" # Quay"" <101>","PJSIP/101-00000008","PJSIP/102-00000009","Dial","PJSIP/102,20","2026-11-22 10:03:00","2026-11-22 10:03:05","2026-11-22 10:03:20",20,15,"ANSWERED","DOCUMENTATION","1795334580.8","","","1795334580.8","5"
"","+380441110004","+380442220000","q","""+380441110004"" <+380441110004>","PJSIP/out-0000000a","","Queue","sales,t,,,30","2026-11-22 10:04:00","","2026-11-22 10:04:20",20,0,"NO ANSWER","DOCUMENTATION","1795334640.10","","","1795334640.10","6"
"#;

fn cdr() -> Records<'static> {
    ("asterisk_cdr", CDR.trim_start())
}

#[test]
fn what_the_records_show_is_written_with_how_many_show_it() {
    let guessed = guesser(&[cdr()]).site_file(Some(Tz::Europe__Kyiv));
    assert_eq!(lines(&guessed), EXPECTED, "{}", guessed.text);
}

const EXPECTED: &[&str] = &[
    "[[site]]",
    "id = \"main\"",
    "zone = \"Europe/Kyiv\" # guessed from the clock of this machine, which 6 records agree with",
    "country = \"UA\" # guessed from 1 number with a country code",
    "[[pbx]]",
    "id = \"main\"",
    "adapter = \"asterisk_cdr\" # guessed from 6 records",
    "[[person]]",
    "id = \"101\" # guessed from 3 records",
    "name = \"An \\\\\\\"A\\\\\\\" # Quay\" # guessed from 1 record",
    "extensions = [{ number = \"101\" }] # guessed from 3 records",
    "[[person]]",
    "id = \"102\" # guessed from 2 records",
    "name = \"102\" # guessed from 2 records",
    "extensions = [{ number = \"102\" }] # guessed from 2 records",
    "[[person]]",
    "id = \"7\" # guessed from 1 record",
    "name = \"7\" # guessed from 1 record",
    "extensions = [{ number = \"7\" }] # guessed from 1 record",
    "[[queue]]",
    "id = \"sales\" # guessed from 3 records",
    "members = [\"101\", \"102\"] # guessed from 2 records",
    "[[hunt_group]]",
    "id = \"600\" # guessed from 2 records",
    "members = [\"101\", \"7\"] # guessed from 2 records",
    "[[did]]",
    "number = \"+380442220000\" # guessed from 3 records",
    "entry = \"queue\" # guessed from 3 records",
    "target = \"sales\" # guessed from 3 records",
];

/// Queue log of the same queue: a format that says neither who called whom nor where.
const QUEUE_LOG: &str = "1795334400|1795334400.1|sales|NONE|ENTERQUEUE||+380441110001|1\n\
    1795334405|1795334400.1|sales|PJSIP/101|CONNECT|5|1795334400.2|4\n";

#[test]
fn the_order_of_files_changes_nothing() {
    let (first, second) = (cdr(), ("asterisk_queue_log", QUEUE_LOG));
    let forwards = guesser(&[first, second]).site_file(Some(Tz::Europe__Kyiv));
    let backwards = guesser(&[second, first]).site_file(Some(Tz::Europe__Kyiv));
    assert_eq!(forwards, backwards);
    assert!(lines(&forwards).contains(&"# Its records have several formats: asterisk_cdr, asterisk_queue_log."));
}

/// Calls between telephones with these extensions.
fn calls_of(extensions: impl Iterator<Item = usize>) -> String {
    let row = |n: usize| {
        format!(
            "\"\",\"{n}\",\"7\",\"i\",\"<{n}>\",\"PJSIP/{n}-{n:08}\",\"PJSIP/7-0{n:07}\",\"Dial\",\"PJSIP/7,20\",\"2026-11-22 10:00:00\",\
             \"\",\"2026-11-22 10:00:20\",20,0,\"NO ANSWER\",\"DOCUMENTATION\",\"1795334400.{n}\",\"\",\"\",\"1795334400.{n}\",\"{n}\"\n"
        )
    };
    extensions.map(row).collect()
}

/// Whoever is not on a list of people counts as outside: a list that is not whole is none.
#[test]
fn people_are_listed_all_or_not_at_all() {
    let people = |guessed: &Guessed| lines(guessed).iter().filter(|line| **line == "[[person]]").count();
    let most = guesser(&[("asterisk_cdr", &calls_of(1001..1000 + PEOPLE_MAX))]).site_file(None);
    assert_eq!(people(&most), PEOPLE_MAX);
    let more = guesser(&[("asterisk_cdr", &calls_of(1001..=1000 + PEOPLE_MAX))]).site_file(None);
    assert_eq!(people(&more), 0);
    assert!(more.text.contains("# People are left out, since the records show more extensions"), "{}", more.text);

    let mut part = guesser(&[cdr()]);
    part.is_part();
    let part = part.site_file(None);
    for left_out in ["[[person]]", "[[did]]", "members"] {
        assert!(!lines(&part).iter().any(|line| line.starts_with(left_out)), "{}", part.text);
    }
    assert!(part.text.contains("since the files were not read to their ends"), "{}", part.text);
}

/// A clock that the records disprove is not the company's, and a make that keeps UTC is read in UTC.
#[test]
fn a_zone_is_told_unless_the_records_speak_against_it() {
    let zone = |guesser: &Guesser, machine| {
        let guessed = guesser.site_file(Some(machine));
        lines(&guessed).into_iter().filter(|line| line.contains("zone = ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let proven = guesser(&[cdr()]);
    assert_eq!(
        zone(&proven, Tz::Asia__Tokyo),
        [
            "# The clocks of the records are +02:00 from UTC, and those of this machine are not. To add: zone = \"Europe/Lisbon\", or another."
        ]
    );
    let unproven = calls_of(1001..1003).replace("1795334400.", "");
    let unproven = guesser(&[("asterisk_cdr", &unproven)]);
    assert_eq!(zone(&unproven, Tz::Asia__Tokyo), ["zone = \"Asia/Tokyo\" # guessed from the clock of this machine"]);
    assert_eq!(zone(&proven, Tz::Europe__Kyiv).len(), 1);
}

#[test]
fn no_records_make_a_site_file_too() {
    let guessed = Guesser::default().site_file(None);
    let expected = [
        "[[site]]",
        "id = \"main\"",
        "# To add, since this machine does not say its own: zone = \"Europe/Lisbon\", or another.",
        "# To add, so that national numbers are known: country = \"PT\", or another in two letters.",
        "[[pbx]]",
        "id = \"main\"",
    ];
    assert_eq!(lines(&guessed), expected);
}
