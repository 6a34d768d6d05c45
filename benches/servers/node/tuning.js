// How the libraries are set: `--tuning equalised` or `--tuning defaults`.

import { parseArgs } from 'node:util';

/** A message is encoded once and shared by all its subscribers, TCP_NODELAY is on, a message is one write. */
export const EQUALISED = 'equalised';
/** As the documentation of Node, Express and ws shows them: a message is formatted for each subscriber. */
export const DEFAULTS = 'defaults';

/** The tuning that the command line asks for. */
export function tuning() {
  const options = { tuning: { type: 'string', default: EQUALISED } };
  const asked = parseArgs({ options }).values.tuning;
  if (asked !== EQUALISED && asked !== DEFAULTS) {
    throw new TypeError(`there is no tuning ${JSON.stringify(asked)}, but ${EQUALISED} and ${DEFAULTS}`);
  }
  return asked;
}
