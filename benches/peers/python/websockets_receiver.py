"""The websockets library as a receiver, on asyncio's own loop or on uvloop. The protocol is in ../README.md."""

import asyncio
import sys

import websockets


async def main(url: str, connections: int) -> None:
    messages = 0
    sockets = [await websockets.connect(url, compression=None) for _ in range(connections)]

    async def receive(socket) -> None:
        nonlocal messages
        async for _ in socket:
            messages += 1
        raise RuntimeError("a connection was closed")

    tasks = [asyncio.create_task(receive(socket)) for socket in sockets]
    print("PHASE connected", flush=True)
    asked = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    done, _ = await asyncio.wait([asked, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        if task is not asked:
            task.result()
    print(f"RESULT {messages}", flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    loop, url, connections = sys.argv[1:]
    if loop == "uvloop":
        import uvloop

        uvloop.run(main(url, int(connections)))
    else:
        asyncio.run(main(url, int(connections)))
