//! Every dialogue with a real PBX, fed to the codecs and to the machine of a call back, ends as it did: `# ends:` in its file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "peer/dialogue.rs"]
mod dialogue;

use adapters::control::asterisk_ami::{self, Command, Reader, SignIn, Step, Told};
use adapters::control::{DialEnd, Dialing, Limits, Order, Presence, Seen, asterisk_ari};
use dialogue::{Dialogue, Said, dialogues};

const LIMITS: Limits =
    Limits { answer_ms: 10_000, ring_ms: 20_000, dial_ms: 45_000, talk_min_ms: 10_000, settle_ms: 3000 };

/// The ends of all call backs of a dialogue, in the words of `# ends:`.
fn check_ends(dialogue: &Dialogue, ends: &[DialEnd]) {
    let ends: Vec<String> = ends.iter().map(|end| format!("{end:?}")).collect();
    assert_eq!(dialogue.ends, ends, "{}", dialogue.name);
}

/// What the PBX told, through the reader, cut into pieces of this size.
fn told(said: &Said, piece: usize) -> Told {
    let mut reader = Reader::default();
    let mut all = Vec::new();
    let bytes = [b"Asterisk Call Manager/11.0.0\r\n".as_slice(), &said.bytes()].concat();
    for bytes in bytes.chunks(piece) {
        reader.push(bytes, |told| all.push(told)).unwrap();
    }
    assert_eq!(all.len(), 2, "{said:?}");
    assert!(all[0].is_banner());
    all.pop().unwrap()
}

/// All but the banner, which has no field.
fn told_by_the_pbx(dialogue: &Dialogue) -> impl Iterator<Item = &Said> {
    dialogue.said.iter().filter(|said| said.by == "S" && said.lines.iter().any(|line| line.contains(": ")))
}

fn ami_ends(dialogue: &Dialogue, piece: usize) -> Vec<DialEnd> {
    let is_command = |said: &&Said| said.by == "C" && said.get("Action") == "Originate";
    let mut calls: Vec<_> = dialogue
        .said
        .iter()
        .filter(is_command)
        .map(|said| {
            let follower = asterisk_ami::Follower::new(said.get("ChannelId"), said.get("ActionID"));
            (follower, Dialing::new(LIMITS, said.at_ms))
        })
        .collect();
    for said in told_by_the_pbx(dialogue) {
        let told = told(said, piece);
        for (follower, dialing) in &mut calls {
            dialing.pass(said.at_ms);
            if follower.concerns(&told)
                && let Some(seen) = follower.see(&told)
            {
                dialing.hear(seen, said.at_ms);
            }
        }
    }
    let at = dialogue.said.last().map_or(0, |said| said.at_ms) + 60_000;
    calls.into_iter().map(|(_, mut dialing)| ended(&mut dialing, at)).collect()
}

/// Nothing more is told: time alone ends it.
fn ended(dialing: &mut Dialing, at: i64) -> DialEnd {
    for step in 0..4 {
        dialing.pass(at + step * 60_000);
    }
    dialing.end().cloned().expect("a call back ends")
}

#[test]
fn each_dialogue_of_the_manager_interface_ends_as_it_did() {
    for dialogue in dialogues("asterisk_ami") {
        for piece in [1, 7, 4096] {
            check_ends(&dialogue, &ami_ends(&dialogue, piece));
        }
    }
}

fn ari_ends(dialogue: &Dialogue) -> Vec<DialEnd> {
    let mut calls: Vec<(asterisk_ari::Follower, Dialing)> = Vec::new();
    let mut asked_of = None;
    for said in &dialogue.said {
        let first = said.lines.first().map(String::as_str).unwrap_or_default();
        if said.by == "C" {
            asked_of = None;
            if let Some(query) = first.strip_prefix("POST /ari/channels?") {
                let call = query.split(['&', ' ']).find_map(|pair| pair.strip_prefix("channelId=")).unwrap_or("none");
                calls.push((asterisk_ari::Follower::new(call), Dialing::new(LIMITS, said.at_ms)));
                asked_of = Some(calls.len() - 1);
            }
        } else if said.by == "S" {
            let mut text = said.lines.join("\r\n");
            // An answer without a body ends with its head.
            if said.lines.last().is_some_and(String::is_empty) {
                text.push_str("\r\n");
            }
            let bytes = text.into_bytes();
            let answer = asterisk_ari::Answer::of(&bytes).expect("an answer of HTTP");
            if let Some((_, dialing)) = asked_of.and_then(|index| calls.get_mut(index)) {
                dialing.hear(answer.seen(), said.at_ms);
            }
        } else if let Ok(event) = serde_json::from_str(first) {
            for (follower, dialing) in &mut calls {
                if follower.concerns(&event)
                    && let Some(seen) = follower.see(&event)
                {
                    dialing.hear(seen, said.at_ms);
                }
            }
        }
    }
    let at = dialogue.said.last().map_or(0, |said| said.at_ms) + 60_000;
    calls.into_iter().map(|(_, mut dialing)| ended(&mut dialing, at)).collect()
}

#[test]
fn each_dialogue_of_the_rest_interface_ends_as_it_did() {
    for dialogue in dialogues("asterisk_ari") {
        check_ends(&dialogue, &ari_ends(&dialogue));
    }
}

/// Writes what comes out now into the files; then read it: `cargo test -p deliver --test dialogues bless -- --ignored`.
#[test]
#[ignore = "writes the expectations"]
fn bless() {
    for (interface, ends) in
        [("asterisk_ami", (|d| ami_ends(d, 4096)) as fn(&Dialogue) -> Vec<DialEnd>), ("asterisk_ari", ari_ends)]
    {
        for dialogue in dialogues(interface) {
            let file = dialogue::folder(interface).join(format!("{}.txt", dialogue.name));
            let text = std::fs::read_to_string(&file).unwrap();
            let (head, body) = text.split_once("\n\n").unwrap();
            let mut head: Vec<String> =
                head.lines().filter(|line| !line.starts_with("# ends: ")).map(str::to_owned).collect();
            head.extend(ends(&dialogue).iter().map(|end| format!("# ends: {end:?}")));
            std::fs::write(&file, format!("{}\n\n{body}", head.join("\n"))).unwrap();
        }
    }
}

#[test]
fn a_lost_connection_is_unknown_wherever_it_is_lost_and_never_dialed_again() {
    for dialogue in dialogues("asterisk_ami") {
        let said: Vec<&Said> = told_by_the_pbx(&dialogue).collect();
        let Some(command) = dialogue.said.iter().find(|said| said.get("Action") == "Originate") else { continue };
        let whole = ami_ends(&dialogue, 4096)[0].clone();
        for cut in 0..said.len() {
            let mut follower = asterisk_ami::Follower::new(command.get("ChannelId"), command.get("ActionID"));
            let mut dialing = Dialing::new(LIMITS, command.at_ms);
            for said in &said[..cut] {
                if let Some(seen) = follower.see(&told(said, 4096)) {
                    dialing.hear(seen, said.at_ms);
                }
            }
            dialing.hear(Seen::Lost, said[cut].at_ms);
            let end = dialing.end().expect("it is lost");
            // Whatever is said to be sure is what the whole dialogue says too.
            if end.is_customer_untouched() {
                assert!(whole.is_customer_untouched(), "{} cut at {cut}: {end:?}, but {whole:?}", dialogue.name);
            }
        }
    }
}

#[test]
fn signing_in_by_challenge_answers_as_the_recorded_client_did() {
    let dialogue = dialogue::read(&dialogue::folder("asterisk_ami").join("sign-in-by-challenge.txt"));
    let challenge = dialogue.said.iter().find(|said| !said.get("Challenge").is_empty()).unwrap().get("Challenge");
    let expected = dialogue.said.iter().find(|said| !said.get("Key").is_empty()).unwrap().get("Key");
    let sent = Command::login("l3", "engine", challenge, "engine-secret").unwrap().bytes();
    let sent = String::from_utf8(sent).unwrap();
    assert!(sent.contains(&format!("Key: {expected}\r\n")), "{sent}");
    assert!(!sent.contains("engine-secret"), "{sent}");
}

#[test]
fn a_refused_sign_in_is_told() {
    let refused = Said {
        by: "S".into(),
        lines: ["Response: Error", "ActionID: sign-in-2", "Message: Authentication failed"].map(str::to_owned).into(),
        at_ms: 0,
    };
    let step = SignIn::new("engine", "x").hear(&told(&refused, 9)).unwrap();
    assert_eq!(step, Step::Refused("Authentication failed".into()));
}

#[test]
fn states_are_read_as_they_were_told() {
    let dialogue = dialogue::read(&dialogue::folder("asterisk_ami").join("states.txt"));
    let states: Vec<(String, Option<Presence>)> = dialogue
        .said
        .iter()
        .filter(|said| said.by == "S" && !(said.get("Status").is_empty() && said.get("Value").is_empty()))
        .map(|said| {
            let told = told(said, 4096);
            if said.get("Status").is_empty() {
                (said.get("Variable").to_owned(), asterisk_ami::device_state(&told))
            } else {
                (said.get("Exten").to_owned(), asterisk_ami::extension_state(&told))
            }
        })
        .collect();
    let expected = [
        ("101", Presence::Available),
        ("112", Presence::Offline),
        ("555", Presence::Unknown),
        ("DEVICE_STATE(PJSIP/101)", Presence::Available),
        // It talks.
        ("101", Presence::Busy),
    ];
    assert_eq!(states, expected.map(|(what, state)| (what.to_owned(), Some(state))));
}

/// A command that holds this somewhere.
fn order(change: impl FnOnce(&mut Order)) -> Order {
    let mut order = Order {
        call: "rb-00ff00ff00ff00ff-1795382848.1".into(),
        action_key: "call_back:00ff00ff00ff00ff1111111111111111".into(),
        device: "PJSIP/101".into(),
        context: "from-telephones".into(),
        dialed: "+447700900331".into(),
        shown: ("Ringback".into(), "+447700900331".into()),
        ring_s: 20,
    };
    change(&mut order);
    order
}

#[test]
fn a_command_is_written_as_the_pbx_reads_it() {
    let sent = Command::originate("rb7", &order(|_| ())).unwrap().bytes();
    let expected = "Action: Originate\r\nActionID: rb7\r\nChannel: PJSIP/101\r\nContext: from-telephones\r\n\
        Exten: +447700900331\r\nPriority: 1\r\nCallerID: \"Ringback\" <+447700900331>\r\nTimeout: 20000\r\nAsync: true\r\n\
        ChannelId: rb-00ff00ff00ff00ff-1795382848.1\r\nAccount: ringback\r\n\
        Variable: RINGBACK_ACTION=call_back:00ff00ff00ff00ff1111111111111111\r\n\
        Variable: CDR(userfield)=rb:rb-00ff00ff00ff00ff-1795382848.1\r\n\r\n";
    assert_eq!(String::from_utf8(sent).unwrap(), expected);
}

#[test]
fn no_value_can_be_a_command() {
    let evil =
        ["1\r\nAction: Originate", "1\nAction: Logoff", "1\r", "1\u{0}", "1,CALLERID(num)=1", "1 2", "", "1&PJSIP/2|x"];
    for evil in evil {
        let orders = [
            order(|order| order.call = evil.into()),
            order(|order| order.action_key = evil.into()),
            order(|order| order.device = evil.into()),
            order(|order| order.context = evil.into()),
            order(|order| order.dialed = evil.into()),
            order(|order| order.shown.1 = evil.into()),
        ];
        for order in orders {
            assert!(Command::originate("rb7", &order).is_err(), "{order:?}");
            assert!(asterisk_ari::Request::originate(&order).is_err(), "{order:?}");
        }
    }
    for evil in ["A\r\nAction: Logoff", "A\" <1>, \"B", "A\n", "\u{7f}"] {
        let order = order(|order| order.shown.0 = evil.into());
        assert!(Command::originate("rb7", &order).is_err(), "{order:?}");
        assert!(asterisk_ari::Request::originate(&order).is_err(), "{order:?}");
    }
    assert!(Command::login("l", "me\r\nSecret: x", "1", "2").is_err());
    assert!(Command::device_state("l", "PJSIP/101)\r\nAction: Logoff").is_err());
    assert!(Command::device_state("l", "PJSIP/101),SHELL(id").is_err());
    assert!(Command::hang_up("l", "/^.*$/").is_err());
    assert!(asterisk_ari::Request::ping().bytes("host\r\nX: y", "Basic x").is_err());
}

#[test]
fn what_is_endless_is_no_manager_interface() {
    let mut reader = Reader::default();
    let mut told = 0;
    let result = (0..40).try_for_each(|_| reader.push(&[b'a'; 10_000], |_| told += 1));
    assert!(result.is_err());
    assert_eq!(told, 0);
}
