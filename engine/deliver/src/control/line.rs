//! The way to a PBX: TCP or TLS, within a limit of time, and the secret that opens it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::settings::ControlSettings;

/// What bytes go over.
pub(crate) trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// Connects; why that was not possible.
pub(crate) async fn connect(settings: &ControlSettings, folder: &Path) -> Result<Box<dyn Line>, String> {
    let within = Duration::from_secs(u64::from(settings.connect_s));
    let address = settings.host_and_port();
    match tokio::time::timeout(within, open(settings, folder)).await {
        Ok(opened) => opened.map_err(|why| format!("cannot connect to {address}: {why}")),
        Err(_) => Err(format!("cannot connect to {address}: no answer within {} s", settings.connect_s)),
    }
}

async fn open(settings: &ControlSettings, folder: &Path) -> Result<Box<dyn Line>, String> {
    let address = settings.host_and_port();
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let _ = stream.set_nodelay(true);
    if !settings.is_tls() {
        return Ok(Box::new(stream));
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| format!("{host} is no name that a certificate could have"))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client(settings, folder)?));
    let stream = connector.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
    Ok(Box::new(stream))
}

fn client(settings: &ControlSettings, folder: &Path) -> Result<rustls::ClientConfig, String> {
    let file = folder.join(&settings.ca_file);
    let shown = file.display();
    let read = CertificateDer::pem_file_iter(&file).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in read {
        let certificate = certificate.map_err(|error| format!("{shown}: {error}"))?;
        roots.add(certificate).map_err(|error| format!("{shown}: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The first line of the secret's file: read each time, so that a new secret needs no restart. An error never shows what is in it.
pub(crate) fn secret(settings: &ControlSettings, folder: &Path) -> Result<String, String> {
    let file = folder.join(&settings.secret_file);
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("cannot read the secret of {}: {}: {error}", settings.user, file.display()))?;
    match text.lines().next().map(str::trim).filter(|secret| !secret.is_empty()) {
        Some(secret) => Ok(secret.to_owned()),
        None => Err(format!("{} is empty: its first line is the secret of {}", file.display(), settings.user)),
    }
}
