"""The server tells all the time. After `example/quick/show_time.py` of websockets."""

import asyncio
import datetime

from gdpeer.aio import broadcast, connect, serve


async def stay(ws):
    await ws.wait_closed()


async def show_time(server, seconds):
    while True:
        now = datetime.datetime.now(tz=datetime.UTC).isoformat()
        broadcast(server.connections, now)
        await asyncio.sleep(seconds)


async def watch(url, number):
    times = []
    async with connect(url) as ws:
        async for message in ws:
            times.append(datetime.datetime.fromisoformat(message))
            if len(times) == number:
                break
    return times


def start(port=5678):
    return serve(stay, "127.0.0.1", port)


async def main():
    async with start() as server:
        await show_time(server, 1)


if __name__ == "__main__":
    asyncio.run(main())
