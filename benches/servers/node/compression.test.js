// Compression as the load generator asks for it: a process of its own, real sockets, and Node's zlib to read what comes.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { constants, createGunzip, inflateRawSync } from 'node:zlib';
import WebSocket from 'ws';

const HERE = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
/** What a flush ends with, which a WebSocket leaves out (RFC 7692, 7.2.1). */
const FLUSHED = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const BODY = JSON.stringify({ quotes: 'symbol:KELP,bid:112.37,ask:112.41;'.repeat(8) });
const COUNT = 5;

for (const [route, frame] of [
  ['/sse', (seq) => `id: ${seq}\ndata: ${BODY}\n\n`],
  ['/ndjson', () => `${BODY}\n`],
]) {
  test(`${route} is one gzip stream, flushed after every message, for who takes gzip`, async (t) => {
    const port = await start(t, 'stream');
    const packed = await stream(t, port, route, 'Accept-Encoding: br, gzip\r\n');
    const plain = await stream(t, port, route, '');
    const refusing = await stream(t, port, route, 'Accept-Encoding: gzip;q=0, identity\r\n');
    assert.match(packed.head, /\r\nContent-Encoding: gzip\r\n/);
    for (const { head } of [plain, refusing]) assert.doesNotMatch(head, /content-encoding/i);
    for (const { head } of [packed, plain]) assert.match(head, /\r\nVary: Accept-Encoding\r\n/);

    const gunzip = createGunzip();
    let text = '';
    gunzip.on('data', (data) => (text += data));
    const lengths = [];
    let expected = '';
    for (let seq = 1; seq <= COUNT; seq += 1) {
      await publish(port, BODY);
      expected += frame(seq);
      // Everything that was published has come, before anything else is.
      let bytes = 0;
      while (text !== expected) {
        const chunk = await packed.chunk();
        bytes += chunk.length;
        await new Promise((resolve) => gunzip.write(chunk, resolve));
        await new Promise((resolve) => gunzip.flush(constants.Z_SYNC_FLUSH, resolve));
        assert.ok(expected.startsWith(text), text);
      }
      lengths.push(bytes);
      assert.equal(String(await plain.chunk()), frame(seq));
      assert.equal(String(await refusing.chunk()), frame(seq));
    }
    assert.ok(lengths[1] < lengths[0] / 2, `it has a history: ${lengths}`);
  });
}

for (const compression of ['message', 'stream']) {
  test(`WebSocket: permessage-deflate, ${compression}`, async (t) => {
    const port = await start(t, compression);
    const alone = compression === 'message';
    const offer = `permessage-deflate${alone ? '; server_no_context_takeover' : ''}`;
    const packed = await stream(t, port, '/ws', `${UPGRADE}Sec-WebSocket-Extensions: ${offer}\r\n`);
    const plain = await stream(t, port, '/ws', UPGRADE);
    assert.ok(packed.head.includes(`\r\nSec-WebSocket-Extensions: ${offer}\r\n`), packed.head);
    assert.doesNotMatch(plain.head, /extensions/i);
    // ws itself reads it, too.
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    t.after(() => socket.terminate());
    await once(socket, 'open');

    const payloads = [];
    for (let seq = 1; seq <= COUNT; seq += 1) {
      const read = once(socket, 'message');
      await publish(port, BODY);
      assert.equal(String((await read)[0]), BODY);
      const [first, payload] = await packed.frame();
      assert.equal(first, 0xc1, 'a whole text message that is compressed');
      payloads.push(payload);
      assert.deepEqual(await plain.frame(), [0x81, Buffer.from(BODY)]);
    }
    const inflate = (payload) => String(inflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }));
    const all = Buffer.concat(payloads.flatMap((payload) => [payload, FLUSHED]));
    assert.equal(inflate(all), BODY.repeat(COUNT));
    const last = Buffer.concat([payloads.at(-1), FLUSHED]);
    if (alone) assert.equal(inflate(last), BODY);
    else assert.throws(() => inflate(last), /invalid distance/);
  });

  test(`a short message is compressed like any other, ${compression}`, async (t) => {
    const port = await start(t, compression);
    const offer = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';
    const packed = await stream(t, port, '/ws', UPGRADE + offer);
    await publish(port, '{}');
    assert.equal((await packed.frame())[0], 0xc1);
  });
}

test('each message by itself is nothing that Express has', async (t) => {
  const port = await start(t, 'message');
  const { head } = await stream(t, port, '/sse', 'Accept-Encoding: gzip\r\n');
  assert.doesNotMatch(head, /content-encoding/i);
});

test('what cannot be had is refused', async () => {
  for (const [args, word] of [
    [['--compression', 'gzip'], /there is no compression "gzip", but message and stream/],
    [['--compression', 'stream', '--tuning', 'defaults'], /--compression goes with --tuning equalised/],
  ]) {
    const server = promisify(execFile)(process.execPath, ['server.js', ...args], { cwd: HERE });
    await assert.rejects(server, { code: 2, stderr: word });
  }
});

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** Starts the server as a process of its own; its port. */
async function start(t, compression) {
  const args = ['server.js', '--compression', compression];
  const child = spawn(process.execPath, args, { cwd: HERE, stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  return Number(/^READY http:\/\/127\.0\.0\.1:(\d+)\n$/.exec(line)[1]);
}

async function publish(port, body) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`http://127.0.0.1:${port}/publish`, { method: 'POST', body, headers });
  assert.equal(response.status, 204);
}

/** A subscriber whose head has come, and what it reads. */
async function stream(t, port, target, headers) {
  const socket = net.connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  let held = Buffer.alloc(0);
  let wake = () => {};
  socket.on('data', (bytes) => {
    held = Buffer.concat([held, bytes]);
    wake();
  });
  const more = () => new Promise((resolve) => (wake = resolve));
  const bytes = async (count) => {
    while (held.length < count) await more();
    const read = held.subarray(0, count);
    held = held.subarray(count);
    return read;
  };
  const through = async (end) => {
    while (!held.includes(end)) await more();
    return String(await bytes(held.indexOf(end) + end.length));
  };
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
  const head = await through('\r\n\r\n');
  assert.match(head, target === '/ws' ? /^HTTP\/1\.1 101/ : /^HTTP\/1\.1 200/);
  return {
    head,
    async chunk() {
      const content = await bytes(parseInt(await through('\r\n'), 16));
      await bytes(2);
      return content;
    },
    /** First byte and payload of a frame. */
    async frame() {
      const [first, short] = await bytes(2);
      const length = short === 126 ? (await bytes(2)).readUInt16BE() : short;
      return [first, await bytes(length)];
    },
  };
}
