// Node's own WebSocket, in Node 20 behind --experimental-websocket.

import { note, received, subscribed, url } from './client.js';

const socket = new WebSocket(url);
socket.onopen = subscribed;
socket.onmessage = (event) => received(event.data);
socket.onerror = () => note('error');
socket.onclose = (event) => note(`closed with ${event.code}`);
