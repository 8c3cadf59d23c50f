//! `[smtp]` of the settings: which server takes the mails, and as whom.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::secret::SecretError;

/// `[smtp]`. Paths that are not absolute begin in the folder of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmtpSettings {
    /// A folder that takes the mails instead of a server, each as a file, for who tries things out; empty: none.
    pub folder: PathBuf,
    /// The server's name; empty: no mail is sent.
    pub host: String,
    /// Its port; 0: 587 for `starttls`, 465 for `tls`, 25 for `none`.
    pub port: u16,
    /// Who signs in; empty: nobody.
    pub user: String,
    /// The file whose first line is the user's password.
    pub secret_file: PathBuf,
    /// Whose mails they are: `calls@example.com`, or `Ringback <calls@example.com>`.
    pub from: String,
    /// How the connection is protected.
    pub security: Security,
    /// The certificates of the authorities that sign for the server, instead of those that the machine trusts; empty:
    /// those of the machine.
    pub ca_file: PathBuf,
    /// Connections to the server at once.
    pub connections_max: NonZeroU32,
    /// Seconds until a connection stands and is signed in.
    pub connect_s: NonZeroU32,
    /// Seconds until the server answers a command.
    pub answer_s: NonZeroU32,
    /// Seconds until the server says that it took a mail; after that nobody knows whether it did. RFC 5321 says 600.
    pub taken_s: NonZeroU32,
}

/// How the connection to the server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Begun in the open, and refused unless it becomes TLS; but a server on this machine itself is spoken with in the open where no
    /// `ca_file` is given.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// None: a password is sent only to this machine itself.
    None,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        let seconds = |s| NonZeroU32::new(s).unwrap_or(NonZeroU32::MIN);
        SmtpSettings {
            folder: PathBuf::new(),
            host: String::new(),
            port: 0,
            user: String::new(),
            secret_file: PathBuf::new(),
            from: String::new(),
            security: Security::default(),
            ca_file: PathBuf::new(),
            connections_max: seconds(4),
            connect_s: seconds(20),
            answer_s: seconds(60),
            taken_s: seconds(600),
        }
    }
}

impl SmtpSettings {
    /// The server is on this machine itself.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }

    /// The port that is meant.
    #[must_use]
    pub fn port(&self) -> u16 {
        match (self.port, self.security) {
            (0, Security::Starttls) => 587,
            (0, Security::Tls) => 465,
            (0, Security::None) => 25,
            (port, _) => port,
        }
    }

    /// True if mails become files.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        !self.folder.as_os_str().is_empty()
    }

    /// True if mails can be sent at all.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.host.is_empty() || self.is_folder()
    }
}

/// What is wrong with `[smtp]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SmtpError {
    /// A value that means nothing here.
    Value {
        /// Its key.
        key: &'static str,
        /// What is wrong, and what would have worked.
        sentence: String,
    },
    /// The password cannot be read.
    Secret(SecretError),
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SmtpError::Value { key, sentence } => write!(f, "`{key}` under [smtp] {sentence}"),
            SmtpError::Secret(error) => write!(f, "`secret_file` under [smtp]: {error}"),
        }
    }
}

impl std::error::Error for SmtpError {}
