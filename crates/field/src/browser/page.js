"use strict";
// What the page does, one function for each thing it is asked. All times are performance.now(), milliseconds.
globalThis.pushbench = (() => {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  /** How fine the clock is: the smallest step that it makes. */
  function resolution() {
    let smallest = Infinity;
    let last = performance.now();
    for (let steps = 0; steps < 200; ) {
      const now = performance.now();
      if (now > last) {
        smallest = Math.min(smallest, now - last);
        last = now;
        steps += 1;
      }
    }
    return { isolated: crossOriginIsolated, step_ms: smallest };
  }

  /** Asks the clock at `url` so often: [asked, its answer, answered] for the quickest answer. */
  async function ask(url, times) {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`the clock at ${url} does not answer`));
    });
    let best = null;
    for (let index = 0; index < times; index += 1) {
      const answer = new Promise((resolve) => {
        socket.onmessage = (event) => resolve([performance.now(), event.data]);
      });
      const asked = performance.now();
      socket.send("?");
      const [answered, said] = await answer;
      if (best === null || answered - asked < best[2] - best[0]) best = [asked, Number(said), answered];
    }
    socket.close();
    return best;
  }

  // The checksum of the contract: CRC-32 of three numbers, 8 little-endian bytes each, then of the data in UTF-8.
  const remainders = Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  const encoder = new TextEncoder();
  function checksum(numbers, data) {
    const head = new DataView(new ArrayBuffer(24));
    numbers.forEach((number, index) => head.setBigUint64(8 * index, BigInt(number), true));
    let crc = 0xffffffff;
    for (const bytes of [new Uint8Array(head.buffer), encoder.encode(data)]) {
      for (const byte of bytes) crc = (crc >>> 8) ^ remainders[(crc ^ byte) & 255];
    }
    return (crc ^ 0xffffffff) >>> 0;
  }

  // Numbers are taken as digits: nanoseconds may be more than a number of JavaScript holds exactly.
  const HEAD = /^\{"seq": *(\d+),"intended": *(\d+),"published": *(\d+),"crc": *(\d+),"data":/;

  /** [sequence number, due time] of a body, or null if it is none, or not as it was made. */
  function read(body) {
    const head = HEAD.exec(body);
    if (head === null) return null;
    const [, seq, intended, published, crc] = head;
    try {
      const sum = checksum([seq, intended, published], JSON.parse(body).data);
      return sum === Number(crc) ? [Number(seq), Number(intended)] : null;
    } catch {
      return null;
    }
  }

  // A subscription: when what arrived. Bodies are read afterwards, so that a handler costs no more than it must.
  let times = [];
  let bodies = [];
  let trouble = null;
  let end = () => {};
  const take = (body) => {
    times.push(performance.now());
    bodies.push(body);
  };
  const fail = (error) => {
    trouble = String(error);
  };

  const ways = {
    EventSource: (path) =>
      new Promise((resolve, reject) => {
        const source = new EventSource(path);
        source.onmessage = (event) => take(event.data);
        source.onopen = resolve;
        source.onerror = () => {
          fail("the stream broke");
          reject(new Error("the stream was refused"));
        };
        end = () => source.close();
      }),

    WebSocket: (path) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
        socket.onmessage = (event) => take(event.data);
        socket.onopen = resolve;
        socket.onclose = () => {
          fail("the connection was closed");
          reject(new Error("the connection was refused"));
        };
        end = () => {
          socket.onclose = null;
          socket.close();
        };
      }),

    "fetch stream": async (path) => {
      const abort = new AbortController();
      end = () => abort.abort();
      const response = await fetch(path, { signal: abort.signal, cache: "no-store" });
      if (!response.ok) throw new Error(`the answer is ${response.status}`);
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const read = async () => {
        let rest = "";
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return fail("the stream ended");
          const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
          rest = blocks.pop();
          for (const block of blocks) {
            const line = block.split("\n").find((line) => line.startsWith("data: "));
            if (line !== undefined) take(line.slice(6));
          }
        }
      };
      read().catch((error) => abort.signal.aborted || fail(error));
    },

    "long-poll": async (path, after) => {
      const abort = new AbortController();
      end = () => abort.abort();
      const poll = async () => {
        for (;;) {
          const url = `${path}?after=${after}&timeout=20000`;
          const response = await fetch(url, { signal: abort.signal, cache: "no-store" });
          if (response.status === 204) continue;
          if (!response.ok) return fail(`the answer is ${response.status}`);
          const lines = (await response.text()).split("\n");
          lines.pop();
          lines.forEach(take);
          // Numbers go up by one, so the last one need not be looked for in the body.
          after += lines.length;
        }
      };
      poll().catch((error) => abort.signal.aborted || fail(error));
    },
  };

  // An EventSource whose stream ends.
  const watched = { source: null, events: [] };

  // Connections that are held, to see how many there can be.
  const held = [];
  const begin = {
    EventSource: (path, entry) => {
      const source = new EventSource(path);
      source.onopen = () => entry.opened();
      source.onerror = () => entry.failed();
      entry.close = () => source.close();
    },
    "fetch stream": (path, entry) => {
      const abort = new AbortController();
      entry.close = () => abort.abort();
      fetch(path, { signal: abort.signal, cache: "no-store" }).then(entry.opened, entry.failed);
    },
    WebSocket: (path, entry) => {
      const socket = new WebSocket(path);
      socket.onopen = () => entry.opened();
      socket.onclose = () => entry.failed();
      entry.close = () => socket.close();
    },
  };

  function hold(kind, path) {
    const entry = { kind, state: "waits" };
    const once = (state) => () => {
      if (entry.state !== "closed") entry.state = state;
    };
    entry.opened = once("open");
    entry.failed = once("failed");
    begin[kind](path, entry);
    held.push(entry);
  }

  /** Waits until `holds()` is true, for `limit` at most. How long that took, or null. */
  async function until(holds, limit) {
    const begun = performance.now();
    while (!holds()) {
      if (performance.now() - begun > limit) return null;
      await pause(1);
    }
    return performance.now() - begun;
  }

  return {
    resolution,
    ask,

    /** Opens so many connections. */
    hold(kind, count, path) {
      for (let index = 0; index < count; index += 1) hold(kind, path);
    },

    /** What has become of those of a kind. */
    tally(kind) {
      const count = (state) => held.filter((entry) => entry.kind === kind && entry.state === state).length;
      return { open: count("open"), failed: count("failed"), waiting: count("waits") };
    },

    /** Closes an open one: how long until one that waits has opened, or null. */
    async handover(limit) {
      const open = () => held.filter((entry) => entry.state === "open").length;
      const before = open();
      const entry = held.find((entry) => entry.state === "open");
      entry.state = "closed";
      entry.close();
      return until(() => open() === before, limit);
    },

    /** How long a request takes to be answered, whatever the answer is, or null. */
    async answered(path, limit) {
      const abort = new AbortController();
      let answered = false;
      fetch(path, { signal: abort.signal, cache: "no-store" }).then(
        () => (answered = true),
        () => {},
      );
      const after = await until(() => answered, limit);
      abort.abort();
      return after;
    },

    /** The same of a WebSocket, which may be refused. */
    async greeted(url, limit) {
      const socket = new WebSocket(url);
      let greeted = false;
      socket.onopen = socket.onclose = () => (greeted = true);
      const after = await until(() => greeted, limit);
      socket.close();
      return after;
    },

    /** Subscribes; resolves when messages can come. */
    async subscribe(way, path, after) {
      await ways[way](path, after);
    },

    /** How many messages have come, and what broke. */
    state: () => ({ arrived: times.length, trouble }),

    /** Gives what has come, and forgets it: [sequence number, due time, time of arrival] of each message that is intact, and how many are not. */
    collect() {
      const messages = bodies.map(read);
      const intact = messages.flatMap((found, index) => (found === null ? [] : [[...found, times[index]]]));
      const damaged = bodies.length - intact.length;
      times = [];
      bodies = [];
      return { intact, damaged };
    },

    /** Opens an EventSource and looks on. */
    watch(path) {
      watched.source = new EventSource(path);
      watched.source.onmessage = (event) => watched.events.push(event.data);
    },

    /** What came of it. */
    told: () => ({ events: watched.events, state: watched.source.readyState }),

    /** Ends the subscription. */
    unsubscribe() {
      end();
    },
  };
})();
null;
