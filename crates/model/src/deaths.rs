//! The line in which a load process says which of its connections lose their network, and when.
//!
//! `DEAD 40001@123456789 40002@123456790`: the local port of each, and the time on CLOCK_MONOTONIC from which no packet of
//! it arrives anywhere, nanoseconds. Whoever holds the link answers with a line of its own, from which on it is so.

use std::collections::BTreeMap;

/// How such a line begins.
pub const PREFIX: &str = "DEAD ";

/// When which port dies, CLOCK_MONOTONIC nanoseconds.
pub type Deaths = BTreeMap<u16, u64>;

/// The line, without its end.
#[must_use]
pub fn line(deaths: &Deaths) -> String {
    let words: Vec<String> = deaths
        .iter()
        .map(|(port, at)| format!("{port}@{at}"))
        .collect();
    format!("{PREFIX}{}", words.join(" "))
}

/// Reads what follows the prefix. There are no more of them than ports.
///
/// # Errors
///
/// A sentence that names the word that is none, or the port that is there twice.
pub fn parse(words: &str) -> Result<Deaths, String> {
    let mut deaths = Deaths::new();
    for word in words.split_ascii_whitespace() {
        let death = word.split_once('@').and_then(|(port, at)| {
            let port: u16 = digits(port)?.parse().ok().filter(|&port| port > 0)?;
            Some((port, digits(at)?.parse().ok()?))
        });
        let Some((port, at)) = death else {
            let word: String = word.chars().take(40).collect();
            return Err(format!(
                "{word:?} is no port and time such as 40001@123456789"
            ));
        };
        if deaths.insert(port, at).is_some() {
            return Err(format!("port {port} cannot die twice"));
        }
    }
    if deaths.is_empty() {
        return Err("nobody is named".to_owned());
    }
    Ok(deaths)
}

/// `parse` would take a plus sign, too.
fn digits(text: &str) -> Option<&str> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_said_is_understood(deaths in prop::collection::btree_map(1_u16.., any::<u64>(), 1..50)) {
            let line = line(&deaths);
            prop_assert_eq!(parse(line.strip_prefix(PREFIX).unwrap()), Ok(deaths));
        }

        #[test]
        fn whatever_comes_is_read_or_refused(words in ".{0,60}") {
            if let Ok(deaths) = parse(&words) {
                prop_assert!(!deaths.is_empty() && !deaths.contains_key(&0));
            }
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (words, wanted) in [
            ("", "nobody"),
            ("40001", "\"40001\" is no port"),
            ("0@5", "\"0@5\""),
            ("65536@5", "\"65536@5\""),
            ("1@+5", "\"1@+5\""),
            ("1@18446744073709551616", "is no port and time"),
            ("7@1 8@1 7@2", "port 7 cannot die twice"),
        ] {
            let error = parse(words).unwrap_err();
            assert!(error.contains(wanted), "{words}: {error}");
        }
        assert!(parse(&"9".repeat(10_000)).unwrap_err().len() < 120);
    }
}
