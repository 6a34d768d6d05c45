'use strict';
// Splitting a string at every UTF-16 unit cuts what needs two of them.
const text = 'ok 😀';

function stream(res, pieces) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
  let next = 0;
  const timer = setInterval(() => {
    if (next < pieces.length) {
      res.write(`data: ${pieces[next++]}\n\n`);
    } else {
      clearInterval(timer);
      res.end();
    }
  }, 20);
}

exports.faulty = (req, res) => stream(res, text.split(''));
exports.fixed = (req, res) => stream(res, Array.from(text));
