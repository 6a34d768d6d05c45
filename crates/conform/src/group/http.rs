//! The readers of heads and bodies of HTTP/1.1.

use pushbench_transport::http1::body::{BodyDecoder, BodyError, Framing};
use pushbench_transport::http1::head::{HeadReader, ResponseHead};
use pushbench_transport::sse::source::is_event_stream;
use serde::Deserialize;

use crate::escape;

use super::{Checks, Group, in_every_way};

pub(super) const GROUP: Group = Group {
    name: "http",
    about: "the readers of heads and bodies: framings, and what real servers send besides",
    run: || super::run::<Case>("http", include_str!("../../corpus/http.toml"), Case::check),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    section: String,
    rule: String,
    stream: String,
    status: Option<u16>,
    framing: Option<String>,
    close: Option<bool>,
    stream_type: Option<bool>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    rest: String,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fault {
    Head,
    Body,
    Cut,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    status: Option<u16>,
    framing: Option<String>,
    close: Option<bool>,
    stream_type: Option<bool>,
    body: String,
    rest: String,
    fault: Option<Fault>,
}

impl Case {
    fn note(&self, head: &ResponseHead<'_>, read: &mut Read) {
        read.status = Some(head.status);
        read.framing = Some(match head.framing() {
            Framing::Chunked => "chunked".into(),
            Framing::Length(length) => format!("length {length}"),
            Framing::UntilClose => "until close".into(),
        });
        // What a case does not speak of is not looked at.
        read.close = self.close.map(|_| head.close);
        let content_type = head.content_type.unwrap_or_default();
        read.stream_type = self.stream_type.map(|_| is_event_stream(content_type));
    }

    fn read(&self, pieces: &[&[u8]]) -> Read {
        let mut read = Read::default();
        let (mut heads, mut body) = (HeadReader::default(), None::<BodyDecoder>);
        let (mut data, mut rest) = (Vec::new(), Vec::new());
        'pieces: for piece in pieces {
            let mut piece = *piece;
            while body.is_none() && !piece.is_empty() {
                match heads.feed(piece) {
                    Err(_) => {
                        read.fault = Some(Fault::Head);
                        break 'pieces;
                    }
                    Ok(None) => piece = &[],
                    Ok(Some((head, taken))) => {
                        if !head.is_interim() {
                            self.note(&head, &mut read);
                            body = Some(BodyDecoder::new(head.framing()));
                        }
                        piece = &piece[taken..];
                    }
                }
            }
            let Some(body) = &mut body else { continue };
            let taken = body.feed::<BodyError>(piece, &mut |part| {
                data.extend_from_slice(part);
                Ok(())
            });
            match taken {
                Ok(taken) => rest.extend_from_slice(&piece[taken..]),
                Err(_) => {
                    read.fault = Some(Fault::Body);
                    break;
                }
            }
        }
        let whole = body.as_mut().is_some_and(|body| body.finish().is_ok());
        if read.fault.is_none() && !whole {
            read.fault = Some(Fault::Cut);
        }
        read.body = escape::text(&data);
        read.rest = escape::text(&rest);
        read
    }
}

impl super::Case for Case {
    fn head(&self) -> (&str, &str, &str) {
        (&self.name, &self.section, &self.rule)
    }
}

impl Case {
    fn check(&self) -> Checks {
        let stream = escape::bytes(&self.stream)?;
        let expected = Read {
            status: self.status,
            framing: self.framing.clone(),
            close: self.close,
            stream_type: self.stream_type,
            body: escape::text(&escape::bytes(&self.body)?),
            rest: escape::text(&escape::bytes(&self.rest)?),
            fault: self.fault,
        };
        let (ways, outcome) = in_every_way(&stream, &expected, |way| self.read(way));
        Ok(vec![("reader", ways, outcome)])
    }
}
