//! A real HTTP server that answers as it was told, and keeps what was posted.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[derive(Clone)]
pub struct Answer {
    status: u16,
    header: Option<(&'static str, &'static str)>,
    body: &'static str,
    is_endless: bool,
}

impl Answer {
    pub fn status(status: u16) -> Answer {
        Answer { status, header: None, body: "", is_endless: false }
    }

    pub fn with_header(self, name: &'static str, value: &'static str) -> Answer {
        Answer { header: Some((name, value)), ..self }
    }

    pub fn with_body(self, body: &'static str) -> Answer {
        Answer { body, ..self }
    }

    pub fn with_endless_body(self) -> Answer {
        Answer { is_endless: true, ..self }
    }

    fn response(&self) -> Response<Either<Full<Bytes>, Endless>> {
        let mut response = Response::builder().status(self.status);
        if let Some((name, value)) = self.header {
            response = response.header(name, value);
        }
        let body = if self.is_endless { Either::Right(Endless) } else { Either::Left(Full::from(self.body)) };
        response.body(body).unwrap()
    }
}

/// More and more of the same.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
    }
}

pub struct Posted {
    pub path: String,
    headers: hyper::HeaderMap,
    pub body: Vec<u8>,
}

impl Posted {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

pub struct Receiver {
    port: u16,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Receiver {
    pub async fn start(answer: Answer) -> Receiver {
        Receiver::serve(StdListener::bind("127.0.0.1:0").unwrap(), answer, None)
    }

    /// With the certificate `server.pem` and its key `server.key`.
    pub async fn start_with_tls(listener: StdListener, answer: Answer, folder: &Path) -> Receiver {
        deliver::install_tls();
        let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
        Receiver::serve(listener, answer, Some(TlsAcceptor::from(Arc::new(config.unwrap()))))
    }

    fn serve(listener: StdListener, answer: Answer, tls: Option<TlsAcceptor>) -> Receiver {
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let posted: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let kept = posted.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, kept, tls) = (answer.clone(), kept.clone(), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| take(request, answer.clone(), kept.clone()));
                    let connection = http1::Builder::new();
                    // Who goes away early is no error of this server.
                    match tls {
                        None => drop(connection.serve_connection(TokioIo::new(stream), service).await),
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            drop(connection.serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                });
            }
        });
        Receiver { port, posted }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What was posted up to now.
    pub fn posted(&self) -> Vec<Posted> {
        std::mem::take(&mut *self.posted.lock().unwrap())
    }
}

async fn take(
    request: Request<Incoming>,
    answer: Answer,
    kept: Arc<Mutex<Vec<Posted>>>,
) -> Result<Response<Either<Full<Bytes>, Endless>>, Infallible> {
    let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
    let body = request.into_body().collect().await.unwrap().to_bytes().to_vec();
    kept.lock().unwrap().push(Posted { path, headers, body });
    Ok(answer.response())
}
