'use strict';
// All that has come so far is looked at again whenever something comes, as `onDownloadProgress` of axios over XMLHttpRequest
// invites to do.
const http = require('node:http');

exports.client = (form, url) => new Promise((resolve, reject) => {
  http.get(url, (response) => {
    let text = '';
    let scanned = 0;
    let read = 0;
    let events = 0;
    response.setEncoding('utf8');
    response.on('data', (piece) => {
      text += piece;
      const from = form === 'faulty' ? 0 : read;
      const fresh = text.slice(from);
      scanned += fresh.length;
      const whole = fresh.lastIndexOf('\n\n') + 2;
      if (form === 'faulty') {
        events = fresh.split('\n\n').length - 1;
      } else if (whole > 1) {
        events += fresh.slice(0, whole).split('\n\n').length - 1;
        read += whole;
      }
    });
    response.on('end', () => resolve({ events, scanned, received: text.length }));
  }).on('error', reject);
});
