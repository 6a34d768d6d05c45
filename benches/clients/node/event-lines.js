// The parser that people write by hand where a library gives them text: a buffer, lines, an event at each empty line.

import { received } from './client.js';

export class EventLines {
  #rest = '';
  #data = [];
  #scanned = 0;

  push(text) {
    const lines = (this.#rest + text).split('\n');
    this.#scanned += this.#rest.length + text.length;
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith('data:')) {
        this.#data.push(line.slice(line[5] === ' ' ? 6 : 5));
      } else if (line === '' && this.#data.length > 0) {
        received(this.#data.join('\n'), this.#scanned);
        this.#data = [];
      }
    }
  }
}
