#!/usr/bin/env python

"""Client using the asyncio API."""

import asyncio
from gdpeer.aio import connect


async def hello():
    async with connect("ws://localhost:8765") as websocket:
        await websocket.send("Hello world!")
        message = await websocket.recv()
        print(message)


if __name__ == "__main__":
    asyncio.run(hello())
