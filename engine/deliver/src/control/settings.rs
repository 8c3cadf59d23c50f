//! `[pbx.ID.control]` of `engine.toml`: how an exchange is told to place calls, and what limits that has.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How one exchange is reached and dialed with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControlSettings {
    /// The interface.
    pub kind: ControlKind,
    /// `HOST:PORT`; `tls://HOST:PORT` where the interface speaks TLS. Empty: this exchange places no calls.
    pub address: String,
    /// The user of `manager.conf` or `ari.conf`.
    pub user: String,
    /// The file whose first line is that user's secret; relative to the folder of the settings.
    pub secret_file: PathBuf,
    /// With TLS: the certificates of the authorities that sign for the exchange, as PEM; relative to the folder of the settings.
    pub ca_file: PathBuf,
    /// The context of the dialplan in which a telephone of ours dials outside numbers.
    pub context: String,
    /// What stands before an extension in the name of its device, where the site file does not name the device: `PJSIP/`.
    pub device_prefix: String,
    /// The number that the rung telephone shows; empty: the customer's.
    pub caller_id: String,
    /// The name that the rung telephone shows.
    pub caller_name: String,
    /// Asks by the hints of this context how a telephone is; empty: by its device.
    pub hint_context: String,
    /// The key of the PBX's database that says that somebody does not want to be rung, with `{extension}` in it; empty: none is asked.
    pub do_not_disturb_key: String,
    /// How the customer's number is dialed.
    pub number_form: NumberForm,
    /// What is dialed before it; absent: what the site file says.
    pub outside_prefix: Option<String>,
    /// How long a telephone of ours rings, in seconds.
    pub ring_s: u32,
    /// How long the customer's line is dialed after one of ours took theirs, in seconds.
    pub dial_s: u32,
    /// Telephones of ours that are rung one after another in one attempt, as long as the customer was not dialed.
    pub people_max: u32,
    /// Calls that are placed at once.
    pub dials_max: u32,
    /// Commands whose answer is waited for at once.
    pub answers_waiting_max: u32,
    /// How long a connection may take, in seconds.
    pub connect_s: u32,
    /// How long an answer may take, in seconds.
    pub answer_s: u32,
    /// A connection that is silent for so many seconds is asked for a sign of life.
    pub ping_s: u32,
}

impl Default for ControlSettings {
    fn default() -> ControlSettings {
        ControlSettings {
            kind: ControlKind::AsteriskAmi,
            address: String::new(),
            user: String::new(),
            secret_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            context: String::new(),
            device_prefix: "PJSIP/".to_owned(),
            caller_id: String::new(),
            caller_name: "Ringback".to_owned(),
            hint_context: String::new(),
            do_not_disturb_key: String::new(),
            number_form: NumberForm::Auto,
            outside_prefix: None,
            ring_s: 20,
            dial_s: 45,
            people_max: 1,
            dials_max: 8,
            answers_waiting_max: 100,
            connect_s: 5,
            answer_s: 10,
            ping_s: 15,
        }
    }
}

/// The interface of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// Asterisk's manager interface.
    AsteriskAmi,
    /// Asterisk's REST interface.
    AsteriskAri,
}

/// How a customer's number is dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberForm {
    /// As E.164 where nothing is dialed before outside numbers, else as somebody in the site's country dials it.
    Auto,
    /// `+` and all digits.
    E164,
    /// As somebody in the site's country dials it: `02079460999`, `0014155550100`.
    National,
}

impl ControlSettings {
    /// What is wrong with them, in the words of who can mend it.
    ///
    /// # Errors
    /// The setting, and what would have worked.
    pub fn check(&self, pbx: &str) -> Result<(), String> {
        let at = format!("[pbx.{pbx}.control] in engine.toml");
        let missing =
            |key: &str, like: &str| Err(format!("`{key}` is missing under {at}: for example {key} = \"{like}\""));
        let address = self.host_and_port();
        if !address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
            return Err(format!(
                "`address` under {at} is \"{}\": HOST:PORT or tls://HOST:PORT would work",
                self.address
            ));
        }
        if self.user.is_empty() {
            return missing("user", "ringback");
        }
        if self.secret_file.as_os_str().is_empty() {
            return missing("secret_file", "pbx.secret");
        }
        if self.context.is_empty() {
            return missing("context", "from-telephones");
        }
        if self.is_tls() && self.ca_file.as_os_str().is_empty() {
            return missing("ca_file", "pbx-ca.pem");
        }
        let limits = [
            ("ring_s", self.ring_s),
            ("dial_s", self.dial_s),
            ("people_max", self.people_max),
            ("dials_max", self.dials_max),
            ("answers_waiting_max", self.answers_waiting_max),
            ("connect_s", self.connect_s),
            ("answer_s", self.answer_s),
            ("ping_s", self.ping_s),
        ];
        match limits.iter().find(|(_, value)| *value == 0) {
            Some((key, _)) => Err(format!("`{key}` under {at} is 0: 1 or more would work")),
            None => Ok(()),
        }
    }

    /// The address without what stands before it.
    pub(crate) fn host_and_port(&self) -> &str {
        let address = self.address.trim_end_matches('/');
        ["tls://", "https://", "http://", "tcp://"]
            .iter()
            .find_map(|scheme| address.strip_prefix(scheme))
            .unwrap_or(address)
    }

    /// True where the interface speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.address.starts_with("tls://") || self.address.starts_with("https://")
    }
}
