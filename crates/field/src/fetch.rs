//! One HTTP request over a plain socket, with everything that came back and when: libraries hide what this is about.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use pushbench_sys::clock;
use pushbench_transport::http1::body::{BodyDecoder, BodyError, Framing};
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::sse::decode::Decoder;

/// What is read at once.
const PIECE: usize = 16 * 1024;
/// The longest event that is taken.
const LONGEST_EVENT: usize = 1024 * 1024;

/// When to stop reading.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So long after the request.
    pub total: Duration,
    /// When nothing has come for so long.
    pub quiet: Duration,
    /// After so many bytes.
    pub bytes: usize,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order: after the last chunk, the last announced byte, or, where only the end of the connection ends a body, with it.
    Complete,
    /// The connection ended before the answer did.
    Cut,
    /// The connection was reset.
    Reset,
    /// It did not: a limit was reached.
    Open,
    /// It was no HTTP.
    Broken(String),
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Status; 0 when no head came.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// All bytes, as they were read.
    pub wire: Vec<u8>,
    /// The body, without the framing of its transfer.
    pub body: Vec<u8>,
    /// When the request was sent, CLOCK_MONOTONIC nanoseconds.
    pub asked: u64,
    /// When each read returned, and how much of the body there was then.
    pub reads: Vec<(u64, usize)>,
    /// How it ended.
    pub ending: Ending,
}

impl Seen {
    /// The events in its body, as `name: data` with the data quoted.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        let mut events = Vec::new();
        let mut decoder = Decoder::new(LONGEST_EVENT);
        // One that is too long ends the list.
        let _ = decoder.feed(&self.body, &mut |event| {
            let data = String::from_utf8_lossy(event.data);
            events.push(format!("{}: {data:?}", event.event));
        });
        events
    }
}

/// Sends `request` to `address` and reads what comes back, within `limits`.
///
/// # Errors
///
/// When there is no connection, or the request cannot be sent.
pub fn fetch(address: SocketAddr, request: &str, limits: &Limits) -> io::Result<Seen> {
    let mut stream = TcpStream::connect_timeout(&address, limits.total)?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes())?;
    let begun = Instant::now();
    let mut seen = Seen {
        status: 0,
        content_type: String::new(),
        wire: Vec::new(),
        body: Vec::new(),
        asked: clock::now(),
        reads: Vec::new(),
        ending: Ending::Open,
    };
    let mut parser = Parser::default();
    let mut piece = vec![0; PIECE];
    while seen.wire.len() < limits.bytes {
        let left = limits.total.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left.min(limits.quiet)))?;
        match stream.read(&mut piece) {
            Ok(0) => {
                seen.ending = parser.end();
                break;
            }
            Ok(read) => {
                let now = clock::now();
                seen.wire.extend_from_slice(&piece[..read]);
                let ended = parser.take(&piece[..read], &mut seen);
                seen.reads.push((now, seen.body.len()));
                if let Some(ending) = ended {
                    seen.ending = ending;
                    break;
                }
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                seen.ending = Ending::Reset;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

/// `GET path` that asks for an event stream.
#[must_use]
pub fn get(address: SocketAddr, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n")
}

#[derive(Default)]
struct Parser {
    head: HeadReader,
    body: Option<(BodyDecoder, Framing)>,
}

impl Parser {
    /// Reads on; tells the ending once it is known.
    fn take(&mut self, mut bytes: &[u8], seen: &mut Seen) -> Option<Ending> {
        while self.body.is_none() {
            match self.head.feed(bytes) {
                Err(error) => return Some(Ending::Broken(error.to_string())),
                Ok(None) => return None,
                Ok(Some((head, taken))) => {
                    bytes = &bytes[taken..];
                    if !head.is_interim() {
                        seen.status = head.status;
                        seen.content_type = head.content_type.unwrap_or_default().to_owned();
                        let framing = head.framing();
                        self.body = Some((BodyDecoder::new(framing), framing));
                    }
                }
            }
        }
        let (body, _) = self.body.as_mut()?;
        let taken = body.feed::<BodyError>(bytes, &mut |data| {
            seen.body.extend_from_slice(data);
            Ok(())
        });
        match taken {
            Err(error) => Some(Ending::Broken(error.to_string())),
            Ok(_) if body.is_done() => Some(Ending::Complete),
            Ok(_) => None,
        }
    }

    /// The connection has ended.
    fn end(&self) -> Ending {
        match &self.body {
            Some((_, Framing::UntilClose)) => Ending::Complete,
            _ => Ending::Cut,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const LIMITS: Limits = Limits {
        total: Duration::from_secs(20),
        quiet: Duration::from_millis(300),
        bytes: 1 << 20,
    };

    fn answered(answer: &'static [u8], stays: bool) -> Seen {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer).unwrap();
            if stays {
                let _ = stream.read(&mut request);
            }
        });
        let seen = fetch(address, &get(address, "/"), &LIMITS).unwrap();
        server.join().unwrap();
        seen
    }

    #[test]
    fn endings_are_told_apart() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
        let leak = |text: String| -> &'static [u8] { Box::leak(text.into_boxed_str()).as_bytes() };
        let whole = leak(format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n0\r\n\r\n"
        ));
        let seen = answered(whole, false);
        assert_eq!((seen.status, seen.ending.clone()), (200, Ending::Complete));
        assert_eq!(seen.events(), ["message: \"a\""]);
        let cut = leak(format!("{head}Transfer-Encoding: chunked\r\n\r\n9\r\nda"));
        assert_eq!(answered(cut, false).ending, Ending::Cut);
        let close = leak(format!("{head}\r\nevent: x\ndata: b\n\n"));
        let seen = answered(close, false);
        assert_eq!(seen.ending, Ending::Complete);
        assert_eq!(seen.events(), ["x: \"b\""]);
        assert_eq!(answered(close, true).ending, Ending::Open);
        assert!(matches!(
            answered(b"SSH-2.0\r\n", false).ending,
            Ending::Broken(_)
        ));
    }
}
