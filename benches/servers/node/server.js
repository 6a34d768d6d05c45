// A server for Pushbench: Express for SSE, NDJSON and long-polling, ws for WebSocket. The contract is docs/PROTOCOL.md.

import { fstatSync } from 'node:fs';
import { createServer } from 'node:http';
import express from 'express';

import { running } from './answers/answer.js';
import { fetched, report, stopped } from './answers/express.js';
import { underWay } from './chat.js';
import { chat } from './chat-express.js';
import { Hub } from './hub.js';
import { longPoll } from './long-poll.js';
import { publish } from './publish.js';
import { ndjson, sse } from './stream.js';
import { EQUALISED, tuning } from './tuning.js';
import { webSocket } from './websocket.js';

const HOST = '127.0.0.1';
/** Connections that may wait for accept; the kernel may allow fewer. */
const BACKLOG = 4096;

/** No timeout may cut a connection during a measurement, an idle one neither: that is no matter of tuning. */
const UNTIMED = { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 };

const { tuning: set, compression } = asked();
const shared = set === EQUALISED;
const hub = new Hub();
const server = createServer(shared ? { ...UNTIMED, noDelay: true } : UNTIMED, app(hub, shared));
webSocket(server, hub, shared, compression);
server.listen({ host: HOST, port: Number(process.env.PORT ?? 0), backlog: BACKLOG }, () => {
  console.log(`READY http://${HOST}:${server.address().port}`);
});

process.on('SIGTERM', stop);
if (stdinIsPipe()) process.stdin.on('close', stop).on('error', stop).resume();

/** `shared` says that a message is encoded once for all its subscribers. */
function app(hub, shared) {
  const app = express();
  if (shared) {
    app.disable('x-powered-by');
    app.disable('etag');
    app.set('query parser', 'simple');
  }

  app.get('/healthz', (req, res) => res.json({ chats: underWay + running }));
  app.post('/publish', publish(hub));
  app.get('/sse', sse(hub, shared, compression));
  app.get('/ndjson', ndjson(hub, shared, compression));
  app.get('/poll', longPoll(hub, shared));
  app.post('/chat', chat());
  app.get('/chat/:name', fetched);
  app.delete('/chat/:name', stopped);
  app.get('/chats', report);
  app.get('/ws', (req, res) => {
    res.status(426).set('Upgrade', 'websocket').type('text').send('upgrade to WebSocket\n');
  });
  app.use((error, req, res, next) => {
    if (res.headersSent) return next(error);
    res.status(error.status ?? 500).type('text').send(`${error.message}\n`);
  });
  return app;
}

function asked() {
  try {
    return tuning();
  } catch (error) {
    console.error(`server.js: ${error.message}`);
    process.exit(2);
  }
}

/** Nobody waits for the rest: subscribers are cut off where they are. */
function stop() {
  process.exit(0);
}

/**
 * Only the end of a pipe says that the parent is gone. A terminal must not be read from the background, and /dev/null,
 * which shells give to background jobs, ends at once.
 */
function stdinIsPipe() {
  const stdin = fstatSync(0);
  return stdin.isFIFO() || stdin.isSocket();
}
