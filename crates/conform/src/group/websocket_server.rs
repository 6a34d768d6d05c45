//! The WebSocket servers, over real connections.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use pushbench_transport::dialogue::NONCE;
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::stack::Stack;
use pushbench_transport::websocket::frame::{FrameDecoder, Item};
use pushbench_transport::websocket::handshake;
use serde::Deserialize;

use crate::escape;

use super::websocket_client::shown;
use super::{Checked, Group, GroupError, Outcome, compare};

mod notation;

pub(super) const GROUP: Group = Group {
    name: "websocket-server",
    about: "the WebSocket servers of all stacks: handshakes, frames, and what closes a connection",
    run,
};

/// A server that says nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    section: String,
    rule: String,
    request: Option<String>,
    #[serde(default = "switched")]
    status: u16,
    #[serde(default)]
    send: Vec<String>,
    #[serde(default)]
    replies: Vec<String>,
    #[serde(default)]
    instead: BTreeMap<String, Vec<String>>,
}

const fn switched() -> u16 {
    101
}

fn run() -> Result<Vec<Checked>, GroupError> {
    let servers = Stack::ALL
        .iter()
        .map(|&stack| crate::own::echo(stack).map(|server| (stack, server)))
        .collect::<Result<Vec<_>, _>>()?;
    super::run::<Case>(
        "websocket-server",
        include_str!("../../corpus/websocket-server.toml"),
        |case| {
            servers
                .iter()
                .map(|(stack, server)| case.check(*stack, server.data_addr()))
                .collect()
        },
    )
}

impl super::Case for Case {
    fn head(&self) -> (&str, &str, &str) {
        (&self.name, &self.section, &self.rule)
    }
}

impl Case {
    fn check(
        &self,
        stack: Stack,
        address: SocketAddr,
    ) -> Result<(&'static str, u64, Outcome), String> {
        let request = match &self.request {
            Some(request) => escape::bytes(request)?,
            None => {
                let mut request = Vec::new();
                handshake::request("/ws", "x", NONCE, &mut request);
                request
            }
        };
        let mut frames = Vec::new();
        for frame in &self.send {
            notation::frame(frame, &mut frames)?;
        }
        let mut expected = if self.status == switched() {
            notation::canonical(&self.replies)?
        } else {
            vec![self.status.to_string()]
        };
        let closes = |replies: &[String]| {
            let last = replies.last().map(String::as_str).unwrap_or_default();
            last.starts_with("close") || last == "drop"
        };
        if self.status == switched() && !closes(&expected) {
            notation::frame("close 1000", &mut frames)?;
            expected.push("close 1000".into());
        }
        // Bytes that come one by one after a connection was dropped would reset it: only our own server promises to read them.
        let ways = if stack == Stack::Bare { 2 } else { 1 };
        let mut outcome = Outcome::Passed;
        for way in 0..ways {
            let got = self
                .play(address, &request, &frames, way == 1)
                .unwrap_or_else(|error| vec![format!("failed: {error}")]);
            outcome = self.judge(stack, &expected, &got);
            if outcome != Outcome::Passed {
                break;
            }
        }
        Ok((stack.label(), ways, outcome))
    }

    /// Sends a request and frames, and tells what came back: the status if it is not 101, or the frames and how it ended.
    fn play(
        &self,
        address: SocketAddr,
        request: &[u8],
        frames: &[u8],
        bytewise: bool,
    ) -> io::Result<Vec<String>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        send(&mut stream, request, bytewise)?;

        let mut buffer = [0; 4096];
        let mut heads = HeadReader::default();
        let mut early = Vec::new();
        loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Ok(vec!["no answer".into()]);
            }
            let Some((head, taken)) = heads.feed(&buffer[..read]).map_err(io::Error::other)? else {
                continue;
            };
            if head.status != switched() || self.status != switched() {
                return Ok(vec![head.status.to_string()]);
            }
            handshake::check(&head, NONCE).map_err(io::Error::other)?;
            early.extend_from_slice(&buffer[taken..read]);
            break;
        }

        // A server that has closed takes nothing more, which is what some cases are about.
        let _ = send(&mut stream, frames, bytewise);
        // A server that waits for the rest of something waits in vain, and not for long.
        let _ = stream.shutdown(Shutdown::Write);
        let mut decoder = FrameDecoder::new(MAX_MESSAGE);
        let mut replies = Vec::new();
        let mut take = |bytes: &[u8]| {
            decoder
                .feed(bytes, &mut |item| replies.push(reply(&item)))
                .map_err(io::Error::other)
        };
        take(&early)?;
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => take(&buffer[..read])?,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error),
            }
        }
        if !decoder.is_closed() {
            replies.push("drop".into());
        }
        Ok(replies)
    }

    fn judge(&self, stack: Stack, expected: &Vec<String>, got: &Vec<String>) -> Outcome {
        let outcome = compare(expected, got);
        match (self.instead.get(stack.label()), outcome) {
            (None, outcome) => outcome,
            (Some(_), Outcome::Passed) => Outcome::Failed(format!(
                "{stack} now keeps this rule: the corpus need no longer say what it does instead"
            )),
            (Some(known), Outcome::Failed(difference)) if known == got => {
                Outcome::Differs(difference)
            }
            (Some(known), _) => compare(known, got),
        }
    }
}

fn send(stream: &mut TcpStream, bytes: &[u8], bytewise: bool) -> io::Result<()> {
    let size = if bytewise { 1 } else { bytes.len().max(1) };
    bytes
        .chunks(size)
        .try_for_each(|piece| stream.write_all(piece))
}

/// Reasons are for people: a server may give any.
fn reply(item: &Item<'_>) -> String {
    match item {
        Item::Close(Some((code, _))) => format!("close {code}"),
        item => shown(item),
    }
}
