'use strict';
// node run.js EXHIBIT faulty|fixed [URL]
//
// An exhibit that serves prints `READY http://127.0.0.1:PORT`. One that is a client gets the URL of a server and prints what
// it saw as one line of JSON. Both end when standard input closes, or after half a minute.
const http = require('node:http');
const fs = require('node:fs');
const path = require('node:path');

const [name, form, url] = process.argv.slice(2);
const known = fs.readdirSync(path.join(__dirname, 'exhibits')).map((file) => path.basename(file, '.js'));
if (!known.includes(name) || !['faulty', 'fixed'].includes(form)) {
  console.error(`usage: node run.js EXHIBIT faulty|fixed [URL]; exhibits: ${known.join(' ')}`);
  process.exit(2);
}
process.stdin.on('end', () => process.exit(0)).resume();
setTimeout(() => process.exit(9), 30_000).unref();

const exhibit = require(`./exhibits/${name}`);
if (exhibit.client) {
  exhibit.client(form, url).then((seen) => {
    console.log(JSON.stringify(seen));
    process.stdin.unref();
  }, (error) => {
    console.error(error);
    process.exit(1);
  });
} else {
  const handler = exhibit.app ? exhibit.app(form) : exhibit[form];
  const server = http.createServer(handler).listen(0, '127.0.0.1', () => {
    console.log(`READY http://127.0.0.1:${server.address().port}`);
  });
}
