use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc::{Receiver, channel};

use super::super::request;
use super::*;

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

/// Posts the numbers from 1 to `count`, all at once or one after the other's answer, and waits for all answers.
fn post(url: &str, count: u32, at_once: bool) -> Answers {
    let stop = AtomicBool::new(false);
    let mut line = Line::open(Place::parse(url).unwrap(), None).unwrap();
    for number in 1..=count {
        let mut text = line.blank();
        request(
            "POST",
            "/publish",
            &[("Host", "x")],
            number.to_string().as_bytes(),
            &mut text,
        );
        line.push(text, &stop).unwrap();
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
        let mut text = line.blank();
        request("POST", "/publish", &[("Host", "x")], b"1", &mut text);
        if let Err(why) = line.push(text, &stop) {
            break why;
        }
        thread::sleep(LOOK);
    };
    assert!(failed.contains("the publishing connection"), "{failed}");
}
