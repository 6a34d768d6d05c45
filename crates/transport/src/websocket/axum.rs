//! The server half on axum, after the framework's documentation: an upgrade, then a loop that selects between the two
//! directions and sends each message by itself, as a text of its own.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use hyper::StatusCode;

use crate::framework;
use crate::http1::server::{after_of, says};
use crate::hub::{Broadcast, Frame, Hub, Lagged, Source};
use crate::limits::MAX_MESSAGE;
use crate::listener::Worker;
use crate::transport::ServeOptions;

use super::pulse::{Beat, Pulse, heard, next_beat};
use super::server::PATH;

#[derive(Clone)]
struct App {
    hub: Arc<Hub>,
    feed: Arc<Broadcast>,
    options: Arc<ServeOptions>,
}

pub(super) async fn serve(hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) {
    let (feed, pump) = Broadcast::new(Arc::clone(&hub));
    let Some((listener, shutdown)) = framework::listener(worker, &options) else {
        return;
    };
    let app = Router::new()
        .route(PATH, get(subscribe))
        .with_state(App { hub, feed, options });
    framework::serve(listener, app, pump, shutdown).await;
}

async fn subscribe(
    upgrade: WebSocketUpgrade,
    State(app): State<App>,
    request: Request,
) -> Response {
    let (Ok(after), Ok(says)) = (after_of(&request), says(&request)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // Subscribed before the client is told so: nothing published in between is missed.
    let source = app.feed.subscribe(after);
    let (upgrade, stage) = if says {
        (upgrade.max_message_size(MAX_MESSAGE), Some(app.hub))
    } else {
        (upgrade, None)
    };
    upgrade.on_upgrade(|socket| converse(socket, source, stage, app.options))
}

async fn converse(
    mut socket: WebSocket,
    mut source: Source,
    stage: Option<Arc<Hub>>,
    options: Arc<ServeOptions>,
) {
    let mut pulse = Pulse::of(&options);
    loop {
        let message = tokio::select! {
            received = socket.recv() => match (received.inspect(|_| heard(&mut pulse)), &stage) {
                (Some(Ok(message)), Some(hub)) => {
                    say(hub, &message);
                    continue;
                }
                (Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))), None) if options.echo => message,
                // The answer to a ping or a close leaves with the next attempt to receive.
                (Some(Ok(_)), None) => continue,
                // Whatever ended it, the socket is dropped with it.
                (Some(Err(_)) | None, _) => return,
            },
            next = source.next() => match next {
                Ok(message) => to_message(&message),
                Err(lagged) => {
                    // As far as its socket takes it.
                    let _ = socket.send(goodbye(lagged)).now_or_never();
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
            _ = source.overtaken() => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Publishes a message of a client, byte for byte.
fn say(hub: &Hub, message: &Message) {
    match message {
        Message::Text(text) => {
            hub.publish(text.as_bytes(), false);
        }
        Message::Binary(body) => {
            hub.publish(body, true);
        }
        _ => {}
    }
}

/// A text frame must be UTF-8; a publisher that sent anything else gets a binary frame.
fn to_message(frame: &Frame) -> Message {
    let body = frame.bytes.to_vec();
    if frame.binary {
        return Message::Binary(body.into());
    }
    match String::from_utf8(body) {
        Ok(text) => Message::Text(text.into()),
        Err(error) => Message::Binary(error.into_bytes().into()),
    }
}

fn goodbye(lagged: Lagged) -> Message {
    Message::Close(Some(CloseFrame {
        code: close_code::AGAIN,
        reason: lagged.to_string().into(),
    }))
}
