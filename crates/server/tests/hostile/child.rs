//! A server in a process of its own, so that its memory and its open files can be counted from outside.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use pushbench_model::control::Health;
use pushbench_server::{Config, Server};
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, by_name};

use crate::common::Client;

const PAGE: usize = 4096;

/// What the server is to be.
pub(crate) struct Asked {
    pub(crate) transport: &'static str,
    pub(crate) queue: usize,
    pub(crate) overflow: &'static str,
    pub(crate) header_timeout_ms: u64,
    pub(crate) shards: usize,
    /// Its limit of open files, if it is to be lowered.
    pub(crate) files: Option<u32>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            transport: "sse",
            queue: usize::MAX,
            overflow: "disconnect",
            header_timeout_ms: 10_000,
            shards: 1,
            files: None,
        }
    }
}

pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) data: SocketAddr,
    control: SocketAddr,
}

impl ServerProcess {
    pub(crate) fn start(asked: &Asked) -> Self {
        let program = std::env::current_exe().unwrap();
        let limit = asked
            .files
            .map_or_else(|| "-S $(ulimit -Hn)".to_owned(), |files| files.to_string());
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
            .arg(program)
            .args(["--exact", "child::a_server", "--ignored", "--nocapture"])
            .env(
                "HOSTILE",
                format!(
                    "{} {} {} {} {}",
                    asked.transport,
                    asked.queue,
                    asked.overflow,
                    asked.header_timeout_ms,
                    asked.shards
                ),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let ready = output.lines().find_map(|line| {
            let line = line.unwrap();
            let (data, control) = line.strip_prefix("ready ")?.split_once(' ')?;
            Some((data.parse().unwrap(), control.parse().unwrap()))
        });
        let (data, control) = ready.expect("the server starts");
        Self {
            child,
            data,
            control,
        }
    }

    /// Publishes `count` bodies that `body` makes of their numbers, and returns when all are published.
    pub(crate) fn publish(&self, count: u64, body: impl Fn(u64) -> Vec<u8>) {
        let mut publisher = self.publisher();
        for seq in 1..=count {
            publisher.begin(&body(seq));
            publisher.finish();
        }
    }

    pub(crate) fn publisher(&self) -> Publisher {
        Publisher(Client::connect(self.control))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn health(&self) -> Health {
        let mut client = Client::connect(self.control);
        client.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        client.head();
        serde_json::from_slice(&client.rest()).unwrap()
    }

    /// Resident memory of its own, bytes.
    pub(crate) fn memory(&self) -> usize {
        // Pages of the program's file are read when they are first needed, and are nobody's own.
        self.pages(1).saturating_sub(self.pages(2))
    }

    /// All memory that it has asked for, bytes, though it may never have touched it.
    pub(crate) fn claimed(&self) -> usize {
        self.pages(0)
    }

    fn pages(&self, field: usize) -> usize {
        let pages = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        pages
            .split(' ')
            .nth(field)
            .unwrap()
            .parse::<usize>()
            .unwrap()
            * PAGE
    }

    /// Open files of the process.
    pub(crate) fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .count()
    }

    /// Returns once the process has `files` open files, or fewer.
    pub(crate) fn wait_for_files(&self, files: usize) {
        for _ in 0..600 {
            if self.files() <= files {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{} open files, {files} expected", self.files());
    }

    /// Ends it, and returns what it complained of.
    pub(crate) fn complaints(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let errors = BufReader::new(self.child.stderr.take().unwrap());
        errors.lines().map(Result::unwrap).collect()
    }
}

/// A connection to the control endpoint on which messages are published, one after the other.
pub(crate) struct Publisher(Client);

impl Publisher {
    pub(crate) fn begin(&mut self, body: &[u8]) {
        let len = body.len();
        self.0.send(format!(
            "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n"
        ));
        self.0.send(body);
    }

    /// Returns when the message is published.
    pub(crate) fn finish(&mut self) {
        assert!(self.0.head().starts_with("HTTP/1.1 204 "));
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process of a [`ServerProcess`]; it serves until its input ends.
#[test]
#[ignore = "a process of the other tests"]
fn a_server() {
    let asked = std::env::var("HOSTILE").unwrap();
    let asked: Vec<&str> = asked.split(' ').collect();
    let any = "127.0.0.1:0".parse().unwrap();
    let server = Server::start(Config {
        transport: by_name(asked[0]).unwrap(),
        listen: any,
        control: any,
        cores: vec![],
        shards: asked[4].parse().unwrap(),
        options: ServeOptions {
            stack: Stack::Bare,
            queue: asked[1].parse().unwrap(),
            overflow: asked[2].parse().unwrap(),
            header_timeout_ms: asked[3].parse().unwrap(),
            ..ServeOptions::default()
        },
    })
    .unwrap();
    println!("\nready {} {}", server.data_addr(), server.control_addr());
    std::io::stdout().flush().unwrap();
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}
