//! Numbers of many countries as their exchanges show and dial them; and every country's plain form against the library.

use super::*;
use crate::numbering_plan::national_prefix;

/// A site in this country, with an outside-line prefix or none, and the extension 4711234.
fn numbers(country: &str, outside_prefix: &str) -> Numbers {
    let site = format!(
        "[[site]]\nid = \"pier\"\ncountry = \"{country}\"\noutside_prefix = \"{outside_prefix}\"\n[[pbx]]\nid = \"bell\"\n\
         [[person]]\nid = \"rui\"\nname = \"Rui\"\nextensions = [{{ number = \"4711234\" }}]\n"
    );
    Directory::from_toml(&site).unwrap().numbers("bell")
}

fn check(country: &str, outside_prefix: &str, cases: &[(&str, Option<&str>)]) {
    let mut numbers = numbers(country, outside_prefix);
    let read = |(raw, expected): &(&str, Option<&str>)| {
        let found = numbers.e164(raw);
        assert_eq!(numbers.e164(raw), found, "{country}: {raw} from the cache");
        (found.as_deref() != *expected).then(|| format!("{country}: {raw} is {found:?}, not {expected:?}"))
    };
    let wrong: Vec<String> = cases.iter().filter_map(read).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_united_kingdom_behind_a_nine() {
    check(
        "GB",
        "9",
        &[
            ("+441632960999", Some("+441632960999")),
            ("00441632960999", Some("+441632960999")),
            ("01632960999", Some("+441632960999")),
            ("901632960999", Some("+441632960999")),
            ("900441632960999", Some("+441632960999")),
            ("9+441632960999", Some("+441632960999")),
            ("441632960999", Some("+441632960999")),
            ("07700900123", Some("+447700900123")),
            ("907700900123", Some("+447700900123")),
            ("+44 (0)20 7946 0555", Some("+442079460555")),
            ("tel:+44-20-7946-0555", Some("+442079460555")),
            ("sip:+442079460555@provider.invalid;user=phone", Some("+442079460555")),
            ("2079460555", Some("+442079460555")),
            ("0034911234567", Some("+34911234567")),
            ("90034911234567", Some("+34911234567")),
            ("34911234567", Some("+34911234567")),
            ("919876543210", Some("+919876543210")),
            ("12025550123", Some("+12025550123")),
            ("0035315550123", Some("+35315550123")),
            // Of London, but where?
            ("79460555", None),
            ("4711234", None),
            ("4711", None),
            ("999", None),
            ("9999", None),
            ("+4416329", None),
            ("*8", None),
            ("**101", None),
            ("s", None),
            ("t", None),
            ("", None),
            ("anonymous", None),
            ("+266696687", None),
            ("0000000000", None),
        ],
    );
}

#[test]
fn countries_without_a_national_prefix() {
    check(
        "ES",
        "0",
        &[
            ("911234567", Some("+34911234567")),
            ("0911234567", Some("+34911234567")),
            ("00441632960999", Some("+441632960999")),
            ("000441632960999", Some("+441632960999")),
            ("34911234567", Some("+34911234567")),
            ("351210000000", Some("+351210000000")),
        ],
    );
    check(
        "PL",
        "",
        &[
            ("221234567", Some("+48221234567")),
            ("48221234567", Some("+48221234567")),
            ("0049301234567", Some("+49301234567")),
        ],
    );
    check(
        "DK",
        "",
        &[
            ("32123456", Some("+4532123456")),
            ("4532123456", Some("+4532123456")),
            ("0046812345678", Some("+46812345678")),
        ],
    );
    check("PT", "", &[("210000000", Some("+351210000000")), ("00351210000000", Some("+351210000000"))]);
    check("NO", "", &[("22123456", Some("+4722123456")), ("4722123456", Some("+4722123456"))]);
    check("CZ", "", &[("222123456", Some("+420222123456")), ("00420222123456", Some("+420222123456"))]);
}

#[test]
fn italy_keeps_its_zero() {
    check(
        "IT",
        "",
        &[
            ("0612345678", Some("+390612345678")),
            ("+390612345678", Some("+390612345678")),
            ("00390612345678", Some("+390612345678")),
            ("390612345678", Some("+390612345678")),
            ("3123456789", Some("+393123456789")),
            ("00441632960999", Some("+441632960999")),
        ],
    );
}

#[test]
fn north_america() {
    check(
        "US",
        "9",
        &[
            ("2025550123", Some("+12025550123")),
            ("12025550123", Some("+12025550123")),
            ("912025550123", Some("+12025550123")),
            ("92025550123", Some("+12025550123")),
            ("011441632960999", Some("+441632960999")),
            ("9011441632960999", Some("+441632960999")),
            ("00441632960999", Some("+441632960999")),
            ("(202) 555-0123", Some("+12025550123")),
            ("5550123", None),
        ],
    );
    check("CA", "", &[("14165550123", Some("+14165550123")), ("4165550123", Some("+14165550123"))]);
    check("BS", "", &[("12425550123", Some("+12425550123")), ("2425550123", Some("+12425550123"))]);
}

#[test]
fn eights_and_eight_ten() {
    check(
        "RU",
        "",
        &[
            ("84951234567", Some("+74951234567")),
            ("+74951234567", Some("+74951234567")),
            ("74951234567", Some("+74951234567")),
            ("4951234567", Some("+74951234567")),
            ("88001234567", Some("+78001234567")),
            ("810441632960999", Some("+441632960999")),
            ("00441632960999", Some("+441632960999")),
        ],
    );
    check(
        "KZ",
        "9",
        &[
            ("87172123456", Some("+77172123456")),
            ("987172123456", Some("+77172123456")),
            ("810441632960999", Some("+441632960999")),
        ],
    );
    check(
        "UA",
        "",
        &[
            ("0441234567", Some("+380441234567")),
            ("380441234567", Some("+380441234567")),
            ("00441632960999", Some("+441632960999")),
        ],
    );
    check("BY", "", &[("80171234567", Some("+375171234567")), ("810441632960999", Some("+441632960999"))]);
}

#[test]
fn germany_has_all_lengths() {
    check(
        "DE",
        "0",
        &[
            ("0301234567", Some("+49301234567")),
            ("030123456", Some("+4930123456")),
            ("00301234567", Some("+49301234567")),
            ("015112345678", Some("+4915112345678")),
            ("0015112345678", Some("+4915112345678")),
            ("4930123456", Some("+4930123456")),
            ("00441632960999", Some("+441632960999")),
            ("000441632960999", Some("+441632960999")),
            ("0048221234567", Some("+48221234567")),
            ("442079460555", Some("+442079460555")),
        ],
    );
}

#[test]
fn far_away() {
    check(
        "AU",
        "0",
        &[
            ("0291234567", Some("+61291234567")),
            ("00291234567", Some("+61291234567")),
            ("0412345678", Some("+61412345678")),
            ("0011441632960999", Some("+441632960999")),
        ],
    );
    check(
        "JP",
        "",
        &[
            ("0312345678", Some("+81312345678")),
            ("09012345678", Some("+819012345678")),
            ("010441632960999", Some("+441632960999")),
        ],
    );
    check(
        "BR",
        "",
        &[
            ("01123456789", Some("+551123456789")),
            ("0151123456789", Some("+551123456789")),
            ("11961234567", Some("+5511961234567")),
            ("0015441632960999", Some("+441632960999")),
        ],
    );
    check("AR", "", &[("01123456789", Some("+541123456789")), ("+541123456789", Some("+541123456789"))]);
    check("MX", "", &[("5512345678", Some("+525512345678")), ("00441632960999", Some("+441632960999"))]);
    check(
        "FR",
        "0",
        &[
            ("0112345678", Some("+33112345678")),
            ("00112345678", Some("+33112345678")),
            ("00441632960999", Some("+441632960999")),
        ],
    );
    check("HU", "", &[("0612345678", Some("+3612345678")), ("0036 1 234 5678", Some("+3612345678"))]);
    check("IN", "", &[("09876543210", Some("+919876543210")), ("9876543210", Some("+919876543210"))]);
    check("SG", "9", &[("61234567", Some("+6561234567")), ("961234567", Some("+6561234567"))]);
    // Six digits are a whole number here.
    check("FO", "", &[("201234", Some("+298201234")), ("4711", None)]);
}

#[test]
fn without_a_country_only_what_says_its_own_is_a_number() {
    let mut numbers = Directory::without_site_file("bell").numbers("bell");
    for (raw, expected) in [
        ("+441632960999", Some("+441632960999")),
        ("00441632960999", Some("+441632960999")),
        ("441632960999", None),
        ("01632960999", None),
        ("471123", None),
    ] {
        assert_eq!(numbers.e164(raw).as_deref(), expected, "{raw}");
    }
}

#[test]
fn a_withheld_number_has_many_names() {
    for raw in
        ["", " ", "anonymous", "Anonymous", "sip:anonymous@anonymous.invalid", "UNKNOWN", "0", "000", "-1", "266696687"]
    {
        assert!(is_withheld(raw), "{raw}");
    }
    for raw in ["+441632960999", "101", "unknowing", "-", "10"] {
        assert!(!is_withheld(raw), "{raw}");
    }
}

#[test]
fn hostile_texts_are_no_numbers() {
    let mut numbers = numbers("GB", "9");
    let long = "9".repeat(100_000);
    for raw in [
        long.as_str(),
        "+",
        "++44",
        "+44+1632960999",
        "9",
        "9+",
        "+9",
        "\u{0}",
        "\u{660}\u{661}",
        "(",
        "00",
        "000",
        "tel:",
        "sip:@",
    ] {
        assert_eq!(numbers.e164(raw), None, "{}", raw.chars().take(20).collect::<String>());
    }
    assert!(numbers.cache.keys().all(|k| k.len() <= RAW_BYTES_MAX));
    for n in 0..=CACHED_NUMBERS_MAX {
        numbers.e164(&n.to_string());
    }
    assert!(numbers.cache.len() <= CACHED_NUMBERS_MAX);
}

/// Numbers that one cannot choose by hand: xorshift, so that a failure can be run again from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn digits(&mut self, count: u64) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

#[test]
fn the_plain_forms_are_read_as_the_library_reads_them() {
    const SEED: u64 = 0x5eed_0f7e_1e9a_0eb1;
    const NUMBERS_PER_COUNTRY: usize = 1_000;
    let mut random = Random(SEED);
    let (mut told, mut differ) = (0, Vec::new());
    for region in PHONE_NUMBER_UTIL.get_supported_regions() {
        let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region).unwrap();
        let prefix = national_prefix(region);
        let example = PHONE_NUMBER_UTIL.get_example_number(region).map(|n| n.national_number.to_string());
        let example = example.unwrap_or_default();
        let numbers = Numbers {
            home: Home::of(region),
            outside_prefix: CompactString::default(),
            extensions: FxHashSet::default(),
            cache: HashMap::new(),
        };
        for n in 0..NUMBERS_PER_COUNTRY {
            // Half of them begin as a real number does, so that the patterns of real numbers are met too.
            let length = 4 + random.below(9);
            let kept = if n % 2 == 0 { random.below(1 + example.len() as u64) as usize } else { 0 };
            let national = match n % 4 {
                0 => format!("{}{}", &example[..kept], random.digits((example.len() - kept) as u64)),
                _ => format!("{}{}", &example[..kept], random.digits(length)),
            };
            for text in [format!("+{code}{national}"), format!("{prefix}{national}"), national] {
                let Some(fast) = numbers.read_fast(&text) else { continue };
                told += 1;
                let slow = numbers.read(&text);
                if slow.as_ref() != Some(&fast) {
                    differ.push(format!("{region:?} {text}: {fast}, by the library {slow:?}"));
                }
            }
        }
    }
    assert!(told > 100_000, "only {told} were plain");
    assert!(
        differ.is_empty(),
        "seed {SEED:#x}: {} of {told} differ: {:#?}",
        differ.len(),
        &differ[..differ.len().min(40)]
    );
}
