//! TLS: its provider, named once for the process, and the certificates of authorities.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Makes ring the process's provider of TLS, if none was named before: whatever connects calls this first.
pub fn install_tls() {
    // An error says that one is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The certificates in a file, in PEM; a path that is not absolute begins in `folder`. What is wrong is told as the rest
/// of a sentence that begins with the key of the settings.
pub(crate) fn read_certificates(folder: &Path, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let path = folder.join(file);
    let told = |why: String| format!("= {:?} {why}", path.display());
    let pem = std::fs::read(&path).map_err(|error| told(format!("cannot be read: {error}")))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(told("holds no certificates in PEM".to_owned())),
        Err(error) => Err(told(format!("holds no certificates in PEM: {error}"))),
    }
}
