'use strict';
// A stream is cut at its line ends and written without them. At its end a misspelt function is called inside a timer,
// where nobody catches what it throws.
const text = 'data: one\n\ndata: two\n\n';

function stream(res, tick) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const lines = text.split('\n');
  let current = 0;
  const timer = setInterval(() => tick(lines, current++, timer, res), 20);
}

exports.faulty = (req, res) => stream(res, (lines, current, timer) => {
  if (current < lines.length) {
    res.write(lines[current]);
  } else {
    ClearInterval(timer); // eslint-disable-line no-undef
  }
});

exports.fixed = (req, res) => stream(res, (lines, current, timer) => {
  if (current < lines.length) {
    res.write(`${lines[current]}\n`);
  } else {
    clearInterval(timer);
    res.end();
  }
});
