// POST /chat on Express.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express from 'express';

import { MAX_ASK_BYTES } from './answers/ask.js';
import { paced } from './answers/express.js';
import { answer, asked, events, MAX_REQUEST_BYTES, STREAM_HEADERS } from './chat.js';

/** Express handlers that answer as the request asks. */
export function chat() {
  return [
    express.json({ limit: MAX_ASK_BYTES, inflate: false, verify: (req, res, raw) => (req.raw = raw) }),
    (req, res, next) => {
      if (req.body?.pace !== undefined) return paced(req, res, req.raw);
      if (req.raw?.length > MAX_REQUEST_BYTES) return res.status(413).type('text').send('a shorter request, please\n');
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
