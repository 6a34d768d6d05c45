// The ws library as a receiver of WebSocket messages.

import WebSocket from 'ws';

import { asked, fail, opened, received } from './receiver.js';

const { url, connections } = asked();
for (let i = 0; i < connections; i++) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on('open', () => opened(connections));
  socket.on('message', received);
  socket.on('error', (error) => fail(error.message));
  socket.on('close', (code) => fail(`closed with ${code}`));
}
