"""What clients have in common: stamp messages as they arrive, and tell of them when asked. The protocol is in ../README.md."""

import json
import os
import sys
import threading
import time

arrivals: list[tuple[int, str]] = []


def url() -> str:
    """From the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: URL")
    return sys.argv[1]


def subscribed() -> None:
    """The subscription stands: messages may be published."""
    threading.Thread(target=_answer, daemon=True).start()
    print("PHASE connected", flush=True)


def received(text: str) -> None:
    """A message has arrived."""
    arrivals.append((time.monotonic_ns(), text))


def note(text: object) -> None:
    """Something a reader of the results should know."""
    print("NOTE", " ".join(str(text).split()), flush=True)


def wait() -> None:
    """Until nobody will ask any more."""
    threading.Event().wait()


def _answer() -> None:
    # A line asks for what has arrived; the end of standard input says that nobody will.
    if sys.stdin.readline():
        for at, text in arrivals.copy():
            print(f"MESSAGE {at} - {json.dumps(text)}")
        print(f"RESULT {len(arrivals)}", flush=True)
    os._exit(0)
