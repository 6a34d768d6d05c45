//! The floor, from the server's side: the number of its newest message, then messages behind their lengths.

use pushbench_model::message::BINARY_TAG;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::tcp::frame::{FrameDecoder, PREFIX};

use super::{Class, Entry, Found, Layer, Unread};

/// Bytes of the number that the server begins with.
const GREETING: usize = 8;

pub(super) struct Tcp {
    unread: Unread,
    decoder: FrameDecoder,
    next: Next,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Next {
    Greeting,
    Prefix,
    Body(usize),
    /// Nothing that could be read.
    Broken,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            unread: Unread::default(),
            decoder: FrameDecoder::new(MAX_MESSAGE),
            next: Next::Greeting,
        }
    }
}

impl Tcp {
    /// A piece of a frame, and what it completes.
    fn emit(&mut self, len: usize, class: Class, meaning: String, out: &mut Vec<Entry>) {
        let mut entry = Entry::from(self.unread.piece(len, class, meaning));
        let found = &mut entry.found;
        let fed = self.decoder.feed(&entry.piece.bytes, &mut |body| {
            found.push(Found::Message {
                body: body.to_vec(),
                binary: body.first() == Some(&BINARY_TAG),
            });
        });
        if let Err(error) = fed {
            self.next = Next::Broken;
            entry.piece.class = Class::Fault;
            found.push(Found::Fault(error.to_string()));
        }
        out.push(entry);
    }

    /// One piece; whether there was enough for it.
    fn step(&mut self, out: &mut Vec<Entry>) -> bool {
        let bytes = self.unread.peek();
        let there = bytes.len();
        match self.next {
            _ if there == 0 => return false,
            Next::Greeting => {
                let Some(newest) = bytes.first_chunk::<GREETING>() else {
                    return false;
                };
                let newest = u64::from_le_bytes(*newest);
                let meaning = format!("the newest message has the number {newest}");
                out.push(self.unread.piece(GREETING, Class::Framing, meaning).into());
                self.next = Next::Prefix;
            }
            Next::Prefix => {
                let Some(length) = bytes.first_chunk::<PREFIX>() else {
                    return false;
                };
                let length = u32::from_le_bytes(*length) as usize;
                if length > 0 {
                    self.next = Next::Body(length);
                }
                let meaning = format!("length: {length} bytes of message");
                self.emit(PREFIX, Class::Framing, meaning, out);
            }
            Next::Body(length) if there < length => return false,
            Next::Body(length) => {
                self.next = Next::Prefix;
                self.emit(length, Class::Value, "message".into(), out);
            }
            Next::Broken => out.push(self.unread.piece(there, Class::Fault, "not read").into()),
        }
        true
    }
}

impl Layer for Tcp {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Entry>) {
        self.unread.push(bytes);
        while self.step(out) {}
    }

    fn finish(&mut self, is_left: bool, out: &mut Vec<Entry>) {
        if is_left {
            return self.unread.leave(out);
        }
        let rest = self.unread.peek().len();
        if rest > 0 {
            let meaning = match self.next {
                Next::Greeting => "a greeting, cut",
                Next::Prefix => "a length, cut",
                Next::Body(_) => "a message, cut",
                Next::Broken => "not read",
            };
            out.push(self.unread.piece(rest, Class::Fault, meaning).into());
        }
    }
}
