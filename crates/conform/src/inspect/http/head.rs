//! A head, taken apart.

use super::super::{Class, Entry, Unread};

/// Takes the head apart that stands at the start of `unread` and has `len` bytes. It was read before, so it is in order.
pub(super) fn pieces(unread: &mut Unread, len: usize, out: &mut Vec<Entry>) {
    let end = unread.at + len as u64;
    let mut first = true;
    while unread.at < end {
        let left = (end - unread.at) as usize;
        let bytes = &unread.peek()[..left];
        let line = bytes
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(left, |at| at + 1);
        let bytes = bytes[..line].to_vec();
        let text_len = bytes
            .iter()
            .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
            .map_or(0, |at| at + 1);
        let text = &bytes[..text_len];
        let mut parts = if std::mem::take(&mut first) {
            status_line(text)
        } else {
            field(text)
        };
        let end = if text.is_empty() {
            "empty line: the head ends"
        } else {
            "ends the line"
        };
        parts.push((line - text_len, Class::Sign, end.to_owned()));
        for (len, class, meaning) in parts {
            if len > 0 {
                out.push(unread.piece(len, class, meaning).into());
            }
        }
    }
}

type Part = (usize, Class, String);

fn status_line(line: &[u8]) -> Vec<Part> {
    let space = |from: usize| {
        let rest = line.get(from..).unwrap_or_default();
        from + rest
            .iter()
            .position(|&byte| byte == b' ')
            .unwrap_or(rest.len())
    };
    let version = space(0);
    let status = space((version + 1).min(line.len()));
    let code =
        String::from_utf8_lossy(line.get(version + 1..status).unwrap_or_default()).into_owned();
    let phrase = line.len().saturating_sub(status + 1);
    let sign = |at: usize| usize::from(at < line.len());
    vec![
        (version, Class::Framing, "version of HTTP".into()),
        (sign(version), Class::Sign, "separates".into()),
        (
            status.saturating_sub(version + 1),
            Class::Framing,
            status_meaning(&code),
        ),
        (sign(status), Class::Sign, "separates".into()),
        (phrase, Class::Ignored, "phrase for people: ignored".into()),
    ]
}

fn status_meaning(code: &str) -> String {
    let meaning = match code {
        "101" => "the protocol is switched: frames follow",
        "200" => "success",
        "204" => "no content: an EventSource stops, a long-poll asks again",
        "304" => "not modified: a long-poll asks again",
        "408" => "request timeout: a long-poll asks again",
        _ => match code.as_bytes().first() {
            Some(b'1') => "an interim answer",
            Some(b'2') => "success",
            Some(b'3') => "a redirect",
            Some(b'4') => "the request is at fault",
            _ => "the server is at fault",
        },
    };
    format!("status: {meaning}")
}

fn field(line: &[u8]) -> Vec<Part> {
    if line.is_empty() {
        return Vec::new();
    }
    let name = line
        .iter()
        .position(|&byte| byte == b':')
        .unwrap_or(line.len());
    let value = line.get(name + 1..).unwrap_or_default();
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let before = value.iter().take_while(|byte| is_space(byte)).count();
    let kept = value.len() - value.iter().rev().take_while(|byte| is_space(byte)).count();
    let kept = kept.saturating_sub(before);
    let after = value.len() - before - kept;
    let lower = String::from_utf8_lossy(&line[..name]).to_ascii_lowercase();
    let (class, meaning) = match lower.as_str() {
        "content-type" => (
            Class::Value,
            "what the body is; case and parameters mean nothing to an event stream",
        ),
        "content-length" => (Class::Value, "length of the body, bytes"),
        "transfer-encoding" => (Class::Value, "how the body is framed; overrides a length"),
        "connection" => (
            Class::Value,
            "whether the connection lasts, and which fields are for this hop alone",
        ),
        "location" => (Class::Value, "where to ask instead"),
        "upgrade" => (Class::Value, "the protocol that follows"),
        "sec-websocket-accept" => (
            Class::Value,
            "proves that the key of the request was understood",
        ),
        "sec-websocket-extensions" => (Class::Value, "extensions that change the frames"),
        "sec-websocket-protocol" => (Class::Value, "the subprotocol chosen"),
        "cache-control" => (
            Class::Value,
            "what caches may do; an event stream is to be kept by none",
        ),
        "x-accel-buffering" => (Class::Value, "tells nginx whether to hold the body back"),
        _ => (Class::Ignored, "does not change how the answer is read"),
    };
    vec![
        (name, Class::Name, "name of the field".into()),
        (
            usize::from(name < line.len()),
            Class::Sign,
            "ends the name".into(),
        ),
        (before, Class::Sign, "space: no part of the value".into()),
        (kept, class, meaning.into()),
        (after, Class::Sign, "space: no part of the value".into()),
    ]
}
