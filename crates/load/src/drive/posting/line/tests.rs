use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use super::super::request;
use super::*;

/// One that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a server ends a connection after its third answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With a word in that answer.
    Told,
    /// That answer has no other end.
    Bare,
    /// With neither.
    Untold,
}

/// A server that answers three requests on each connection. Its URL, and the bodies that it has taken with the number of their connection.
fn server(end: End) -> (String, Receiver<(usize, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/publish", listener.local_addr().unwrap());
    let (sender, taken) = channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut input = BufReader::new(stream.try_clone().unwrap());
            for answer in 1..=3 {
                let Some(body) = body(&mut input) else { break };
                sender.send((number, body)).unwrap();
                let head = match (answer, end) {
                    (3, End::Told) => "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
                    (3, End::Bare) => "HTTP/1.1 200 OK\r\n\r\nThank you",
                    _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                };
                stream.write_all(head.as_bytes()).unwrap();
            }
            stream.shutdown(Shutdown::Write).unwrap();
            // A connection with something unread would be reset, and its answers lost.
            let _ = input.read_to_end(&mut Vec::new());
        }
    });
    (url, taken)
}

fn body(input: &mut impl BufRead) -> Option<String> {
    let (mut length, mut line) = (0, String::new());
    while line != "\r\n" {
        line.clear();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(number) = line.strip_prefix("Content-Length: ") {
            length = number.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).unwrap();
    String::from_utf8(body).ok()
}

fn posting(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    request("POST", "/publish", &[("Host", "x")], body, &mut text);
    text
}

/// Takes answers until all have come.
fn wait(line: &mut Line, stop: &AtomicBool) {
    let deadline = Instant::now() + PATIENCE;
    while line.waits() {
        assert!(Instant::now() < deadline, "{} wait", line.unanswered.len());
        line.take(stop).unwrap();
        thread::sleep(LOOK);
    }
}

/// A line to a server that is this test, and that server's end of its first connection.
fn line() -> (Line, TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/publish", listener.local_addr().unwrap());
    let line = Line::open(Place::parse(&url).unwrap(), None).unwrap();
    let (stream, _) = listener.accept().unwrap();
    (line, stream, listener)
}

/// Takes this many requests, and answers them.
fn answer(mut stream: &TcpStream, count: usize) {
    let mut input = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..count {
        body(&mut input).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .unwrap();
    }
}

/// Posts the numbers from 1 to `count`, all at once or one after the other's answer, and waits for all answers.
fn post(url: &str, count: u32, at_once: bool) -> Answers {
    let stop = AtomicBool::new(false);
    let mut line = Line::open(Place::parse(url).unwrap(), None).unwrap();
    for number in 1..=count {
        let text = posting(number.to_string().as_bytes());
        assert!(line.push(text, &stop).unwrap());
        while !at_once && line.waits() {
            line.take(&stop).unwrap();
        }
        // The server ends the connection after its third answer; that this is seen before the next message is no race then.
        while !at_once && number % 3 == 0 && line.link.is_some() {
            line.absorb().unwrap();
        }
    }
    while line.waits() {
        line.take(&stop).unwrap();
    }
    line.finish()
}

#[test]
fn a_server_that_ends_connections_gets_every_message_once_and_in_order() {
    for end in [End::Told, End::Bare] {
        for at_once in [false, true] {
            let (url, taken) = server(end);
            let answers = post(&url, 10, at_once);
            assert_eq!((answers.accepted, answers.refused), (10, Vec::new()));
            let taken: Vec<(usize, String)> = taken.try_iter().collect();
            let expected: Vec<(usize, String)> =
                (0..10).map(|n| (n / 3, (n + 1).to_string())).collect();
            assert_eq!(taken, expected);
        }
    }
}

#[test]
fn what_a_server_ends_without_a_word_is_not_posted_twice() {
    let (url, taken) = server(End::Untold);
    // Nothing was under way when the connections ended.
    let answers = post(&url, 7, false);
    assert_eq!((answers.accepted, answers.refused), (7, Vec::new()));
    let taken: Vec<usize> = taken.try_iter().map(|(number, _)| number).collect();
    assert_eq!(taken, [0, 0, 0, 1, 1, 1, 2]);

    let (url, taken) = server(End::Untold);
    let answers = post(&url, 30, true);
    let lost: u64 = answers.refused.iter().map(|(_, count)| count).sum();
    assert_eq!(answers.accepted + lost, 30);
    for (why, _) in &answers.refused {
        assert!(why.contains("before the answer"), "{why}");
    }
    let bodies: Vec<u32> = taken
        .try_iter()
        .map(|(_, body)| body.parse().unwrap())
        .collect();
    assert!(bodies.windows(2).all(|two| two[0] < two[1]), "{bodies:?}");
}

#[test]
fn a_server_that_answers_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/publish", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().for_each(drop));
    let stop = AtomicBool::new(false);
    let mut line = Line::open(Place::parse(&url).unwrap(), None).unwrap();
    let failed = loop {
        if let Err(why) = line.push(posting(b"1"), &stop) {
            break why;
        }
        thread::sleep(LOOK);
    };
    assert!(failed.contains("the publishing connection"), "{failed}");
}

/// A server that ends a connection with requests unread resets it. What it has answered before that counts, and it gets the others again,
/// one after the other, as it may end the next connection as well.
#[test]
fn answers_count_that_came_before_a_connection_broke() {
    let (mut line, mut stream, listener) = line();
    let stop = AtomicBool::new(false);
    for text in ["1", "2"] {
        assert!(line.push(posting(text.as_bytes()), &stop).unwrap());
    }
    // So much is read at once that the second is not read.
    let mut input = BufReader::with_capacity(1, stream.try_clone().unwrap());
    assert_eq!(body(&mut input).as_deref(), Some("1"));
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .unwrap();
    drop((stream, input));
    // Sent before anybody has looked for answers.
    let text = posting(b"3");
    line.held += text.len();
    line.unanswered.push_back(text);
    line.send(&stop).unwrap();
    assert_eq!((line.sent, line.unanswered.len()), (0, 2));
    assert_eq!(line.answers.accepted, 1);
    line.send(&stop).unwrap();
    assert_eq!((line.sent, line.unanswered.len()), (1, 2));
    thread::spawn(move || answer(&listener.accept().unwrap().0, 2));
    wait(&mut line, &stop);
    assert_eq!(line.held, 0);
    let answers = line.finish();
    assert_eq!((answers.accepted, answers.refused), (3, Vec::new()));
}

#[test]
fn no_more_is_posted_than_memory_is_there_for() {
    let (mut line, stream, _listener) = line();
    let (stop, stopped) = (AtomicBool::new(false), AtomicBool::new(true));
    let text = posting(&[b'x'; 1024 * 1024]);
    let room = MOST / text.len();
    let (go, gone) = channel();
    thread::spawn(move || {
        let mut input = BufReader::new(stream.try_clone().unwrap());
        for _ in 0..room {
            body(&mut input).unwrap();
        }
        // All was taken, and nothing answered.
        gone.recv().unwrap();
        for _ in 0..room {
            (&stream)
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
        }
        answer(&stream, 1);
    });
    for _ in 0..room {
        assert!(line.push(text.clone(), &stop).unwrap());
    }
    assert!(!line.push(text.clone(), &stopped).unwrap());
    assert_eq!(line.unanswered.len(), room);
    go.send(()).unwrap();
    assert!(line.push(text, &stop).unwrap());
    wait(&mut line, &stop);
    assert_eq!(line.finish().accepted, room as u64 + 1);
}

#[test]
fn what_a_stop_has_cut_is_sent_to_its_end() {
    let (mut line, stream, _listener) = line();
    let stopped = AtomicBool::new(true);
    let text = posting(&[b'x'; 1024 * 1024]);
    let mut count = 0;
    while !is_busy(line.link.as_ref().unwrap()) {
        assert!(line.push(text.clone(), &stopped).unwrap());
        count += 1;
    }
    thread::spawn(move || answer(&stream, count));
    wait(&mut line, &stopped);
    assert_eq!(line.finish().accepted, count as u64);
}
