//! A socket that is read by hand: what comes is kept as it came.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// What should come comes within this, also on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// What should not come has not come within this.
pub(super) const QUIET: Duration = Duration::from_millis(150);
/// Longest head that is read, bytes.
const MAX_HEAD: usize = 64 * 1024;
/// So much of what came is quoted, bytes.
const QUOTED: usize = 120;

/// An address with the path of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: String,
    /// Value of the header `Host`.
    pub(super) host: String,
    /// Path and query; empty if the URL names none.
    pub(super) path: String,
    pub(super) address: SocketAddr,
}

impl Origin {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{url:?} is no URL that can be checked: {why}");
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| wrong("such as http://127.0.0.1:4000"))?;
        if !["http", "ws", "tcp"].contains(&scheme) {
            return Err(wrong("there are http and tcp"));
        }
        let at = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(at);
        let with_port = match host.rsplit_once(':') {
            Some((_, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host.to_owned(),
            _ => format!("{host}:80"),
        };
        let address = with_port
            .to_socket_addrs()
            .map_err(|error| wrong(&error.to_string()))?
            .next()
            .ok_or_else(|| wrong("the host has no address"))?;
        Ok(Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            path: if path == "/" {
                String::new()
            } else {
                path.to_owned()
            },
            address,
        })
    }
}

/// A connection, with what has come and was not looked at yet.
pub(super) struct Wire {
    stream: TcpStream,
    waiting: Vec<u8>,
    ended: bool,
}

impl Wire {
    pub(super) fn connect(origin: &Origin) -> Result<Self, String> {
        let open = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&origin.address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let stream =
            open().map_err(|error| format!("no connection to {}: {error}", origin.host))?;
        Ok(Self {
            stream,
            waiting: Vec::new(),
            ended: false,
        })
    }

    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), String> {
        self.stream
            .write_all(bytes.as_ref())
            .map_err(|error| format!("the server takes no more bytes: {error}"))
    }

    /// Another handle of the same socket, to write from another thread.
    pub(super) fn writer(&self) -> Result<TcpStream, String> {
        self.stream.try_clone().map_err(|error| error.to_string())
    }

    /// Says that nothing more will be sent, and that nothing more is read.
    pub(super) fn leave(self) {
        // The socket closes with it either way.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// What has come and was not looked at.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.waiting
    }

    /// Reads once; whether anything came before `deadline`.
    fn read(&mut self, deadline: Instant) -> Result<bool, String> {
        let mut buffer = [0; 64 * 1024];
        while !self.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.stream
                .set_read_timeout(Some(left))
                .map_err(|error| error.to_string())?;
            match self.stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.waiting.extend_from_slice(&buffer[..count]);
                    return Ok(true);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ok(false),
                    _ => self.ended = true,
                },
            }
        }
        Ok(false)
    }

    /// Waits for more, which must come.
    pub(super) fn more(&mut self) -> Result<(), String> {
        if self.read(Instant::now() + PATIENCE)? {
            return Ok(());
        }
        Err(self.nothing())
    }

    /// How it is said that no more came.
    fn nothing(&self) -> String {
        let end = if self.ended {
            "the end of the connection".to_owned()
        } else {
            format!("nothing more within {} s", PATIENCE.as_secs())
        };
        match self.waiting.is_empty() {
            true => end,
            false => format!("{} and then {end}", quoted(&self.waiting)),
        }
    }

    /// Exactly so many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<u8>, String> {
        while self.waiting.len() < count {
            self.more()?;
        }
        let rest = self.waiting.split_off(count);
        Ok(std::mem::replace(&mut self.waiting, rest))
    }

    /// All bytes up to `end` and with it.
    pub(super) fn through(&mut self, end: &[u8]) -> Result<Vec<u8>, String> {
        let mut from = 0;
        loop {
            let found = self.waiting[from..]
                .windows(end.len())
                .position(|window| window == end);
            if let Some(at) = found {
                return self.take(from + at + end.len());
            }
            if self.waiting.len() > MAX_HEAD {
                return Err(format!("{} and no end of it", quoted(&self.waiting)));
            }
            from = self.waiting.len().saturating_sub(end.len());
            self.more()?;
        }
    }

    /// What comes although nothing should: `None` if nothing does.
    pub(super) fn unasked(&mut self) -> Result<Option<String>, String> {
        if self.waiting.is_empty() {
            self.read(Instant::now() + QUIET)?;
        }
        Ok(match (self.waiting.is_empty(), self.ended) {
            (false, _) => Some(quoted(&self.waiting)),
            (true, true) => Some("the end of the connection".to_owned()),
            (true, false) => None,
        })
    }

    /// Everything to the end of the connection, which must come.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>, String> {
        let deadline = Instant::now() + PATIENCE;
        while self.read(deadline)? {}
        match self.ended {
            true => Ok(std::mem::take(&mut self.waiting)),
            false => Err(self.nothing()),
        }
    }
}

/// Bytes as a person reads them, in short.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(QUOTED)];
    let text = shown.utf8_chunks().fold(String::new(), |mut text, chunk| {
        text += &chunk.valid().escape_debug().to_string();
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02x}");
        }
        text
    });
    match bytes.len() > QUOTED {
        true => format!("\"{text}\"... ({} bytes)", bytes.len()),
        false => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let origin = Origin::parse("http://127.0.0.1:4000/sub?a=1").unwrap();
        assert_eq!(
            (origin.host.as_str(), origin.path.as_str()),
            ("127.0.0.1:4000", "/sub?a=1")
        );
        assert_eq!(Origin::parse("tcp://[::1]:9/").unwrap().path, "");
        assert_eq!(
            Origin::parse("http://127.0.0.1").unwrap().address.port(),
            80
        );
        for url in [
            "127.0.0.1:1",
            "https://127.0.0.1:1",
            "http://127.0.0.1:99999",
        ] {
            assert!(Origin::parse(url).unwrap_err().contains(url), "{url}");
        }
    }

    #[test]
    fn what_comes_is_quoted() {
        assert_eq!(
            quoted("a\r\n\u{4e2d}\"".as_bytes()),
            "\"a\\r\\n\u{4e2d}\\\"\""
        );
        assert_eq!(quoted(b"\xf0\x9f."), "\"\\xf0\\x9f.\"");
        assert!(quoted(&[b'x'; 500]).ends_with("... (500 bytes)"));
    }

    #[test]
    fn bytes_are_read_to_the_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut wire = Wire::connect(&Origin::parse(&url).unwrap()).unwrap();
        let mut peer = listener.accept().unwrap().0;
        assert_eq!(wire.unasked(), Ok(None));
        peer.write_all(b"head\r\n\r\nbody!").unwrap();
        assert_eq!(wire.through(b"\r\n\r\n").unwrap(), b"head\r\n\r\n");
        assert_eq!(wire.take(4).unwrap(), b"body");
        assert_eq!(wire.unasked().unwrap().unwrap(), "\"!\"");
        drop(peer);
        assert_eq!(wire.rest().unwrap(), b"!");
        assert_eq!(
            wire.unasked().unwrap().unwrap(),
            "the end of the connection"
        );
        assert!(
            wire.more()
                .unwrap_err()
                .contains("the end of the connection")
        );
    }
}
