use proptest::collection::vec;
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};

use super::*;
use crate::limits::MAX_MESSAGE;
use crate::pieces::{cuts, soup};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Item<'_>> for Owned {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Text(text) => Self::Text(String::from_utf8(text.into()).expect("text is UTF-8")),
            Item::Binary(bytes) => Self::Binary(bytes.into()),
            Item::Ping(bytes) => Self::Ping(bytes.into()),
            Item::Pong(bytes) => Self::Pong(bytes.into()),
            Item::Close(close) => Self::Close(close.map(|(code, reason)| (code, reason.into()))),
        }
    }
}

type Outcome = (Vec<Owned>, Result<(), FrameError>);

fn decode_max<'a>(max: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = FrameDecoder::new(max);
    let mut items = Vec::new();
    let result = pieces
        .into_iter()
        .try_for_each(|piece| decoder.feed(piece, &mut |item| items.push(item.into())));
    if result.is_ok() {
        assert_eq!(decoder.cut.capacity() > 0, !decoder.cut.is_empty());
        assert_eq!(decoder.message.capacity() > 0, !decoder.message.is_empty());
    }
    (items, result)
}

/// Decodes in one piece, and checks that single bytes give the same.
#[track_caller]
fn decode(bytes: &[u8]) -> Outcome {
    let whole = decode_max(MAX_MESSAGE, [bytes]);
    assert_eq!(
        whole,
        decode_max(MAX_MESSAGE, bytes.chunks(1)),
        "one byte at a time"
    );
    whole
}

#[track_caller]
fn error(bytes: &[u8]) -> FrameError {
    decode(bytes).1.unwrap_err()
}

fn text(text: &str) -> Owned {
    Owned::Text(text.into())
}

#[test]
fn the_examples_of_rfc_6455_section_5_7() {
    assert_eq!(decode(b"\x81\x05Hello"), (vec![text("Hello")], Ok(())));
    assert_eq!(
        decode(b"\x01\x03Hel\x80\x02lo"),
        (vec![text("Hello")], Ok(()))
    );
    assert_eq!(decode(b"\x89\x05Hello").0, [Owned::Ping(b"Hello".into())]);
    assert_eq!(decode(b"\x8a\x05Hello").0, [Owned::Pong(b"Hello".into())]);
    let mut out = Vec::new();
    encode_client(Opcode::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut out);
    assert_eq!(out, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

#[test]
fn all_three_lengths() {
    for len in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
        let payload = vec![7; len];
        let mut out = Vec::new();
        encode_server(Opcode::Binary, &payload, &mut out);
        assert_eq!(out.len(), server_frame_header_len(len) + len);
        assert_eq!(decode(&out), (vec![Owned::Binary(payload)], Ok(())));
        let mut masked = Vec::new();
        encode_client(Opcode::Binary, &vec![7; len], [1, 2, 3, 4], &mut masked);
        assert_eq!(masked.len(), client_frame_header_len(len) + len);
    }
}

#[test]
fn control_frames_may_come_between_fragments() {
    let (items, result) = decode(b"\x02\x01a\x89\x00\x00\x00\x8a\x01p\x80\x01b\x81\x00");
    assert_eq!(result, Ok(()));
    assert_eq!(
        items,
        [
            Owned::Ping(vec![]),
            Owned::Pong(b"p".into()),
            Owned::Binary(b"ab".into()),
            text("")
        ]
    );
}

#[test]
fn a_fragment_may_end_inside_a_code_point() {
    assert_eq!(decode(b"\x01\x01\xc3\x80\x01\xa9").0, [text("é")]);
    let expected = FrameError::TextNotUtf8 { valid: 1 };
    assert_eq!(error(b"\x81\x02a\xc3"), expected);
    assert_eq!(error(b"\x01\x01a\x80\x01\xc3"), expected);
}

#[test]
fn the_first_byte_is_checked() {
    assert_eq!(error(b"\xc1"), FrameError::ReservedBits(0xc1));
    assert_eq!(error(b"\xa1"), FrameError::ReservedBits(0xa1));
    assert_eq!(error(b"\x91"), FrameError::ReservedBits(0x91));
    assert_eq!(error(b"\x83"), FrameError::ReservedOpcode(3));
    assert_eq!(error(b"\x8f"), FrameError::ReservedOpcode(15));
    assert_eq!(error(b"\x09"), FrameError::FragmentedControl(Opcode::Ping));
    assert_eq!(error(b"\x80"), FrameError::NothingToContinue);
    assert_eq!(
        error(b"\x01\x00\x82"),
        FrameError::Interleaved(Opcode::Binary)
    );
}

#[test]
fn the_length_is_checked() {
    assert_eq!(error(b"\x81\x85"), FrameError::Masked);
    assert_eq!(error(b"\x88\x7e"), FrameError::LongControl(Opcode::Close));
    assert_eq!(error(b"\x82\x7e\x00\x7d"), FrameError::NotMinimal(125));
    assert_eq!(
        error(b"\x82\x7f\0\0\0\0\0\0\xff\xff"),
        FrameError::NotMinimal(65_535)
    );
    let overflow = FrameError::LengthOverflow(1 << 63);
    assert_eq!(error(b"\x82\x7f\x80\0\0\0\0\0\0\0"), overflow);
}

#[test]
fn the_limit_is_on_the_whole_message() {
    let run = |bytes: &[u8]| {
        let whole = decode_max(4, [bytes]);
        assert_eq!(whole, decode_max(4, bytes.chunks(1)));
        whole.1
    };
    assert_eq!(run(b"\x82\x041234"), Ok(()));
    assert_eq!(
        run(b"\x82\x05"),
        Err(FrameError::TooLong { len: 5, limit: 4 })
    );
    assert_eq!(run(b"\x02\x03123\x80\x014"), Ok(()));
    assert_eq!(
        run(b"\x02\x03123\x80\x02"),
        Err(FrameError::TooLong { len: 5, limit: 4 })
    );
    assert_eq!(
        run(b"\x02\x03123\x89\x0512345"),
        Ok(()),
        "a ping is not part of the message"
    );
    assert_eq!(
        run(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"),
        Err(FrameError::TooLong {
            len: u64::MAX >> 1,
            limit: 4
        })
    );
}

#[test]
fn close_frames_are_checked() {
    assert_eq!(decode(b"\x88\x00"), (vec![Owned::Close(None)], Ok(())));
    assert_eq!(
        decode(b"\x88\x05\x03\xe8bye").0,
        [Owned::Close(Some((1000, "bye".into())))]
    );
    assert_eq!(error(b"\x88\x01\x03"), FrameError::ShortClose);
    assert_eq!(
        error(b"\x88\x03\x03\xe8\xff"),
        FrameError::CloseReason(1000)
    );
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535_u16] {
        let [high, low] = code.to_be_bytes();
        assert_eq!(error(&[0x88, 2, high, low]), FrameError::CloseCode(code));
    }
    for code in [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999_u16] {
        let [high, low] = code.to_be_bytes();
        let expected = Owned::Close(Some((code, String::new())));
        assert_eq!(decode(&[0x88, 2, high, low]).0, [expected]);
    }
}

#[test]
fn nothing_is_read_after_a_close() {
    assert_eq!(
        decode(b"\x02\x01a\x88\x00\xff\xff"),
        (vec![Owned::Close(None)], Ok(()))
    );
}

#[test]
fn errors_name_the_value_and_what_was_expected() {
    let text = FrameError::CloseCode(1005).to_string();
    assert_eq!(
        text,
        "websocket: close code 1005, expected 1000-1003, 1007-1014 or 3000-4999"
    );
    let text = FrameError::ReservedBits(0xc1).to_string();
    assert_eq!(
        text,
        "websocket: first byte 0xc1 has reserved bits set, expected none (no extension)"
    );
}

#[test]
fn an_idle_connection_costs_little() {
    assert!(
        size_of::<FrameDecoder>() <= 64,
        "{}",
        size_of::<FrameDecoder>()
    );
}

const TOKENS: &[&[u8]] = &[
    b"\x81\x01a",
    b"\x01\x00",
    b"\x01\x01\xc3",
    b"\x80\x01\xa9",
    b"\x00\x00",
    b"\x80\x00",
    b"\x82\x7e\x00",
    b"\x82\x7f\0\0\0\0\0\x01\0",
    b"\x89\x02hi",
    b"\x8a\x00",
    b"\x88\x02\x03\xe8",
    b"\x88\x00",
    b"\x02\x03abc",
    b"\x82",
    b"\x7e",
    b"\x00",
    b"\x05",
    b"a",
    b"\xff",
];

fn tungstenite_frame(opcode: OpCode, fin: bool, payload: Vec<u8>) -> Vec<u8> {
    // Only data frames can be made with a payload; the header then says what it really is.
    let mut frame = Frame::message(payload, OpCode::Data(Data::Binary), fin);
    *frame.header_mut() = FrameHeader {
        is_final: fin,
        opcode,
        ..FrameHeader::default()
    };
    let mut out = Vec::new();
    frame.format(&mut out).unwrap();
    out
}

fn item() -> impl Strategy<Value = (Vec<u8>, Owned)> {
    let small = || vec(any::<u8>(), 0..=125);
    prop_oneof![
        (".{0,200}", vec(any::<prop::sample::Index>(), 0..3)).prop_map(|(text, cuts)| {
            let bytes = text.as_bytes();
            (
                fragments(Data::Text, bytes, &cuts),
                Owned::Text(text.clone()),
            )
        }),
        (
            vec(any::<u8>(), 0..400),
            vec(any::<prop::sample::Index>(), 0..3)
        )
            .prop_map(|(bytes, cuts)| (
                fragments(Data::Binary, &bytes, &cuts),
                Owned::Binary(bytes)
            )),
        small().prop_map(|bytes| {
            let frame = tungstenite_frame(OpCode::Control(Control::Ping), true, bytes.clone());
            (frame, Owned::Ping(bytes))
        }),
        small().prop_map(|bytes| {
            let frame = tungstenite_frame(OpCode::Control(Control::Pong), true, bytes.clone());
            (frame, Owned::Pong(bytes))
        }),
    ]
}

/// The frames of one message, cut at any byte, with a ping-free stream of continuations.
fn fragments(kind: Data, bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<u8> {
    let pieces = crate::pieces::Cuts::At(cuts.to_vec()).of(bytes);
    let last = pieces.len() - 1;
    let frames = pieces.into_iter().enumerate().map(|(at, piece)| {
        let opcode = OpCode::Data(if at == 0 { kind } else { Data::Continue });
        tungstenite_frame(opcode, at == last, piece.to_vec())
    });
    frames.collect::<Vec<_>>().concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_tungstenite_writes_is_read(
        items in vec(item(), 0..6),
        close in proptest::option::of((prop_oneof![Just(1000_u16), 3000..5000_u16], "[a-zé]{0,60}")),
        cuts in cuts(),
    ) {
        let (mut frames, mut expected): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let frame = close.clone().map(|(code, reason)| CloseFrame {
            code: code.into(),
            reason: reason.into(),
        });
        let mut out = Vec::new();
        Frame::close(frame).format(&mut out).unwrap();
        frames.push(out);
        expected.push(Owned::Close(close));
        let stream = frames.concat();
        prop_assert_eq!(decode_max(MAX_MESSAGE, cuts.of(&stream)), (expected, Ok(())));
    }

    #[test]
    fn our_frames_are_byte_for_byte_those_of_tungstenite(bytes in vec(any::<u8>(), 0..300)) {
        let mut ours = Vec::new();
        encode_server(Opcode::Binary, &bytes, &mut ours);
        prop_assert_eq!(&ours, &tungstenite_frame(OpCode::Data(Data::Binary), true, bytes.clone()));
        let mask = [9, 8, 7, 6];
        let mut frame = Frame::message(bytes.clone(), OpCode::Data(Data::Binary), true);
        frame.header_mut().mask = Some(mask);
        let mut theirs = Vec::new();
        frame.format(&mut theirs).unwrap();
        let mut ours = Vec::new();
        encode_client(Opcode::Binary, &bytes, mask, &mut ours);
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn any_cut_of_frame_soup_decodes_the_same(
        stream in soup(TOKENS), max in prop_oneof![Just(MAX_MESSAGE), 0..8_usize], cuts in cuts(),
    ) {
        prop_assert_eq!(decode_max(max, [&stream[..]]), decode_max(max, cuts.of(&stream)));
    }

    #[test]
    fn any_cut_of_garbage_decodes_the_same(stream: Vec<u8>, cuts in cuts()) {
        prop_assert_eq!(
            decode_max(MAX_MESSAGE, [&stream[..]]),
            decode_max(MAX_MESSAGE, cuts.of(&stream))
        );
    }
}
