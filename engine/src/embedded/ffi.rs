//! libchdb's C API: the ClickHouse engine in a shared library, loaded while running.
//!
//! Beside `engine/src/source/kafka` this is the only file with `unsafe`. It turns pointers into owned values: a [`Connection`] runs one statement at a
//! time, a [`ResultStream`] and an [`InsertStream`] borrow it until they end, a [`Chunk`] owns its bytes.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::exception::{self, Exception};

/// The oldest libchdb whose API has the streaming insert and the statement classes.
const LIBRARY_MIN: &str = "26.7";

/// A loaded engine. There is one for the life of the process: its threads cannot be unloaded.
pub(crate) struct Engine {
    api: Api,
    arguments: Vec<CString>,
}

/// What a statement does, as the engine's own parser sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Leaves no trace: `SELECT`, `SHOW`, `DESCRIBE`, `EXPLAIN`.
    ReadOnly,
    /// Changes data or tables.
    Mutating,
    /// `SET`, `USE`, `SYSTEM`, `KILL`, and what writes outside of the engine, such as `INTO OUTFILE`.
    Control,
    /// Did not parse, or is unknown to this version.
    Unknown,
}

/// What the engine counted while it ran a statement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub read_rows: u64,
    pub read_bytes: u64,
    pub written_rows: u64,
    pub written_bytes: u64,
    pub result_rows: u64,
    pub result_bytes: u64,
    pub elapsed_ns: u64,
}

/// Values for the `{name:Type}` places of a statement.
pub(crate) type Parameters = Vec<(String, String)>;

impl Engine {
    /// Loads the library at `library`; its data will be in `data`.
    pub(crate) fn load(library: &Path, data: &Path) -> Result<&'static Engine, String> {
        let api = Api::load(library)?;
        // SAFETY: the function takes an integer only, and is called before the first connection as its manual demands.
        // Without it the library would take over SIGSEGV and others of this process.
        unsafe { (api.chdb_set_signal_handlers_enabled)(0) };
        let mut path = b"--path=".to_vec();
        path.extend_from_slice(data.as_os_str().as_bytes());
        let path = CString::new(path).map_err(|_| format!("`{}` has a NUL byte in its name", data.display()))?;
        let arguments = vec![CString::from(c"clickhouse"), path];
        Ok(Box::leak(Box::new(Engine { api, arguments })))
    }

    /// Opens a connection. The first one starts the engine, and the end of the last one stops it.
    pub(crate) fn connect(&'static self) -> Result<Connection, Exception> {
        let mut arguments: Vec<*mut c_char> = self.arguments.iter().map(|a| a.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(arguments.len()).unwrap_or(c_int::MAX);
        // SAFETY: `arguments` holds `count` NUL-terminated strings that outlive the call, and the engine only reads them.
        let handle = unsafe { (self.api.chdb_connect)(count, arguments.as_mut_ptr()) };
        match NonNull::new(handle) {
            Some(handle) => Ok(Connection { engine: self, handle }),
            None => Err(Exception::new(exception::NETWORK_ERROR, "the engine gave no connection to its data")),
        }
    }

    /// Ends the engine's threads. To be called after the last connection was dropped; false if one is left.
    pub(crate) fn shut_down(&self) -> bool {
        // SAFETY: takes no arguments, may be called at any time, and refuses while a connection is open.
        unsafe { (self.api.chdb_shutdown)() == 0 }
    }
}

/// One connection, which is one session: a current database, settings, temporary tables.
/// A connection that has seen an error should be dropped: the engine leaves residue in it.
pub(crate) struct Connection {
    engine: &'static Engine,
    handle: NonNull<Handle>,
}

// SAFETY: the engine locks its own state and binds no connection to a thread; `&mut self` on every call that runs
// something keeps it to one statement at a time, as the API demands.
unsafe impl Send for Connection {}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: `handle` came from chdb_connect and is closed once, here; streams borrow `self`, so none is left.
        unsafe { (self.engine.api.chdb_close_conn)(self.handle.as_ptr()) }
    }
}

impl Connection {
    /// Runs a statement and gives its whole result in `format`, where the text names no other.
    pub(crate) fn query(&mut self, text: &[u8], format: &str, values: &Parameters) -> Result<Chunk, Exception> {
        let values = ParameterPointers::new(values);
        // SAFETY: every pointer comes with its length and outlives the call, which copies what it keeps.
        let result = unsafe {
            (self.engine.api.chdb_query_with_params_n)(
                self.current(),
                text.as_ptr().cast(),
                text.len(),
                format.as_ptr().cast(),
                format.len(),
                values.names.as_ptr(),
                values.name_lengths.as_ptr(),
                values.values.as_ptr(),
                values.value_lengths.as_ptr(),
                values.names.len(),
            )
        };
        Chunk::from_result(self.engine, result)
    }

    /// Runs a statement whose result is one short text.
    pub(crate) fn query_text(&mut self, text: &str) -> Result<String, Exception> {
        let chunk = self.query(text.as_bytes(), "TabSeparatedRaw", &Parameters::new())?;
        Ok(String::from_utf8_lossy(chunk.as_ref()).trim_end().to_string())
    }

    /// Starts a statement whose result is fetched block by block.
    pub(crate) fn stream(
        &mut self,
        text: &[u8],
        format: &str,
        values: &Parameters,
    ) -> Result<ResultStream<'_>, Exception> {
        let values = ParameterPointers::new(values);
        // SAFETY: as in `query`.
        let result = unsafe {
            (self.engine.api.chdb_stream_query_with_params_n)(
                self.current(),
                text.as_ptr().cast(),
                text.len(),
                format.as_ptr().cast(),
                format.len(),
                values.names.as_ptr(),
                values.name_lengths.as_ptr(),
                values.values.as_ptr(),
                values.value_lengths.as_ptr(),
                values.names.len(),
            )
        };
        // The handle that starts a stream is a result without bytes: its error is read, and it is kept for fetching.
        let handle = Chunk::from_result(self.engine, result)?;
        Ok(ResultStream { connection: self, handle, ended: false })
    }

    /// Starts an INSERT: `head` is the statement up to FORMAT, the data follow by [`InsertStream::append`].
    pub(crate) fn insert(
        &mut self,
        head: &[u8],
        format: &str,
        values: &Parameters,
    ) -> Result<InsertStream<'_>, Exception> {
        let values = ParameterPointers::new(values);
        // SAFETY: as in `query`.
        let handle = unsafe {
            (self.engine.api.chdb_stream_insert_with_params_n)(
                self.current(),
                head.as_ptr().cast(),
                head.len(),
                format.as_ptr().cast(),
                format.len(),
                values.names.as_ptr(),
                values.name_lengths.as_ptr(),
                values.values.as_ptr(),
                values.value_lengths.as_ptr(),
                values.names.len(),
            )
        };
        let Some(handle) = NonNull::new(handle) else {
            return Err(Exception::new(exception::UNKNOWN_EXCEPTION, "the engine gave no insert stream"));
        };
        let stream = InsertStream { connection: self, handle, ended: false };
        match stream.error() {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Says what a statement would do, and how many statements the text holds.
    pub(crate) fn classify(&mut self, text: &[u8]) -> (Class, u32) {
        let mut analysis =
            Analysis { struct_size: size_of::<Analysis>() as u32, statement_count: 0, flags: 0, query_class: 4 };
        // SAFETY: `text` comes with its length, no target database is named, and `analysis` says its own size.
        unsafe {
            (self.engine.api.chdb_classify_query_n)(
                self.current(),
                text.as_ptr().cast(),
                text.len(),
                ptr::null(),
                0,
                &raw mut analysis,
            )
        };
        let class = match analysis.query_class {
            0 => Class::ReadOnly,
            1 | 2 => Class::Mutating,
            3 => Class::Control,
            _ => Class::Unknown,
        };
        (class, analysis.statement_count)
    }

    fn current(&self) -> Pointer {
        // SAFETY: chdb_connect gives a pointer to the connection, valid until chdb_close_conn.
        unsafe { *self.handle.as_ptr() }
    }
}

/// A result being fetched. Dropped before its end it cancels the statement.
pub(crate) struct ResultStream<'a> {
    connection: &'a mut Connection,
    handle: Chunk,
    ended: bool,
}

impl ResultStream<'_> {
    /// The next block of the result, formatted; none at the end.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<Chunk>, Exception> {
        if self.ended {
            return Ok(None);
        }
        let api = &self.connection.engine.api;
        // SAFETY: the stream belongs to this connection, and `&mut self` serializes the fetches.
        let result = unsafe { (api.chdb_stream_fetch_result)(self.connection.current(), self.handle.result.as_ptr()) };
        let chunk = Chunk::from_result(self.connection.engine, result).inspect_err(|_| self.ended = true)?;
        self.ended = chunk.as_ref().is_empty();
        Ok((!self.ended).then_some(chunk))
    }
}

impl Drop for ResultStream<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: as in `next_chunk`; the handle itself is destroyed by its own drop, after this.
            unsafe {
                (self.connection.engine.api.chdb_stream_cancel_query)(
                    self.connection.current(),
                    self.handle.result.as_ptr(),
                );
            }
        }
    }
}

/// An INSERT being fed. Dropped before [`InsertStream::finish`] it commits nothing of the open block.
pub(crate) struct InsertStream<'a> {
    connection: &'a mut Connection,
    handle: NonNull<c_void>,
    ended: bool,
}

impl InsertStream<'_> {
    /// Gives the engine the next bytes; waits while it is behind.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Exception> {
        // SAFETY: the handle lives until drop, and the engine copies the bytes before it returns.
        let state = unsafe {
            (self.connection.engine.api.chdb_stream_append)(self.handle.as_ptr(), bytes.as_ptr().cast(), bytes.len())
        };
        if state == 0 {
            return Ok(());
        }
        Err(self.error().unwrap_or_else(|| Exception::new(exception::UNKNOWN_EXCEPTION, "the insert stream failed")))
    }

    /// Ends the data and commits them.
    pub(crate) fn finish(mut self) -> Result<Counts, Exception> {
        self.ended = true;
        // SAFETY: the handle lives until drop, and is finalized once because `finish` takes the stream.
        let result = unsafe { (self.connection.engine.api.chdb_stream_done)(self.handle.as_ptr()) };
        Ok(Chunk::from_result(self.connection.engine, result)?.counts())
    }

    fn error(&self) -> Option<Exception> {
        // SAFETY: the handle lives until drop.
        let error = unsafe { (self.connection.engine.api.chdb_stream_insert_error)(self.handle.as_ptr()) };
        copy_text(error).map(|error| Exception::from_engine(&error))
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        let api = &self.connection.engine.api;
        // SAFETY: the handle is cancelled only if it was not finalized, and destroyed once, here.
        unsafe {
            if !self.ended {
                (api.chdb_stream_cancel_insert)(self.handle.as_ptr());
            }
            (api.chdb_destroy_insert_stream)(self.handle.as_ptr());
        }
    }
}

/// A result, or a block of one: bytes that the engine made and that are freed with this value.
pub(crate) struct Chunk {
    engine: &'static Engine,
    result: NonNull<c_void>,
}

// SAFETY: a result is a buffer on the heap that belongs to nobody else; freeing it is not bound to a thread.
unsafe impl Send for Chunk {}

impl Chunk {
    fn from_result(engine: &'static Engine, result: Pointer) -> Result<Chunk, Exception> {
        let Some(result) = NonNull::new(result) else {
            return Err(Exception::new(exception::UNKNOWN_EXCEPTION, "the engine gave no result"));
        };
        let chunk = Chunk { engine, result };
        // SAFETY: the result is alive; the text is copied before `chunk` is dropped.
        let error = unsafe { (engine.api.chdb_result_error)(chunk.result.as_ptr()) };
        match copy_text(error) {
            Some(error) => Err(Exception::from_engine(&error)),
            None => Ok(chunk),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let (api, result) = (&self.engine.api, self.result.as_ptr());
        // SAFETY: the result is alive, and these functions only read numbers from it.
        unsafe {
            Counts {
                read_rows: (api.chdb_result_storage_rows_read)(result),
                read_bytes: (api.chdb_result_storage_bytes_read)(result),
                written_rows: (api.chdb_result_rows_written)(result),
                written_bytes: (api.chdb_result_bytes_written)(result),
                result_rows: (api.chdb_result_rows_read)(result),
                result_bytes: (api.chdb_result_bytes_read)(result),
                elapsed_ns: ((api.chdb_result_elapsed)(result) * 1e9) as u64,
            }
        }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: buffer and length belong to the same living result, which nobody writes to any more; the borrow
        // keeps it alive.
        unsafe {
            let buffer = (self.engine.api.chdb_result_buffer)(self.result.as_ptr());
            let length = (self.engine.api.chdb_result_length)(self.result.as_ptr());
            if buffer.is_null() || length == 0 {
                return &[];
            }
            std::slice::from_raw_parts(buffer.cast_const().cast(), length)
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: every result is destroyed once, here.
        unsafe { (self.engine.api.chdb_destroy_query_result)(self.result.as_ptr()) }
    }
}

/// Ends this process at once, without the destructors of the libraries in it.
/// The engine's background threads may outlive its shutdown; C++ destructors under their feet end in a crash report
/// for a process that did everything right.
pub(crate) fn exit_now(code: i32) -> ! {
    unsafe extern "C" {
        fn _exit(code: c_int) -> !;
    }
    // SAFETY: `_exit` of POSIX takes an integer and never returns.
    unsafe { _exit(code) }
}

/// Parameters as the API wants them: four arrays of equal length.
struct ParameterPointers {
    names: Vec<*const c_char>,
    name_lengths: Vec<usize>,
    values: Vec<*const c_char>,
    value_lengths: Vec<usize>,
}

impl ParameterPointers {
    fn new(parameters: &Parameters) -> ParameterPointers {
        ParameterPointers {
            names: parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: parameters.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: parameters.iter().map(|(_, value)| value.len()).collect(),
        }
    }
}

fn copy_text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the engine's texts are NUL-terminated and live as long as their result, which every caller holds.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

type Pointer = *mut c_void;
/// What a `chdb_connection *` points at: the connection itself.
type Handle = Pointer;

/// `chdb_query_analysis_v1`.
#[repr(C)]
struct Analysis {
    struct_size: u32,
    statement_count: u32,
    flags: u32,
    query_class: u32,
}

/// A statement with parameters: connection, text, format, names, values, count.
type StatementFn = unsafe extern "C" fn(
    Pointer,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const *const c_char,
    *const usize,
    *const *const c_char,
    *const usize,
    usize,
) -> Pointer;
type CountFn = unsafe extern "C" fn(Pointer) -> u64;

/// The functions that are used, by their names in `chdb.h`.
macro_rules! api {
    ($($name:ident: $signature:ty,)*) => {
        struct Api { $($name: $signature,)* }

        impl Api {
            fn load(path: &Path) -> Result<Api, String> {
                // SAFETY: loading runs the library's constructors; the file is the one that the user or the pinned
                // sum vouches for. RTLD_LOCAL keeps its C++ runtime apart from others in this process.
                let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
                    .map_err(|error| format!("cannot load `{}`: {error}", path.display()))?;
                // The engine's threads live on, so that the code must never be unloaded.
                let library: &'static Library = Box::leak(Box::new(library));
                Ok(Api {
                    $($name: {
                        // SAFETY: the signature is that of `chdb.h`, whose functions keep theirs between versions.
                        let symbol = unsafe { library.get::<$signature>(concat!(stringify!($name), "\0").as_bytes()) };
                        *symbol.map_err(|_| format!(
                            "`{}` has no {}: libchdb {LIBRARY_MIN} or newer is needed",
                            path.display(), stringify!($name)
                        ))?
                    },)*
                })
            }
        }
    };
}

api! {
    chdb_set_signal_handlers_enabled: unsafe extern "C" fn(c_int),
    chdb_connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Handle,
    chdb_close_conn: unsafe extern "C" fn(*mut Handle),
    chdb_shutdown: unsafe extern "C" fn() -> c_int,
    chdb_classify_query_n:
        unsafe extern "C" fn(Pointer, *const c_char, usize, *const c_char, usize, *mut Analysis) -> c_int,

    chdb_query_with_params_n: StatementFn,
    chdb_stream_query_with_params_n: StatementFn,
    chdb_stream_fetch_result: unsafe extern "C" fn(Pointer, Pointer) -> Pointer,
    chdb_stream_cancel_query: unsafe extern "C" fn(Pointer, Pointer),
    chdb_destroy_query_result: unsafe extern "C" fn(Pointer),

    chdb_stream_insert_with_params_n: StatementFn,
    chdb_stream_append: unsafe extern "C" fn(Pointer, *const c_void, usize) -> c_int,
    chdb_stream_done: unsafe extern "C" fn(Pointer) -> Pointer,
    chdb_stream_cancel_insert: unsafe extern "C" fn(Pointer),
    chdb_stream_insert_error: unsafe extern "C" fn(Pointer) -> *const c_char,
    chdb_destroy_insert_stream: unsafe extern "C" fn(Pointer),

    chdb_result_buffer: unsafe extern "C" fn(Pointer) -> *mut c_char,
    chdb_result_length: unsafe extern "C" fn(Pointer) -> usize,
    chdb_result_error: unsafe extern "C" fn(Pointer) -> *const c_char,
    chdb_result_elapsed: unsafe extern "C" fn(Pointer) -> f64,
    chdb_result_rows_read: CountFn,
    chdb_result_bytes_read: CountFn,
    chdb_result_rows_written: CountFn,
    chdb_result_bytes_written: CountFn,
    chdb_result_storage_rows_read: CountFn,
    chdb_result_storage_bytes_read: CountFn,
}
