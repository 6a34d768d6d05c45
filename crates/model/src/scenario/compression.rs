//! Whether messages are compressed, and what they may refer to.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How messages are compressed: permessage-deflate (RFC 7692) on WebSocket, `Content-Encoding: gzip` on SSE and NDJSON, with a flush
/// after what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Each message by itself: nothing refers to what was sent before, and subscribers can share what was made once.
    Message,
    /// What was sent on a connection before may be referred to, so that each connection has a compressor of its own.
    Stream,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Message, Self::Stream];

    /// Its name in scenarios and on the command line.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Stream => "stream",
        }
    }

    /// How it reads in a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Message => "each message compressed by itself",
            Self::Stream => "messages compressed with what the connection has had before",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|one| one.label() == text);
        known.ok_or_else(|| format!("no compression {text:?}; there are message and stream"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files_and_options() {
        for one in Compression::ALL {
            let name = format!("\"{}\"", one.label());
            assert_eq!(serde_json::from_str::<Compression>(&name).unwrap(), one);
            assert_eq!(one.label().parse(), Ok(one));
        }
        let error = "gzip".parse::<Compression>().unwrap_err();
        assert!(error.contains("message and stream"), "{error}");
    }
}
