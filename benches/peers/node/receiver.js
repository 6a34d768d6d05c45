// What receivers have in common: count messages, say when all are subscribed, print the count when asked.
// The protocol is in ../README.md.

let subscribed = 0;
let messages = 0;

/** URL and number of connections from the command line. */
export function asked() {
  const [url, connections] = process.argv.slice(2);
  if (!url || !(Number(connections) > 0)) fail('usage: URL CONNECTIONS');
  return { url, connections: Number(connections) };
}

/** A connection is open; with the last of them, the harness may publish. */
export function opened(connections) {
  if (++subscribed === connections) console.log('PHASE connected');
}

export function received() {
  messages++;
}

/** A lost connection would lose messages: it ends the measurement. */
export function fail(reason) {
  console.error(reason);
  process.exit(1);
}

process.stdin.once('data', () => {
  console.log(`RESULT ${messages}`);
  process.exit(0);
});
process.stdin.once('end', () => process.exit(0));
