// One response that never ends: GET /sse as server-sent events, GET /ndjson as lines of JSON.

import { constants, createGzip } from 'node:zlib';

import { wholeNumber } from './cursor.js';
import { MAX_WAITING_BYTES, replay } from './replay.js';
import { STREAM } from './tuning.js';

/**
 * An Express handler that streams the messages of `hub` as server-sent events, each `shared` or formatted for each response, and
 * compressed for each response that takes gzip if `compression` says so.
 */
export function sse(hub, shared, compression) {
  return stream(hub, shared, compression, {
    type: 'text/event-stream',
    encode: ({ seq, body }) => Buffer.concat([Buffer.from(`id: ${seq}\ndata: `), body, EVENT_END]),
    format: ({ seq, body }) => `id: ${seq}\ndata: ${body}\n\n`,
  });
}

/** The same in lines. */
export function ndjson(hub, shared, compression) {
  return stream(hub, shared, compression, {
    type: 'application/x-ndjson',
    encode: ({ body }) => Buffer.concat([body, LINE_END]),
    format: ({ body }) => `${body}\n`,
  });
}

function stream(hub, shared, compression, { type, encode, format }) {
  const live = new Set();
  const one = shared ? encode : format;

  hub.onMessage((message) => {
    // Binary bodies never come here: publishers wrap them in base64 for text transports.
    if (live.size === 0 || message.binary) return;
    const frame = shared && encode(message);
    for (const out of live) {
      out.write(frame || format(message));
      if (out.waiting > MAX_WAITING_BYTES) out.destroy();
    }
  });

  return (req, res) => {
    const compresses = compression === STREAM;
    const out = compresses && req.acceptsEncodings('gzip') ? new Gzipped(res) : new Plain(res);
    res.on('close', () => {
      live.delete(out);
      out.close();
    });
    // A browser that reconnects repeats the query of its first request, so the header wins.
    const cursor =
      wholeNumber('Last-Event-ID', req.get('last-event-id') || undefined) ??
      wholeNumber('after', req.query.after) ??
      hub.last;
    res.writeHead(200, {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      ...(compresses && { Vary: 'Accept-Encoding' }),
      ...out.headers,
    });
    res.flushHeaders();
    replay(hub, cursor, {
      send: (message, written) => {
        if (!message.binary) out.write(one(message), written);
        else written?.();
      },
      live: () => !res.destroyed && live.add(out),
      lagged: () => res.destroy(),
    });
  };
}

/** A response as it is. */
class Plain {
  headers = {};
  #res;

  constructor(res) {
    this.#res = res;
  }

  write(frame, written) {
    this.#res.write(frame, written);
  }

  get waiting() {
    return this.#res.writableLength;
  }

  destroy() {
    this.#res.destroy();
  }

  close() {}
}

/** A response with a compressor of its own, which is flushed after every message: what waits in it nobody can read. */
class Gzipped {
  headers = { 'Content-Encoding': 'gzip' };
  #res;
  #gzip = createGzip();

  constructor(res) {
    this.#res = res;
    // One that is destroyed says so, and so does its response.
    this.#gzip.on('error', () => {});
    this.#gzip.pipe(res);
  }

  write(frame, written) {
    this.#gzip.write(frame);
    this.#gzip.flush(constants.Z_SYNC_FLUSH, written);
  }

  get waiting() {
    return this.#gzip.writableLength + this.#gzip.readableLength + this.#res.writableLength;
  }

  destroy() {
    this.#res.destroy();
  }

  close() {
    this.#gzip.destroy();
  }
}

const EVENT_END = Buffer.from('\n\n');
const LINE_END = Buffer.from('\n');
