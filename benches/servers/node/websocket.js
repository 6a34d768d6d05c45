// GET /ws: WebSocket, on the HTTP server that Express uses too.

import { STATUS_CODES } from 'node:http';
import { WebSocketServer } from 'ws';

import { BadRequest, wholeNumber } from './cursor.js';
import { MAX_WAITING_BYTES, replay } from './replay.js';

/** Subscribers have nothing to say; a larger frame from one closes it. */
const MAX_INCOMING_BYTES = 64 << 10;

/**
 * Accepts WebSocket connections of `server` and sends them the messages of `hub`: the same bytes to all if they are
 * `shared`, otherwise a string to each.
 */
export function webSocket(server, hub, shared) {
  const live = new Set();
  const set = { perMessageDeflate: false, clientTracking: false, maxPayload: MAX_INCOMING_BYTES };
  const sockets = new WebSocketServer({ noServer: true, ...(shared ? set : {}) });
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
    if (url?.pathname !== '/ws') return refuse(socket, 404, 'only /ws upgrades');
    let cursor;
    try {
      cursor = wholeNumber('after', url.searchParams.get('after') ?? undefined) ?? hub.last;
    } catch (error) {
      if (error instanceof BadRequest) return refuse(socket, error.status, error.message);
      throw error;
    }
    sockets.handleUpgrade(req, socket, head, (ws) => {
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
