// Answers as messages of a WebSocket that stays open: GET /chat.

import { BadRequest } from '../cursor.js';
import { now } from './alarm.js';
import { Answer } from './answer.js';
import { asked } from './ask.js';
import { speak } from './speak.js';

const CANCEL = '{"cancel":true}';
/** A client for which more than this waits is not spoken to, in bytes. */
const MOST_WAITING = 64 << 10;
/** Close code: a message against the rules of the service. */
const POLICY = 1008;
/** Bytes of a reason that a close frame has room for. */
const MOST_REASON = 123;

/** Answers what is asked for on `ws`, one answer after the other. */
export function converse(ws) {
  let speaking;
  const written = () => speaking?.more();
  const say = (text, more) => {
    if (!more) speaking = undefined;
    ws.send(text, written);
    return ws.bufferedAmount < MOST_WAITING;
  };
  ws.on('message', (body) => {
    if (ws.readyState !== ws.OPEN) return;
    const text = `${body}`;
    if (text === CANCEL) {
      // One that has just ended has said so.
      const end = speaking?.stop();
      speaking = undefined;
      if (end) ws.send(end);
      return;
    }
    try {
      if (speaking) throw new BadRequest('one answer after the other, please');
      const answer = new Answer(asked(parse(text), text), now());
      const begun = speak(answer, say);
      if (!answer.ended) speaking = begun;
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      speaking?.stop();
      speaking = undefined;
      ws.close(POLICY, error.message.slice(0, MOST_REASON));
    }
  });
  ws.on('close', () => speaking?.stop());
  // A close follows.
  ws.on('error', () => {});
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadRequest(error.message);
  }
}
