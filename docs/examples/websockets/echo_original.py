"""The server sends everything back. After `example/asyncio/echo.py` and `client.py` of websockets."""

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def ask(url, messages):
    answers = []
    async with connect(url) as ws:
        for message in messages:
            await ws.send(message)
            answers.append(await ws.recv())
    return answers


def start(port=8765):
    return serve(echo, "127.0.0.1", port)


async def main():
    async with start() as server:
        print(await ask("ws://127.0.0.1:8765", ["text", b"bytes"]))
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
