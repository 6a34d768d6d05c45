// The thread of alarm.js: waits until what it is told, and says so.

import { parentPort, workerData } from 'node:worker_threads';

const told = new Int32Array(workerData, 0, 1);
const due = new BigInt64Array(workerData, 8, 1);

for (;;) {
  const seen = Atomics.load(told, 0);
  const left = Number(Atomics.load(due, 0) - process.hrtime.bigint()) / 1e6;
  if (left > 0) {
    Atomics.wait(told, 0, seen, left);
  } else {
    parentPort.postMessage(0);
    // The next is told by whoever has heard that.
    Atomics.wait(told, 0, seen);
  }
}
