//! How each transport is asked for everything that is new, and how it frames a message.

use crate::common::Client;

pub(crate) struct Wire {
    pub(crate) transport: &'static str,
    pub(crate) request: &'static [u8],
    pub(crate) frame: fn(u64, &[u8]) -> Vec<u8>,
}

pub(crate) const SSE: Wire = Wire {
    transport: "sse",
    request: b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n",
    frame: |seq, body| {
        let event = [format!("id: {seq}\ndata: ").as_bytes(), body, b"\n\n"].concat();
        [format!("{:X}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat()
    },
};

pub(crate) const WEBSOCKET: Wire = Wire {
    transport: "websocket",
    request: b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
               Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    frame: |_, body| match body.len() {
        len @ 0..=125 => [&[0x81, len as u8], body].concat(),
        len => [&[0x81, 126], &(len as u16).to_be_bytes()[..], body].concat(),
    },
};

pub(crate) const TCP: Wire = Wire {
    transport: "tcp",
    request: &[0xff; 8],
    frame: |_, body| [&(body.len() as u32).to_le_bytes(), body].concat(),
};

pub(crate) const ALL: [Wire; 3] = [SSE, WEBSOCKET, TCP];

impl Wire {
    /// Asks and reads the answer.
    pub(crate) fn subscribe(&self, mut client: Client) -> Client {
        client.send(self.request);
        if self.transport == "tcp" {
            client.read(8);
        } else {
            client.head();
        }
        client
    }
}
