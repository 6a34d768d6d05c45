//! Whether an answer is an event stream: the essence of `Content-Type`, as WHATWG Fetch ("extract a MIME type") and WHATWG
//! MIME Sniffing ("parsing a MIME type") find it.

/// Whether a value of `Content-Type` names an event stream. Case and parameters mean nothing: an event stream is UTF-8,
/// whatever its `charset` says. Of several values, joined with commas, the last that is a MIME type decides.
#[must_use]
pub fn is_event_stream(content_type: &str) -> bool {
    let mut rest = content_type;
    let mut found = None;
    while let Some((value, after)) = split_value(rest) {
        found = essence(value).filter(|&essence| essence != "*/*").or(found);
        rest = after;
    }
    found.is_some_and(|essence| essence.eq_ignore_ascii_case("text/event-stream"))
}

/// The value up to the next comma outside of quotes, and what follows the comma.
fn split_value(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    Some((text, ""))
}

/// Type and subtype, if they are such.
fn essence(value: &str) -> Option<&str> {
    let space = [' ', '\t', '\r', '\n'];
    let essence = value.split(';').next()?.trim_matches(space);
    let (kind, subtype) = essence.split_once('/')?;
    (is_token(kind) && is_token(subtype)).then_some(essence)
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}
