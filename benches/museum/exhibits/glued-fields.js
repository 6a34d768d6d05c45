'use strict';
// A number is written behind the empty line that ends an event: it becomes the beginning of the next line.
function stream(res, write) {
  res.setHeader('Content-Type', 'text/event-stream');
  let count = 0;
  const timer = setInterval(() => {
    write(++count);
    if (count === 4) {
      clearInterval(timer);
      res.end();
    }
  }, 20);
}

exports.faulty = (req, res) => stream(res, (count) => {
  res.write('event: test\n');
  res.write('data: hello\n\n' + count);
});

exports.fixed = (req, res) => stream(res, (count) => {
  res.write('event: test\n');
  res.write(`data: hello ${count}\n\n`);
});
