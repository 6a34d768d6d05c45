//! What is written to the standard streams, and how wide.

use std::io::{self, Write as _};

use anyhow::Context as _;

/// Width where there is no terminal: of a log, a pager, an issue.
const WIDTH: usize = 120;
/// Longer lines of prose are hard to read.
const PROSE: usize = 100;

/// Columns of the terminal on standard output, or 120.
pub(crate) fn width() -> usize {
    comfy_table::Table::new().width().map_or(WIDTH, usize::from)
}

/// Columns for sentences.
pub(crate) fn prose_width() -> usize {
    width().min(PROSE)
}

/// Prints on standard output. A reader that has seen enough (`pushbench list | head`) is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// Says a line on standard error. Where that is closed, there is nobody to tell.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Breaks `text` at its spaces into lines of at most `width` characters; a longer word has a line of its own. Narrow
/// no-break spaces, as in `3 980`, are no place to break.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let length = |text: &str| text.chars().count();
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `head`, then `text` in the columns behind it.
pub(crate) fn hanging(head: &str, text: &str) -> String {
    let indent = head.chars().count();
    let lines = wrap(text, prose_width().saturating_sub(indent).max(20));
    format!("{head}{}\n", lines.join(&format!("\n{:indent$}", "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a longword b", 4), ["a", "longword", "b"]);
        assert_eq!(wrap("3\u{202f}980 µs", 5), ["3\u{202f}980", "µs"]);
        assert_eq!(wrap("", 5), Vec::<String>::new());
    }

    #[test]
    fn further_lines_stand_under_the_first() {
        let text = hanging("name  ", &"word ".repeat(30));
        assert!(text.lines().count() > 1);
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with("      word"))
        );
    }
}
