"""The sequence of messages, and the last of them for subscribers that come back."""

import asyncio
from collections import deque
from typing import NamedTuple

# How many messages are kept,
KEPT = 4096
# unless they are more bytes than this:
KEPT_BYTES = 64 << 20
# then only as many as the contract asks for.
LEAST_KEPT = 1024


class Message(NamedTuple):
    """A body as it came, with its number, from 1."""

    seq: int
    body: bytes
    binary: bool


class Lagged(Exception):
    """The ring has run past a subscriber."""


class Hub:
    """Numbers messages from 1 in the order of their arrival."""

    def __init__(self):
        self.last = 0
        self._kept = deque()
        self._bytes = 0
        self._waiting = set()

    @property
    def first(self):
        """Number of the oldest message kept; one more than `last` if there is none."""
        return self.last - len(self._kept) + 1

    def publish(self, body, binary):
        """Publishes a body as it is. `binary` says that it is no text."""
        self.last += 1
        self._kept.append(Message(self.last, body, binary))
        self._bytes += len(body)
        while len(self._kept) > KEPT or (self._bytes > KEPT_BYTES and len(self._kept) > LEAST_KEPT):
            self._bytes -= len(self._kept.popleft().body)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    def after(self, seq):
        """The kept messages after `seq`, in order."""
        first = self.first
        return [self._kept[n - first] for n in range(max(seq + 1, first), self.last + 1)]

    async def news(self, seq):
        """Returns when there is a message after `seq`."""
        while self.last <= seq:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                await waiter
            finally:
                self._waiting.discard(waiter)

    async def subscribe(self, after):
        """Every message after `after`, for ever: those that are kept, then each as it is published."""
        # What was dropped before the client came is not its fault: it gets what is kept.
        seq = max(after, self.first - 1)
        while True:
            await self.news(seq)
            if seq + 1 < self.first:
                raise Lagged
            seq += 1
            yield self._kept[seq - self.first]
