//! Events as Asterisk wrote them before 12, which no recorded PBX of the corpus shows: read by the adapter, without a site file.

#![allow(clippy::unwrap_used)]

use adapters::pbx;
use adapters::{Legs, Settings, reader::Reader};
use calls::call;
use calls::site::Site;
use calls::verdict::Outcome;
use directory::Directory;

/// A bridge is told by the caller's channel alone, with the other's name in `peer`.
const CALL: &str = r#"
"CHAN_START","1772626278.5","Kim","02079460101","","","","201","from-pstn","SIP/line-1","","","3","","1772626278.1","1772626278.1","","","",""
"APP_START","1772626278.6","Kim","02079460101","","","","201","from-pstn","SIP/line-1","Dial","SIP/201","3","","1772626278.1","1772626278.1","","","",""
"CHAN_START","1772626278.7","","201","","","","s","from-internal","SIP/201-2","","","3","","1772626278.2","1772626278.1","","","",""
"ANSWER","1772626283.7","","201","","","","s","from-internal","SIP/201-2","AppDial","(Outgoing Line)","3","","1772626278.2","1772626278.1","","","",""
"BRIDGE_START","1772626283.7","Kim","02079460101","","","","201","from-pstn","SIP/line-1","Dial","SIP/201","3","","1772626278.1","1772626278.1","PEER","","",""
"BRIDGE_END","1772626303.7","Kim","02079460101","","","","201","from-pstn","SIP/line-1","Dial","SIP/201","3","","1772626278.1","1772626278.1","PEER","","",""
"HANGUP","1772626303.7","","201","","","","","from-internal","SIP/201-2","AppDial","(Outgoing Line)","3","","1772626278.2","1772626278.1","","","","16,SIP/201-2,"
"HANGUP","1772626303.8","Kim","02079460101","","","","201","from-pstn","SIP/line-1","","","3","","1772626278.1","1772626278.1","","","","16,SIP/201-2,ANSWER"
"#;

#[test]
fn a_bridge_that_one_side_tells_is_a_talk() {
    // The second is of a table without the column `peer`.
    for peer in ["SIP/201-2", ""] {
        let settings = Settings::without_site_file("acme", "main", "asterisk_cel");
        let mut out = Legs::default();
        let adapter = *pbx::ADAPTERS.iter().find(|a| a.about().name == "asterisk_cel").unwrap();
        let mut reader = Reader::new(adapter, &settings, b"test", 1);
        reader.push(CALL.replace("PEER", peer).as_bytes(), None, &mut out);
        reader.finish(None, &mut out);
        assert!(out.rejects.is_empty(), "{:?}", out.rejects);
        let directory = Directory::without_site_file("main");
        let call = call::fold(&out.legs, &mut Site::new(&directory), false, true).unwrap();
        assert_eq!((call.line.outcome, call.line.answered_by), (Outcome::Answered, vec!["201".into()]));
        assert_eq!(call.line.talk_time_s.map(|s| s.ms), Some(20_000));
    }
}
