use proptest::collection::vec;
use proptest::prelude::*;
use pushbench_model::scenario::Compression;

use crate::deflate::{Packer, gzip};
use crate::dialogue::hold_packed;
use crate::ndjson::subscriber::PackedNdjson;
use crate::pieces::{Received, cuts, soup};
use crate::sse::subscriber::PackedSse;
use crate::stream::bare::chunk;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";

fn receive<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Received {
    hold_packed::<PackedSse>("/sse", Compression::Stream, pieces)
}

/// What a server sends whose compressor keeps a history, or forgets after each message: a chunk per message, or no chunks.
fn stream(head: &str, messages: &[Vec<u8>], compression: Compression, chunked: bool) -> Vec<u8> {
    let end = if chunked { CHUNKED } else { "\r\n" };
    let mut out = format!("{head}{end}").into_bytes();
    chunk(&gzip::HEADER, !chunked, &mut out);
    let mut packer = Packer::default();
    for message in messages {
        let mut packed = Vec::new();
        match compression {
            Compression::Message => packer.whole(message, &mut packed),
            Compression::Stream => packer.more(message, &mut packed),
        }
        chunk(&packed, !chunked, &mut out);
    }
    out
}

fn events(bodies: &[&str]) -> Vec<Vec<u8>> {
    let event = |(seq, body): (usize, &&str)| format!("id: {seq}\ndata: {body}\n\n").into_bytes();
    (1..).zip(bodies).map(event).collect()
}

#[test]
fn every_byte_of_a_compressed_stream_is_accounted_for() {
    let long = "x".repeat(70_000);
    let bodies = ["{}", "{}", &long, "[1]"];
    for compression in Compression::ALL {
        for chunked in [true, false] {
            let stream = stream(OK, &events(&bodies), compression, chunked);
            let got = receive([&stream[..]]);
            assert_eq!(got.messages, bodies.map(|body| body.as_bytes().to_vec()));
            assert_eq!(got.progress.expected_down, stream.len() as u64, "{chunked}");
            assert_eq!(got.progress.expected_up, got.sent.len() as u64);
            let asked = String::from_utf8(got.sent).unwrap();
            assert!(asked.contains("\r\nAccept-Encoding: gzip\r\n"), "{asked}");
        }
    }
}

#[test]
fn lines_are_read_as_events_are() {
    let lines = [b"{}\n".to_vec(), b"\n".to_vec(), b"[2]\n".to_vec()];
    let head = OK.replace("text/event-stream", "application/x-ndjson");
    let stream = stream(&head, &lines, Compression::Message, true);
    let got = hold_packed::<PackedNdjson>("/ndjson", Compression::Message, [&stream[..]]);
    assert_eq!(got.messages, [&b"{}"[..], b"[2]"]);
    assert_eq!(got.progress.expected_down, stream.len() as u64);
}

#[test]
fn what_is_wrong_is_said() {
    let plain = OK.replace("Content-Encoding: gzip\r\n", "");
    let broken = |content: &[u8]| {
        let mut out = format!("{OK}{CHUNKED}").into_bytes();
        chunk(content, false, &mut out);
        out
    };
    let header = gzip::HEADER;
    let last = [&header[..], &[0x03, 0x00]].concat();
    let wrong = [&header[..], &[0xff; 20]].concat();
    for (stream, expected) in [
        (
            format!("{plain}{CHUNKED}").into_bytes(),
            "Content-Encoding \"\", expected \"gzip\"",
        ),
        (
            format!("{plain}Content-Encoding: br\r\n{CHUNKED}").into_bytes(),
            "Content-Encoding \"br\"",
        ),
        (broken(b"id: 1"), "gzip: byte 0x69 at place 0"),
        (broken(&last), "the server ended the compressed stream"),
        (broken(&wrong), "the compressed bytes are broken"),
        (
            broken(&header[..4]),
            "the connection ended inside a chunked body",
        ),
    ] {
        let ended = receive([&stream[..]]).ended;
        assert!(ended.contains(expected), "{ended}");
    }
}

/// A message that becomes too long is refused when it does, however short it is on the wire.
#[test]
fn a_bomb_is_an_error() {
    let bomb = [&b"data: "[..], &vec![b'x'; 17 << 20]].concat();
    let stream = stream(OK, &[bomb], Compression::Message, true);
    assert!(stream.len() < 50_000);
    let ended = receive([&stream[..]]).ended;
    assert!(ended.contains("16777216 bytes"), "{ended}");
}

const TOKENS: &[&[u8]] = &[
    b"a\r\n\x1f\x8b\x08\0\0\0\0\0\0\xff\r\n",
    b"3\r\n\x1f\x8b\x08\r\n",
    b"a\r\n\0\x05\0\xfa\xff{}\n\n\n\r\n",
    b"5\r\n\0\0\0\xff\xff\r\n",
    b"4\r\n\0\0\0\xff\r\n",
    b"1\r\n\xff\r\n",
    b"E;x=y\r\n\0\x09\0\xf6\xffdata: x\n\n\r\n",
    b"0\r\n\r\n",
    b"x",
];

proptest! {
    #[test]
    fn any_cut_is_received_the_same(
        bodies in vec("[a-c{}\"]{0,90}", 0..6),
        history: bool,
        chunked: bool,
        cuts in cuts(),
    ) {
        let compression = Compression::ALL[usize::from(history)];
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let stream = stream(OK, &events(&bodies), compression, chunked);
        let (whole, cut) = (receive([&stream[..]]), receive(cuts.of(&stream)));
        prop_assert_eq!(whole.progress.expected_down, stream.len() as u64);
        prop_assert_eq!(whole, cut);
    }

    /// Messages, sums and the end are the same however garbage is cut.
    #[test]
    fn any_cut_of_garbage_is_received_the_same(tail in soup(TOKENS), cuts in cuts()) {
        let stream = [format!("{OK}{CHUNKED}").as_bytes(), TOKENS[0], &tail].concat();
        let (whole, cut) = (receive([&stream[..]]), receive(cuts.of(&stream)));
        prop_assert_eq!(whole.messages, cut.messages);
        prop_assert_eq!(whole.ended, cut.ended);
    }
}
