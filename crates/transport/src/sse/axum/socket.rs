//! The socket of an SSE subscriber, as axum sees it.
//!
//! A stream of events is asked for more only while the socket takes more. A subscriber that stops reading would
//! therefore never be told that the ring has run past it, and would be kept for ever; here it is noticed.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::hub::{Broadcast, Lagged};

/// A listener whose connections notice when they are overtaken.
pub(super) struct Watched<L> {
    pub(super) listener: L,
    pub(super) feed: Arc<Broadcast>,
}

impl<L: Listener<Io = TcpStream>> Listener for Watched<L> {
    type Io = Socket;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Socket, L::Addr) {
        let (stream, address) = self.listener.accept().await;
        let socket = Socket {
            stream,
            feed: Arc::clone(&self.feed),
            stalled: None,
        };
        (socket, address)
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}

pub(super) struct Socket {
    stream: TcpStream,
    feed: Arc<Broadcast>,
    /// Since the socket took no more: ends when the ring has run past the place in the sequence taken then.
    stalled: Option<Pin<Box<dyn Future<Output = Lagged> + Send>>>,
}

impl Socket {
    #[inline]
    fn unless_stalled(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            return self.poll_stalled(cx);
        }
        self.stalled = None;
        written
    }

    #[cold]
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let feed = &self.feed;
        let stalled = self.stalled.get_or_insert_with(|| {
            let feed = Arc::clone(feed);
            let place = feed.next_seq();
            Box::pin(async move { feed.overtaken(place).await })
        });
        stalled
            .as_mut()
            .poll(cx)
            .map(|lagged| Err(io::Error::other(lagged)))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.unless_stalled(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
