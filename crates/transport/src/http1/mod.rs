//! What SSE, long-polling and the WebSocket handshake share: reading HTTP/1.1 responses.

pub mod body;
pub mod head;
pub(crate) mod server;
