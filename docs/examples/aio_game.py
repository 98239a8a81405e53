"""A lobby in asyncio: who joins is told who is there; what one says all hear."""

import asyncio

from gdpeer import ConnectionClosed
from gdpeer.aio import broadcast, connect, serve


async def lobby(ws):
    await ws.send(f"{len(server.connections)} here")
    async for message in ws:
        broadcast(server.connections, message)


async def player(url, says):
    """Joins, says something, and gives what it heard, its own words last."""
    heard = []
    async with connect(url, open_timeout=5) as ws:
        await ws.send(says)
        try:
            async for message in ws:
                heard.append(message)
                if message == says:
                    await ws.close()
        except ConnectionClosed as problem:
            heard.append(f"lost: {problem.close_cause}")
    return heard


async def main():
    global server
    async with serve(lobby, "127.0.0.1", 0, max_size=4096, ping_interval=20) as server:
        print(await player(f"ws://127.0.0.1:{server.port}", "hello"))


if __name__ == "__main__":
    asyncio.run(main())
