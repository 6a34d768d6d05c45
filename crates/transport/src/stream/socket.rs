//! The socket of a subscriber to a stream, as hyper sees it.
//!
//! hyper asks a body for more only while the socket takes more. A subscriber that stops reading would therefore never
//! be told that the ring has run past it, and would be kept for ever; here it is noticed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;

use crate::hub::{Subscription, Topic};
use crate::tls::guard::Wire;

pub(crate) struct Socket<W, F: Clone + 'static> {
    io: TokioIo<W>,
    topic: Rc<Topic<F>>,
    /// There was nothing to read; the connection's task is woken when there is.
    nothing_to_read: bool,
    /// A place in the sequence taken when the socket took no more. When the ring has run past it, so it has past the
    /// subscriber.
    stalled: Option<Subscription<F>>,
}

impl<W: Wire, F: Clone + 'static> Socket<W, F> {
    pub(crate) fn new(stream: W, topic: Rc<Topic<F>>) -> Self {
        Self {
            io: TokioIo::new(stream),
            topic,
            nothing_to_read: false,
            stalled: None,
        }
    }

    #[cold]
    fn poll_stalled<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let topic = &self.topic;
        let place = self.stalled.get_or_insert_with(|| topic.subscribe(None));
        place
            .poll_lagged(cx)
            .map(|lagged| Err(io::Error::other(lagged)))
    }
}

impl<W: Wire, F: Clone + 'static> Read for Socket<W, F> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper tries to read whenever it is looked at.
        if this.nothing_to_read && this.topic.is_in_round() {
            return Poll::Pending;
        }
        let read = Pin::new(&mut this.io).poll_read(cx, buf);
        this.nothing_to_read = read.is_pending();
        read
    }
}

impl<W: Wire, F: Clone + 'static> Write for Socket<W, F> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Poll::Ready(written) = this.io.inner_mut().poll_write_now(cx, buf) else {
            return this.poll_stalled(cx);
        };
        this.stalled = None;
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Poll::Ready(written) = Pin::new(&mut this.io).poll_write_vectored(cx, bufs) else {
            return this.poll_stalled(cx);
        };
        this.stalled = None;
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
