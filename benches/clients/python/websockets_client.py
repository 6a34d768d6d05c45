"""The websockets library on asyncio."""

import asyncio

import websockets

from client import note, received, subscribed, url, wait


async def main() -> None:
    async with websockets.connect(url(), compression=None) as socket:
        subscribed()
        async for message in socket:
            received(message)
    note("closed")


asyncio.run(main())
wait()
