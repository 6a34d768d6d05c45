//! Faults and delays that a self-test asks a server of this suite for, to see whether they are measured as what they are.
//!
//! They concern the publisher, once per message, and never the path of a delivery.

use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to do wrong. The default does nothing wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Injection {
    /// Wait this long after a message is due before it is stamped and published: it shows as lateness of the schedule.
    pub schedule: Duration,
    /// Wait this long after it is stamped before it is handed on: it shows in the publish stage.
    pub publish: Duration,
    /// Do not publish these messages; sequence numbers count from 1.
    pub lose: Vec<u64>,
    /// Do not publish every n-th message; 0 publishes all.
    pub lose_every: u64,
    /// Publish these twice.
    pub duplicate: Vec<u64>,
    /// Publish these after the one that follows them.
    pub reorder: Vec<u64>,
    /// Damage a byte of these after their checksum was made.
    pub corrupt: Vec<u64>,
    /// Rounds of arithmetic that a worker adds for every subscriber it wakes.
    pub work: u32,
}

impl Injection {
    /// Whether nothing is to go wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether messages are to get lost, or to arrive twice or out of order.
    #[must_use]
    pub fn disturbs_sequence(&self) -> bool {
        self.lose_every > 0
            || !(self.lose.is_empty() && self.duplicate.is_empty() && self.reorder.is_empty())
    }

    /// Adds what `text` asks for: `schedule=5ms`, `publish=200us`, `lose=7`, `lose-every=50`, `duplicate=7`, `reorder=7`,
    /// `corrupt=7`, `work=100`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is allowed.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let (what, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is no WHAT=VALUE, such as publish=5ms or lose=7"))?;
        let rounds = || {
            u64::from_str(value).map_err(|_| format!("{what}={value:?}: a whole number is wanted"))
        };
        let number = || {
            let number = u64::from_str(value).ok().filter(|&number| number > 0);
            number.ok_or_else(|| format!("{what}={value:?}: a whole number from 1 on is wanted"))
        };
        match what {
            "schedule" => self.schedule = duration(value)?,
            "publish" => self.publish = duration(value)?,
            "lose" => self.lose.push(number()?),
            "lose-every" => self.lose_every = number()?,
            "duplicate" => self.duplicate.push(number()?),
            "reorder" => self.reorder.push(number()?),
            "corrupt" => self.corrupt.push(number()?),
            "work" => {
                // None at all is allowed: arms of a comparison then differ in nothing else.
                self.work =
                    u32::try_from(rounds()?).map_err(|_| format!("work={value} is too much"))?;
            }
            _ => {
                return Err(format!(
                    "{what:?} cannot be injected; there are schedule, publish, lose, lose-every, duplicate, reorder, \
                     corrupt and work"
                ));
            }
        }
        Ok(())
    }
}

/// `5ms`, `200us`, `1.5s`.
///
/// # Errors
///
/// A sentence that says what is allowed.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || {
        format!("{text:?} is no time: a number with its unit is wanted, such as 200us, 5ms or 1.5s")
    };
    let at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(wanted)?;
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err(wanted()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wanted())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wanted())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_faults() {
        let mut injection = Injection::default();
        for word in [
            "publish=5ms",
            "schedule=200us",
            "lose=7",
            "lose=9",
            "lose-every=50",
            "work=3",
        ] {
            injection.add(word).unwrap();
        }
        assert_eq!(injection.publish, Duration::from_millis(5));
        assert_eq!(injection.schedule, Duration::from_micros(200));
        assert_eq!(
            (injection.lose.as_slice(), injection.lose_every),
            (&[7, 9][..], 50)
        );
        assert!(!injection.is_none() && Injection::default().is_none());
    }

    #[test]
    fn mistakes_are_explained() {
        let mut injection = Injection::default();
        for (word, wanted) in [
            ("publish", "WHAT=VALUE"),
            ("publish=5", "200us"),
            ("publish=5min", "200us"),
            ("publish=-5ms", "200us"),
            ("publish=1e999s", "200us"),
            ("lose=x", "whole number"),
            ("lose=0", "from 1 on"),
            ("work=99999999999", "too much"),
            ("drop=1", "cannot be injected"),
        ] {
            let error = injection.add(word).unwrap_err();
            assert!(error.contains(wanted), "{word}: {error}");
        }
        assert!(injection.is_none());
    }
}
