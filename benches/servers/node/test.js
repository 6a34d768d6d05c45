// Drives the server as Pushbench does: a process of its own, real sockets, raw bytes.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';

const HERE = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const TEXT = 'application/json';
const BINARY = 'application/octet-stream';
/** The headers of a WebSocket handshake, with the key of RFC 6455, 1.3. */
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

for (const tuning of ['equalised', 'defaults']) {
  const start = (t, env) => startTuned(t, tuning, env);
  const shared = tuning === 'equalised';
  /** `res.send` says how it encodes a string. */
  const lines = `application/x-ndjson${shared ? '' : '; charset=utf-8'}`;

  describe(tuning, () => {
    test('healthz answers 200, where everything is set alike without headers that nobody asked for', async (t) => {
      const { port } = await start(t);
      const [head] = await get(port, '/healthz');
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
      for (const header of [/\r\netag: /i, /\r\nx-powered-by: /i]) assert.equal(header.test(head), !shared);
    });

    test('SSE sends its head at once and then one chunk per event, byte for byte', async (t) => {
      const { port } = await start(t);
      const stream = await connect(t, port);
      stream.write(request('GET', '/sse'));
      const head = await stream.head();
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(head, /\r\nContent-Type: text\/event-stream\r\n/);
      assert.doesNotMatch(head, /content-encoding/i);

      const body = message(1, 'caf\u00e9 \u{1f600}  two spaces');
      await publish(t, port, [body]);
      const event = `id: 1\ndata: ${body}\n\n`;
      const chunk = `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`;
      assert.equal(await stream.text(Buffer.byteLength(chunk)), chunk);
    });

    test('SSE without a cursor is live only, with one it first sends what came after', async (t) => {
      const { port } = await start(t);
      await publish(t, port, numbered(1, 5));
      const live = await sse(t, port, '/sse');
      const all = await sse(t, port, '/sse', 'Last-Event-ID: 0\r\n');
      const some = await sse(t, port, '/sse', 'Last-Event-ID: 3\r\n');
      const query = await sse(t, port, '/sse?after=4');
      const both = await sse(t, port, '/sse?after=0', 'Last-Event-ID: 5\r\n');
      const reset = await sse(t, port, '/sse', 'Last-Event-ID:\r\n');
      await publish(t, port, numbered(6, 7));
      assert.equal(await reset.events(2), events(6, 7), 'an empty id is as good as none');
      assert.equal(await live.events(2), events(6, 7));
      assert.equal(await all.events(7), events(1, 7));
      assert.equal(await some.events(4), events(4, 7));
      assert.equal(await query.events(3), events(5, 7));
      assert.equal(await both.events(2), events(6, 7), 'the header is newer than the query');
    });

    test('NDJSON sends one chunk per line, from a cursor or what is live', async (t) => {
      const { port } = await start(t);
      await publish(t, port, numbered(1, 3));
      const stream = await connect(t, port);
      stream.write(request('GET', '/ndjson?after=1'));
      assert.match(await stream.head(), /\r\nContent-Type: application\/x-ndjson\r\n/);
      const live = await sse(t, port, '/ndjson');
      await publish(t, port, [message(4, 'caf\u00e9')]);
      const chunk = (line) => `${Buffer.byteLength(line).toString(16)}\r\n${line}\r\n`;
      const last = chunk(`${message(4, 'caf\u00e9')}\n`);
      const all = [2, 3].map((n) => chunk(`${message(n)}\n`)).join('') + last;
      assert.equal(await stream.text(Buffer.byteLength(all)), all);
      assert.equal(await live.text(Buffer.byteLength(last)), last);
    });

    test('4096 messages are kept, and an older cursor gets all of them', async (t) => {
      const { port } = await start(t);
      await publish(t, port, numbered(1, 5000));
      const stream = await sse(t, port, '/sse', 'Last-Event-ID: 0\r\n');
      assert.equal(await stream.events(4096), events(905, 5000));
    });

    test('of large messages fewer are kept, but 1024', async (t) => {
      const { port } = await start(t);
      const data = 'x'.repeat(100_000);
      await publish(t, port, range(1, 1100).map((n) => message(n, data)));
      const [, kept] = await get(port, '/poll?after=0');
      assert.deepEqual(kept.trimEnd().split('\n').map(seq), range(77, 1100));
    });

    test('a replay larger than a slice goes over into live messages without a gap', async (t) => {
      const { port } = await start(t);
      const big = (seq) => message(seq, 'x'.repeat(100_000));
      const bodies = Array.from({ length: 120 }, (_, i) => big(i + 1));
      await publish(t, port, bodies.slice(0, 100));
      const stream = await sse(t, port, '/sse', 'Last-Event-ID: 0\r\n');
      const ws = await subscribe(t, port, '/ws?after=0');
      await publish(t, port, bodies.slice(100));
      const expected = bodies.map((body, i) => `id: ${i + 1}\ndata: ${body}\n\n`).join('');
      assert.ok((await stream.events(120)) === expected);
      assert.deepEqual(texts(await ws.frames(120)).map(seq), range(1, 120));
    });

    test('long-polling answers a whole batch, waits for one message, and ends empty with 204', async (t) => {
      const { port } = await start(t);
      const client = await connect(t, port);
      await publish(t, port, numbered(1, 3));

      client.write(request('GET', '/poll?after=1&timeout=1000'));
      const batch = await client.response();
      assert.match(batch.head, /^HTTP\/1\.1 200 OK\r\n/);
      assert.ok(batch.head.includes(`\r\nContent-Type: ${lines}\r\n`), batch.head);
      assert.match(batch.head, /\r\nContent-Length: \d+\r\n/);
      assert.match(batch.head, /\r\nConnection: keep-alive\r\n/);
      assert.equal(batch.body, `${message(2)}\n${message(3)}\n`);

      client.write(request('GET', '/poll?after=3&timeout=60000'));
      await settled(port);
      await publish(t, port, [message(4)]);
      assert.equal((await client.response()).body, `${message(4)}\n`);

      const before = performance.now();
      client.write(request('GET', '/poll?after=4&timeout=200'));
      const empty = await client.response();
      assert.match(empty.head, /^HTTP\/1\.1 204 No Content\r\n/);
      assert.equal(empty.body, '');
      assert.ok(performance.now() - before > 195, 'it waited');

      client.write(request('GET', '/poll?timeout=60000'));
      await settled(port);
      await publish(t, port, [message(5)]);
      assert.equal((await client.response()).body, `${message(5)}\n`, 'no cursor: from now on');
    });

    test('nothing is lost between polls', async (t) => {
      const { port } = await start(t);
      const total = 2000;
      const publishing = (async () => {
        const publisher = await connect(t, port);
        for (let seq = 1; seq <= total; seq += 1) {
          publisher.write(post(message(seq)));
          if (seq % 7 === 0) await publisher.responses(7);
        }
      })();
      const client = await connect(t, port);
      const seen = [];
      while (seen.length < total) {
        client.write(request('GET', `/poll?after=${seen.at(-1) ?? 0}&timeout=5000`));
        const { head, body } = await client.response();
        assert.match(head, /^HTTP\/1\.1 200/);
        seen.push(...body.trimEnd().split('\n').map(seq));
      }
      await publishing;
      assert.deepEqual(seen, range(1, total));
    });

    test('1000 pipelined publishes arrive in order on every transport', async (t) => {
      const { port } = await start(t);
      const stream = await sse(t, port, '/sse');
      const ws = await subscribe(t, port, '/ws');
      const poll = await connect(t, port);
      // Sizes from nothing to more than a socket read, so that bodies end both together and apart.
      const bodies = range(1, 1000).map((n) => message(n, 'x'.repeat((n * 7919) % 97 === 0 ? 200_000 : n % 300)));

      const publisher = await connect(t, port);
      publisher.write(Buffer.concat(bodies.map((body) => post(body))));
      const polled = [];
      while (polled.length < bodies.length) {
        poll.write(request('GET', `/poll?after=${polled.length}&timeout=5000`));
        polled.push(...(await poll.response()).body.trimEnd().split('\n'));
      }
      assert.deepEqual(polled.map(seq), range(1, 1000));
      assert.ok(polled.every((body, i) => body === bodies[i]));
      const streamed = (await stream.events(1000)).trimEnd().split('\n\n');
      assert.ok(streamed.every((event, i) => event === `id: ${i + 1}\ndata: ${bodies[i]}`));
      const framed = texts(await ws.frames(1000));
      assert.ok(framed.every((body, i) => body === bodies[i]));
      for (const { head } of await publisher.responses(1000)) assert.match(head, /^HTTP\/1\.1 204/);
    });

    test('what a client says is published if it asks for that, and only then', async (t) => {
      const { port } = await start(t);
      const stream = await sse(t, port, '/sse');
      const silent = await subscribe(t, port, '/ws');
      const speaker = await subscribe(t, port, '/ws?say=1');
      silent.socket.send(message(9));
      await settled(port);
      const bytes = Buffer.from([0, 255, 1]);
      speaker.socket.send(message(1));
      speaker.socket.send(bytes);
      for (const { frames } of [silent, speaker]) {
        const [text, binary] = await frames(2);
        assert.deepEqual([`${text.data}`, text.binary], [message(1), false]);
        assert.deepEqual([binary.data, binary.binary], [bytes, true]);
      }
      assert.ok((await stream.events(1)).startsWith(`id: 1\ndata: ${message(1)}\n\n`));
      for (const wrong of ['', 'two\nlines']) {
        const other = await subscribe(t, port, '/ws?say=1');
        other.socket.send(wrong);
        assert.equal((await once(other.socket, 'close'))[0], 1008);
      }
      const large = await subscribe(t, port, '/ws?say=1');
      large.socket.send(Buffer.alloc((16 << 20) + 1));
      assert.equal((await once(large.socket, 'close'))[0], 1009);
      for (const target of ['/ws?say=2', '/ws?say=x']) {
        const refused = new WebSocket(`ws://127.0.0.1:${port}${target}`);
        const [, response] = await once(refused, 'unexpected-response');
        assert.equal(response.statusCode, 400);
      }
    });

    test('a message may have 16 MiB', async (t) => {
      const { port } = await start(t);
      const body = message(1, 'x'.repeat((16 << 20) - message(1, '').length));
      const stream = await sse(t, port, '/sse');
      const ws = await subscribe(t, port, '/ws');
      await publish(t, port, [body]);
      assert.ok((await get(port, '/poll?after=0'))[1] === `${body}\n`);
      assert.ok((await stream.events(1)) === `id: 1\ndata: ${body}\n\n`);
      assert.ok(texts(await ws.frames(1))[0] === body);
    });

    test('a refused publish among pipelined ones neither blocks nor takes a number', async (t) => {
      const { port } = await start(t);
      const publisher = await connect(t, port);
      publisher.write(
        Buffer.concat([
          post(message(1)),
          post('text', 'text/plain'),
          post(''),
          post('two\nlines'),
          post(message(2)),
        ]),
      );
      const statuses = (await publisher.responses(5)).map(({ head }) => head.slice(9, 12));
      assert.deepEqual(statuses, ['204', '400', '400', '400', '204']);
      const [, kept] = await get(port, '/poll?after=0');
      assert.equal(kept, `${message(1)}\n${message(2)}\n`);
    });

    test('WebSocket sends text and binary frames, resumes, and answers pings', async (t) => {
      const { port } = await start(t);
      const bytes = Buffer.from([0xb1, 0, 1, 2, 10, 13, 255]);
      await publish(t, port, [message(1), message(2)]);
      await publish(t, port, [bytes], BINARY);
      const ws = await subscribe(t, port, '/ws?after=1');
      await publish(t, port, [bytes], BINARY);
      const [second, third, fourth] = await ws.frames(3);
      assert.deepEqual([second.binary, String(second.data)], [false, message(2)]);
      assert.deepEqual([third.binary, third.data], [true, bytes]);
      assert.deepEqual([fourth.binary, fourth.data], [true, bytes]);

      assert.equal(ws.socket.extensions, '', 'no compression');
      const pong = once(ws.socket, 'pong');
      ws.socket.ping('still there?');
      assert.equal(String((await pong)[0]), 'still there?');
    });

    test('WebSocket frames are bare: two bytes of header for a short message', async (t) => {
      const { port } = await start(t);
      const client = await connect(t, port);
      client.write(
        request('GET', '/ws', `${UPGRADE}Sec-WebSocket-Extensions: permessage-deflate\r\n`),
      );
      const head = await client.head();
      assert.match(head, /^HTTP\/1\.1 101 /);
      assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
      assert.doesNotMatch(head, /extensions/i);
      await publish(t, port, ['{"seq":1}']);
      assert.deepEqual(await client.bytes(11), Buffer.from('\x81\x09{"seq":1}', 'latin1'));
    });

    test('subscribers that leave disturb nobody', async (t) => {
      const { port } = await start(t);
      const clients = await Promise.all(range(1, 50).map(() => connect(t, port)));
      clients.forEach((client, i) => client.write(request('GET', i % 2 ? '/sse' : '/poll?timeout=60000')));
      const sockets = await Promise.all(range(1, 50).map(() => subscribe(t, port, '/ws')));
      await settled(port);
      clients.forEach((client) => client.socket.destroy());
      sockets.forEach(({ socket }) => socket.terminate());
      await publish(t, port, numbered(1, 100));
      const [, kept] = await get(port, '/poll?after=99');
      assert.equal(kept, `${message(100)}\n`);
    });

    test('a subscriber that stops reading is disconnected, the others are not', async (t) => {
      const { port } = await start(t);
      const healthy = await subscribe(t, port, '/ws');
      const stuck = [await connect(t, port), await connect(t, port)];
      stuck[0].write(request('GET', '/sse'));
      stuck[1].write(request('GET', '/ws', UPGRADE));
      for (const client of stuck) {
        await client.head();
        client.socket.pause();
      }
      // More than the 64 MiB that may wait and what the kernel takes.
      const total = 96;
      for (const n of range(1, total)) await publish(t, port, [message(n, 'x'.repeat(1 << 20))]);
      assert.deepEqual(texts(await healthy.frames(total)).map(seq), range(1, total));
      for (const client of stuck) {
        client.socket.resume();
        await client.gone;
        assert.ok(client.socket.bytesRead < 64 << 20, 'what waited was dropped');
      }
    });

    test('an answer is the same whole and in a stream, and a client that leaves is noticed', async (t) => {
      const { port } = await start(t);
      const url = `http://127.0.0.1:${port}`;
      const headers = { 'Content-Type': TEXT };
      const ask = (request, more) => fetch(`${url}/chat`, { method: 'POST', headers, body: JSON.stringify(request), ...more });
      const { text, tokens } = await (await ask({ prompt: 'Well?', tokens: 600 })).json();
      assert.equal(tokens, 600);
      const stream = await (await ask({ stream: true, tokens })).text();
      const expected = [...text].map((token) => `event: token\ndata: ${token.replace('\n', '\ndata: ')}\n\n`).join('');
      assert.equal(stream, `${expected}event: done\ndata: {"tokens":600}\n\n`);
      assert.equal((await ask({ stream: 'true' })).status, 400);

      const underWay = async () => (await (await fetch(`${url}/healthz`)).json()).chats;
      const leave = new AbortController();
      const response = await ask({ stream: true, tokens: 2, gap_ms: 60_000 }, { signal: leave.signal });
      await response.body.getReader().read();
      assert.equal(await underWay(), 1);
      leave.abort();
      while ((await underWay()) !== 0) await settled(port);
    });

    test('a request that breaks the contract is answered with 400', async (t) => {
      const { port } = await start(t);
      for (const target of ['/sse?after=x', '/poll?after=-1', '/poll?after=1&after=2', '/poll?timeout=1e3']) {
        assert.match((await get(port, target))[0], /^HTTP\/1\.1 400 /, target);
      }
      for (const [target, status] of [['/ws?after=x', 400], ['/elsewhere', 404]]) {
        const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`);
        const [, response] = await once(socket, 'unexpected-response');
        assert.equal(response.statusCode, status);
      }
      assert.match((await get(port, '/ws'))[0], /^HTTP\/1\.1 426 /);
    });

    test('it listens on $PORT when that is set', async (t) => {
      const free = net.createServer().listen(0, '127.0.0.1');
      await once(free, 'listening');
      const { port } = free.address();
      free.close();
      assert.equal((await start(t, { PORT: String(port) })).port, port);
    });

    test('it ends on SIGTERM and when its standard input closes, with subscribers connected', async (t) => {
      for (const end of [(child) => child.kill('SIGTERM'), (child) => child.stdin.end()]) {
        const { child, port } = await start(t);
        await sse(t, port, '/sse');
        await subscribe(t, port, '/ws');
        const exit = once(child, 'exit');
        end(child);
        assert.deepEqual(await exit, [0, null]);
      }
    });

    test('the session of docs/PROTOCOL.md prints what it says', async (t) => {
      const contract = await readFile(path.join(HERE, '../../../docs/PROTOCOL.md'), 'utf8');
      const [, session] = /```console\n\$ PORT=4000 node .*\nREADY .*\n\$ S=.*\n([^]*?)```/.exec(contract);
      const { port } = await start(t);
      let variables = `S=http://127.0.0.1:${port}`;
      for (const step of session.slice('$ '.length).split(/^\$ /m)) {
        const [, command, expected] = /^(.*)\n([^]*)$/.exec(step);
        if (/^[A-Z]=/.test(command)) {
          variables += `\n${command}`;
          continue;
        }
        // `true`, because a stream that curl cuts off is an error to it.
        const { stdout } = await promisify(execFile)('bash', ['-c', `${variables}\n${command}\ntrue`]);
        assert.equal(stdout, expected.replace('application/x-ndjson', lines), command);
      }
    });
  });
}

test('another tuning is refused with those there are', async () => {
  const server = promisify(execFile)(process.execPath, ['server.js', '--tuning', 'fast'], { cwd: HERE });
  await assert.rejects(server, { code: 2, stderr: /^server\.js: there is no tuning "fast", but equalised and defaults\n$/ });
});

// What a subscriber receives

/** A text body in the layout of the publishers (the checksum is theirs; a server passes it on unread). */
function message(seq, data = 'some data') {
  const number = (value, width) => String(value).padStart(width);
  return (
    `{"seq":${number(seq, 10)},"intended":${number(1234567890123, 18)},` +
    `"published":${number(1234567890456, 18)},"crc":${number(305419896, 10)},"data":"${data}"}`
  );
}

function range(from, to) {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function numbered(from, to) {
  return range(from, to).map((n) => message(n));
}

function events(from, to) {
  return range(from, to).map((n) => `id: ${n}\ndata: ${message(n)}\n\n`).join('');
}

function seq(body) {
  return JSON.parse(body).seq;
}

function texts(frames) {
  return frames.map(({ data }) => String(data));
}

// The server and its clients

/** Starts the server with this tuning as a process of its own and waits for its ready line. */
async function startTuned(t, tuning, env = {}) {
  const child = spawn(process.execPath, ['server.js', '--tuning', tuning], {
    cwd: HERE,
    env: { ...process.env, PORT: '', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [output] = await once(child.stdout, 'data');
  const [, port] = /^READY http:\/\/127\.0\.0\.1:(\d+)\n$/.exec(output) ?? assert.fail(`${output}`);
  return { child, port: Number(port) };
}

function request(method, target, headers = '') {
  return `${method} ${target} HTTP/1.1\r\nHost: test\r\n${headers}\r\n`;
}

function post(body, type = TEXT) {
  const bytes = Buffer.from(body);
  const head = request('POST', '/publish', `Content-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n`);
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** Publishes in one pipelined write and waits for all answers. */
async function publish(t, port, bodies, type) {
  const client = await connect(t, port);
  client.write(Buffer.concat(bodies.map((body) => post(body, type))));
  for (const { head } of await client.responses(bodies.length)) assert.match(head, /^HTTP\/1\.1 204/);
  client.socket.destroy();
}

async function get(port, target) {
  const response = await fetch(`http://127.0.0.1:${port}${target}`);
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return [`HTTP/1.1 ${response.status} ${response.statusText}\r\n${headers}`, await response.text()];
}

/** The server has read what was sent to it before: one thread reads its sockets in turn. */
async function settled(port) {
  await get(port, '/healthz');
  await get(port, '/healthz');
}

async function connect(t, port) {
  const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return new RawClient(socket);
}

/** A raw SSE subscriber whose head has arrived. */
async function sse(t, port, target, headers) {
  const stream = await connect(t, port);
  stream.write(request('GET', target, headers));
  assert.match(await stream.head(), /^HTTP\/1\.1 200/);
  return stream;
}

/** A WebSocket subscriber that collects frames. */
async function subscribe(t, port, target) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`);
  t.after(() => socket.terminate());
  const arrived = [];
  let wake = () => {};
  socket.on('error', () => {});
  socket.on('message', (data, binary) => {
    arrived.push({ data, binary });
    wake();
  });
  await once(socket, 'open');
  return {
    socket,
    async frames(count) {
      while (arrived.length < count) await new Promise((resolve) => (wake = resolve));
      assert.equal(arrived.length, count);
      return arrived;
    },
  };
}

/** Reads exact numbers of bytes from a socket, and HTTP by hand from them. */
class RawClient {
  #pieces = [];
  #waiting = 0;
  #wake = () => {};

  constructor(socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#pieces.push(bytes);
      this.#waiting += bytes.length;
      this.#wake();
    });
    socket.on('error', () => {});
    /** Resolves when the server has closed the connection. */
    this.gone = once(socket, 'close');
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  async bytes(count) {
    while (this.#waiting < count) await this.#more();
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all.subarray(count)];
    this.#waiting = all.length - count;
    return all.subarray(0, count);
  }

  async text(count) {
    return String(await this.bytes(count));
  }

  /** Up to and with the next `end`. */
  async through(end) {
    for (;;) {
      const all = Buffer.concat(this.#pieces);
      this.#pieces = [all];
      const at = all.indexOf(end);
      if (at >= 0) return this.text(at + end.length);
      await this.#more();
    }
  }

  head() {
    return this.through('\r\n\r\n');
  }

  /** One response with Content-Length, or none and no body. */
  async response() {
    const head = await this.head();
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
    return { head, body: await this.text(length) };
  }

  async responses(count) {
    const all = [];
    while (all.length < count) all.push(await this.response());
    return all;
  }

  /** The text of `count` server-sent events, out of their chunks. */
  async events(count) {
    let text = '';
    for (let seen = 0; seen < count; ) {
      const length = parseInt(await this.through('\r\n'), 16);
      const chunk = await this.text(length);
      assert.equal(await this.text(2), '\r\n');
      text += chunk;
      seen += chunk.split('\n\n').length - 1;
    }
    return text;
  }

  #more() {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
