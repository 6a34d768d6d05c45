// GET /ws: WebSocket, on the HTTP server that Express uses too.

import { STATUS_CODES } from 'node:http';
import { WebSocketServer } from 'ws';

import { MAX_ASK_BYTES } from './answers/ask.js';
import { converse } from './answers/websocket.js';
import { BadRequest, wholeNumber } from './cursor.js';
import { MAX_WAITING_BYTES, replay } from './replay.js';
import { MESSAGE } from './tuning.js';

/** Who has nothing to say is closed by a larger frame, */
const MAX_INCOMING_BYTES = 64 << 10;
/** and who says something by a message larger than the contract has them. */
const MAX_SAID_BYTES = 16 << 20;

/**
 * Accepts WebSocket connections of `server` and sends them the messages of `hub`: the same bytes to all if they are
 * `shared`, otherwise a string to each. With a `compression` each connection that offers permessage-deflate compresses every message,
 * however short, by itself or with its history: ws shares nothing that is compressed. What a client says that asks with `say=1` is published, byte for byte.
 */
export function webSocket(server, hub, shared, compression) {
  const live = new Set();
  const set = { perMessageDeflate: false, clientTracking: false, maxPayload: MAX_INCOMING_BYTES };
  const deflate = compression && {
    perMessageDeflate: { threshold: 0, serverNoContextTakeover: compression === MESSAGE },
  };
  const sockets = new WebSocketServer({ noServer: true, ...(shared ? set : {}), ...deflate });
  const speakers = new WebSocketServer({
    noServer: true,
    ...(shared ? set : {}),
    maxPayload: MAX_SAID_BYTES,
  });
  const conversations = new WebSocketServer({
    noServer: true,
    ...(shared ? set : {}),
    maxPayload: MAX_ASK_BYTES,
  });
  const send = shared ? sendBytes : sendText;

  hub.onMessage((message) => {
    for (const ws of live) {
      send(ws, message);
      if (ws.bufferedAmount > MAX_WAITING_BYTES) ws.terminate();
    }
  });

  server.on('upgrade', (req, socket, head) => {
    socket.on('error', () => socket.destroy());
    const url = URL.canParse(req.url, BASE) ? new URL(req.url, BASE) : undefined;
    if (url?.pathname === '/chat') return conversations.handleUpgrade(req, socket, head, converse);
    if (url?.pathname !== '/ws') return refuse(socket, 404, 'only /ws and /chat upgrade');
    let cursor;
    let says;
    try {
      says = wholeNumber('say', url.searchParams.get('say') ?? undefined) ?? 0;
      if (says > 1) throw new BadRequest('say must be 0 or 1');
      cursor = wholeNumber('after', url.searchParams.get('after') ?? undefined) ?? hub.last;
    } catch (error) {
      if (error instanceof BadRequest) return refuse(socket, error.status, error.message);
      throw error;
    }
    (says ? speakers : sockets).handleUpgrade(req, socket, head, (ws) => {
      if (says) ws.on('message', (body, binary) => say(hub, ws, body, binary));
      ws.on('close', () => live.delete(ws));
      // A close follows, which is all that a broken subscriber means here.
      ws.on('error', () => {});
      replay(hub, cursor, {
        send: (message, written) => send(ws, message, written),
        live: () => ws.readyState === ws.OPEN && live.add(ws),
        lagged: () => ws.terminate(),
      });
    });
  });
}

/** Publishes what a client says, as if it were posted; what a post would be refused for closes the connection. */
function say(hub, ws, body, binary) {
  const lines = !binary && (body.includes('\n') || body.includes('\r'));
  if (!body.length || lines) return ws.close(1008, 'a message is not empty, and a text message is one line');
  hub.publish(body, binary);
}

function sendBytes(ws, { body, binary }, written) {
  ws.send(body, { binary }, written);
}

function sendText(ws, { body, binary }, written) {
  ws.send(binary ? body : `${body}`, written);
}

/** Only to parse the path of a request. */
const BASE = 'http://127.0.0.1';

function refuse(socket, status, reason) {
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
      `Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
  );
}
