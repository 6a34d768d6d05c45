use proptest::prelude::*;
use pushbench_model::tokens::Done;

use super::*;
use crate::pieces::{cuts, soup};
use crate::websocket::frame::{Opcode, encode_server};

const NONCE: Nonce = *b"the sample nonce";
const ACCEPTED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn done() -> Vec<u8> {
    let mut out = Vec::new();
    Done {
        tokens: 2,
        context: 9,
    }
    .write(&mut out);
    out
}

/// What a conversation makes of an answer in pieces: messages, how far it is, what it should have cost; or what is wrong.
fn hear<'a>(
    mut talk: Talk,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Turn, u64, String) {
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    talk.open(NONCE, &mut out);
    talk.ask(b"{}", &mut out);
    assert_eq!(talk.progress().expected_up, out.len() as u64);
    let mut fault = String::new();
    for piece in pieces {
        let heard = talk.receive(piece, &mut out, &mut |body| messages.push(body.to_vec()));
        if let Err(error) = heard {
            fault = error.to_string();
            break;
        }
        talk.go_on(&mut out);
    }
    (messages, talk.turn(), talk.progress().expected_down, fault)
}

/// An answer of two tokens in each framing.
fn answers() -> [(Talk, Vec<u8>); 3] {
    let chunked = |content_type: &str, before: &str, after: &str| {
        let mut out = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        .into_bytes();
        for body in [&b"{\"a\"}"[..], b"{\"b\"}", &done()] {
            let content = [before.as_bytes(), body, after.as_bytes()].concat();
            crate::stream::bare::chunk(&content, false, &mut out);
        }
        out.extend_from_slice(b"0\r\n\r\n");
        out
    };
    let mut frames = ACCEPTED.to_vec();
    for body in [&b"{\"a\"}"[..], b"{\"b\"}", &done()] {
        encode_server(Opcode::Text, body, &mut frames);
    }
    [
        (
            Talk::events("h"),
            chunked("text/event-stream", "data: ", "\n\n"),
        ),
        (Talk::lines("h"), chunked("application/x-ndjson", "", "\n")),
        (Talk::frames("h"), frames),
    ]
}

#[test]
fn an_answer_is_heard_to_its_end_and_costs_what_the_formula_says() {
    for (talk, bytes) in answers() {
        let (messages, turn, cost, fault) = hear(talk, [&bytes[..]]);
        assert_eq!(messages, [b"{\"a\"}".to_vec(), b"{\"b\"}".to_vec(), done()]);
        assert_eq!(
            (turn, cost, fault.as_str()),
            (Turn::Idle, bytes.len() as u64, "")
        );
    }
}

#[test]
fn what_is_wrong_is_said() {
    let of = |bytes: &str| hear(Talk::events("h"), [bytes.as_bytes()]).3;
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    assert!(of("HTTP/1.1 404 Not Found\r\n\r\n").contains("404, expected 200"));
    assert!(of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n").contains("Content-Type"));
    assert!(of(&format!("{ok}\r\n")).contains("with every answer"));
    assert!(of(&format!("{ok}Content-Length: 0\r\n\r\nx")).contains("nobody asked for"));
}

const TOKENS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    b"9\r\ndata: x\n\n\r\n",
    b"0\r\n\r\n",
    b"\r\n",
    b"x",
    b"\x81\x01a",
    b"\x89\x01f",
    b"\x88\0",
];

proptest! {
    #[test]
    fn any_cut_is_heard_the_same(which in 0..3_usize, cuts in cuts()) {
        let [one, other] = [(); 2].map(|()| answers().into_iter().nth(which).unwrap());
        prop_assert_eq!(hear(one.0, [&one.1[..]]), hear(other.0, cuts.of(&other.1)));
    }

    #[test]
    fn any_cut_of_garbage_is_heard_the_same(which in 0..3_usize, tail in soup(TOKENS), cuts in cuts()) {
        let bytes = if which == 2 { [ACCEPTED, &tail].concat() } else { tail };
        let [one, other] = [(); 2].map(|()| answers().into_iter().nth(which).unwrap().0);
        let (whole, cut) = (hear(one, [&bytes[..]]), hear(other, cuts.of(&bytes)));
        // How far costs are counted when something is wrong depends on the read it is in.
        prop_assert_eq!((&whole.0, &whole.3), (&cut.0, &cut.3));
    }
}

mod polls;
