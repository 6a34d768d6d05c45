//! Records are for sharing: what lies in the home directory of whoever made one is named from `~` on.

/// A home directory that texts must not name.
#[derive(Clone, Debug, Default)]
pub(super) struct Home(Option<String>);

impl Home {
    /// That of this process; none where `$HOME` says nothing that could be told from other text.
    pub(super) fn of_this_process() -> Self {
        let home = std::env::var("HOME").unwrap_or_default();
        Self::at(&home)
    }

    pub(super) fn at(home: &str) -> Self {
        let home = home.trim_end_matches('/');
        // JSON writes a path with quotes or backslashes otherwise, and the root is part of every path.
        let plain = home.starts_with('/') && !home.contains(['"', '\\']);
        Self(plain.then(|| home.to_owned()))
    }

    /// `text` with `~` for the directory, wherever it is all or the start of a path.
    pub(super) fn hidden_in(&self, text: String) -> String {
        let Some(home) = self.0.as_deref().filter(|home| text.contains(home)) else {
            return text;
        };
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (at, _) in text.match_indices(home) {
            let end = at + home.len();
            let before = text[..at].chars().next_back();
            let after = text[end..].chars().next();
            if before.is_some_and(is_of_a_path) || after.is_some_and(is_of_a_name) {
                continue;
            }
            out += &text[done..at];
            out.push('~');
            done = end;
        }
        out + &text[done..]
    }
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || "-_.".contains(c)
}

fn is_of_a_path(c: char) -> bool {
    is_of_a_name(c) || c == '/'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_becomes_a_tilde_and_its_likes_stay() {
        let home = Home::at("/home/ann/");
        for (text, hidden) in [
            ("/home/ann", "~"),
            ("\"/home/ann/x\", '/home/ann'", "\"~/x\", '~'"),
            ("--out=/home/ann/a:/home/ann/b", "--out=~/a:~/b"),
            ("file:///home/ann/x", "file:///home/ann/x"),
            ("/home/anna/x /mnt/home/ann", "/home/anna/x /mnt/home/ann"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(home.hidden_in(text.into()), hidden);
        }
        for none in ["", "/", "relative", "/a\"b"] {
            assert_eq!(Home::at(none).hidden_in("/x /a\"b".into()), "/x /a\"b");
        }
    }
}
