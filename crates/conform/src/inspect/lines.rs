//! The body of a long-poll: messages, each with its LF.

use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::long_poll::batch::{BatchSplitter, LastLine};

use super::{Class, Entry, Found, Layer, Unread};

pub(super) struct Lines {
    unread: Unread,
    splitter: BatchSplitter,
    searched: usize,
    broken: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            unread: Unread::default(),
            splitter: BatchSplitter::new(MAX_MESSAGE),
            searched: 0,
            broken: false,
        }
    }
}

fn message(body: &[u8]) -> Found {
    Found::Message {
        body: body.to_vec(),
        binary: false,
    }
}

impl Lines {
    fn emit(&mut self, len: usize, class: Class, meaning: &str, out: &mut Vec<Entry>) {
        if len == 0 {
            return;
        }
        let mut entry = Entry::from(self.unread.piece(len, class, meaning));
        let found = &mut entry.found;
        let fed = self
            .splitter
            .feed(&entry.piece.bytes, &mut |body| found.push(message(body)));
        if let Err(error) = fed {
            self.broken = true;
            entry.piece.class = Class::Fault;
            found.push(Found::Fault(error.to_string()));
        }
        out.push(entry);
    }
}

impl Layer for Lines {
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
            let from = self.searched;
            let Some(end) = unread[from..].iter().position(|&byte| byte == b'\n') else {
                self.searched = unread.len();
                return;
            };
            self.searched = 0;
            self.emit(from + end, Class::Value, "message", out);
            if !self.broken {
                let meaning = if from + end == 0 {
                    "empty line: ignored"
                } else {
                    "ends the message"
                };
                self.emit(1, Class::Sign, meaning, out);
            }
        }
    }

    fn finish(&mut self, is_left: bool, out: &mut Vec<Entry>) {
        if is_left {
            return self.unread.leave(out);
        }
        let rest = self.unread.peek().len();
        self.emit(
            rest,
            Class::Value,
            "message, without LF: the last of its answer may be",
            out,
        );
        let Some(last) = out.last_mut() else { return };
        let finished = self.splitter.finish(LastLine::MayBeOpen, &mut |body| {
            last.found.push(message(body));
        });
        if let Err(error) = finished {
            last.found.push(Found::Fault(error.to_string()));
        }
    }
}
