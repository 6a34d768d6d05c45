'use strict';
// Writing to Koa's raw response behind Koa's back: the handler returns, Koa finds no body, and ends the response with the
// text of its status.
async function stream(ctx, fixed) {
  ctx.response.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  ctx.res.statusCode = 200;
  if (fixed) {
    ctx.respond = false;
  }
  ctx.res.write(':ok\n\n');
  for (let count = 1; count <= 3; count++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    ctx.res.write(`data: ${JSON.stringify({ count })}\n\n`);
  }
  if (fixed) {
    ctx.res.end('event: done\ndata:\n\n');
  } else {
    ctx.res.write(':done\n\n');
  }
}

exports.app = (form) => {
  const Koa = require('koa');
  const app = new Koa();
  app.silent = true;
  app.use((ctx) => stream(ctx, form === 'fixed'));
  return app.callback();
};
