//! What can be wrong in a site file. Each error says where, what was found, and what would have worked.

use std::fmt;

/// Why a site file was refused. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SiteError {
    /// The text is not TOML, or a key is not known or missing, or a value has another type.
    Text {
        /// Where, if the place is known.
        line: Option<usize>,
        /// The reader's sentence; for an unknown key it lists the keys that are allowed.
        sentence: String,
    },
    /// The value has the right type, and still means nothing here.
    Value {
        /// Where.
        line: usize,
        /// In which entry, for example `person anna`.
        entry: String,
        /// Its key.
        key: String,
        /// The value as written.
        value: String,
        /// What would have worked.
        expected: String,
    },
    /// An id that nothing in this file has.
    Unknown {
        /// Where.
        line: usize,
        /// In which entry.
        entry: String,
        /// Its key.
        key: String,
        /// The id as written.
        value: String,
        /// The ids that would have worked.
        known: Vec<String>,
    },
    /// Two entries say the same thing of one id, and only one of them can hold.
    Twice {
        /// Where the second one is.
        line: usize,
        /// What both are, for example `person anna`.
        entry: String,
        /// Where the first one is.
        first_line: usize,
    },
    /// A table that no company can do without.
    Missing {
        /// The table.
        table: String,
        /// Lines to add.
        example: String,
    },
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SiteError::Text { line: Some(line), sentence } => write!(f, "line {line}: {sentence}"),
            SiteError::Text { line: None, sentence } => f.write_str(sentence),
            SiteError::Value { line, entry, key, value, expected } => {
                write!(f, "line {line}: {entry}: {key} = {value:?} is not understood; {expected}")
            }
            SiteError::Unknown { line, entry, key, value, known } => {
                write!(f, "line {line}: {entry}: {key} = {value:?} is not in this file; ")?;
                match known.as_slice() {
                    [] => write!(f, "it has none of that kind yet"),
                    [only] => write!(f, "there is only {only}"),
                    several => write!(f, "there are {}", several.join(", ")),
                }
            }
            SiteError::Twice { line, entry, first_line } => {
                write!(
                    f,
                    "line {line}: {entry} is there twice; the first is on line {first_line}: delete or rename one"
                )
            }
            SiteError::Missing { table, example } => write!(f, "there is no {table}; add at least one: {example}"),
        }
    }
}

impl std::error::Error for SiteError {}
