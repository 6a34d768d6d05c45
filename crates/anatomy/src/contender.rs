//! Who is measured: a table. A row says which side of a delivery it is, which transport it speaks, what it stands for
//! and how it is started; nothing else knows of single contenders.

use pushbench_model::anatomy::{Rung, Side};
use pushbench_model::tuning::Tuning;
use pushbench_transport::stack::{Runtime, Stack};
use pushbench_transport::transport::{ServeOptions, Transport, by_name};

use crate::wire::{LONGEST_POLL_MS, Wire};

/// A measured process, as data.
#[derive(Debug)]
pub struct Contender {
    /// Its name in arguments, tables and records; unique within a side.
    pub name: &'static str,
    /// The side of a delivery that it plays.
    pub side: Side,
    /// The transport it speaks.
    pub transport: &'static str,
    /// What it stands for.
    pub rung: Rung,
    /// What it is, in a few words.
    pub about: &'static str,
    /// How it is started.
    pub start: Start,
}

/// How a contender is started.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// The raw epoll loop.
    Floor,
    /// One of our servers.
    Served(Served),
    /// Our load generator.
    Own,
    /// tokio-tungstenite as a client; bytes of its read buffer, its default if absent.
    Tungstenite(Option<usize>),
    /// hyper as a client; for events with our decoder behind it.
    Hyper,
    /// reqwest as a client; for events with eventsource-stream.
    Reqwest,
}

/// How one of our servers is set.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    stack: Stack,
    tuning: Tuning,
    runtime: Runtime,
    /// Bytes of the WebSocket library's read buffer, if not what the tuning says.
    read_buffer: Option<usize>,
}

const BARE: Served = served(Stack::Bare, Tuning::Fixed);
const EQUALISED: Served = served(Stack::Reference, Tuning::Equalised);
const DEFAULTS: Served = served(Stack::Reference, Tuning::Defaults);
const DEFAULTS_4K: Served = Served {
    read_buffer: Some(4096),
    ..DEFAULTS
};
const AXUM: Served = served(Stack::Axum, Tuning::Defaults);
const AXUM_MULTI_THREAD: Served = Served {
    runtime: Runtime::MultiThread,
    ..AXUM
};

const fn served(stack: Stack, tuning: Tuning) -> Served {
    Served {
        stack,
        tuning,
        runtime: Runtime::CurrentThread,
        read_buffer: None,
    }
}

/// All contenders; within a side the floor comes first.
#[rustfmt::skip]
pub static CONTENDERS: &[Contender] = &[
    server("floor", "tcp", Rung::Floor, "raw epoll, one write per connection", Start::Floor),
    server("tcp/bare", "tcp", Rung::Framing, "framing on the shared write loop", Start::Served(BARE)),
    server("tcp/reference", "tcp", Rung::Library, "tokio alone", Start::Served(EQUALISED)),
    server("sse/bare", "sse", Rung::Framing, "framing on the shared write loop", Start::Served(BARE)),
    server("sse/reference", "sse", Rung::Library, "hyper, equalised", Start::Served(EQUALISED)),
    server("sse/reference@defaults", "sse", Rung::Defaults, "hyper, as its examples show it", Start::Served(DEFAULTS)),
    server("sse/axum", "sse", Rung::Defaults, "axum", Start::Served(AXUM)),
    server("sse/axum-multi-thread", "sse", Rung::Variant, "axum on the work-stealing runtime", Start::Served(AXUM_MULTI_THREAD)),
    server("websocket/bare", "websocket", Rung::Framing, "framing on the shared write loop", Start::Served(BARE)),
    server("websocket/reference", "websocket", Rung::Library, "tokio-tungstenite, equalised", Start::Served(EQUALISED)),
    server("websocket/reference@defaults", "websocket", Rung::Defaults, "tokio-tungstenite, as its examples show it", Start::Served(DEFAULTS)),
    server("websocket/reference@defaults-4k", "websocket", Rung::Variant, "its defaults, but a read buffer of 4 KiB", Start::Served(DEFAULTS_4K)),
    server("websocket/axum", "websocket", Rung::Defaults, "axum", Start::Served(AXUM)),
    server("websocket/axum-multi-thread", "websocket", Rung::Variant, "axum on the work-stealing runtime", Start::Served(AXUM_MULTI_THREAD)),
    server("long-poll/bare", "long-poll", Rung::Framing, "framing on the shared write loop", Start::Served(BARE)),
    server("long-poll/reference", "long-poll", Rung::Library, "hyper, equalised", Start::Served(EQUALISED)),
    server("long-poll/reference@defaults", "long-poll", Rung::Defaults, "hyper, as its examples show it", Start::Served(DEFAULTS)),
    client("floor", "tcp", Rung::Floor, "raw epoll, one read per message", Start::Floor),
    client("tcp/pushbench", "tcp", Rung::Framing, "our load generator", Start::Own),
    client("sse/pushbench", "sse", Rung::Framing, "our load generator", Start::Own),
    client("sse/hyper", "sse", Rung::Library, "hyper, events decoded by hand", Start::Hyper),
    client("sse/reqwest-eventsource", "sse", Rung::Defaults, "reqwest and eventsource-stream", Start::Reqwest),
    client("websocket/pushbench", "websocket", Rung::Framing, "our load generator", Start::Own),
    client("websocket/tungstenite-4k", "websocket", Rung::Library, "tokio-tungstenite, read buffer of 4 KiB", Start::Tungstenite(Some(4096))),
    client("websocket/tungstenite", "websocket", Rung::Defaults, "tokio-tungstenite with its defaults", Start::Tungstenite(None)),
    client("long-poll/pushbench", "long-poll", Rung::Framing, "our load generator", Start::Own),
    client("long-poll/hyper", "long-poll", Rung::Library, "hyper, lines taken by hand", Start::Hyper),
    client("long-poll/reqwest", "long-poll", Rung::Defaults, "reqwest, its body as a whole", Start::Reqwest),
];

/// Raw receivers of the transports that push, against which our subscriber is held.
pub static RAW: [Contender; 3] = [
    client("raw/tcp", "tcp", Rung::Floor, "raw epoll", Start::Floor),
    client("raw/sse", "sse", Rung::Floor, "raw epoll", Start::Floor),
    client(
        "raw/websocket",
        "websocket",
        Rung::Floor,
        "raw epoll",
        Start::Floor,
    ),
];

const fn server(
    name: &'static str,
    transport: &'static str,
    rung: Rung,
    about: &'static str,
    start: Start,
) -> Contender {
    Contender {
        name,
        side: Side::Server,
        transport,
        rung,
        about,
        start,
    }
}

const fn client(
    name: &'static str,
    transport: &'static str,
    rung: Rung,
    about: &'static str,
    start: Start,
) -> Contender {
    Contender {
        name,
        side: Side::Client,
        transport,
        rung,
        about,
        start,
    }
}

impl Contender {
    /// All that can be measured on `side`, the floor first.
    pub fn present(side: Side) -> Vec<&'static Self> {
        let of_side = CONTENDERS.iter().filter(|one| one.side == side);
        of_side.filter(|one| one.absent().is_none()).collect()
    }

    /// The contender of `side` called `name`.
    #[must_use]
    pub fn by_name(side: Side, name: &str) -> Option<&'static Self> {
        CONTENDERS
            .iter()
            .chain(&RAW)
            .find(|one| one.side == side && one.name == name)
    }

    /// Why it cannot be measured with this program, if it cannot.
    #[must_use]
    pub fn absent(&self) -> Option<String> {
        let Start::Served(served) = self.start else {
            return None;
        };
        let (stack, transport) = (served.stack, self.transport);
        (!self.speaker().stacks().contains(&stack))
            .then(|| format!("this program has no stack {stack} for {transport}"))
    }

    /// The bytes it speaks.
    ///
    /// # Panics
    ///
    /// Never: a test holds the table against the wires.
    #[must_use]
    pub fn wire(&self) -> Wire {
        Wire::of(self.transport).expect("every transport of the table has its wire")
    }

    pub(crate) fn speaker(&self) -> &'static dyn Transport {
        by_name(self.transport).expect("a test holds the table against the transports")
    }
}

impl Served {
    pub(crate) fn options(self) -> ServeOptions {
        ServeOptions {
            stack: self.stack,
            tuning: self.tuning,
            runtime: self.runtime,
            ws_read_buffer: self.read_buffer,
            poll_timeout_ms: LONGEST_POLL_MS,
            ..ServeOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_sound() {
        for side in Side::ALL {
            let of_side: Vec<_> = CONTENDERS.iter().filter(|one| one.side == side).collect();
            assert_eq!(of_side[0].rung, Rung::Floor);
            assert!(of_side[1..].iter().all(|one| one.rung != Rung::Floor));
            let names: BTreeSet<_> = of_side.iter().map(|one| one.name).collect();
            assert_eq!(names.len(), of_side.len(), "names are unique");
            for one in of_side {
                assert!(Wire::of(one.transport).is_some() && by_name(one.transport).is_ok());
            }
        }
    }

    #[test]
    fn a_stack_that_is_not_spoken_is_absent_with_a_reason() {
        for one in CONTENDERS {
            let Start::Served(served) = one.start else {
                assert_eq!(one.absent(), None);
                continue;
            };
            let spoken = one.speaker().stacks().contains(&served.stack);
            if !spoken {
                let reason = one.absent().unwrap();
                assert!(reason.contains(served.stack.label()), "{reason}");
            }
        }
    }
}
