//! A stream as it comes, from a URL of plain HTTP, WebSocket or the floor.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pushbench_transport::dialogue::NONCE;
use pushbench_transport::websocket::handshake;

use super::{Entry, Found, Inspector, Kind};

/// How far to read.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Events or messages; then the connection is ended.
    pub messages: u64,
    /// For how long, at most.
    pub time: Duration,
}

/// Where to connect, and what to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Host and port.
    authority: String,
    address: String,
    target: String,
    /// What its scheme says of the stream.
    pub kind: Option<Kind>,
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wanted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let schemes = [
            ("ws://", Some(Kind::WebSocket)),
            ("tcp://", Some(Kind::Tcp)),
            ("http://", None),
        ];
        let found = schemes
            .into_iter()
            .find_map(|(scheme, kind)| Some((kind, text.strip_prefix(scheme)?)));
        let Some((kind, rest)) = found else {
            return Err(format!(
                "{text:?} does not begin with http://, ws:// or tcp://"
            ));
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let after_host = authority.rsplit(']').next().unwrap_or_default();
        let address = match after_host.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => authority.to_owned(),
            Some((_, port)) => return Err(format!("{port:?} in {text:?} is no port")),
            None if kind == Some(Kind::Tcp) => return Err(format!("{text:?} has no port")),
            None => format!("{authority}:80"),
        };
        if authority.is_empty() || rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!("{text:?} is no URL"));
        }
        Ok(Self {
            authority: authority.to_owned(),
            address,
            target: match target.chars().next() {
                Some('/') => target.to_owned(),
                _ => format!("/{target}"),
            },
            kind,
        })
    }

    fn request(&self, kind: Kind) -> Vec<u8> {
        let mut out = Vec::new();
        if kind == Kind::Tcp {
            // Without a cursor: what is published from now on.
            return u64::MAX.to_le_bytes().to_vec();
        }
        if kind == Kind::WebSocket {
            handshake::request(&self.target, &self.authority, NONCE, &mut out);
            return out;
        }
        let accept = if kind == Kind::Poll {
            "*/*"
        } else {
            "text/event-stream, */*"
        };
        let Self {
            target, authority, ..
        } = self;
        format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nAccept: {accept}\r\n\r\n")
            .into_bytes()
    }
}

/// Connects, asks once, and hands on what comes, up to the bounds, the end of the connection or, for what is no stream, the end of
/// the answer.
///
/// # Errors
///
/// When the connection fails, or `show` does.
pub fn run(
    url: &Url,
    kind: Kind,
    bounds: Bounds,
    show: &mut dyn FnMut(Vec<Entry>) -> io::Result<()>,
) -> io::Result<Inspector> {
    let end = Instant::now() + bounds.time;
    let mut stream = TcpStream::connect(&url.address)?;
    stream.set_write_timeout(Some(bounds.time))?;
    stream.write_all(&url.request(kind))?;
    let mut inspector = Inspector::new(kind);
    let mut buffer = [0; 16 * 1024];
    let mut messages = 0;
    let mut goes_on = true;
    while messages < bounds.messages && goes_on {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left))?;
        let read = match stream.read(&mut buffer) {
            Ok(0) => {
                goes_on = false;
                break;
            }
            Ok(read) => read,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let entries = inspector.feed(&buffer[..read]);
        let found = || entries.iter().flat_map(|entry| &entry.found);
        messages += found()
            .filter(|found| matches!(found, Found::Event { .. } | Found::Message { .. }))
            .count() as u64;
        let over = found()
            .any(|found| matches!(found, Found::AnswerEnds | Found::Close(_) | Found::Fault(_)));
        show(entries)?;
        goes_on = !over;
    }
    let rest = if !goes_on {
        inspector.finish()
    } else if messages < bounds.messages {
        let seconds = bounds.time.as_secs();
        inspector.leave(format!("Read for {seconds} s; it goes on."))
    } else {
        inspector.leave(match messages {
            1 => "Read up to the first message; it goes on.".into(),
            _ => format!("Read up to {messages} messages; it goes on."),
        })
    };
    show(rest)?;
    Ok(inspector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let url = Url::parse("http://example.org").unwrap();
        assert_eq!((&*url.address, &*url.target), ("example.org:80", "/"));
        let url = Url::parse("ws://[::1]:8080/ws?x=1#y").unwrap();
        assert_eq!(
            (&*url.address, &*url.target, url.kind),
            ("[::1]:8080", "/ws?x=1", Some(Kind::WebSocket))
        );
        let url = Url::parse("http://[::1]?a").unwrap();
        assert_eq!((&*url.address, &*url.target), ("[::1]:80", "/?a"));
        let url = Url::parse("tcp://127.0.0.1:9").unwrap();
        assert_eq!((&*url.address, url.kind), ("127.0.0.1:9", Some(Kind::Tcp)));
        assert_eq!(url.request(Kind::Tcp), [0xFF; 8]);
        for wrong in [
            "https://x",
            "tcp://x",
            "x",
            "http://",
            "http://x:y/",
            "http://x/a b",
            "http:///p",
        ] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn requests() {
        let url = Url::parse("http://x:1/a").unwrap();
        assert_eq!(
            url.request(Kind::Sse),
            b"GET /a HTTP/1.1\r\nHost: x:1\r\nAccept: text/event-stream, */*\r\n\r\n"
        );
        assert!(
            Url::parse("ws://x:1/a")
                .unwrap()
                .request(Kind::WebSocket)
                .starts_with(b"GET /a HTTP/1.1\r\nHost: x:1\r\nConnection: Upgrade")
        );
    }
}
