//! HTTP/1.1 answers, read by hand.

use super::wire::{Origin, Wire, quoted};

/// The head of an answer.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// As it came, for quoting.
    pub(super) text: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// Reads one, and passes over interim ones.
    pub(super) fn read(wire: &mut Wire) -> Result<Self, String> {
        loop {
            let bytes = wire.through(b"\r\n\r\n")?;
            let head = Self::parse(&bytes)
                .ok_or_else(|| format!("{}, which is no head of HTTP/1.1", quoted(&bytes)))?;
            if head.status == 101 || head.status >= 200 {
                return Ok(head);
            }
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8(bytes.to_vec()).ok()?;
        let mut lines = text.strip_suffix("\r\n\r\n")?.split("\r\n");
        let status = lines
            .next()?
            .strip_prefix("HTTP/1.1 ")?
            .get(..3)?
            .parse()
            .ok()?;
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
            plain.then(|| (name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self {
            status,
            fields: fields.collect::<Option<_>>()?,
            text,
        })
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The content type without its parameters.
    pub(super) fn essence(&self) -> String {
        let value = self.field("content-type").unwrap_or_default();
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// Its first line, for quoting.
    pub(super) fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

/// The content of an answer, piece by piece.
#[derive(Debug)]
pub(super) enum Body {
    /// So many bytes are still to come.
    Sized(usize),
    Chunked,
    /// It ends with the connection.
    Open,
    Over,
}

impl Body {
    pub(super) fn of(head: &Head) -> Result<Self, String> {
        let lists = |name, token: &str| {
            let value: &str = head.field(name).unwrap_or_default();
            value
                .split(',')
                .any(|item| item.trim().eq_ignore_ascii_case(token))
        };
        if matches!(head.status, 101 | 204 | 304) {
            return Ok(Self::Over);
        }
        if lists("transfer-encoding", "chunked") {
            return Ok(Self::Chunked);
        }
        match head.field("content-length").map(str::parse) {
            Some(Ok(0)) => Ok(Self::Over),
            Some(Ok(length)) => Ok(Self::Sized(length)),
            Some(Err(_)) => Err(format!(
                "a Content-Length that is no number: {}",
                head.text.trim()
            )),
            None => Ok(Self::Open),
        }
    }

    /// The next piece; `None` at the end of the content.
    pub(super) fn piece(&mut self, wire: &mut Wire) -> Result<Option<Vec<u8>>, String> {
        match *self {
            Self::Over => Ok(None),
            Self::Sized(left) => {
                if wire.waiting().is_empty() {
                    let early =
                        |came| format!("{came}, {left} bytes before Content-Length says so");
                    wire.more().map_err(early)?;
                }
                let piece = wire.take(left.min(wire.waiting().len()))?;
                *self = match left - piece.len() {
                    0 => Self::Over,
                    left => Self::Sized(left),
                };
                Ok(Some(piece))
            }
            Self::Open => {
                if wire.waiting().is_empty() {
                    wire.more()?;
                }
                wire.take(wire.waiting().len()).map(Some)
            }
            Self::Chunked => {
                let line = wire.through(b"\r\n")?;
                let size = str::from_utf8(&line).ok().and_then(|line| {
                    let digits = line.trim_end().split(';').next()?;
                    usize::from_str_radix(digits, 16).ok()
                });
                let size =
                    size.ok_or_else(|| format!("{} as the size of a chunk", quoted(&line)))?;
                let piece = wire.take(size)?;
                let end = wire.take(2)?;
                if end != b"\r\n" {
                    return Err(format!("{} behind a chunk of {size} bytes", quoted(&end)));
                }
                if size > 0 {
                    return Ok(Some(piece));
                }
                *self = Self::Over;
                Ok(None)
            }
        }
    }

    /// All that is to come, to its end.
    pub(super) fn whole(mut self, wire: &mut Wire) -> Result<Vec<u8>, String> {
        if matches!(self, Self::Open) {
            return wire.rest();
        }
        let mut all = Vec::new();
        while let Some(piece) = self.piece(wire)? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

/// An answer that is whole.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) head: Head,
    pub(super) content: Vec<u8>,
}

impl Answer {
    pub(super) fn read(wire: &mut Wire) -> Result<Self, String> {
        let head = Head::read(wire)?;
        let content = Body::of(&head)?.whole(wire)?;
        Ok(Self { head, content })
    }

    /// Head and content in short.
    pub(super) fn in_short(&self) -> String {
        format!("{} with {}", self.head.first_line(), quoted(&self.content))
    }
}

/// A request without a body; `fields` end each with their line end.
pub(super) fn get(origin: &Origin, path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n",
        origin.host
    )
}

/// A request with a body.
pub(super) fn post(origin: &Origin, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        origin.host,
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Asks once, on a connection of its own.
pub(super) fn ask(origin: &Origin, request: impl AsRef<[u8]>) -> Result<Answer, String> {
    let mut wire = Wire::connect(origin)?;
    wire.send(request)?;
    Answer::read(&mut wire)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;

    fn answer(bytes: &[u8]) -> Result<Answer, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut wire = Wire::connect(&Origin::parse(&url).unwrap()).unwrap();
        listener.accept().unwrap().0.write_all(bytes).unwrap();
        Answer::read(&mut wire)
    }

    #[test]
    fn answers_are_read_in_each_framing() {
        for (head, body) in [
            ("Content-Length: 3\r\n", "abc"),
            (
                "Transfer-Encoding: chunked\r\n",
                "2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            ),
            ("Connection: close\r\n", "abc"),
        ] {
            let bytes = format!("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n{head}\r\n{body}");
            let answer = answer(bytes.as_bytes()).unwrap();
            assert_eq!(
                (answer.head.status, &answer.content[..]),
                (200, &b"abc"[..]),
                "{head}"
            );
        }
        assert_eq!(
            answer(b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n")
                .unwrap()
                .content,
            b""
        );
    }

    #[test]
    fn what_breaks_the_framing_is_quoted() {
        for (bytes, quoted) in [
            ("HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.0"),
            ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "no colon"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                "Content-Length: x",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                "the end of the connection, 6 bytes before",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                "xyz",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
                "behind a chunk",
            ),
        ] {
            let error = answer(bytes.as_bytes()).unwrap_err();
            assert!(error.contains(quoted), "{error}");
        }
    }
}
