//! What an exhibit says of itself.

use std::net::TcpListener;

use serde_json::Value;

use crate::fetch::Ending;

/// A faulty sample.
pub struct Exhibit {
    /// Name: lower-case letters, digits and dashes; also of its file in `benches/museum/exhibits`.
    pub name: &'static str,
    /// What goes wrong, in a few words.
    pub title: &'static str,
    /// What its author wanted, in a sentence.
    pub meant: &'static str,
    /// What should arrive, in the words of [`Outcome::arrived`].
    pub intended: &'static [&'static str],
    /// The faulty code, in a line or two.
    pub written: &'static str,
    /// Why that does not work.
    pub why: &'static str,
    /// The fix, in a line.
    pub fix: &'static str,
    /// Modules that it needs.
    pub modules: &'static [&'static str],
    /// Who is at fault.
    pub kind: Kind,
}

/// Who is at fault.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A server; our event stream decoder reads what it sends.
    Server,
    /// A client, in front of a server of ours.
    Client {
        /// Serves the client until it has ended, and tells how many requests came.
        serve: fn(&TcpListener) -> usize,
        /// What the client printed, and how many requests came, in the words of [`Outcome::arrived`].
        read: fn(&Value, usize) -> Vec<String>,
    },
}

/// Which form of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is usually written.
    Faulty,
    /// With the fix.
    Fixed,
}

impl Form {
    /// Both, in the order of a page.
    pub const ALL: [Self; 2] = [Self::Faulty, Self::Fixed];

    /// On the command line of an exhibit.
    #[must_use]
    pub fn argument(self) -> &'static str {
        match self {
            Self::Faulty => "faulty",
            Self::Fixed => "fixed",
        }
    }

    /// In a table.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Faulty => "as written",
            Self::Fixed => "with the fix",
        }
    }
}

/// What was seen of one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What arrived: events as `name: "data"`, or what a client made of them.
    pub arrived: Vec<String>,
    /// How the answer ended; absent for a client.
    pub ending: Option<Ending>,
    /// The error that ended the program.
    pub crash: Option<String>,
    /// The first bytes of the body; absent for a client.
    pub sent: Vec<u8>,
}

impl Outcome {
    /// Whether all came that `exhibit` intends, and nothing else, and it ended in order.
    #[must_use]
    pub fn is_as_meant(&self, exhibit: &Exhibit) -> bool {
        self.arrived == exhibit.intended
            && self.crash.is_none()
            && self.ending.as_ref().is_none_or(|e| *e == Ending::Complete)
            && !self.has_leftovers()
    }

    /// Whether the body ends in something that is no event: bytes after the last empty line.
    #[must_use]
    pub fn has_leftovers(&self) -> bool {
        !self.sent.is_empty() && !self.sent.ends_with(b"\n\n")
    }

    /// How it ended, in words.
    #[must_use]
    pub fn end(&self) -> String {
        let mut words = match &self.ending {
            None => String::new(),
            Some(Ending::Complete) => "the answer ends".to_owned(),
            Some(Ending::Cut) => "the connection is cut".to_owned(),
            Some(Ending::Reset) => "the connection is reset".to_owned(),
            Some(Ending::Open) => "the answer never ends".to_owned(),
            Some(Ending::Broken(why)) => why.clone(),
        };
        if self.has_leftovers() && self.ending == Some(Ending::Complete) {
            words += ", with bytes behind the last event";
        }
        if let Some(crash) = &self.crash {
            words = format!("the server dies: {crash}");
        }
        words
    }
}
