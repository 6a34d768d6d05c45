'use strict';
// Each character of an answer, followed by an empty line.
const text = ['H', 'e', 'y', '!'];

function stream(res, write) {
  res.setHeader('Content-Type', 'text/event-stream');
  let next = 0;
  const timer = setInterval(() => {
    if (next < text.length) {
      write(text[next++]);
    } else {
      clearInterval(timer);
      res.end();
    }
  }, 20);
}

const express = (handler) => () => {
  const app = require('express')();
  app.get('/', handler);
  return app;
};

exports.app = (form) => express((req, res) => stream(res, form === 'faulty'
  ? (char) => res.write(`${char}\n\n`)
  : (char) => res.write(`data: ${char}\n\n`)))();
