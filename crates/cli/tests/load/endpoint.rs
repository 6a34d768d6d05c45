//! Endpoints to drive: our own server as a process, and threads of the test that say what they are told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::common::{Guard, Stage, next_request};

/// `pushbench serve`.
pub(crate) struct Served {
    _child: Guard,
    pub(crate) data: String,
    pub(crate) control: String,
}

impl Served {
    pub(crate) fn start(stage: &Stage, transport: &str, more: &[&str]) -> Self {
        let mut command = stage.pushbench(["serve", "--transport", transport]);
        command
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = Guard(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["READY", data, control, ..] = words[..] else {
            panic!("{line:?}")
        };
        Self {
            data: data.to_owned(),
            control: control.to_owned(),
            _child: child,
        }
    }
}

/// What an endpoint was asked.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// An endpoint that answers every request with the same bytes, and then closes the connection or holds it for ever.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) requests: Receiver<Request>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Closes,
    Holds,
    /// Goes on with header fields without end.
    NeverEndsItsHead,
}

impl Endpoint {
    /// Listens until the test process ends.
    pub(crate) fn start(answer: impl Into<String>, then: Then) -> Self {
        let (listener, url) = listen();
        Self::on(listener, url, answer.into(), then)
    }

    /// The same, with an answer that names the endpoint's own address.
    pub(crate) fn of_itself(answer: impl FnOnce(&str) -> String, then: Then) -> Self {
        let (listener, url) = listen();
        let answer = answer(&url);
        Self::on(listener, url, answer, then)
    }

    fn on(listener: TcpListener, url: String, answer: String, then: Then) -> Self {
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, sender) = (answer.clone(), sender.clone());
                // That a client has gone is no failure of the test.
                thread::spawn(move || drop(converse(stream.unwrap(), &answer, then, &sender)));
            }
        });
        Self { url, requests }
    }
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// The first byte of a client that speaks TLS.
const TLS_HANDSHAKE: u8 = 22;

fn converse(
    mut out: TcpStream,
    answer: &str,
    then: Then,
    requests: &Sender<Request>,
) -> std::io::Result<()> {
    let mut input = BufReader::new(out.try_clone()?);
    if input.fill_buf()?.first() == Some(&TLS_HANDSHAKE) {
        out.write_all(answer.as_bytes())?;
        return input.read_to_end(&mut Vec::new()).map(drop);
    }
    let Some((head, body)) = next_request(&mut input)? else {
        return Ok(());
    };
    let body = String::from_utf8(body).unwrap();
    // A test that does not look at requests drops their receiver.
    let _ = requests.send(Request { head, body });
    out.write_all(answer.as_bytes())?;
    match then {
        Then::Closes => Ok(()),
        Then::Holds => input.read_to_end(&mut Vec::new()).map(drop),
        Then::NeverEndsItsHead => loop {
            out.write_all(b"X-More: and more and more and more and more\r\n")?;
        },
    }
}

/// The answer of an event stream.
pub(crate) const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// An event stream with `n` events of our own making, numbered from 1.
pub(crate) fn events(n: u32) -> String {
    let event = |n| format!("id: {n}\ndata: {{\"id\":{n},\"text\":\"hello\"}}\n\n");
    STREAM.to_owned() + &(1..=n).map(event).collect::<String>()
}
