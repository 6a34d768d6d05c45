// What clients have in common: stamp messages as they arrive, and tell of them when asked. The protocol is in ../README.md.

const arrivals = [];
let announced = false;

/** URL from the command line. */
export const url = process.argv[2];
if (!url) {
  console.error('usage: URL');
  process.exit(2);
}

/** The subscription stands: messages may be published. */
export function subscribed() {
  if (announced) return;
  announced = true;
  console.log('PHASE connected');
}

/** A message has arrived. `scanned`: characters that code beside the library has read so far. */
export function received(text, scanned) {
  arrivals.push([process.hrtime.bigint(), scanned, text]);
}

/** Something a reader of the results should know. */
export function note(text) {
  console.log(`NOTE ${String(text).replaceAll(/\s+/g, ' ')}`);
}

// A line asks for what has arrived; the end of standard input says that nobody will.
process.stdin.once('data', () => {
  const lines = arrivals.map(([at, scanned, text]) => `MESSAGE ${at} ${scanned ?? '-'} ${JSON.stringify(text)}\n`);
  process.stdout.write(`${lines.join('')}RESULT ${arrivals.length}\n`, () => process.exit(0));
});
process.stdin.once('end', () => process.exit(0));
