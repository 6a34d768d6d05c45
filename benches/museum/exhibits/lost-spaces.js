'use strict';
// Each character as the data of an event, with no space behind the colon: a parser takes one space away, and a line end in
// the data ends the field.
const text = ['a', ' ', 'b', '\n', 'c'];

function stream(res, write) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
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

exports.faulty = (req, res) => stream(res, (char) => {
  res.write('event:lol\n');
  res.write(`data:${char}\n\n`);
});

exports.fixed = (req, res) => stream(res, (char) => {
  res.write('event: lol\n');
  res.write(`data: ${char.split('\n').join('\ndata: ')}\n\n`);
});
