//! The log, its order, and its register.

use std::fs;

use adapters::Settings;
use adapters::leg::Moment;
use stream::Register;

use super::*;

fn incoming<'i>(name: &str, adapter: &'static str, text: &'i str) -> Incoming<'i> {
    let source = SpooledSource {
        number: 0,
        name: name.to_owned(),
        identity: name.as_bytes().to_vec(),
        adapter: adapter.to_owned(),
        pbx: "main".to_owned(),
    };
    Incoming {
        source,
        input: Box::new(text.as_bytes()),
        adapter: adapters::pbx::named(adapter).unwrap(),
        settings: Settings::without_site_file("t", "main", adapter),
    }
}

/// Appends one file that tells no moments; gives how many of its records are new.
fn append(spool: &Spool, text: &str, now: i64) -> u64 {
    spool.log.append(vec![incoming("x", "generic_csv", text)], Moment(now), |_| {}).unwrap()[0]
}

/// Each record: its source, its number and offset there, and its bytes.
fn records(spool: &Spool) -> Vec<(u32, u64, u64, String)> {
    read(spool, 0).into_iter().map(|(_, source, number, byte, text, _)| (source, number, byte, text)).collect()
}

fn read(spool: &Spool, from: u64) -> Vec<(u64, u32, u64, u64, String, Moment)> {
    let mut found = Vec::new();
    let mut records = spool.log.read(from).unwrap();
    while let Some((position, record)) = records.next().unwrap() {
        let text = String::from_utf8(record.bytes.to_vec()).unwrap();
        found.push((position, record.source, record.number, record.byte, text, record.logged_at));
    }
    found
}

fn named(found: &[(u32, u64, u64, &str)]) -> Vec<(u32, u64, u64, String)> {
    found.iter().map(|(source, number, byte, text)| (*source, *number, *byte, (*text).to_owned())).collect()
}

#[test]
fn what_is_there_is_not_appended_twice_and_growth_is() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    assert_eq!(append(&spool, "a\nb\n", 5), 2);
    assert_eq!(append(&spool, "a\nb\nc\n", 6), 1);
    let whole = named(&[(1, 1, 0, "a"), (1, 2, 2, "b"), (1, 3, 4, "c")]);
    assert_eq!(records(&spool), whole);
    let topic = spool.topic();
    drop(spool);
    let spool = Spool::open(folder.path()).unwrap();
    assert_eq!((records(&spool), spool.topic()), (whole, topic));
    assert!(!spool.log.has_several_sources());
}

#[test]
fn a_line_that_was_being_written_is_followed_by_the_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    for (text, new) in [("a\nb", 2), ("a\nb", 0), ("a\nbb", 1), ("a\nbb\n", 0), ("a\nbb\nc\n", 1)] {
        assert_eq!(append(&spool, text, 5), new, "{text:?}");
    }
    let both = named(&[(1, 1, 0, "a"), (1, 2, 2, "b"), (1, 2, 2, "bb"), (1, 3, 5, "c")]);
    assert_eq!(records(&spool), both);
    drop(spool);
    assert_eq!(records(&Spool::open(folder.path()).unwrap()), both);
}

#[test]
fn a_file_that_was_replaced_is_another_source() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    let path = folder.path().join("records");
    let append = |text: &str| {
        fs::write(&path, text).unwrap();
        let mut file = incoming("x", "generic_csv", text);
        file.source.identity = spool.log.identity(&file.source, Some(&fs::File::open(&path).unwrap()));
        let new = spool.log.append(vec![file], Moment(5), |_| {}).unwrap()[0];
        (records(&spool).iter().map(|(source, ..)| *source).max().unwrap(), new)
    };
    assert_eq!(append("head\none\n"), (1, 2));
    assert_eq!(append("head\none\ntwo\n"), (1, 1));
    assert_eq!(append("head\nsix\nten\n"), (2, 3), "another file that begins alike");
    assert_eq!(append("head\nsix\nten\n"), (2, 0));
    assert_eq!(append("head\n"), (3, 1), "a shorter one");
}

/// A call that nobody answered, as Asterisk writes it at this moment of a day in November.
fn cdr(day: u32, clock: &str) -> String {
    let at = format!("2026-11-{day:02} {clock}");
    format!(
        "\"\",\"100\",\"101\",\"office\",\"\",\"SIP/100-1\",\"SIP/101-1\",\"Dial\",\"SIP/101,5\",\"{at}\",\"\",\"{at}\",0,0,\"NO ANSWER\",\"DOCUMENTATION\",\"{day}.{clock}\",\"\"\n"
    )
}

/// The sources and hours of all records, with the log's day and hour, in its order.
fn order(spool: &Spool) -> Vec<String> {
    let start = Moment(1_793_491_200_000); // 2026-11-01T00:00:00Z
    read(spool, 0)
        .iter()
        .map(|(position, source, number, _, text, logged_at)| {
            let hours = logged_at.ms_since(start) / 3_600_000;
            let told = text.find("2026-11-").map_or("-", |at| &text[at + 8..at + 13]);
            format!("{position}: {source}/{number} {told} at {} {:02}", hours / 24 + 1, hours % 24)
        })
        .collect()
}

#[test]
fn files_are_spooled_in_the_order_of_their_moments() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    // The first has a line that tells nothing, a weekend between its records, and a wrong date at its end.
    let one = [
        &cdr(6, "08:00:00"),
        "what\n",
        &cdr(6, "12:00:00"),
        &cdr(9, "08:00:00"),
        &cdr(9, "10:00:00"),
        &cdr(29, "01:00:00"),
    ]
    .concat();
    let two = [cdr(6, "10:00:00"), cdr(6, "14:00:00"), cdr(9, "09:00:00"), cdr(9, "11:00:00")].concat();
    let files = vec![incoming("one", "asterisk_cdr", &one), incoming("two", "asterisk_cdr", &two)];
    assert_eq!(spool.log.append(files, Moment(7), |_| {}).unwrap(), [6, 4]);
    let expected = [
        "0: 1/1 06 08 at 6 08",
        "1: 2/1 06 10 at 6 10",
        "2: 1/2 - at 6 12",
        "3: 1/3 06 12 at 6 12",
        "4: 2/2 06 14 at 6 14",
        "5: 1/4 09 08 at 9 08",
        "6: 2/3 09 09 at 9 09",
        "7: 1/5 09 10 at 9 10",
        "8: 1/6 29 01 at 9 10",
        "9: 2/4 09 11 at 9 11",
    ];
    assert_eq!(order(&spool), expected);
    assert!(spool.log.has_several_sources());

    // The log's time does not go back, and goes on with what comes later.
    let late = [cdr(2, "08:00:00"), cdr(2, "09:00:00")].concat();
    let later = [two.as_str(), &cdr(9, "12:00:00")].concat();
    let files = vec![incoming("two", "asterisk_cdr", &later), incoming("late", "asterisk_cdr", &late)];
    assert_eq!(spool.log.append(files, Moment(7), |_| {}).unwrap(), [1, 2]);
    assert_eq!(order(&spool)[10..], ["10: 3/1 02 08 at 9 11", "11: 3/2 02 09 at 9 11", "12: 2/5 09 12 at 9 12"]);
}

#[test]
fn a_file_of_one_record_has_its_moment_and_one_that_tells_none_that_of_the_wall_clock() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("one")).unwrap();
    spool.log.append(vec![incoming("one", "asterisk_cdr", &cdr(6, "08:00:00"))], Moment(7), |_| {}).unwrap();
    assert_eq!(order(&spool), ["0: 1/1 06 08 at 6 08"]);
    let spool = Spool::open(&folder.path().join("none")).unwrap();
    append(&spool, "a\nb\n", 7);
    let moments: Vec<Moment> = read(&spool, 0).into_iter().map(|(.., logged_at)| logged_at).collect();
    assert_eq!(moments, [Moment(7), Moment(7)]);
}

#[test]
fn reading_begins_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    let text: String = (0..2048).map(|n| format!("{n}\n")).collect();
    append(&spool, &text, 5);
    for from in [0, 1, 1023, 1024, 1025, 2047, 2048] {
        let found: Vec<String> =
            read(&spool, from).into_iter().map(|(position, .., text, _)| format!("{position}={text}")).collect();
        let expected: Vec<String> = (from..2048).map(|n| format!("{n}={n}")).collect();
        assert_eq!(found, expected, "from {from}");
    }
    assert!(spool.log.read(2049).err().unwrap().to_string().contains("none at position 2049"));
    append(&spool, &format!("{text}more\n"), 5);
    assert_eq!(read(&spool, 2048).len(), 1);
}

#[test]
fn a_torn_tail_is_cut_wherever_it_tears() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    append(&spool, "one\ntwo\n", 5);
    drop(spool);
    let path = folder.path().join("records.spool");
    let whole = fs::read(&path).unwrap();
    for length in 24..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        append(&spool, "one\ntwo\n", 6);
        assert_eq!(records(&spool), named(&[(1, 1, 0, "one"), (1, 2, 4, "two")]), "torn at {length}");
    }
}

#[test]
fn one_process_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let _held = Spool::open(folder.path()).unwrap();
    assert!(Spool::open(folder.path()).err().unwrap().to_string().contains("another process"));
}

#[test]
fn a_register_is_read_back_and_a_damaged_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = RegisterFile::beside(folder.path());
    assert_eq!(file.read().unwrap(), None);
    let register = Register::new(3, 7, 5, 1);
    file.write(&register.text()).unwrap();
    assert_eq!(file.read().unwrap(), Some(register.clone()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    let text = register.text();
    for (text, why) in [
        ("", "it is empty"),
        (&text[..text.len() / 2], "its sum"),
        ("hello", "does not begin"),
        ("ringback=9 x", "the newer format 9"),
    ] {
        fs::write(folder.path().join("register"), text).unwrap();
        let told = file.read().unwrap_err().to_string();
        assert!(told.contains("/register") && told.contains(why), "{told}");
    }
}

/// A record that comes by itself.
fn live(source: u32, at: Option<i64>, bytes: &[u8]) -> LiveRecord<'_> {
    LiveRecord { source, at: at.map(Moment), bytes }
}

fn declared(spool: &Spool) -> Vec<u32> {
    let source = |name: &str| SpooledSource {
        number: 0,
        name: name.to_owned(),
        identity: name.as_bytes().to_vec(),
        adapter: "generic_csv".to_owned(),
        pbx: "main".to_owned(),
    };
    spool.log.declare(vec![source("a"), source("b")]).unwrap()
}

#[test]
fn what_comes_by_itself_is_numbered_in_its_source_and_the_clock_never_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    assert_eq!(declared(&spool), [1, 2]);
    let first = [live(1, Some(10), b"one"), live(2, Some(30), b"two"), live(1, Some(20), b"three")];
    spool.log.put_live(&first, Moment(99)).unwrap();
    spool.log.put_live(&[live(2, None, b"four")], Moment(99)).unwrap();
    assert!(spool.log.put_live(&[live(3, None, b"of nobody")], Moment(99)).is_err());
    let expected = [
        (0, 1, 1, 0, "one".to_owned(), Moment(10)),
        (1, 2, 1, 0, "two".to_owned(), Moment(30)),
        (2, 1, 2, 4, "three".to_owned(), Moment(30)),
        (3, 2, 2, 4, "four".to_owned(), Moment(30)),
    ];
    assert_eq!(read(&spool, 0), expected);
    assert_eq!([spool.log.records_of(1), spool.log.records_of(2), spool.log.records_of(3)], [2, 2, 0]);
    assert!(spool.log.is_last(1, b"three") && !spool.log.is_last(1, b"one") && !spool.log.is_last(3, b""));
    drop(spool);
    let spool = Spool::open(folder.path()).unwrap();
    assert_eq!(declared(&spool), [1, 2], "the same at each start");
    assert_eq!(read(&spool, 0), expected);
    spool.log.put_live(&[live(1, Some(40), b"five")], Moment(99)).unwrap();
    assert_eq!(read(&spool, 4), [(4, 1, 3, 10, "five".to_owned(), Moment(40))]);
}

#[test]
fn whoever_reads_is_given_what_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    declared(&spool);
    let log = Arc::clone(&spool.log);
    let mut source = SpoolSource::of(spool, "t");
    let mut heard = |wait_ms: u64| {
        let mut heard = Vec::new();
        let tell = &mut |happened: Happened<'_>| {
            if let Happened::Record { record, .. } = happened {
                heard.push((record.offset, String::from_utf8(record.bytes.to_vec()).unwrap()));
            }
        };
        source.poll(Duration::from_millis(wait_ms), 2, tell).unwrap();
        if source.records.is_none() {
            source.read_from(PARTITION, 0).unwrap();
        }
        heard
    };
    assert_eq!(heard(0), []);
    log.put_live(&[live(1, Some(1), b"one"), live(2, Some(2), b"two"), live(1, Some(3), b"three")], Moment(9)).unwrap();
    assert_eq!(heard(0), [(0, "one".to_owned()), (1, "two".to_owned())]);
    assert_eq!(heard(0), [(2, "three".to_owned())]);
    assert_eq!(heard(0), []);
    // Whoever waits is woken long before the wait is over.
    let writer = std::thread::spawn(move || log.put_live(&[live(1, Some(4), b"four")], Moment(9)).unwrap());
    while heard(60_000).is_empty() {}
    writer.join().unwrap();
}
