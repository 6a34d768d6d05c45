#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::{HeadError, HeadReader};
use pushbench_transport_fuzz::Input;

#[derive(Debug, PartialEq)]
enum Fault {
    Head(HeadError),
    Body(BodyError),
}

impl From<BodyError> for Fault {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

/// A connection that carries responses one after another, as a long-poll client reads them.
fn read(pieces: &[&[u8]]) -> (Vec<String>, Vec<u8>, Option<Fault>, Result<(), BodyError>) {
    let mut reader = HeadReader::default();
    let mut body: Option<BodyDecoder> = None;
    let (mut heads, mut data) = (Vec::new(), Vec::new());
    let mut fault = None;
    'pieces: for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let step = match &mut body {
                None => match reader.feed(rest) {
                    Err(error) => Err(Fault::Head(error)),
                    Ok(None) => Ok(rest.len()),
                    Ok(Some((head, taken))) => {
                        heads.push(format!("{head:?}"));
                        body = Some(BodyDecoder::new(head.framing()));
                        Ok(taken)
                    }
                },
                Some(decoder) => decoder.feed(rest, &mut |part| {
                    data.extend_from_slice(part);
                    Ok::<_, Fault>(())
                }),
            };
            match step {
                Ok(taken) => rest = &rest[taken..],
                Err(error) => {
                    fault = Some(error);
                    break 'pieces;
                }
            }
            if body.as_ref().is_some_and(BodyDecoder::is_done) {
                data.push(b'|');
                body = None;
            }
        }
    }
    let end = body.as_mut().map_or(Ok(()), BodyDecoder::finish);
    (heads, data, fault, end)
}

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else {
        return;
    };
    input.same_for_any_cut(read);
});
