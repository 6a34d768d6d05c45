//! How connections are secured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How sessions of TLS 1.3 begin; there is no early data in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Every connection makes a full handshake, in which the server shows its certificate.
    Full,
    /// Every connection resumes a session by a ticket, with a new exchange of keys.
    Resumed,
}

impl Tls {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Full, Self::Resumed];

    /// Its name in scenarios.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
        }
    }

    /// How it reads in a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Full => "TLS 1.3, a full handshake per connection",
            Self::Resumed => "TLS 1.3, a resumed session per connection",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for tls in Tls::ALL {
            let name = format!("\"{}\"", tls.label());
            assert_eq!(serde_json::from_str::<Tls>(&name).unwrap(), tls);
        }
    }
}
