//! The formats in which calls can be written; one format, one file. This is the list.

mod asterisk_cdr;

use std::collections::BTreeMap;

use crate::GeneratorError;
use crate::company::{Company, Exchange};
use crate::rows::Written;
use crate::script::{Call, Step};

/// What invented companies call their menu.
pub(crate) const MENU_CONTEXT: &str = "welcome";

/// The adapters whose records can be written.
pub fn names() -> impl Iterator<Item = &'static str> {
    ["asterisk_cdr"].into_iter()
}

/// Writes the records of one exchange.
pub(crate) enum Writer {
    AsteriskCdr(asterisk_cdr::Writer),
}

impl Writer {
    pub(crate) fn new(exchange: &Exchange) -> Result<Writer, GeneratorError> {
        match exchange.adapter {
            "asterisk_cdr" => asterisk_cdr::Writer::new(exchange).map(Writer::AsteriskCdr),
            other => Err(GeneratorError(format!(
                "records of `{other}` cannot be written yet: {} can",
                names().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    pub(crate) fn header(&self) -> Option<&'static [u8]> {
        match self {
            Writer::AsteriskCdr(_) => None,
        }
    }
}

/// The records of a call on every exchange that it goes through. Gives what the first calls it, and each consultation in it.
pub(crate) fn write(writers: &mut [Writer], company: &Company, call: &Call, out: &mut Vec<Written>) -> Vec<String> {
    let mut names = Vec::new();
    let crossed = call.steps.iter().find_map(|s| if let Step::Cross { pbx, .. } = s { Some(*pbx) } else { None });
    for at in std::iter::once(call.pbx).chain(crossed) {
        let Some(writer) = writers.get_mut(at) else { continue };
        let told = match writer {
            Writer::AsteriskCdr(writer) => writer.call(company, call, at, out),
        };
        if at == call.pbx {
            names = told;
        }
    }
    names
}

/// The lines of an invented site file that explain a format's places.
pub(crate) fn site_lines(adapter: &str) -> &'static str {
    match adapter {
        "asterisk_cdr" => asterisk_cdr::SITE_LINES,
        _ => "",
    }
}

/// What a format calls the places that a site file does not name.
pub(crate) fn contexts(_adapter: &str) -> BTreeMap<&'static str, String> {
    asterisk_cdr::CONTEXTS.iter().map(|(kind, name)| (*kind, (*name).to_owned())).collect()
}

/// How a line's devices begin.
pub(crate) fn trunk_device(_adapter: &str, name: &str) -> String {
    format!("PJSIP/{name}-")
}

/// How a telephone is named.
pub(crate) fn person_device(_adapter: &str, extension: impl std::fmt::Display) -> String {
    format!("PJSIP/{extension}")
}
