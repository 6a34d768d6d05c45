//! Subscribers that say the messages themselves: who hears what, and what it takes to say it, counted beside.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod stage;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use pushbench_load::barrier::Free;
use pushbench_load::target::Target;
use pushbench_load::{LoadError, run, run_slices};
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::tuning::Tuning;
use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, by_name};

use stage::{config, server};

const MEMBERS: u64 = 20;
/// Of the warm-up, and of the measured phase.
const MESSAGES: (u64, u64) = (10, 60);

fn room(bytes: usize, kind: &str) -> String {
    format!(
        r#"
name = "test"
models = "a test"
expected = "everybody hears everything"
profiles = ["quick"]
[payload]
bytes = {bytes}
kind = "{kind}"
[fan-out]
subscribers = {MEMBERS}
rate = 300.0
arrivals = "poisson"
two-way = true
warm-up-s = {{ quick = 0.0333, standard = 1.0, thorough = 1.0 }}
measure-s = {{ quick = 0.2, standard = 1.0, thorough = 1.0 }}
"#
    )
}

fn options(stack: Stack, tuning: Tuning) -> ServeOptions {
    ServeOptions {
        stack,
        tuning,
        ..ServeOptions::default()
    }
}

/// Everybody hears everything once, and what went over all sockets is what formulas and counts say.
fn assert_heard(name: &str, measurement: &Measurement) {
    let counts = measurement.sequence;
    let (errors, wire) = (&measurement.errors, &measurement.wire);
    assert_eq!(
        (counts.lost, counts.duplicated, counts.corrupted),
        (0, 0, 0),
        "{name}: {counts:?} {errors:?}"
    );
    let all = MESSAGES.0 + MESSAGES.1;
    assert_eq!(counts.delivered, all * MEMBERS, "{name}");
    assert_eq!(measurement.published, MESSAGES.1, "{name}");
    assert_eq!(measurement.operations, MESSAGES.1 * MEMBERS, "{name}");
    assert_eq!(measurement.publisher, Publisher::Load, "{name}");
    assert_eq!(wire.agrees(), Some(true), "{name}: {wire:?}");
    assert_eq!(errors, &Vec::<String>::new(), "{name}");
}

/// What a server answers to a message that is posted, bytes; read by hand.
fn answer_len(control: &str, body: usize) -> u64 {
    let mut stream = TcpStream::connect(control).unwrap();
    let head = post_head(control, "application/json", body) + &"x".repeat(body);
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 204"), "{answer:?}");
    answer.len() as u64
}

fn post_head(control: &str, kind: &str, body: usize) -> String {
    format!(
        "POST /publish HTTP/1.1\r\nHost: {control}\r\nContent-Type: {kind}\r\nContent-Length: {body}\r\n\r\n"
    )
}

#[test]
fn members_say_frames_on_their_subscriptions() {
    let websocket = by_name("websocket").unwrap();
    for options in [
        options(Stack::Bare, Tuning::Fixed),
        options(Stack::Reference, Tuning::Equalised),
        options(Stack::Reference, Tuning::Defaults),
        options(Stack::Axum, Tuning::Defaults),
    ] {
        // A header of 2, of 4 and of 10 bytes, and a mask.
        for (bytes, kind, header) in [(1, "text", 6), (200, "binary", 8), (66_000, "text", 14)] {
            let name = format!("{} {} {bytes}", options.stack, options.tuning);
            let server = server(websocket, options.clone());
            let config = config(websocket, &server, &room(bytes, kind), Publisher::Server);
            let measurement = run(config, &mut Free).unwrap();
            assert_heard(&name, &measurement);
            let upstream = measurement.upstream.unwrap();
            assert_eq!(upstream.messages, MESSAGES.1, "{name}");
            let frame = header + measurement.body_bytes;
            assert_eq!(upstream.bytes, MESSAGES.1 * frame, "{name}");
            assert_eq!(measurement.wire.bytes_up, upstream.bytes, "{name}");
            assert_eq!((upstream.answers, upstream.answer_bytes), (0, 0), "{name}");
        }
    }
}

#[test]
fn members_post_beside_their_subscriptions() {
    for transport in ["sse", "long-poll", "short-poll", "ndjson", "tcp"] {
        let transport = by_name(transport).unwrap();
        for stack in [Stack::Bare, Stack::Reference] {
            let name = format!("{} {stack}", transport.name());
            let server = server(transport, options(stack, Tuning::Equalised));
            let config = config(transport, &server, &room(200, "text"), Publisher::Server);
            let measurement = run(config, &mut Free).unwrap();
            assert_heard(&name, &measurement);
            let upstream = measurement.upstream.unwrap();
            let control = server.control_addr().to_string();
            let body = measurement.body_bytes;
            let head = post_head(&control, "application/json", body as usize);
            assert_eq!(
                (upstream.messages, upstream.answers),
                (MESSAGES.1, MESSAGES.1)
            );
            let request = head.len() as u64 + body;
            assert_eq!(upstream.bytes, MESSAGES.1 * request, "{name}");
            let answer = answer_len(&control, body as usize);
            assert_eq!(upstream.answer_bytes, MESSAGES.1 * answer, "{name}");
        }
    }
}

/// Who speaks is drawn by the seed: all of them do, in the same order with the same seed.
#[test]
fn everybody_speaks_and_the_seed_says_when() {
    let speakers = |seed| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (server, said) = hub_of_posts(&listener);
        let sse = by_name("sse").unwrap();
        let mut config = config(sse, &server, &room(10, "text"), Publisher::Load);
        let address = listener.local_addr().unwrap();
        config.control = Target::parse(&format!("http://{address}")).unwrap();
        config.seed = seed;
        run(config, &mut Free).unwrap();
        drop(server);
        let mut speakers = Vec::new();
        for connection in said.join().unwrap() {
            speakers.push(connection.join().unwrap());
        }
        // The last asks how the server is.
        speakers.retain(|&posts| posts > 0);
        speakers
    };
    let first = speakers(3);
    assert!(first.len() > 15, "{first:?}");
    assert_eq!(first.iter().sum::<usize>() as u64, MESSAGES.0 + MESSAGES.1);
    assert_eq!(first, speakers(3));
    assert_ne!(first, speakers(4));
}

type Counting = thread::JoinHandle<Vec<thread::JoinHandle<usize>>>;

/// A server, and in front of its control endpoint a relay that counts the posts of each connection.
fn hub_of_posts(listener: &TcpListener) -> (Server, Counting) {
    let server = server(by_name("sse").unwrap(), ServeOptions::default());
    let control = server.control_addr();
    let listener = listener.try_clone().unwrap();
    let accepting = thread::spawn(move || {
        let connections = (0..MEMBERS + 1).map(|_| {
            let (mut client, _) = listener.accept().unwrap();
            let mut behind = TcpStream::connect(control).unwrap();
            let (mut back, mut from) = (client.try_clone().unwrap(), behind.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut back));
            thread::spawn(move || {
                let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
                while let Ok(count @ 1..) = client.read(&mut buffer) {
                    all.extend_from_slice(&buffer[..count]);
                    behind.write_all(&buffer[..count]).unwrap();
                }
                let _ = behind.shutdown(Shutdown::Both);
                let post = b"POST /publish ";
                all.windows(post.len()).filter(|part| part == post).count()
            })
        });
        connections.collect()
    });
    (server, accepting)
}

/// A control endpoint that is healthy, and answers to posts what it is told to: nothing, if that is nothing. Its thread counts the
/// posts until all connections have ended.
fn control(answer: &'static str) -> (Target, thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let connections = (0..MEMBERS).map(|_| {
            let (mut client, _) = listener.accept().unwrap();
            thread::spawn(move || {
                let (mut all, mut buffer, mut posts) = (Vec::new(), [0; 4096], 0);
                while let Ok(count @ 1..) = client.read(&mut buffer) {
                    if buffer.starts_with(b"GET ") {
                        let healthy = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                        client.write_all(healthy).unwrap();
                        continue;
                    }
                    all.extend_from_slice(&buffer[..count]);
                    let posted = all.windows(5).filter(|part| part == b"POST ").count();
                    for _ in posts..posted {
                        // Who does not wait for it may be gone.
                        let _ = client.write_all(answer.as_bytes());
                    }
                    posts = posted;
                }
                posts
            })
        });
        let connections: Vec<_> = connections.collect();
        let posts = connections.into_iter().map(|posts| posts.join().unwrap());
        posts.sum()
    });
    (Target::parse(&url).unwrap(), thread)
}

fn fail(answer: &'static str) -> (String, usize) {
    let (target, posts) = control(answer);
    let sse = by_name("sse").unwrap();
    let server = server(sse, ServeOptions::default());
    let mut config = config(sse, &server, &room(10, "text"), Publisher::Load);
    config.control = target;
    config.patience.drain = std::time::Duration::from_secs(1);
    let error = run(config, &mut Free).unwrap_err().to_string();
    (error, posts.join().unwrap())
}

#[test]
fn a_refusal_fails_the_measurement() {
    let (error, _) = fail("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    assert!(error.contains("status 503, expected 2xx"), "{error}");
}

/// All of the warm-up is said without a single answer; that there is none is found afterwards.
#[test]
fn nobody_waits_for_an_answer() {
    let (error, posts) = fail("");
    assert!(
        error.contains("0 of 10 messages were answered within 1s"),
        "{error}"
    );
    assert_eq!(posts as u64, MESSAGES.0);
}

#[test]
fn a_room_has_no_slices() {
    let sse = by_name("sse").unwrap();
    let server = server(sse, ServeOptions::default());
    let config = config(sse, &server, &room(10, "text"), Publisher::Load);
    let error = run_slices(config, 1, &mut Free).unwrap_err();
    assert!(matches!(error, LoadError::NoSlices(_)), "{error}");
}
