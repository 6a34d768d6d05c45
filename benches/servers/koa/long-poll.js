// GET /poll: HTTP long-polling, a promise per request.

import { wholeNumber } from '../node/cursor.js';

/** How long a request without `timeout` waits, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 25_000;
/** The longest wait that a timer can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** A Koa handler that answers with the messages of `hub` after a cursor, waiting for one if there is none. */
export function longPoll(hub) {
  const waiting = new Set();
  hub.onMessage((message) => {
    if (message.binary) return;
    for (const poll of waiting) if (message.seq > poll.after) poll.wake();
  });

  return async (ctx) => {
    const after = wholeNumber('after', ctx.query.after) ?? hub.last;
    const timeout = wholeNumber('timeout', ctx.query.timeout) ?? DEFAULT_TIMEOUT_MS;
    const kept = () => [...hub.after(after)].filter((message) => !message.binary);
    let messages = kept();
    if (messages.length === 0 && timeout > 0) {
      await new Promise((resolve) => {
        const poll = { after, wake };
        const timer = setTimeout(wake, Math.min(timeout, MAX_TIMEOUT_MS));
        ctx.res.on('close', wake);
        waiting.add(poll);
        function wake() {
          clearTimeout(timer);
          waiting.delete(poll);
          resolve();
        }
      });
      // What came since, the message that woke it and any behind it.
      messages = kept();
    }
    if (messages.length === 0) {
      ctx.status = 204;
      return;
    }
    ctx.type = 'application/x-ndjson';
    ctx.set('Cache-Control', 'no-store');
    ctx.body = messages.map(({ body }) => `${body}\n`).join('');
  };
}
