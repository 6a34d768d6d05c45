// The sequence of messages, and the last of them for subscribers that come back.

/** How many messages are kept, */
const KEPT = 4096;
/** unless they are more bytes than this: */
const KEPT_BYTES = 64 << 20;
/** then only as many as the contract asks for. */
const LEAST_KEPT = 1024;

/** Numbers messages from 1 in the order of their arrival and hands each to every transport. */
export class Hub {
  /** Sequence number of the oldest message kept; one more than `last` if there is none. */
  first = 1;
  /** Sequence number of the newest message; 0 before the first. */
  last = 0;
  #ring = new Array(KEPT);
  #bytes = 0;
  #transports = [];

  /** Calls `deliver(message)` for each message from now on. */
  onMessage(deliver) {
    this.#transports.push(deliver);
  }

  /** Publishes a body (a Buffer) as it is. `binary` says that it is no text. */
  publish(body, binary) {
    if (this.#kept === KEPT) this.#drop();
    this.last += 1;
    const message = { seq: this.last, body, binary };
    this.#ring[this.last % KEPT] = message;
    this.#bytes += body.length;
    while (this.#bytes > KEPT_BYTES && this.#kept > LEAST_KEPT) this.#drop();
    for (const deliver of this.#transports) deliver(message);
  }

  /** The message `seq`, which must be kept. */
  message(seq) {
    return this.#ring[seq % KEPT];
  }

  /** The kept messages after `seq`, in order. */
  *after(seq) {
    for (let next = Math.max(seq + 1, this.first); next <= this.last; next += 1) {
      yield this.message(next);
    }
  }

  get #kept() {
    return this.last - this.first + 1;
  }

  #drop() {
    this.#bytes -= this.message(this.first).body.length;
    this.#ring[this.first % KEPT] = undefined;
    this.first += 1;
  }
}
