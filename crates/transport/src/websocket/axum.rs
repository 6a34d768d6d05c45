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
use crate::http1::server::after_of;
use crate::hub::{Broadcast, Frame, Hub, Lagged, Source};
use crate::listener::Worker;
use crate::transport::ServeOptions;

use super::defaults::tick;
use super::server::PATH;

#[derive(Clone)]
struct App {
    feed: Arc<Broadcast>,
    options: Arc<ServeOptions>,
}

pub(super) async fn serve(hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) {
    let (feed, pump) = Broadcast::new(hub);
    let Some((listener, shutdown)) = framework::listener(worker) else {
        return;
    };
    let app = Router::new()
        .route(PATH, get(subscribe))
        .with_state(App { feed, options });
    framework::serve(listener, app, pump, shutdown).await;
}

async fn subscribe(
    upgrade: WebSocketUpgrade,
    State(app): State<App>,
    request: Request,
) -> Response {
    let Ok(after) = after_of(&request) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // Subscribed before the client is told so: nothing published in between is missed.
    let source = app.feed.subscribe(after);
    upgrade.on_upgrade(|socket| converse(socket, source, app.options))
}

async fn converse(mut socket: WebSocket, mut source: Source, options: Arc<ServeOptions>) {
    let mut heartbeat = options.heartbeat();
    loop {
        let message = tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) if options.echo => message,
                // The answer to a ping or a close leaves with the next attempt to receive.
                Some(Ok(_)) => continue,
                // Whatever ended it, the socket is dropped with it.
                Some(Err(_)) | None => return,
            },
            next = source.next() => match next {
                Ok(message) => to_message(&message),
                Err(lagged) => {
                    // As far as its socket takes it.
                    let _ = socket.send(goodbye(lagged)).now_or_never();
                    return;
                }
            },
            () = tick(&mut heartbeat) => Message::Ping(Bytes::new()),
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
