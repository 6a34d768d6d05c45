//! The few requests of the control plane: blocking, one connection each, with a deadline.

use std::io::{self, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;

use crate::LoadError;
use crate::target::Target;

/// Longest body of an answer: a report with a full histogram is far below it.
const MAX_BODY: usize = 16 << 20;

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
    patience: Duration,
) -> Result<Response, LoadError> {
    let address = target.address;
    let deadline = Instant::now() + patience;
    let stream = connect(address, patience)?;
    exchange(stream, target, line, body, deadline).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                format!("no answer within {patience:?}")
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

pub(crate) fn connect(address: SocketAddr, patience: Duration) -> Result<TcpStream, LoadError> {
    TcpStream::connect_timeout(&address, patience)
        .map_err(|source| LoadError::Connect { address, source })
}

fn exchange(
    mut stream: TcpStream,
    target: &Target,
    line: &str,
    body: &[u8],
    deadline: Instant,
) -> io::Result<Response> {
    stream.set_write_timeout(Some(left(deadline)?))?;
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
        // The deadline is one for the whole answer: a server that drips bytes does not extend it.
        stream.set_read_timeout(Some(left(deadline)?))?;
        let n = read(&mut stream, &mut buffer)?;
        if n == 0 {
            let Some(mut decoder) = decoder else {
                return Err(io::Error::other("the connection ended before the answer"));
            };
            decoder.finish().map_err(io::Error::other)?;
            return Ok(response);
        }
        let mut bytes = &buffer[..n];
        while decoder.is_none() {
            let Some((parsed, taken)) = head.feed(bytes).map_err(io::Error::other)? else {
                break;
            };
            if !parsed.is_interim() {
                response.status = parsed.status;
                decoder = Some(BodyDecoder::new(parsed.framing()));
            }
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
            if response.body.len() > MAX_BODY {
                let limit = format!("an answer of more than {MAX_BODY} bytes");
                return Err(io::Error::other(limit));
            }
            if decoder.is_done() {
                return Ok(response);
            }
        }
    }
}

/// A read that a process which was stopped and continued (Ctrl-Z, `fg`) takes up again: where a timeout is set, the
/// kernel does not.
pub(crate) fn read(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Time left until `deadline`.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    // A socket takes no timeout of zero: that would mean none.
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is interrupted twice, then speaks, then ends.
    struct Stopped(u32);

    impl Read for Stopped {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 | 2 => Err(io::ErrorKind::Interrupted.into()),
                3 => {
                    buffer[0] = b'x';
                    Ok(1)
                }
                4 => Ok(0),
                _ => Err(io::ErrorKind::WouldBlock.into()),
            }
        }
    }

    #[test]
    fn a_process_that_was_stopped_reads_on() {
        let (mut stream, mut buffer) = (Stopped(0), [0; 4]);
        assert_eq!(read(&mut stream, &mut buffer).unwrap(), 1);
        assert_eq!(read(&mut stream, &mut buffer).unwrap(), 0);
        let error = read(&mut stream, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
