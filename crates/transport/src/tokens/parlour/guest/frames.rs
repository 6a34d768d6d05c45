//! Requests and answers as messages of a WebSocket.

use pushbench_model::tokens::{Ask, CANCEL};

use super::Guest;
use crate::bare::{Asked, Common};
use crate::tokens::answer::Answer;
use crate::tokens::websocket::shorten;
use crate::tokens::{PATH, Shelf};
use crate::websocket::bare::{Messages, Reader, Received, shake};
use crate::websocket::frame::{Opcode, encode_server};

/// Close code: a message against the rules of the service (RFC 6455, section 7.4.1).
const POLICY: u16 = 1008;

impl Guest {
    pub(super) fn upgrade(&mut self, common: &mut Common, now: u64) -> usize {
        match shake(&self.inbox, PATH, None, common, now, &mut self.owed).asked {
            Asked::More => 0,
            Asked::Stream { used, .. } => {
                self.reader = Some(Reader::default());
                used
            }
            _ => {
                self.done = true;
                self.inbox.len()
            }
        }
    }

    pub(super) fn frames(&mut self, shelf: &Shelf, now: u64) -> usize {
        let mut used = 0;
        while !self.done
            && let Some(reader) = &mut self.reader
        {
            match reader.read(&self.inbox[used..], Messages::Kept) {
                Ok(None) => break,
                Ok(Some((len, received))) => {
                    used += len;
                    match received {
                        Received::Nothing => {}
                        Received::Message(_, body) => self.message(&body, shelf, now),
                        Received::Ping(body) => encode_server(Opcode::Pong, &body, &mut self.owed),
                        Received::Close(body) => {
                            encode_server(Opcode::Close, &body, &mut self.owed);
                            self.done = true;
                        }
                    }
                }
                Err(fault) => self.close(fault.code(), ""),
            }
        }
        used
    }

    fn message(&mut self, body: &[u8], shelf: &Shelf, now: u64) {
        if body == CANCEL.as_bytes() {
            // One that has just ended has said so.
            if let Some(answer) = self.answer.take() {
                self.body.clear();
                answer.stop(&mut self.body);
                encode_server(Opcode::Text, &self.body, &mut self.owed);
            }
            return;
        }
        match Ask::parse(body) {
            Ok(ask) if self.answer.is_none() => {
                self.answer = Some(Answer::begin(shelf.ledger(), ask, now));
            }
            Ok(_) => self.close(POLICY, "one answer after the other, please"),
            Err(error) => self.close(POLICY, &error.to_string()),
        }
    }

    fn close(&mut self, code: u16, reason: &str) {
        let mut body = code.to_be_bytes().to_vec();
        body.extend_from_slice(shorten(reason).as_bytes());
        encode_server(Opcode::Close, &body, &mut self.owed);
        self.answer = None;
        self.done = true;
    }
}
