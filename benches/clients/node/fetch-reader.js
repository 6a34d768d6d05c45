// fetch with a reader, a decoder and lines by hand.

import { note, subscribed, url } from './client.js';
import { EventLines } from './event-lines.js';

const events = new EventLines();
const response = await fetch(url, { headers: { accept: 'text/event-stream' } });
subscribed();
const reader = response.body.getReader();
// `stream` keeps the bytes of a character that a read has cut in two.
const decoder = new TextDecoder();
try {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    events.push(decoder.decode(value, { stream: true }));
  }
  note('the stream has ended');
} catch (error) {
  note(`the stream has failed: ${error.cause?.message ?? error.message}`);
}
