//! Why a plugin cannot be loaded, and what to do.

use std::fmt;

/// Why a plugin cannot be loaded: its text says what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// For whoever counts or decides.
    pub kind: LoadErrorKind,
    text: String,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadErrorKind {
    /// A file is missing or cannot be read.
    File,
    /// `plugin.toml` is not understood.
    Manifest,
    /// A setting is unknown, missing or of the wrong type.
    Settings,
    /// What is granted is not understood.
    Grants,
    /// It asks for more than the engine allows.
    Limits,
    /// The component's file is too large.
    TooLarge,
    /// It is no component, or a damaged one.
    NotAComponent,
    /// It wants WASI, which is not there.
    Wasi,
    /// It was built against another contract.
    Contract,
    /// The compiler refuses it.
    Compile,
    /// It compiles, but does not start.
    Start,
    /// Our side: the engine or its cache.
    Host,
}

impl LoadErrorKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            LoadErrorKind::File => "file",
            LoadErrorKind::Manifest => "manifest",
            LoadErrorKind::Settings => "settings",
            LoadErrorKind::Grants => "grants",
            LoadErrorKind::Limits => "limits",
            LoadErrorKind::TooLarge => "too_large",
            LoadErrorKind::NotAComponent => "not_a_component",
            LoadErrorKind::Wasi => "wasi",
            LoadErrorKind::Contract => "contract",
            LoadErrorKind::Compile => "compile",
            LoadErrorKind::Start => "start",
            LoadErrorKind::Host => "host",
        }
    }
}

impl LoadError {
    pub(crate) fn new(kind: LoadErrorKind, text: impl Into<String>) -> LoadError {
        LoadError { kind, text: text.into() }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for LoadError {}
