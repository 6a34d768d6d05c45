"""POST /chat: one answer, as a stream of tokens or at once."""

import asyncio
import json
from pathlib import Path

from aiohttp import web

from answers.serve import paced

# What is answered, from its start again when it is too short. A token is a code point, so none cuts a character in two.
TEXT = (Path(__file__).parent.parent / "chat.txt").read_bytes().decode()
MOST_TOKENS = 100_000
LONGEST_GAP_MS = 60_000

# Streams that are being written at present.
under_way = 0


async def chat(request):
    """Answers as the request asks."""
    body = await request.read()
    with_pace = await paced(request, body) if b'"pace"' in body else None
    if with_pace is not None:
        return with_pace
    tokens, gap_ms, streamed = asked(body)
    if not streamed:
        text = "".join(token(n) for n in range(tokens))
        return web.json_response({"text": text, "tokens": tokens}, dumps=dumps)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    global under_way
    under_way += 1
    try:
        for n in range(tokens):
            if n > 0 and gap_ms > 0:
                await asyncio.sleep(gap_ms / 1000)
            await response.write(event("token", token(n)))
        await response.write(event("done", dumps({"tokens": tokens})))
        await response.write_eof()
    finally:
        # A client that leaves cancels this handler where it waits.
        under_way -= 1
    return response


def asked(body):
    """Tokens, pause between two of them in milliseconds, and whether they are streamed."""
    try:
        ask = json.loads(body)
    except ValueError as error:
        raise bad_request(str(error)) from error
    if not isinstance(ask, dict):
        raise bad_request("a JSON object, please")
    if not isinstance(ask.get("prompt", ""), str):
        raise bad_request("prompt must be a string")
    streamed = ask.get("stream", False)
    if not isinstance(streamed, bool):
        raise bad_request(f"stream must be true or false, not {json.dumps(streamed)}")
    tokens = whole("tokens", ask.get("tokens", len(TEXT)), 1, MOST_TOKENS)
    return tokens, whole("gap_ms", ask.get("gap_ms", 0), 0, LONGEST_GAP_MS), streamed


def whole(name, value, least, most):
    """Only whole numbers: to Python, true is one too."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise bad_request(f"{name} must be a whole number from {least} to {most}, not {json.dumps(value)}")
    return value


def token(n):
    """The token with this number, from 0."""
    return TEXT[n % len(TEXT)]


def event(name, data):
    """A line end in data starts another data line; the space behind the colon is the format's."""
    return f"event: {name}\ndata: {data.replace(chr(10), chr(10) + 'data: ')}\n\n".encode()


def dumps(value):
    """JSON without spaces, and text as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def bad_request(reason):
    """An answer that says what is wrong."""
    return web.HTTPBadRequest(text=f"{reason}\n")
