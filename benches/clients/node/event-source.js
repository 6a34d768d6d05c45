// What a page does with an EventSource, whoever made it.

import { note, received, subscribed, url } from './client.js';

export function follow(EventSource) {
  const source = new EventSource(url);
  source.onopen = subscribed;
  source.onmessage = (event) => received(event.data);
  source.onerror = (event) => {
    const state = source.readyState === 2 ? 'closed for good' : 'will reconnect';
    note(event.message ? `${state}: ${event.message}` : state);
  };
}
