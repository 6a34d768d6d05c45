//! How each transport is asked for messages, and how it frames one.

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

pub(crate) const NDJSON: Wire = Wire {
    transport: "ndjson",
    request: b"GET /ndjson HTTP/1.1\r\nHost: x\r\n\r\n",
    frame: |_, body| {
        let size = format!("{:X}\r\n", body.len() + 1);
        [size.as_bytes(), body, b"\n\r\n"].concat()
    },
};

/// Asks from the first message on: without a number nothing would tell that the server holds the poll before the next is published.
pub(crate) const LONG_POLL: Wire = Wire {
    transport: "long-poll",
    request: b"GET /poll?after=0 HTTP/1.1\r\nHost: x\r\n\r\n",
    frame: |_, body| [body, b"\n"].concat(),
};

/// Those that are sent messages without asking for each: who stops reading has them wait.
pub(crate) const PUSHED: [Wire; 4] = [SSE, WEBSOCKET, TCP, NDJSON];

pub(crate) const ALL: [Wire; 5] = [SSE, WEBSOCKET, TCP, NDJSON, LONG_POLL];

impl Wire {
    /// Asks and reads the answer; one that polls asks, and again after each answer.
    pub(crate) fn subscribe(&self, mut client: Client) -> Client {
        match self.transport {
            "long-poll" => {
                client.poll(0);
                return client;
            }
            "tcp" => {
                client.send(self.request);
                client.read(8);
            }
            _ => {
                client.send(self.request);
                client.head();
            }
        }
        client
    }
}
