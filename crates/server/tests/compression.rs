//! Servers that compress, as ordinary clients see them: what is offered is answered, and who offers nothing gets what it understands.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "contract/common.rs"]
#[allow(dead_code, reason = "not every test program needs all of it")]
mod common;

use pushbench_model::scenario::Compression;
use pushbench_model::tuning::Tuning;
use pushbench_server::{Config, ServeError, Server, self_made};
use pushbench_transport::deflate::{FLUSHED, Inflater};
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, TRANSPORTS, by_name};

use common::{Client, server_with, text};

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

fn options(stack: Stack, compression: Compression) -> ServeOptions {
    ServeOptions {
        stack,
        compression: Some(compression),
        ..ServeOptions::default()
    }
}

/// Every stack and way of `transport`.
fn ways(transport: &str) -> &'static [(Stack, Compression)] {
    by_name(transport).unwrap().packs()
}

/// A client that has asked `path`, with `fields`, and the head that it was answered with.
fn ask(server: &Server, path: &str, version: &str, fields: &str) -> (Client, String) {
    let mut client = Client::connect(server.data_addr());
    client.send(format!(
        "GET {path} HTTP/{version}\r\nHost: x\r\n{fields}\r\n"
    ));
    let head = client.head();
    (client, head)
}

/// The content of the next chunk, whose framing is the only one there is.
fn chunk(client: &mut Client) -> Vec<u8> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(client.read(1));
    }
    let digits = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
    let size = usize::from_str_radix(digits, 16).unwrap();
    assert_eq!(digits, format!("{size:X}"), "the shortest form");
    let content = client.read(size + 2);
    content.strip_suffix(b"\r\n").unwrap().to_vec()
}

fn inflated(inflater: &mut Inflater, packed: &[u8]) -> String {
    let mut out = Vec::new();
    inflater.append(packed, 1 << 20, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn event(seq: usize, body: &str) -> String {
    format!("id: {seq}\ndata: {body}\n\n")
}

#[test]
fn a_stream_is_coded_for_who_takes_gzip() {
    for &(stack, compression) in ways("sse") {
        let server = server_with("sse", options(stack, compression));
        let name = format!("{stack} {compression}");
        let (mut client, head) = ask(
            &server,
            "/sse",
            "1.1",
            "Accept-Encoding: br, gzip;q=0.5\r\n",
        );
        assert!(
            head.contains("\r\ncontent-encoding: gzip\r\n"),
            "{name}: {head}"
        );
        assert!(
            head.contains("\r\nvary: accept-encoding\r\n"),
            "{name}: {head}"
        );
        let header = chunk(&mut client);
        assert_eq!(header, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff], "{name}");
        let mut inflater = Inflater::default();
        let body = String::from_utf8(text(300)).unwrap();
        let mut lengths = Vec::new();
        for seq in 1..=5 {
            server.hub().publish(body.as_bytes(), false);
            let packed = chunk(&mut client);
            assert!(packed.ends_with(&FLUSHED), "{name}");
            if compression == Compression::Message {
                // Each by itself, which whoever has read nothing else can read.
                inflater.reset();
            }
            assert_eq!(
                inflated(&mut inflater, &packed),
                event(seq, &body),
                "{name}"
            );
            lengths.push(packed.len());
        }
        let forgets = lengths[1] == lengths[0];
        assert!(
            forgets || lengths[1] * 3 < lengths[0] * 2,
            "{name}: {lengths:?}"
        );
        assert_eq!(
            forgets,
            compression == Compression::Message,
            "{name}: {lengths:?}"
        );
    }
}

/// A client that offers nothing, one that refuses, and one of HTTP/1.0, beside one that is compressed.
#[test]
fn who_offers_nothing_gets_what_it_understands() {
    for (transport, path) in [("sse", "/sse"), ("ndjson", "/ndjson")] {
        for &(stack, compression) in ways(transport) {
            let server = server_with(transport, options(stack, compression));
            let name = format!("{transport} {stack} {compression}");
            let gzip = "Accept-Encoding: gzip\r\n";
            let (mut packed, _) = ask(&server, path, "1.1", gzip);
            let (mut plain, head) = ask(&server, path, "1.1", "");
            assert!(!head.contains("content-encoding"), "{name}: {head}");
            assert!(
                head.contains("\r\nvary: accept-encoding\r\n"),
                "{name}: {head}"
            );
            let (mut refusing, head) = ask(&server, path, "1.1", "Accept-Encoding: gzip;q=0\r\n");
            assert!(!head.contains("content-encoding"), "{name}: {head}");
            let (mut old, head) = ask(&server, path, "1.0", "");
            assert!(!head.contains("content-encoding"), "{name}: {head}");
            assert!(!head.contains("transfer-encoding"), "{name}: {head}");
            let (mut old_packed, head) = ask(&server, path, "1.0", gzip);
            assert!(head.contains("content-encoding: gzip"), "{name}: {head}");
            assert_eq!(chunk(&mut packed).len(), 10, "{name}");
            assert_eq!(old_packed.read(10)[..3], [0x1f, 0x8b, 8], "{name}");
            let mut inflater = Inflater::default();
            for seq in 1..=3 {
                let body = format!("[{seq},1234512345]");
                server.hub().publish(body.as_bytes(), false);
                let expected = match transport {
                    "sse" => event(seq, &body),
                    _ => format!("{body}\n"),
                };
                assert_eq!(chunk(&mut plain), expected.as_bytes(), "{name}");
                assert_eq!(chunk(&mut refusing), expected.as_bytes(), "{name}");
                old.expect(&expected);
                let same = chunk(&mut packed);
                assert_eq!(inflated(&mut inflater, &same), expected, "{name}");
                // Without chunks it is what is in them.
                old_packed.expect(&same);
            }
        }
    }
}

/// What keeps a stream alive is part of the compressed stream, and no message.
#[test]
fn signs_of_life_are_compressed_with_the_rest() {
    for (transport, path, beat) in [("sse", "/sse", ": \n\n"), ("ndjson", "/ndjson", "\n")] {
        for &(stack, compression) in ways(transport) {
            let options = ServeOptions {
                heartbeat_s: Some(1),
                ..options(stack, compression)
            };
            let server = server_with(transport, options);
            let name = format!("{transport} {stack} {compression}");
            let (mut packed, _) = ask(&server, path, "1.1", "Accept-Encoding: gzip\r\n");
            let (mut plain, _) = ask(&server, path, "1.1", "");
            chunk(&mut packed);
            let mut inflater = Inflater::default();
            assert_eq!(chunk(&mut plain), beat.as_bytes(), "{name}");
            let first = chunk(&mut packed);
            assert_eq!(inflated(&mut inflater, &first), beat, "{name}");
            server.hub().publish(b"{}", false);
            let message = chunk(&mut packed);
            assert!(inflated(&mut inflater, &message).contains("{}"), "{name}");
        }
    }
}

/// A frame from the server: its first byte, and its payload.
fn frame(client: &mut Client) -> (u8, Vec<u8>) {
    let head = client.read(2);
    let len = match head[1] {
        126 => usize::from(u16::from_be_bytes(client.read(2).try_into().unwrap())),
        len => usize::from(len),
    };
    (head[0], client.read(len))
}

fn shake(server: &Server, path: &str, fields: &str) -> (Client, String) {
    let fields = format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}"
    );
    ask(server, path, "1.1", &fields)
}

#[test]
fn messages_are_compressed_for_who_offers_the_extension() {
    for &(stack, compression) in ways("websocket") {
        let server = server_with("websocket", options(stack, compression));
        let name = format!("{stack} {compression}");
        let (mut packed, head) = shake(&server, "/ws", OFFER);
        let agreed = match compression {
            Compression::Message => "permessage-deflate; server_no_context_takeover",
            Compression::Stream => "permessage-deflate",
        };
        let field = format!("\r\nsec-websocket-extensions: {agreed}\r\n");
        assert!(head.contains(&field), "{name}: {head}");
        // Nothing, an extension that nobody knows, a window that is too small, and one who says something.
        let small = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";
        let mut plain = Vec::new();
        for (path, offer) in [
            ("/ws", ""),
            ("/ws", "Sec-WebSocket-Extensions: x\r\n"),
            ("/ws", small),
            ("/ws?say=1", OFFER),
        ] {
            let (client, head) = shake(&server, path, offer);
            assert!(!head.contains("extensions"), "{name}: {head}");
            plain.push(client);
        }
        let mut inflater = Inflater::default();
        for (binary, body) in [(false, text(300)), (true, text(300)), (false, vec![])] {
            server.hub().publish(&body, binary);
            let first = if binary { 0x82 } else { 0x81 };
            for client in &mut plain {
                assert_eq!(frame(client), (first, body.clone()), "{name}");
            }
            let (got, payload) = frame(&mut packed);
            assert_eq!(got, first | 0x40, "{name}");
            if compression == Compression::Message {
                inflater.reset();
            }
            let whole = [payload, FLUSHED.to_vec()].concat();
            assert_eq!(inflated(&mut inflater, &whole).as_bytes(), body, "{name}");
        }
    }
}

/// A masked frame from a client.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first, 0x80 | payload.len() as u8, 1, 2, 3, 4];
    let mask = [1, 2, 3, 4].into_iter().cycle();
    out.extend(payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    out
}

/// Control frames are never compressed. What a client sends may be, is read and forgotten, and no bit is taken that was not agreed on.
#[test]
fn what_clients_send_may_be_compressed() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    for &(stack, compression) in ways("websocket") {
        let server = server_with("websocket", options(stack, compression));
        let name = format!("{stack} {compression}");
        let (mut client, _) = shake(&server, "/ws", OFFER);
        // Whole, and in fragments around a ping; it is no UTF-8, and need not be.
        client.send(masked(0xc1, &hello));
        client.send(masked(0x41, &hello[..3]));
        client.send(masked(0x89, b"ping"));
        client.send(masked(0x80, &hello[3..]));
        assert_eq!(frame(&mut client), (0x8a, b"ping".to_vec()), "{name}");
        for wrong in [0xe1, 0xc9, 0xc0] {
            let (mut client, _) = shake(&server, "/ws", OFFER);
            client.send(masked(wrong, b""));
            assert_eq!(
                frame(&mut client),
                (0x88, 1002_u16.to_be_bytes().to_vec()),
                "{name}"
            );
        }
        let (mut plain, _) = shake(&server, "/ws", "");
        plain.send(masked(0xc1, &hello));
        assert_eq!(
            frame(&mut plain),
            (0x88, 1002_u16.to_be_bytes().to_vec()),
            "{name}"
        );
    }
}

/// Pings go out as they are; a subscriber that comes later gets what is kept.
#[test]
fn control_frames_and_kept_messages() {
    for &(stack, compression) in ways("websocket") {
        let options = ServeOptions {
            heartbeat_s: Some(1),
            ..options(stack, compression)
        };
        let server = server_with("websocket", options);
        for _ in 0..3 {
            server.hub().publish(b"{\"a\":1,\"b\":1}", false);
        }
        let (mut client, _) = shake(&server, "/ws?after=0", OFFER);
        let mut inflater = Inflater::default();
        for _ in 0..3 {
            let (first, payload) = frame(&mut client);
            let whole = [payload, FLUSHED.to_vec()].concat();
            let body = inflated(&mut inflater, &whole);
            assert_eq!(
                (first, body.as_str()),
                (0xc1, "{\"a\":1,\"b\":1}"),
                "{stack} {compression}"
            );
        }
        assert_eq!(frame(&mut client), (0x89, vec![]), "{stack} {compression}");
    }
}

#[test]
fn what_cannot_be_had_is_refused() {
    let start = |transport: &str, options: ServeOptions| {
        let any = "127.0.0.1:0".parse().unwrap();
        let started = Server::start(Config {
            transport: by_name(transport).unwrap(),
            listen: any,
            control: any,
            cores: vec![],
            shards: 1,
            options,
        });
        match started {
            Err(error @ ServeError::Compression { .. }) => error.to_string(),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{transport} was started"),
        }
    };
    let [message, stream] = Compression::ALL;
    for &transport in TRANSPORTS {
        for &stack in transport.stacks() {
            for compression in Compression::ALL {
                if !transport.packs().contains(&(stack, compression)) {
                    let said = start(transport.name(), options(stack, compression));
                    assert!(said.contains("cannot be compressed"), "{said}");
                }
            }
        }
    }
    assert!(start("sse", options(Stack::Reference, stream)).contains("but message"));
    assert!(start("websocket", options(Stack::Reference, message)).contains("nothing here"));
    let defaults = ServeOptions {
        tuning: Tuning::Defaults,
        ..options(Stack::Reference, message)
    };
    assert!(start("ndjson", defaults).contains("--tuning equalised"));
    let secured = ServeOptions {
        tls: Some(self_made().unwrap()),
        ..options(Stack::Bare, stream)
    };
    assert!(start("sse", secured).contains("--tls"));
    let retry = ServeOptions {
        sse_retry_ms: Some(5),
        ..options(Stack::Bare, message)
    };
    assert!(start("sse", retry).contains("--sse-retry"));
    let echo = ServeOptions {
        echo: true,
        ..options(Stack::Bare, message)
    };
    assert!(start("websocket", echo).contains("--echo"));
}
