// The EventSource of npm undici.

import { EventSource } from 'undici';

import { follow } from './event-source.js';

follow(EventSource);
