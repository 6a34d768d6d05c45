//! Whom a client believes, and how it comes back.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, NamedGroup,
    SignatureScheme,
};

use super::{TlsError, VERSIONS, provider, unusable};

/// Tickets that are kept; each connection brings more than it uses.
const MOST_TICKETS: usize = 4096;

/// The one certificate that the connections of a thread take, and their tickets if they resume sessions.
#[derive(Clone, Debug)]
pub struct Trust {
    config: Arc<ClientConfig>,
    tickets: Option<Arc<Tickets>>,
}

impl Trust {
    /// Trusts exactly the certificate in `pem`, whatever it says about itself: it is that of the server under test, and its key is
    /// proved in the handshake. `resumes`: sessions are resumed, with tickets that [`Self::gather`] brings first.
    ///
    /// # Errors
    ///
    /// [`TlsError::Unusable`] when `pem` holds no certificate.
    pub fn new(pem: &[u8], resumes: bool) -> Result<Self, TlsError> {
        let what = "the certificate that the server says is its own";
        let certificate =
            CertificateDer::from_pem_slice(pem).map_err(|error| TlsError::Unusable {
                what,
                reason: error.to_string(),
            })?;
        let provider = provider();
        let exactly = Exactly {
            certificate,
            provider: Arc::clone(&provider),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(VERSIONS)
            .map_err(unusable(what))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(exactly))
            .with_no_client_auth();
        let tickets = resumes.then(Arc::<Tickets>::default);
        config.resumption = match &tickets {
            Some(tickets) => Resumption::store(Arc::clone(tickets) as _),
            None => Resumption::disabled(),
        };
        Ok(Self {
            config: Arc::new(config),
            tickets,
        })
    }

    /// Whether sessions are resumed.
    #[must_use]
    pub const fn resumes(&self) -> bool {
        self.tickets.is_some()
    }

    /// The beginning of a connection. Whoever is there is known by its certificate, and not by a name.
    pub(super) fn begin(&self) -> Result<ClientConnection, Error> {
        let nobody = IpAddr::from([127, 0, 0, 1]);
        ClientConnection::new(Arc::clone(&self.config), ServerName::from(nobody))
    }

    /// Brings tickets, `wanted` at least, where sessions are to be resumed: one full handshake, then resumed ones, each of which
    /// uses one ticket and is given more. Blocks for `patience` at most. Returns how many handshakes that took.
    ///
    /// # Errors
    ///
    /// [`TlsError::NoTickets`] when the server cannot be reached, is another, or gives no tickets in time.
    pub fn gather(
        &self,
        address: SocketAddr,
        wanted: usize,
        patience: Duration,
    ) -> Result<u64, TlsError> {
        let Some(tickets) = &self.tickets else {
            return Ok(0);
        };
        let deadline = Instant::now() + patience;
        let mut handshakes = 0;
        while tickets.count() < wanted {
            let visited = self.visit(address, deadline, tickets);
            visited.map_err(|error| TlsError::NoTickets {
                address,
                reason: error.to_string(),
            })?;
            handshakes += 1;
        }
        Ok(handshakes)
    }

    /// One connection: a handshake, which uses a ticket if there is one, and the two tickets that follow it.
    fn visit(&self, address: SocketAddr, deadline: Instant, tickets: &Tickets) -> io::Result<()> {
        let left = || {
            let left = deadline.saturating_duration_since(Instant::now());
            // A socket takes no timeout of zero: that would mean none.
            (!left.is_zero())
                .then_some(left)
                .ok_or(io::Error::from(io::ErrorKind::TimedOut))
        };
        let mut tls = self.begin().map_err(io::Error::other)?;
        let enough = tickets.count() + 2;
        let mut stream = TcpStream::connect_timeout(&address, left()?)?;
        stream.set_nodelay(true)?;
        while tls.is_handshaking() || tickets.count() < enough {
            while tls.wants_write() {
                stream.set_write_timeout(Some(left()?))?;
                tls.write_tls(&mut stream)?;
            }
            stream.set_read_timeout(Some(left()?))?;
            match tls.read_tls(&mut stream) {
                Ok(0) => return Err(io::Error::other("the connection ended before they came")),
                Ok(_) => {
                    tls.process_new_packets().map_err(io::Error::other)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        tls.send_close_notify();
        while tls.wants_write() {
            tls.write_tls(&mut stream)?;
        }
        Ok(())
    }
}

/// Tickets, each for one connection (RFC 8446 §C.4).
#[derive(Default)]
struct Tickets(Mutex<VecDeque<Tls13ClientSessionValue>>);

impl Tickets {
    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tickets").field(&self.count()).finish()
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        // There is one group.
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tickets.len() < MOST_TICKETS {
            tickets.push_back(ticket);
        }
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.pop_front()
    }
}

/// Takes one certificate and no other.
#[derive(Debug)]
struct Exactly {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *certificate == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
