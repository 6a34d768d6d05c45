// Waiting to the precision of the kernel's timers: those of Node tick in milliseconds, which is more than what is measured. A thread
// waits for the earliest time; it stands for the model, whose tokens would come from elsewhere too.

import { Worker } from 'node:worker_threads';

/** Nobody waits. */
const NEVER = 2n ** 63n - 1n;

const shared = new SharedArrayBuffer(16);
/** Counts what the thread is told. */
const told = new Int32Array(shared, 0, 1);
/** What it waits for, CLOCK_MONOTONIC nanoseconds. */
const due = new BigInt64Array(shared, 8, 1);
due[0] = NEVER;

/** Those who wait, the earliest first: a binary heap. */
const waiting = [];
let thread;

/** The time that everything here is measured in: CLOCK_MONOTONIC nanoseconds. */
export const now = process.hrtime.bigint;

/** Calls `wake` at `time`; returns a function that forgets it. */
export function at(time, wake) {
  thread ??= start();
  const entry = { time, wake };
  push(entry);
  if (waiting[0] === entry) tell();
  return () => {
    entry.wake = undefined;
  };
}

function start() {
  const worker = new Worker(new URL('alarm-thread.js', import.meta.url), { workerData: shared });
  worker.on('message', ring);
  worker.on('error', (error) => {
    console.error(`server.js: the thread that waits has failed: ${error.message}`);
    process.exit(1);
  });
  worker.unref();
  return worker;
}

function ring() {
  while (waiting.length > 0 && (waiting[0].time <= now() || !waiting[0].wake)) pop().wake?.();
  tell();
}

function tell() {
  Atomics.store(due, 0, waiting.length > 0 ? waiting[0].time : NEVER);
  Atomics.add(told, 0, 1);
  Atomics.notify(told, 0);
}

function push(entry) {
  let place = waiting.push(entry) - 1;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (waiting[parent].time <= entry.time) break;
    waiting[place] = waiting[parent];
    place = parent;
  }
  waiting[place] = entry;
}

function pop() {
  const first = waiting[0];
  const last = waiting.pop();
  if (waiting.length === 0) return first;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= waiting.length) break;
    if (child + 1 < waiting.length && waiting[child + 1].time < waiting[child].time) child += 1;
    if (waiting[child].time >= last.time) break;
    waiting[place] = waiting[child];
    place = child;
  }
  waiting[place] = last;
  return first;
}
