// Answers with a pace on Express: POST /chat, in the stream that `Accept` asks for or to be fetched, and what fetches them.

import { wholeNumber } from '../cursor.js';
import { STREAM_HEADERS } from '../chat.js';
import { now } from './alarm.js';
import { Answer, chats } from './answer.js';
import { asked } from './ask.js';
import { begin, fetch, stop } from './shelf.js';
import { speak } from './speak.js';

const JSON_HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
const LINES = 'application/x-ndjson';
const LINES_HEADERS = { 'Content-Type': LINES, 'Cache-Control': 'no-store' };

/** Answers a request that has a pace; `raw` is its body as it came. */
export function paced(req, res, raw) {
  const arrived = now();
  const ask = asked(req.body, raw);
  if (/\brespond-async\b/.test(req.get('prefer') ?? '')) {
    return send(res, 202, JSON_HEADERS, `{"id":"${begin(ask, arrived)}"}`);
  }
  const answer = new Answer(ask, arrived);
  if (!ask.stream) {
    const { stop: leave } = speak(answer, (text) => send(res, 200, JSON_HEADERS, text));
    return res.on('close', leave);
  }
  const inLines = (req.get('accept') ?? '').includes(LINES);
  const frame = inLines ? (text) => `${text}\n` : (text) => `data: ${text}\n\n`;
  res.writeHead(200, inLines ? LINES_HEADERS : STREAM_HEADERS);
  res.flushHeaders();
  const speaking = speak(answer, (text, more) => {
    if (more) return res.write(frame(text));
    return res.end(frame(text));
  });
  res.on('drain', speaking.more);
  res.on('close', speaking.stop);
}

/** GET /chat/:name. */
export function fetched(req, res) {
  const after = wholeNumber('after', req.query.after) ?? 0;
  const timeout = wholeNumber('timeout', req.query.timeout);
  const forget = fetch(req.params.name, after, timeout, (kind, text) => {
    if (kind === 'nothing') res.writeHead(204).end();
    else send(res, 200, kind === 'lines' ? LINES_HEADERS : JSON_HEADERS, text);
  });
  res.on('close', forget);
}

/** DELETE /chat/:name. */
export function stopped(req, res) {
  send(res, 200, JSON_HEADERS, stop(req.params.name));
}

/** GET /chats. */
export function report(req, res) {
  send(res, 200, JSON_HEADERS, chats());
}

function send(res, status, headers, text) {
  res.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
  return true;
}
