//! Event streams (WHATWG HTML, 9.2.6).

use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::sse::decode::Decoder;

use super::{Class, Entry, Found, Layer, Unread};

const BOM: &[u8] = b"\xEF\xBB\xBF";

pub(super) struct Sse {
    unread: Unread,
    decoder: Decoder,
    /// Whether a byte order mark may still come.
    at_start: bool,
    after_cr: bool,
    /// Bytes of `unread` that hold no line end.
    searched: usize,
    block: Block,
    broken: bool,
}

/// What the lines since the last empty one held.
#[derive(Default)]
struct Block {
    data: bool,
    id: bool,
}

impl Default for Sse {
    fn default() -> Self {
        Self {
            unread: Unread::default(),
            decoder: Decoder::new(MAX_MESSAGE),
            at_start: true,
            after_cr: false,
            searched: 0,
            block: Block::default(),
            broken: false,
        }
    }
}

impl Sse {
    /// Takes `len` bytes as a piece, and tells what the decoder makes of them.
    fn emit(&mut self, len: usize, class: Class, meaning: impl Into<String>, out: &mut Vec<Entry>) {
        if len == 0 {
            return;
        }
        let mut entry = Entry::from(self.unread.piece(len, class, meaning));
        let found = &mut entry.found;
        let fed = self.decoder.feed(&entry.piece.bytes, &mut |event| {
            found.push(Found::Event {
                event: event.event.to_owned(),
                data: String::from_utf8_lossy(event.data).into_owned(),
                id: event.last_event_id.to_owned(),
            });
        });
        if let Err(error) = fed {
            self.broken = true;
            entry.piece.class = Class::Fault;
            found.push(Found::Fault(error.to_string()));
        }
        out.push(entry);
    }

    fn line(&mut self, len: usize, out: &mut Vec<Entry>) {
        let line = self.unread.peek()[..len].to_vec();
        if line.first() == Some(&b':') {
            return self.emit(len, Class::Ignored, "comment", out);
        }
        let name_len = line.iter().position(|&byte| byte == b':').unwrap_or(len);
        let name = &line[..name_len];
        let value = line.get(name_len + 1..).unwrap_or_default();
        let space = usize::from(value.first() == Some(&b' '));
        let value = &value[space..];
        let known = matches!(name, b"data" | b"event" | b"id" | b"retry");
        if known {
            self.emit(name_len, Class::Name, "name of the field", out);
        } else {
            self.emit(name_len, Class::Ignored, "unknown field: ignored", out);
        }
        let (class, meaning) = self.value(name, value);
        if name_len < len {
            self.emit(1, Class::Sign, "ends the name", out);
            self.emit(space, Class::Sign, "one space: dropped", out);
            self.emit(value.len(), class, meaning, out);
        }
    }

    fn value(&mut self, name: &[u8], value: &[u8]) -> (Class, String) {
        match name {
            b"data" => {
                let first = !std::mem::replace(&mut self.block.data, true);
                let meaning = if first { "data" } else { "data, after an LF" };
                (Class::Value, meaning.into())
            }
            b"event" => (Class::Value, "type of the event".into()),
            b"id" if value.contains(&0) => (Class::Ignored, "an id with NUL: ignored".into()),
            b"id" => {
                self.block.id = true;
                (Class::Value, "last event id, once the event ends".into())
            }
            b"retry" if value.iter().all(u8::is_ascii_digit) && !value.is_empty() => {
                (Class::Value, "reconnection time, milliseconds".into())
            }
            b"retry" => (Class::Ignored, "not only digits: ignored".into()),
            _ => (Class::Ignored, "ignored".into()),
        }
    }

    fn line_end(&mut self, line_is_empty: bool, out: &mut Vec<Entry>) {
        let cr = self.unread.peek().first() == Some(&b'\r');
        let meaning = match std::mem::take(&mut self.block) {
            block if !line_is_empty => {
                self.block = block;
                "ends the line"
            }
            Block { data: true, .. } => "empty line: the event is dispatched",
            Block { id: true, .. } => "empty line: no data, so no event; the id counts",
            Block { .. } => "empty line: no data, so no event",
        };
        self.after_cr = cr;
        self.emit(1, Class::Sign, meaning, out);
    }
}

impl Layer for Sse {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Entry>) {
        self.unread.push(bytes);
        loop {
            let unread = self.unread.peek();
            if unread.is_empty() {
                return;
            }
            if self.broken {
                let len = unread.len();
                out.push(self.unread.piece(len, Class::Fault, "not read").into());
                return;
            }
            if self.at_start {
                if unread.len() < BOM.len() && BOM.starts_with(unread) {
                    return;
                }
                self.at_start = false;
                if unread.starts_with(BOM) {
                    self.emit(BOM.len(), Class::Sign, "byte order mark: dropped", out);
                    continue;
                }
            }
            if std::mem::take(&mut self.after_cr) && unread.first() == Some(&b'\n') {
                self.emit(1, Class::Sign, "belongs to the CR before it", out);
                continue;
            }
            let from = self.searched;
            let end = unread[from..]
                .iter()
                .position(|byte| matches!(byte, b'\r' | b'\n'));
            let Some(len) = end.map(|end| from + end) else {
                self.searched = unread.len();
                return;
            };
            self.searched = 0;
            self.line(len, out);
            if !self.broken {
                self.line_end(len == 0, out);
            }
        }
    }

    fn finish(&mut self, is_left: bool, out: &mut Vec<Entry>) {
        if is_left {
            // Its event goes on, too.
            self.block = Block::default();
            return self.unread.leave(out);
        }
        let rest = self.unread.peek().len();
        self.emit(rest, Class::Fault, "a line without its end: discarded", out);
    }

    fn conclusion(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.block.data {
            all.push("The stream ends inside an event, which is discarded.".into());
        }
        match self.decoder.last_event_id() {
            "" => {}
            id => all.push(format!("Last-Event-ID when connecting again: {id}")),
        }
        if let Some(retry) = self.decoder.retry_ms() {
            all.push(format!("Reconnection time: {retry} ms"));
        }
        all
    }
}
