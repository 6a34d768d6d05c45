// POST /chat: one answer, as a stream of tokens or at once. Whatever the framework, this is what it sends.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { BadRequest } from './cursor.js';

/** What is answered, from its start again when it is too short. By code points: no token cuts a character in two. */
const TEXT = [...readFileSync(new URL('../chat.txt', import.meta.url), 'utf8')];
/** The longest answer, in tokens. */
const MOST_TOKENS = 100_000;
/** The longest pause between two tokens, in milliseconds. */
const LONGEST_GAP_MS = 60_000;

/** Larger requests are refused. */
export const MAX_REQUEST_BYTES = 64 << 10;

/** How many streams are being written at present. */
export let underWay = 0;

/** What a request asks for. `body` is its JSON, parsed. */
export function asked(body) {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new BadRequest('a JSON object, please');
  const { prompt = '', stream = false, tokens = TEXT.length, gap_ms: gapMs = 0 } = body;
  if (typeof prompt !== 'string') throw new BadRequest('prompt must be a string');
  if (typeof stream !== 'boolean') throw new BadRequest(`stream must be true or false, not ${JSON.stringify(stream)}`);
  whole('tokens', tokens, 1, MOST_TOKENS);
  whole('gap_ms', gapMs, 0, LONGEST_GAP_MS);
  return { stream, tokens, gapMs };
}

/** The answer at once. */
export function answer({ tokens }) {
  let text = '';
  for (let n = 0; n < tokens; n += 1) text += token(n);
  return { text, tokens };
}

/** The answer as server-sent events, a pause between each two tokens. `signal` ends it when the client is gone. */
export async function* events({ tokens, gapMs }, signal) {
  underWay += 1;
  try {
    for (let n = 0; n < tokens; n += 1) {
      if (n > 0 && gapMs > 0) await sleep(gapMs, undefined, { signal });
      yield event('token', token(n));
    }
    yield event('done', JSON.stringify({ tokens }));
  } finally {
    underWay -= 1;
  }
}

/** The headers of a stream of events. */
export const STREAM_HEADERS = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' };

function token(n) {
  return TEXT[n % TEXT.length];
}

/** A line end in `data` starts another data line, and the space behind the colon is the format's, not the data's. */
function event(name, data) {
  return `event: ${name}\ndata: ${data.replaceAll('\n', '\ndata: ')}\n\n`;
}

function whole(name, value, least, most) {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new BadRequest(`${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`);
  }
}
