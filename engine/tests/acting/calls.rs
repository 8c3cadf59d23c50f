//! Records of calls that end now, as an Asterisk writes them, with numbers of our own choice.

/// Kept for fiction: `+44 1632 960 000` and on; with more digits where a test wants more customers than that.
pub fn customer(n: usize) -> String {
    format!("+44163296{:04}", n % 10_000)
}

fn printed(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).expect("a moment").format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A telephone of ours rang for seven seconds, and nobody came: two lines, of which the second ends the call.
pub fn missed(customer: &str, extension: &str, number: usize, ended_ms: i64) -> Vec<String> {
    let (start, end) = (printed(ended_ms - 7000), printed(ended_ms));
    let id = format!("{}.{number}", (ended_ms - 7000) / 1000);
    vec![
        format!(
            "\"\"\"\"\" <{customer}>\",\"{customer}\",\"{extension}\",\"ext-local\",\"PJSIP/trunk-a-{number:08x}\",\"PJSIP/{extension}-{number:08x}\",\
             \"Dial\",\"PJSIP/{extension},7,tTkK\",\"{start}\",\"\",\"{end}\",\"7\",\"0\",\"NO ANSWER\",\"DOCUMENTATION\",\"\",\"{id}\",\"\",\"{id}\",\
             \"{extension}\",\"1\",\"442079460114\",\"\""
        ),
        format!(
            "\"\"\"\"\" <{customer}>\",\"{customer}\",\"{extension}\",\"ext-local\",\"PJSIP/trunk-a-{number:08x}\",\"\",\"Hangup\",\"19\",\"{end}\",\"\",\
             \"{end}\",\"0\",\"0\",\"NO ANSWER\",\"DOCUMENTATION\",\"\",\"{id}\",\"\",\"{id}\",\"\",\"2\",\"442079460114\",\"\""
        ),
    ]
}

/// A telephone of ours was answered at once, and they talked.
pub fn answered(customer: &str, extension: &str, number: usize, ended_ms: i64, talk_s: i64) -> Vec<String> {
    let (start, taken, end) =
        (printed(ended_ms - talk_s * 1000 - 2000), printed(ended_ms - talk_s * 1000), printed(ended_ms));
    let id = format!("{}.{number}", (ended_ms - talk_s * 1000 - 2000) / 1000);
    vec![format!(
        "\"\"\"\"\" <{customer}>\",\"{customer}\",\"{extension}\",\"ext-local\",\"PJSIP/trunk-a-{number:08x}\",\"PJSIP/{extension}-{number:08x}\",\
         \"Dial\",\"PJSIP/{extension},10,tTkK\",\"{start}\",\"{taken}\",\"{end}\",\"{}\",\"{talk_s}\",\"ANSWERED\",\"DOCUMENTATION\",\"\",\"{id}\",\"\",\
         \"{id}\",\"{extension}\",\"3\",\"442079460114\",\"\"",
        talk_s + 2
    )]
}

/// A site of one exchange that is always open, with these extensions.
pub fn site(people: &[(&str, &str)]) -> String {
    let mut site = "talk_min_s = 1\n[[site]]\nid = \"main\"\nzone = \"UTC\"\ncountry = \"GB\"\nhours = { mon = [\"00:00-24:00\"], \
        tue = [\"00:00-24:00\"], wed = [\"00:00-24:00\"], thu = [\"00:00-24:00\"], fri = [\"00:00-24:00\"], sat = [\"00:00-24:00\"], \
        sun = [\"00:00-24:00\"] }\n[[pbx]]\nid = \"main\"\n[pbx.contexts]\n\"ext-local\" = \"extension\"\n\"from-internal\" = \"inside\"\n\
        [[trunk]]\nname = \"trunk-a\"\ndevice = \"PJSIP/trunk-a-\"\n[[group]]\nid = \"sales\"\nheads = [\"head\"]\nemail = \"sales@acme.example\"\n"
        .to_owned();
    for (person, extension) in people {
        site.push_str(&format!(
            "[[person]]\nid = \"{person}\"\nname = \"{person}\"\ngroup = \"sales\"\nemail = \"{person}@acme.example\"\n\
             extensions = [{{ number = \"{extension}\", device = \"PJSIP/{extension}\" }}]\n"
        ));
    }
    site
}
