// A server for Pushbench: Koa, as its documentation shows it. The contract is docs/PROTOCOL.md.
// Messages and answers come from the Node servers next door, so that only the framework differs.

import { fstatSync } from 'node:fs';
import { createServer } from 'node:http';
import Router from '@koa/router';
import Koa from 'koa';

import { underWay } from '../node/chat.js';
import { Hub } from '../node/hub.js';
import { chat } from './chat.js';
import { longPoll } from './long-poll.js';
import { publish } from './publish.js';
import { sse } from './sse.js';

const HOST = '127.0.0.1';
/** Connections that may wait for accept; the kernel may allow fewer. */
const BACKLOG = 4096;
/** How streams end whose client has left. */
const LEFT = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR', 'ECONNRESET', 'EPIPE']);

const hub = new Hub();
const router = new Router();
router.get('/healthz', (ctx) => {
  ctx.body = { chats: underWay };
});
router.post('/publish', publish(hub));
router.get('/sse', sse(hub));
router.get('/poll', longPoll(hub));
router.post('/chat', chat());

const app = new Koa();
// That a client went away in the middle of a stream is no error, and all others are told on standard error.
app.on('error', (error) => {
  if (!LEFT.has(error.code)) console.error(error);
});
app.use(inWords);
app.use(router.routes()).use(router.allowedMethods());

// No timeout may cut a connection during a measurement, an idle one neither: that is no matter of tuning.
const untimed = { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 };
const server = createServer(untimed, app.callback());
server.listen({ host: HOST, port: Number(process.env.PORT || 0), backlog: BACKLOG }, () => {
  console.log(`READY http://${HOST}:${server.address().port}`);
});

process.on('SIGTERM', stop);
if (stdinIsPipe()) process.stdin.on('close', stop).on('error', stop).resume();

/** An error that names a status of the client's is an answer; others are told on standard error. */
async function inWords(ctx, next) {
  try {
    await next();
  } catch (error) {
    if (!(error.status >= 400 && error.status < 500)) throw error;
    ctx.status = error.status;
    ctx.body = `${error.message}\n`;
  }
}

/** Nobody waits for the rest: subscribers are cut off where they are. */
function stop() {
  process.exit(0);
}

/** Only the end of a pipe says that the parent is gone: a terminal must not be read, and /dev/null ends at once. */
function stdinIsPipe() {
  const stdin = fstatSync(0);
  return stdin.isFIFO() || stdin.isSocket();
}
