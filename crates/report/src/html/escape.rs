//! Text from a record is text, whatever it holds.

use crate::prose::spans;

/// Escapes `text` for element content and for quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            // Control characters have no place in a page; the ones that matter are spaces.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Escapes sentences. What stands between two backticks is code; one without a second stays as it is.
pub(crate) fn prose(text: &str) -> String {
    spans(text, escape, |code| {
        format!("<code>{}</code>", escape(code))
    })
}

/// Turns a name into something an `id` may hold.
pub(super) fn slug(text: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    text.chars().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_text() {
        assert_eq!(
            escape("<a href=\"x\">'&\u{0}"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp; "
        );
        assert_eq!(slug("Fan out/1"), "fan-out-1");
    }

    #[test]
    fn code_within_sentences_is_escaped_like_them() {
        for (text, expected) in [
            ("run `a b` now", "run <code>a b</code> now"),
            ("`<b>` & <i>", "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"),
            ("one ` alone <", "one ` alone &lt;"),
        ] {
            assert_eq!(prose(text), expected);
        }
    }
}
