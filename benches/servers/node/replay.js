// Bringing a subscriber up to date, and the bound on what waits for a slow one.

/** A subscriber for which more than this waits in memory is disconnected. */
export const MAX_WAITING_BYTES = 64 << 20;

/** How much of a replay is handed to the socket before waiting for it to be written. */
const SLICE_BYTES = 1 << 20;

/**
 * Sends the kept messages after `cursor`, then calls `live()` in the same tick as the last of them, so
 * that no message falls between. A replay larger than a slice waits for the client to take it.
 *
 * `send(message, written)` queues one message; `written(error)` runs when the socket has taken it.
 * `lagged()` is called instead of `live()` when the ring overtakes the client.
 */
export function replay(hub, cursor, { send, live, lagged }) {
  // What was dropped before the client came is not its fault: it gets what is kept.
  let next = Math.max(cursor + 1, hub.first);
  const slice = (error) => {
    if (error) return; // disconnected
    if (next < hub.first) return lagged();
    let bytes = 0;
    while (next <= hub.last) {
      const message = hub.message(next);
      next += 1;
      bytes += message.body.length;
      if (bytes >= SLICE_BYTES) return send(message, slice);
      send(message);
    }
    live();
  };
  slice();
}
