// One response that never ends: GET /sse as server-sent events, GET /ndjson as lines of JSON.

import { wholeNumber } from './cursor.js';
import { MAX_WAITING_BYTES, replay } from './replay.js';

/** An Express handler that streams the messages of `hub` as server-sent events, each `shared` or formatted for each response. */
export function sse(hub, shared) {
  return stream(hub, shared, {
    type: 'text/event-stream',
    encode: ({ seq, body }) => Buffer.concat([Buffer.from(`id: ${seq}\ndata: `), body, EVENT_END]),
    format: ({ seq, body }) => `id: ${seq}\ndata: ${body}\n\n`,
  });
}

/** The same in lines. */
export function ndjson(hub, shared) {
  return stream(hub, shared, {
    type: 'application/x-ndjson',
    encode: ({ body }) => Buffer.concat([body, LINE_END]),
    format: ({ body }) => `${body}\n`,
  });
}

function stream(hub, shared, { type, encode, format }) {
  const live = new Set();
  const one = shared ? encode : format;

  hub.onMessage((message) => {
    // Binary bodies never come here: publishers wrap them in base64 for text transports.
    if (live.size === 0 || message.binary) return;
    const frame = shared && encode(message);
    for (const res of live) {
      res.write(frame || format(message));
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
    res.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' });
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

const EVENT_END = Buffer.from('\n\n');
const LINE_END = Buffer.from('\n');
