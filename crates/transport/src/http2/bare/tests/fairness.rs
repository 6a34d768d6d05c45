//! One connection among others.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;

use pushbench_sys::poller::Poller;

use super::super::turns::{AT_ONCE, Connection, WRITES, flush};
use super::*;
use crate::bare::Interest;
use crate::http2::frame::WIDEST_WINDOW;

/// Forty megabytes for somebody who reads as fast as they are written.
#[test]
fn who_reads_fast_leaves_the_others_their_turn() {
    let mut bench = Bench::new();
    let body = [b'x'; 1024];
    for _ in 0..4000 {
        bench.publish(&body);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, _) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    let reader = thread::spawn(move || io::copy(&mut client, &mut io::sink()).unwrap());

    let poller = Rc::new(Poller::new().unwrap());
    let interest = Interest::begin(&poller, 0, &socket).unwrap();
    let mut conn = Connection::new(socket, interest);
    let window = WIDEST_WINDOW - FIRST_WINDOW;
    let mut asked = preface(&[(setting::INITIAL_WINDOW_SIZE, WIDEST_WINDOW)]);
    frame::window_update(0, window, &mut asked);
    for stream in 0..10 {
        asked.extend(ask(2 * stream + 1, "/sse?after=0"));
    }
    conn.machine.receive(&asked, &mut bench.site, 0);
    let more = flush(&mut conn, &bench.site, &mut bench.parcel).unwrap();
    assert!(more || conn.blocked, "it has not had everything");
    drop(conn);
    let sent = reader.join().unwrap();
    let most = WRITES * (AT_ONCE + LARGEST + theory::data(0, 1) as usize);
    assert!((1..=most as u64).contains(&sent), "{sent} of {most}");
}
