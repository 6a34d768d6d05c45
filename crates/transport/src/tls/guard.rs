//! The server's side of a connection on the stack `reference`, and what that stack asks of any connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Identity;
use crate::listener::poll_write;
use crate::transport::ServeOptions;

/// Connections, as they are accepted: which kind is known when a server half is compiled.
pub(crate) trait Guard: Clone + 'static {
    /// What bytes are read from and written to.
    type Stream: Wire;

    /// Makes a connection of what was accepted; `None` when that fails, which is no error of the server.
    fn admit(self, stream: TcpStream) -> impl Future<Output = Option<Self::Stream>>;
}

/// A connection.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Writes to a connection that nearly always has room.
    fn poll_write_now(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Whether its socket has something to read, or the end.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether more may have been read from its socket than was handed on.
    const READS_AHEAD: bool;
}

/// Lets everybody in as they are.
#[derive(Clone, Copy)]
pub(crate) struct Open;

impl Guard for Open {
    type Stream = TcpStream;

    async fn admit(self, stream: TcpStream) -> Option<TcpStream> {
        Some(stream)
    }
}

impl Wire for TcpStream {
    #[inline]
    fn poll_write_now(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        poll_write(self, cx, bytes)
    }

    #[inline]
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    const READS_AHEAD: bool = false;
}

/// Lets in who comes to the end of a handshake in time.
#[derive(Clone)]
pub(crate) struct Secure {
    acceptor: TlsAcceptor,
    patience: Duration,
}

impl Secure {
    pub(crate) fn new(identity: &Identity, options: &ServeOptions) -> Self {
        Self {
            acceptor: identity.config().clone().into(),
            patience: Duration::from_millis(options.header_timeout_ms),
        }
    }
}

impl Guard for Secure {
    type Stream = TlsStream<TcpStream>;

    async fn admit(self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let admitted = timeout(self.patience, self.acceptor.accept(stream)).await;
        admitted.ok()?.ok()
    }
}

impl Wire for TlsStream<TcpStream> {
    fn poll_write_now(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write(cx, bytes)
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_ref().0.poll_read_ready(cx)
    }

    const READS_AHEAD: bool = true;
}
