"""A server for Pushbench: aiohttp for all transports. The contract is docs/PROTOCOL.md."""

import asyncio
import os
import re
import signal
import stat
import sys

from aiohttp import WSMsgType, web

import chat
from answers import serve
from answers.answer import LEDGER
from hub import Hub, Lagged

HOST = "127.0.0.1"
# Connections that may wait for accept; the kernel may allow fewer.
BACKLOG = 4096
TEXT = "application/json"
BINARY = "application/octet-stream"
# How long a poll without `timeout` waits, in milliseconds.
POLL_TIMEOUT_MS = 25_000
MAX_BODY = 32 << 20

HUB = web.AppKey("hub", Hub)


def whole_number(name, text):
    """A whole number from a query or header; None when it is absent."""
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,19}", text):
        raise chat.bad_request(f"{name} must be a whole number, not {text!r}")
    return int(text)


def cursor(request):
    """The number of the last message that a client has; of the newest if it names none."""
    # A browser that reconnects repeats the query of its first request, so the header wins.
    after = whole_number("Last-Event-ID", request.headers.get("Last-Event-ID") or None)
    if after is None:
        after = whole_number("after", request.query.get("after"))
    return request.app[HUB].last if after is None else after


async def healthz(request):
    return web.json_response({"chats": chat.under_way + LEDGER.running})


async def publish(request):
    body = await request.read()
    if not body or request.content_type not in (TEXT, BINARY):
        raise chat.bad_request(f"a message must be {TEXT} or {BINARY}, and not empty")
    binary = request.content_type == BINARY
    if not binary and (b"\n" in body or b"\r" in body):
        raise chat.bad_request("a text message must be one line")
    request.app[HUB].publish(body, binary)
    return web.Response(status=204)


async def sse(request):
    after = cursor(request)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    try:
        async for message in request.app[HUB].subscribe(after):
            # Binary bodies never come here: publishers wrap them in base64 for text transports.
            if not message.binary:
                await response.write(b"id: %d\ndata: %s\n\n" % (message.seq, message.body))
    except Lagged:
        request.transport.abort()
    return response


async def websocket(request):
    after = cursor(request)
    socket = web.WebSocketResponse(compress=False, max_msg_size=64 << 10)
    if not socket.can_prepare(request).ok:
        return web.Response(status=426, headers={"Upgrade": "websocket"}, text="upgrade to WebSocket\n")
    await socket.prepare(request)

    async def push():
        try:
            async for message in request.app[HUB].subscribe(after):
                if message.binary:
                    await socket.send_bytes(message.body)
                else:
                    await socket.send_str(message.body.decode())
        except Lagged:
            request.transport.abort()
        except ConnectionError:
            # It has left; the reader sees that too.
            pass

    pushing = asyncio.create_task(push())
    try:
        # Pings are answered while this waits; what subscribers say is thrown away.
        async for message in socket:
            if message.type == WSMsgType.ERROR:
                break
    finally:
        pushing.cancel()
    return socket


async def poll(request):
    hub = request.app[HUB]
    after = cursor(request)
    timeout = whole_number("timeout", request.query.get("timeout"))
    timeout = POLL_TIMEOUT_MS if timeout is None else timeout
    try:
        await asyncio.wait_for(hub.news(after), timeout / 1000)
    except asyncio.TimeoutError:
        pass
    lines = b"".join(message.body + b"\n" for message in hub.after(after) if not message.binary)
    if not lines:
        return web.Response(status=204)
    return web.Response(body=lines, headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})


def ends(stop):
    """Calls `stop` on SIGTERM, and when the pipe on standard input closes: then the parent is gone."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    # A terminal must not be read, and /dev/null ends at once.
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        loop.add_reader(0, lambda: os.read(0, 4096) or stop())


async def main():
    app = web.Application(client_max_size=MAX_BODY)
    app[HUB] = Hub()
    app.add_routes(
        [
            web.get("/healthz", healthz, allow_head=False),
            web.post("/publish", publish),
            web.get("/sse", sse, allow_head=False),
            web.get("/ws", websocket, allow_head=False),
            web.get("/poll", poll, allow_head=False),
            web.post("/chat", chat.chat),
            web.get("/chat", serve.websocket, allow_head=False),
            web.get("/chat/{name}", serve.fetched, allow_head=False),
            web.delete("/chat/{name}", serve.stopped),
            web.get("/chats", serve.report, allow_head=False),
        ]
    )
    # Nothing waits for ever for a client that has left, and no timeout cuts a quiet connection.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, keepalive_timeout=10**9)
    await runner.setup()
    site = web.TCPSite(runner, HOST, int(os.environ.get("PORT") or 0), backlog=BACKLOG)
    await site.start()
    stopped = asyncio.Event()
    ends(stopped.set)
    print(f"READY http://{HOST}:{runner.addresses[0][1]}", flush=True)
    await stopped.wait()


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    # Nobody waits for the rest: subscribers are cut off where they are.
    sys.stdout.flush()
    os._exit(0)
