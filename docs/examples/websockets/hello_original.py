"""The server greets who says a name. After `example/quick/server.py` and `client.py` of websockets."""

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def hello(ws):
    name = await ws.recv()
    await ws.send(f"Hello {name}!")


async def ask(url, name):
    async with connect(url) as ws:
        await ws.send(name)
        return await ws.recv()


def start(port=8765):
    return serve(hello, "127.0.0.1", port)


async def main():
    async with start() as server:
        print(await ask("ws://127.0.0.1:8765", "Ann"))
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
