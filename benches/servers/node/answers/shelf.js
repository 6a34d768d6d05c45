// Answers that are fetched: a request begins one, others ask for what there is of it.

import { randomBytes } from 'node:crypto';

import { BadRequest } from '../cursor.js';
import { Answer } from './answer.js';
import { at, now } from './alarm.js';

/** How long a poll is held that says nothing, and the longest, in milliseconds. */
const HOLD_MS = 25_000;
/** An answer that nobody asks for is let go after this, in milliseconds: a poll that is held, and as long again. */
const PATIENCE_MS = 2 * HOLD_MS;
/** Answers that are kept; who asks for more is refused. */
const MOST = 1 << 16;
/** Characters of all their questions. */
const MOST_CHARACTERS = 256 << 20;
/** Characters of an answer to a poll, about: what goes beyond comes with the next. */
const MOST_AT_ONCE = 64 << 10;

const rows = new Map();
let characters = 0;

/** There is no room, or no such answer: Express answers with `status`. */
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Begins an answer; its name. */
export function begin(ask, arrived) {
  if (rows.size === MOST || characters + ask.prompt.length > MOST_CHARACTERS) {
    throw new Refusal(503, 'too many answers wait to be fetched');
  }
  const name = randomBytes(8).toString('hex');
  characters += ask.prompt.length;
  const row = {
    answer: new Answer(ask, arrived),
    question: ask.prompt.length,
    /** Tokens that the client has said it has, and messages behind them that were made. */
    had: 0,
    made: [],
    timer: setTimeout(() => drop(name), PATIENCE_MS).unref(),
  };
  rows.set(name, row);
  return name;
}

/**
 * Calls `reply(kind, text)` with what there is of an answer behind token `after`: `lines`, all of it as `whole`, or `nothing` when there
 * was nothing for so long. Returns a function that forgets the request.
 */
export function fetch(name, after, timeout = HOLD_MS, reply) {
  const row = rows.get(name);
  if (!row) throw new Refusal(404, 'no such answer');
  acknowledge(row, after);
  const until = now() + BigInt(Math.min(timeout, HOLD_MS)) * 1_000_000n;
  let forget;
  const look = () => {
    row.timer.refresh();
    const time = now();
    const { answer } = row;
    if (row.made.length > 0 || answer.ended || answer.due <= time) return reply(...take(row, time));
    if (time >= until) return reply('nothing');
    forget = at(answer.due < until ? answer.due : until, look);
  };
  look();
  return () => forget?.();
}

/** Stops an answer; what ends it all the same. */
export function stop(name) {
  if (!rows.has(name)) throw new Refusal(404, 'no such answer');
  return drop(name);
}

function acknowledge(row, after) {
  const sent = row.answer.isStream ? row.answer.sent : 0;
  if (after < row.had || after > sent) throw new BadRequest(`after must be from ${row.had} to ${sent}, not ${after}`);
  row.made.splice(0, after - row.had);
  row.had = after;
}

function take(row, time) {
  const { answer, made } = row;
  let length = made.reduce((sum, text) => sum + text.length, 0);
  while (!answer.ended && answer.due <= time && length < MOST_AT_ONCE) {
    const text = answer.take(time);
    made.push(text);
    length += text.length;
  }
  if (answer.ended) {
    // The question is not needed any more.
    characters -= row.question;
    row.question = 0;
  }
  return answer.isStream ? ['lines', `${made.join('\n')}\n`] : ['whole', made[0]];
}

function drop(name) {
  const row = rows.get(name);
  clearTimeout(row.timer);
  rows.delete(name);
  characters -= row.question;
  return row.answer.stop();
}
