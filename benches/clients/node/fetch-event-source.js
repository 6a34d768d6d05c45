// @microsoft/fetch-event-source with POST. The library is made for pages and asks for `window` and `document`: in Node a user
// has to give it both.

import { note, received, subscribed, url } from './client.js';

globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = await import('@microsoft/fetch-event-source');

/** What is done about an error: nothing, as most do; `abort`, as advice goes; or `throw`, as the library wants it. */
const onError = process.argv[3];
const controller = new AbortController();
const handlers = {
  abort: () => controller.abort(),
  throw: (error) => {
    throw error;
  },
};

try {
  await fetchEventSource(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stream: true }),
    signal: controller.signal,
    // Without it the library's own check of the content type is done before the stream is told to be open.
    async onopen(response) {
      const type = response.headers.get('content-type');
      if (!type?.startsWith('text/event-stream')) throw new Error(`${response.status} ${type}`);
      subscribed();
    },
    // It is called for events without data, too, such as a new reconnection time.
    onmessage: (event) => event.data !== '' && received(event.data),
    onclose: () => note('the stream has ended'),
    onerror: handlers[onError],
  });
  note('closed for good');
} catch (error) {
  note(`closed for good: ${error.message}`);
}
