use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::pieces::{cuts, soup};

/// Data, bytes consumed, done.
type Outcome = (Vec<u8>, usize, bool);

fn decode<'a>(
    framing: Framing,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Outcome, Result<(), BodyError>) {
    let mut decoder = BodyDecoder::new(framing);
    let (mut data, mut consumed) = (Vec::new(), 0);
    let result = pieces.into_iter().try_for_each(|piece| {
        let taken = decoder.feed(piece, &mut |part| {
            assert!(!part.is_empty());
            data.extend_from_slice(part);
            Ok::<_, BodyError>(())
        })?;
        assert!(taken == piece.len() || decoder.is_done());
        consumed += taken;
        Ok(())
    });
    if result.is_err() {
        consumed = 0;
    }
    ((data, consumed, decoder.is_done()), result)
}

/// Decodes in one piece, after checking that single bytes give the same.
#[track_caller]
fn chunked(bytes: impl AsRef<[u8]>) -> Result<Outcome, BodyError> {
    let bytes = bytes.as_ref();
    let (outcome, result) = decode(Framing::Chunked, [bytes]);
    assert_eq!(
        (outcome.clone(), result),
        decode(Framing::Chunked, bytes.chunks(1))
    );
    result.map(|()| outcome)
}

#[test]
fn chunks_end_with_a_chunk_of_size_zero() {
    let body = b"4\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n";
    let expected = (b"Wikipedia in \r\n\r\nchunks.".to_vec(), body.len(), true);
    assert_eq!(chunked(body), Ok(expected));
}

#[test]
fn the_next_response_is_left_alone() {
    assert_eq!(
        chunked(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200"),
        Ok((b"a".to_vec(), 11, true))
    );
    let (outcome, _) = decode(Framing::Length(2), [b"a".as_slice(), b"bHTTP"]);
    assert_eq!(outcome, (b"ab".to_vec(), 2, true));
    let (outcome, _) = decode(Framing::Length(0), [b"HTTP".as_slice()]);
    assert_eq!(outcome, (vec![], 0, true));
}

#[test]
fn sizes_in_any_case_with_zeros_padding_and_extensions() {
    let body = b"0a;x=\"y;z\"\r\n0123456789\r\n00A \r\n0123456789\r\n1\t;\r\n!\r\n0;last\r\n\r\n";
    assert_eq!(
        chunked(body),
        Ok((b"01234567890123456789!".to_vec(), body.len(), true))
    );
}

#[test]
fn trailers_are_skipped() {
    let body = b"1\r\na\r\n0\r\nExpires: never\r\nX: y\r\n\r\nrest";
    assert_eq!(chunked(body), Ok((b"a".to_vec(), body.len() - 4, true)));
}

#[test]
fn faults_are_named() {
    let text = |body: &str| chunked(body).unwrap_err().to_string();
    assert_eq!(
        text("x\r\n"),
        "http body: byte 0x78 where a chunk size starts, expected a hexadecimal digit"
    );
    assert_eq!(chunked("\r\n"), Err(BodyError::NoChunkSize(b'\r')));
    assert_eq!(chunked(";a\r\n"), Err(BodyError::NoChunkSize(b';')));
    assert_eq!(
        text("1x"),
        "http body: byte 0x78 after a chunk size, expected CR LF or \";\""
    );
    assert_eq!(chunked("1 1\r\n"), Err(BodyError::AfterChunkSize(b'1')));
    assert_eq!(chunked("1\n"), Err(BodyError::AfterChunkSize(b'\n')));
    assert_eq!(
        text("1\rx"),
        "http body: byte 0x78 after CR of a chunk size, expected LF"
    );
    assert_eq!(
        text("1\r\nabc"),
        "http body: byte 0x62 after the data of a chunk, expected CR LF"
    );
    for body in [
        "1;a\n",
        "1\r\na\rx",
        "0\r\n\n",
        "0\r\na\n",
        "0\r\na\rx",
        "0\r\n\rx",
    ] {
        assert!(
            matches!(chunked(body), Err(BodyError::LineEnd { .. })),
            "{body:?}"
        );
    }
}

#[test]
fn sizes_are_bounded() {
    assert_eq!(
        chunked("ffffffffffffffff\r\nab").map(|o| o.0),
        Ok(b"ab".to_vec())
    );
    assert_eq!(
        chunked("10000000000000000"),
        Err(BodyError::ChunkSizeOverflow)
    );
    let zeros = "0".repeat(MAX_CHUNK_LINE - 1);
    assert!(chunked(format!("{zeros}1\r\na\r\n")).is_ok());
    assert_eq!(chunked(format!("{zeros}01")), Err(BodyError::LongChunkLine));
    let extension = "x".repeat(MAX_CHUNK_LINE - 2);
    assert!(chunked(format!("1;{extension}\r\na")).is_ok());
    assert_eq!(
        chunked(format!("1;{extension}x")),
        Err(BodyError::LongChunkLine)
    );
    assert_eq!(
        chunked(format!("1{}", " ".repeat(5000))),
        Err(BodyError::LongChunkLine)
    );
    let trailers = "a: b\r\n".repeat(MAX_HEAD);
    assert_eq!(
        chunked(format!("0\r\n{trailers}")),
        Err(BodyError::LongTrailers)
    );
}

#[test]
fn the_end_of_the_connection() {
    let finish = |framing: Framing, bytes: &[u8]| {
        let mut decoder = BodyDecoder::new(framing);
        decoder
            .feed(bytes, &mut |_| Ok::<_, BodyError>(()))
            .unwrap();
        decoder.finish().map(|()| decoder.is_done())
    };
    assert_eq!(finish(Framing::UntilClose, b"abc"), Ok(true));
    assert_eq!(finish(Framing::Length(3), b"abc"), Ok(true));
    assert_eq!(
        finish(Framing::Length(3), b"a"),
        Err(BodyError::Short { missing: 2 })
    );
    assert_eq!(finish(Framing::Chunked, b"1\r\na\r\n0\r\n\r\n"), Ok(true));
    for cut in 0..11 {
        let body = &b"1\r\na\r\n0\r\n\r\n"[..cut];
        assert_eq!(finish(Framing::Chunked, body), Err(BodyError::ShortChunks));
    }
}

#[test]
fn an_error_of_the_caller_comes_back() {
    #[derive(Debug, PartialEq)]
    enum Mine {
        Body(BodyError),
        Stop,
    }
    impl From<BodyError> for Mine {
        fn from(error: BodyError) -> Self {
            Self::Body(error)
        }
    }
    let run =
        |bytes: &[u8]| BodyDecoder::new(Framing::Chunked).feed(bytes, &mut |_| Err(Mine::Stop));
    assert_eq!(run(b"1\r\na"), Err(Mine::Stop));
    assert_eq!(run(b"x"), Err(Mine::Body(BodyError::NoChunkSize(b'x'))));
}

#[test]
fn an_idle_connection_costs_little() {
    assert!(
        size_of::<BodyDecoder>() <= 24,
        "{}",
        size_of::<BodyDecoder>()
    );
}

const TOKENS: &[&[u8]] = &[
    b"1\r\na\r\n",
    b"0\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b";",
    b" ",
    b"a",
    b"3",
    b"F",
    b"xyz",
    b"2;e=1\r\nab\r\n",
    b"\r\nX: y\r\n",
    b"HTTP/1.1",
];

fn framings() -> impl Strategy<Value = Framing> {
    prop_oneof![
        3 => Just(Framing::Chunked),
        1 => (0..40_u64).prop_map(Framing::Length),
        1 => Just(Framing::UntilClose),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_cut_decodes_the_same(bytes in soup(TOKENS), framing in framings(), cuts in cuts()) {
        prop_assert_eq!(decode(framing, [&bytes[..]]), decode(framing, cuts.of(&bytes)));
    }

    #[test]
    fn any_cut_of_garbage_decodes_the_same(bytes: Vec<u8>, framing in framings(), cuts in cuts()) {
        prop_assert_eq!(decode(framing, [&bytes[..]]), decode(framing, cuts.of(&bytes)));
    }

    #[test]
    fn what_was_chunked_comes_back(
        parts in vec(vec(any::<u8>(), 1..40), 0..6),
        extension in "(;[a-z=]{0,5})?",
        trailers in "([a-z]{1,5}: [a-z]{0,5}\r\n){0,2}",
        next in vec(any::<u8>(), 0..10),
        cuts in cuts(),
    ) {
        let mut body = Vec::new();
        for part in &parts {
            body.extend_from_slice(format!("{:x}{extension}\r\n", part.len()).as_bytes());
            body.extend_from_slice(part);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
        let expected = (parts.concat(), body.len(), true);
        body.extend_from_slice(&next);
        prop_assert_eq!(decode(Framing::Chunked, cuts.of(&body)), (expected, Ok(())));
    }
}
