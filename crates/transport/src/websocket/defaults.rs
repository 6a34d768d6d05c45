//! The server half as a newcomer writes it, after the examples of tokio-tungstenite: its configuration as it comes,
//! TCP_NODELAY as the system gives it, a loop that selects between the two directions, and a text of its own for each
//! subscriber, sent and flushed by itself.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::hub::{Frame, Hub, Subscription, Topic};
use crate::limits::MAX_MESSAGE;
use crate::listener::Worker;
use crate::tls::guard::Guard;
use crate::transport::ServeOptions;

use super::pulse::{Beat, Pulse, heard, next_beat};
use super::server::{Stage, goodbye, say, serve_with};

pub(super) async fn serve<G: Guard>(
    hub: Arc<Hub>,
    worker: Worker,
    options: Arc<ServeOptions>,
    guard: G,
) {
    let topic = Topic::new(Arc::clone(&hub), Frame::clone);
    let pump = Rc::clone(&topic).pump();
    serve_with(hub, topic, pump, worker, options, guard, converse).await;
}

async fn converse(
    upgrade: OnUpgrade,
    messages: Subscription<Frame>,
    stage: Stage,
    options: &ServeOptions,
) {
    let Ok(upgraded) = upgrade.await else { return };
    let io = TokioIo::new(upgraded);
    let mut config = options
        .ws_read_buffer
        .map(|bytes| WebSocketConfig::default().read_buffer_size(bytes));
    if stage.is_some() {
        let bounded = config.unwrap_or_default();
        config = Some(bounded.max_message_size(Some(MAX_MESSAGE)));
    }
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, config).await;
    exchange(socket, messages, stage, options, |frame| to_message(&frame)).await;
}

/// Sends the messages as they come, each by itself; publishes those of the client, or sends them back, if that is wanted.
pub(super) async fn exchange<S, F>(
    mut socket: WebSocketStream<S>,
    mut messages: Subscription<F>,
    stage: Stage,
    options: &ServeOptions,
    to_message: impl Fn(F) -> Message,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Clone,
{
    let mut pulse = Pulse::of(options);
    loop {
        let message = tokio::select! {
            received = socket.next() => match (received.inspect(|_| heard(&mut pulse)), &stage) {
                (Some(Ok(message)), Some(hub)) => {
                    say(hub, &message);
                    continue;
                }
                (Some(Ok(message)), None) if options.echo && (message.is_text() || message.is_binary()) => message,
                // The answer to a ping or a close leaves with the next attempt to receive.
                (Some(Ok(_)), None) => continue,
                // Whatever ended it, the socket is dropped with it.
                (Some(Err(_)) | None, _) => return,
            },
            next = poll_fn(|cx| messages.poll_next(cx)) => match next {
                Ok(message) => to_message(message),
                Err(lagged) => {
                    // As far as its socket takes it.
                    let _ = socket.close(Some(goodbye(lagged))).now_or_never();
                    return;
                }
            },
            beat = next_beat(&mut pulse) => match beat {
                Beat::Ping => Message::Ping(Bytes::new()),
                Beat::Dead => return,
            },
        };
        let sent = tokio::select! {
            biased;
            sent = socket.send(message) => sent,
            // A socket that takes no more stops the taking of messages: the ring bounds what a slow reader can hold.
            _ = poll_fn(|cx| messages.poll_lagged(cx)) => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// A text frame must be UTF-8; a publisher that sent anything else gets a binary frame.
fn to_message(frame: &Frame) -> Message {
    let body = frame.bytes.to_vec();
    if frame.binary {
        return Message::binary(body);
    }
    match String::from_utf8(body) {
        Ok(text) => Message::text(text),
        Err(error) => Message::binary(error.into_bytes()),
    }
}
