//! TLS 1.3 (RFC 8446) between a socket and a transport, the same for all of them: rustls, in user space, on both sides.
//!
//! One suite, one group for the key exchange and one kind of signature are offered and taken by either side, so that servers
//! differ in nothing that is agreed on. There is no early data, no client certificate and no ALPN.
//!
//! # Layout
//!
//! - [`Identity`]: what a server shows, and the key behind it
//! - [`Trust`]: the one certificate that a client takes, and the tickets it has for coming back
//! - `session`: the client's side of a connection: bytes in, bytes out, and all of them counted
//! - `records`: where records end in what was read
//! - `sealed`: the server's side on the stack `bare`
//! - `guard`: the same on the stack `reference`

pub(crate) mod guard;
mod identity;
mod records;
pub(crate) mod sealed;
pub(crate) mod session;
mod trust;

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, ring};

pub use identity::Identity;
pub use session::Tally;
pub use trust::Trust;

/// TLS cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A certificate, or its key, is of no use.
    #[error("{what} cannot be used: {reason}")]
    Unusable {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A handshake before all others, which was to bring tickets, did not.
    #[error("no tickets to resume sessions with from {address}: {reason}")]
    NoTickets {
        /// Who was asked.
        address: std::net::SocketAddr,
        /// What came instead.
        reason: String,
    },
}

/// The only version spoken.
static VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The only suite (AES-128-GCM with SHA-256) and the only group (X25519). Certificates of our own servers are signed with ECDSA
/// on P-256.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![ring::kx_group::X25519],
        ..ring::default_provider()
    })
}

fn unusable(what: &'static str) -> impl Fn(rustls::Error) -> TlsError {
    move |error| TlsError::Unusable {
        what,
        reason: error.to_string(),
    }
}
