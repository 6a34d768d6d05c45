// GET /poll: HTTP long-polling.

import { wholeNumber } from './cursor.js';

/** How long a request without `timeout` waits, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 25_000;
/** The longest wait that a timer can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * An Express handler that answers with the messages of `hub` after a cursor, waiting for one if there is none. What is
 * `shared` is encoded once, otherwise the text of each response is joined by itself.
 */
export function longPoll(hub, shared) {
  const answer = shared ? (res, messages) => end(res, encode(messages)) : send;
  const waiting = new Set();

  hub.onMessage((message) => {
    if (waiting.size === 0 || message.binary) return;
    const batch = shared && encode([message]);
    // Everything older was already with these clients, so the new message is their whole batch.
    for (const poll of waiting) {
      if (message.seq > poll.after) {
        poll.stop();
        if (batch) end(poll.res, batch);
        else send(poll.res, [message]);
      }
    }
  });

  return (req, res) => {
    const poll = { res, after: 0, timer: undefined, stop };
    res.on('close', stop);
    function stop() {
      clearTimeout(poll.timer);
      waiting.delete(poll);
    }

    poll.after = wholeNumber('after', req.query.after) ?? hub.last;
    const timeout = wholeNumber('timeout', req.query.timeout) ?? DEFAULT_TIMEOUT_MS;
    const kept = [...hub.after(poll.after)].filter((message) => !message.binary);
    if (kept.length > 0) return answer(res, kept);
    if (timeout === 0) return res.status(204).end();

    waiting.add(poll);
    poll.timer = setTimeout(
      () => {
        stop();
        res.status(204).end();
      },
      Math.min(timeout, MAX_TIMEOUT_MS),
    );
  };
}

function send(res, messages) {
  const lines = messages.map(({ body }) => `${body}\n`).join('');
  res.set('Cache-Control', 'no-store').type('application/x-ndjson').send(lines);
}

function end(res, batch) {
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
