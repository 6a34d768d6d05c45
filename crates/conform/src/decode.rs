//! An event stream as one JSON object per event, for pipes.

use std::io::{self, Read, Write};

use pushbench_transport::sse::decode::{DecodeError, Decoder};
use serde::Serialize;

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// Why it did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DecodeFailure {
    /// The input cannot be read.
    #[error("cannot read the event stream: {0}")]
    Read(io::Error),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(io::Error),
    /// The stream is wrong.
    #[error(transparent)]
    Stream(#[from] DecodeError),
}

#[derive(Serialize)]
struct Event<'a> {
    event: &'a str,
    data: &'a str,
    id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Last<'a> {
    last_event_id: &'a str,
    retry: Option<u64>,
}

/// Reads `input` to its end and writes a line of JSON for every event as soon as it has come, then one with the last event id
/// and the reconnection time, milliseconds. `max_message` bounds a line, bytes.
///
/// # Errors
///
/// [`DecodeFailure`]; what came before has been written.
pub fn sse(
    mut input: impl Read,
    mut output: impl Write,
    max_message: usize,
) -> Result<(), DecodeFailure> {
    let mut decoder = Decoder::new(max_message);
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(DecodeFailure::Read(error)),
        };
        let mut written = Ok(());
        let fed = decoder.feed(&buffer[..read], &mut |event| {
            if written.is_ok() {
                let line = Event {
                    event: event.event,
                    data: &String::from_utf8_lossy(event.data),
                    id: event.last_event_id,
                };
                written = write_line(&mut output, &line);
            }
        });
        written.map_err(DecodeFailure::Write)?;
        fed?;
    }
    let last = Last {
        last_event_id: decoder.last_event_id(),
        retry: decoder.retry_ms(),
    };
    write_line(&mut output, &last).map_err(DecodeFailure::Write)
}

fn write_line(output: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    output.write_all(&text)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, and notes how much had been written by then.
    struct Slow<'a>(
        &'a [u8],
        std::rc::Rc<std::cell::RefCell<Vec<u8>>>,
        Vec<usize>,
    );

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.2.push(self.1.borrow().len());
            (&mut self.0).take(1).read(buffer)
        }
    }

    struct Shared(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_for_every_event_at_once() {
        let out = std::rc::Rc::<std::cell::RefCell<Vec<u8>>>::default();
        let stream = b"id: 1\ndata: a\ndata: \"b\"\n\nretry: 5\nevent: x\ndata: \xFF\n\n";
        let mut input = Slow(stream, std::rc::Rc::clone(&out), Vec::new());
        sse(&mut input, Shared(std::rc::Rc::clone(&out)), 100).unwrap();
        let text = String::from_utf8(out.borrow().clone()).unwrap();
        let first = "{\"event\":\"message\",\"data\":\"a\\n\\\"b\\\"\",\"id\":\"1\"}\n";
        assert_eq!(
            text,
            format!(
                "{first}{{\"event\":\"x\",\"data\":\"\u{FFFD}\",\"id\":\"1\"}}\n{{\"lastEventId\":\"1\",\"retry\":5}}\n"
            )
        );
        // The read after the first empty line found the first event written.
        assert_eq!(input.2[25..27], [first.len(), first.len()]);
        assert_eq!(input.2[24], 0);
    }

    #[test]
    fn what_goes_wrong() {
        let mut out = Vec::new();
        let long = sse(&b"data: a\n\ndata: 123456\n\n"[..], &mut out, 5);
        assert!(matches!(long, Err(DecodeFailure::Stream(_))));
        assert_eq!(out, b"{\"event\":\"message\",\"data\":\"a\",\"id\":\"\"}\n");
        let mut full = [0; 10];
        let full = sse(&b"data: a\n\n"[..], &mut full[..], 5);
        assert!(matches!(full, Err(DecodeFailure::Write(_))));
        let mut out = Vec::new();
        sse(io::empty(), &mut out, 5).unwrap();
        assert_eq!(out, b"{\"lastEventId\":\"\",\"retry\":null}\n");
    }
}
