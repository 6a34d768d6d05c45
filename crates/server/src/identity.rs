//! A certificate that a server makes for itself.

use pushbench_transport::tls::{Identity, TlsError};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};

/// Names and addresses that the certificate is for.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// A new key on P-256, and a certificate for this host that it has signed itself (ECDSA with SHA-256). Nobody trusts it but who is
/// told to: it is made when a server starts, and gone when it ends.
///
/// # Errors
///
/// [`TlsError::Unusable`] when there is no randomness for a key.
pub fn self_made() -> Result<Identity, TlsError> {
    let made = || {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = CertificateParams::new(NAMES.map(str::to_owned))?;
        let certificate = params.self_signed(&key)?;
        Ok((certificate, key))
    };
    let (certificate, key) = made().map_err(|error: rcgen::Error| TlsError::Unusable {
        what: "a certificate of one's own",
        reason: error.to_string(),
    })?;
    let der = certificate.der().to_vec();
    Identity::new(&certificate.pem(), der, key.serialize_der())
}
