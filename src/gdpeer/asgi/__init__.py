"""The game on the port of a web application: ASGI apps for Starlette, FastAPI, Django, and for uvicorn or Hypercorn.

    game = gdpeer.asgi.Multiplayer(tree)
    app = FastAPI(lifespan=game.lifespan)
    app.mount("/game", game)                            # players connect to ws://host/game/

The ASGI server carries the messages; it also does TLS, pings and compression. This package has no dependency on a web
framework.

Layer: above `aio`.
"""

from gdpeer.asgi.apps import Multiplayer, Rooms, Server
from gdpeer.asgi.mount import Mount

__all__ = ["Mount", "Multiplayer", "Rooms", "Server"]
