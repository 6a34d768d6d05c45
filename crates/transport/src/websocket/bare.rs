//! The server half on the stack `bare`: the frame of a message is encoded once, header and all.

mod reader;

use std::sync::Arc;

use http::StatusCode;

use crate::bare::http::{NO_BODY, answer, open};
use crate::bare::{Asked, Common, Heard, Protocol};
use crate::http1::server::{after_of, says};
use crate::hub::{Hub, Lagged, Message};
use crate::tokens::parlour::Manner;
use crate::transport::ServeOptions;

use super::frame::{MAX_CONTROL, Opcode, encode_server};
use super::handshake;
use super::server::{PATH, check};

pub(crate) use reader::{Messages, Reader, Received};

/// Close codes (RFC 6455, section 7.4.1, and the IANA registry).
const TRY_AGAIN_LATER: u16 = 1013;

pub(super) struct WebSocket {
    hub: Arc<Hub>,
    /// What clients send that is not published.
    messages: Messages,
}

impl WebSocket {
    pub(super) fn new(hub: Arc<Hub>, options: &ServeOptions) -> Self {
        let messages = if options.echo {
            Messages::Kept
        } else {
            Messages::Ignored
        };
        Self { hub, messages }
    }
}

/// Appends the frame of a message. A text frame must be UTF-8; a publisher that sent anything else gets a binary one.
pub(super) fn encode(message: Message<'_>, out: &mut Vec<u8>) {
    let text = !message.binary && str::from_utf8(message.body).is_ok();
    let opcode = if text { Opcode::Text } else { Opcode::Binary };
    encode_server(opcode, message.body, out);
}

/// Reads the opening handshake for `path`, and answers it; with it, whether the client says something.
pub(crate) fn shake(
    bytes: &[u8],
    path: &str,
    common: &mut Common,
    now: u64,
    reply: &mut Vec<u8>,
) -> (Asked, bool) {
    let head = match open(bytes, path, common, now, reply) {
        Ok(head) => head,
        Err(asked) => return (asked, false),
    };
    let date = &mut common.date;
    let key = match check(&head) {
        Ok(key) => key,
        Err(status @ StatusCode::UPGRADE_REQUIRED) => {
            let fields = [
                "connection: upgrade\r\n",
                "upgrade: websocket\r\n",
                "sec-websocket-version: 13\r\n",
            ];
            answer(status, &fields, NO_BODY, head.form, date, now, reply);
            return (head.answered(), false);
        }
        Err(status) => return (head.refuse(status, common, now, reply), false),
    };
    let (Ok(after), Ok(says)) = (after_of(&head), says(&head)) else {
        return (
            head.refuse(StatusCode::BAD_REQUEST, common, now, reply),
            false,
        );
    };
    // What follows the head are frames: a body would be taken for them.
    if head.form.last || head.skip > 0 {
        return (
            head.refuse(StatusCode::BAD_REQUEST, common, now, reply),
            false,
        );
    }
    let accept = handshake::accept_text(key);
    let fields = [
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ",
        str::from_utf8(&accept).unwrap_or_default(),
        "\r\n",
    ];
    let status = StatusCode::SWITCHING_PROTOCOLS;
    answer(status, &fields, None, head.form, date, now, reply);
    let asked = Asked::Stream {
        used: head.used,
        after,
        plain: false,
    };
    (asked, says)
}

impl Protocol for WebSocket {
    type State = Reader;

    const ANSWERS: Option<Manner> = Some(Manner::WebSocket);

    const LINES: bool = true;

    fn open(
        &mut self,
        reader: &mut Reader,
        bytes: &[u8],
        common: &mut Common,
        now: u64,
        reply: &mut Vec<u8>,
    ) -> Asked {
        let (asked, says) = shake(bytes, PATH, common, now, reply);
        reader.says = says;
        asked
    }

    fn hear(&mut self, reader: &mut Reader, bytes: &[u8], reply: &mut Vec<u8>) -> Heard {
        reader.pinged_ns = 0;
        let mut used = 0;
        let messages = if reader.says {
            Messages::Kept
        } else {
            self.messages
        };
        loop {
            match reader.read(&bytes[used..], messages) {
                Ok(None) => return Heard::Used(used),
                Ok(Some((len, received))) => {
                    used += len;
                    match received {
                        Received::Nothing => {}
                        Received::Message(binary, body) if reader.says => {
                            self.hub.publish(&body, binary);
                        }
                        Received::Message(binary, body) => {
                            let opcode = if binary { Opcode::Binary } else { Opcode::Text };
                            encode_server(opcode, &body, reply);
                        }
                        Received::Ping(body) => encode_server(Opcode::Pong, &body, reply),
                        Received::Close(body) => {
                            encode_server(Opcode::Close, &body, reply);
                            return Heard::End;
                        }
                    }
                }
                Err(fault) => {
                    encode_server(Opcode::Close, &fault.code().to_be_bytes(), reply);
                    return Heard::End;
                }
            }
        }
    }

    fn heartbeat(&mut self, reader: &mut Reader, _plain: bool, now: u64, reply: &mut Vec<u8>) {
        if reader.pinged_ns == 0 {
            reader.pinged_ns = now;
        }
        encode_server(Opcode::Ping, b"", reply);
    }

    fn silent_ns(reader: &Reader, now: u64) -> u64 {
        match reader.pinged_ns {
            0 => 0,
            pinged_ns => now.saturating_sub(pinged_ns),
        }
    }

    fn goodbye(&mut self, lagged: Lagged, reply: &mut Vec<u8>) {
        let mut body = TRY_AGAIN_LATER.to_be_bytes().to_vec();
        body.extend_from_slice(lagged.to_string().as_bytes());
        // The sentence is ASCII, so it can be cut anywhere.
        body.truncate(MAX_CONTROL);
        encode_server(Opcode::Close, &body, reply);
    }
}
