//! Sentences with program text in them: what stands between two backticks is code.

/// `text` with `code` made of what stands between two backticks, and `plain` of all else. A backtick without a second stays, and two
/// with nothing between them do.
pub(crate) fn spans(
    text: &str,
    plain: impl Fn(&str) -> String,
    code: impl Fn(&str) -> String,
) -> String {
    let pieces: Vec<&str> = text.split('`').collect();
    let mut out = String::with_capacity(text.len());
    for (at, piece) in pieces.iter().enumerate() {
        let (inside, closed) = (at % 2 == 1, at + 1 < pieces.len());
        out += &match (inside, closed) {
            (false, _) => plain(piece),
            (true, true) if piece.is_empty() => plain("``"),
            (true, true) => code(piece),
            (true, false) => plain("`") + &plain(piece),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_code_and_all_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("none", "none"),
            ("run `a b` now", "run [a b] now"),
            ("`a` or `b`.", "[a] or [b]."),
            ("`a` and ` alone", "[a] and ` alone"),
            ("alone `", "alone `"),
            ("empty `` and `a`", "empty `` and [a]"),
        ] {
            let said = spans(text, str::to_owned, |code| format!("[{code}]"));
            assert_eq!(said, expected);
        }
    }
}
