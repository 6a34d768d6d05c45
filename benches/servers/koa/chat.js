// POST /chat on Koa: the flag `stream` chooses between a stream of named events and the whole answer.

import { Readable } from 'node:stream';

import { BadRequest } from '../node/cursor.js';
import { answer, asked, events, MAX_REQUEST_BYTES, STREAM_HEADERS } from '../node/chat.js';
import { body } from './body.js';

/**
 * A Koa handler that answers as the request asks. The stream is the body of the answer, so that Koa ends it when it is
 * whole and adds nothing behind it.
 */
export function chat() {
  return async (ctx) => {
    const ask = asked(json(await body(ctx, MAX_REQUEST_BYTES)));
    if (!ask.stream) {
      ctx.body = answer(ask);
      return;
    }
    const gone = new AbortController();
    ctx.res.on('close', () => gone.abort());
    ctx.set(STREAM_HEADERS);
    ctx.body = Readable.from(events(ask, gone.signal)).on('error', (error) => {
      // Koa has told of it; that the client is gone is no error.
      if (!gone.signal.aborted) ctx.res.destroy(error);
    });
  };
}

function json(bytes) {
  try {
    return JSON.parse(bytes);
  } catch (error) {
    throw new BadRequest(error.message);
  }
}
