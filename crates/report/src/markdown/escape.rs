//! Text from a record as Markdown shows it.

use crate::prose::spans;

/// Text that Markdown shows as it is.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Sentences that Markdown shows as they are, with code between two backticks.
pub(crate) fn prose(text: &str) -> String {
    spans(text, escape, code)
}

/// The same within a table.
pub(super) fn prose_in_cell(text: &str) -> String {
    spans(text, escape, code_cell)
}

/// A code span that holds any backticks `text` has.
pub(super) fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!(
        "{fence}{space}{}{space}{fence}",
        text.replace(['\n', '\r'], " ")
    )
}

/// As code within a cell: one line, with the line ends shown.
pub(super) fn code_cell(text: &str) -> String {
    code(&text.replace('\n', "⏎").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_says_stays_text() {
        assert_eq!(escape("a|b <i>*x*"), r"a\|b &lt;i&gt;\*x\*");
        assert_eq!(code("npm ci"), "`npm ci`");
        assert_eq!(code("echo `x`"), "`` echo `x` ``");
    }

    #[test]
    fn code_within_sentences_is_code() {
        assert_eq!(prose("run `a_b` *now*"), r"run `a_b` \*now\*");
        assert_eq!(prose("one ` alone"), r"one \` alone");
        assert_eq!(prose("`<b>`|"), r"`<b>`\|");
    }
}
