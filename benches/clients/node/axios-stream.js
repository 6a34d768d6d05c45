// axios with `responseType: 'stream'`, which in Node gives a stream of bytes; lines by hand.

import axios from 'axios';

import { note, subscribed, url } from './client.js';
import { EventLines } from './event-lines.js';

const events = new EventLines();
try {
  const response = await axios.get(url, { responseType: 'stream', headers: { accept: 'text/event-stream' } });
  subscribed();
  response.data.setEncoding('utf8');
  for await (const text of response.data) events.push(text);
  note('the stream has ended');
} catch (error) {
  note(`failed: ${error.message}`);
}
