// The body of a request. Koa reads none by itself.

import { BadRequest } from '../node/cursor.js';

/** Reads it whole, at most `limit` bytes. */
export async function body(ctx, limit) {
  const pieces = [];
  let length = 0;
  for await (const piece of ctx.req) {
    length += piece.length;
    if (length > limit) throw Object.assign(new BadRequest(`at most ${limit} bytes, please`), { status: 413 });
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}
