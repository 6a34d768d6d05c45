//! WebSocket on the wire.

use pushbench_model::theory;
use pushbench_model::tuning::Tuning;
use pushbench_server::Server;
use pushbench_transport::transport::ServeOptions;

use super::{TUNING, server, server_with};
use crate::common::{Client, SIZES, binary, text};

pub(super) const HEAD: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\ndate: DATE\r\n\r\n";
pub(super) const UPGRADE: [&str; 4] = [
    "Connection: Upgrade\r\n",
    "Upgrade: websocket\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
];

pub(super) const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

pub(super) fn request(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

fn subscribe(server: &Server, target: &str) -> Client {
    let mut client = Client::connect(server.data_addr());
    assert_eq!(client.ask(&request(target, &UPGRADE.concat())), HEAD);
    client
}

/// A frame as a server sends it (RFC 6455 §5.2).
pub(super) fn frame(opcode: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80 | opcode];
    match body.len() {
        len @ 0..=125 => out.push(len as u8),
        len @ 126..=65_535 => {
            out.push(126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(body);
    out
}

/// A frame as a client sends it, masked.
fn masked(opcode: u8, body: &[u8]) -> Vec<u8> {
    let mut out = frame(opcode, body);
    out.truncate(out.len() - body.len());
    out[1] |= 0x80;
    let mask = [0x12, 0x34, 0x56, 0x78];
    out.extend(mask);
    out.extend(
        body.iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    out
}

fn closing(code: u16) -> Vec<u8> {
    code.to_be_bytes().to_vec()
}

#[test]
fn every_size_is_framed_to_the_byte() {
    let server = server("websocket");
    let mut live = subscribe(&server, "/ws");
    let mut all = Vec::new();
    for size in SIZES {
        for (body, opcode) in [(text(size), TEXT), (binary(size), BINARY)] {
            server.hub().publish(&body, opcode == BINARY);
            let framed = frame(opcode, &body);
            assert_eq!(
                framed.len() as u64,
                theory::websocket_server_frame(size as u64)
            );
            live.expect(&framed);
            all.extend(framed);
        }
    }
    subscribe(&server, "/ws?after=0").expect(&all);
}

/// A text frame must be UTF-8, whatever the publisher says.
#[test]
fn text_that_is_none_travels_as_binary() {
    let server = server("websocket");
    let mut client = subscribe(&server, "/ws");
    server.hub().publish(b"a\xff", false);
    client.expect(frame(BINARY, b"a\xff"));
}

#[test]
fn a_subscriber_resumes_where_it_says() {
    let server = server("websocket");
    for seq in 1..=3 {
        server.hub().publish(format!("m{seq}").as_bytes(), false);
    }
    let cases = [
        ("", 4),
        ("?after=0", 1),
        ("?x=1&after=2", 3),
        ("?after=3", 4),
        ("?after=99", 4),
    ];
    let mut clients: Vec<_> = cases
        .iter()
        .map(|(query, _)| subscribe(&server, &format!("/ws{query}")))
        .collect();
    server.hub().publish(b"m4", false);
    for ((_, first), client) in cases.iter().zip(&mut clients) {
        for seq in *first..=4 {
            client.expect(frame(TEXT, format!("m{seq}").as_bytes()));
        }
    }
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let server = server("websocket");
    let mut client = subscribe(&server, "/ws");
    for body in [&b""[..], b"hello", &binary(125)] {
        client.send(masked(PING, body));
        client.expect(frame(PONG, body));
    }
    // Split into bytes, and with something else before it.
    for byte in [
        masked(PONG, b"unasked"),
        masked(TEXT, b"ignored"),
        masked(PING, b"x"),
    ]
    .concat()
    {
        client.send([byte]);
    }
    client.expect(frame(PONG, b"x"));
}

/// Several frames in one segment are read at once; none may lie until the next segment comes.
#[test]
fn frames_in_one_segment_are_all_read() {
    let server = server("websocket");
    let mut client = subscribe(&server, "/ws");
    client.send([masked(PING, b"1"), masked(PING, b"2"), masked(PING, b"3")].concat());
    for body in [b"1", b"2", b"3"] {
        client.expect(frame(PONG, body));
    }
    client.send([masked(PING, b"4"), masked(CLOSE, &closing(1000))].concat());
    client.expect(frame(PONG, b"4"));
    client.expect(frame(CLOSE, &closing(1000)));
    client.expect_end();
}

/// What a client sends with its handshake is read though no byte follows it.
#[test]
fn early_data_is_read() {
    let server = server("websocket");
    let handshake = request("/ws", &UPGRADE.concat());
    let mut client = Client::connect(server.data_addr());
    client.send(
        [
            handshake.as_bytes(),
            &masked(PING, b"early"),
            &masked(PING, b"bird"),
        ]
        .concat(),
    );
    assert_eq!(client.head(), HEAD);
    client.expect(frame(PONG, b"early"));
    client.expect(frame(PONG, b"bird"));
    server.hub().publish(b"x", false);
    client.expect(frame(TEXT, b"x"));

    // Half a ping, then the other half.
    let mut client = Client::connect(server.data_addr());
    let ping = masked(PING, b"late");
    client.send([handshake.as_bytes(), &ping[..3]].concat());
    assert_eq!(client.head(), HEAD);
    client.send(&ping[3..]);
    client.expect(frame(PONG, b"late"));

    // A close.
    let mut client = Client::connect(server.data_addr());
    client.send([handshake.as_bytes(), &masked(CLOSE, &closing(1000))].concat());
    assert_eq!(client.head(), HEAD);
    client.expect(frame(CLOSE, &closing(1000)));
    client.expect_end();
}

#[test]
fn a_close_is_echoed_and_ends_the_connection() {
    let server = server("websocket");
    for (sent, echoed) in [
        (closing(1000), closing(1000)),
        (closing(3000), closing(3000)),
        (
            [&closing(1001)[..], b"bye"].concat(),
            [&closing(1001)[..], b"bye"].concat(),
        ),
        (vec![], vec![]),
    ] {
        let mut client = subscribe(&server, "/ws");
        server.hub().publish(b"x", false);
        client.expect(frame(TEXT, b"x"));
        client.send(masked(CLOSE, &sent));
        client.expect(frame(CLOSE, &echoed));
        client.expect_end();
    }
}

/// A client that breaks the protocol is closed with 1002 or dropped; whatever comes before the end is a close frame.
#[test]
fn a_protocol_error_ends_the_connection() {
    let server = server("websocket");
    let mut neighbour = subscribe(&server, "/ws");
    let mut fragmented_ping = masked(PING, b"x");
    fragmented_ping[0] = PING;
    let mut reserved_bit = masked(TEXT, b"x");
    reserved_bit[0] |= 0x40;
    for (name, bytes) in [
        ("unmasked", frame(PING, b"x")),
        ("reserved opcode", masked(3, b"x")),
        ("reserved control opcode", masked(11, b"x")),
        ("reserved bit", reserved_bit),
        ("fragmented control frame", fragmented_ping),
        ("long control frame", masked(PING, &binary(126))),
        ("nothing to continue", masked(0, b"x")),
        ("text that is none", masked(TEXT, b"\xff")),
        ("close of one byte", masked(CLOSE, b"x")),
    ] {
        let mut client = subscribe(&server, "/ws");
        client.send(&bytes);
        let rest = client.rest();
        assert!(
            rest.is_empty() || rest[0] == 0x80 | CLOSE,
            "{name}: {rest:?}"
        );
    }
    server.hub().publish(b"x", false);
    neighbour.expect(frame(TEXT, b"x"));
}

/// The header alone condemns an oversized frame; nothing is set aside for it. So do the fragments of a message. Left
/// to itself, tungstenite takes frames of 16 MiB and messages of 64 MiB.
#[test]
fn an_oversized_message_is_not_waited_for() {
    let server = server("websocket");
    let limit = match TUNING {
        Tuning::Defaults => 16 << 20,
        Tuning::Equalised | Tuning::Fixed => 64 * 1024,
    };
    for len in [limit + 1, limit + (1 << 20), u64::MAX >> 1] {
        let mut client = subscribe(&server, "/ws");
        client.send(
            [
                &[0x80 | BINARY, 0x80 | 127][..],
                &u64::to_be_bytes(len),
                &[0; 4],
            ]
            .concat(),
        );
        let rest = client.rest();
        assert!(rest.is_empty() || rest[0] == 0x80 | CLOSE, "{len}");
    }
    if TUNING != Tuning::Defaults {
        let mut client = subscribe(&server, "/ws");
        let mut fragment = masked(BINARY, &binary(60_000));
        fragment[0] = BINARY;
        client.send(&fragment);
        fragment[0] = 0;
        client.send(&fragment);
        let rest = client.rest();
        assert!(rest.is_empty() || rest[0] == 0x80 | CLOSE);
    }
    // The largest that both allow.
    let mut client = subscribe(&server, "/ws");
    client.send(masked(BINARY, &binary(64 * 1024)));
    client.send(masked(PING, b"x"));
    client.expect(frame(PONG, b"x"));
}

#[test]
fn heartbeats_are_pings() {
    let options = ServeOptions {
        heartbeat_s: Some(1),
        ..ServeOptions::default()
    };
    let server = server_with("websocket", options);
    let mut client = subscribe(&server, "/ws");
    client.expect(frame(PING, b""));
    client.send(masked(PONG, b""));
    server.hub().publish(b"x", false);
    client.expect(frame(TEXT, b"x"));
    client.expect(frame(PING, b""));
}

/// A pong in time keeps a connection, and a ping that is not answered ends it, though its client listens.
#[test]
fn who_owes_a_pong_is_let_go() {
    let options = ServeOptions {
        heartbeat_s: Some(1),
        dead_after_s: Some(1),
        ..ServeOptions::default()
    };
    let server = server_with("websocket", options);
    let mut client = subscribe(&server, "/ws");
    for _ in 0..2 {
        client.expect(frame(PING, b""));
        client.send(masked(PONG, b""));
    }
    client.expect(frame(PING, b""));
    client.expect_end();
}

#[test]
fn a_client_that_goes_is_let_go() {
    let server = server("websocket");
    let mut client = subscribe(&server, "/ws");
    client.finish();
    client.expect_end();
    // In the middle of a frame.
    let mut client = subscribe(&server, "/ws");
    client.send(&masked(PING, b"x")[..3]);
    client.finish();
    client.expect_end();
}

/// Text and binary, of all sizes and in pieces: with `say=1` it is published, to its speaker too, and without it to nobody.
#[test]
fn what_a_client_says_is_published_if_it_asks_for_that() {
    let server = server("websocket");
    let mut speaker = subscribe(&server, "/ws?say=1");
    let mut beside = subscribe(&server, "/ws");
    let mut silent = subscribe(&server, "/ws?after=0&say=0");
    let mut said = 0;
    for size in SIZES.into_iter().chain([16 << 20]) {
        for (body, opcode) in [(text(size), TEXT), (binary(size), BINARY)] {
            silent.send(masked(opcode, &body[..size.min(60_000)]));
            speaker.send(masked(opcode, &body));
            said += 1;
            for client in [&mut speaker, &mut beside, &mut silent] {
                client.expect(frame(opcode, &body));
            }
            assert_eq!(server.hub().published(), said, "{size}");
        }
    }
    // A ping between the pieces of a message is answered meanwhile.
    let mut piece = masked(TEXT, b"in ");
    piece[0] = TEXT;
    speaker.send(piece);
    speaker.send(masked(PING, b"now"));
    speaker.expect(frame(PONG, b"now"));
    let mut piece = masked(0, b"pieces");
    piece[0] = 0x80;
    speaker.send(piece);
    for client in [&mut speaker, &mut beside, &mut silent] {
        client.expect(frame(TEXT, b"in pieces"));
    }
}

#[test]
fn saying_is_a_yes_or_a_no() {
    let server = server("websocket");
    for target in ["/ws?say=2", "/ws?say=x", "/ws?say", "/ws?after=0&say="] {
        let mut client = Client::connect(server.data_addr());
        let answer = client.ask(&request(target, &UPGRADE.concat()));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
    }
}

/// What breaks a rule, or is more than a message has, ends who says it and nobody else.
#[test]
fn who_says_what_is_none_is_let_go_alone() {
    let server = server("websocket");
    let mut other = subscribe(&server, "/ws?say=1");
    let long = 17 << 20_u64;
    let header =
        |first: u8, len: u64| [&[first, 0xff][..], &len.to_be_bytes(), &[1, 2, 3, 4]].concat();
    let mut fragments = header(BINARY, 9 << 20);
    fragments.resize(fragments.len() + (9 << 20), 0);
    fragments.extend(header(0x80, 9 << 20));
    for wrong in [
        header(0x80 | BINARY, long),
        header(0x80 | BINARY, u64::MAX >> 1),
        fragments,
        // Without a mask, and text that is none.
        frame(TEXT, b"unmasked"),
        masked(TEXT, &[0xff]),
    ] {
        let mut client = subscribe(&server, "/ws?say=1");
        client.send(&wrong);
        // A frame that is too long ends it before it comes; what some libraries say of it first is theirs.
        client.finish();
        client.rest();
    }
    assert_eq!(server.hub().published(), 0);
    other.send(masked(TEXT, b"still here"));
    other.expect(frame(TEXT, b"still here"));
}
