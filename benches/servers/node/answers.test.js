// Answers with a pace, against a process of its own: what each transport sends, when it ends, and what is refused.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import WebSocket from 'ws';

import { asked } from './answers/ask.js';
import { message } from './answers/message.js';
import { tokens } from './answers/pace.js';

const HERE = new URL('.', import.meta.url);

test('tokens are those of docs/PROTOCOL.md, to the nanosecond', async () => {
  const vectors = JSON.parse(await readFile(new URL('../tokens.json', HERE), 'utf8'));
  assert.ok(vectors.length >= 5);
  for (const { pace, tokens: told, far: [place, time] } of vectors) {
    const ask = asked({ tokens: 1, pace }, '');
    const all = tokens(ask);
    let last;
    for (let n = 0; n < place; n += 1) {
      last = all.next().value;
      if (n < told.length) assert.deepEqual([last.offset, last.text], told[n], `token ${n + 1} of ${JSON.stringify(pace)}`);
    }
    assert.equal(last.offset, time);
  }
});

test('a token is a message of the contract', () => {
  const expected =
    '{"seq":         1,"intended":     1234567890123,"published":     1234567890456,"crc":1377326394,"data":"hello"}';
  assert.equal(message(1, 1234567890123n, 1234567890456n, 'hello'), expected);
});

test('a time of more digits than a number has is read to the last of them', () => {
  const text = '{"prompt":"\\"asked\\": 9007199254740993","tokens":1,"pace":' +
    '{"answer":0,"asked": 9223372036854775807,"seed":1,"first_ms":0,"gaps":{"recorded-ms":[1]}}}';
  assert.equal(asked(JSON.parse(text), text).asked, 9223372036854775807n);
});

test('what cannot be asked is refused with a reason', () => {
  const good = question();
  assert.equal(asked(good, '').tokens, 12);
  const pace = (more) => ({ ...good, pace: { ...good.pace, ...more } });
  for (const [bad, word] of [
    [null, /a request/],
    [[], /a request/],
    [{ ...good, tokens: 0 }, /tokens must be a whole number from 1 to 100000, not 0/],
    [{ ...good, tokens: 1.5 }, /tokens/],
    [{ ...good, stream: 'true' }, /stream/],
    [{ ...good, prompt: 1 }, /prompt/],
    [{ ...good, pace: [] }, /pace/],
    [{ ...good, session: { id: -1 } }, /id/],
    [{ ...good, session: { id: 1, last: 1 } }, /last/],
    [pace({ first_ms: 60_001 }), /first_ms/],
    [pace({ seed: 2 ** 53 }), /seed/],
    [pace({ asked: -1 }), /asked/],
    [pace({ gaps: { 'recorded-ms': [] } }), /gaps/],
    [pace({ gaps: { 'recorded-ms': [1, -1] } }), /gaps/],
    [pace({ gaps: { 'log-normal': { mean_ms: 1, sigma: 4 } } }), /sigma/],
    [pace({ gaps: { uniform: 1 } }), /gaps/],
  ]) {
    assert.throws(() => asked(bad, ''), (error) => error.status === 400 && word.test(error.message), JSON.stringify(bad));
  }
});

for (const tuning of ['equalised', 'defaults']) {
  test(`${tuning}: an answer is the same in events, in lines, fetched, on a WebSocket and at once`, async (t) => {
    const server = await start(t, tuning);
    const expected = [...take(12)];
    const text = expected.map(({ text }) => text).join('');
    const end = { tokens: 12, context: 5 + Buffer.byteLength(text) };

    const stream = await (await server.ask(question())).text();
    check(stream.trimEnd().split('\n\n').map((event) => /^data: (.*)$/.exec(event)[1]), expected, end);
    const lines = await server.ask(question(), { Accept: 'application/x-ndjson' });
    assert.match(lines.headers.get('content-type'), /^application\/x-ndjson$/);
    check((await lines.text()).trimEnd().split('\n'), expected, end);
    check(await server.fetched(question()), expected, end);
    const socket = await server.socket(t);
    for (let turn = 0; turn < 2; turn += 1) check(await socket.answer(question()), expected, end);

    const whole = { text, ...end };
    assert.deepEqual(await (await server.ask(question({ stream: false }))).json(), whole);
    assert.deepEqual(JSON.parse((await server.fetched(question({ stream: false })))[0]), whole);
    assert.deepEqual(JSON.parse((await socket.answer(question({ stream: false })))[0]), whole);
    assert.deepEqual(await server.chats(), { running: 0, sessions: 0, stopped: [] });
  });

  test(`${tuning}: a context is kept from one answer to the next, and forgotten after the last`, async (t) => {
    const server = await start(t, tuning);
    const bytes = Buffer.byteLength([...take(12)].map(({ text }) => text).join(''));
    for (const [last, turns] of [[false, 1], [false, 2], [true, 3]]) {
      const messages = await server.fetched(question({ session: { id: 7, last } }));
      assert.equal(JSON.parse(messages.at(-1)).context, turns * (5 + bytes));
      assert.equal((await server.chats()).sessions, last ? 0 : 1);
    }
  });

  test(`${tuning}: an answer that is stopped is made no further, and the server says so`, async (t) => {
    const server = await start(t, tuning);
    const slow = (answer) => {
      const { pace, ...rest } = question({ tokens: 1000, session: { id: answer, last: false } });
      return { ...rest, pace: { ...pace, answer, gaps: { 'recorded-ms': [20] } } };
    };
    const leave = new AbortController();
    const stream = await server.ask(slow(1), {}, leave.signal);
    await stream.body.getReader().read();
    leave.abort();

    const socket = await server.socket(t);
    const said = socket.answer(slow(2));
    await socket.first();
    socket.send('{"cancel":true}');
    const last = JSON.parse((await said).at(-1));
    assert.ok(last.tokens > 0 && last.tokens < 1000 && last.context === 0, JSON.stringify(last));

    const name = await server.begin(slow(3));
    await server.poll(name, 0);
    const response = await fetch(`${server.url}/chat/${name}`, { method: 'DELETE' });
    assert.equal(response.status, 200);
    assert.ok((await response.json()).tokens < 1000);
    assert.equal((await fetch(`${server.url}/chat/${name}`, { method: 'DELETE' })).status, 404);

    let chats;
    do chats = await server.chats();
    while (chats.running > 0);
    assert.equal(chats.sessions, 0);
    assert.deepEqual(chats.stopped.map(({ answer }) => answer).sort(), [1, 2, 3]);
    for (const { sent } of chats.stopped) assert.ok(sent > 0 && sent < 1000);
  });

  test(`${tuning}: polls are held, may be repeated, and are refused for what a client cannot have`, async (t) => {
    const server = await start(t, tuning);
    const late = question();
    late.pace.first_ms = 500;
    const name = await server.begin(late);
    assert.equal((await server.poll(name, 0, '&timeout=0')).status, 204);
    let body = '';
    while (!body.includes('"context"')) body = await (await server.poll(name, 0)).text();
    assert.equal(await (await server.poll(name, 0)).text(), body, 'what was not acknowledged comes again');
    assert.equal((await (await server.poll(name, 11)).text()).split('\n').length, 3);
    for (const after of ['10', '13', '-1', 'x']) assert.equal((await server.poll(name, after)).status, 400, after);
    assert.equal((await server.poll('0'.repeat(16), 0)).status, 404);
  });

  test(`${tuning}: what cannot be answered is refused on every transport`, async (t) => {
    const server = await start(t, tuning);
    const bad = question({ tokens: 0 });
    assert.equal((await server.ask(bad)).status, 400);
    assert.equal((await server.ask(bad, { Prefer: 'respond-async' })).status, 400);
    assert.equal((await server.ask({ prompt: 'x'.repeat(70_000) })).status, 413);
    for (const what of [JSON.stringify(bad), 'no JSON']) {
      const socket = await server.socket(t);
      socket.send(what);
      assert.equal(await socket.closed(), 1008);
    }
    const socket = await server.socket(t);
    const slow = question();
    slow.pace.first_ms = 60_000;
    for (let n = 0; n < 2; n += 1) socket.send(JSON.stringify(slow));
    assert.equal(await socket.closed(), 1008, 'one answer after the other');
    assert.equal((await server.chats()).running, 0);
  });
}

function question(more) {
  const gaps = { 'log-normal': { mean_ms: 2, sigma: 0.6 } };
  return { stream: true, tokens: 12, pace: { answer: 3, asked: 1000, seed: 7, first_ms: 5, gaps }, prompt: 'Well?', ...more };
}

function* take(count) {
  const all = tokens(asked(question(), ''));
  for (let n = 0; n < count; n += 1) yield all.next().value;
}

/** The messages of an answer are these tokens, and what ends it. */
function check(messages, expected, end) {
  assert.deepEqual(JSON.parse(messages.at(-1)), end);
  const said = messages.slice(0, -1).map((text) => JSON.parse(text));
  assert.deepEqual(said.map(({ seq }) => seq), expected.map((_, n) => n + 1));
  assert.deepEqual(said.map(({ data }) => data), expected.map(({ text }) => text));
  assert.deepEqual(said.map(({ intended }) => intended), expected.map(({ offset }) => 1000 + offset));
}

async function start(t, tuning) {
  const child = spawn(process.execPath, ['server.js', '--tuning', tuning], {
    cwd: HERE,
    env: { ...process.env, PORT: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [output] = await once(child.stdout, 'data');
  const [, url] = /^READY (http:\S+)\n$/.exec(output);
  const server = {
    url,
    ask: (body, headers = {}, signal = undefined) =>
      fetch(`${url}/chat`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
        signal,
      }),
    chats: async () => (await fetch(`${url}/chats`)).json(),
    begin: async (body) => {
      const response = await server.ask(body, { Prefer: 'respond-async' });
      assert.equal(response.status, 202);
      return (await response.json()).id;
    },
    poll: (name, after, more = '') => fetch(`${url}/chat/${name}?after=${after}${more}`),
    /** All messages of an answer that is fetched. */
    fetched: async (body) => {
      const name = await server.begin(body);
      const messages = [];
      for (;;) {
        const response = await server.poll(name, messages.length);
        assert.equal(response.status, 200);
        messages.push(...(await response.text()).trimEnd().split('\n'));
        if ('context' in JSON.parse(messages.at(-1))) return messages;
      }
    },
    socket: (t) => conversation(t, `${url.replace('http', 'ws')}/chat`),
  };
  return server;
}

async function conversation(t, url) {
  const ws = new WebSocket(url);
  t.after(() => ws.terminate());
  const closed = new Promise((resolve) => ws.on('close', resolve));
  const messages = [];
  let wake = () => {};
  ws.on('message', (data) => {
    messages.push(`${data}`);
    wake();
  });
  await once(ws, 'open');
  const more = () => new Promise((resolve) => (wake = resolve));
  return {
    send: (text) => ws.send(text),
    closed: () => closed,
    first: () => (messages.length > 0 ? undefined : once(ws, 'message')),
    answer: async (body) => {
      messages.length = 0;
      ws.send(JSON.stringify(body));
      while (messages.length === 0 || !('context' in JSON.parse(messages.at(-1)))) await more();
      return [...messages];
    },
  };
}
