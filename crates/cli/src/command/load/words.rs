//! Options of one word that have a grammar of their own.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use pushbench_load::drive::plan::{PollStyle, Reconnect};
use pushbench_transport::transport;

use super::options::Spoken;

/// A time as people write it: `30s`, `5m`, `1h30m`, `500ms`; a bare number is seconds.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wanted = || format!("{text:?} is no time; write it as 30s, 500ms, 5m or 1h30m");
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| wanted());
    }
    let time: SignedDuration = text.parse().map_err(|_| wanted())?;
    Duration::try_from(time).map_err(|_| wanted())
}

/// A time that is not zero.
pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("no time at all is too little".into()),
        time => Ok(time),
    }
}

/// The transports that load any endpoint.
const SPOKEN: [&str; 4] = ["sse", "websocket", "long-poll", "tcp"];

/// A transport by its name or by what people call it.
pub(super) fn transport(text: &str) -> Result<Spoken, String> {
    let name = match text {
        "ws" => "websocket",
        "poll" | "longpoll" => "long-poll",
        other => other,
    };
    let found =
        transport::by_name(name).map_err(|error| format!("{error}; ws and poll will do"))?;
    if !SPOKEN.contains(&name) {
        return Err(format!(
            "{name} is measured in trials and no load outside of them; there are {}",
            SPOKEN.join(", ")
        ));
    }
    Ok(Spoken(found))
}

/// What happens after the end of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy(pub(super) Reconnect);

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text.split_once(':') {
            None if text == "never" => Reconnect::Never,
            None if text == "eventsource" => Reconnect::EventSource,
            Some(("fixed", after)) => Reconnect::Fixed(time(after)?),
            Some(("exponential", range)) => {
                let (base, most) = range
                    .split_once("..")
                    .ok_or_else(|| format!("{range:?} is no range of times, such as 100ms..30s"))?;
                let (base, most) = (some_time(base)?, some_time(most)?);
                if most < base {
                    return Err(format!("{range:?} ends before it begins"));
                }
                Reconnect::Exponential { base, most }
            }
            _ => {
                return Err(
                    "there are never, eventsource, fixed:2s and exponential:100ms..30s".into(),
                );
            }
        }))
    }
}

/// How a poll says what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Style {
    /// ?after=SEQ&timeout=MS, as docs/PROTOCOL.md says
    Contract,
    /// If-Modified-Since and If-None-Match, as Nchan wants them
    Conditional,
    /// The same request again and again
    Plain,
}

impl From<Style> for PollStyle {
    fn from(style: Style) -> Self {
        match style {
            Style::Contract => Self::Contract,
            Style::Conditional => Self::Conditional,
            Style::Plain => Self::Plain,
        }
    }
}

/// A header: its name, and its value. The error never quotes the value, which may be a secret.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header is written as 'Name: value'")?;
    let (name, value) = (name.trim(), value.trim());
    http::HeaderName::from_str(name)
        .map_err(|_| format!("{name:?} is not the name of a header"))?;
    // Text that is no ASCII travels as UTF-8, as curl sends it.
    http::HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| format!("the value of the header {name} has characters that none may have"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A JSON pointer (RFC 6901).
pub(super) fn pointer(text: &str) -> Result<String, String> {
    if !text.is_empty() && !text.starts_with('/') {
        return Err(format!(
            "{text:?} is no JSON pointer; write it as /{text} or /data/{text}"
        ));
    }
    let mut rest = text;
    while let Some(at) = rest.find('~') {
        rest = &rest[at + 1..];
        if !rest.starts_with(['0', '1']) {
            return Err(format!(
                "{text:?} is no JSON pointer: a ~ is written as ~0, and a / within a name as ~1"
            ));
        }
    }
    Ok(text.to_owned())
}

/// What a count of a time stamp is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TimeUnit {
    /// Nanoseconds
    Ns,
    /// Microseconds
    Us,
    /// Milliseconds, as Date.now() counts
    Ms,
    /// Seconds
    S,
}

impl TimeUnit {
    pub(super) fn ns(self) -> u64 {
        match self {
            Self::Ns => 1,
            Self::Us => 1_000,
            Self::Ms => 1_000_000,
            Self::S => 1_000_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        for (text, seconds) in [
            ("30s", 30.0),
            ("30", 30.0),
            ("1.5", 1.5),
            ("5m", 300.0),
            ("1h30m", 5400.0),
            ("500ms", 0.5),
            ("250us", 0.00025),
            ("0s", 0.0),
        ] {
            assert_eq!(time(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "s", "-1", "-5s", "5 parsecs", "nan", "inf", "1e400"] {
            assert!(time(text).unwrap_err().contains("30s"), "{text}");
        }
        assert!(some_time("0s").is_err() && some_time("1ms").is_ok());
    }

    #[test]
    fn transports_by_their_names() {
        for (text, name) in [
            ("sse", "sse"),
            ("ws", "websocket"),
            ("websocket", "websocket"),
            ("poll", "long-poll"),
            ("long-poll", "long-poll"),
            ("tcp", "tcp"),
        ] {
            assert_eq!(transport(text).map(|t| t.0.name()), Ok(name), "{text}");
        }
        let error = transport("http").err().unwrap_or_default();
        assert!(error.contains("sse, websocket, long-poll, tcp"), "{error}");
    }

    #[test]
    fn policies() {
        let policy = |text: &str| text.parse::<Policy>().map(|policy| policy.0);
        let ms = Duration::from_millis;
        assert_eq!(policy("never"), Ok(Reconnect::Never));
        assert_eq!(policy("eventsource"), Ok(Reconnect::EventSource));
        assert_eq!(policy("fixed:2s"), Ok(Reconnect::Fixed(ms(2000))));
        assert_eq!(
            policy("exponential:100ms..30s"),
            Ok(Reconnect::Exponential {
                base: ms(100),
                most: ms(30_000)
            })
        );
        for (text, wanted) in [
            ("always", "there are never"),
            ("fixed", "there are never"),
            ("fixed:soon", "no time"),
            ("exponential:1s", "no range"),
            ("exponential:0s..1s", "too little"),
            ("exponential:2s..1s", "ends before"),
        ] {
            let error = policy(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn headers_and_pointers() {
        assert_eq!(
            header("X-Name:  a: b "),
            Ok(("X-Name".into(), "a: b".into()))
        );
        assert_eq!(header("Empty:"), Ok(("Empty".into(), String::new())));
        for text in [
            "no colon hunter2",
            "a b: hunter2",
            ": hunter2",
            "X: hunter2\nY: z",
        ] {
            let error = header(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        for good in ["", "/seq", "/a/0/b~1c~0d"] {
            assert_eq!(pointer(good).as_deref(), Ok(good));
        }
        assert!(pointer("seq").unwrap_err().contains("/seq"));
        for bad in ["/a~", "/a~2"] {
            assert!(pointer(bad).unwrap_err().contains("~0"), "{bad}");
        }
    }
}
