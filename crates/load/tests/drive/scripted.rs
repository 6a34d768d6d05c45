//! Endpoints that say what a script tells them.

use super::*;

#[test]
fn what_an_endpoint_does_wrong_is_named() {
    let cases: [(&str, &'static str, FaultKind, &str); 12] = [
        (
            "sse",
            "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Status,
            "401 (it wants credentials",
        ),
        (
            "sse",
            "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Status,
            "403",
        ),
        (
            "websocket",
            "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Status,
            "429 (it limits",
        ),
        (
            "long-poll",
            "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Status,
            "503 (it, or a proxy",
        ),
        (
            "sse",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
            FaultKind::ContentType,
            "\"text/html\"",
        ),
        (
            "sse",
            "HTTP/1.1 302 Go\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Redirect,
            "does not say where",
        ),
        (
            "sse",
            "HTTP/1.1 302 Go\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Redirect,
            "more than 3",
        ),
        ("sse", "SSH-2.0-x\r\n", FaultKind::Protocol, "starts with"),
        ("sse", "", FaultKind::Ended, "before it had answered"),
        (
            "websocket",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            FaultKind::Protocol,
            "Sec-WebSocket-Accept",
        ),
        (
            "sse",
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            FaultKind::Protocol,
            "chunk size",
        ),
        (
            "long-poll",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            FaultKind::Ended,
            "in the middle of a response",
        ),
    ];
    for (transport, answer, kind, words) in cases {
        let address = scripted(move |_, _, stream| {
            let _ = stream.write_all(answer.as_bytes());
        });
        let report = drive(&plan(transport, format!("http://{address}/x")));
        assert_eq!(report.ended, Ended::Connections);
        let [fault] = report.faults.as_slice() else {
            panic!("{answer:?}: {:?}", report.faults);
        };
        assert_eq!(
            (fault.kind, fault.count),
            (kind, 1),
            "{answer:?}: {fault:?}"
        );
        assert!(fault.text.contains(words), "{answer:?}: {fault:?}");
    }
}

#[test]
fn silence_endless_heads_and_refusals() {
    let address = scripted(|_, _, stream| {
        let _ = stream.read(&mut [0]);
    });
    let mut silent = plan("sse", format!("http://{address}/"));
    silent.patience = Duration::from_millis(100);
    let report = drive(&silent);
    assert_eq!(report.faults[0].kind, FaultKind::Timeout, "{report:?}");
    assert!(
        report.faults[0]
            .text
            .contains("an answer did not come within 0.1 s"),
        "{report:?}"
    );

    let address = scripted(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-filler: 0123456789abcdef\r\n").is_ok() {}
    });
    let report = drive(&plan("sse", format!("http://{address}/")));
    assert_eq!(report.faults[0].kind, FaultKind::Protocol, "{report:?}");

    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut refused = plan("websocket", format!("ws://{nobody}/"));
    refused.connections = 4;
    let report = drive(&refused);
    assert_eq!(
        (report.faults[0].kind, report.faults[0].count),
        (FaultKind::Connect, 4),
        "{report:?}"
    );
    assert_eq!(
        (report.connections.failed, report.connections.subscribed),
        (4, 0)
    );
}

#[test]
fn a_request_is_what_was_asked_for() {
    let (sender, requests) = std::sync::mpsc::channel();
    let address = scripted(move |number, request, stream| {
        sender.send(request.to_owned()).unwrap();
        let answer = if number == 0 {
            "HTTP/1.1 307 Go\r\nLocation: there?x=1\r\nContent-Length: 0\r\n\r\n".to_owned()
        } else {
            format!("{STREAM}id: 7\ndata: {{\"n\":1}}\n\n: comment\n\ndata: {{\"n\":3}}\n\n")
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let mut plan = plan("sse", format!("http://me:secret@{address}/a/b"));
    plan.request = Asking {
        method: "POST".into(),
        headers: vec![
            ("accept".into(), "text/*".into()),
            ("X-Mine".into(), "1".into()),
        ],
        body: b"{\"stream\":true}".to_vec(),
        last_event_id: Some("5".into()),
        ..Asking::default()
    };
    plan.reading = Reading::Pointers {
        sequence: Some("/n".into()),
        time: None,
    };
    let report = drive(&plan);
    let (first, second) = (requests.recv().unwrap(), requests.recv().unwrap());
    assert!(
        first.starts_with("POST /a/b HTTP/1.1\r\naccept: text/*\r\nX-Mine: 1\r\n"),
        "{first}"
    );
    assert!(
        first.contains("Last-Event-ID: 5\r\n") && first.contains("Content-Length: 15\r\n"),
        "{first}"
    );
    assert!(
        first.contains("Authorization: Basic bWU6c2VjcmV0\r\n") && !first.contains("event-stream"),
        "{first}"
    );
    assert!(
        second.starts_with("POST /a/there?x=1 HTTP/1.1\r\n"),
        "{second}"
    );
    assert_eq!(report.connections.redirects, 1);
    assert_eq!(
        (
            report.messages.received,
            report.messages.numbered,
            report.messages.lost
        ),
        (2, 2, 1),
        "{report:?}"
    );
    assert_eq!(report.clock, None);
    assert!(!format!("{report:?}").contains("secret"));
}

#[test]
fn event_sources_come_back_with_what_they_know_and_only_then() {
    let (sender, requests) = std::sync::mpsc::channel();
    let address = scripted(move |number, request, stream| {
        sender.send(request.to_owned()).unwrap();
        let answer = match number {
            0 => format!("{STREAM}retry: 10\nid: a\ndata: 1\n\n"),
            1 => format!("{STREAM}data: 2\n\n"),
            _ => "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let mut plan = plan("sse", format!("http://{address}/"));
    plan.reconnect = Reconnect::EventSource;
    // The second stream asks for no time of its own, so the last attempt comes after three seconds.
    let report = drive(&plan);
    assert_eq!(report.ended, Ended::Connections);
    let asked: Vec<String> = requests.try_iter().collect();
    let with_id: Vec<bool> = asked
        .iter()
        .map(|request| request.contains("Last-Event-ID: a\r\n"))
        .collect();
    assert_eq!(with_id, [false, true, true]);
    assert_eq!(
        (report.connections.attempts, report.connections.reconnects),
        (3, 2),
        "{report:?}"
    );
    assert_eq!(
        (
            report.connections.subscribed,
            report.connections.ended_by_server
        ),
        (2, 2),
        "{report:?}"
    );
}

#[test]
fn polls_with_validators_and_empty_answers() {
    let (sender, requests) = std::sync::mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let answers = [
            "HTTP/1.1 200 OK\r\nLast-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\nETag: 4\r\nContent-Length: 3\r\n\r\none",
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            "HTTP/1.1 408 Timeout\r\nContent-Length: 2\r\n\r\nno",
            "HTTP/1.1 204 Nothing\r\n\r\n",
            "HTTP/1.1 200 OK\r\nETag: 5\r\nContent-Length: 3\r\n\r\ntwo",
        ];
        for answer in answers {
            let mut piece = [0; 2048];
            let read = stream.read(&mut piece).unwrap();
            sender
                .send(String::from_utf8_lossy(&piece[..read]).into_owned())
                .unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
        let _ = stream.read(&mut [0; 2048]);
    });
    let mut plan = plan("long-poll", format!("http://{address}/poll"));
    plan.request.poll = PollStyle::Conditional;
    plan.messages = Some(2);
    let report = drive(&plan);
    assert_eq!(
        (
            report.ended,
            report.messages.received,
            report.messages.without_data
        ),
        (Ended::Messages, 2, 3)
    );
    let asked: Vec<String> = requests.try_iter().collect();
    assert!(!asked[0].contains("If-"), "{asked:?}");
    let validators = "If-Modified-Since: Thu, 01 Jan 1970 00:00:01 GMT\r\nIf-None-Match: 4\r\n";
    assert!(
        asked[1..5]
            .iter()
            .all(|request| request.contains(validators)),
        "{asked:?}"
    );
}
