// POST /publish: one request, one message.

import { BadRequest } from '../node/cursor.js';
import { body } from './body.js';

const TEXT = 'application/json';
const BINARY = 'application/octet-stream';
const MOST_BYTES = 32 << 20;

/**
 * A Koa handler that publishes the body of each request to `hub`. Node parses the requests of a connection one after
 * the other and each body is read in the same number of steps, so that pipelined ones are published in their order.
 */
export function publish(hub) {
  return async (ctx) => {
    const message = await body(ctx, MOST_BYTES);
    const type = message.length > 0 && ctx.is(TEXT, BINARY);
    if (!type) throw new BadRequest(`a message must be ${TEXT} or ${BINARY}, and not empty`);
    if (type === TEXT && (message.includes('\n') || message.includes('\r'))) {
      throw new BadRequest('a text message must be one line');
    }
    hub.publish(message, type === BINARY);
    ctx.status = 204;
  };
}
