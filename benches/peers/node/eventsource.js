// The eventsource library as a receiver of Server-Sent Events.

import { EventSource } from 'eventsource';

import { asked, fail, opened, received } from './receiver.js';

const { url, connections } = asked();
for (let i = 0; i < connections; i++) {
  const source = new EventSource(url);
  source.onopen = () => opened(connections);
  source.onmessage = received;
  source.onerror = (error) => fail(error.message ?? 'the connection was lost');
}
