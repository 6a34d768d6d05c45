//! A subscriber over HTTP/2, in clear text and by prior knowledge.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{Ping, RecvStream};
use http::{Method, Request, Response};
use pushbench_model::message;
use pushbench_sys::clock;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::long_poll::batch::{BatchSplitter, LastLine};
use pushbench_transport::sse::decode::Decoder;
use pushbench_transport::websocket::frame::{FrameDecoder, Item};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::watch::Watch;

/// How long a server may hold a poll, milliseconds.
const HOLD_MS: u64 = 20_000;

/// What a subscription tells.
enum Note {
    /// It was accepted.
    Accepted,
    /// A piece of a body was read at this time (CLOCK_MONOTONIC nanoseconds), and brought so many messages.
    Read(u64, u64),
    /// It has ended, and why.
    Ended(String),
}

/// A subscription over a connection of its own, which a thread of its own reads. Who watches waits for what that thread tells: a wait in a
/// runtime would be rounded up to the milliseconds of its timers.
pub struct Http2 {
    notes: Receiver<Note>,
    /// Its drop ends the thread.
    watched: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    arrived: u64,
    now: u64,
    subscribed: bool,
    ended: Option<String>,
}

impl Http2 {
    /// Connects to `address` and asks for what follows message `after`, over `transport`.
    ///
    /// # Errors
    ///
    /// When there is no connection, or no thread for it.
    pub fn open(transport: &'static str, address: SocketAddr, after: u64) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let (sender, notes) = channel();
        let stream = runtime.block_on(TcpStream::connect(address))?;
        stream.set_nodelay(true)?;
        let (watched, unwatched) = oneshot::channel();
        let subscription = Subscription {
            base: format!("http://{address}"),
            after,
            notes: sender.clone(),
        };
        let body = async move {
            tokio::select! {
                done = subscription.run(transport, stream) => {
                    let why = match done {
                        Ok(()) => "the server ended the response".to_owned(),
                        Err(why) => why,
                    };
                    // Nobody listens when the watch is over.
                    let _ = sender.send(Note::Ended(why));
                }
                _ = unwatched => {}
            }
        };
        let thread = thread::Builder::new()
            .name("http2".into())
            .spawn(move || runtime.block_on(body))?;
        Ok(Self {
            notes,
            watched: Some(watched),
            thread: Some(thread),
            arrived: 0,
            now: clock::now(),
            subscribed: false,
            ended: None,
        })
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        drop(self.watched.take());
        if let Some(thread) = self.thread.take() {
            // One that has panicked has ended too.
            let _ = thread.join();
        }
    }
}

impl Watch for Http2 {
    fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        let next = self.notes.recv_timeout(timeout);
        self.now = clock::now();
        match next {
            Ok(Note::Accepted) => self.subscribed = true,
            Ok(Note::Read(at, messages)) => {
                self.now = at;
                self.arrived += messages;
            }
            Ok(Note::Ended(why)) => self.ended = Some(why),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                self.ended
                    .get_or_insert_with(|| "its thread has ended".to_owned());
            }
        }
        Ok(())
    }

    fn arrived(&self) -> u64 {
        self.arrived
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn subscribed(&self) -> bool {
        self.subscribed
    }

    fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }
}

/// The side that speaks.
struct Subscription {
    /// Scheme and address.
    base: String,
    after: u64,
    notes: Sender<Note>,
}

/// What a message is not, is not counted.
fn is_message(body: &[u8]) -> Option<u64> {
    message::parse(body).ok().map(|stamp| stamp.seq)
}

fn words<E: std::error::Error>(error: E) -> String {
    error.to_string()
}

impl Subscription {
    async fn run(mut self, transport: &str, stream: TcpStream) -> Result<(), String> {
        let (mut requests, mut connection) = h2::client::handshake(stream).await.map_err(words)?;
        let pings = connection.ping_pong();
        let driven = tokio::spawn(connection);
        // Settings come before the answer to a ping.
        if let Some(mut pings) = pings {
            pings.ping(Ping::opaque()).await.map_err(words)?;
        }
        let done = match transport {
            "websocket" => self.websocket(&mut requests).await,
            "long-poll" => self.polls(&mut requests).await,
            _ => self.events(&mut requests).await,
        };
        driven.abort();
        done
    }

    fn tell(&self, note: Note) {
        // Nobody listens when the watch is over.
        let _ = self.notes.send(note);
    }

    /// Sends a request without a body, and returns the answer if its status is one of `statuses`.
    async fn ask(
        requests: &mut SendRequest<Bytes>,
        request: Request<()>,
        statuses: &[u16],
    ) -> Result<Response<RecvStream>, String> {
        let mut ready = requests.clone().ready().await.map_err(words)?;
        let (answer, _) = ready.send_request(request, true).map_err(words)?;
        accepted(answer.await.map_err(words)?, statuses)
    }

    async fn events(&mut self, requests: &mut SendRequest<Bytes>) -> Result<(), String> {
        let request = Request::get(format!("{}/sse", self.base))
            .header("accept", "text/event-stream")
            .header("last-event-id", self.after.to_string())
            .body(())
            .map_err(words)?;
        let mut body = Self::ask(requests, request, &[200]).await?.into_body();
        self.tell(Note::Accepted);
        let mut events = Decoder::new(MAX_MESSAGE);
        while let Some((at, data)) = read(&mut body).await? {
            let mut messages = 0;
            events
                .feed(&data, &mut |event| {
                    messages += u64::from(is_message(event.data).is_some());
                })
                .map_err(words)?;
            self.tell(Note::Read(at, messages));
        }
        Ok(())
    }

    async fn polls(&mut self, requests: &mut SendRequest<Bytes>) -> Result<(), String> {
        // A poll that waits is a subscription.
        self.tell(Note::Accepted);
        loop {
            let (base, after) = (&self.base, self.after);
            let request = Request::get(format!("{base}/poll?after={after}&timeout={HOLD_MS}"))
                .body(())
                .map_err(words)?;
            let mut body = Self::ask(requests, request, &[200, 204]).await?.into_body();
            let mut lines = BatchSplitter::new(MAX_MESSAGE);
            while let Some((at, data)) = read(&mut body).await? {
                let (mut messages, mut after) = (0, self.after);
                lines
                    .feed(&data, &mut |line| {
                        if let Some(seq) = is_message(line) {
                            (messages, after) = (messages + 1, seq);
                        }
                    })
                    .map_err(words)?;
                self.after = after;
                self.tell(Note::Read(at, messages));
            }
            lines
                .finish(LastLine::MustEnd, &mut |_| {})
                .map_err(words)?;
        }
    }

    /// RFC 8441: a stream of the connection becomes a WebSocket.
    async fn websocket(&mut self, requests: &mut SendRequest<Bytes>) -> Result<(), String> {
        let mut ready = requests.clone().ready().await.map_err(words)?;
        if !ready.is_extended_connect_protocol_enabled() {
            return Err(
                "no WebSocket over HTTP/2 (RFC 8441) is offered: browsers open an HTTP/1.1 connection for it"
                    .into(),
            );
        }
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(format!("{}/ws?after={}", self.base, self.after))
            .header("sec-websocket-version", "13")
            .body(())
            .map_err(words)?;
        request
            .extensions_mut()
            .insert(Protocol::from_static("websocket"));
        // What would be sent is kept open: its end would be that of the WebSocket.
        let (answer, _ours) = ready.send_request(request, false).map_err(words)?;
        let mut body = accepted(answer.await.map_err(words)?, &[200])?.into_body();
        self.tell(Note::Accepted);
        let mut frames = FrameDecoder::new(MAX_MESSAGE);
        while let Some((at, data)) = read(&mut body).await? {
            let (mut messages, mut closed) = (0, false);
            frames
                .feed(&data, &mut |item| match item {
                    Item::Text(body) | Item::Binary(body) => {
                        messages += u64::from(is_message(body).is_some());
                    }
                    Item::Close(_) => closed = true,
                    Item::Ping(_) | Item::Pong(_) => {}
                })
                .map_err(words)?;
            self.tell(Note::Read(at, messages));
            if closed {
                return Err("the server closed the WebSocket".into());
            }
        }
        Ok(())
    }
}

fn accepted(
    answer: Response<RecvStream>,
    statuses: &[u16],
) -> Result<Response<RecvStream>, String> {
    match answer.status().as_u16() {
        status if statuses.contains(&status) => Ok(answer),
        status => Err(format!("the answer is {status}")),
    }
}

/// The next piece of a body, and when it was read, CLOCK_MONOTONIC nanoseconds; `None` at its end.
async fn read(body: &mut RecvStream) -> Result<Option<(u64, Vec<u8>)>, String> {
    let Some(data) = body.data().await else {
        return Ok(None);
    };
    let at = clock::now();
    let data = data.map_err(words)?;
    // What was read makes room for more.
    body.flow_control()
        .release_capacity(data.len())
        .map_err(words)?;
    Ok(Some((at, data.to_vec())))
}

#[cfg(test)]
mod tests;
