//! A server that follows a script: what it answers to the first request, the second, and so on, and who asked.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

/// Between two looks at whether somebody has connected.
const LOOK: Duration = Duration::from_millis(5);
/// How long a connection may take for its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between an answer and a reset, which may overtake what the client has not read yet.
const BEFORE_RESET: Duration = Duration::from_millis(300);
/// Longest head of a request, bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Most fields in it.
const MAX_FIELDS: usize = 64;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Its method.
    pub(crate) method: String,
    /// Its path.
    pub(crate) path: String,
    /// Its `Last-Event-ID`.
    pub(crate) last_event_id: Option<String>,
    /// When it was read.
    pub(crate) at: Instant,
}

/// An answer, and what becomes of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// All bytes of it.
    pub(crate) bytes: Vec<u8>,
    /// What then.
    pub(crate) then: Then,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
    /// It stays open, in silence.
    Hold,
}

/// An answer with status line, `fields` (each with its line end) and a body in chunks; whole, or without its last chunk.
pub(crate) fn answer(status: &str, fields: &str, body: Option<&str>, whole: bool) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\n{fields}");
    match body {
        Some(body) => {
            let end = if whole { "0\r\n\r\n" } else { "" };
            text += &format!(
                "Transfer-Encoding: chunked\r\n\r\n{:X}\r\n{body}\r\n{end}",
                body.len()
            );
        }
        None => text += "Content-Length: 0\r\n\r\n",
    }
    text.into_bytes()
}

/// The server.
pub(crate) struct Scripted {
    listener: TcpListener,
    address: SocketAddr,
}

/// When a script is over.
pub(crate) struct Until<'a> {
    /// Requests after which it is.
    pub(crate) requests: usize,
    /// How long the first request may take.
    pub(crate) first: Duration,
    /// How long there may be none after one.
    pub(crate) quiet: Duration,
    /// Set by a person.
    pub(crate) stop: &'a AtomicBool,
}

impl Scripted {
    /// Listens on a free port of loopback.
    pub(crate) fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/sse", self.address)
    }

    /// Answers requests, the first with `script(0, ..)`, until it is over. Returns who asked.
    pub(crate) fn serve(
        &self,
        script: impl Fn(usize, &Asked) -> Answer,
        until: &Until<'_>,
    ) -> io::Result<Vec<Asked>> {
        let mut requests: Vec<Asked> = Vec::new();
        let mut held = Vec::new();
        let begun = Instant::now();
        while requests.len() < until.requests && !until.stop.load(Ordering::Relaxed) {
            let (since, patience) = match requests.last() {
                Some(last) => (last.at, until.quiet),
                None => (begun, until.first),
            };
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    // One that connects and says nothing asks for nothing.
                    let Ok(asked) = read(&mut stream) else {
                        continue;
                    };
                    let answer = script(requests.len(), &asked);
                    requests.push(asked);
                    // A client that has gone meanwhile has got its answer.
                    let _ = stream.write_all(&answer.bytes);
                    match answer.then {
                        Then::Close => {}
                        Then::Reset => {
                            thread::sleep(BEFORE_RESET);
                            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                        }
                        Then::Hold => held.push(stream),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if since.elapsed() >= patience {
                        break;
                    }
                    thread::sleep(LOOK);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(requests)
    }
}

/// Reads a request with its body.
fn read(stream: &mut TcpStream) -> io::Result<Asked> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 || bytes.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
        if let Some((asked, whole)) = parse(&bytes)?
            && bytes.len() >= whole
        {
            return Ok(asked);
        }
    }
}

/// The request at the start of `bytes` and its length with its body; `None` while its head is cut.
fn parse(bytes: &[u8]) -> io::Result<Option<(Asked, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
    let httparse::Status::Complete(head) = request.parse(bytes).map_err(invalid)? else {
        return Ok(None);
    };
    let field = |name: &str| {
        let mut found = request.headers.iter();
        let value = found
            .find(|field| field.name.eq_ignore_ascii_case(name))?
            .value;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    let body = field("content-length").and_then(|length| length.parse::<usize>().ok());
    let asked = Asked {
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        last_event_id: field("last-event-id"),
        at: Instant::now(),
    };
    Ok(Some((asked, head.saturating_add(body.unwrap_or(0)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POST: &[u8] = b"POST /a HTTP/1.1\r\nlast-event-id: 7\r\nContent-Length: 2\r\n\r\n{}";

    #[test]
    fn a_request_is_whole_with_its_body() {
        let (asked, whole) = parse(POST).unwrap().unwrap();
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/a"));
        assert_eq!(asked.last_event_id.as_deref(), Some("7"));
        assert_eq!(whole, POST.len());
        assert_eq!(parse(&POST[..30]).unwrap().map(|(_, whole)| whole), None);
    }

    #[test]
    fn a_script_is_followed_request_by_request() {
        let server = Scripted::bind().unwrap();
        let address = server.address;
        let never = AtomicBool::new(false);
        let until = Until {
            requests: 3,
            first: PATIENCE,
            quiet: PATIENCE,
            stop: &never,
        };
        let script = |at: usize, _: &Asked| Answer {
            bytes: answer("200 OK", "", Some(["a", "b", "c"][at]), at == 0),
            then: [Then::Close, Then::Reset, Then::Hold][at],
        };
        thread::scope(|scope| {
            let client = scope.spawn(move || {
                [(); 3].map(|()| {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(POST).unwrap();
                    let mut text = Vec::new();
                    let end = stream.read_to_end(&mut text).map_err(|error| error.kind());
                    (String::from_utf8(text).unwrap(), end.err())
                })
            });
            assert_eq!(server.serve(script, &until).unwrap().len(), 3);
            let [first, second, third] = client.join().unwrap();
            assert!(first.0.ends_with("\r\n\r\n1\r\na\r\n0\r\n\r\n") && first.1.is_none());
            assert!(
                second.0.ends_with("1\r\nb\r\n")
                    && second.1 == Some(io::ErrorKind::ConnectionReset)
            );
            assert!(third.0.ends_with("1\r\nc\r\n") && third.1.is_none());
        });
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read(bytes: Vec<u8>, cut in 0..POST.len()) {
            let _ = parse(&bytes);
            prop_assert!(parse(&POST[..cut]).is_ok());
        }
    }
}
