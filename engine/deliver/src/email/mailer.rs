//! Hands one mail to the SMTP server: connects, signs in, keeps connections for the next one, and says how it ended.
//!
//! The commands are sent one by one, because how a try ended depends on where: before the content's final dot nothing was
//! taken, after it only the server's answer says.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lettre::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::{Mail, Security, SmtpError, SmtpSettings, file};
use crate::attempt::{Attempted, Status};
use crate::secret::Secret;
use crate::tls::read_certificates;

/// A connection that was not used for longer is closed: servers close them after a few minutes.
const IDLE: Duration = Duration::from_secs(30);
/// After so many mails a connection is closed: servers limit them.
const MAILS_PER_CONNECTION_MAX: u32 = 50;
/// How long a server that is left is waited for.
const GOODBYE: Duration = Duration::from_secs(2);
/// What a server says is shown up to here.
const ANSWER_CHARS_MAX: usize = 300;

/// Sends mails through one server.
pub struct Mailer {
    settings: SmtpSettings,
    from: Mailbox,
    hello: ClientId,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    warning: Option<String>,
    /// Where mails go that become files.
    files: Option<PathBuf>,
    slots: Semaphore,
    idle: Mutex<Vec<Held>>,
}

/// A connection between two mails.
struct Held {
    connection: AsyncSmtpConnection,
    since: Instant,
    mails: u32,
}

impl Mailer {
    /// A mailer by these settings; files that are not absolute begin in `folder`. Connects when there is a mail.
    ///
    /// # Errors
    /// What is wrong with the settings, and what would have worked.
    pub fn new(settings: &SmtpSettings, folder: &Path) -> Result<Mailer, SmtpError> {
        crate::install_tls();
        let value = |key: &'static str, sentence: String| SmtpError::Value { key, sentence };
        if !settings.is_set() {
            return Err(value(
                "host",
                "is empty: give the name of the server that takes mails, for example \"mail.example.com\"".to_owned(),
            ));
        }
        if settings.is_folder() && !settings.host.is_empty() {
            let sentence = "takes the mails, and so does `host`: leave one of the two empty".to_owned();
            return Err(value("folder", sentence));
        }
        let from: Mailbox = settings.from.parse().map_err(|error| {
            let expected = "write \"calls@example.com\" or \"Ringback <calls@example.com>\"";
            value("from", format!("= {:?} is no address ({error}); {expected}", settings.from))
        })?;
        if !from.email.domain().is_ascii() {
            let sentence = "has letters in its domain that not every server takes: write its form in ASCII, as xn--…";
            return Err(value("from", sentence.to_owned()));
        }
        let secret = match (settings.user.is_empty(), settings.secret_file.as_os_str().is_empty()) {
            (true, true) => None,
            (false, false) => Some(Secret::read(folder, &settings.secret_file).map_err(SmtpError::Secret)?),
            (false, true) => {
                return Err(value(
                    "user",
                    "signs in with a password: give the file that holds it as `secret_file`".to_owned(),
                ));
            }
            (true, false) => return Err(value("secret_file", "is the password of a `user`: give that too".to_owned())),
        };
        if settings.security == Security::None && secret.is_some() && !settings.is_here() {
            return Err(value(
                "security",
                "= \"none\" would send the password in the open: write \"starttls\" or \"tls\"".to_owned(),
            ));
        }
        let slots = usize::try_from(settings.connections_max.get()).unwrap_or(1);
        Ok(Mailer {
            tls: if settings.is_folder() { None } else { tls(settings, folder)? },
            files: settings.is_folder().then(|| folder.join(&settings.folder)),
            credentials: secret.as_ref().map(|s| Credentials::new(settings.user.clone(), s.first().to_owned())),
            warning: secret.as_ref().and_then(|s| s.warning()).map(str::to_owned),
            settings: settings.clone(),
            from,
            hello: ClientId::default(),
            slots: Semaphore::new(slots),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// The domain of the sender, which is in the names of the mails.
    #[must_use]
    pub fn from_domain(&self) -> &str {
        self.from.email.domain()
    }

    /// What an administrator should hear of the settings.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Hands a mail to the server. `before_content` is asked when the server is ready for the content, and right before
    /// it goes out: if false, nothing is sent, and it may be tried again.
    ///
    /// Done: the server took it. Failed: it said that it never will, of the sender, the recipient or the mail. Again:
    /// it was not reached, could not be signed in to, or said that it may take it later. Unknown: the whole content went
    /// out and no answer came.
    pub async fn send<B, F>(&self, mail: &Mail, before_content: B) -> Attempted
    where
        B: FnOnce() -> F,
        F: Future<Output = bool>,
    {
        let (to, bytes) = match mail.bytes(&self.from) {
            Ok(written) => written,
            Err(why) => return failed(why),
        };
        // Whoever waits for a slot waits for mails that all end in time.
        let Ok(_slot) = self.slots.acquire().await else { return again("the engine ends".to_owned()) };
        if let Some(files) = &self.files {
            return match before_content().await {
                true => file::put(files, mail.message_id(), &bytes).await,
                false => again("the right to send it was lost".to_owned()),
            };
        }
        let mut held = match self.connection().await {
            Ok(held) => held,
            Err(why) => return again(why),
        };
        held.mails += 1;
        let handed = self.hand_over(&mut held.connection, to, &bytes, before_content).await;
        self.keep(held, &handed).await;
        handed.attempted
    }

    async fn hand_over<B, F>(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: Address,
        bytes: &[u8],
        before_content: B,
    ) -> Handed
    where
        B: FnOnce() -> F,
        F: Future<Output = bool>,
    {
        let mut options = Vec::new();
        let from = &self.from.email;
        let is_ascii = |address: &Address| address.user().is_ascii() && address.domain().is_ascii();
        if !is_ascii(&to) || !is_ascii(from) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Handed::broken(failed(format!(
                    "the server takes only addresses in ASCII: {to} from {from} is not"
                )));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let answer = Duration::from_secs(self.settings.answer_s.get().into());
        if let Err(ended) = asked(answer, connection.command(MailFrom::new(Some(from.clone()), options))).await {
            return ended.of("the sender");
        }
        if let Err(ended) = asked(answer, connection.command(Rcpt::new(to, Vec::new()))).await {
            return ended.of("the recipient");
        }
        if let Err(ended) = asked(answer, connection.command(Data)).await {
            return ended.of("the mail");
        }
        // The server waits for the content now; a connection that is dropped here sends none.
        if !before_content().await {
            return Handed::broken(again("the right to send it was lost".to_owned()));
        }
        // The last part is asked for when all before it is written: after that only the dot remains.
        let is_written = AtomicBool::new(false);
        let parts = std::iter::once(bytes).chain(std::iter::from_fn(|| {
            is_written.store(true, Ordering::Relaxed);
            None
        }));
        let taken = Duration::from_secs(self.settings.taken_s.get().into());
        match asked(taken, connection.message_iter(parts)).await {
            Ok(response) => {
                let said = shown(&response.message().collect::<Vec<_>>().join(" "));
                let detail = format!("{} took it: {} {said}", self.settings.host, response.code());
                let detail = detail.trim_end().to_owned();
                Handed { attempted: Attempted { status: Status::Done, detail, call: None }, is_between: true }
            }
            Err(ended) if ended.is_answer() || !is_written.load(Ordering::Relaxed) => ended.of("the mail"),
            Err(ended) => Handed::broken(Attempted {
                status: Status::Unknown,
                detail: format!("the whole mail was sent, and no answer came: {}", ended.why()),
                call: None,
            }),
        }
    }

    /// A connection that stands and is signed in: one that is kept, else a new one.
    async fn connection(&self) -> Result<Held, String> {
        let answer = Duration::from_secs(self.settings.answer_s.get().into());
        loop {
            let kept = self.idle.lock().await.pop();
            let Some(mut held) = kept else { break };
            let is_fresh = held.since.elapsed() < IDLE && held.mails < MAILS_PER_CONNECTION_MAX;
            if is_fresh && timeout(answer, held.connection.test_connected()).await == Ok(true) {
                return Ok(held);
            }
            let _ = timeout(GOODBYE, held.connection.abort()).await;
        }
        let connect = Duration::from_secs(self.settings.connect_s.get().into());
        let (host, port) = (&self.settings.host, self.settings.port());
        let at = format!("{host}:{port}");
        match timeout(connect, self.connect(connect)).await {
            Ok(Ok(connection)) => Ok(Held { connection, since: Instant::now(), mails: 0 }),
            Ok(Err(why)) => Err(format!("{at}: {why}")),
            Err(_) => Err(format!("{at}: no answer within {} s", connect.as_secs())),
        }
    }

    async fn connect(&self, connect: Duration) -> Result<AsyncSmtpConnection, String> {
        let server = (self.settings.host.as_str(), self.settings.port());
        let at_once = self.tls.clone().filter(|_| self.settings.security == Security::Tls);
        let connected = AsyncSmtpConnection::connect_tokio1(server, Some(connect), &self.hello, at_once, None).await;
        let mut connection = connected.map_err(|error| not_connected(&error))?;
        // What is said to a server on this machine crosses no network; it rarely has a certificate that anybody signed for.
        let is_open = self.settings.is_here() && self.settings.ca_file.as_os_str().is_empty();
        if let (Security::Starttls, Some(tls), false) = (self.settings.security, &self.tls, is_open) {
            if !connection.can_starttls() {
                let why = "the server offers no STARTTLS: nothing is sent in the open; \
                    write `security = \"tls\"` under [smtp] if it speaks TLS from the first byte";
                return Err(why.to_owned());
            }
            connection.starttls(tls.clone(), &self.hello).await.map_err(|error| not_connected(&error))?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(|error| {
                let told = shown(&error.to_string());
                format!("{} cannot sign in ({told}): look at `user` and `secret_file` under [smtp]", self.settings.user)
            })?;
        }
        Ok(connection)
    }

    /// Keeps a connection that is between two mails. Any other is closed without a word, which would be content to a
    /// server that waits for content: without its final dot it takes none.
    async fn keep(&self, mut held: Held, handed: &Handed) {
        if !handed.is_between {
            return;
        }
        if handed.attempted.status != Status::Done {
            // The sender or the recipient was taken already: that is taken back.
            let reset = timeout(GOODBYE, held.connection.command(Rset)).await;
            if !matches!(reset, Ok(Ok(_))) {
                return;
            }
        }
        held.since = Instant::now();
        self.idle.lock().await.push(held);
    }
}

/// What came of a mail, and whether its connection may carry the next one.
struct Handed {
    attempted: Attempted,
    is_between: bool,
}

impl Handed {
    fn broken(attempted: Attempted) -> Handed {
        Handed { attempted, is_between: false }
    }
}

fn tls(settings: &SmtpSettings, folder: &Path) -> Result<Option<TlsParameters>, SmtpError> {
    if settings.security == Security::None {
        return Ok(None);
    }
    let mut builder = TlsParameters::builder(settings.host.clone());
    if !settings.ca_file.as_os_str().is_empty() {
        let told = |sentence: String| SmtpError::Value { key: "ca_file", sentence };
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in read_certificates(folder, &settings.ca_file).map_err(told)? {
            let read = Certificate::from_der(certificate.to_vec());
            builder =
                builder.add_root_certificate(read.map_err(|error| told(format!("holds no certificates: {error}")))?);
        }
    }
    let built = builder.build_rustls();
    built.map(Some).map_err(|error| SmtpError::Value { key: "security", sentence: format!("cannot be had: {error}") })
}

/// Why a command did not succeed.
enum Ended {
    Error(smtp::Error),
    Late(Duration),
}

impl Ended {
    /// True if the server answered, and with a code.
    fn is_answer(&self) -> bool {
        matches!(self, Ended::Error(error) if error.is_transient() || error.is_permanent())
    }

    fn why(&self) -> String {
        match self {
            Ended::Error(error) => shown(&error.to_string()),
            Ended::Late(after) => format!("waited {} s", after.as_secs()),
        }
    }

    /// What it means for a mail of which nothing is taken yet.
    fn of(&self, what: &str) -> Handed {
        match self {
            Ended::Error(error) if error.is_permanent() => {
                let attempted = failed(format!("the server refuses {what}: {}", self.why()));
                Handed { attempted, is_between: true }
            }
            Ended::Error(error) if error.is_transient() => {
                let attempted = again(format!("the server does not take {what} now: {}", self.why()));
                Handed { attempted, is_between: true }
            }
            _ => Handed::broken(again(format!("the connection broke before the mail was sent: {}", self.why()))),
        }
    }
}

async fn asked(
    within: Duration,
    answer: impl Future<Output = Result<Response, smtp::Error>>,
) -> Result<Response, Ended> {
    match timeout(within, answer).await {
        Ok(answer) => answer.map_err(Ended::Error),
        Err(_) => Err(Ended::Late(within)),
    }
}

fn not_connected(error: &smtp::Error) -> String {
    let told = shown(&error.to_string());
    if told.contains("certificate") || error.is_tls() {
        return format!(
            "the server's certificate is not trusted ({told}): give the authority that signed it as `ca_file` \
            under [smtp], and the name in it as `host`"
        );
    }
    told
}

pub(super) fn failed(detail: String) -> Attempted {
    Attempted { status: Status::Failed, detail, call: None }
}

pub(super) fn again(detail: String) -> Attempted {
    Attempted { status: Status::Again { after_s: None }, detail, call: None }
}

/// One line of what a server said.
fn shown(text: &str) -> String {
    let line = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty()).collect::<Vec<_>>();
    line.join(" ").chars().take(ANSWER_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::io;
    use std::net::SocketAddr;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use directory::Language;
    use lettre::transport::smtp::client::AsyncTokioStream;
    use tokio::io::{
        AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, ReadBuf,
    };

    use super::*;
    use crate::email::Rendered;
    use crate::recipients::Recipient;

    /// A connection that holds only a few bytes on their way, so that it is known which of them were sent.
    #[derive(Debug)]
    struct Narrow(DuplexStream);

    impl AsyncRead for Narrow {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, to)
        }
    }

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(cx, bytes)
        }
        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }
        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    impl AsyncTokioStream for Narrow {
        fn peer_addr(&self) -> io::Result<SocketAddr> {
            Ok(SocketAddr::from(([127, 0, 0, 1], 25)))
        }
    }

    /// A server that is cut off after it has read this of the content.
    async fn cut_after(stream: DuplexStream, last: &[u8]) {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 peer.example\r\n").await.unwrap();
        let mut line = String::new();
        while line != "DATA\r\n" {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            let answer: &[u8] = if line == "DATA\r\n" { b"354 Go on\r\n" } else { b"250 Fine\r\n" };
            stream.write_all(answer).await.unwrap();
        }
        let mut content = Vec::new();
        while !content.ends_with(last) {
            content.push(stream.read_u8().await.unwrap());
        }
    }

    async fn handed_over(last: &'static [u8]) -> Attempted {
        let settings = SmtpSettings {
            host: "peer.example".to_owned(),
            from: "calls@example.com".to_owned(),
            ..SmtpSettings::default()
        };
        let mailer = Mailer::new(&settings, Path::new(".")).unwrap();
        let address = "ann@example.com".to_owned();
        let to = Recipient { address, name: None, language: Language::En, zone: chrono_tz::Tz::UTC };
        let rendered =
            Rendered { subject: "a".to_owned(), text: "The first line\nThe last line".to_owned(), html: None };
        let (to, bytes) = Mail::new("email:1", to, rendered, "example.com", 0).bytes(&mailer.from).unwrap();
        let (ours, theirs) = tokio::io::duplex(16);
        let server = tokio::spawn(cut_after(theirs, last));
        let mut connection = AsyncSmtpConnection::connect_with_transport(
            Box::new(Narrow(ours)),
            &ClientId::Domain("ringback.example".to_owned()),
        )
        .await
        .unwrap();
        let handed = mailer.hand_over(&mut connection, to, &bytes, || ready(true)).await;
        server.await.unwrap();
        assert!(!handed.is_between);
        handed.attempted
    }

    #[tokio::test]
    async fn a_mail_that_broke_off_before_its_end_was_not_taken() {
        for last in [&b"From: "[..], b"The first line"] {
            let attempted = handed_over(last).await;
            assert_eq!(attempted.status, Status::Again { after_s: None }, "{}", attempted.detail);
        }
        let attempted = handed_over(b"\r\n.\r\n").await;
        assert_eq!(attempted.status, Status::Unknown, "{}", attempted.detail);
    }
}
