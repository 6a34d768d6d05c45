'use strict';
// The timer stops at the end of the text, and the response stays open.
function stream(res, end) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', Connection: 'close' });
  let count = 0;
  const timer = setInterval(() => {
    if (count < 3) {
      res.write(`data: ${++count}\n\n`);
    } else {
      clearInterval(timer);
      end();
    }
  }, 20);
}

exports.faulty = (req, res) => stream(res, () => {});
exports.fixed = (req, res) => stream(res, () => res.end());
