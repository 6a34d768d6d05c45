use proptest::collection::vec;
use proptest::prelude::*;
use pushbench_model::scenario::Compression;

use super::PackedWebSocket;
use crate::deflate::{FLUSHED, Packer};
use crate::dialogue::hold_packed;
use crate::pieces::{Received, cuts, soup};
use crate::websocket::frame::{Opcode, encode_deflated, encode_server, encode_server_fragment};

const OK: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: ";
const STREAM: &str = "permessage-deflate\r\n\r\n";
const MESSAGE: &str = "permessage-deflate; server_no_context_takeover\r\n\r\n";

fn answer(compression: Compression) -> String {
    let agreed = match compression {
        Compression::Message => MESSAGE,
        Compression::Stream => STREAM,
    };
    format!("{OK}{agreed}")
}

fn receive<'a>(compression: Compression, pieces: impl IntoIterator<Item = &'a [u8]>) -> Received {
    hold_packed::<PackedWebSocket>("/ws", compression, pieces)
}

fn packed(packer: &mut Packer, compression: Compression, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match compression {
        Compression::Message => packer.whole(message, &mut out),
        Compression::Stream => packer.more(message, &mut out),
    }
    out.truncate(out.len() - FLUSHED.len());
    out
}

#[test]
fn every_byte_of_compressed_messages_is_accounted_for() {
    for compression in Compression::ALL {
        let mut packer = Packer::default();
        let mut pack = |message: &[u8]| packed(&mut packer, compression, message);
        let mut stream = answer(compression).into_bytes();
        let long = b"{\"a\":1}".repeat(20_000);
        encode_deflated(Opcode::Text, &pack(b"{}"), &mut stream);
        encode_server(Opcode::Ping, b"ping", &mut stream);
        // One that is not compressed may come between.
        encode_server(Opcode::Text, b"[]", &mut stream);
        encode_deflated(Opcode::Binary, &pack(&long), &mut stream);
        encode_deflated(Opcode::Text, &pack(b""), &mut stream);
        let got = receive(compression, [&stream[..]]);
        assert_eq!(got.messages, [&b"{}"[..], b"[]", &long, b""]);
        assert_eq!(got.progress.expected_down, stream.len() as u64);
        assert_eq!(got.progress.expected_up, got.sent.len() as u64);
        let asked = String::from_utf8_lossy(&got.sent).into_owned();
        assert!(asked.contains("\r\nSec-WebSocket-Extensions: permessage-deflate"));
        let forgets = asked.contains("; server_no_context_takeover\r\n");
        assert_eq!(forgets, compression == Compression::Message);
    }
}

/// RFC 7692 §7.2.3.1: the first reserved bit is that of the message, not of its further frames.
#[test]
fn a_message_in_fragments_is_inflated_whole() {
    let mut stream = answer(Compression::Stream).into_bytes();
    let first = stream.len();
    encode_server_fragment(false, Opcode::Text, &[0xf2, 0x48, 0xcd], &mut stream);
    stream[first] |= 0x40;
    encode_server_fragment(true, Opcode::Ping, b"", &mut stream);
    encode_server_fragment(
        true,
        Opcode::Continuation,
        &[0xc9, 0xc9, 0x07, 0x00],
        &mut stream,
    );
    assert_eq!(
        receive(Compression::Stream, [&stream[..]]).messages,
        [b"Hello"]
    );
}

#[test]
fn what_is_wrong_is_said() {
    let [message, stream] = Compression::ALL;
    let none = OK.replace("Sec-WebSocket-Extensions: ", "\r\n");
    let frames = |compression: Compression, frames: &[&[u8]]| {
        let head = answer(compression).into_bytes();
        [&head[..], &frames.concat()].concat()
    };
    let hello = [0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let again = [0xc1, 5, 0xf2, 0x00, 0x11, 0x00, 0x00];
    for (compression, stream, expected) in [
        (message, none.into_bytes(), "expected permessage-deflate"),
        (
            message,
            format!("{OK}{STREAM}").into_bytes(),
            "lacks server_no_context_takeover",
        ),
        (
            stream,
            format!("{OK}{MESSAGE}").into_bytes(),
            "keep no context",
        ),
        (
            stream,
            format!("{OK}x-webkit-deflate-frame\r\n\r\n").into_bytes(),
            "is no answer to permessage-deflate",
        ),
        (stream, frames(stream, &[&[0xc1, 2, 0xff, 0xff]]), "broken"),
        // A block that is stored: one byte that is no UTF-8.
        (
            stream,
            frames(
                stream,
                &[&[0xc1, 7, 0x00, 0x01, 0x00, 0xfe, 0xff, 0xff, 0x00]],
            ),
            "not UTF-8 after byte 0",
        ),
        (stream, frames(stream, &[&[0x91, 0]]), "reserved bits"),
        (stream, frames(stream, &[&[0xc9, 0]]), "reserved bits"),
        (
            stream,
            frames(stream, &[&[0x01, 0], &[0xc0, 0]]),
            "reserved bits",
        ),
    ] {
        let ended = receive(compression, [&stream[..]]).ended;
        assert!(ended.contains(expected), "{expected}: {ended}");
    }
    // The second refers to the first, which is forgotten where each is by itself: it says something else then.
    let forgotten = receive(message, [&frames(message, &[&hello, &again])[..]]);
    assert_eq!(
        forgotten.messages.first().map(Vec::as_slice),
        Some(&b"Hello"[..])
    );
    assert!(
        forgotten
            .messages
            .get(1)
            .is_none_or(|second| second != b"Hello")
    );
    let known = receive(stream, [&frames(stream, &[&hello, &again])[..]]);
    assert_eq!(known.messages, [b"Hello", b"Hello"]);
}

#[test]
fn a_bomb_is_an_error() {
    let mut stream = answer(Compression::Message).into_bytes();
    let bomb = packed(
        &mut Packer::default(),
        Compression::Message,
        &vec![b'x'; 17 << 20],
    );
    assert!(bomb.len() < 50_000);
    encode_deflated(Opcode::Text, &bomb, &mut stream);
    let ended = receive(Compression::Message, [&stream[..]]).ended;
    assert!(ended.contains("more than 16777216 bytes"), "{ended}");
}

const TOKENS: &[&[u8]] = &[
    b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
    b"\xc1\x05\xf2\x00\x11\x00\x00",
    b"\xc2\x01\x00",
    b"\x41\x03\xf2\x48\xcd",
    b"\x80\x04\xc9\xc9\x07\x00",
    b"\xc1\x03\x01\x02\x03",
    b"\x81\x01a",
    b"\x89\x01f",
    b"\x88\x02\x03\xe8",
    b"\xe1",
    b"\xc8",
];

proptest! {
    #[test]
    fn any_cut_is_received_the_same(
        messages in vec("[a-c]{0,200}", 0..6),
        history: bool,
        cuts in cuts(),
    ) {
        let compression = Compression::ALL[usize::from(history)];
        let (mut packer, mut stream) = (Packer::default(), answer(compression).into_bytes());
        for message in &messages {
            let payload = packed(&mut packer, compression, message.as_bytes());
            encode_deflated(Opcode::Text, &payload, &mut stream);
        }
        let whole = receive(compression, [&stream[..]]);
        prop_assert_eq!(whole.messages.len(), messages.len());
        prop_assert_eq!(whole.progress.expected_down, stream.len() as u64);
        prop_assert_eq!(whole, receive(compression, cuts.of(&stream)));
    }

    #[test]
    fn any_cut_of_garbage_is_received_the_same(
        history: bool, tail in soup(TOKENS), cuts in cuts(),
    ) {
        let compression = Compression::ALL[usize::from(history)];
        let stream = [answer(compression).as_bytes(), &tail].concat();
        let whole = receive(compression, [&stream[..]]);
        prop_assert_eq!(whole, receive(compression, cuts.of(&stream)));
    }
}
