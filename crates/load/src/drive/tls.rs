//! How TLS is done.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

use super::place::Place;
use super::plan::Tls;
use crate::LoadError;

/// Variables that name another store than the system's, as OpenSSL has them.
const NAMED: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What the library calls an authority's certificate that a server shows as its own, whoever has signed it.
const OF_AN_AUTHORITY: &str = "CaUsedAsEndEntity";

/// What connections with TLS share.
#[derive(Clone)]
pub(super) struct Security {
    config: Arc<ClientConfig>,
    server_name: Option<String>,
}

impl Security {
    pub(super) fn new(tls: &Tls) -> Result<Self, LoadError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| LoadError::Tls(error.to_string()))?;
        let builder = if tls.insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        } else if let Some(path) = &tls.ca {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Named::new(path, provider)?))
        } else {
            builder.with_root_certificates(roots()?)
        };
        let mut config = match &tls.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| file(key, &error.to_string()))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| file(certificate, &error.to_string()))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            server_name: tls.server_name.clone(),
        })
    }

    /// The beginning of a connection to `place`.
    pub(super) fn connect(&self, place: &Place) -> Result<ClientConnection, String> {
        let name = self.server_name.as_ref().unwrap_or(&place.name).clone();
        let name = ServerName::try_from(name.clone())
            .map_err(|_| format!("{name:?} is no name of a server"))?;
        ClientConnection::new(Arc::clone(&self.config), name).map_err(|error| error.to_string())
    }
}

/// What went wrong, in words where the library has a name of its own for it.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "nobody who is trusted has signed the server's certificate".into()
        }
        Error::InvalidCertificate(CertificateError::Other(why))
            if why.to_string().contains(OF_AN_AUTHORITY) =>
        {
            "the server's certificate is that of an authority: --cacert with that very certificate trusts it".into()
        }
        error => error.to_string(),
    }
}

/// The authorities that are trusted: the system's, or where it has none those that browsers trust.
fn roots() -> Result<RootCertStore, LoadError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    // A store may hold what no TLS library of today reads; the others are good all the same.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        if let Some((name, value)) = NAMED
            .iter()
            .find_map(|name| Some((name, std::env::var_os(name)?)))
        {
            let why = found.errors.first().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "no certificate is there".into());
            return Err(LoadError::Tls(format!(
                "{name} is {value:?}, which holds no authority that can be trusted: {why}; unset it, or name a file with --cacert"
            )));
        }
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain: Vec<CertificateDer<'static>> =
        read.map_err(|error| file(path, &error.to_string()))?;
    if chain.is_empty() {
        return Err(file(path, "it holds no certificate in PEM"));
    }
    Ok(chain)
}

fn file(path: &Path, reason: &str) -> LoadError {
    LoadError::Tls(format!("{}: {reason}", path.display()))
}

/// Takes what the authorities of a file have signed, and what is in that file itself: servers of a laboratory sign their own, which an
/// authority's rules do not allow. Of such a certificate the name is checked, and neither its dates nor what it may be used for.
#[derive(Debug)]
struct Named {
    authorities: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl Named {
    fn new(path: &Path, provider: Arc<CryptoProvider>) -> Result<Self, LoadError> {
        let own = certificates(path)?;
        let mut roots = RootCertStore::empty();
        for certificate in &own {
            roots
                .add(certificate.clone())
                .map_err(|error| file(path, &error.to_string()))?;
        }
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self {
            authorities: authorities.map_err(|error| file(path, &error.to_string()))?,
            own,
        })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.own.iter().any(|own| own == certificate) {
            verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.authorities
            .verify_server_cert(certificate, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Takes every certificate.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
