// POST /publish: one request, one message.

import express from 'express';

import { BadRequest } from './cursor.js';

const TEXT = 'application/json';
const BINARY = 'application/octet-stream';

/**
 * Express handlers that publish the body of each request to `hub`.
 *
 * Requests may be pipelined. Bodies are read asynchronously, but Node parses the requests of a connection one after
 * the other and `raw` ends each in the same number of steps, so they get here in order of arrival. Nothing promises
 * that: test.js holds them to it.
 */
export function publish(hub) {
  return [
    express.raw({ type: [TEXT, BINARY], limit: '32mb', inflate: false }),
    (req, res) => {
      const { body } = req;
      if (!body?.length) throw new BadRequest(`a message must be ${TEXT} or ${BINARY}, and not empty`);
      const binary = Boolean(req.is(BINARY));
      if (!binary && (body.includes('\n') || body.includes('\r'))) {
        throw new BadRequest('a text message must be one line');
      }
      hub.publish(body, binary);
      res.status(204).end();
    },
  ];
}
