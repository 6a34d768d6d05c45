// `/chat` and what is Koa's own; the rest of the contract is looked at by `pushbench verify koa`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';

const HERE = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

async function start(t) {
  const child = spawn(process.execPath, ['server.js'], {
    cwd: HERE,
    env: { ...process.env, PORT: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const errors = [];
  child.stderr.on('data', (bytes) => errors.push(bytes));
  const [output] = await once(child.stdout, 'data');
  const [, url] = /^READY (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(output) ?? assert.fail(`${output}`);
  return { url, errors };
}

function ask(url, request, more) {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(`${url}/chat`, { method: 'POST', headers, body: JSON.stringify(request), ...more });
}

/** Events of a stream, each with its name and its data. */
function events(text) {
  return text.split('\n\n').slice(0, -1).map((block) => {
    const [name, ...lines] = block.split('\n');
    return { name: name.replace('event: ', ''), data: lines.map((line) => line.replace('data: ', '')).join('\n') };
  });
}

test('a stream has the text of the whole answer, a code point per event, and nothing behind its end', async (t) => {
  const { url } = await start(t);
  const tokens = 700;
  const { text } = await (await ask(url, { tokens })).json();
  const response = await ask(url, { stream: true, tokens });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const all = events(await response.text());
  assert.deepEqual(all.pop(), { name: 'done', data: `{"tokens":${tokens}}` });
  assert.equal(all.length, tokens);
  assert.ok(all.every(({ name, data }) => name === 'token' && [...data].length === 1));
  assert.equal(all.map(({ data }) => data).join(''), text);
});

test('only true streams', async (t) => {
  const { url } = await start(t);
  assert.equal((await ask(url, { stream: 'true' })).status, 400);
  assert.match((await ask(url, { stream: false })).headers.get('content-type'), /^application\/json/);
});

test('a client that leaves is noticed, and is no error', async (t) => {
  const { url, errors } = await start(t);
  const underWay = async () => (await (await fetch(`${url}/healthz`)).json()).chats;
  const leave = new AbortController();
  const response = await ask(url, { stream: true, tokens: 2, gap_ms: 60_000 }, { signal: leave.signal });
  await response.body.getReader().read();
  assert.equal(await underWay(), 1);
  leave.abort();
  while ((await underWay()) !== 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(Buffer.concat(errors).toString(), '');
});
