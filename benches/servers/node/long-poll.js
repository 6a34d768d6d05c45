// GET /poll: HTTP long-polling.

import { wholeNumber } from './cursor.js';

/** How long a request without `timeout` waits, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 25_000;
/** The longest wait that a timer can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** An Express handler that answers with the messages of `hub` after a cursor, waiting for one if there is none. */
export function longPoll(hub) {
  const waiting = new Set();

  hub.onMessage((message) => {
    if (waiting.size === 0 || message.binary) return;
    const batch = encode([message]);
    // Everything older was already with these clients, so the new message is their whole batch.
    for (const poll of waiting) {
      if (message.seq > poll.after) {
        poll.end();
        answer(poll.res, batch);
      }
    }
  });

  return (req, res) => {
    const poll = { res, after: 0, timer: undefined, end };
    res.on('close', end);
    function end() {
      clearTimeout(poll.timer);
      waiting.delete(poll);
    }

    poll.after = wholeNumber('after', req.query.after) ?? hub.last;
    const timeout = wholeNumber('timeout', req.query.timeout) ?? DEFAULT_TIMEOUT_MS;
    const kept = [...hub.after(poll.after)].filter((message) => !message.binary);
    if (kept.length > 0) return answer(res, encode(kept));
    if (timeout === 0) return res.status(204).end();

    waiting.add(poll);
    poll.timer = setTimeout(
      () => {
        end();
        res.status(204).end();
      },
      Math.min(timeout, MAX_TIMEOUT_MS),
    );
  };
}

function answer(res, batch) {
  res.writeHead(200, {
    'Content-Type': 'application/x-ndjson',
    'Content-Length': batch.length,
    'Cache-Control': 'no-store',
  });
  res.end(batch);
}

function encode(messages) {
  return Buffer.concat(messages.flatMap(({ body }) => [body, LF]));
}

const LF = Buffer.from('\n');
