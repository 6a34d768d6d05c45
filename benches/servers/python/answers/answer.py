"""Answers under way, those that were stopped, and the contexts that are kept."""

import json
import struct
import time
import zlib
from collections import deque

from .pace import tokens

# Stopped answers that are remembered.
MOST_STOPPED = 100_000
# Bytes of all contexts that are kept; the oldest are forgotten beyond.
MOST_KEPT = 256 << 20


class Ledger:
    """What all answers have in common."""

    def __init__(self):
        self.running = 0
        self.stopped = deque(maxlen=MOST_STOPPED)
        # By name, in the order in which they were begun.
        self.contexts = {}
        self._kept = 0

    def report(self):
        """What `GET /chats` says."""
        return {"running": self.running, "sessions": len(self.contexts), "stopped": list(self.stopped)}

    def keep(self, name, text):
        """Adds to a context."""
        self.contexts[name] = self.contexts.get(name, b"") + text
        self._kept += len(text)
        while self._kept > MOST_KEPT:
            self.forget(next(iter(self.contexts)))

    def forget(self, name):
        """Forgets a context."""
        self._kept -= len(self.contexts.pop(name, b""))


LEDGER = Ledger()


class Answer:
    """An answer that is under way until it has `ended`."""

    def __init__(self, ask, arrived):
        LEDGER.running += 1
        self.ask = ask
        self.sent = 0
        self.ended = False
        self._arrived = arrived
        self._tokens = tokens(ask.seed, ask.first_ms, ask.gaps)
        self._next = next(self._tokens)
        self._text = []
        self._before = len(LEDGER.contexts.get(ask.session[0], b"")) if ask.session else 0
        self._whole = None
        if not ask.stream:
            # All of it is due with its last token.
            self._text.append(self._next[1])
            for _ in range(ask.tokens - 1):
                self._next = next(self._tokens)
                self._text.append(self._next[1])
            self._whole = arrived + self._next[0]

    @property
    def due(self):
        """When there is something to say."""
        if self._whole is not None:
            return self._whole
        return 0 if self.sent == self.ask.tokens else self._arrived + self._next[0]

    def take(self, now):
        """What is to be said next: a token, or what ends the answer."""
        if self._whole is not None:
            self.sent = self.ask.tokens
            context = self._finish()
            return dumps({"text": "".join(self._text), "tokens": self.sent, "context": context}).encode()
        if self.sent == self.ask.tokens:
            return self._done(self._finish())
        offset, text = self._next
        self.sent += 1
        self._text.append(text)
        self._next = next(self._tokens)
        return message(self.sent, self.ask.asked + offset, now, text)

    def stop(self):
        """Stops it, with what was due by now made; what ends it all the same. Nothing of it is kept."""
        now = time.monotonic_ns()
        if not self.ended:
            while self._whole is None and self.sent < self.ask.tokens and self.due <= now:
                self.sent += 1
                self._next = next(self._tokens)
            self._end()
            if self.ask.session and self.ask.session[1]:
                LEDGER.forget(self.ask.session[0])
            LEDGER.stopped.append({"answer": self.ask.answer, "at": now, "sent": self.sent})
        return self._done(self._before)

    def _done(self, context):
        return b'{"tokens":%d,"context":%d}' % (self.sent, context)

    def _finish(self):
        self._end()
        said = self.ask.prompt.encode() + "".join(self._text).encode()
        if self.ask.session:
            name, last = self.ask.session
            if last:
                LEDGER.forget(name)
            else:
                LEDGER.keep(name, said)
        return self._before + len(said)

    def _end(self):
        self.ended = True
        LEDGER.running -= 1


def message(seq, intended, published, data):
    """A token in its envelope, byte for byte as in the first section of docs/PROTOCOL.md."""
    data = data.encode()
    crc = zlib.crc32(data, zlib.crc32(struct.pack("<QQQ", seq, intended, published)))
    return b'{"seq":%10d,"intended":%18d,"published":%18d,"crc":%10d,"data":"%s"}' % (
        seq,
        intended,
        published,
        crc,
        data,
    )


def dumps(value):
    """JSON without spaces, and text as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
