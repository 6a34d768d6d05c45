// axios with `onDownloadProgress`, whose text so far is split into events again at every call. The text is what an
// XMLHttpRequest has; Node has none, and with `jsdom` as third argument it gets that of jsdom, as tests of pages do.

import { note, received, subscribed, url } from './client.js';

const [version, page] = process.argv.slice(3);
if (page === 'jsdom') {
  const { JSDOM } = await import('jsdom');
  const { window } = new JSDOM('', { url });
  globalThis.XMLHttpRequest = window.XMLHttpRequest;
}
const { default: axios } = await import(version);

let seen = 0;
let scanned = 0;
let told = false;

function progress(progress) {
  subscribed();
  // Since 1.0 the event of the browser is a field of what axios passes.
  const text = (progress.event ?? progress).target?.responseText;
  if (typeof text !== 'string') {
    if (!told) note('the progress event has no text here');
    told = true;
    return;
  }
  scanned += text.length;
  const events = text.split('\n\n');
  // What follows the last empty line is not whole yet.
  for (const block of events.slice(seen, -1)) {
    const data = block.split('\n').find((line) => line.startsWith('data: '));
    if (data) received(data.slice(6), scanned);
  }
  seen = events.length - 1;
}

try {
  await axios.get(url, { onDownloadProgress: progress, headers: { accept: 'text/event-stream' } });
  note('the stream has ended');
} catch (error) {
  note(`failed: ${error.message}`);
}
