"""Answers on aiohttp: in events, fetched by polls, on a WebSocket."""

import asyncio
import re
import secrets
import time

from aiohttp import WSMsgType, web

from .alarm import alarm
from .answer import LEDGER, Answer, dumps
from .ask import MAX_ASK, BadAsk, asked

CANCEL = '{"cancel":true}'
# How long a poll is held that says nothing, and the longest, in milliseconds.
HOLD_MS = 25_000
# Answers that are kept for those who fetch them; who asks for more is refused.
MOST = 1 << 16
# Bytes of all their questions.
MOST_BYTES = 256 << 20
# Bytes of an answer to a poll, about: what goes beyond comes with the next.
MOST_AT_ONCE = 64 << 10
# Bytes of a reason that a close frame has room for.
MOST_REASON = 123
NO_STORE = {"Cache-Control": "no-store"}


async def paced(request, body):
    """Answers a request that has a pace; None if it has none."""
    arrived = time.monotonic_ns()
    try:
        ask = asked(body)
    except BadAsk as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from error
    if ask is None:
        return None
    if len(body) > MAX_ASK:
        raise web.HTTPRequestEntityTooLarge(MAX_ASK, len(body))
    if re.search(r"\brespond-async\b", request.headers.get("Prefer", "")):
        return said({"id": SHELF.begin(ask, arrived)}, status=202)
    answer = Answer(ask, arrived)
    try:
        if not ask.stream:
            await alarm().until(answer.due)
            return json(answer.take(time.monotonic_ns()))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **NO_STORE})
        await response.prepare(request)
        while not answer.ended:
            await alarm().until(answer.due)
            event = b"data: %s\n\n" % answer.take(time.monotonic_ns())
            if answer.ended:
                await response.write_eof(event)
            else:
                await response.write(event)
        return response
    finally:
        # A client that leaves cancels this handler where it waits.
        if not answer.ended:
            answer.stop()


async def websocket(request):
    """Answers on a connection that stays, one after the other."""
    socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_ASK)
    if not socket.can_prepare(request).ok:
        return web.Response(status=426, headers={"Upgrade": "websocket"}, text="upgrade to WebSocket\n")
    await socket.prepare(request)
    answer, speaking = None, None

    async def speak(answer):
        try:
            while not answer.ended:
                await alarm().until(answer.due)
                if not answer.ended:
                    await socket.send_str(answer.take(time.monotonic_ns()).decode())
        except ConnectionError:
            # It has left; the reader sees that too.
            pass

    try:
        async for received in socket:
            if received.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            busy = answer is not None and not answer.ended
            if received.data == CANCEL:
                if busy:
                    speaking.cancel()
                    await socket.send_str(answer.stop().decode())
                continue
            try:
                ask = asked(received.data)
                if ask is None:
                    raise BadAsk("answers need a pace here")
                if busy:
                    raise BadAsk("one answer after the other, please")
            except BadAsk as error:
                await socket.close(code=1008, message=str(error).encode()[:MOST_REASON])
                break
            answer = Answer(ask, time.monotonic_ns())
            speaking = asyncio.create_task(speak(answer))
    finally:
        if speaking is not None:
            speaking.cancel()
        if answer is not None and not answer.ended:
            answer.stop()
    return socket


class Row:
    """An answer that is fetched."""

    def __init__(self, ask, arrived):
        self.answer = Answer(ask, arrived)
        self.question = len(ask.prompt)
        # Tokens that the client has said it has, and messages behind them that were made.
        self.had = 0
        self.made = []
        self.deadline = None


class Shelf:
    """Answers that are fetched: a request begins one, others ask for what there is of it."""

    def __init__(self):
        self._rows = {}
        self._bytes = 0

    def begin(self, ask, arrived):
        """Begins an answer; its name."""
        if len(self._rows) == MOST or self._bytes + len(ask.prompt) > MOST_BYTES:
            raise web.HTTPServiceUnavailable(text="too many answers wait to be fetched\n")
        name = secrets.token_hex(8)
        self._rows[name] = Row(ask, arrived)
        self._bytes += len(ask.prompt)
        self._put_off(name)
        return name

    def row(self, name):
        """The answer of that name."""
        if name not in self._rows:
            raise web.HTTPNotFound(text="no such answer\n")
        return self._rows[name]

    def stop(self, name):
        """Stops an answer; what ends it all the same."""
        row = self.row(name)
        del self._rows[name]
        row.deadline.cancel()
        self._bytes -= row.question
        return row.answer.stop()

    async def fetch(self, name, after, timeout_ms):
        """What there is of an answer behind token `after`; None when there was nothing for so long."""
        row = self.row(name)
        sent = row.answer.sent if row.answer.ask.stream else 0
        if not row.had <= after <= sent:
            raise web.HTTPBadRequest(text=f"after must be from {row.had} to {sent}, not {after}\n")
        del row.made[: after - row.had]
        row.had = after
        until = time.monotonic_ns() + min(timeout_ms, HOLD_MS) * 10**6
        while not row.made and not row.answer.ended:
            self._put_off(name)
            due = row.answer.due
            if due <= time.monotonic_ns():
                break
            if until <= time.monotonic_ns():
                return None
            await alarm().until(min(due, until))
            # It may have been stopped meanwhile.
            self.row(name)
        self._put_off(name)
        return self._take(row)

    def _take(self, row):
        now = time.monotonic_ns()
        size = sum(map(len, row.made))
        while not row.answer.ended and row.answer.due <= now and size < MOST_AT_ONCE:
            row.made.append(row.answer.take(now))
            size += len(row.made[-1])
        if row.answer.ended:
            # The question is not needed any more.
            self._bytes -= row.question
            row.question = 0
        if row.answer.ask.stream:
            return b"\n".join(row.made) + b"\n"
        return row.made[0]

    def _put_off(self, name):
        """An answer that nobody asks for is let go: after a poll that is held, and as long again."""
        row = self._rows[name]
        if row.deadline is not None:
            row.deadline.cancel()
        loop = asyncio.get_running_loop()
        row.deadline = loop.call_later(2 * HOLD_MS / 1000, self.stop, name)


SHELF = Shelf()


async def fetched(request):
    """GET /chat/NAME."""
    after = whole(request, "after", 0)
    body = await SHELF.fetch(request.match_info["name"], after, whole(request, "timeout", HOLD_MS))
    if body is None:
        return web.Response(status=204)
    if not SHELF.row(request.match_info["name"]).answer.ask.stream:
        return json(body)
    return web.Response(body=body, headers={"Content-Type": "application/x-ndjson", **NO_STORE})


async def stopped(request):
    """DELETE /chat/NAME."""
    return json(SHELF.stop(request.match_info["name"]))


async def report(_):
    """GET /chats."""
    return said(LEDGER.report())


def whole(request, name, usual):
    """A whole number from the query."""
    text = request.query.get(name)
    if text is None:
        return usual
    if not re.fullmatch("[0-9]{1,19}", text):
        raise web.HTTPBadRequest(text=f"{name} must be a whole number, not {text!r}\n")
    return int(text)


def said(value, status=200):
    """An answer that is a value in JSON."""
    return json(dumps(value).encode(), status)


def json(body, status=200):
    """An answer that is JSON already."""
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json", **NO_STORE})
