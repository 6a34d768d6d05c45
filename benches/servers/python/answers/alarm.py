"""Waiting to the precision of the kernel's timers: those of asyncio tick in milliseconds, which is more than what is measured."""

import asyncio
import ctypes
import heapq
import itertools
import os
import time

LIBC = ctypes.CDLL(None, use_errno=True)
ABSOLUTE = 1


class Itimerspec(ctypes.Structure):
    """A period and a time, each in seconds and nanoseconds."""

    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "at_s", "at_ns")]


class Alarm:
    """A timer of the kernel for all who wait."""

    def __init__(self):
        self._file = LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "no timer")
        self._waiting = []
        self._order = itertools.count()
        asyncio.get_running_loop().add_reader(self._file, self._ring)

    async def until(self, due):
        """Returns at `due`, CLOCK_MONOTONIC nanoseconds."""
        if due <= time.monotonic_ns():
            return
        waiter = asyncio.get_running_loop().create_future()
        entry = (due, next(self._order), waiter)
        heapq.heappush(self._waiting, entry)
        if self._waiting[0] is entry:
            self._set()
        await waiter

    def _ring(self):
        os.read(self._file, 8)
        now = time.monotonic_ns()
        while self._waiting and (self._waiting[0][0] <= now or self._waiting[0][2].done()):
            waiter = heapq.heappop(self._waiting)[2]
            if not waiter.done():
                waiter.set_result(None)
        self._set()

    def _set(self):
        if self._waiting:
            seconds, nanoseconds = divmod(self._waiting[0][0], 10**9)
            spec = Itimerspec(0, 0, seconds, nanoseconds)
            LIBC.timerfd_settime(self._file, ABSOLUTE, ctypes.byref(spec), None)


_alarm = None


def alarm():
    """The alarm of this process, made when somebody waits."""
    global _alarm
    _alarm = _alarm or Alarm()
    return _alarm
