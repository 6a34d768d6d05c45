//! The software that speaks a transport in our own servers, and how it queues.

use std::fmt;
use std::str::FromStr;

/// Which software speaks the transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stack {
    /// Only handshake and framing, on a write loop that all transports share.
    Bare,
    /// The libraries that a careful engineer deploys: hyper, tokio-tungstenite.
    #[default]
    Reference,
    /// The framework that newcomers get: axum.
    Axum,
}

impl Stack {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bare, Self::Reference, Self::Axum];

    /// Name on the command line.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Reference => "reference",
            Self::Axum => "axum",
        }
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for Stack {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|stack| stack.label() == text);
        known.ok_or_else(|| format!("no stack {text:?}; there are bare, reference and axum"))
    }
}

/// The runtime under a stack that has a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runtime {
    /// One current-thread runtime per core.
    #[default]
    CurrentThread,
    /// One work-stealing runtime with a thread per core.
    MultiThread,
}

impl Runtime {
    /// Both.
    pub const ALL: [Self; 2] = [Self::CurrentThread, Self::MultiThread];

    /// Name on the command line.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::CurrentThread => "current-thread",
            Self::MultiThread => "multi-thread",
        }
    }
}

impl FromStr for Runtime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL
            .into_iter()
            .find(|runtime| runtime.label() == text);
        known.ok_or_else(|| {
            format!("no runtime {text:?}; there are current-thread and multi-thread")
        })
    }
}

/// What becomes of a subscriber whose queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is disconnected; it can resume with its cursor.
    #[default]
    Disconnect,
    /// The oldest message that it has not been sent is dropped, and counted.
    DropOldest,
    /// Everything is kept for it, without any bound.
    Keep,
}

impl Overflow {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Disconnect, Self::DropOldest, Self::Keep];

    /// Name on the command line.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::DropOldest => "drop-oldest",
            Self::Keep => "keep",
        }
    }
}

impl FromStr for Overflow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL
            .into_iter()
            .find(|overflow| overflow.label() == text);
        known.ok_or_else(|| {
            format!("no policy {text:?}; there are disconnect, drop-oldest and keep")
        })
    }
}
