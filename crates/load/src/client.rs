//! The few requests of the control plane: blocking, one connection each, with a deadline.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;

use crate::LoadError;
use crate::target::Target;

/// Longest wait for any answer of a control endpoint.
const PATIENCE: Duration = Duration::from_secs(5);

/// A response of the control endpoint.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends a request; `line` is its method and path.
pub(crate) fn request(
    target: &Target,
    line: &'static str,
    body: &[u8],
) -> Result<Response, LoadError> {
    let address = target.address;
    let stream = connect(address)?;
    exchange(stream, target, line, body).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                format!("no answer within {} s", PATIENCE.as_secs())
            }
            _ => error.to_string(),
        };
        LoadError::Control {
            request: line,
            address,
            reason,
        }
    })
}

pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream, LoadError> {
    TcpStream::connect_timeout(&address, PATIENCE)
        .map_err(|source| LoadError::Connect { address, source })
}

fn exchange(
    mut stream: TcpStream,
    target: &Target,
    line: &str,
    body: &[u8],
) -> io::Result<Response> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = format!(
        "{line} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        target.host,
        body.len()
    )
    .into_bytes();
    text.extend_from_slice(body);
    stream.write_all(&text)?;

    let mut head = HeadReader::default();
    let mut buffer = [0; 16 * 1024];
    let mut response = Response {
        status: 0,
        body: Vec::new(),
    };
    let mut decoder: Option<BodyDecoder> = None;
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            let Some(mut decoder) = decoder else {
                return Err(io::Error::other("the connection ended before the answer"));
            };
            decoder.finish().map_err(io::Error::other)?;
            return Ok(response);
        }
        let mut bytes = &buffer[..n];
        if decoder.is_none() {
            let Some((parsed, taken)) = head.feed(bytes).map_err(io::Error::other)? else {
                continue;
            };
            if parsed.is_interim() {
                continue;
            }
            response.status = parsed.status;
            decoder = Some(BodyDecoder::new(parsed.framing()));
            bytes = &bytes[taken..];
        }
        if let Some(decoder) = &mut decoder {
            let out = &mut response.body;
            decoder
                .feed::<BodyError>(bytes, &mut |data| {
                    out.extend_from_slice(data);
                    Ok(())
                })
                .map_err(io::Error::other)?;
            if decoder.is_done() {
                return Ok(response);
            }
        }
    }
}
