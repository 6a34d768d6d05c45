//! The server half on the stack `bare`: the frame of a message is encoded once, header and all.

mod reader;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use pushbench_model::scenario::Compression;

use crate::bare::http::{NO_BODY, answer, open};
use crate::bare::{Asked, Common, Guise, Heard, Known, Packing, Protocol};
use crate::deflate::{FLUSHED, agree, pack, unpack};
use crate::http1::server::{after_of, says};
use crate::hub::{Hub, Lagged, Message};
use crate::tokens::parlour::Manner;
use crate::transport::ServeOptions;

use super::frame::{MAX_CONTROL, Opcode, encode_deflated, encode_server, whole_frame};
use super::handshake;
use super::server::{PATH, check};

pub(crate) use reader::{Messages, Reader, Received};

/// Close codes (RFC 6455, section 7.4.1, and the IANA registry).
const TRY_AGAIN_LATER: u16 = 1013;

pub(super) struct WebSocket {
    hub: Arc<Hub>,
    /// What clients send that is not published.
    messages: Messages,
    known: Known,
    /// Whether who is known says something, and may be sent what is compressed.
    known_says: bool,
    known_deflates: bool,
}

impl WebSocket {
    pub(super) fn new(hub: Arc<Hub>, options: &ServeOptions) -> Self {
        let messages = if options.echo {
            Messages::Kept
        } else {
            Messages::Ignored
        };
        Self {
            hub,
            messages,
            known: Known::default(),
            known_says: false,
            known_deflates: false,
        }
    }
}

/// Appends the frame of a message. A text frame must be UTF-8; a publisher that sent anything else gets a binary one.
pub(super) fn encode(message: Message<'_>, out: &mut Vec<u8>) {
    encode_server(opcode_of(message), message.body, out);
}

/// The same, compressed by itself.
pub(super) fn encode_packed(message: Message<'_>, out: &mut Vec<u8>) {
    let mut packed = Vec::new();
    pack(message.body, &mut packed);
    packed.truncate(packed.len() - FLUSHED.len());
    encode_deflated(opcode_of(message), &packed, out);
}

fn opcode_of(message: Message<'_>) -> Opcode {
    let text = !message.binary && str::from_utf8(message.body).is_ok();
    if text { Opcode::Text } else { Opcode::Binary }
}

/// What came of an opening handshake.
pub(crate) struct Shaken {
    pub(crate) asked: Asked,
    /// The client says something.
    says: bool,
    /// Messages may be compressed.
    deflates: bool,
    /// Where the key stands in the request, and what follows from it in the answer.
    key: Range<usize>,
    accept: Range<usize>,
}

impl From<Asked> for Shaken {
    fn from(asked: Asked) -> Self {
        Self {
            asked,
            says: false,
            deflates: false,
            key: 0..0,
            accept: 0..0,
        }
    }
}

/// Reads the opening handshake for `path`, and answers it. What is sent then can be compressed as `compression` says.
pub(crate) fn shake(
    bytes: &[u8],
    path: &str,
    compression: Option<Compression>,
    common: &mut Common,
    now: u64,
    reply: &mut Vec<u8>,
) -> Shaken {
    let head = match open(bytes, path, common, now, reply) {
        Ok(head) => head,
        Err(asked) => return asked.into(),
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
            return head.answered().into();
        }
        Err(status) => return head.refuse(status, common, now, reply).into(),
    };
    let (Ok(after), Ok(says)) = (after_of(&head), says(&head)) else {
        let status = StatusCode::BAD_REQUEST;
        return head.refuse(status, common, now, reply).into();
    };
    // What follows the head are frames: a body would be taken for them.
    if head.form.last || head.skip > 0 {
        let status = StatusCode::BAD_REQUEST;
        return head.refuse(status, common, now, reply).into();
    }
    let accept = handshake::accept_text(key);
    // What a client says is published as it comes, and so it must not be compressed.
    let compresses = compression.filter(|_| !says);
    let agreed = compresses.and_then(|compression| agree::takes(&head, compression));
    let fields = [
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ",
        str::from_utf8(&accept).unwrap_or_default(),
        "\r\n",
        "sec-websocket-extensions: ",
        agreed.unwrap_or_default(),
        "\r\n",
    ];
    let fields = if agreed.is_some() {
        &fields[..]
    } else {
        &fields[..3]
    };
    let status = StatusCode::SWITCHING_PROTOCOLS;
    answer(status, fields, None, head.form, date, now, reply);
    let deflates = agreed.is_some();
    // Behind nothing that a client decides.
    let at = memchr::memmem::find(reply, &accept).unwrap_or_default();
    let key_at = key.as_ptr() as usize - bytes.as_ptr() as usize;
    let asked = Asked::Stream {
        used: head.used,
        after,
        guise: Guise {
            unframed: false,
            inflated: compression == Some(Compression::Message) && !deflates,
        },
        packing: (compression == Some(Compression::Stream) && deflates).then_some(Packing::Frames),
    };
    Shaken {
        asked,
        says,
        deflates,
        key: key_at..key_at + key.len(),
        accept: at..at + accept.len(),
    }
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
        if let Some((asked, key)) = self.known.find(bytes, now)
            && let Some(key) = handshake::plain(key)
        {
            self.known.answer(&handshake::accept_text(key), reply);
            reader.says = self.known_says;
            reader.deflates = self.known_deflates;
            return asked;
        }
        let compression = common.options.compression;
        let shaken = shake(bytes, PATH, compression, common, now, reply);
        let Shaken { says, deflates, .. } = shaken;
        (reader.says, reader.deflates) = (says, deflates);
        let fresh_until = common.date.fresh_until();
        if self.known.keep(
            shaken.asked,
            (bytes, shaken.key),
            (reply, shaken.accept),
            fresh_until,
        ) {
            (self.known_says, self.known_deflates) = (says, deflates);
        }
        shaken.asked
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

    fn heartbeat(&mut self, reader: &mut Reader, _guise: Guise, now: u64, reply: &mut Vec<u8>) {
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

    fn dress(&mut self, frame: &Bytes, _guise: Guise) -> Bytes {
        let (mut body, mut out) = (Vec::new(), Vec::new());
        // It was packed here, and can be read.
        if let Some((opcode, payload, _)) = whole_frame(frame)
            && unpack(&[payload, &FLUSHED].concat(), &mut body).is_ok()
        {
            encode_server(opcode, &body, &mut out);
        }
        out.into()
    }

    fn goodbye(&mut self, lagged: Lagged, reply: &mut Vec<u8>) {
        let mut body = TRY_AGAIN_LATER.to_be_bytes().to_vec();
        body.extend_from_slice(lagged.to_string().as_bytes());
        // The sentence is ASCII, so it can be cut anywhere.
        body.truncate(MAX_CONTROL);
        encode_server(Opcode::Close, &body, reply);
    }
}
