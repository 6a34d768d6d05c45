"""httpx with httpx-sse."""

import httpx
from httpx_sse import connect_sse

from client import note, received, subscribed, url, wait

try:
    with httpx.Client(timeout=None) as http, connect_sse(http, "GET", url()) as source:
        source.response.raise_for_status()
        subscribed()
        for event in source.iter_sse():
            # It yields events without data, too, such as a new reconnection time.
            if event.data:
                received(event.data)
    note("the stream has ended")
except httpx.HTTPError as error:
    note(f"failed: {error}")
wait()
