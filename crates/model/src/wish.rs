//! A workload in a person's own numbers: `2000 clients, 5 msg/s, 300 bytes, rtt 40ms, p99 100ms`.

use std::str::FromStr;

use crate::link;
use crate::margin::Margins;
use crate::payload::{Payload, PayloadKind};
use crate::profile::{PerProfile, Profile};
use crate::scenario::{FanOut, Objective, Scenario, Setting, Workload};
use crate::schedule::Arrivals;

/// Name of the scenario that a wish becomes.
pub const NAME: &str = "yours";

/// What is taken where nothing is said: a response that a person does not notice.
const P99_MS: f64 = 100.0;
const BYTES: usize = 128;

/// A workload in a few words.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Subscribers of one topic.
    pub clients: u32,
    /// Messages per second that each of them gets.
    pub rate: f64,
    /// Bytes of a payload.
    pub bytes: usize,
    /// What the 99th percentile of response times must not exceed, milliseconds.
    pub p99_ms: f64,
    /// The network path, as `--link` takes it.
    pub link: Option<String>,
    /// As it was said.
    said: String,
}

/// Words that are no wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part:?}: {why}; say for example \"2000 clients, 5 msg/s, 300 bytes, rtt 40ms, p99 100ms\""
)]
pub struct WishError {
    part: String,
    why: &'static str,
}

impl FromStr for Wish {
    type Err = WishError;

    fn from_str(text: &str) -> Result<Self, WishError> {
        let mut wish = Self {
            clients: 0,
            rate: 0.0,
            bytes: BYTES,
            p99_ms: P99_MS,
            link: None,
            said: text.trim().to_owned(),
        };
        let mut path = Vec::new();
        let mut seen: Vec<&'static str> = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let error = |why| WishError {
                part: part.to_owned(),
                why,
            };
            let what = take(part, &mut wish, &mut path).map_err(error)?;
            if what != "link" && seen.contains(&what) {
                return Err(error("this was said before"));
            }
            seen.push(what);
        }
        for (needed, why) in [
            ("clients", "how many clients are there?"),
            ("rate", "how many messages per second does each get?"),
        ] {
            if !seen.contains(&needed) {
                return Err(WishError {
                    part: text.trim().to_owned(),
                    why,
                });
            }
        }
        wish.link = (!path.is_empty()).then(|| path.join(","));
        Ok(wish)
    }
}

/// Takes one part; what it was about.
fn take(part: &str, wish: &mut Wish, path: &mut Vec<String>) -> Result<&'static str, &'static str> {
    let lower = part.to_ascii_lowercase();
    let (word, rest) = split(&lower, |c: char| c.is_ascii_alphabetic());
    let value = rest.trim_start_matches([' ', '=', ':']);
    // `rate 10mbit` is of the path, as `--link` writes it.
    if link::KEYS.contains(&word) && !value.is_empty() {
        path.push(format!("{word}={}", value.replace(' ', "")));
        return Ok("link");
    }
    if word == "p" && rest.starts_with("99") {
        let value = rest[2..].trim_start_matches([' ', '=', ':', '<', '≤']);
        wish.p99_ms = milliseconds(value).ok_or("an objective is a time such as p99 100ms")?;
        return Ok("p99");
    }
    if !word.is_empty() {
        return Err(
            "this is no number with a unit, no p99, and no rtt, loss, rate or jitter of a network",
        );
    }
    let (number, unit) = split(&lower, |c: char| c.is_ascii_digit() || c == '.' || c == '_');
    let number: f64 = number
        .replace('_', "")
        .parse()
        .map_err(|_| "a number is missing")?;
    match unit.trim() {
        "clients" | "client" | "subscribers" | "connections" | "users" | "browsers" => {
            wish.clients = number as u32;
            let is_one = number.fract() == 0.0 && (1.0..=1_000_000.0).contains(&number);
            is_one
                .then_some("clients")
                .ok_or("there are 1 to 1,000,000 clients")
        }
        "msg/s" | "msgs/s" | "messages/s" | "message/s" | "messages per second" | "/s" | "hz" => {
            wish.rate = number;
            let is_one = (0.001..=1_000_000.0).contains(&number);
            is_one
                .then_some("rate")
                .ok_or("there are 0.001 to 1,000,000 messages per second")
        }
        unit @ ("bytes" | "byte" | "b" | "kb" | "kib") => {
            let factor = match unit {
                "kb" => 1000.0,
                "kib" => 1024.0,
                _ => 1.0,
            };
            let bytes = number * factor;
            wish.bytes = bytes as usize;
            let is_one = (0.0..=8.0 * 1024.0 * 1024.0).contains(&bytes);
            is_one
                .then_some("bytes")
                .ok_or("a payload has 0 bytes to 8 MiB")
        }
        _ => Err("what is it that there are so many of: clients, msg/s, bytes?"),
    }
}

/// The longest beginning of `is`, and the rest.
fn split(text: &str, is: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is(c)).unwrap_or(text.len()))
}

fn milliseconds(text: &str) -> Option<f64> {
    let (number, unit) = split(text.trim(), |c| c.is_ascii_digit() || c == '.');
    let number: f64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "us" | "µs" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        _ => return None,
    };
    let ms = number * factor;
    (0.001..=600_000.0).contains(&ms).then_some(ms)
}

impl Wish {
    /// The scenario that it asks for: a fan-out that is long enough for a 99th percentile of every trial.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        // Ten samples beyond the percentile, and twenty messages, whatever their rate.
        let deliveries = self.rate * f64::from(self.clients);
        let least = (1_100.0 / deliveries).max(20.0 / self.rate);
        let measured = |usual: f64| usual.max(least).min(600.0);
        Scenario {
            name: NAME.into(),
            models: format!("Your own numbers: {}.", self.said),
            expected: "Unknown: it was asked for on the command line.".into(),
            profiles: Profile::ALL.to_vec(),
            transports: Vec::new(),
            server: Setting::default(),
            link: None,
            margins: Margins::default(),
            payload: Payload {
                bytes: self.bytes,
                kind: PayloadKind::Text,
            },
            workload: Workload::FanOut(FanOut {
                subscribers: self.clients,
                rate: self.rate,
                arrivals: Arrivals::Poisson,
                warm_up_s: PerProfile {
                    quick: measured(0.5).min(5.0),
                    standard: measured(1.0).min(10.0),
                    thorough: measured(3.0).min(30.0),
                },
                measure_s: PerProfile {
                    quick: measured(1.0),
                    standard: measured(5.0),
                    thorough: measured(30.0),
                },
                cuts: None,
                slow: None,
                dead: None,
                large: None,
                two_way: false,
                late_ms: None,
            }),
            objective: Some(Objective {
                p99_ms: self.p99_ms,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wish(text: &str) -> Wish {
        text.parse().unwrap()
    }

    #[test]
    fn a_person_says_it_in_a_line() {
        let said = wish("2000 clients, 5 msg/s, 300 bytes, rtt 40ms, loss 1%, p99 250 ms");
        assert_eq!((said.clients, said.rate, said.bytes), (2000, 5.0, 300));
        assert_eq!(
            (said.p99_ms, said.link.as_deref()),
            (250.0, Some("rtt=40ms,loss=1%"))
        );
        let scenario = said.scenario();
        assert_eq!(scenario.objective.unwrap().p99_ms, 250.0);
        let Workload::FanOut(fan_out) = scenario.workload else {
            panic!("a fan-out")
        };
        assert_eq!(fan_out.measure_s.quick, 4.0, "twenty messages");
        assert_eq!(scenario.models, format!("Your own numbers: {}.", said.said));
    }

    #[test]
    fn all_that_a_link_is_described_by_may_be_said() {
        let said = wish(
            "10 clients, 1/s, rtt 80ms, jitter 5ms, loss 1%, reorder 1%, rate 10mbit, up 1 mbit, queue 64kb, congestion reno",
        );
        let link: link::Link = said.link.unwrap().parse().unwrap();
        let text = link.to_string();
        for key in link::KEYS {
            assert!(text.contains(&format!("{key}=")), "{key}: {text}");
        }
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let said = wish("10 Users, 0.5 Hz");
        assert_eq!((said.bytes, said.p99_ms, said.link), (128, 100.0, None));
        assert_eq!(wish("1 client, 2/s, 4 KiB").bytes, 4096);
        assert_eq!(
            wish("1 client, 2/s, p99<=2s".replace("<=", " ").as_str()).p99_ms,
            2000.0
        );
    }

    #[test]
    fn what_is_no_wish_is_explained() {
        for (text, why) in [
            ("", "how many clients"),
            ("5 clients", "how many messages per second"),
            ("5 clients, 1/s, 7 clients", "said before"),
            ("5 clients, 1/s, quickly", "no number with a unit"),
            ("5 parsecs, 1/s", "so many of"),
            ("0 clients, 1/s", "1 to 1,000,000"),
            ("5 clients, 1/s, p99 soon", "a time such as"),
            ("clients, 1/s", "no number"),
            ("5 clients, 1/s, 9999 kib kib", "so many of"),
        ] {
            let error = text.parse::<Wish>().unwrap_err().to_string();
            assert!(
                error.contains(why) && error.contains("for example"),
                "{text}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_said_breaks_it(text in "\\PC{0,60}") {
            let _ = text.parse::<Wish>();
        }

        #[test]
        fn every_wish_is_a_scenario_that_runs(clients in 1u32..1_000_000, rate in 0.001f64..1e6, bytes in 0usize..8_000_000) {
            let scenario = wish(&format!("{clients} clients, {rate} msg/s, {bytes} bytes")).scenario();
            let Workload::FanOut(fan_out) = scenario.workload else { panic!("a fan-out") };
            prop_assert_eq!((fan_out.subscribers, scenario.payload.bytes), (clients, bytes));
            prop_assert!(fan_out.measure_s.quick >= 1.0 && fan_out.measure_s.thorough <= 600.0);
        }
    }
}
