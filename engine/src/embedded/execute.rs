//! One statement from its text to its result, on a thread that may block: connection settings, then either an INSERT
//! that is fed from the body, or a query whose result is sent as it comes.

use std::io::Read;

use bytes::Bytes;

use super::body::{Head, Part, PartSender, RequestBody};
use super::codec::{self, Encoding, Packer};
use super::exception::{self, Exception};
use super::ffi::{Chunk, Class, Connection, Counts, Parameters};
use super::statement::{self, Insert, Plan};

/// The longest text of a statement, inline data of an INSERT not counted.
pub(crate) const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// The largest result of a format that cannot be sent block by block, as JSON and Pretty. The engine has made it by
/// then; what is spared is to keep it while a client takes its time.
const WHOLE_RESULT_BYTES_MAX: usize = 512 << 20;
/// What is read from a body, given to the engine, and sent, at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Formats in which results of blocks, one after the other, are the result of all: they can be streamed.
const BLOCKWISE_FORMATS: [&str; 15] = [
    "native",
    "rowbinary",
    "tabseparated",
    "tsv",
    "tabseparatedraw",
    "tsvraw",
    "csv",
    "lineasstring",
    "jsoneachrow",
    "jsonlines",
    "ndjson",
    "jsonstringseachrow",
    "jsoncompacteachrow",
    "jsoncompactstringseachrow",
    "values",
];
/// The same, but each block begins with the names and types of the columns, which are wanted once.
const BLOCKWISE_WITH_HEADER: &str = "rowbinarywithnamesandtypes";

/// A statement as a request asks for it.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    pub query_id: String,
    /// The `query` of the URL, to which the body is joined by a line break.
    pub text: String,
    /// Whether the body is data or text at all: with multipart all of the text is in `text`.
    pub text_is_complete: bool,
    pub database: Option<String>,
    pub default_format: String,
    pub settings: Vec<(String, String)>,
    pub parameters: Parameters,
    /// GET and HEAD must change nothing.
    pub read_only: bool,
    /// `wait_end_of_query`: the response begins after the statement's end, so that no exception comes late.
    pub wait_for_end: bool,
    pub request: Packing,
    pub response: Packing,
    /// Random letters by which a client knows a late exception from data.
    pub exception_tag: String,
}

/// How a body is packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packing {
    pub encoding: Encoding,
    pub native_frames: bool,
}

impl Default for Packing {
    fn default() -> Packing {
        Packing { encoding: Encoding::Identity, native_frames: false }
    }
}

/// Runs a statement and sends all that there is to send. Says whether the connection may be used again.
pub(crate) fn execute(connection: &mut Connection, statement: &Statement, body: RequestBody, to: &PartSender) -> bool {
    let mut response = match Response::new(statement, to) {
        Ok(response) => response,
        Err(error) => {
            // Nobody listens if this fails too.
            let _ = to.send(Part::Exception(error));
            return true;
        }
    };
    match run(connection, statement, body, &mut response) {
        Ok(()) => response.finish().is_ok(),
        Err(error) => {
            response.fail(&error);
            false
        }
    }
}

fn run(
    connection: &mut Connection,
    statement: &Statement,
    body: RequestBody,
    response: &mut Response<'_>,
) -> Result<(), Exception> {
    prepare(connection, statement)?;
    let mut body = codec::reader(body, statement.request.encoding, statement.request.native_frames)
        .map_err(|error| Exception::from_read(&error))?;
    let text = StatementText::read(statement, &mut body)?;
    match statement::plan(&text.bytes, text.complete) {
        Plan::Insert(insert) => run_insert(connection, statement, &insert, &text.bytes, &mut body, response),
        Plan::Whole | Plan::NeedMore => run_query(connection, statement, &text.bytes, response),
    }
}

/// The session's state as the request wants it.
fn prepare(connection: &mut Connection, statement: &Statement) -> Result<(), Exception> {
    let none = Parameters::new();
    if let Some(database) = &statement.database {
        let name = database.replace('\\', "\\\\").replace('`', "\\`");
        connection.query(format!("USE `{name}`").as_bytes(), "Null", &none)?;
    }
    // The mark by which `kill` finds this statement: the API does not let us choose the id of a query.
    let mut settings = vec![format!("log_comment = {}", quote(&statement.query_id))];
    for (name, value) in &statement.settings {
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
        if !is_name {
            return Err(Exception::new(exception::UNKNOWN_SETTING, format_args!("Unknown setting '{name}'")));
        }
        settings.push(format!("{name} = {}", quote(value)));
    }
    connection.query(format!("SET {}", settings.join(", ")).as_bytes(), "Null", &none)?;
    Ok(())
}

/// Takes the request's settings back from a session that lives on: they were meant for one statement, and a
/// deduplication token that stays would lose the next insert.
pub(crate) fn restore_settings(connection: &mut Connection, statement: &Statement) -> Result<(), Exception> {
    if statement.settings.is_empty() {
        return Ok(());
    }
    let defaults: Vec<String> = statement.settings.iter().map(|(name, _)| format!("{name} = DEFAULT")).collect();
    connection.query(format!("SET {}", defaults.join(", ")).as_bytes(), "Null", &Parameters::new())?;
    Ok(())
}

/// Ends a query whose client is gone.
pub(crate) fn kill(connection: &mut Connection, query_id: &str) -> Result<(), Exception> {
    let mark = quote(query_id);
    let text = format!("KILL QUERY WHERE Settings['log_comment'] = {mark} AND query_kind = 'Select' ASYNC");
    connection.query(text.as_bytes(), "Null", &Parameters::new())?;
    Ok(())
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The text of a statement; of an INSERT, at least all before its data.
struct StatementText {
    bytes: Vec<u8>,
    complete: bool,
}

impl StatementText {
    fn read(statement: &Statement, body: &mut dyn Read) -> Result<StatementText, Exception> {
        let mut bytes = statement.text.clone().into_bytes();
        if statement.text_is_complete {
            return Ok(StatementText { bytes, complete: true });
        }
        // An INSERT that is whole in the URL: all of the body is data.
        if let Plan::Insert(insert) = statement::plan(&bytes, true)
            && (insert.format != b"Values" || insert.data_at < bytes.len())
        {
            return Ok(StatementText { bytes, complete: true });
        }
        let mut separator = !bytes.is_empty();
        let mut plan_again_at = 0;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            // Doubling keeps the work linear when a long text comes in small pieces.
            if bytes.len() >= plan_again_at {
                if let Plan::Insert(_) = statement::plan(&bytes, false) {
                    return Ok(StatementText { bytes, complete: false });
                }
                plan_again_at = if bytes.len() < PIECE_BYTES { 0 } else { bytes.len() * 2 };
            }
            let length = body.read(&mut piece).map_err(|error| Exception::from_read(&error))?;
            if length == 0 {
                return Ok(StatementText { bytes, complete: true });
            }
            if std::mem::take(&mut separator) {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(&piece[..length]);
            if bytes.len() > STATEMENT_BYTES_MAX && !matches!(statement::plan(&bytes, false), Plan::Insert(_)) {
                let what = format!("The statement is longer than {STATEMENT_BYTES_MAX} bytes");
                return Err(Exception::new(exception::QUERY_IS_TOO_LARGE, what));
            }
        }
    }
}

fn run_insert(
    connection: &mut Connection,
    statement: &Statement,
    insert: &Insert<'_>,
    text: &[u8],
    body: &mut dyn Read,
    response: &mut Response<'_>,
) -> Result<(), Exception> {
    if statement.read_only {
        return Err(refuse_read_only());
    }
    let format = String::from_utf8_lossy(insert.format).into_owned();
    let mut stream = connection.insert(insert.head, &format, &statement.parameters)?;
    if insert.data_at < text.len() {
        stream.append(&text[insert.data_at..])?;
    }
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        // A failed read drops the stream, which cancels the insert: nothing of the open block is committed.
        let length = body.read(&mut piece).map_err(|error| Exception::from_read(&error))?;
        if length == 0 {
            break;
        }
        stream.append(&piece[..length])?;
    }
    let counts = stream.finish()?;
    response.head(&format, counts)
}

fn run_query(
    connection: &mut Connection,
    statement: &Statement,
    text: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Exception> {
    let first_word = statement::first_word(text);
    if first_word.is_empty() && text.iter().all(u8::is_ascii_whitespace) {
        return Err(Exception::new(exception::SYNTAX_ERROR, "Syntax error: Empty query"));
    }
    let (class, statements) = connection.classify(text);
    let reads = matches!(first_word.as_str(), "select" | "with" | "from");
    if statements > 1 && memchr::memmem::find(&text.to_ascii_lowercase(), b"parallel with").is_none() {
        let what = "Syntax error (Multi-statements are not allowed)";
        return Err(Exception::new(exception::SYNTAX_ERROR, what));
    }
    if reads && class == Class::Control {
        return Err(Exception::new(exception::INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed"));
    }
    if statement.read_only && matches!(class, Class::Mutating | Class::Control) {
        return Err(refuse_read_only());
    }

    let format = match statement::named_format(text) {
        Some(format) => String::from_utf8_lossy(format).into_owned(),
        None => statement.default_format.clone(),
    };
    let has_header = format.eq_ignore_ascii_case(BLOCKWISE_WITH_HEADER);
    let blockwise = has_header || BLOCKWISE_FORMATS.iter().any(|name| format.eq_ignore_ascii_case(name));
    if reads && blockwise && !statement.wait_for_end {
        stream_result(connection, statement, text, &format, has_header, response)
    } else {
        send_whole_result(connection, statement, text, &format, response)
    }
}

fn stream_result(
    connection: &mut Connection,
    statement: &Statement,
    text: &[u8],
    format: &str,
    has_header: bool,
    response: &mut Response<'_>,
) -> Result<(), Exception> {
    let mut stream = connection.stream(text, &statement.default_format, &statement.parameters)?;
    let Some(first) = stream.next_chunk()? else {
        drop(stream);
        // A result without rows may still have a header, which the stream does not give.
        return if has_header {
            send_whole_result(connection, statement, text, format, response)
        } else {
            response.head(format, Counts::default())
        };
    };
    let header_bytes = if has_header { header_length(first.as_ref()).unwrap_or(0) } else { 0 };
    response.head(format, first.counts())?;
    response.data(first, 0)?;
    while let Some(chunk) = stream.next_chunk()? {
        response.data(chunk, header_bytes)?;
    }
    Ok(())
}

fn send_whole_result(
    connection: &mut Connection,
    statement: &Statement,
    text: &[u8],
    format: &str,
    response: &mut Response<'_>,
) -> Result<(), Exception> {
    let chunk = connection.query(text, &statement.default_format, &statement.parameters)?;
    let length = chunk.as_ref().len();
    if length > WHOLE_RESULT_BYTES_MAX {
        let what = format!(
            "The result has {length} bytes, and {WHOLE_RESULT_BYTES_MAX} is the most in the format {format}: \
             formats that are sent row by row (Native, RowBinary, JSONEachRow, TSV, CSV) have no limit"
        );
        return Err(Exception::new(exception::QUERY_IS_TOO_LARGE, what));
    }
    response.head(format, chunk.counts())?;
    response.data(chunk, 0)
}

fn refuse_read_only() -> Exception {
    let what = "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. \
                You should use method POST for modifying queries";
    Exception::new(exception::READONLY, what)
}

/// How long the names and types are at the start of RowBinaryWithNamesAndTypes.
fn header_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let columns = read_varint(bytes, &mut at)?;
    for _ in 0..columns.checked_mul(2)? {
        let length = usize::try_from(read_varint(bytes, &mut at)?).ok()?;
        at = at.checked_add(length).filter(|end| *end <= bytes.len())?;
    }
    Some(at)
}

fn read_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The answer to a statement, on its way out.
struct Response<'a> {
    to: &'a PartSender,
    packer: Option<Packer>,
    began: bool,
    exception_tag: &'a str,
}

impl<'a> Response<'a> {
    fn new(statement: &'a Statement, to: &'a PartSender) -> Result<Response<'a>, Exception> {
        let Packing { encoding, native_frames } = statement.response;
        let packer = Packer::new(encoding, native_frames).map_err(|error| packing_failed(&error))?;
        Ok(Response { to, packer: Some(packer), began: false, exception_tag: &statement.exception_tag })
    }

    fn head(&mut self, format: &str, counts: Counts) -> Result<(), Exception> {
        self.began = true;
        self.to.send(Part::Head(Head { format: format.to_string(), counts }))
    }

    /// Sends a chunk without its first `skip` bytes, in pieces that keep one packed frame small.
    fn data(&mut self, chunk: Chunk, skip: usize) -> Result<(), Exception> {
        let mut rest = Bytes::from_owner(chunk);
        let _ = rest.split_to(skip.min(rest.len()));
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            self.send_packed(piece)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Exception> {
        let Some(packer) = self.packer.take() else { return Ok(()) };
        let end = packer.finish().map_err(|error| packing_failed(&error))?;
        if end.is_empty() { Ok(()) } else { self.to.send(Part::Data(end)) }
    }

    /// Tells an exception: as the answer itself, or, when the answer has begun, the way the server ends a body.
    /// A client that is gone cannot be told, so failures of sending are dropped here.
    fn fail(&mut self, error: &Exception) {
        if !self.began {
            let _ = self.to.send(Part::Exception(error.clone()));
            return;
        }
        let text = format!("{error}\n");
        let (tag, length) = (self.exception_tag, text.len());
        let block = format!("\r\n__exception__\r\n{tag}\r\n{text}{length} {tag}\r\n__exception__\r\n");
        if let Some(mut packer) = self.packer.take()
            && let Ok(packed) = packer.pack(Bytes::from(block))
        {
            let _ = self.to.send(Part::LateException(packed));
        }
    }

    fn send_packed(&mut self, piece: Bytes) -> Result<(), Exception> {
        let Some(packer) = &mut self.packer else { return Ok(()) };
        let packed = packer.pack(piece).map_err(|error| packing_failed(&error))?;
        self.to.send(Part::Data(packed))
    }
}

fn packing_failed(error: &std::io::Error) -> Exception {
    Exception::new(exception::UNKNOWN_EXCEPTION, format_args!("Cannot pack the response: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_names_and_types_is_measured() {
        let header = b"\x02\x01a\x02bb\x05UInt8\x06String";
        assert_eq!(header_length(&[header, &b"rows"[..]].concat()), Some(header.len()));
        for length in 0..header.len() {
            assert_eq!(header_length(&header[..length]), None);
        }
        assert_eq!(header_length(&[0xff; 32]), None);
    }

    #[test]
    fn quotes_stay_inside() {
        assert_eq!(quote("a'b\\"), r"'a\'b\\'");
    }
}
