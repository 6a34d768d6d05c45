//! Requests and tokens as messages of a WebSocket that stays open, on the stack `reference`.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_util::sink::Sink as _;
use futures_util::stream::Stream as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use pushbench_model::tokens::{Ask, CANCEL, MAX_ASK};
use pushbench_sys::clock;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::tls::guard::Wire;

use super::answer::Answer;
use super::http::Desk;
use super::timers::{Alarm, Timers};

/// Answers on a connection that has been upgraded, to its end. `read_buffer` is what the tuning gives tungstenite to read
/// into, bytes; its own default with `None`.
pub(crate) async fn converse<W: Wire + Send>(
    upgrade: OnUpgrade,
    desk: Rc<Desk>,
    read_buffer: Option<usize>,
) {
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<W>>() else {
        return;
    };
    let mut config = WebSocketConfig::default()
        .max_frame_size(Some(MAX_ASK))
        .max_message_size(Some(MAX_ASK))
        // Who asks and asks and reads nothing is not written for without end.
        .max_write_buffer_size(MAX_ASK);
    if let Some(bytes) = read_buffer {
        config = config.read_buffer_size(bytes);
    }
    let Ok(timers) = desk.timers() else { return };
    let early = parts.read_buf.to_vec();
    let came_early = W::READS_AHEAD || !early.is_empty();
    let stream = parts.io.into_inner();
    let mut conversation = Conversation {
        socket: WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config))
            .await,
        desk,
        timers,
        answer: None,
        alarm: Alarm::default(),
        unread: came_early,
        unflushed: false,
        closing: false,
        body: Vec::new(),
    };
    // Whatever ended it, the socket is dropped with it; a client that is gone is not an error of the server.
    let _ = poll_fn(|cx| conversation.poll(cx)).await;
}

struct Conversation<W> {
    socket: WebSocketStream<W>,
    desk: Rc<Desk>,
    timers: Rc<Timers>,
    answer: Option<Answer>,
    alarm: Alarm,
    /// tungstenite has bytes that do not make the socket readable.
    unread: bool,
    unflushed: bool,
    closing: bool,
    body: Vec<u8>,
}

impl<W: Wire> Conversation<W> {
    /// Runs until the connection has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        // Asking the socket first keeps tungstenite from trying to read at every token.
        let readable = self.socket.get_ref().poll_readable(cx)?.is_ready();
        if (readable || std::mem::take(&mut self.unread)) && !self.read(cx)? {
            return Poll::Ready(Ok(()));
        }
        loop {
            if self.unflushed {
                ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
                self.unflushed = false;
            }
            if !self.speak(cx)? {
                return Poll::Pending;
            }
        }
    }

    /// Takes what is due, as far as the socket takes it; whether anything is.
    fn speak(&mut self, cx: &mut Context<'_>) -> Result<bool, WsError> {
        while let Some(answer) = &mut self.answer {
            let Some(now) = self.alarm.poll(answer.due(), &self.timers, cx) else {
                break;
            };
            if self.unflushed && Pin::new(&mut self.socket).poll_ready(cx)?.is_pending() {
                break;
            }
            self.body.clear();
            if !answer.take(now, &mut self.body) {
                self.answer = None;
            }
            Pin::new(&mut self.socket).start_send(text(&self.body))?;
            self.unflushed = true;
        }
        Ok(self.unflushed)
    }

    /// Takes all that the client has sent; whether it may send more.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, WsError> {
        loop {
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(received)) => {
                    // tungstenite has written the answer to a ping or a close; it is not yet sent.
                    self.unflushed = true;
                    let received = received?;
                    if !self.closing && (received.is_text() || received.is_binary()) {
                        self.hear(&received.into_data())?;
                    }
                }
                Poll::Ready(None) => return Ok(false),
                Poll::Pending => return Ok(true),
            }
        }
    }

    fn hear(&mut self, body: &[u8]) -> Result<(), WsError> {
        if body == CANCEL.as_bytes() {
            // One that has just ended has said so.
            let Some(answer) = self.answer.take() else {
                return Ok(());
            };
            self.body.clear();
            answer.stop(&mut self.body);
            return Pin::new(&mut self.socket).start_send(text(&self.body));
        }
        let refusal = match Ask::parse(body) {
            Ok(ask) if self.answer.is_none() => {
                let ledger = self.desk.shelf.ledger();
                self.answer = Some(Answer::begin(ledger, ask, clock::now()));
                return Ok(());
            }
            Ok(_) => "one answer after the other, please".to_owned(),
            Err(error) => error.to_string(),
        };
        self.closing = true;
        self.answer = None;
        let close = CloseFrame {
            code: CloseCode::Policy,
            reason: shorten(&refusal).into(),
        };
        Pin::new(&mut self.socket).start_send(Message::Close(Some(close)))
    }
}

/// What an answer says is JSON, and with that UTF-8.
fn text(body: &[u8]) -> Message {
    Message::text(String::from_utf8_lossy(body).into_owned())
}

/// As much of a reason as a close frame holds (RFC 6455, section 5.5: 125 bytes, two of them the code).
pub(crate) fn shorten(reason: &str) -> &str {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}
