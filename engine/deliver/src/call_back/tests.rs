//! Whom to ring, how the number is dialed, and what follows from each end, without a PBX.

use super::*;

const SITE: &str = r#"
[[site]]
id = "one"
country = "GB"
outside_prefix = "9"
[[pbx]]
id = "main"
[[pbx]]
id = "other"
[[group]]
id = "sales"
heads = ["hannah", "ann"]
[[group]]
id = "empty"
[[person]]
id = "hannah"
name = "Hannah"
group = "sales"
extensions = [{ number = "100" }]
[[person]]
id = "ann"
name = "Ann"
group = "sales"
extensions = [{ number = "101", device = "SIP/desk-101" }, { number = "201" }]
[[person]]
id = "bob"
name = "Bob"
groups = ["sales"]
extensions = [{ number = "102", device = "bob-desk" }]
[[person]]
id = "cy"
name = "Cy"
group = "sales"
extensions = [{ number = "103", until = 2020-01-01 }, { number = "104", pbx = "other" }]
[[person]]
id = "dee"
name = "Dee"
group = "sales"
extensions = [{ number = "105" }]
"#;

const NOW: i64 = 1_795_382_848_000;

fn directory() -> Directory {
    // A date of a site file is a text.
    Directory::from_toml(&SITE.replace("2020-01-01", "\"2020-01-01\"")).unwrap()
}

fn check(owner: Option<&str>, group: Option<&str>, expected: &[(&str, &[&str])]) {
    check_asked(None, owner, group, expected);
}

fn check_asked(asked_by: Option<&str>, owner: Option<&str>, group: Option<&str>, expected: &[(&str, &[&str])]) {
    let order = CallBackOrder {
        action_key: "call_back:0".into(),
        customer: "+447700900331".into(),
        owner: owner.map(str::to_owned),
        asked_by: asked_by.map(str::to_owned),
        group: group.map(str::to_owned),
        attempt: 1,
        ring_s: None,
        require_presence: true,
        now: NOW,
    };
    let found = whom_to_ring(&order, &directory(), "main", "PJSIP/");
    let found: Vec<(&str, Vec<&str>)> = found
        .iter()
        .map(|one| (one.person.as_str(), one.telephones.iter().map(|t| t.device.as_str()).collect()))
        .collect();
    let expected: Vec<(&str, Vec<&str>)> =
        expected.iter().map(|(person, devices)| (*person, devices.to_vec())).collect();
    assert_eq!(found, expected, "owner {owner:?}, group {group:?}");
}

#[test]
fn who_was_called_is_first_and_heads_are_last() {
    let hannah = ("hannah", &["PJSIP/100"][..]);
    let ann = ("ann", &["SIP/desk-101", "PJSIP/201"][..]);
    let bob = ("bob", &["PJSIP/bob-desk"][..]);
    let dee = ("dee", &["PJSIP/105"][..]);
    check(Some("person:dee"), None, &[dee, bob, hannah, ann]);
    check(Some("person:ann"), None, &[ann, bob, dee, hannah]);
    check(Some("group:sales"), None, &[bob, dee, hannah, ann]);
    // Bob belongs to the group beside his own, of which there is none.
    check(Some("person:bob"), None, &[bob]);
    check(Some("person:bob"), Some("sales"), &[bob, dee, hannah, ann]);
    check(None, Some("sales"), &[bob, dee, hannah, ann]);
    // Cy's extensions are of the past, and of another exchange.
    check(Some("person:cy"), None, &[bob, dee, hannah, ann]);
    check(Some("person:nobody"), None, &[]);
    check(Some("group:empty"), None, &[]);
    check(None, None, &[]);
    // Who asks for it talks: if they have a telephone here, it rings, and no other.
    check_asked(Some("bob"), Some("person:dee"), None, &[bob]);
    check_asked(Some("cy"), Some("person:dee"), None, &[dee, bob, hannah, ann]);
}

#[test]
fn a_number_is_dialed_as_the_exchange_wants_it() {
    let dialed = |form: NumberForm, prefix: Option<&str>, number: &str| {
        let settings = ControlSettings {
            number_form: form,
            outside_prefix: prefix.map(str::to_owned),
            ..ControlSettings::default()
        };
        number_to_dial(number, &settings, &directory(), "main")
    };
    assert_eq!(dialed(NumberForm::Auto, None, "+442079460999"), Ok("902079460999".into()));
    assert_eq!(dialed(NumberForm::Auto, None, "+14155550132"), Ok("90014155550132".into()));
    assert_eq!(dialed(NumberForm::Auto, Some(""), "+442079460999"), Ok("+442079460999".into()));
    assert_eq!(dialed(NumberForm::E164, None, "+442079460999"), Ok("9+442079460999".into()));
    assert_eq!(dialed(NumberForm::National, Some("0"), "+442079460999"), Ok("002079460999".into()));
    let nowhere = Directory::from_toml("[[site]]\nid = \"one\"\n[[pbx]]\nid = \"main\"\n").unwrap();
    let settings = ControlSettings { number_form: NumberForm::National, ..ControlSettings::default() };
    let why = number_to_dial("+442079460999", &settings, &nowhere, "main").unwrap_err();
    assert!(why.contains("`country`") && why.contains("number_form"), "{why}");
}

#[test]
fn only_who_did_not_reach_the_customers_line_may_be_followed_by_another() {
    let text = || "x".to_owned();
    let talk = |talk_ms: i64| CustomerEnd::Answered { talk_ms, goes_on: false };
    let ends = [
        (DialEnd::NotSent(text()), None),
        (DialEnd::Person(PersonEnd::Offline, text()), None),
        (DialEnd::Person(PersonEnd::Busy, text()), None),
        (DialEnd::Person(PersonEnd::Declined, text()), None),
        (DialEnd::Person(PersonEnd::NoAnswer, text()), None),
        (DialEnd::Person(PersonEnd::LeftEarly, text()), Some(Status::Failed)),
        (DialEnd::Refused(Refusal::SignIn, text()), Some(Status::Failed)),
        (DialEnd::Refused(Refusal::Grant, text()), Some(Status::Failed)),
        (DialEnd::Refused(Refusal::Value, text()), Some(Status::Failed)),
        (DialEnd::Customer(talk(20_000), text()), Some(Status::Done)),
        (DialEnd::Customer(talk(2_000), text()), Some(Status::Done)),
        (DialEnd::Customer(CustomerEnd::Busy, text()), Some(Status::Failed)),
        (DialEnd::Customer(CustomerEnd::Declined, text()), Some(Status::Failed)),
        (DialEnd::Customer(CustomerEnd::NoAnswer, text()), Some(Status::Failed)),
        (DialEnd::Customer(CustomerEnd::Invalid, text()), Some(Status::Failed)),
        (DialEnd::Customer(CustomerEnd::Network, text()), Some(Status::Failed)),
        (DialEnd::Unknown(text()), Some(Status::Unknown)),
    ];
    for (end, expected) in ends {
        let status = match attempted(&end, "ann", "rb-1", 10_000, &ControlSettings::default()) {
            Next::Another(_) => {
                assert!(end.is_customer_untouched(), "{end:?}");
                None
            }
            Next::Ended(attempted) => {
                assert_eq!(attempted.call.as_deref(), Some("rb-1"), "{end:?}");
                Some(attempted.status)
            }
        };
        assert_eq!(status, expected, "{end:?}");
    }
}

#[test]
fn a_short_talk_is_said() {
    let end = DialEnd::Customer(CustomerEnd::Answered { talk_ms: 2_000, goes_on: false }, "connected for 2 s".into());
    let Next::Ended(ended) = attempted(&end, "ann", "rb-1", 10_000, &ControlSettings::default()) else { panic!() };
    assert_eq!(
        ended.detail,
        "customer: answered, and talked too short to settle anything (connected for 2 s); rung for them: ann"
    );
}

#[test]
fn settings_that_cannot_work_are_told_with_what_would() {
    let whole = ControlSettings {
        address: "127.0.0.1:5038".into(),
        user: "ringback".into(),
        secret_file: "pbx.secret".into(),
        context: "from-telephones".into(),
        ..ControlSettings::default()
    };
    let check = |change: fn(&mut ControlSettings), expected: &str| {
        let mut settings = whole.clone();
        change(&mut settings);
        match settings.check("main") {
            Ok(()) => assert_eq!(expected, ""),
            Err(why) => {
                assert!(why.contains(expected) && why.contains("[pbx.main.control]") && !expected.is_empty(), "{why}");
            }
        }
    };
    check(|_| (), "");
    check(|s| s.address = "tls://pbx.example:5039".into(), "ca_file");
    check(|s| s.address = "pbx.example".into(), "HOST:PORT");
    check(|s| s.user.clear(), "`user` is missing");
    check(|s| s.context.clear(), "`context` is missing");
    check(|s| s.secret_file.clear(), "`secret_file` is missing");
    check(|s| s.ring_s = 0, "`ring_s`");
}
