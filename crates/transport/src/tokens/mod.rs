//! Answers of a language model: one request, and tokens at a pace of their own for this client alone.
//!
//! What other modules push is shared by all subscribers; here every connection has its own sequence, timer and end.
//!
//! - [`ledger`]: what all answers of a server have in common
//! - `answer`: one that is under way
//! - [`shelf`]: those that are fetched, request by request
//! - `timers`: waiting to the microsecond under a runtime whose own timers tick in milliseconds
//! - `http`: `POST /chat` on the stack `reference`, in whatever framing a transport has
//! - `fetch`: answers that are fetched, on the stack `reference`
//! - `websocket`: requests and tokens as messages on a connection that stays
//! - `parlour`: all of them on the stack `bare`
//! - `plain`: `POST /chat` without a pace, as servers of others have it
//! - [`talk`]: the client half, without sockets

pub(crate) mod answer;
pub(crate) mod fetch;
pub(crate) mod http;
pub mod ledger;
pub(crate) mod parlour;
pub(crate) mod plain;
pub mod shelf;
pub mod talk;
pub(crate) mod timers;
pub(crate) mod websocket;

pub use ledger::Ledger;
pub use shelf::Shelf;
pub use talk::Talk;

/// Path of the endpoint.
pub(crate) const PATH: &str = "/chat";
