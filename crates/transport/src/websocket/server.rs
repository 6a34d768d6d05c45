//! The server half: hyper upgrades, tokio-tungstenite frames.

use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use pushbench_model::tuning::Tuning;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message as WsMessage, Utf8Bytes};

use crate::http1::server::{RequestHead, after_of, refuse, refuse_with, says};
use crate::hub::{Frame, Hub, Lagged, Round, Subscription, Topic};
use crate::limits::MAX_MESSAGE;
use crate::listener::{Worker, accept};
use crate::tls::guard::{Guard, Wire};
use crate::tokens;
use crate::tokens::http::Desk;
use crate::transport::ServeOptions;

use super::conversation::{Conversation, Open, Socket};
use super::defaults::exchange;
use super::handshake;
use super::pulse::Pulse;

/// Path of the endpoint.
pub(super) const PATH: &str = "/ws";

/// tungstenite fills its whole read buffer with zeros at every attempt to read. Subscribers send only control frames,
/// so the default of 128 KiB would cost more than everything else together.
const READ_BUFFER: usize = 4 * 1024;

/// Longest message of a client, of which none is expected at all.
const MAX_RECEIVED: usize = 64 * 1024;

pub(super) async fn serve<G: Guard>(
    hub: Arc<Hub>,
    worker: Worker,
    options: Arc<ServeOptions>,
    guard: G,
) {
    if options.echo {
        let topic = Topic::new(Arc::clone(&hub), to_message);
        let pump = Rc::clone(&topic).pump();
        return serve_with(hub, topic, pump, worker, options, guard, echo::<G::Stream>).await;
    }
    let topic = Topic::in_rounds(Arc::clone(&hub), to_message);
    let round: Rc<Round<Conversation<G::Stream>>> = Rc::new(Round::default());
    let pump = Rc::clone(&round).pump(Rc::clone(&topic));
    let converse = async move |upgrade: OnUpgrade, messages, stage, options: &ServeOptions| {
        converse(upgrade, messages, stage, options, &round).await;
    };
    serve_with(hub, topic, pump, worker, options, guard, converse).await;
}

/// Where what a client sends is published; nowhere, unless it has asked for that.
pub(super) type Stage = Option<Arc<Hub>>;

/// Publishes a message of a client, byte for byte; what is no message is nothing to publish.
pub(super) fn say(hub: &Hub, message: &WsMessage) {
    match message {
        WsMessage::Text(text) => {
            hub.publish(text.as_bytes(), false);
        }
        WsMessage::Binary(body) => {
            hub.publish(body, true);
        }
        _ => {}
    }
}

/// Serves the messages that `pump` carries into `topic`; `converse` runs for each connection once it is upgraded, to
/// its end.
pub(super) async fn serve_with<G, F, C>(
    hub: Arc<Hub>,
    topic: Rc<Topic<F>>,
    pump: impl Future<Output = ()> + 'static,
    worker: Worker,
    options: Arc<ServeOptions>,
    guard: G,
    converse: C,
) where
    G: Guard,
    F: Clone + 'static,
    C: AsyncFn(OnUpgrade, Subscription<F>, Stage, &ServeOptions) + Clone + 'static,
{
    let pump = tokio::task::spawn_local(pump);
    let desk = Desk::new(Arc::clone(&worker.stats.chats));
    let read_buffer = (options.tuning == Tuning::Equalised).then_some(READ_BUFFER);
    accept(worker, options.tuning, options.dead_after(), |stream| {
        let (topic, desk, hub) = (Rc::clone(&topic), Rc::clone(&desk), Arc::clone(&hub));
        let options = Arc::clone(&options);
        let (converse, guard) = (converse.clone(), guard.clone());
        async move {
            let Some(stream) = guard.admit(stream).await else {
                return;
            };
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
            match upgrade.take() {
                Some(Accepted::Messages(upgrade, subscription, says)) => {
                    let stage = says.then_some(hub);
                    converse(upgrade, subscription, stage, &options).await;
                }
                Some(Accepted::Answers(upgrade)) => {
                    // Boxed, so that subscriptions do not pay for it.
                    let read_buffer = options.ws_read_buffer.or(read_buffer);
                    let answers =
                        tokens::websocket::converse::<G::Stream>(upgrade, desk, read_buffer);
                    Box::pin(answers).await;
                }
                None => {}
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

/// What a connection was upgraded for.
enum Accepted<F: Clone + 'static> {
    /// And whether its client says something.
    Messages(OnUpgrade, Subscription<F>, bool),
    Answers(OnUpgrade),
}

fn respond<F: Clone + 'static>(
    request: &mut Request<Incoming>,
    topic: &Rc<Topic<F>>,
    upgrade: &std::cell::Cell<Option<Accepted<F>>>,
) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    let accept = match check(request) {
        Ok(key) => handshake::accept(key),
        Err(status) => {
            refuse_with(&mut response, status);
            let headers = response.headers_mut();
            if status == StatusCode::UPGRADE_REQUIRED {
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            return response;
        }
    };
    let answers = request.uri().path() == tokens::PATH;
    let (Ok(after), Ok(says)) = (after_of(request), says(request)) else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    // Subscribed before the client is told so: nothing published in between is missed.
    let upgraded = hyper::upgrade::on(request);
    upgrade.set(Some(if answers {
        Accepted::Answers(upgraded)
    } else {
        Accepted::Messages(upgraded, topic.subscribe(after), says)
    }));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_str(&accept).expect("base64 is a header value");
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// The key of a valid opening handshake (RFC 6455 §4.2.1), or the status that refuses it.
pub(super) fn check(request: &impl RequestHead) -> Result<&str, StatusCode> {
    let path = match request.uri().path() {
        tokens::PATH => tokens::PATH,
        _ => PATH,
    };
    if let Some(status) = refuse(request, path) {
        return Err(status);
    }
    // HTTP/1.0 knows no upgrades (RFC 9110 §7.8).
    if request.version() < Version::HTTP_11 {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    if !request.lists(&CONNECTION, "upgrade") || !request.lists(&UPGRADE, "websocket") {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    if request.values(&SEC_WEBSOCKET_VERSION).next() != Some(b"13") {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    let key = request.values(&SEC_WEBSOCKET_KEY).next();
    key.filter(|key| key.len() == 24 && key.is_ascii())
        .and_then(|key| str::from_utf8(key).ok())
        .ok_or(StatusCode::BAD_REQUEST)
}

/// The socket of a connection that was upgraded, and whether its client has spoken already.
async fn upgraded<W: Wire + Send>(
    upgrade: OnUpgrade,
    longest: usize,
    options: &ServeOptions,
) -> Option<(WebSocketStream<Socket<W>>, bool)> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<W>>().ok()?;
    // A frame's memory is set aside when its header has come, so frames are limited as well as whole messages.
    let config = WebSocketConfig::default()
        .read_buffer_size(options.ws_read_buffer.unwrap_or(READ_BUFFER))
        .max_frame_size(Some(longest))
        .max_message_size(Some(longest));
    let socket = Socket(parts.io.into_inner());
    let early = parts.read_buf.to_vec();
    let came_early = W::READS_AHEAD || !early.is_empty();
    let role = Role::Server;
    let socket = WebSocketStream::from_partially_read(socket, early, role, Some(config)).await;
    Some((socket, came_early))
}

/// Sends back what the client sends.
async fn echo<W: Wire + Send>(
    upgrade: OnUpgrade,
    messages: Subscription<WsMessage>,
    stage: Stage,
    options: &ServeOptions,
) {
    if let Some((socket, _)) = upgraded::<W>(upgrade, MAX_MESSAGE, options).await {
        exchange(socket, messages, stage, options, |message| message).await;
    }
}

async fn converse<W: Wire + Send>(
    upgrade: OnUpgrade,
    subscription: Subscription<WsMessage>,
    stage: Stage,
    options: &ServeOptions,
    round: &Rc<Round<Conversation<W>>>,
) {
    let longest = stage.as_ref().map_or(MAX_RECEIVED, |_| MAX_MESSAGE);
    let Some((socket, came_early)) = upgraded(upgrade, longest, options).await else {
        return;
    };
    let mut conversation = Conversation {
        socket,
        subscription,
        stage,
        pulse: Pulse::of(options),
        unflushed: false,
    };
    let early = poll_fn(|cx| Poll::Ready(conversation.read(cx)));
    if !came_early || matches!(early.await, Ok(Open::Yes)) {
        round.take_part(conversation).await;
    }
}

/// What a subscriber that fell behind is told.
pub(super) fn goodbye(lagged: Lagged) -> CloseFrame {
    CloseFrame {
        code: CloseCode::Again,
        reason: lagged.to_string().into(),
    }
}
