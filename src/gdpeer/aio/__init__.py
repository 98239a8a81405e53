"""WebSockets in asyncio: an adapter over `poll()`, with the calls of `websockets`.

    async with connect("ws://127.0.0.1:9080") as ws:
        await ws.send("hello")
        async for message in ws:
            ...

This package waits for sockets in the event loop and calls `poll()`. Frames, handshakes and closing are below it.

Layer: above `multiplayer`; beside `blocking`.
"""

import typing

from gdpeer.lazy_names import lazy_names

if typing.TYPE_CHECKING:
    from gdpeer.aio.client import connect as connect
    from gdpeer.aio.connection import Connection as Connection
    from gdpeer.aio.hall import serve_hall as serve_hall
    from gdpeer.aio.multiplayer import multiplayer_client as multiplayer_client
    from gdpeer.aio.multiplayer import multiplayer_server as multiplayer_server
    from gdpeer.aio.server import Server as Server
    from gdpeer.aio.server import broadcast as broadcast
    from gdpeer.aio.server import serve as serve
else:
    _NAMES = {
        "aio.client": "connect",
        "aio.connection": "Connection",
        "aio.hall": "serve_hall",
        "aio.multiplayer": "multiplayer_client multiplayer_server",
        "aio.server": "Server broadcast serve",
    }
    __all__, __getattr__, __dir__ = lazy_names(__name__, _NAMES)
