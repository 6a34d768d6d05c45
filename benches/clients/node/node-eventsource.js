// Node's own EventSource, behind --experimental-eventsource.

import { follow } from './event-source.js';

follow(globalThis.EventSource);
