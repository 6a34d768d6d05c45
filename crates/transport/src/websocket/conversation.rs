//! One open WebSocket of the stack `reference`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::sink::Sink as _;
use futures_util::stream::Stream as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use crate::hub::{Lagged, Subscription};
use crate::tls::guard::Wire;

use super::pulse::{Beat, Pulse, heard};
use super::server::{Stage, goodbye, say};

/// The socket, as tungstenite sees it: one that is written to before anybody asks whether it has room.
pub(super) struct Socket<W>(pub(super) W);

impl<W: Wire> AsyncRead for Socket<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl<W: Wire> AsyncWrite for Socket<W> {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().0.poll_write_now(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

/// Whether the client may still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    Yes,
    No,
}

/// Runs until the connection has ended. Whatever ended it, the socket is dropped with it; a client that is gone is not
/// an error of the server.
pub(super) struct Conversation<W> {
    pub(super) socket: WebSocketStream<Socket<W>>,
    pub(super) subscription: Subscription<WsMessage>,
    pub(super) stage: Stage,
    pub(super) pulse: Option<Box<Pulse>>,
    /// Something is written and not yet sent.
    pub(super) unflushed: bool,
}

impl<W: Wire> Future for Conversation<W> {
    type Output = Result<(), WsError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        let this = self.get_mut();
        if !this.subscription.is_in_round()
            && let Open::No = this.attend(cx)?
        {
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.unflushed {
                let Poll::Ready(flushed) = Pin::new(&mut this.socket).poll_flush(cx) else {
                    // A socket that takes no more stops the taking of messages: the ring bounds what a slow reader
                    // can hold, and ends it.
                    let lagged = ready!(this.subscription.poll_lagged(cx));
                    return Poll::Ready(this.dismiss(lagged, cx));
                };
                flushed?;
                this.unflushed = false;
            }
            match ready!(this.subscription.poll_next(cx)) {
                Ok(first) => Pin::new(&mut this.socket).start_send(first)?,
                Err(lagged) => return Poll::Ready(this.dismiss(lagged, cx)),
            }
            this.unflushed = true;
            // A message is taken only when there is room for it: what is taken cannot be given back.
            while this.subscription.has_next()
                && Pin::new(&mut this.socket).poll_ready(cx)?.is_ready()
                && let Ok(Some(next)) = this.subscription.try_next()
            {
                Pin::new(&mut this.socket).start_send(next)?;
            }
        }
    }
}

impl<W: Wire> Conversation<W> {
    /// What is no message: what the client has sent, and the time.
    fn attend(&mut self, cx: &mut Context<'_>) -> Result<Open, WsError> {
        // Asking the socket first keeps tungstenite from trying to read whenever its task is woken.
        if self.socket.get_ref().0.poll_readable(cx)?.is_ready()
            && let Open::No = self.read(cx)?
        {
            return Ok(Open::No);
        }
        if let Some(pulse) = &mut self.pulse {
            while let Poll::Ready(beat) = pulse.poll_beat(cx) {
                if beat == Beat::Dead {
                    return Ok(Open::No);
                }
                Pin::new(&mut self.socket).start_send(WsMessage::Ping(Bytes::new()))?;
                self.unflushed = true;
            }
        }
        Ok(Open::Yes)
    }

    /// Takes all that the client has sent. What tungstenite has read and not yet handed out does not make the socket
    /// readable, so nothing may be left behind.
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> Result<Open, WsError> {
        loop {
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(received)) => {
                    let received = received?;
                    heard(&mut self.pulse);
                    if let Some(hub) = &self.stage {
                        say(hub, &received);
                    }
                    // tungstenite has written the answer to a ping or a close; it is not yet sent.
                    self.unflushed = true;
                }
                Poll::Ready(None) => return Ok(Open::No),
                Poll::Pending => return Ok(Open::Yes),
            }
        }
    }

    /// Says goodbye to a subscriber that fell behind, as far as its socket takes it.
    fn dismiss(&mut self, lagged: Lagged, cx: &mut Context<'_>) -> Result<(), WsError> {
        Pin::new(&mut self.socket).start_send(WsMessage::Close(Some(goodbye(lagged))))?;
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }
}
