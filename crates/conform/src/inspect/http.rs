//! Answers of HTTP/1.1 (RFC 9112): heads, framings, and what is inside.

use pushbench_transport::http1::body::{BodyDecoder, BodyError, Framing};
use pushbench_transport::http1::head::{HeadReader, ResponseHead};
use pushbench_transport::sse::source::is_event_stream;

use super::nested::{Nested, Opaque};
use super::{Class, Entry, Found, Kind, Layer, Unread, lines, sse, websocket};

mod head;

pub(super) struct Http {
    kind: Kind,
    unread: Unread,
    state: State,
    /// Pieces that may not be handed out yet, since one before them is not known.
    pending: Vec<Entry>,
    /// All before this place has been handed out.
    out_to: u64,
    said: Vec<String>,
}

enum State {
    /// Bytes of the head that were searched for its end.
    Head(HeadReader, usize),
    Body(Body),
    /// After an upgrade.
    Upgraded(Nested),
    Broken,
}

struct Body {
    part: Part,
    /// The decoder of the subscribers: it finds what is wrong.
    decoder: BodyDecoder,
    inside: Nested,
}

/// What comes next in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Size,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    Length(u64),
    UntilClose,
}

impl Http {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            unread: Unread::default(),
            state: State::Head(HeadReader::default(), 0),
            pending: Vec::new(),
            out_to: 0,
            said: Vec::new(),
        }
    }

    /// One step; whether there may be another.
    fn step(&mut self) -> bool {
        if self.unread.peek().is_empty() {
            return false;
        }
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Head(reader, searched) => self.head(reader, searched),
            State::Body(body) => self.body(body),
            State::Upgraded(mut inside) => {
                let at = self.unread.at;
                let len = self.unread.peek().len();
                let bytes = self.unread.piece(len, Class::Value, "").bytes;
                inside.feed(at, &bytes, &mut self.pending);
                self.state = State::Upgraded(inside);
                false
            }
            State::Broken => {
                let len = self.unread.peek().len();
                let piece = self.unread.piece(len, Class::Fault, "not read");
                self.pending.push(piece.into());
                false
            }
        }
    }

    fn head(&mut self, mut reader: HeadReader, searched: usize) -> bool {
        let bytes = self.unread.peek();
        let (len, head) = match reader.feed(&bytes[searched..]) {
            Ok(None) => {
                let searched = bytes.len();
                self.state = State::Head(reader, searched);
                return false;
            }
            Ok(Some((head, taken))) => (searched + taken, head),
            Err(error) => {
                let fault = Found::Fault(error.to_string());
                let len = bytes.len();
                self.broken(len, "no head of HTTP/1.1", fault);
                return true;
            }
        };
        let next = after(self.kind, &head);
        head::pieces(&mut self.unread, len, &mut self.pending);
        self.state = next;
        if let State::Body(body) = &self.state
            && body.decoder.is_done()
        {
            self.answer_ends();
        }
        true
    }

    fn body(&mut self, mut body: Body) -> bool {
        let bytes = self.unread.peek();
        let line = bytes
            .iter()
            .position(|&byte| byte == b'\n')
            .map(|at| at + 1);
        let there = bytes.len() as u64;
        // How many bytes come next, what they are, and what follows them.
        let (len, class, meaning, next) = match body.part {
            Part::Chunk(left) | Part::Length(left) => {
                let taken = left.min(there);
                let next = match body.part {
                    Part::Chunk(_) if taken == left => Part::ChunkEnd,
                    Part::Chunk(_) => Part::Chunk(left - taken),
                    _ => Part::Length(left - taken),
                };
                return self.data(body, taken as usize, next);
            }
            Part::UntilClose => return self.data(body, there as usize, Part::UntilClose),
            Part::Size => {
                let Some(len) = line else {
                    return self.wait(body);
                };
                let (meaning, next) = chunk_line(&bytes[..len]);
                (len, Class::Framing, meaning, next)
            }
            Part::ChunkEnd if there < 2 => return self.wait(body),
            Part::ChunkEnd => (2, Class::Sign, "ends the chunk".to_owned(), Part::Size),
            Part::Trailers => {
                let Some(len) = line else {
                    return self.wait(body);
                };
                let meaning = if len <= 2 {
                    "ends the body"
                } else {
                    "trailer: a field after the body"
                };
                (len, Class::Framing, meaning.to_owned(), Part::Trailers)
            }
        };
        let mut entry = Entry::from(self.unread.piece(len, class, meaning));
        let fed = body
            .decoder
            .feed::<BodyError>(&entry.piece.bytes, &mut |_| Ok(()));
        if let Err(error) = fed {
            entry.piece.class = Class::Fault;
            entry.found.push(Found::Fault(error.to_string()));
            self.pending.push(entry);
            body.inside.finish(false, &mut self.pending);
            self.said.extend(body.inside.conclusion());
            return true;
        }
        self.pending.push(entry);
        body.part = next;
        self.go_on(body);
        true
    }

    /// Data of the body.
    fn data(&mut self, mut body: Body, len: usize, next: Part) -> bool {
        let at = self.unread.at;
        let bytes = self.unread.piece(len, Class::Value, "").bytes;
        // Data cannot be wrong for the framing.
        let _ = body.decoder.feed::<BodyError>(&bytes, &mut |_| Ok(()));
        body.inside.feed(at, &bytes, &mut self.pending);
        body.part = next;
        self.go_on(body);
        true
    }

    fn go_on(&mut self, mut body: Body) {
        let done = body.decoder.is_done();
        if done {
            body.inside.finish(false, &mut self.pending);
        }
        self.state = State::Body(body);
        if done {
            self.answer_ends();
        }
    }

    /// It takes more bytes.
    fn wait(&mut self, body: Body) -> bool {
        self.state = State::Body(body);
        false
    }

    fn answer_ends(&mut self) {
        if let State::Body(body) = &self.state {
            self.said.extend(body.inside.conclusion());
        }
        // The last in the stream, and not the last that was found.
        if let Some(last) = self.pending.iter_mut().max_by_key(|entry| entry.piece.at) {
            last.found.push(Found::AnswerEnds);
        }
        self.state = State::Head(HeadReader::default(), 0);
    }

    fn broken(&mut self, len: usize, meaning: &str, fault: Found) {
        let mut entry = Entry::from(self.unread.piece(len, Class::Fault, meaning));
        entry.found.push(fault);
        self.pending.push(entry);
        self.state = State::Broken;
    }

    /// Hands out what has no gap before it.
    fn release(&mut self, all: bool, out: &mut Vec<Entry>) {
        self.pending.sort_by_key(|entry| entry.piece.at);
        let mut count = 0;
        for entry in &self.pending {
            if !all && entry.piece.at != self.out_to {
                break;
            }
            self.out_to = entry.piece.at + entry.piece.bytes.len() as u64;
            count += 1;
        }
        out.extend(self.pending.drain(..count));
    }
}

/// What follows a head.
fn after(kind: Kind, head: &ResponseHead<'_>) -> State {
    if head.is_interim() {
        return State::Head(HeadReader::default(), 0);
    }
    if head.status == 101 {
        return State::Upgraded(Nested::new(Box::new(websocket::Frames::default())));
    }
    let content_type = head.content_type.unwrap_or_default();
    let inside: Box<dyn Layer> = match kind {
        _ if head.status == 200 && is_event_stream(content_type) => Box::new(sse::Sse::default()),
        Kind::Poll => Box::new(lines::Lines::default()),
        _ if head.status == 200 && is_lines(content_type) => Box::new(lines::Lines::default()),
        _ => Box::new(Opaque::default()),
    };
    State::Body(Body {
        part: match head.framing() {
            Framing::Chunked => Part::Size,
            Framing::Length(length) => Part::Length(length),
            Framing::UntilClose => Part::UntilClose,
        },
        decoder: BodyDecoder::new(head.framing()),
        inside: Nested::new(inside),
    })
}

/// Whether each line of a body of this type is a message.
fn is_lines(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
    ]
    .iter()
    .any(|lines| lines.eq_ignore_ascii_case(essence))
}

/// What a chunk-size line says, and what follows it.
fn chunk_line(line: &[u8]) -> (String, Part) {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let size = str::from_utf8(&line[..digits])
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match size {
        // Wrong; the decoder says how.
        None => ("a chunk size, broken".into(), Part::Size),
        Some(0) => ("chunk size 0: the last chunk".into(), Part::Trailers),
        Some(1) => ("chunk size: 1 byte of body".into(), Part::Chunk(1)),
        Some(size) => (
            format!("chunk size: {size} bytes of body"),
            Part::Chunk(size),
        ),
    }
}

impl Layer for Http {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Entry>) {
        self.unread.push(bytes);
        while self.step() {}
        self.release(false, out);
    }

    fn finish(&mut self, is_left: bool, out: &mut Vec<Entry>) {
        let meaning = match std::mem::replace(&mut self.state, State::Broken) {
            State::Head(..) => "a head, cut",
            State::Broken => "not read",
            State::Upgraded(mut inside) => {
                inside.finish(is_left, &mut self.pending);
                self.said.extend(inside.conclusion());
                ""
            }
            State::Body(mut body) => {
                body.inside.finish(is_left, &mut self.pending);
                self.said.extend(body.inside.conclusion());
                match body.decoder.finish() {
                    _ if is_left => {}
                    Ok(()) => self.said.push("The body ends with the connection.".into()),
                    Err(error) => self.said.push(format!("Cut: {error}.")),
                }
                "framing of the body, cut"
            }
        };
        let rest = self.unread.peek().len();
        if is_left {
            self.unread.leave(&mut self.pending);
        } else if rest > 0 {
            let piece = self.unread.piece(rest, Class::Fault, meaning);
            self.pending.push(piece.into());
        }
        self.release(true, out);
    }

    fn conclusion(&self) -> Vec<String> {
        self.said.clone()
    }
}
