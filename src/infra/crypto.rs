//! The one cryptography library of the process.

/// Chooses the TLS library's cryptography, once, before anything opens a connection. Later calls change nothing.
pub fn install_crypto_provider() {
    // An error only says that a provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
