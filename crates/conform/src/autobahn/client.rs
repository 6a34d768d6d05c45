//! The suite's server against our client: handshake, frame decoder and encoder of the subscriber, with an echo on top.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pushbench_sys::process::Child;
use pushbench_transport::dialogue::NONCE;
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::websocket::frame::{FrameDecoder, Item, Opcode, encode_client};
use pushbench_transport::websocket::handshake;
use serde_json::json;

use super::{AutobahnError, Plan, Suite, Tested, line, report, text, write_spec};

/// What the reports call our client.
const AGENT: &str = "client";
/// Starts the suite's server on a free port of loopback only; by itself it would listen everywhere.
const SERVER: &str = include_str!("server.py");
/// A server that says nothing for so long has forgotten us.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn run(
    suite: &Suite,
    plan: &Plan,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Tested, AutobahnError> {
    let out = plan.out.join("clients");
    let spec = json!({
        "url": "ws://127.0.0.1:0",
        "outdir": text(&out)?,
        "cases": plan.cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    let spec = write_spec(&out, "spec.json", &spec)?;
    let mut child = suite.start(&["-c", SERVER, text(&spec)?])?;
    let address = address(&mut child, stop)?;
    let failed = |what: &str, error: &io::Error, child: &Child| AutobahnError::Suite {
        what: format!("{what}: {error}"),
        said: child.errors(),
    };

    let mut count = None;
    converse(
        address,
        "/getCaseCount",
        Some(&mut |text| count = text.parse().ok()),
    )
    .map_err(|error| failed("does not tell its cases", &error, &child))?;
    let Some(count) = count else {
        let error = io::Error::other("no number came");
        return Err(failed("does not tell its cases", &error, &child));
    };
    for case in 1..=count {
        if stop.load(Ordering::Relaxed) {
            return Err(AutobahnError::Interrupted);
        }
        progress(&format!("Autobahn: {AGENT} case {case} of {count}"));
        // How a case ends is the suite's to judge, a broken connection too.
        let _ = converse(
            address,
            &format!("/runCase?case={case}&agent={AGENT}"),
            None,
        );
    }
    converse(
        address,
        &format!("/updateReports?agent={AGENT}"),
        Some(&mut |_| {}),
    )
    .map_err(|error| failed("does not write its reports", &error, &child))?;
    report::read(&out, AGENT)
}

/// Where the suite's server is, which it says when it is ready.
fn address(child: &mut Child, stop: &AtomicBool) -> Result<SocketAddr, AutobahnError> {
    let mut port: Option<u16> = None;
    while port.is_none()
        && let Some(line) = line(child, stop)?
    {
        port = line
            .strip_prefix("PORT ")
            .and_then(|port| port.parse().ok());
    }
    port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .ok_or_else(|| AutobahnError::Suite {
            what: "ends before it listens".into(),
            said: child.errors(),
        })
}

/// What is done with messages.
type OnText<'a> = Option<&'a mut dyn FnMut(&str)>;

/// Opens a WebSocket at `target`, and ends as RFC 6455 wants it. Text messages go to `on_text`; without it every message is sent
/// back as it came.
fn converse(address: SocketAddr, target: &str, mut on_text: OnText<'_>) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    handshake::request(target, &address.to_string(), NONCE, &mut request);
    stream.write_all(&request)?;

    let mut buffer = vec![0; 64 * 1024];
    let mut heads = HeadReader::default();
    let mut unread = loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some((head, taken)) = heads.feed(&buffer[..read]).map_err(io::Error::other)? {
            handshake::check(&head, NONCE).map_err(io::Error::other)?;
            break taken..read;
        }
    };
    let mut echo = Echo::new();
    loop {
        let open = echo.take(&buffer[unread], &mut on_text);
        let sent = stream.write_all(&echo.out);
        if !open {
            break;
        }
        sent?;
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => unread = 0..read,
        }
    }
    // Section 7.1.1: the server ends the connection first; after a fault the client does. One that is in a hurry resets it.
    if echo.failed {
        let _ = stream.shutdown(Shutdown::Write);
    }
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    Ok(())
}

/// Sends messages back.
struct Echo {
    decoder: FrameDecoder,
    out: Vec<u8>,
    failed: bool,
}

impl Echo {
    fn new() -> Self {
        Self {
            decoder: FrameDecoder::new(MAX_MESSAGE),
            out: Vec::new(),
            failed: false,
        }
    }

    /// Takes what was read, and leaves in `out` what is to be sent. Returns whether more may come.
    fn take(&mut self, bytes: &[u8], on_text: &mut OnText<'_>) -> bool {
        let out = &mut self.out;
        out.clear();
        let [a, b, c, d, ..] = NONCE;
        let mask = [a, b, c, d];
        let fed = self.decoder.feed(bytes, &mut |item| match item {
            Item::Text(text) => match on_text {
                Some(on_text) => on_text(&String::from_utf8_lossy(text)),
                None => encode_client(Opcode::Text, text, mask, out),
            },
            Item::Binary(_) if on_text.is_some() => {}
            Item::Binary(bytes) => encode_client(Opcode::Binary, bytes, mask, out),
            Item::Ping(bytes) => encode_client(Opcode::Pong, bytes, mask, out),
            Item::Pong(_) => {}
            Item::Close(reason) => {
                let code = reason.map(|(code, _)| code.to_be_bytes());
                let code = code.as_ref().map_or(&[][..], |code| code);
                encode_client(Opcode::Close, code, mask, out);
            }
        });
        if let Err(fault) = fed {
            self.failed = true;
            let code = fault.close_code().to_be_bytes();
            encode_client(Opcode::Close, &code, mask, &mut self.out);
        }
        !self.failed && !self.decoder.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(frames: &[u8]) -> (Vec<u8>, bool) {
        let mut echo = Echo::new();
        let open = echo.take(frames, &mut None);
        // With a mask of NONCE, unmasked again: header and payload of each short frame.
        let mut plain = Vec::new();
        let mut rest = &echo.out[..];
        while let [first, len, mask @ ..] = rest {
            let len = usize::from(len & 0x7F);
            plain.push(*first);
            plain.extend(
                mask[4..4 + len]
                    .iter()
                    .zip(mask[..4].iter().cycle())
                    .map(|(b, m)| b ^ m),
            );
            rest = &mask[4 + len..];
        }
        (plain, open)
    }

    #[test]
    fn messages_come_back_and_pings_are_answered() {
        assert_eq!(
            taken(b"\x81\x01a\x89\x01b\x02\x01c\x80\x01d"),
            (b"\x81a\x8Ab\x82cd".to_vec(), true)
        );
    }

    #[test]
    fn a_close_is_answered_and_a_fault_is_told() {
        assert_eq!(
            taken(b"\x88\x05\x03\xE8bye"),
            (b"\x88\x03\xE8".to_vec(), false)
        );
        assert_eq!(taken(b"\x88\x00"), (b"\x88".to_vec(), false));
        assert_eq!(
            taken(b"\x81\x01a\x83\x00"),
            (b"\x81a\x88\x03\xEA".to_vec(), false)
        );
        assert_eq!(taken(b"\x81\x01\xFF"), (b"\x88\x03\xEF".to_vec(), false));
    }
}
