//! Who emulates a link.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Link;

/// Who does to packets what a link says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkBy {
    /// A thread of this program.
    #[default]
    Userspace,
    /// The kernel's netem.
    Netem,
}

/// Longest jitter that netem draws evenly, microseconds: it counts half of it in nanoseconds of 31 bits.
const LONGEST_NETEM_JITTER_US: u64 = 4_000_000;

impl LinkBy {
    /// Name on the command line and in reports.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Userspace => "userspace",
            Self::Netem => "netem",
        }
    }

    /// Why it cannot be `link`, with what to do about it; absent when it can.
    #[must_use]
    pub fn refuses(self, link: &Link) -> Option<String> {
        if self == Self::Userspace {
            return None;
        }
        if link.reorder_ppm > 0 {
            return Some(format!(
                "netem cannot be the link {link}: what it reorders it sends at once, without any delay, and does not hold \
                 back; leave out reorder, or take --link-by userspace"
            ));
        }
        (link.jitter_us > LONGEST_NETEM_JITTER_US).then(|| {
            format!(
                "netem cannot be the link {link}: it takes a jitter of 4s at most; take less, or --link-by userspace"
            )
        })
    }
}

impl fmt::Display for LinkBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for LinkBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Userspace, Self::Netem]
            .into_iter()
            .find(|by| by.label() == text)
            .ok_or_else(|| {
                format!("nothing called {text:?} emulates links: userspace and netem do")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for by in [LinkBy::Userspace, LinkBy::Netem] {
            assert_eq!(by.to_string().parse(), Ok(by));
            let json = serde_json::to_string(&by).unwrap();
            assert_eq!(json, format!("\"{by}\""));
        }
        assert!("tc".parse::<LinkBy>().unwrap_err().contains("netem"));
    }

    #[test]
    fn what_netem_does_otherwise_is_refused() {
        for (link, refused) in [
            ("rtt=80ms,loss=1%,rate=10mbit,jitter=5ms", false),
            ("rtt=80ms,jitter=4s", false),
            ("rtt=80ms,jitter=4001ms", true),
            ("rtt=80ms,reorder=1%", true),
        ] {
            let link: Link = link.parse().unwrap();
            assert_eq!(LinkBy::Netem.refuses(&link).is_some(), refused, "{link}");
            assert_eq!(LinkBy::Userspace.refuses(&link), None);
        }
    }
}
