//! Writing a line: the JSON text of a message and LF.

use memchr::memchr_iter;

use crate::stream::bare::size_line;

/// What keeps an idle connection alive: an empty line, which readers of the format skip.
pub(super) const HEARTBEAT: &[u8] = b"\n";

/// Appends a message as a line. JSON escapes line ends within strings; one between its tokens means as much as a space and
/// becomes one, or it would cut the message in two.
pub(super) fn line(body: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(body);
    for at in memchr_iter(b'\n', body) {
        out[start + at] = b' ';
    }
    out.push(b'\n');
}

/// Appends the line in a chunk of its own.
pub(super) fn chunk(body: &[u8], out: &mut Vec<u8>) {
    size_line(body.len() + 1, out);
    line(body, out);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pushbench_model::message::{Stamp, encode_text};
    use pushbench_model::theory;

    use super::*;

    const STAMP: Stamp = Stamp {
        seq: 7,
        intended: 1,
        published: 2,
    };

    #[test]
    fn a_line_end_between_tokens_becomes_a_space() {
        let mut out = Vec::new();
        line(b"{\n\"a\":\n1}", &mut out);
        assert_eq!(out, b"{ \"a\": 1}\n");
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value, serde_json::json!({ "a": 1 }));
    }

    proptest! {
        /// A message of ours has no line end, goes out as it is, and costs what the formula says.
        #[test]
        fn our_messages_are_lines(data in "[ -!#-\\[\\]-~é]{0,300}") {
            let (mut body, mut alone, mut chunked) = (Vec::new(), Vec::new(), Vec::new());
            encode_text(STAMP, &data, &mut body);
            prop_assert!(!body.contains(&b'\n'));
            line(&body, &mut alone);
            prop_assert_eq!(&alone, &[&body[..], b"\n"].concat());
            prop_assert_eq!(alone.len() as u64, theory::json_line(body.len() as u64));
            chunk(&body, &mut chunked);
            let content = crate::stream::bare::content(&chunked);
            prop_assert_eq!(&chunked[content], &alone[..]);
            let cost = theory::chunk(theory::json_line(body.len() as u64));
            prop_assert_eq!(chunked.len() as u64, cost);
        }
    }
}
