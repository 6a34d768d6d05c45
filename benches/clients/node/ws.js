// npm ws.

import WebSocket from 'ws';

import { note, received, subscribed, url } from './client.js';

const socket = new WebSocket(url, { perMessageDeflate: false });
socket.on('open', subscribed);
socket.on('message', (data) => received(data.toString()));
socket.on('error', (error) => note(error.message));
socket.on('close', (code) => note(`closed with ${code}`));
