"""WebSockets that wait: an adapter over `poll()`, with the calls of `websockets.sync`.

    with connect("ws://127.0.0.1:9080") as ws:
        ws.send("hello")
        for message in ws:
            ...

Everything here waits for readiness by calling `poll()` with a timeout; frames, handshakes and closing are below.

No thread works behind the scenes: a connection answers pings, and notices its end, while some call of it waits.

Layer: above `multiplayer`; beside `aio`.
"""

from gdpeer.blocking.client import connect
from gdpeer.blocking.connection import Connection, Pong
from gdpeer.blocking.server import Server, serve

__all__ = ["Connection", "Pong", "Server", "connect", "serve"]
