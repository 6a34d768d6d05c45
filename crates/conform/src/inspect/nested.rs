//! A layer inside a body: its pieces are given the places that their bytes have in the whole stream.

use std::collections::VecDeque;

use super::{Class, Entry, Layer, Piece};

/// The layer inside.
pub(super) struct Nested {
    layer: Box<dyn Layer>,
    /// Stretches of the body that the layer has not yet taken apart: place in the stream, and length.
    stretches: VecDeque<(u64, u64)>,
}

impl Nested {
    pub(super) fn new(layer: Box<dyn Layer>) -> Self {
        Self {
            layer,
            stretches: VecDeque::new(),
        }
    }

    /// Gives the layer a stretch of the body that stands at `at` in the stream.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8], out: &mut Vec<Entry>) {
        self.stretches.push_back((at, bytes.len() as u64));
        let mut inner = Vec::new();
        self.layer.feed(bytes, &mut inner);
        self.place(inner, out);
    }

    pub(super) fn finish(&mut self, is_left: bool, out: &mut Vec<Entry>) {
        let mut inner = Vec::new();
        self.layer.finish(is_left, &mut inner);
        self.place(inner, out);
    }

    pub(super) fn conclusion(&self) -> Vec<String> {
        self.layer.conclusion()
    }

    /// A piece may lie in several stretches: what it completes belongs to its last part.
    fn place(&mut self, inner: Vec<Entry>, out: &mut Vec<Entry>) {
        for entry in inner {
            let mut bytes = entry.piece.bytes;
            let mut meaning = entry.piece.meaning;
            while let Some((at, len)) = self.stretches.front_mut()
                && !bytes.is_empty()
            {
                let taken = bytes.len().min(*len as usize);
                let rest = bytes.split_off(taken);
                out.push(Entry::from(Piece {
                    at: *at,
                    bytes: std::mem::replace(&mut bytes, rest),
                    class: entry.piece.class,
                    meaning: meaning.clone(),
                }));
                if !meaning.ends_with(CONTINUED) {
                    meaning.push_str(CONTINUED);
                }
                *at += taken as u64;
                *len -= taken as u64;
                if *len == 0 {
                    self.stretches.pop_front();
                }
            }
            if let Some(last) = out.last_mut() {
                last.found = entry.found;
            }
        }
    }
}

const CONTINUED: &str = " (continued)";

/// A body of which nothing more is known.
#[derive(Default)]
pub(super) struct Opaque {
    at: u64,
}

impl Layer for Opaque {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Entry>) {
        if bytes.is_empty() {
            return;
        }
        let piece = Piece {
            at: self.at,
            bytes: bytes.to_vec(),
            class: Class::Value,
            meaning: "body".into(),
        };
        self.at += bytes.len() as u64;
        out.push(piece.into());
    }

    fn finish(&mut self, _is_left: bool, _out: &mut Vec<Entry>) {}
}
