//! A ClickHouse exception: its code, its text, and the HTTP status that a server answers with.

use std::fmt;

pub(crate) const CANNOT_READ_FROM_ISTREAM: i32 = 23;
pub(crate) const TOO_LARGE_SIZE_COMPRESSED: i32 = 39;
pub(crate) const CHECKSUM_DOESNT_MATCH: i32 = 40;
pub(crate) const NOT_IMPLEMENTED: i32 = 48;
pub(crate) const SYNTAX_ERROR: i32 = 62;
pub(crate) const UNKNOWN_SETTING: i32 = 115;
pub(crate) const READONLY: i32 = 164;
pub(crate) const TOO_MANY_SIMULTANEOUS_QUERIES: i32 = 202;
pub(crate) const SOCKET_TIMEOUT: i32 = 209;
pub(crate) const NETWORK_ERROR: i32 = 210;
pub(crate) const QUERY_IS_TOO_LARGE: i32 = 229;
pub(crate) const CANNOT_DECOMPRESS: i32 = 271;
pub(crate) const INTO_OUTFILE_NOT_ALLOWED: i32 = 358;
pub(crate) const SESSION_NOT_FOUND: i32 = 372;
pub(crate) const SESSION_IS_LOCKED: i32 = 373;
pub(crate) const BAD_REQUEST_PARAMETER: i32 = 408;
pub(crate) const UNKNOWN_EXCEPTION: i32 = 1002;

/// An error as a ClickHouse server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    pub code: i32,
    /// `Code: 62. DB::Exception: …`, without the version.
    pub text: String,
}

impl Exception {
    /// An exception of our own, in the server's words.
    pub(crate) fn new(code: i32, what: impl fmt::Display) -> Exception {
        Exception { code, text: format!("Code: {code}. DB::Exception: {what}. ({})", name_of(code)) }
    }

    /// An exception that the engine wrote.
    pub(crate) fn from_engine(text: &str) -> Exception {
        let code = text
            .strip_prefix("Code: ")
            .and_then(|rest| rest.split('.').next())
            .and_then(|number| number.trim().parse().ok())
            .unwrap_or(UNKNOWN_EXCEPTION);
        Exception { code, text: text.trim_end().to_string() }
    }

    /// What was behind a failed read of a body: an exception of ours, or the reader's own words.
    pub(crate) fn from_read(error: &std::io::Error) -> Exception {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Exception>()) {
            Some(exception) => exception.clone(),
            None => Exception::new(CANNOT_READ_FROM_ISTREAM, format_args!("Cannot read the request body: {error}")),
        }
    }

    /// The HTTP status, by the server's own table (`exceptionCodeToHTTPStatus.cpp`) and three codes of this interface.
    pub(crate) fn status(&self) -> u16 {
        match self.code {
            194 => 401,
            192 | 193 | 497 | 512 | 516 => 403,
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | UNKNOWN_SETTING | 152 | 336 | 511 => 404,
            6 | 8 | 15 | 25 | 26 | 27 | 36 | 37 | 38 | 41 | 44 | 53 | SYNTAX_ERROR | 72 | 117 | 123 | 167 | 168
            | 223 | 321 | 376 | 427 | 441 | 675 | 676 => 400,
            QUERY_IS_TOO_LARGE => 413,
            NOT_IMPLEMENTED => 501,
            SOCKET_TIMEOUT | 76 | 439 | TOO_MANY_SIMULTANEOUS_QUERIES => 503,
            381 => 411,
            159 => 408,
            779 => 415,
            BAD_REQUEST_PARAMETER => 400,
            SESSION_IS_LOCKED => 423,
            _ => 500,
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Exception {}

/// So that a reader deep in a chain of decoders can fail with an exception: see [`Exception::from_read`].
impl From<Exception> for std::io::Error {
    fn from(exception: Exception) -> std::io::Error {
        std::io::Error::other(exception)
    }
}

fn name_of(code: i32) -> &'static str {
    match code {
        CANNOT_READ_FROM_ISTREAM => "CANNOT_READ_FROM_ISTREAM",
        TOO_LARGE_SIZE_COMPRESSED => "TOO_LARGE_SIZE_COMPRESSED",
        CHECKSUM_DOESNT_MATCH => "CHECKSUM_DOESNT_MATCH",
        NOT_IMPLEMENTED => "NOT_IMPLEMENTED",
        SYNTAX_ERROR => "SYNTAX_ERROR",
        UNKNOWN_SETTING => "UNKNOWN_SETTING",
        READONLY => "READONLY",
        TOO_MANY_SIMULTANEOUS_QUERIES => "TOO_MANY_SIMULTANEOUS_QUERIES",
        SOCKET_TIMEOUT => "SOCKET_TIMEOUT",
        NETWORK_ERROR => "NETWORK_ERROR",
        QUERY_IS_TOO_LARGE => "QUERY_IS_TOO_LARGE",
        CANNOT_DECOMPRESS => "CANNOT_DECOMPRESS",
        INTO_OUTFILE_NOT_ALLOWED => "INTO_OUTFILE_NOT_ALLOWED",
        SESSION_NOT_FOUND => "SESSION_NOT_FOUND",
        SESSION_IS_LOCKED => "SESSION_IS_LOCKED",
        BAD_REQUEST_PARAMETER => "BAD_REQUEST_PARAMETER",
        _ => "UNKNOWN_EXCEPTION",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_text_gives_its_code_and_status() {
        let check = |text: &str, code: i32, status: u16| {
            let exception = Exception::from_engine(text);
            assert_eq!((exception.code, exception.status()), (code, status), "{text}");
        };
        check("Code: 60. DB::Exception: Unknown table (UNKNOWN_TABLE)\n", 60, 404);
        check("Code: 62. DB::Exception: Syntax error", 62, 400);
        check("Code: 241. DB::Exception: Memory limit exceeded", 241, 500);
        check("no code at all", UNKNOWN_EXCEPTION, 500);
        check("", UNKNOWN_EXCEPTION, 500);
    }

    #[test]
    fn an_exception_survives_the_way_through_a_reader() {
        let exception = Exception::new(CHECKSUM_DOESNT_MATCH, "frame 3");
        assert_eq!(exception.text, "Code: 40. DB::Exception: frame 3. (CHECKSUM_DOESNT_MATCH)");
        assert_eq!(Exception::from_read(&exception.clone().into()), exception);
        assert_eq!(Exception::from_read(&std::io::Error::other("x")).code, CANNOT_READ_FROM_ISTREAM);
    }
}
