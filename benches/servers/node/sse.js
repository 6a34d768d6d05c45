// GET /sse: Server-Sent Events.

import { wholeNumber } from './cursor.js';
import { MAX_WAITING_BYTES, replay } from './replay.js';

/** An Express handler that streams the messages of `hub`, each `shared` or formatted for each response. */
export function sse(hub, shared) {
  const live = new Set();
  const one = shared ? encode : format;

  hub.onMessage((message) => {
    // Binary bodies never come here: publishers wrap them in base64 for text transports.
    if (live.size === 0 || message.binary) return;
    const event = shared && encode(message);
    for (const res of live) {
      res.write(event || format(message));
      if (res.writableLength > MAX_WAITING_BYTES) res.destroy();
    }
  });

  return (req, res) => {
    res.on('close', () => live.delete(res));
    // A browser that reconnects repeats the query of its first request, so the header wins.
    const cursor =
      wholeNumber('Last-Event-ID', req.get('last-event-id') || undefined) ??
      wholeNumber('after', req.query.after) ??
      hub.last;
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    res.flushHeaders();
    replay(hub, cursor, {
      send: (message, written) => {
        if (!message.binary) res.write(one(message), written);
        else written?.();
      },
      live: () => !res.destroyed && live.add(res),
      lagged: () => res.destroy(),
    });
  };
}

function encode({ seq, body }) {
  return Buffer.concat([Buffer.from(`id: ${seq}\ndata: `), body, END]);
}

function format({ seq, body }) {
  return `id: ${seq}\ndata: ${body}\n\n`;
}

const END = Buffer.from('\n\n');
