//! The echo mode of the WebSocket servers, on real sockets.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use pushbench_model::tuning::Tuning;
use pushbench_server::{Config, Server};
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, by_name};
use pushbench_transport::websocket::frame::{
    Opcode, encode_client, encode_server, server_frame_header_len,
};
use pushbench_transport::websocket::handshake;
use socket2::{Domain, Socket, Type};

const NONCE: [u8; 16] = *b"the sample nonce";
const MASK: [u8; 4] = [1, 2, 3, 4];

fn server(stack: Stack, tuning: Tuning) -> Server {
    let any = "127.0.0.1:0".parse().unwrap();
    Server::start(Config {
        transport: by_name("websocket").unwrap(),
        listen: any,
        control: any,
        cores: vec![],
        shards: 1,
        options: ServeOptions {
            stack,
            tuning,
            echo: true,
            ..ServeOptions::default()
        },
    })
    .unwrap()
}

/// A client whose kernel holds little of what it does not read, after the handshake.
fn client(server: &Server) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&server.data_addr().into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut request = Vec::new();
    handshake::request("/ws", "x", NONCE, &mut request);
    stream.write_all(&request).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

const WAYS: [(Stack, Tuning); 4] = [
    (Stack::Bare, Tuning::Fixed),
    (Stack::Reference, Tuning::Equalised),
    (Stack::Reference, Tuning::Defaults),
    (Stack::Axum, Tuning::Defaults),
];

#[test]
fn messages_come_back_as_they_were() {
    for (stack, tuning) in WAYS {
        let server = server(stack, tuning);
        let mut client = client(&server);
        for (opcode, body) in [
            (Opcode::Text, "grüße".as_bytes()),
            (Opcode::Binary, b"\0\xFF"),
            (Opcode::Text, b""),
        ] {
            let (mut sent, mut expected) = (Vec::new(), Vec::new());
            encode_client(opcode, body, MASK, &mut sent);
            encode_server(opcode, body, &mut expected);
            client.write_all(&sent).unwrap();
            let mut got = vec![0; expected.len()];
            client.read_exact(&mut got).unwrap();
            assert_eq!(got, expected, "{stack} {tuning}");
        }
    }
}

/// More than a socket takes at once: the rest follows when there is room.
#[test]
fn a_long_message_comes_back_whole() {
    const LEN: usize = 5 << 20;
    let body: Vec<u8> = (0..LEN).map(|at| (at % 251) as u8).collect();
    let mut sent = Vec::new();
    encode_client(Opcode::Binary, &body, MASK, &mut sent);
    for (stack, tuning) in WAYS {
        let server = server(stack, tuning);
        let mut client = client(&server);
        client.write_all(&sent).unwrap();
        let mut got = vec![0; server_frame_header_len(LEN) + LEN];
        client.read_exact(&mut got).unwrap();
        assert!(got.ends_with(&body), "{stack} {tuning}");
    }
}

/// What is published is sent as well, between the messages that come back.
#[test]
fn what_is_published_is_sent_too() {
    for (stack, tuning) in WAYS {
        let server = server(stack, tuning);
        let mut client = client(&server);
        let mut published = [0; 3];
        server.hub().publish(b"p", false);
        client.read_exact(&mut published).unwrap();
        assert_eq!(&published, b"\x81\x01p", "{stack} {tuning}");
        let mut sent = Vec::new();
        encode_client(Opcode::Text, b"e", MASK, &mut sent);
        client.write_all(&sent).unwrap();
        client.read_exact(&mut published).unwrap();
        assert_eq!(&published, b"\x81\x01e", "{stack} {tuning}");
    }
}
