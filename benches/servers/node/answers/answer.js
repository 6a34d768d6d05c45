// Answers under way, those that were stopped, and the contexts that are kept.

import { message } from './message.js';
import { tokens } from './pace.js';
import { now } from './alarm.js';

/** Stopped answers that are remembered. */
const MOST_STOPPED = 100_000;
/** Characters of all contexts that are kept; the oldest are forgotten beyond. */
const MOST_KEPT = 256 << 20;

/** How many answers are under way. */
export let running = 0;
const stopped = [];
/** By id, in the order in which they were begun. */
const contexts = new Map();
let kept = 0;

/** What `GET /chats` says, as JSON. */
export function chats() {
  const each = stopped.map(({ answer, at, sent }) => `{"answer":${answer},"at":${at},"sent":${sent}}`);
  return `{"running":${running},"sessions":${contexts.size},"stopped":[${each.join(',')}]}`;
}

/** An answer that is under way until `ended`. */
export class Answer {
  sent = 0;
  ended = false;
  #ask;
  #arrived;
  #tokens;
  #next;
  #text = '';
  #before;
  #whole;

  /** The answer to a request that was whole at `arrived`. */
  constructor(ask, arrived) {
    running += 1;
    this.#ask = ask;
    this.#arrived = arrived;
    this.#tokens = tokens(ask);
    this.#next = this.#tokens.next().value;
    this.#before = ask.session ? Buffer.byteLength(contexts.get(ask.session.id) ?? '') : 0;
    if (!ask.stream) {
      // All of it is due with its last token.
      let last = this.#next;
      this.#text = last.text;
      for (let n = 1; n < ask.tokens; n += 1) {
        last = this.#tokens.next().value;
        this.#text += last.text;
      }
      this.#whole = arrived + BigInt(last.offset);
    }
  }

  get isStream() {
    return this.#ask.stream;
  }

  /** When there is something to say. */
  get due() {
    if (this.#whole !== undefined) return this.#whole;
    if (this.sent === this.#ask.tokens) return 0n;
    return this.#arrived + BigInt(this.#next.offset);
  }

  /** What is to be said next, at `time`: a token, or what ends the answer. */
  take(time) {
    const { stream, asked, tokens: wanted } = this.#ask;
    if (!stream) {
      this.sent = wanted;
      const context = this.#finish();
      return JSON.stringify({ text: this.#text, tokens: wanted, context });
    }
    if (this.sent === wanted) return done(wanted, this.#finish());
    const { offset, text } = this.#next;
    this.sent += 1;
    this.#text += text;
    this.#next = this.#tokens.next().value;
    return message(this.sent, asked + BigInt(offset), time, text);
  }

  /** Stops it, with what was due by now made; what ends it all the same. Nothing of it is kept. */
  stop() {
    const time = now();
    if (!this.ended) {
      while (this.isStream && this.sent < this.#ask.tokens && this.due <= time) {
        this.sent += 1;
        this.#next = this.#tokens.next().value;
      }
      this.#end();
      if (this.#ask.session?.last) forget(this.#ask.session.id);
      if (stopped.length === MOST_STOPPED) stopped.shift();
      stopped.push({ answer: this.#ask.answer, at: time, sent: this.sent });
    }
    return done(this.sent, this.#before);
  }

  /** Keeps the context, if it is to be kept; its bytes. */
  #finish() {
    this.#end();
    const { session, prompt } = this.#ask;
    const context = this.#before + Buffer.byteLength(prompt) + Buffer.byteLength(this.#text);
    if (session?.last) forget(session.id);
    else if (session) keep(session.id, prompt + this.#text);
    return context;
  }

  #end() {
    this.ended = true;
    running -= 1;
  }
}

function done(count, context) {
  return `{"tokens":${count},"context":${context}}`;
}

function keep(id, text) {
  contexts.set(id, (contexts.get(id) ?? '') + text);
  kept += text.length;
  for (const oldest of contexts.keys()) {
    if (kept <= MOST_KEPT) break;
    forget(oldest);
  }
}

function forget(id) {
  kept -= contexts.get(id)?.length ?? 0;
  contexts.delete(id);
}
