// POST /chat on Express.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express from 'express';

import { answer, asked, events, MAX_REQUEST_BYTES, STREAM_HEADERS } from './chat.js';

/** Express handlers that answer as the request asks. */
export function chat() {
  return [
    express.json({ limit: MAX_REQUEST_BYTES, inflate: false }),
    (req, res, next) => {
      const ask = asked(req.body ?? null);
      if (!ask.stream) return res.json(answer(ask));
      const gone = new AbortController();
      res.on('close', () => gone.abort());
      res.writeHead(200, STREAM_HEADERS);
      // One write, and so one chunk, per event; a client that does not read is waited for.
      pipeline(Readable.from(events(ask, gone.signal)), res).catch((error) => {
        if (!gone.signal.aborted) next(error);
      });
    },
  ];
}
