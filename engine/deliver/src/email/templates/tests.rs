//! Every template in every language, and everything that a template must not have.

use super::*;
use chrono_tz::Tz;

const NOW_MS: i64 = 1_795_428_000_000; // 2026-11-23T10:00:00Z

fn directory() -> Directory {
    let site = "[[site]]\nid = \"a\"\nzone = \"Europe/Kyiv\"\ncountry = \"UA\"\n[[pbx]]\nid = \"b\"\n[[group]]\nid = \"sales\"\nname = \"Sales & more\"\n\
        [[person]]\nid = \"ann\"\nname = \"Ann Poe\"\n";
    Directory::from_toml(site).unwrap()
}

fn reader(language: Language) -> Recipient {
    Recipient {
        address: "ann@example.com".to_owned(),
        name: Some("Ann <Poe>".to_owned()),
        language,
        zone: Tz::Europe__Kyiv,
    }
}

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/templates").join(name).join("sample.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn render(name: &str, language: Language, data: &Value) -> Result<Rendered, String> {
    let templates = Templates::built_in().unwrap();
    templates.render(name, &reader(language), data, &directory(), NOW_MS).map_err(|error| error.to_string())
}

#[test]
fn every_template_that_is_there_comes_along() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/templates");
    let mut files = BTreeSet::new();
    for name in visible(&folder).unwrap().into_iter().filter(|name| folder.join(name).is_dir()) {
        files.extend(visible(&folder.join(&name)).unwrap().into_iter().map(|file| format!("{name}/{file}")));
    }
    let known = BUILT_IN.iter().map(|(name, language, part, _)| file_name(name, *language, *part));
    let samples = ["missed", "overdue", "limit", "plain"].map(|name| format!("{name}/sample.json"));
    assert_eq!(files, known.chain(samples).collect());
}

/// What plugins are given in an event is what templates take.
#[test]
fn samples_are_what_events_hold() {
    let part = |name: &str, field: &str| sample(name)[field].clone();
    let call: calls::event::Call = serde_json::from_value(part("missed", "call")).unwrap();
    assert_eq!(serde_json::to_value(call).unwrap(), part("missed", "call"));
    for name in ["missed", "overdue"] {
        let follow_up: calls::event::FollowUp = serde_json::from_value(part(name, "follow_up")).unwrap();
        assert_eq!(serde_json::to_value(follow_up).unwrap(), part(name, "follow_up"));
    }
    let limit: calls::event::Limit = serde_json::from_value(part("limit", "limit")).unwrap();
    assert_eq!(serde_json::to_value(limit).unwrap()["value"], part("limit", "limit")["value"]);
}

#[test]
fn every_template_is_filled_in_in_every_language() {
    let templates = Templates::built_in().unwrap();
    for name in templates.names() {
        for language in Language::ALL {
            let rendered = render(name, language, &sample(name)).unwrap();
            let html = rendered.html.unwrap();
            for part in [&rendered.subject, &rendered.text, &html] {
                assert!(
                    !part.trim().is_empty() && !part.contains("{{") && !part.contains("[object]"),
                    "{name}: {part}"
                );
                assert!(!part.contains("null") && !part.contains("\n\n\n"), "{name}: {part}");
            }
            let is_ukrainian = |text: &str| text.chars().any(|c| matches!(c, 'а'..='я' | 'і' | 'ї' | 'є' | 'ґ'));
            assert!(name == "plain" || is_ukrainian(&rendered.text) == (language == Language::Uk), "{}", rendered.text);
            assert!(html.contains(&format!("<html lang=\"{}\">", language.word())), "{html}");
        }
    }
}

#[test]
fn a_missed_call_is_told_in_the_readers_language_and_by_their_clocks() {
    let en = render("missed", Language::En, &sample("missed")).unwrap();
    assert_eq!(en.subject, "Missed call from O'Hara & Sons, +44 20 7946 0331, 23 November, 11:30");
    assert_eq!(
        en.text,
        "Hello Ann <Poe>,\n\nNobody answered this call:\n\nFrom: O'Hara & Sons, +44 20 7946 0331\nWhen: 23 November, 11:30\n\
        To: +380 44 123 4567\nWaited: 2 min 5 s\nWhy: the telephone rang and nobody picked it up\n\
        To be called back by: Sales & more\nUntil: 23 November, 12:15\n\nThis customer has called 3 times in vain.\n\n\
        https://ringback.example/follow-ups/f1?from=mail&lang=en\n"
    );
    let html = en.html.unwrap();
    assert!(html.contains("<p>Hello Ann &lt;Poe&gt;,</p>"), "{html}");
    assert!(
        html.contains("<a href=\"https://ringback.example/follow-ups/f1?from&#x3D;mail&amp;lang&#x3D;en\">"),
        "{html}"
    );
    assert!(html.contains("<a href=\"tel:+442079460331\">Call back +44 20 7946 0331</a>"), "{html}");
    let uk = render("missed", Language::Uk, &sample("missed")).unwrap();
    assert_eq!(uk.subject, "Пропущений дзвінок: O'Hara & Sons, +44 20 7946 0331, 23 листопада, 11:30");
    assert!(
        uk.text.contains("Час очікування: 2 хв 5 с\nПричина: телефон дзвонив, але ніхто не відповів\n"),
        "{}",
        uk.text
    );
    assert!(uk.text.contains("Цей клієнт безуспішно дзвонив 3 рази."), "{}", uk.text);
}

#[test]
fn a_reminder_says_the_how_manieth_it_is() {
    let en = render("overdue", Language::En, &sample("overdue")).unwrap();
    assert_eq!(en.subject, "Not called back yet: +44 20 7946 0331, waiting since 23 November, 09:59");
    assert_eq!(
        en.text,
        "Hello Ann <Poe>,\n\nA customer whose call was missed has not been called back in time:\n\n\
        Customer: +44 20 7946 0331\nFirst call: 23 November, 09:59\nLast call: 23 November, 11:30\nWas due: 23 November, 12:15\n\
        Responsible: Sales & more\nCalls in vain: 3\nOur attempts: 1\n\nThis is reminder 2: nobody has acted on the earlier ones.\n\n\
        https://ringback.example/follow-ups/f1\n"
    );
    let uk = render("limit", Language::Uk, &sample("limit")).unwrap();
    assert_eq!(uk.subject, "Межу перевищено: sales-misses, Sales & more: 12,5");
}

#[test]
fn little_data_is_enough_and_what_is_wanted_is_named() {
    let data = json!({"call": {"caller": {"number": null}, "started_at": NOW_MS}, "follow_up": null});
    let en = render("missed", Language::En, &data).unwrap();
    assert_eq!(en.subject, "Missed call from a withheld number, 23 November, 12:00");
    assert_eq!(
        en.text,
        "Hello Ann <Poe>,\n\nNobody answered this call:\n\nFrom: a withheld number\nWhen: 23 November, 12:00\n"
    );
    let data = json!({"call": {"started_at": NOW_MS}});
    assert_eq!(
        render("missed", Language::En, &data).unwrap_err(),
        "template missed/en.subject.hbs, line 1: wants `call.caller`, which its data has not"
    );
    assert_eq!(
        render("limit", Language::Uk, &json!({})).unwrap_err(),
        "template limit/uk.subject.hbs, line 1: wants `limit.raised`, which its data has not"
    );
    assert_eq!(
        render("mised", Language::En, &data).unwrap_err(),
        "template mised: is not there; there are limit, missed, overdue, plain"
    );
    assert_eq!(
        render("plain", Language::En, &json!("text")).unwrap_err(),
        "template plain: wants its data as an object, {\"field\": value}"
    );
    let data = json!({"call": {"caller": {}, "started_at": "yesterday"}});
    assert_eq!(
        render("missed", Language::En, &data).unwrap_err(),
        "template missed/en.subject.hbs, line 1: moment: wants a moment: milliseconds since 1970, or 2026-11-23T10:00:00.000Z; not \"yesterday\""
    );
    let data = json!({"subject": "a", "text": "b", "link": "javascript:alert(1)"});
    assert_eq!(
        render("plain", Language::En, &data).unwrap_err(),
        "template plain/en.text.hbs, line 4: url: wants a link that begins with one of https: http: mailto: tel:; not \"javascript:alert(1)\""
    );
}

#[test]
fn the_data_cannot_say_whom_the_mail_is_for() {
    let data = json!({"subject": "a", "text": "b", "mail": {"name": "somebody else", "language": "uk"}});
    assert_eq!(render("plain", Language::En, &data).unwrap().text, "b\n");
    let data = json!({"call": {"caller": {"person": "ann", "number": "+4477*****331"}, "started_at": NOW_MS}, "mail": {"name": "x", "zone": "UTC"}, "follow_up": {}});
    let rendered = render("missed", Language::En, &data).unwrap();
    assert_eq!(rendered.subject, "Missed call from Ann Poe, +4477*****331, 23 November, 12:00");
    assert!(rendered.text.starts_with("Hello Ann <Poe>,"), "{}", rendered.text);
    // A masked number is no link.
    assert!(!rendered.html.unwrap().contains("tel:"));
}

#[test]
fn what_a_mail_must_not_have_is_refused() {
    let deep = format!("{}x{}", "{{#if a}}".repeat(5000), "{{/if}}".repeat(5000));
    let brackets = format!("{{{{told {}a{}}}}}", "(told ".repeat(5000), ")".repeat(5000));
    let refused: [(&str, &str); 25] = [
        ("{{{a}}}", "line 1: writes without escaping: two braces, not three, and no &"),
        ("x\n{{&a}}", "line 2: writes without escaping: two braces, not three, and no &"),
        ("{{> other}}", "line 1: includes another template, which mails cannot"),
        ("{{#> other}}x{{/other}}", "line 1: includes another template, which mails cannot"),
        ("{{#*inline \"a\"}}{{> a}}{{/inline}}", "line 1: has a decorator, which mails cannot have"),
        ("{{log a}}", "calls log, which is not there"),
        ("{{#if a}}{{shout b}}{{/if}}", "calls shout, which is not there"),
        ("{{#if (shout b)}}x{{/if}}", "calls shout, which is not there"),
        ("{{#shout}}x{{/shout}}", "shout, which is not there"),
        ("{{#told a}}x{{/told}}", "line 1: told is no block; there are if, unless, each, with"),
        ("{{#each a}}{{#each b}}{{#each c}}x{{/each}}{{/each}}{{/each}}", "goes through lists more than 2 deep"),
        ("<a href=\"{{link}}\">x</a>", "puts data into href unchecked: write href=\"{{url …}}\""),
        ("<a title=\"a\" HREF = '{{link}}'>x</a>", "puts data into href unchecked"),
        ("<img src=\"{{#if a}}{{b}}{{/if}}\">", "puts data into src unchecked"),
        ("<a href=\"java{{link}}\">x</a>", "puts data into href unchecked"),
        ("<a href={{url link}}>x</a>", "puts data into a tag outside of quotes"),
        ("<p {{a}}>x</p>", "puts data into a tag outside of quotes"),
        ("<p style=\"{{a}}\">x</p>", "puts data into the attribute style"),
        ("<p onclick=\"{{a}}\">x</p>", "puts data into the attribute onclick"),
        ("<iframe srcdoc=\"{{a}}\">", "puts data into the attribute srcdoc"),
        ("<a title=\"<\" href=\"{{a}}\">x</a>", "puts data into a tag outside of quotes"),
        ("<a {{#if a}}href=\"{{else}}title=\"{{/if}}{{b}}\">x</a>", "puts data into a tag outside of quotes"),
        ("<script>{{a}}</script>", "puts data into <script>, where it cannot be escaped"),
        (&deep, "line 1: is more than 12 blocks or brackets deep"),
        (&brackets, "line 1: is more than 12 blocks or brackets deep"),
    ];
    for (text, expected) in refused {
        let error = Templates::empty().add("own", Language::En, Part::Html, text, "own").unwrap_err().to_string();
        assert!(error.contains(expected), "{:.60}: {error}", text);
    }
    for text in [
        "<a href=\"{{url link}}\" title=\"{{a}}\">{{b}}</a>",
        "<a href=\"tel:{{n}}\">{{n}}</a>",
        "<style>p { color: red }</style><p class='{{a}}'>{{#each list}}{{this}}{{#each inner}}{{../x}}{{/each}}{{/each}}</p>",
        "{{!-- {{{a}}} --}}{{#if a}}x{{else if b}}y{{else}}z{{/if}}",
    ] {
        Templates::empty().add("own", Language::En, Part::Html, text, "own").unwrap();
    }
}

#[test]
fn half_a_template_is_an_error_or_a_template() {
    let mut refused = 0;
    for (_, _, part, text) in BUILT_IN {
        for (end, _) in text.char_indices().step_by(11) {
            refused += usize::from(walk::read(&text[..end], part == Part::Html).is_err());
            // And without its beginning.
            refused += usize::from(walk::read(&text[end..], part == Part::Html).is_err());
        }
    }
    assert!(refused > 100, "{refused}");
}

/// A template of one's own, filled in.
fn own(text: &str, data: &Value) -> Result<String, String> {
    let mut templates = Templates::empty();
    templates.add("own", Language::En, Part::Subject, "s", "own").unwrap();
    templates.add("own", Language::En, Part::Text, text, "own").unwrap();
    let rendered = templates.render("own", &reader(Language::En), data, &directory(), NOW_MS);
    rendered.map(|r| r.text).map_err(|error| error.to_string())
}

#[test]
fn blocks_refuse_what_is_missing() {
    for (text, field) in [
        ("{{#if a}}x{{/if}}", "a"),
        ("{{#if a}}x{{else}}y{{/if}}", "a"),
        ("{{#unless a.b}}x{{/unless}}", "a.b"),
        ("{{#each a}}x{{else}}none{{/each}}", "a"),
        ("{{#with a}}x{{else}}y{{/with}}", "a"),
        ("{{#each list}}{{name}}{{/each}}", "name"),
        ("{{#if b}}x{{else if a}}y{{/if}}", "a"),
        ("{{length a}}", "a"),
    ] {
        let data = json!({"list": [{}], "b": false});
        let expected = format!("template own/en.text.hbs, line 1: wants `{field}`, which its data has not");
        assert_eq!(own(text, &data), Err(expected), "{text}");
    }
    let data = json!({"list": [{"n": 1, "in": [1, 2]}, {"n": 0, "in": []}], "empty": []});
    let text = "{{#each list}}{{@index}}:{{n}}{{#if n}}!{{/if}}[{{#each in}}{{this}}{{../n}}{{/each}}] {{/each}}{{#each empty}}x{{else}}none{{/each}}";
    assert_eq!(own(text, &data).unwrap(), "0:1![1121] 1:0[] none");
}

#[test]
fn what_grows_too_large_is_refused() {
    let list = |n: usize| json!({"list": vec![1; n]});
    let error = own("{{#each list}}x{{/each}}", &list(ENTRIES + 1)).unwrap_err();
    assert!(error.contains("a list of 1001 entries; a mail has at most 1000"), "{error}");
    let error = own("{{#each list}}{{#each ../list}}yyyyyyyyyy{{/each}}{{/each}}", &list(ENTRIES)).unwrap_err();
    assert!(error.contains("becomes longer than 262144 bytes"), "{error}");
}

const ENTRIES: usize = super::functions::ENTRIES_MAX;

#[test]
fn an_installation_replaces_and_adds() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("missed/en.subject.hbs", "Call {{number call.caller.number}}!");
    write("birthday/uk.subject.hbs", "Вітаємо");
    write("birthday/uk.text.hbs", "{{age}}");
    write(".git/config", "");
    let load = || {
        Templates::load(folder.path())
            .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "T"))
    };
    let templates = load().unwrap();
    let render =
        |name: &str, data: &Value| templates.render(name, &reader(Language::En), data, &directory(), NOW_MS).unwrap();
    assert_eq!(render("missed", &sample("missed")).subject, "Call +44 20 7946 0331!");
    assert!(render("missed", &sample("missed")).html.is_some());
    let birthday = Rendered { subject: "Вітаємо".to_owned(), text: "30".to_owned(), html: None };
    assert_eq!(render("birthday", &json!({"age": 30})), birthday);
    for (file, text, expected) in [
        (
            "birthday/de.text.hbs",
            "x",
            "template T/birthday/de.text.hbs: is no part of a template; name it LANGUAGE.PART.hbs, with en or uk and subject, text or html",
        ),
        (
            "birthday/uk.text.hbs~",
            "x",
            "template T/birthday/uk.text.hbs~: is no part of a template; name it LANGUAGE.PART.hbs, with en or uk and subject, text or html",
        ),
        (
            "loose.hbs",
            "x",
            "template T/loose.hbs: is no folder of a template; name one with a-z, 0-9 and _, and put its files into it",
        ),
        (
            "half/en.text.hbs",
            "x",
            "template half: has no half/en.subject.hbs: a mail needs a subject and a text in each of its languages",
        ),
        (
            "missed/en.html.hbs",
            "\n<a href=\"{{x}}\">",
            "template T/missed/en.html.hbs, line 2: puts data into href unchecked: write href=\"{{url …}}\"",
        ),
    ] {
        write(file, text);
        assert_eq!(load().map(|_| ()).unwrap_err(), expected);
        let path = folder.path().join(file);
        std::fs::remove_file(&path).unwrap();
        if file.starts_with("half") {
            std::fs::remove_dir(path.parent().unwrap()).unwrap();
        }
    }
    write("missed/en.text.hbs", &"x".repeat(TEMPLATE_BYTES_MAX as usize + 1));
    assert!(load().map(|_| ()).unwrap_err().ends_with("has 65537 bytes, and at most 65536 are read"));
    assert!(Templates::load(Path::new("/nowhere")).is_ok());
}
