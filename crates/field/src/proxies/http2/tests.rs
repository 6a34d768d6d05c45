use std::io::Read as _;
use std::net::TcpListener;

use super::*;

/// What every connection of HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// One that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// That the thread reads by itself is what makes its times those of the reads, and not of the turns.
#[test]
fn a_subscription_goes_on_between_turns_and_ends_with_its_watch() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let watch = Http2::open("sse", listener.local_addr().unwrap(), 0).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).unwrap();
    assert_eq!(preface, PREFACE);
    drop(watch);
    // Its end, and no timeout.
    stream.read_to_end(&mut Vec::new()).unwrap();
}

/// A server that answers one request after the other with these statuses and nothing else.
fn server(statuses: &'static [u16]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let mut statuses = statuses.iter();
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                let head = Response::builder().status(*statuses.next().unwrap());
                answer.send_response(head.body(()).unwrap(), true).unwrap();
            }
        });
    });
    address
}

/// Turns until it has ended; whether it was accepted, and how it ended.
fn turned(transport: &'static str, statuses: &'static [u16]) -> (bool, String) {
    let mut watch = Http2::open(transport, server(statuses), 0).unwrap();
    let deadline = clock::now() + u64::try_from(PATIENCE.as_nanos()).unwrap();
    while watch.ended().is_none() {
        assert!(clock::now() < deadline);
        watch.turn(Duration::from_millis(10)).unwrap();
    }
    (watch.subscribed(), watch.ended().unwrap().to_owned())
}

#[test]
fn a_stream_is_accepted_with_200_alone_and_a_poll_without_messages_too() {
    let refused = |status| format!("the answer is {status}");
    let over = "the server ended the response".to_owned();
    assert_eq!(turned("sse", &[200]), (true, over));
    assert_eq!(turned("sse", &[204]), (false, refused(204)));
    assert_eq!(turned("sse", &[404]), (false, refused(404)));
    assert_eq!(turned("long-poll", &[204, 200, 503]), (true, refused(503)));
}
