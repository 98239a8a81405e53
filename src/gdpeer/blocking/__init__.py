"""Blocking WebSockets: an adapter over `poll()`, with the calls of `websockets.sync`.

    with connect("ws://127.0.0.1:9080") as ws:
        ws.send("hello")
        for message in ws:
            ...

This package waits by calling `poll()` with a timeout. Frames, handshakes and closing are below it.

No thread runs in the background: a connection answers pings, and notices its end, while one of its calls waits.

Layer: above `multiplayer`; beside `aio`.
"""

from gdpeer.blocking.client import connect
from gdpeer.blocking.connection import Connection, Pong
from gdpeer.blocking.server import Server, serve

__all__ = ["Connection", "Pong", "Server", "connect", "serve"]
