//! Answers of a language model: one request, and tokens at a pace of their own for this client alone.
//!
//! What other modules push is shared by all subscribers; here every connection has its own sequence, timer and end.
//!
//! - [`ledger`]: what all answers of a server have in common, and `Answer`: one that is under way
//! - `timers`: waiting to the microsecond under a runtime whose own timers tick in milliseconds
//! - `http`: `POST /chat` on the stack `reference`, in whatever framing a transport has
//! - `websocket`: requests and tokens as messages on a connection that stays
//! - `parlour`: both of them on the stack `bare`
//! - `plain`: `POST /chat` without a pace, as servers of others have it
//! - [`talk`]: the client half, without sockets

pub(crate) mod http;
pub mod ledger;
pub(crate) mod parlour;
pub(crate) mod plain;
pub mod talk;
pub(crate) mod timers;
pub(crate) mod websocket;

pub use ledger::Ledger;
pub use talk::Talk;

/// Path of the endpoint.
pub(crate) const PATH: &str = "/chat";
