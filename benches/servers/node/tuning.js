// How the libraries are set: `--tuning equalised` or `--tuning defaults`, and with `--compression message|stream` whether they compress.

import { parseArgs } from 'node:util';

/** A message is encoded once and shared by all its subscribers, TCP_NODELAY is on, a message is one write. */
export const EQUALISED = 'equalised';
/** As the documentation of Node, Express and ws shows them: a message is formatted for each subscriber. */
export const DEFAULTS = 'defaults';

/** Each message is compressed by itself. */
export const MESSAGE = 'message';
/** A message is compressed with what its connection has had before. */
export const STREAM = 'stream';

/** What the command line asks for: a tuning, and a compression or none. */
export function tuning(args = process.argv.slice(2)) {
  const options = {
    tuning: { type: 'string', default: EQUALISED },
    compression: { type: 'string' },
  };
  const { tuning, compression } = parseArgs({ args, options }).values;
  if (tuning !== EQUALISED && tuning !== DEFAULTS) {
    throw new TypeError(`there is no tuning ${JSON.stringify(tuning)}, but ${EQUALISED} and ${DEFAULTS}`);
  }
  if (compression !== undefined && compression !== MESSAGE && compression !== STREAM) {
    throw new TypeError(`there is no compression ${JSON.stringify(compression)}, but ${MESSAGE} and ${STREAM}`);
  }
  if (compression && tuning === DEFAULTS) {
    throw new TypeError(`as they come, these libraries compress nothing: --compression goes with --tuning ${EQUALISED}`);
  }
  return { tuning, compression };
}
