//! The provider of TLS, named once for the process.

/// Makes ring the process's provider of TLS, if none was named before: whatever connects calls this first.
pub fn install_tls() {
    // An error says that one is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
