//! Records of the exchanges of `site.toml`, as their adapters read them. Seconds count from a morning.

use adapters::adapter::Legs;
use adapters::leg::{Leg, Moment};
use adapters::reader::Reader;
use directory::Directory;

/// The morning, in seconds since 1970.
pub const MORNING_S: i64 = 1_790_000_000;

/// The moment so many seconds after the morning began.
pub fn at(seconds: i64) -> Moment {
    Moment((MORNING_S + seconds) * 1000)
}

pub fn directory() -> Directory {
    Directory::from_toml(include_str!("site.toml")).unwrap()
}

/// One row of Asterisk.
#[derive(Clone)]
pub struct Row {
    pub pbx: &'static str,
    /// The number of its call, of its channel, and of the channel that it rang.
    pub call: u32,
    pub own: u32,
    pub rung: u32,
    pub sequence: u32,
    pub src: &'static str,
    pub dst: &'static str,
    pub context: &'static str,
    pub channel: &'static str,
    pub far: &'static str,
    pub application: (&'static str, &'static str),
    /// Start, answer and end.
    pub at: (i64, Option<i64>, i64),
    pub disposition: &'static str,
    pub userfield: String,
}

impl Row {
    /// A caller from outside, whom `tower` sends over the tie to `lamp`, to 41.
    pub fn over_to_lamp(call: u32, at: (i64, Option<i64>, i64)) -> Row {
        Row {
            pbx: "tower",
            call,
            own: call,
            rung: call + 1,
            sequence: call * 10,
            src: "+442079460018",
            dst: "+351210000123",
            context: "arrivals",
            channel: "PJSIP/seabed",
            far: "PJSIP/lamp",
            application: ("Dial", "PJSIP/41@lamp,30"),
            at,
            disposition: if at.1.is_some() { "ANSWERED" } else { "NO ANSWER" },
            userfield: String::new(),
        }
    }

    pub fn line(&self) -> String {
        let time = |s: i64| {
            let at = chrono::DateTime::from_timestamp(MORNING_S + s, 0).unwrap();
            at.format("%Y-%m-%d %H:%M:%S").to_string()
        };
        let (start, answer, end) = self.at;
        let channel = |device: &str, number: u32| {
            if device.is_empty() { String::new() } else { format!("{device}-{number:08x}") }
        };
        let id = |number: u32| format!("{MORNING_S}.{number}");
        let fields = [
            format!("<{}>", self.src),
            self.src.to_owned(),
            self.dst.to_owned(),
            self.context.to_owned(),
            channel(self.channel, self.own),
            channel(self.far, self.rung),
            self.application.0.to_owned(),
            self.application.1.to_owned(),
            time(start),
            answer.map_or_else(String::new, time),
            time(end),
            (end - start).to_string(),
            answer.map_or(0, |a| end - a).to_string(),
            self.disposition.to_owned(),
            "DOCUMENTATION".to_owned(),
            String::new(),
            id(self.own),
            self.userfield.clone(),
            id(self.call),
            self.sequence.to_string(),
        ];
        fields.map(|f| format!("\"{f}\"")).join(",") + "\n"
    }

    pub fn legs(&self, directory: &Directory) -> Vec<Leg> {
        read(directory, self.pbx, "asterisk_cdr", &self.line())
    }
}

/// One record of CUCM.
#[derive(Clone)]
pub struct Cucm {
    pub call: u32,
    /// The identifiers of both ends.
    pub ends: (u32, u32),
    pub calling: &'static str,
    pub dialed: &'static str,
    pub reached: &'static str,
    pub devices: (&'static str, &'static str),
    /// Origination, connection and disconnection.
    pub at: (i64, Option<i64>, i64),
    /// Causes at both ends.
    pub causes: (u32, u32),
    /// The hunt group whose member answered.
    pub pilot: &'static str,
}

impl Cucm {
    /// A caller who comes over the tie from `tower`, and for whom 41 rings.
    pub fn from_tower(call: u32, at: (i64, Option<i64>, i64)) -> Cucm {
        Cucm {
            call,
            ends: (call * 10, call * 10 + 1),
            calling: "00442079460018",
            dialed: "41",
            reached: "41",
            devices: ("tower-sip", "SEP000000000041"),
            at,
            causes: if at.1.is_some() { (16, 0) } else { (0, 0) },
            pilot: "",
        }
    }

    pub fn line(&self) -> String {
        let (start, connect, end) = self.at;
        let at = |s: i64| MORNING_S + s;
        format!(
            "1,2,{},{},{},{},{},{},{},\"{}\",\"{}\",\"{}\",{},{},\"{}\",\"{}\",\"{}-{}\",\"{}\"\n",
            self.call,
            self.ends.0,
            self.ends.1,
            at(start),
            connect.map_or(0, at),
            at(end),
            connect.map_or(0, |c| end - c),
            self.calling,
            self.dialed,
            self.reached,
            self.causes.0,
            self.causes.1,
            self.devices.0,
            self.devices.1,
            self.call,
            self.ends.0,
            self.pilot,
        )
    }

    pub fn legs(&self, directory: &Directory) -> Vec<Leg> {
        const NAMES: &str = "\"cdrRecordType\",\"globalCallID_callManagerId\",\"globalCallID_callId\",\"origLegCallIdentifier\",\
            \"destLegIdentifier\",\"dateTimeOrigination\",\"dateTimeConnect\",\"dateTimeDisconnect\",\"duration\",\"callingPartyNumber\",\
            \"originalCalledPartyNumber\",\"finalCalledPartyNumber\",\"origCause_value\",\"destCause_value\",\"origDeviceName\",\
            \"destDeviceName\",\"pkid\",\"huntPilotDN\"\n";
        read(directory, "lamp", "cisco_cucm", &format!("{NAMES}{}", self.line()))
    }
}

fn read(directory: &Directory, pbx: &str, adapter: &'static str, text: &str) -> Vec<Leg> {
    let settings = calls::settings::settings(directory, pbx, adapter);
    let adapter = adapters::pbx::named(adapter).unwrap();
    let mut out = Legs::default();
    let mut reader = Reader::new(adapter, &settings, b"records", 1);
    reader.push(text.as_bytes(), None, &mut out);
    reader.finish(None, &mut out);
    assert!(out.rejects.is_empty(), "{:?}", out.rejects);
    assert!(!out.legs.is_empty());
    out.legs
}
