//! Long-polling on the wire.

use pushbench_model::theory;
use pushbench_transport::transport::ServeOptions;

use super::{server, server_with};
use crate::common::{Client, SIZES, text};

pub(super) fn head(len: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncache-control: no-store\r\n\
         content-length: {len}\r\ndate: DATE\r\n\r\n"
    )
}

pub(super) const NOTHING: &str = "HTTP/1.1 204 No Content\r\ndate: DATE\r\n\r\n";

pub(super) fn poll(query: &str) -> String {
    format!("GET /poll{query} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// The same connection asks for everything, message by message and then all at once.
#[test]
fn every_size_is_framed_to_the_byte() {
    let server = server("long-poll");
    let mut client = Client::connect(server.data_addr());
    let mut all = Vec::new();
    for (after, size) in SIZES.into_iter().enumerate() {
        let body = text(size);
        // Asked before it is published: the request is held until then.
        client.send(poll(&format!("?after={after}")));
        server.hub().publish(&body, false);
        let line = [&body[..], b"\n"].concat();
        let answer = client.head();
        assert_eq!(answer, head(line.len()));
        client.expect(&line);
        let formula = theory::long_poll_response(answer.len() as u64, size as u64, 1);
        assert_eq!(formula, (answer.len() + line.len()) as u64);
        all.extend(line);
    }
    for after in 0..SIZES.len() {
        let skipped: usize = SIZES[..after].iter().map(|size| size + 1).sum();
        assert_eq!(
            client.ask(&poll(&format!("?after={after}&timeout=0"))),
            head(all.len() - skipped)
        );
        client.expect(&all[skipped..]);
    }
    // A second connection takes the same batches.
    let mut other = Client::connect(server.data_addr());
    assert_eq!(other.ask(&poll("?after=0")), head(all.len()));
    other.expect(&all);
}

#[test]
fn nothing_to_say_is_204_at_once_or_at_the_timeout() {
    let options = ServeOptions {
        poll_timeout_ms: 50,
        ..ServeOptions::default()
    };
    let server = server_with("long-poll", options);
    let mut client = Client::connect(server.data_addr());
    for query in [
        "?after=0&timeout=0",
        "?after=0&timeout=1",
        "?timeout=0",
        "?after=99&timeout=0",
        "?after=18446744073709551615&timeout=0",
        // Longer than the server holds anything.
        "?after=0&timeout=18446744073709551615",
        "?after=0",
        "",
    ] {
        assert_eq!(client.ask(&poll(query)), NOTHING, "{query}");
    }
}

/// Without a cursor a poll waits for what is new.
#[test]
fn no_cursor_means_new_messages_only() {
    let server = server("long-poll");
    server.hub().publish(b"old", false);
    let mut client = Client::connect(server.data_addr());
    assert_eq!(client.ask(&poll("?timeout=0")), NOTHING);
}

#[test]
fn garbage_is_refused_and_the_connection_lives_on() {
    let server = server("long-poll");
    let mut client = Client::connect(server.data_addr());
    for query in [
        "?after=x",
        "?after=",
        "?after",
        "?after=-1",
        "?after=+1",
        "?after=1.0",
        "?after=18446744073709551616",
        "?after=0&timeout=x",
        "?after=0&timeout=-1",
        "?after=0&timeout=",
    ] {
        let answer = client.ask(&poll(query));
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{query}: {answer}"
        );
    }
    for (line, answer) in [
        ("GET /other", "404 Not Found\r\n"),
        ("POST /poll", "405 Method Not Allowed\r\nallow: GET\r\n"),
        ("HEAD /poll", "405 Method Not Allowed\r\nallow: GET\r\n"),
    ] {
        let head = client.ask(&format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(
            head.starts_with(&format!("HTTP/1.1 {answer}")),
            "{line}: {head}"
        );
    }
    server.hub().publish(b"x", false);
    assert_eq!(client.ask(&poll("?after=0")), head(2));
    client.expect("x\n");
}

/// A thousand polls on one connection while messages are published: every one comes once and in order.
#[test]
fn a_thousand_polls_lose_nothing() {
    const POLLS: usize = 1000;
    let server = server("long-poll");
    let hub = server.hub();
    let mut client = Client::connect(server.data_addr());
    std::thread::scope(|scope| {
        let (polled, polls) = std::sync::mpsc::channel();
        scope.spawn(move || {
            // One message per poll that was made, and two at times, so that some polls find a message and some wait.
            for seq in polls {
                hub.publish(format!("{seq}").as_bytes(), false);
                if seq % 3 == 0 {
                    hub.publish(b"extra", false);
                }
            }
        });
        let mut lines: Vec<String> = Vec::new();
        for asked in 0..POLLS {
            polled.send(asked).unwrap();
            let head = client.ask(&poll(&format!("?after={}", lines.len())));
            let len = head.split_once("content-length: ").expect(&head).1;
            let body = client.read(len.split_once('\r').unwrap().0.parse().unwrap());
            lines.extend(String::from_utf8(body).unwrap().lines().map(str::to_owned));
        }
        drop(polled);
        let expected = (0..POLLS).flat_map(|seq| {
            std::iter::once(seq.to_string()).chain((seq % 3 == 0).then(|| "extra".to_owned()))
        });
        assert!(lines.len() >= POLLS, "{} lines", lines.len());
        assert!(expected.zip(&lines).all(|(expected, got)| expected == *got));
    });
}

/// Two requests in one segment: the second is asked once the first is answered.
#[test]
fn pipelined_polls_are_answered_in_order() {
    let server = server("long-poll");
    let mut client = Client::connect(server.data_addr());
    client.send(poll("?after=0").repeat(2) + &poll("?after=1"));
    server.hub().publish(b"one", false);
    for _ in 0..2 {
        assert_eq!(client.head(), head(4));
        client.expect("one\n");
    }
    server.hub().publish(b"two", false);
    assert_eq!(client.head(), head(4));
    client.expect("two\n");
}

/// A server may treat a poll like the last one better than others: none may feel what came before it.
#[test]
fn polls_of_every_kind_follow_each_other_on_one_connection() {
    let server = server("long-poll");
    let mut client = Client::connect(server.data_addr());
    let usual = |after: u64| poll(&format!("?after={after}"));
    let with = |after: u64, field: &str| {
        format!("GET /poll?after={after} HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n")
    };
    let mut newest = 0;
    let mut publish = || {
        newest += 1;
        server.hub().publish(newest.to_string().as_bytes(), false);
        newest
    };
    for round in 0..4 {
        // Held, several times the same way, across a number with one digit more.
        for _ in 0..4 {
            client.send(usual(newest_of(&server)));
            let line = format!("{}\n", publish());
            assert_eq!(client.head(), head(line.len()));
            client.expect(&line);
        }
        let newest = newest_of(&server);
        let last = format!("{newest}\n");
        // Not held.
        assert_eq!(client.ask(&usual(newest - 1)), head(last.len()));
        client.expect(&last);
        assert_eq!(
            client.ask(&poll(&format!("?after={newest}&timeout=0"))),
            NOTHING
        );
        // Cut in two, at another place each time.
        let request = usual(newest - 1);
        let (start, rest) = request.split_at(10 * (round + 1));
        client.send(start);
        assert_eq!(client.ask(rest), head(last.len()));
        client.expect(&last);
        // Two and a half at once.
        client.send(usual(newest - 1).repeat(2) + "GET /po");
        for _ in 0..2 {
            assert_eq!(client.head(), head(last.len()));
            client.expect(&last);
        }
        client.send(format!("ll?after={newest} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let line = format!("{}\n", publish());
        assert_eq!(client.head(), head(line.len()));
        client.expect(&line);
        // The cursor of the header is the one that counts.
        assert_eq!(
            client.ask(&with(newest + 1, &format!("Last-Event-ID: {newest}"))),
            head(line.len())
        );
        client.expect(&line);
        let refused = client.ask("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(refused.starts_with("HTTP/1.1 404"), "{refused}");
    }
    // One that asks for the end of the connection, behind one that is held.
    let newest = newest_of(&server);
    client.send(usual(newest) + &with(newest, "Connection: close"));
    let line = format!("{}\n", publish());
    assert_eq!(client.head(), head(line.len()));
    client.expect(&line);
    let closing = head(line.len()).replace("content-length", "connection: close\r\ncontent-length");
    assert_eq!(client.head(), closing);
    client.expect(&line);
    client.expect_end();
}

/// Waits until all that was sent before has been read: one worker serves all. It is no poll: a server may remember the last.
pub(super) fn read_so_far(server: &pushbench_server::Server) {
    let mut somebody = Client::connect(server.data_addr());
    let refused = somebody.ask("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(refused.starts_with("HTTP/1.1 404"), "{refused}");
}

/// Has somebody poll as nearly all do, and publishes what he waits for: polls like that are known from then on.
pub(super) fn polled(server: &pushbench_server::Server, message: &str) {
    let mut somebody = Client::connect(server.data_addr());
    somebody.send(poll(&format!("?after={}", newest_of(server))));
    read_so_far(server);
    server.hub().publish(message.as_bytes(), false);
    let line = format!("{message}\n");
    assert_eq!(somebody.head(), head(line.len()));
    somebody.expect(&line);
}

/// A poll that waits and came in one piece with one that was answered is not forgotten when the same is asked again.
#[test]
fn a_poll_behind_one_that_was_answered_is_held() {
    let server = server("long-poll");
    for (field, closes) in [("", false), ("Connection: close\r\n", true)] {
        let newest = newest_of(&server);
        polled(&server, "one");
        let mut client = Client::connect(server.data_addr());
        let second = format!(
            "GET /poll?after={} HTTP/1.1\r\nHost: x\r\n{field}\r\n",
            newest + 1
        );
        client.send(poll(&format!("?after={newest}")) + &second);
        assert_eq!(client.head(), head(4));
        client.expect("one\n");
        read_so_far(&server);
        client.send(poll(&format!("?after={}", newest + 1)));
        read_so_far(&server);
        server.hub().publish(b"two", false);
        if closes {
            let closing = head(4).replace("content-length", "connection: close\r\ncontent-length");
            assert_eq!(client.head(), closing);
            client.expect("two\n");
            client.expect_end();
        } else {
            for _ in 0..2 {
                assert_eq!(client.head(), head(4));
                client.expect("two\n");
            }
        }
    }
}

fn newest_of(server: &pushbench_server::Server) -> u64 {
    server.hub().published()
}

#[test]
fn a_cursor_older_than_the_ring_gets_the_oldest_kept() {
    let server = server("long-poll");
    let mut expected = String::new();
    for seq in 1..=5000 {
        server.hub().publish(format!("{seq}").as_bytes(), false);
        if seq > 5000 - 4096 {
            expected.push_str(&format!("{seq}\n"));
        }
    }
    let mut client = Client::connect(server.data_addr());
    // The worker that answers this has heard of the last message, and so of all.
    assert_eq!(client.ask(&poll("?after=4999")), head(5));
    client.expect("5000\n");
    for after in [0, 1, 903, 904] {
        assert_eq!(
            client.ask(&poll(&format!("?after={after}"))),
            head(expected.len())
        );
        client.expect(&expected);
    }
}

#[test]
fn a_client_that_goes_while_its_poll_is_held_is_let_go() {
    let server = server("long-poll");
    let mut client = Client::connect(server.data_addr());
    // The answer to the first shows that the second is being held.
    assert_eq!(client.ask(&poll("?after=0&timeout=0")), NOTHING);
    client.send(poll("?after=0"));
    client.finish();
    client.expect_end();
}
