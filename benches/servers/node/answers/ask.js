// What a request for an answer with a pace asks for, and the messages of the answer.

import { BadRequest } from '../cursor.js';
import { LONGEST_PAUSE_MS } from './pace.js';

/** Larger requests are refused: a context that is sent again. */
export const MAX_ASK_BYTES = 4 << 20;
/** The longest answer, in tokens. */
const MOST_TOKENS = 100_000;
/** The most recorded pauses. */
const MOST_GAPS = 4096;
const MOST_SIGMA = 3;

/** What is asked for. `body` is the JSON of a request, parsed; `raw` its text as it came. */
export function asked(body, raw) {
  object('a request', body);
  const { stream = false, prompt = '', session } = body;
  const pace = object('pace', body.pace);
  if (typeof stream !== 'boolean') throw new BadRequest('stream must be true or false');
  if (typeof prompt !== 'string') throw new BadRequest('prompt must be a string');
  return {
    stream,
    prompt,
    tokens: whole('tokens', body.tokens, 1, MOST_TOKENS),
    answer: whole('answer', pace.answer, 0),
    asked: nanoseconds(pace.asked, raw),
    seed: whole('seed', pace.seed, 0),
    firstMs: number('first_ms', pace.first_ms, LONGEST_PAUSE_MS),
    gaps: gapsOf(object('gaps', pace.gaps)),
    session: session === undefined || session === null ? undefined : sessionOf(object('session', session)),
  };
}

function gapsOf(gaps) {
  const [[kind, value] = [], ...more] = Object.entries(gaps);
  if (kind === 'recorded-ms' && more.length === 0) {
    const fits = Array.isArray(value) && value.length >= 1 && value.length <= MOST_GAPS;
    if (!fits) throw new BadRequest(`gaps must be a list of 1 to ${MOST_GAPS} pauses`);
    for (const gap of value) number('each of gaps', gap, LONGEST_PAUSE_MS);
    return { recorded: value };
  }
  if (kind !== 'log-normal' || more.length > 0) throw new BadRequest('gaps must be log-normal or recorded-ms');
  const { mean_ms: meanMs, sigma } = object('log-normal', value);
  return { meanMs: number('mean_ms', meanMs, LONGEST_PAUSE_MS), sigma: number('sigma', sigma, MOST_SIGMA) };
}

function sessionOf({ id, last = false }) {
  if (typeof last !== 'boolean') throw new BadRequest('last must be true or false');
  return { id: whole('id', id, 0), last };
}

/** A time of more digits than numbers have here is read from the text once more. */
function nanoseconds(value, raw) {
  if (Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (Number.isInteger(value) && value > 0) {
    for (const [, digits] of `${raw}`.matchAll(/"asked"\s*:\s*(\d{1,19})\b/g)) {
      if (Number(digits) === value) return BigInt(digits);
    }
  }
  throw new BadRequest(`asked must be nanoseconds, not ${JSON.stringify(value)}`);
}

function object(name, value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new BadRequest(`${name} must be an object of JSON`);
  }
  return value;
}

function whole(name, value, least, most = Number.MAX_SAFE_INTEGER) {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new BadRequest(`${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`);
  }
  return value;
}

function number(name, value, most) {
  if (typeof value !== 'number' || !(value >= 0 && value <= most)) {
    throw new BadRequest(`${name} must be a number from 0 to ${most}, not ${JSON.stringify(value)}`);
  }
  return value;
}
