// npm eventsource.

import { EventSource } from 'eventsource';

import { follow } from './event-source.js';

follow(EventSource);
