// eventsource-parser, fed from fetch.

import { createParser } from 'eventsource-parser';

import { note, received, subscribed, url } from './client.js';

const parser = createParser({ onEvent: (event) => received(event.data) });
const response = await fetch(url, { headers: { accept: 'text/event-stream' } });
subscribed();
try {
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text);
  note('the stream has ended');
} catch (error) {
  note(`the stream has failed: ${error.cause?.message ?? error.message}`);
}
