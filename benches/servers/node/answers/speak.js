// Saying an answer as its tokens become due.

import { at, now } from './alarm.js';

/**
 * Calls `say(text, more)` with each token of `answer` when it is due, and with what ends it. `say` returns whether the client
 * takes more at present; if not, it goes on when `more()` of what this returns is called. `stop()` ends it, and returns what ends
 * the answer all the same.
 */
export function speak(answer, say) {
  let forget;
  let held = false;
  const go = () => {
    forget = undefined;
    held = false;
    while (!answer.ended) {
      const time = now();
      const { due } = answer;
      if (due > time) {
        forget = at(due, go);
        return;
      }
      const text = answer.take(time);
      if (!say(text, !answer.ended) && !answer.ended) {
        held = true;
        return;
      }
    }
  };
  go();
  return {
    more: () => held && go(),
    stop: () => {
      forget?.();
      held = false;
      return answer.stop();
    },
  };
}
