"""WebSockets in asyncio: an adapter over `poll()`, with the calls of `websockets`.

    async with connect("ws://127.0.0.1:9080") as ws:
        await ws.send("hello")
        async for message in ws:
            ...

This package waits for sockets in the event loop and calls `poll()`. Frames, handshakes and closing are below it.

Layer: above `multiplayer`; beside `blocking`.
"""

from gdpeer.aio.client import connect
from gdpeer.aio.connection import Connection
from gdpeer.aio.hall import serve_hall
from gdpeer.aio.multiplayer import multiplayer_client, multiplayer_server
from gdpeer.aio.server import Server, broadcast, serve

__all__ = [
    "Connection",
    "Server",
    "broadcast",
    "connect",
    "multiplayer_client",
    "multiplayer_server",
    "serve",
    "serve_hall",
]
