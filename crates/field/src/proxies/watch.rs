//! One subscriber of any transport, read by read.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use flate2::write::GzDecoder;
use pushbench_sys::clock;
use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::sse::decode::Decoder;
use pushbench_transport::subscriber::{Happened, POLL_PERIOD_MS, Request, Subscribers};
use pushbench_transport::transport::Transport;

/// How long a server may hold a poll.
const POLL_TIMEOUT_MS: u64 = 20_000;
/// Between two looks at a stream that is read by hand.
const LOOK: Duration = Duration::from_micros(200);
/// What is read at once.
const PIECE: usize = 16 * 1024;
/// The longest event that is taken.
const LONGEST_EVENT: usize = 1024 * 1024;

/// A subscription that is watched.
pub trait Watch {
    /// Waits for something to happen, for `timeout` at most.
    ///
    /// # Errors
    ///
    /// When waiting is not possible.
    fn turn(&mut self, timeout: Duration) -> io::Result<()>;

    /// Messages that have arrived so far.
    fn arrived(&self) -> u64;

    /// When the last read returned, CLOCK_MONOTONIC nanoseconds.
    fn now(&self) -> u64;

    /// Whether the server has accepted it.
    fn subscribed(&self) -> bool;

    /// Why it has ended, if it has.
    fn ended(&self) -> Option<&str>;
}

/// A subscriber of the load generator.
pub struct Ours {
    subscribers: Box<dyn Subscribers>,
    ended: Option<String>,
}

impl Ours {
    /// Connects to `address` and asks for what follows message `after`.
    ///
    /// # Errors
    ///
    /// When there is no connection.
    pub fn open(transport: &dyn Transport, address: SocketAddr, after: u64) -> io::Result<Self> {
        let request = Request {
            host: address.to_string(),
            path: transport.endpoint().1.to_owned(),
            after: Some(after),
            once: false,
            tells: false,
            compression: None,
            streams: 0,
            counted: false,
            poll_timeout_ms: POLL_TIMEOUT_MS,
            poll_period_ms: POLL_PERIOD_MS,
        };
        let mut subscribers = transport.subscribers(request, None, None)?;
        subscribers.inlet_mut().now = clock::now();
        let nonce = clock::now().to_le_bytes();
        let nonce: [u8; 16] = std::array::from_fn(|index| nonce[index % 8]);
        subscribers.open(address, None, nonce)?;
        Ok(Self {
            subscribers,
            ended: None,
        })
    }
}

impl Watch for Ours {
    fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        self.subscribers.turn(Some(timeout))?;
        for note in self.subscribers.inlet_mut().notes.drain(..) {
            match note.happened {
                Happened::Unconnected(error) => {
                    self.ended = Some(format!("cannot connect: {error}"));
                }
                Happened::Ended(error) => self.ended = Some(error.to_string()),
                Happened::Served { .. } => {}
            }
        }
        Ok(())
    }

    fn arrived(&self) -> u64 {
        self.subscribers.inlet().inbox.settled()
    }

    fn now(&self) -> u64 {
        self.subscribers.inlet().now
    }

    fn subscribed(&self) -> bool {
        self.subscribers.inlet().subscribed > 0
    }

    fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }
}

/// A subscriber of SSE that accepts gzip, as browsers do. Events are counted as they can be inflated.
pub struct Inflating {
    stream: TcpStream,
    head: HeadReader,
    body: Option<BodyDecoder>,
    inflate: Option<GzDecoder<Vec<u8>>>,
    events: Decoder,
    arrived: u64,
    now: u64,
    ended: Option<String>,
}

impl Inflating {
    /// Connects to `address` and asks for what follows message `after`.
    ///
    /// # Errors
    ///
    /// When there is no connection.
    pub fn open(address: SocketAddr, after: u64) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /sse HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\nLast-Event-ID: {after}\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            head: HeadReader::default(),
            body: None,
            inflate: None,
            events: Decoder::new(LONGEST_EVENT),
            arrived: 0,
            now: clock::now(),
            ended: None,
        })
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while self.body.is_none() {
            let fed = self.head.feed(bytes).map_err(|error| error.to_string())?;
            let Some((head, taken)) = fed else {
                return Ok(());
            };
            bytes = &bytes[taken..];
            if head.is_interim() {
                continue;
            }
            if head.status != 200 {
                return Err(format!("the answer is {}", head.status));
            }
            let is_gzip = head
                .content_encoding
                .is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
            self.inflate = is_gzip.then(|| GzDecoder::new(Vec::new()));
            self.body = Some(BodyDecoder::new(head.framing()));
        }
        let Some(body) = &mut self.body else {
            return Ok(());
        };
        let mut plain = Vec::new();
        body.feed::<BodyError>(bytes, &mut |data| {
            plain.extend_from_slice(data);
            Ok(())
        })
        .map_err(|error| error.to_string())?;
        if let Some(inflate) = &mut self.inflate {
            inflate
                .write_all(&plain)
                .and_then(|()| inflate.flush())
                .map_err(|error| format!("gzip: {error}"))?;
            plain = std::mem::take(inflate.get_mut());
        }
        let arrived = &mut self.arrived;
        self.events
            .feed(&plain, &mut |_| *arrived += 1)
            .map_err(|error| error.to_string())?;
        if body.is_done() {
            return Err("the server ended the response".into());
        }
        Ok(())
    }
}

impl Watch for Inflating {
    fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        let deadline = Instant::now() + timeout;
        let mut piece = vec![0; PIECE];
        while self.ended.is_none() {
            match self.stream.read(&mut piece) {
                Ok(0) => self.ended = Some("the connection has ended".into()),
                Ok(read) => {
                    self.now = clock::now();
                    if let Err(why) = self.take(&piece[..read]) {
                        self.ended = Some(why);
                    }
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => self.ended = Some(error.to_string()),
            }
            if Instant::now() >= deadline {
                break;
            }
            thread::sleep(LOOK);
        }
        self.now = clock::now();
        Ok(())
    }

    fn arrived(&self) -> u64 {
        self.arrived
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn subscribed(&self) -> bool {
        self.body.is_some()
    }

    fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }
}
