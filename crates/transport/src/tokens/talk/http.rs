//! What requests and responses of conversations over HTTP/1.1 have in common.

use crate::ascii::push_decimal;
use crate::http1::body::{BodyDecoder, Framing};
use crate::http1::head::ResponseHead;
use crate::subscriber::SubscribeError;
use crate::tokens::PATH;

/// Bytes came while nothing was asked for.
pub(super) const UNASKED: SubscribeError = SubscribeError::Ended("by saying what nobody asked for");

/// Appends a question; `field` says how its answer is to come.
pub(super) fn question(host: &str, field: [&str; 2], ask: &[u8], out: &mut Vec<u8>) {
    let [name, value] = field;
    for part in [
        "POST ",
        PATH,
        " HTTP/1.1\r\nHost: ",
        host,
        "\r\n",
        name,
        ": ",
        value,
        "\r\nContent-Type: application/json\r\nContent-Length: ",
    ] {
        out.extend_from_slice(part.as_bytes());
    }
    push_decimal(ask.len() as u64, out);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(ask);
}

/// The content type of a response, without parameters, and what reads its body.
pub(super) fn content<'a>(
    head: &ResponseHead<'a>,
) -> Result<(&'a str, BodyDecoder), SubscribeError> {
    let found = head.content_type.unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    match head.framing() {
        // A response that only the end of the connection ends is one that nobody can follow with a request.
        Framing::UntilClose => Err(SubscribeError::Ended("with every answer")),
        framing => Ok((essence, BodyDecoder::new(framing))),
    }
}

/// Adds to a text of which no more than `most` bytes are taken.
pub(super) fn add(text: &mut Vec<u8>, data: &[u8], most: usize) -> Result<(), SubscribeError> {
    text.extend_from_slice(data);
    if text.len() > most {
        return Err(SubscribeError::Ended("with an endless answer"));
    }
    Ok(())
}
