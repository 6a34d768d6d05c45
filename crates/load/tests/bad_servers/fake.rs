//! A server made of a script, and a measurement of it that a watchdog guards.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use pushbench_load::barrier::Free;
use pushbench_load::target::Target;
use pushbench_load::{Config, LoadError, Patience, run};
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::message::{Stamp, encode_text};
use pushbench_model::profile::Profile;
use pushbench_model::scenario::Scenario;
use pushbench_transport::transport::by_name;
use pushbench_transport::websocket::handshake;

/// Longer than any measurement here may take.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Of the fan-out.
pub(crate) const SUBSCRIBERS: u64 = 3;
/// Published in the measured phase; there is no warm-up.
pub(crate) const MESSAGES: u64 = 10;

pub(crate) const FAN_OUT: &str = r#"
name = "test"
models = "a test"
expected = "trouble"
profiles = ["quick"]
[payload]
bytes = 10
[fan-out]
subscribers = 3
rate = 1000.0
arrivals = "constant"
warm-up-s = { quick = 0.0, standard = 0.0, thorough = 0.0 }
measure-s = { quick = 0.01, standard = 1.0, thorough = 1.0 }
"#;

/// Patient enough for a slow machine, where something is to come.
pub(crate) const PATIENT: Patience = Patience {
    connect: Duration::from_secs(20),
    connect_each: Duration::ZERO,
    first_message: Duration::from_secs(20),
    drain: Duration::from_secs(20),
    control: Duration::from_secs(20),
};

/// Impatient, where nothing will.
pub(crate) const IMPATIENT: Duration = Duration::from_millis(300);

pub(crate) struct Trial {
    pub(crate) scenario: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) target: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) publisher: Publisher,
    pub(crate) patience: Patience,
}

impl Trial {
    pub(crate) fn run(self) -> Result<Measurement, LoadError> {
        let config = Config {
            scenario: Scenario::parse(self.scenario, Path::new("test.toml")).unwrap(),
            profile: Profile::Quick,
            transport: by_name(self.transport).unwrap(),
            target: target(self.target),
            control: target(self.control),
            publisher: self.publisher,
            seed: 7,
            cores: vec![],
            spin_ns: 0,
            patience: self.patience,
        };
        let (done, result) = mpsc::channel();
        thread::spawn(move || {
            // Nobody waits any more for one that took too long.
            let _ = done.send(run(config, &mut Free));
        });
        result
            .recv_timeout(WATCHDOG)
            .expect("it neither hangs nor panics")
    }

    pub(crate) fn error(self) -> String {
        self.run().expect_err("no measurement").to_string()
    }
}

pub(crate) fn target(address: SocketAddr) -> Target {
    Target::parse(&format!("http://{address}")).unwrap()
}

/// An address that nobody listens on.
pub(crate) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Serves every connection by `script` on a thread of its own, until the test process ends.
pub(crate) fn fake(script: impl Fn(Talk) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script = Arc::new(script);
    thread::spawn(move || {
        for (index, stream) in listener.incoming().enumerate() {
            let (script, stream) = (Arc::clone(&script), stream.unwrap());
            thread::spawn(move || script(Talk { index, stream }));
        }
    });
    address
}

/// One connection, as the script sees it. The client may be gone at any time.
pub(crate) struct Talk {
    /// How many connections came before it.
    pub(crate) index: usize,
    stream: TcpStream,
}

impl Talk {
    /// Reads a request, and a body if it announces one: its head. Empty when the client is gone.
    pub(crate) fn request(&mut self) -> String {
        self.request_with_body().0
    }

    /// The same, with its body.
    pub(crate) fn request_with_body(&mut self) -> (String, Vec<u8>) {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(1) => bytes.push(byte[0]),
                _ => return <_>::default(),
            }
        }
        let head = String::from_utf8(bytes).unwrap();
        let len = head
            .split_once("Content-Length: ")
            .and_then(|(_, rest)| rest.split('\r').next());
        let mut body = vec![0; len.map_or(0, |len| len.parse().unwrap())];
        let _ = self.stream.read_exact(&mut body);
        (head, body)
    }

    pub(crate) fn skip(&mut self, len: usize) {
        let _ = self.stream.read_exact(&mut vec![0; len]);
    }

    /// Returns whether the client is still there.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Keeps the connection until the client ends it.
    pub(crate) fn hold(&mut self) {
        let mut buffer = [0; 4096];
        while self.stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
    }

    /// Says the last there is to say and ends this side, both in one segment; waits for the client to notice.
    pub(crate) fn end_with(&mut self, bytes: impl AsRef<[u8]>) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_tcp_cork(true).unwrap();
        self.send(bytes);
        self.end();
    }

    /// Ends this side, and waits for the client to notice.
    pub(crate) fn end(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.hold();
    }

    /// Accepts a subscription of the transport. For long-polling: answers the first poll and takes the second.
    pub(crate) fn accept(&mut self, transport: &str) {
        match transport {
            "tcp" => {
                self.skip(8);
                self.send([0; 8]);
            }
            "sse" => {
                self.request();
                self.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
            }
            "websocket" => {
                let request = self.request();
                let key = request
                    .split_once("Sec-WebSocket-Key: ")
                    .map_or("", |(_, rest)| &rest[..24]);
                self.send(switch(&handshake::accept(key)));
            }
            _ => {
                self.request();
                self.send("HTTP/1.1 204 No Content\r\n\r\n");
                self.request();
            }
        }
    }
}

/// The answer to a handshake, with this proof.
pub(crate) fn switch(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// Messages as a server of the transport sends them.
pub(crate) fn framed(transport: &str, bodies: &[Vec<u8>]) -> Vec<u8> {
    if transport == "long-poll" {
        let body: Vec<u8> = bodies
            .iter()
            .flat_map(|body| [&body[..], b"\n"].concat())
            .collect();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        return [head.as_bytes(), &body].concat();
    }
    let frame = |body: &Vec<u8>| match transport {
        "tcp" => [&(body.len() as u32).to_le_bytes()[..], body].concat(),
        "websocket" => [&[0x81, body.len() as u8], &body[..]].concat(),
        _ => {
            let event = [b"data: ", &body[..], b"\n\n"].concat();
            [format!("{:x}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat()
        }
    };
    bodies.iter().flat_map(frame).collect()
}

/// An intact message, of less than 126 bytes.
pub(crate) fn body(seq: u64) -> Vec<u8> {
    let stamp = Stamp {
        seq,
        intended: 1,
        published: 2,
    };
    let mut out = Vec::new();
    encode_text(stamp, "data", &mut out);
    out
}

/// A message with a flipped bit in its data.
pub(crate) fn damaged(seq: u64) -> Vec<u8> {
    let mut body = body(seq);
    let at = body.len() - 3;
    body[at] ^= 1;
    body
}

/// An event that threads wait for.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<(Mutex<bool>, Condvar)>);

impl Signal {
    pub(crate) fn set(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        assert!(self.wait_at_most(WATCHDOG), "the event came");
    }

    /// Returns whether it came.
    pub(crate) fn wait_at_most(&self, patience: Duration) -> bool {
        let set = self.0.0.lock().unwrap();
        let (set, _) = self
            .0
            .1
            .wait_timeout_while(set, patience, |set| !*set)
            .unwrap();
        *set
    }
}

/// What a control endpoint has been asked for.
#[derive(Clone, Default)]
pub(crate) struct Orders {
    pub(crate) given: Signal,
    pub(crate) asked_for_report: Signal,
}

/// A control endpoint that accepts an order, tells the servers of the subscribers, and reports it done.
pub(crate) fn accepting(orders: &Orders) -> SocketAddr {
    let orders = orders.clone();
    fake(move |mut talk| {
        if talk.request().starts_with("POST /schedule ") {
            orders.given.set();
            talk.send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        } else {
            orders.asked_for_report.set();
            talk.send(json(
                r#"{"running":false,"published":10,"started":1,"lateness":null}"#,
            ));
        }
    })
}

pub(crate) fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A server whose subscriptions are accepted, and go on by `script` once publishing has been ordered; and its control
/// endpoint.
pub(crate) fn accepted(
    transport: &'static str,
    script: impl Fn(&mut Talk) + Send + Sync + 'static,
) -> (SocketAddr, SocketAddr) {
    let orders = Orders::default();
    let control = accepting(&orders);
    let target = fake(move |mut talk| {
        talk.accept(transport);
        orders.given.wait();
        script(&mut talk);
    });
    (target, control)
}
