// GET /sse: Server-Sent Events through a stream that is the body of the answer.

import { PassThrough } from 'node:stream';

import { wholeNumber } from '../node/cursor.js';
import { MAX_WAITING_BYTES, replay } from '../node/replay.js';

/** A Koa handler that streams the messages of `hub`, formatted for each subscriber. */
export function sse(hub) {
  const live = new Set();

  hub.onMessage((message) => {
    // Binary bodies never come here: publishers wrap them in base64 for text transports.
    if (message.binary) return;
    for (const stream of live) {
      stream.write(event(message));
      // The response takes what it can; what it cannot take waits here.
      if (stream.writableLength + stream.readableLength > MAX_WAITING_BYTES) stream.destroy();
    }
  });

  return (ctx) => {
    // A browser that reconnects repeats the query of its first request, so the header wins.
    const cursor =
      wholeNumber('Last-Event-ID', ctx.get('last-event-id') || undefined) ??
      wholeNumber('after', ctx.query.after) ??
      hub.last;
    const stream = new PassThrough();
    const end = () => {
      live.delete(stream);
      ctx.res.destroy();
    };
    stream.on('close', end).on('error', end);
    ctx.res.on('close', () => stream.destroy());
    ctx.type = 'text/event-stream';
    ctx.set('Cache-Control', 'no-store');
    ctx.body = stream;
    ctx.flushHeaders();
    replay(hub, cursor, {
      send: (message, written) => {
        if (!message.binary) stream.write(event(message), written);
        else written?.();
      },
      live: () => !stream.destroyed && live.add(stream),
      lagged: () => stream.destroy(),
    });
  };
}

function event({ seq, body }) {
  return `id: ${seq}\ndata: ${body}\n\n`;
}
