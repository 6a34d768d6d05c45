'use strict';
// A reader of bytes that decodes each piece by itself: a character that lies across two of them is lost.
exports.client = async (form, url) => {
  const response = await fetch(url);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    text += form === 'faulty' ? decoder.decode(value) : decoder.decode(value, { stream: true });
  }
  return { text };
};
