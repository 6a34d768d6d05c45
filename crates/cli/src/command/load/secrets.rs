//! What must appear in no output: values of headers, credentials and tokens in URLs.
//!
//! Headers are secret unless they are known to be harmless; parameters of a URL are secret when their name says so.

use super::words::header;

const HIDDEN: &str = "***";
/// Shorter values are hidden where they were given, and not wherever the same letters stand.
const TELLING: usize = 4;

/// Headers whose values are no secrets.
const HARMLESS: [&str; 15] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-type",
    "host",
    "last-event-id",
    "origin",
    "pragma",
    "referer",
    "sec-websocket-protocol",
    "te",
    "user-agent",
    "x-accel-buffering",
];

/// Parts of the names of parameters whose values are secrets.
const SECRET: [&str; 11] = [
    "token",
    "secret",
    "passw",
    "pwd",
    "auth",
    "key",
    "sig",
    "session",
    "credential",
    "jwt",
    "ticket",
];

/// What was given that must not be shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    /// As it stands in an argument, and what may be shown in its place.
    arguments: Vec<(String, String)>,
    /// Values that may turn up in texts.
    values: Vec<String>,
}

impl Secrets {
    /// Of headers of the subscription, headers of the publisher, and URLs, as they were given.
    pub(super) fn of(headers: &[String], publish_headers: &[String], urls: &[&str]) -> Self {
        let mut secrets = Self::default();
        for text in headers {
            let name = text.split(':').next().unwrap_or_default().trim();
            if !HARMLESS.contains(&name.to_ascii_lowercase().as_str()) {
                secrets.header(text);
            }
        }
        for text in publish_headers {
            secrets.header(text);
        }
        for &url in urls {
            let shown = hide_in_urls(url);
            if shown != url {
                secrets.arguments.push((url.to_owned(), shown));
            }
            secrets.values.extend(credentials(url));
        }
        // A longer one first: it may hold a shorter one.
        secrets
            .values
            .sort_by_key(|value| std::cmp::Reverse(value.len()));
        secrets
    }

    fn header(&mut self, text: &str) {
        let shown = match text.split_once(':') {
            Some((name, _)) => format!("{name}: {HIDDEN}"),
            None => HIDDEN.to_owned(),
        };
        self.arguments.push((text.to_owned(), shown));
        if let Ok((_, value)) = header(text) {
            // A token stands behind the name of its scheme: `Bearer TOKEN`.
            let parts = value.split([' ', ';', ',']).map(str::to_owned);
            let long = |part: &String| part.len() >= 2 * TELLING;
            self.values.extend(parts.filter(long));
            self.values
                .extend(Some(value).filter(|v| v.len() >= TELLING));
        }
    }

    /// The arguments of the command, without what is secret. An argument may have its option in front: `-HCookie: a`.
    pub(super) fn hide_in_command(&self, command: impl IntoIterator<Item = String>) -> Vec<String> {
        let clean = |argument: String| {
            let given = self
                .arguments
                .iter()
                .find(|(given, _)| argument.ends_with(given.as_str()));
            match given {
                Some((given, shown)) => {
                    format!("{}{shown}", &argument[..argument.len() - given.len()])
                }
                None => hide_in_urls(&argument),
            }
        };
        command.into_iter().map(clean).collect()
    }

    /// `text` without what is secret.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            text = text.replace(value.as_str(), HIDDEN);
        }
        hide_in_urls(&text)
    }
}

/// User and password of a URL, and each of them, where they tell something.
fn credentials(url: &str) -> Vec<String> {
    let Some((_, rest)) = url.split_once("://") else {
        return Vec::new();
    };
    let Some(end) = credentials_end(rest) else {
        return Vec::new();
    };
    let both = &rest[..end];
    let mut all = vec![both.to_owned()];
    all.extend(
        both.split_once(':')
            .map(|(_, password)| password.to_owned()),
    );
    all.retain(|value| value.len() >= TELLING);
    all
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')' | '`')
}

/// Where the `@` behind the credentials of a URL is, in what follows its `://`. A password may hold a `/` that its owner
/// forgot to write as `%2F`; then what stands behind the first colon is no port.
fn credentials_end(rest: &str) -> Option<usize> {
    let url = &rest[..rest.find(ends_url).unwrap_or(rest.len())];
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    if let Some(at) = authority.rfind('@') {
        return Some(at);
    }
    let behind_brackets = authority.rsplit(']').next().unwrap_or_default();
    let port = behind_brackets.split_once(':').map(|(_, port)| port);
    let no_port = port.is_some_and(|port| !port.chars().all(|c| c.is_ascii_digit()));
    no_port.then(|| url.rfind('@')).flatten()
}

/// `text` in which URLs have no credentials and no values of parameters that are secret by their names.
fn hide_in_urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out += before;
        rest = match credentials_end(after) {
            Some(end) => {
                out += HIDDEN;
                &after[end..]
            }
            None => after,
        };
    }
    out += rest;
    hide_parameters(&out)
}

fn hide_parameters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '&']) {
        let (before, after) = rest.split_at(at + 1);
        out += before;
        rest = after;
        let end = rest.find(|c| ends_url(c) || matches!(c, '&' | '#'));
        let (parameter, behind) = rest.split_at(end.unwrap_or(rest.len()));
        if let Some((name, value)) = parameter.split_once('=') {
            let lower = name.to_ascii_lowercase();
            let secret = SECRET.iter().any(|part| lower.contains(part));
            if secret && !value.is_empty() {
                out += &format!("{name}={HIDDEN}");
                rest = behind;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(arguments: &[&str], headers: &[&str], urls: &[&str]) -> Vec<String> {
        let headers: Vec<String> = headers.iter().map(|&h| h.to_owned()).collect();
        let arguments = arguments.iter().map(|&a| a.to_owned());
        Secrets::of(&headers, &[], urls).hide_in_command(arguments)
    }

    #[test]
    fn headers_are_secret_unless_they_are_harmless() {
        let all = command(
            &[
                "-H",
                "Authorization: Bearer hunter2",
                "-HCookie: a=1",
                "--header=X-Key: 7",
                "-H",
                "Accept: text/plain",
            ],
            &[
                "Authorization: Bearer hunter2",
                "Cookie: a=1",
                "X-Key: 7",
                "Accept: text/plain",
            ],
            &[],
        );
        assert_eq!(
            all,
            [
                "-H",
                "Authorization: ***",
                "-HCookie: ***",
                "--header=X-Key: ***",
                "-H",
                "Accept: text/plain"
            ]
        );
        let publish = ["Accept: hunter2".to_owned()];
        let secrets = Secrets::of(&[], &publish, &[]);
        assert_eq!(secrets.hide("said hunter2"), "said ***");
        assert_eq!(
            secrets.hide_in_command(["Accept: hunter2".to_owned()]),
            ["Accept: ***"]
        );
    }

    #[test]
    fn urls_lose_credentials_and_tokens() {
        for (url, shown) in [
            (
                "http://user:hunter2@host:1/a?b=c",
                "http://***@host:1/a?b=c",
            ),
            ("http://user:hun/ter2@host/a", "http://***@host/a"),
            (
                "wss://host/a?access_token=x&b=2&Api-Key=y#f",
                "wss://host/a?access_token=***&b=2&Api-Key=***#f",
            ),
            ("http://[::1]:80/a@b?c=d", "http://[::1]:80/a@b?c=d"),
            ("http://host:80/a@b", "http://host:80/a@b"),
            ("tcp://host:1", "tcp://host:1"),
        ] {
            assert_eq!(command(&[url], &[], &[url]), [shown]);
            let sentence = format!("{url:?} is no good (see http://a@b)");
            let hidden = Secrets::of(&[], &[], &[url]).hide(&sentence);
            assert!(
                hidden.contains(shown) && hidden.contains("http://***@b)"),
                "{hidden}"
            );
        }
    }

    #[test]
    fn a_token_is_found_in_whatever_a_server_says() {
        let headers = ["Authorization: Bearer sk-hunter-2".to_owned()];
        let secrets = Secrets::of(&headers, &[], &["http://me:correct@host/"]);
        assert_eq!(
            secrets.hide("401: token 'sk-hunter-2' of correct is unknown"),
            "401: token '***' of *** is unknown"
        );
    }
}
