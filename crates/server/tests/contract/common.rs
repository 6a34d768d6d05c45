//! A server and a plain client.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use pushbench_model::control::Health;
use pushbench_server::{Config, Server};
use pushbench_transport::transport::{ServeOptions, by_name};

/// Lengths at which a framing changes its form.
pub(crate) const SIZES: [usize; 8] = [0, 1, 64, 125, 126, 1024, 65_535, 65_536];

pub(crate) fn server(transport: &str) -> Server {
    server_with(transport, ServeOptions::default())
}

pub(crate) fn server_with(transport: &str, options: ServeOptions) -> Server {
    server_on(transport, options, vec![])
}

pub(crate) fn server_on(transport: &str, options: ServeOptions, cores: Vec<usize>) -> Server {
    let any = "127.0.0.1:0".parse().unwrap();
    Server::start(Config {
        transport: by_name(transport).unwrap(),
        listen: any,
        control: any,
        cores,
        shards: 1,
        options,
    })
    .unwrap()
}

/// Text without line ends that differs from place to place.
pub(crate) fn text(len: usize) -> Vec<u8> {
    (0..len).map(|at| b'a' + (at % 23) as u8).collect()
}

/// Every byte there is, in turn.
pub(crate) fn binary(len: usize) -> Vec<u8> {
    (0..len).map(|at| at as u8).collect()
}

/// A client that fails a test rather than wait for ever.
pub(crate) struct Client {
    stream: TcpStream,
    /// What it is at, if it polls.
    polls: Option<Polls>,
}

/// Messages that are asked for.
#[derive(Clone, Copy)]
struct Polls {
    /// The number of the last that came.
    after: u64,
    /// Bytes of the present answer that were not read.
    left: usize,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// A client whose kernel holds little of what it does not read.
    pub(crate) fn with_small_window(address: SocketAddr) -> Self {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            polls: None,
        }
    }

    /// Asks for the messages after number `after`, and from here on for what follows, as soon as it has read an answer.
    pub(crate) fn poll(&mut self, after: u64) {
        self.send(format!(
            "GET /poll?after={after} HTTP/1.1\r\nHost: x\r\n\r\n"
        ));
        self.polls = Some(Polls { after, left: 0 });
    }

    /// Bytes of the answer to a poll, once there is one that has any.
    fn answer(&mut self, after: u64) -> usize {
        loop {
            let head = self.head();
            if head.starts_with("HTTP/1.1 204 ") {
                self.poll(after);
                continue;
            }
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            let (_, length) = head.split_once("content-length: ").expect(&head);
            return length.split_once('\r').unwrap().0.parse().unwrap();
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads as many bytes as `expected` has and compares. For one that polls it is a message with its line end.
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let Some(Polls { after, left }) = self.polls else {
            return self.compare(expected);
        };
        let left = if left > 0 { left } else { self.answer(after) };
        self.compare(expected);
        let (after, left) = (after + 1, left.checked_sub(expected.len()).unwrap());
        if left > 0 {
            self.polls = Some(Polls { after, left });
        } else {
            self.poll(after);
        }
    }

    fn compare(&mut self, expected: &[u8]) {
        let got = self.read(expected.len());
        if let Some(at) = got.iter().zip(expected).position(|(a, b)| a != b) {
            let around = at.saturating_sub(20)..(at + 20).min(got.len());
            panic!(
                "byte {at} of {}: got {:?}, expected {:?}",
                expected.len(),
                String::from_utf8_lossy(&got[around.clone()]),
                String::from_utf8_lossy(&expected[around]),
            );
        }
    }

    /// Reads one head, up to its empty line; the date in it becomes `DATE`.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.read(1));
        }
        let head = String::from_utf8(head).unwrap();
        let Some((before, date)) = head.split_once("date: ") else {
            return head;
        };
        let (_, after) = date.split_once("\r\n").unwrap();
        format!("{before}date: DATE\r\n{after}")
    }

    /// Sends `request` and reads the head of its answer.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.send(request);
        self.head()
    }

    /// Says that nothing more will be sent; a server takes it as the end of a subscription.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Everything up to the end of the connection, which may be a reset.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return bytes,
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return bytes,
                Err(error) => panic!("{error} after {} bytes", bytes.len()),
            }
        }
    }

    /// What comes next, up to the end.
    pub(crate) fn some(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 64 * 1024];
        let count = self.stream.read(&mut bytes).unwrap();
        assert!(count > 0, "the connection ended");
        bytes.truncate(count);
        bytes
    }

    /// The connection has ended, and nothing came before.
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(String::from_utf8_lossy(&self.rest()), "");
    }

    /// A second handle to write with, while this one reads.
    pub(crate) fn writer(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }
}

/// A request of the control endpoint on a connection of its own: status line and headers, and the body.
pub(crate) fn control(server: &Server, line: &str, headers: &str, body: &[u8]) -> (String, String) {
    let mut client = Client::connect(server.control_addr());
    let len = body.len();
    client.send(format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len}\r\n{headers}\r\n"
    ));
    client.send(body);
    let head = client.head();
    (head, String::from_utf8(client.rest()).unwrap())
}

pub(crate) fn health(server: &Server) -> Health {
    let (head, body) = control(server, "GET /healthz", "", b"");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    serde_json::from_str(&body).unwrap()
}
