//! The server half: hyper upgrades, tokio-tungstenite frames.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::sink::Sink as _;
use futures_util::stream::Stream as _;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage, Utf8Bytes};

use crate::http1::server::{after_of, refuse};
use crate::hub::{Frame, Hub, Subscription, Topic};
use crate::listener::{Worker, accept};
use crate::transport::ServeOptions;

use super::handshake;

/// Path of the endpoint.
pub(super) const PATH: &str = "/ws";

/// tungstenite fills its whole read buffer with zeros at every attempt to read. Subscribers send only control frames,
/// so the default of 128 KiB would cost more than everything else together.
const READ_BUFFER: usize = 4 * 1024;

pub(super) async fn serve(hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) {
    let topic = Topic::new(hub, to_message);
    let pump = tokio::task::spawn_local(Rc::clone(&topic).pump());
    accept(worker, |stream| {
        let topic = Rc::clone(&topic);
        let options = Arc::clone(&options);
        async move {
            // The upgraded connection is served by this same task, so that it ends with it.
            let upgrade = Rc::new(std::cell::Cell::new(None));
            let service = service_fn(|mut request| {
                let response = respond(&mut request, &topic, &upgrade);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            if connection.await.is_err() {
                return;
            }
            if let Some((upgrade, subscription)) = upgrade.take() {
                converse(upgrade, subscription, &options).await;
            }
        }
    })
    .await;
    pump.abort();
}

/// What a worker's connections share: a message that tungstenite can send without copying or checking it again.
fn to_message(frame: &Frame) -> WsMessage {
    if frame.binary {
        return WsMessage::Binary(frame.bytes.clone());
    }
    // A text frame must be UTF-8; a publisher that sent anything else gets a binary frame.
    match Utf8Bytes::try_from(frame.bytes.clone()) {
        Ok(text) => WsMessage::Text(text),
        Err(_) => WsMessage::Binary(frame.bytes.clone()),
    }
}

type Accepted = (OnUpgrade, Subscription<WsMessage>);

fn respond(
    request: &mut Request<Incoming>,
    topic: &Rc<Topic<WsMessage>>,
    upgrade: &std::cell::Cell<Option<Accepted>>,
) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    let key = match check(request) {
        Ok(key) => key,
        Err(status) => {
            *response.status_mut() = status;
            let headers = response.headers_mut();
            if status == StatusCode::UPGRADE_REQUIRED {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            return response;
        }
    };
    let Ok(after) = after_of(request) else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    // Subscribed before the client is told so: nothing published in between is missed.
    upgrade.set(Some((hyper::upgrade::on(request), topic.subscribe(after))));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_str(&handshake::accept(&key)).expect("base64 is a header value");
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// The key of a valid opening handshake (RFC 6455 §4.2.1), or the status that refuses it.
fn check(request: &Request<Incoming>) -> Result<String, StatusCode> {
    if let Some(status) = refuse(request, PATH) {
        return Err(status);
    }
    let headers = request.headers();
    if !lists(headers, &CONNECTION, "upgrade") || !lists(headers, &UPGRADE, "websocket") {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .map(HeaderValue::as_bytes)
        != Some(b"13")
    {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .and_then(|key| key.to_str().ok());
    key.filter(|key| key.len() == 24)
        .map(str::to_owned)
        .ok_or(StatusCode::BAD_REQUEST)
}

/// Whether one of the comma-separated tokens of the header is `token`.
fn lists(headers: &HeaderMap, name: &hyper::header::HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

async fn converse(
    upgrade: OnUpgrade,
    subscription: Subscription<WsMessage>,
    options: &ServeOptions,
) {
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        return;
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(64 * 1024));
    let early = parts.read_buf.to_vec();
    let role = Role::Server;
    let socket =
        WebSocketStream::from_partially_read(parts.io.into_inner(), early, role, Some(config))
            .await;
    let heartbeat = options.heartbeat_s.map(|seconds| {
        let mut interval = interval(Duration::from_secs(seconds.into()));
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.reset();
        interval
    });
    let mut conversation = Conversation {
        socket,
        subscription,
        heartbeat,
        unflushed: false,
    };
    // Whatever ended it, the socket is dropped with it; a client that is gone is not an error of the server.
    let _ = poll_fn(|cx| conversation.poll(cx)).await;
}

/// One open WebSocket.
struct Conversation {
    socket: WebSocketStream<TcpStream>,
    subscription: Subscription<WsMessage>,
    heartbeat: Option<Interval>,
    unflushed: bool,
}

impl Conversation {
    /// Runs until the connection has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        // Asking the socket first keeps tungstenite from trying to read at every wake-up for a delivery.
        while self.socket.get_ref().poll_read_ready(cx)?.is_ready() {
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(_))) => self.unflushed = true,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        if let Some(heartbeat) = &mut self.heartbeat {
            while heartbeat.poll_tick(cx).is_ready() {
                Pin::new(&mut self.socket).start_send(WsMessage::Ping(Bytes::new()))?;
                self.unflushed = true;
            }
        }
        loop {
            // A socket that takes no more stops the taking of messages: the ring bounds what a slow reader can hold.
            if self.unflushed {
                ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
                self.unflushed = false;
            }
            let mut next = ready!(self.next(cx))?;
            while let Some(message) = next {
                ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
                Pin::new(&mut self.socket).start_send(message)?;
                self.unflushed = true;
                next = self.subscription.try_next().unwrap_or(None);
            }
        }
    }

    /// The next message, or a close frame for a subscriber that fell behind.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<WsMessage>, WsError>> {
        match self.subscription.poll_next(cx) {
            Poll::Ready(Ok(message)) => Poll::Ready(Ok(Some(message))),
            Poll::Ready(Err(lagged)) => {
                let frame = CloseFrame {
                    code: CloseCode::Again,
                    reason: lagged.to_string().into(),
                };
                Pin::new(&mut self.socket).start_send(WsMessage::Close(Some(frame)))?;
                ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
                Poll::Ready(Err(WsError::ConnectionClosed))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
