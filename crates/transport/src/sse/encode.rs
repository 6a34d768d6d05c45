//! Writing an event stream.
//!
//! Overhead of one event with a payload of P bytes on L lines (ended by LF or CR; a CRLF saves one):
//! 6L + 2, plus 5 + digits(n) for `id: n` and 8 + len(x) for `event: x`.

use memchr::memchr2;

/// The fields of an event beside its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The event type. Only its first line is written: a line end cannot be part of a type.
    pub event: Option<&'a str>,
    /// The id, which a client sends back as `Last-Event-ID`.
    pub id: Option<u64>,
    /// The reconnection time to ask for, in milliseconds.
    pub retry_ms: Option<u64>,
}

/// Appends one event: its fields, one `data` line for each line of `data`, an empty line.
///
/// CR and CRLF inside `data` arrive as LF, because the format knows only lines.
pub fn event(fields: &Fields<'_>, data: &str, out: &mut Vec<u8>) {
    out.reserve(event_len_hint(data));
    if let Some(event) = fields.event {
        line("event: ", first_line(event), out);
    }
    if let Some(id) = fields.id {
        number_line("id: ", id, out);
    }
    if let Some(retry) = fields.retry_ms {
        number_line("retry: ", retry, out);
    }
    each_line(data, |data| line("data: ", data, out));
    out.push(b'\n');
}

/// Appends a comment, as servers send to keep a connection alive: one `: ` line for each line of
/// `text`, then an empty line. It must not stand inside an event.
pub fn comment(text: &str, out: &mut Vec<u8>) {
    each_line(text, |text| line(": ", text, out));
    out.push(b'\n');
}

/// How many bytes [`event`] appends.
#[must_use]
pub fn event_len(fields: &Fields<'_>, data: &str) -> usize {
    let mut data_lines = 0;
    each_line(data, |line| data_lines += "data: \n".len() + line.len());
    fields
        .event
        .map_or(0, |event| "event: \n".len() + first_line(event).len())
        + fields.id.map_or(0, |id| "id: \n".len() + digits(id))
        + fields
            .retry_ms
            .map_or(0, |retry| "retry: \n".len() + digits(retry))
        + data_lines
        + "\n".len()
}

/// Enough for one line and an id; more lines grow the buffer as usual.
const fn event_len_hint(data: &str) -> usize {
    data.len() + 48
}

fn line(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

fn number_line(name: &str, mut number: u64, out: &mut Vec<u8>) {
    // By hand, because the formatting machinery costs more than the rest of a short event.
    let mut text = [0; 20];
    let mut start = text.len();
    loop {
        start -= 1;
        text[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&text[start..]);
    out.push(b'\n');
}

const fn digits(number: u64) -> usize {
    match number.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

fn first_line(text: &str) -> &str {
    memchr2(b'\n', b'\r', text.as_bytes()).map_or(text, |end| &text[..end])
}

/// Calls `on_line` for each line: always one more than there are line ends.
fn each_line(text: &str, mut on_line: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(at) = memchr2(b'\n', b'\r', rest.as_bytes()) {
        on_line(&rest[..at]);
        let end = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
    }
    on_line(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(fields: &Fields<'_>, data: &str) -> String {
        let mut out = Vec::new();
        event(fields, data, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_come_in_a_fixed_order() {
        let fields = Fields {
            event: Some("tick"),
            id: Some(0),
            retry_ms: Some(u64::MAX),
        };
        assert_eq!(
            encoded(&fields, "x"),
            "event: tick\nid: 0\nretry: 18446744073709551615\ndata: x\n\n"
        );
    }

    #[test]
    fn every_line_end_starts_a_data_line() {
        let none = Fields::default();
        assert_eq!(encoded(&none, ""), "data: \n\n");
        assert_eq!(encoded(&none, "a\n"), "data: a\ndata: \n\n");
        assert_eq!(
            encoded(&none, "a\r\nb\rc\n\rd"),
            "data: a\ndata: b\ndata: c\ndata: \ndata: d\n\n"
        );
    }

    #[test]
    fn a_type_cannot_smuggle_in_a_line() {
        let fields = Fields {
            event: Some("a\ndata: b"),
            ..Fields::default()
        };
        assert_eq!(encoded(&fields, "x"), "event: a\ndata: x\n\n");
    }

    #[test]
    fn a_comment_is_a_block_of_its_own() {
        let mut out = Vec::new();
        comment("ping\ndata: x", &mut out);
        assert_eq!(out, b": ping\n: data: x\n\n");
    }

    #[test]
    fn overhead_follows_the_formula() {
        let with_id = |id| Fields {
            id: Some(id),
            ..Fields::default()
        };
        for payload in [0, 64, 1024, 65_536] {
            let data = "x".repeat(payload);
            assert_eq!(event_len(&Fields::default(), &data), payload + 8);
            assert_eq!(event_len(&with_id(123), &data), payload + 8 + 5 + 3);
        }
        // Three lines, the line ends of one byte each counted in the payload.
        assert_eq!(event_len(&Fields::default(), "a\nb\rc"), 5 + 6 * 3 + 2);
    }

    proptest! {
        #[test]
        fn the_length_is_what_is_written(
            name in proptest::option::of("[a-z\n]{0,8}"),
            id: Option<u64>,
            retry_ms: Option<u64>,
            data in "([a-zé]|\r|\n|\r\n){0,40}",
        ) {
            let fields = Fields { event: name.as_deref(), id, retry_ms };
            prop_assert_eq!(event_len(&fields, &data), encoded(&fields, &data).len());
        }
    }
}
