'use strict';
// A line that begins with a colon is a comment: no program ever sees it.
function stream(res, done) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
  res.write('data: the answer\n\n');
  setTimeout(() => {
    res.write(done);
    res.end();
  }, 20);
}

exports.faulty = (req, res) => stream(res, ':done\n\n');
exports.fixed = (req, res) => stream(res, 'event: done\ndata: bye\n\n');
