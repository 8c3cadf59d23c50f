//! `site.example.toml` is the manual: it is read, and it has every key and every word that the types know.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use directory::{ContextKind, Directory, Language, Scope, SiteError};

const EXAMPLE: &str = include_str!("../site.example.toml");

/// One table of the file each, with a key in it that nobody knows: the error lists those that are known.
const TABLES: [&str; 18] = [
    "nobody = 1",
    "missed.nobody = 1",
    "[[site]]\nnobody = 1",
    "[[site]]\nid = \"a\"\nhours.nobody = 1",
    "[[pbx]]\nnobody = 1",
    "[[pbx]]\ncontexts.a.nobody = 1",
    "[[trunk]]\nnobody = 1",
    "[[tie]]\nnobody = 1",
    "[[tie]]\na.nobody = 1",
    "[[group]]\nnobody = 1",
    "[[group]]\nhours.nobody = 1",
    "[[person]]\nnobody = 1",
    "[[person]]\nextensions = [{ nobody = 1 }]",
    "[[person]]\nmobiles = [{ nobody = 1 }]",
    "[[queue]]\nnobody = 1",
    "[[hunt_group]]\nnobody = 1",
    "[[did]]\nnobody = 1",
    "[[limit]]\nnobody = 1",
];

/// Places where only some words are allowed, with one that is not.
const WORDS: [&str; 8] = [
    "[[pbx]]\ncontexts.a = \"nobody\"",
    "[[pbx]]\nplaces.a = \"nobody\"",
    "[[tie]]\nkey = \"nobody\"",
    "[[group]]\nlanguage = \"nobody\"",
    "[[person]]\nlanguage = \"nobody\"",
    "[[hunt_group]]\nrings = \"nobody\"",
    "[[did]]\nentry = \"nobody\"",
    "[[limit]]\nscope = \"nobody\"",
];

/// What an error lists between backticks, without the word that it refuses.
fn listed(text: &str) -> Vec<String> {
    let error = Directory::from_toml(text).map(|_| ()).map_err(|e| e.to_string()).err().unwrap_or_default();
    let words = error.split('`').skip(1).step_by(2).filter(|word| *word != "nobody");
    words.map(str::to_owned).collect()
}

#[test]
fn every_key_and_every_word_is_in_the_example() {
    // A key is written `key = …`, `key.more = …`, `[key]`, `[[key]]` or `[table.key]`; a comment does not count.
    let lines = EXAMPLE.lines().filter(|line| !line.trim_start().starts_with('#'));
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    for table in TABLES {
        let keys = listed(table);
        assert!(!keys.is_empty(), "no keys are listed for {table:?}");
        for key in keys {
            assert!(words.contains(&key.as_str()), "{key} of {table:?} is not in site.example.toml");
        }
    }
    for place in WORDS {
        let allowed = listed(place);
        assert!(!allowed.is_empty(), "no words are listed for {place:?}");
        for word in allowed {
            assert!(EXAMPLE.contains(&word), "{word} of {place:?} is not in site.example.toml");
        }
    }
}

#[test]
fn the_example_says_what_it_means() {
    let directory = Directory::from_toml(EXAMPLE).unwrap();
    let ms = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis();
    let (monday, before) = (ms("2026-11-16T10:00:00Z"), ms("2026-02-01T10:00:00Z"));
    assert_eq!(directory.tenant(), "lighthouse");
    assert_eq!(directory.first_pbx().id, "tower");
    assert!(!directory.is_guessed());
    let marta = directory.person_at_extension("tower", "8123", monday).unwrap();
    assert_eq!(marta.id, "marta");
    assert!(directory.person_at_extension("tower", "8123", before).is_none());
    assert!(directory.person_at_extension("lamp", "8123", monday).is_none());
    assert_eq!(directory.person_by_mobile("+351910000123", monday).unwrap().id, "marta");
    for name in ["Agent/77", "Marta Quay", "8123"] {
        assert_eq!(directory.person_by_agent_name("tower", name, monday).unwrap().id, "marta", "{name}");
    }
    assert!(directory.person_by_agent_name("tower", "Nobody", monday).is_none());
    assert_eq!(directory.main_extension(marta, "lamp", monday), Some("41"));
    let pilots = directory.group_of(marta).unwrap();
    assert_eq!(pilots.name, "pilots");
    assert_eq!(pilots.email.as_deref(), Some("pilots@lighthouse.example"));
    assert_eq!(marta.email.as_deref(), Some("marta@lighthouse.example"));
    assert_eq!((directory.language_of(marta), directory.group_language(pilots)), (Language::En, Language::Uk));
    assert_eq!(directory.zone_of(marta, monday), chrono_tz::Tz::Europe__Lisbon);
    assert_eq!(directory.queue("tower", "870").unwrap().group.as_deref(), Some("crew"));
    assert!(directory.queue("lamp", "870").is_none());
    assert_eq!(directory.hunt_group("tower", "860").unwrap().members, ["8123", "8124"]);
    assert_eq!(directory.did("+351210000123").unwrap().entry.kind_word(), "menu");
    assert!(directory.is_extension("tower", "8124"));
    assert!(!directory.is_extension("tower", "870"));
    assert!(!directory.is_extension("tower", "+351910000199"));
    assert!(directory.is_extension("lamp", "41"));
    let tide = directory.first_pbx().contexts["tide-times"];
    assert_eq!((tide.kind, tide.is_final), (ContextKind::Announcement, true));
    // The group's own hours, then those of the site; another site has none.
    assert_eq!(directory.group_open_at(Some("pilots"), Some("harbor"), ms("2026-11-16T21:00:00Z")), Some(true));
    assert_eq!(directory.group_open_at(Some("crew"), Some("harbor"), ms("2026-11-16T21:00:00Z")), Some(false));
    assert_eq!(directory.group_open_at(None, Some("island"), monday), None);
    assert_eq!(
        directory.next_opening(Some("crew"), Some("harbor"), ms("2026-12-24T20:00:00Z")),
        Some(ms("2026-12-26T22:00:00Z"))
    );
    assert_eq!((directory.zone(), directory.service_level_ms()), (chrono_tz::Tz::Europe__Lisbon, 20_000));
    let limit = &directory.limits()[0];
    assert_eq!(
        (limit.name.as_str(), limit.measure.as_str(), limit.id.as_deref()),
        ("crew-misses", "missed", Some("crew"))
    );
    assert_eq!((limit.scope, limit.window_s, limit.sliding), (Scope::Group, 3600, true));
    assert_eq!((limit.above_thousandths, limit.clear_at_thousandths), (10_000, 4_000));
    assert!(EXAMPLE.lines().nth(limit.measure_line - 1).unwrap().starts_with("measure"));
    assert_eq!(directory.tie_skew_ms(), 3_000);
    assert_eq!(directory.first_pbx().clock_offset_ms, Some(0));
    assert!(!directory.pbx("mill").unwrap().sends_records && directory.pbx("lamp").unwrap().sends_records);
    let tie = &directory.ties()[0];
    assert_eq!([tie.rewrite.apply("741"), tie.rewrite_back.apply("8123")], ["41", "81123"]);
    assert_eq!(directory.numbers("tower").e164("0210000123").as_deref(), Some("+351210000123"));
}

#[test]
fn without_a_site_file_little_is_known() {
    let directory = Directory::without_site_file("any");
    assert!(directory.is_guessed());
    assert_eq!(directory.first_pbx().id, "any");
    assert!(directory.is_extension("any", "123456"));
    assert!(!directory.is_extension("any", "1234567"));
    assert!(!directory.is_extension("any", "s"));
    assert_eq!(directory.group_open_at(None, Some("main"), 0), None);
}

/// A file with a site and a PBX on its first four lines, and then this.
fn check(text: &str, expected: &str) {
    let text = format!("[[site]]\nid = \"quay\"\n[[pbx]]\nid = \"bell\"\n{text}");
    let error = Directory::from_toml(&text).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), expected, "{text}");
}

#[test]
fn errors_name_the_line_and_what_would_have_worked() {
    let tie = "[[trunk]]\nname = \"x\"\ndevice = \"x-\"\n[[tie]]\na = { pbx = \"bell\", trunk = \"x\" }\nb = { pbx = \"bell\", trunk = \"x\" }\n";
    check(
        &format!("{tie}rewrite = \"strip 1\""),
        "line 11: tie: rewrite = \"strip 1\" is not understood; write \"s/^7/30/\": the digits with which the number begins, and those that take their place; a dot is any digit, \"s/^7//\" takes one away, \"s/^/7/\" puts one before, and \"s/^7//; s/^8/2/\" are two rules of which the first that fits holds",
    );
    check(
        &format!("clock_offset_s = 100000\n{tie}"),
        "line 5: pbx bell: clock_offset_s = \"100000\" is not understood; give seconds from -86400 to 86400",
    );
    check(
        "[[group]]\nid = \"a\"\ncolor = 1",
        "line 7: unknown key `color`, there are `id`, `name`, `parent`, `heads`, `email`, `language`, `site`, `hours`, `closed`",
    );
    check(
        "[[group]]\nid = \"a\"\n[[group]]\nid = \"b\"\nparent = \"c\"",
        "line 9: group b: parent = \"c\" is not in this file; there are a, b",
    );
    check(
        "[[group]]\nid = \"a\"\nparent = \"a\"",
        "line 7: group a: parent = \"a\" is not understood; a group is not above itself: leave `parent` out of the topmost one",
    );
    check(
        "[[person]]\nid = \"a\"\nname = \"A\"\ngroup = \"b\"",
        "line 8: person a: group = \"b\" is not in this file; it has none of that kind yet",
    );
    check(
        "[[did]]\nnumber = \"+351210000123\"\nentry = \"menu\"\nsite = \"pier\"",
        "line 8: did +351210000123: site = \"pier\" is not in this file; there is only quay",
    );
    check(
        "[[did]]\nnumber = \"+351 21 000 01 23\"\nentry = \"menu\"",
        "line 6: did +351 21 000 01 23: number = \"+351 21 000 01 23\" is not understood; write it in E.164, here probably \"+351210000123\"",
    );
    check(
        "[[person]]\nid = \"a\"\nname = \"A\"\n[[person]]\nid = \"a\"\nname = \"B\"",
        "line 9: person a is there twice; the first is on line 6: delete or rename one",
    );
    check(
        "[[person]]\nid = \"a\"\nname = \"A\"\nemail = \"A <a@example.com>\"",
        "line 8: person a: email = \"A <a@example.com>\" is not understood; give one address without a name, for example \"ann@example.com\"",
    );
    check(
        "[[trunk]]\nname = \"a\"\ndevice = \"\"",
        "line 7: trunk a: device = \"\" is not understood; give how its devices begin in the records",
    );
    check(
        "contexts.a = { kind = \"queue\", final = true }",
        "line 5: pbx bell: contexts.a: final = \"true\" is not understood; only a menu or an announcement can serve a caller",
    );
    check(
        "[[tie]]\na = { pbx = \"bell\", trunk = \"b\" }\nb = { pbx = \"bell\", trunk = \"b\" }",
        "line 6: tie: trunk = \"b\" is not in this file; it has none of that kind yet",
    );
    check(
        "[[site]]\nid = \"pier\"\nzone = \"Lisbon\"",
        "line 7: site pier: zone = \"Lisbon\" is not understood; give the IANA name of a time zone, for example \"Europe/Lisbon\"",
    );
    check(
        "[[site]]\nid = \"pier\"\ncountry = \"XX\"",
        "line 7: site pier: country = \"XX\" is not understood; give the two letters of ISO 3166, for example \"PT\"",
    );
    check(
        "[[site]]\nid = \"pier\"\nhours.mon = [\"09:00-18:00\"]",
        "line 7: site pier: hours.mon = \"09:00-18:00\" is not understood; hours need to know by which clocks: give the site's `zone`",
    );
}

#[test]
fn a_limit_that_could_never_be_told_is_an_error() {
    let limit = |more: &str| format!("[[limit]]\nname = \"a\"\nmeasure = \"missed\"\n{more}");
    check(
        &limit("scope = \"site\"\nid = \"pier\"\nwindow_s = 300\nabove = 1"),
        "line 9: limit a: id = \"pier\" is not in this file; there is only quay",
    );
    check(
        &limit("scope = \"tenant\"\nid = \"pier\"\nwindow_s = 300\nabove = 1"),
        "line 9: limit a: id = \"pier\" is not understood; there is one company: leave `id` out",
    );
    check(
        &limit("scope = \"tenant\"\nwindow_s = 600\nabove = 1"),
        "line 9: limit a: window_s = \"600\" is not understood; give 300, 3600, or 86400 for a day",
    );
    check(
        &limit("scope = \"tenant\"\nwindow_s = 300\nsliding = true\nabove = 1"),
        "line 10: limit a: sliding = \"true\" is not understood; only the hour, `window_s = 3600`, begins anew every five minutes",
    );
    check(
        &limit("scope = \"tenant\"\nwindow_s = 300\nabove = 1\nclear_at = 2"),
        "line 11: limit a: clear_at = \"2\" is not understood; it is cleared at or below what crosses it: give at most `above`",
    );
    check(
        &limit("scope = \"tenant\"\nwindow_s = 300\nabove = -1"),
        "line 10: limit a: above = \"-1\" is not understood; give a number from 0 up",
    );
    check(
        &limit(
            "scope = \"tenant\"\nwindow_s = 300\nabove = 1\n[[limit]]\nname = \"a\"\nmeasure = \"missed\"\nscope = \"tenant\"\nwindow_s = 300\nabove = 1",
        ),
        "line 12: limit a is there twice; the first is on line 6: delete or rename one",
    );
}

#[test]
fn a_company_has_a_site_and_a_pbx() {
    assert!(matches!(Directory::from_toml(""), Err(SiteError::Missing { .. })));
    assert!(matches!(Directory::from_toml("[[site]]\nid = \"quay\""), Err(SiteError::Missing { .. })));
    assert!(matches!(Directory::from_toml("talk_min_s = -1"), Err(SiteError::Value { line: 1, .. })));
    assert!(matches!(Directory::from_toml("talk_min_s = nan"), Err(SiteError::Value { line: 1, .. })));
}

#[test]
fn two_people_of_one_name_are_told_apart_by_when_and_where() {
    let text = "[[site]]\nid = \"quay\"\n[[pbx]]\nid = \"bell\"\n[[pbx]]\nid = \"lamp\"\n\
        [[person]]\nid = \"ana-1\"\nname = \"Ana\"\nextensions = [{ number = \"31\", until = \"2026-05-01\" }]\n\
        [[person]]\nid = \"ana-2\"\nname = \"Ana\"\nextensions = [{ number = \"32\", from = \"2026-05-01\" }, { number = \"33\", pbx = \"lamp\" }]\n\
        [[person]]\nid = \"ana-3\"\nname = \"Ana\"\nextensions = [{ number = \"34\", pbx = \"lamp\" }]\n";
    let directory = Directory::from_toml(text).unwrap();
    let day =
        |text: &str| format!("{text}T12:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis();
    let person = |pbx: &str, at: &str| directory.person_by_agent_name(pbx, "Ana", day(at)).map(|p| p.id.as_str());
    assert_eq!(person("bell", "2026-04-30"), Some("ana-1"));
    assert_eq!(person("bell", "2026-05-01"), Some("ana-2"));
    assert_eq!(person("lamp", "2026-05-01"), None);
    assert_eq!(directory.agents("bell").count(), 0);
}

#[test]
fn a_language_is_ones_own_else_the_groups_else_the_sites() {
    let text = |country: &str, group: &str, person: &str| {
        format!(
            "[[site]]\nid = \"quay\"\ncountry = \"{country}\"\n[[pbx]]\nid = \"bell\"\n\
            [[group]]\nid = \"top\"\n{group}\n[[group]]\nid = \"crew\"\nparent = \"top\"\n\
            [[person]]\nid = \"ana\"\nname = \"Ana\"\ngroup = \"crew\"\n{person}\n"
        )
    };
    for (country, group, person, expected) in [
        ("PT", "", "", Language::En),
        ("UA", "", "", Language::Uk),
        ("PT", "language = \"uk\"", "", Language::Uk),
        ("PT", "language = \"uk\"", "language = \"en\"", Language::En),
        ("UA", "", "language = \"en\"", Language::En),
    ] {
        let directory = Directory::from_toml(&text(country, group, person)).unwrap();
        assert_eq!(directory.language_of(directory.person("ana").unwrap()), expected, "{country} {group} {person}");
    }
}

#[test]
fn an_address_is_one_address_and_nothing_else() {
    for good in ["a@b", "ann@example.com", "ann.o'hara+calls@mail.example.com", "оля@приклад.укр"] {
        assert!(directory::is_email(good), "{good}");
    }
    let long = format!("{}@example.com", "a".repeat(directory::EMAIL_BYTES_MAX));
    for bad in [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@example.com\r\nBcc: x@example.com",
        "ann@example.com,bob@example.com",
        "ann@example.com bob@example.com",
        "Ann <ann@example.com>",
        "ann@b@example.com",
        "ann@.example.com",
        "ann@example..com",
        &long,
    ] {
        assert!(!directory::is_email(bad), "{bad:?}");
    }
}

#[test]
fn a_number_is_shown_in_groups() {
    for (number, expected) in [
        ("+442079460000", "+44 20 7946 0000"),
        ("+380441234567", "+380 44 123 4567"),
        ("+4477*****331", "+4477*****331"),
        ("8123", "8123"),
        ("+", "+"),
        ("", ""),
    ] {
        assert_eq!(directory::in_groups(number), expected);
    }
}
