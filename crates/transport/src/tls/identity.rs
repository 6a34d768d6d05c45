//! What a server shows.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::Ticketer;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;

use super::{TlsError, VERSIONS, provider, unusable};

/// A certificate with its key, and the secret behind the tickets that are given for it.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
    pem: Arc<str>,
}

impl Identity {
    /// The certificate in `pem`, whose DER is `certificate`, with its private `key` (PKCS #8, DER).
    ///
    /// # Errors
    ///
    /// [`TlsError::Unusable`] when one is malformed, or they do not belong together.
    pub fn new(pem: &str, certificate: Vec<u8>, key: Vec<u8>) -> Result<Self, TlsError> {
        let what = "the server's certificate";
        let key = PrivateKeyDer::try_from(key).map_err(|reason| TlsError::Unusable {
            what: "the key of the server's certificate",
            reason: reason.to_owned(),
        })?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)
            .map_err(unusable(what))?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate)], key)
            .map_err(unusable(what))?;
        // All that is known of a session is in its ticket, so it can be used on any worker, and costs no memory.
        config.ticketer = Ticketer::new().map_err(unusable("the key of the tickets"))?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            config: Arc::new(config),
            pem: pem.into(),
        })
    }

    /// The certificate, for clients that are to trust it.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub(crate) const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Two are the same when one is a copy of the other.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
    }
}

impl Eq for Identity {}
