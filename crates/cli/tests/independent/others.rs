//! Clients that share no code with ours: curl, and ws on Node.

use std::io::Read as _;
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use crate::common::{Guard, root, skipped};

/// What a client received.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) messages: u64,
    /// Bytes of their data.
    pub(crate) bytes: u64,
}

impl Counted {
    fn add(&mut self, data: &str) {
        self.messages += 1;
        self.bytes += data.len() as u64;
    }
}

/// A client.
#[derive(Clone)]
pub(crate) enum Client {
    /// Event stream.
    Curl,
    /// Event stream that answers a POST with this JSON.
    CurlPost(String),
    /// WebSocket.
    NodeWs,
    /// Long-polls by number, a message per line.
    CurlPoll,
    /// Long-polls by validators, a message per answer.
    CurlConditional,
}

const NODE_WS: &str = "\
import { WebSocket } from 'ws';
let messages = 0, bytes = 0;
const ws = new WebSocket(process.argv[1], { perMessageDeflate: false });
ws.on('message', (data) => { messages += 1; bytes += data.length; });
ws.on('error', () => {});
ws.on('close', () => console.log(messages, bytes));
";

impl Client {
    /// Whether this machine has it.
    pub(crate) fn is_there(&self, stack: &str) -> bool {
        let node = root().join("benches/servers/node");
        let (program, is_missing) = match self {
            Self::NodeWs => ("node", !node.join("node_modules/ws").exists()),
            _ => ("curl", false),
        };
        let runs = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        let is_there = !is_missing && runs.is_ok_and(|status| status.success());
        if !is_there {
            let install = "`npm ci --prefix benches/servers/node` or the package curl";
            skipped(&format!(
                "{stack}: no other client, {program} is missing; {install}"
            ));
        }
        is_there
    }

    /// Starts it on `url`, which has no scheme.
    pub(crate) fn start(&self, url: &str) -> Running {
        let http = format!("http://{url}");
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--no-buffer", &http]);
        // Some servers know an EventSource by this.
        curl.args(["--header", "Accept: text/event-stream"]);
        match self {
            Self::Curl => reading(curl, events),
            Self::CurlPost(json) => {
                curl.args(["--header", "Content-Type: application/json", "--data", json]);
                reading(curl, events)
            }
            Self::NodeWs => {
                let mut node = Command::new("node");
                node.args(["--input-type=module", "--eval", NODE_WS])
                    .arg(format!("ws://{url}"))
                    .current_dir(root().join("benches/servers/node"));
                reading(node, numbers)
            }
            Self::CurlPoll => Running {
                counted: thread::spawn(move || polls(&http)),
                _child: None,
            },
            Self::CurlConditional => Running {
                counted: thread::spawn(move || conditional(&http)),
                _child: None,
            },
        }
    }
}

/// A client that runs until its connection ends.
pub(crate) struct Running {
    counted: JoinHandle<Counted>,
    _child: Option<Guard>,
}

impl Running {
    /// Waits for its end.
    pub(crate) fn counted(self) -> Counted {
        self.counted.join().unwrap()
    }
}

fn reading(mut command: Command, count: fn(&str) -> Counted) -> Running {
    let mut child = Guard(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut stdout = child.0.stdout.take().unwrap();
    let counted = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        count(&text)
    });
    Running {
        counted,
        _child: Some(child),
    }
}

/// Blocks with data lines; the last one is complete only with an empty line behind it.
fn events(text: &str) -> Counted {
    let mut counted = Counted::default();
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    for block in whole.split("\n\n") {
        let lines = block.lines().filter_map(|line| line.strip_prefix("data: "));
        let lines: Vec<&str> = lines.collect();
        if !lines.is_empty() {
            counted.add(&lines.join("\n"));
        }
    }
    counted
}

fn numbers(text: &str) -> Counted {
    let (messages, bytes) = text.trim().split_once(' ').unwrap();
    Counted {
        messages: messages.parse().unwrap(),
        bytes: bytes.parse().unwrap(),
    }
}

/// One poll, head and body; `None` if the connection ended before its answer.
fn poll(url: &str, headers: &[String]) -> Option<(String, String)> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--include", url]);
    for header in headers {
        curl.args(["--header", header]);
    }
    let Output { status, stdout, .. } = curl.output().unwrap();
    let answer = String::from_utf8(stdout).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    status.success().then(|| (head.to_owned(), body.to_owned()))
}

fn polls(url: &str) -> Counted {
    let mut counted = Counted::default();
    loop {
        let url = format!("{url}?after={}&timeout=20000", counted.messages);
        let Some((_, body)) = poll(&url, &[]) else {
            return counted;
        };
        body.lines().for_each(|line| counted.add(line));
    }
}

fn conditional(url: &str) -> Counted {
    let mut counted = Counted::default();
    let mut headers = Vec::new();
    while let Some((head, body)) = poll(url, &headers) {
        let value = |name: &str| {
            let fields = head.lines().filter_map(|line| line.split_once(": "));
            let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
            named.next().unwrap().1.to_owned()
        };
        headers = vec![
            format!("If-Modified-Since: {}", value("Last-Modified")),
            format!("If-None-Match: {}", value("Etag")),
        ];
        counted.add(&body);
    }
    counted
}
