"""Pages and health on the game's own port.

A `WebSocketServer` answers a request that is no upgrade through `server.http_handler`: any callable that takes a
`Request` and returns a `Response`, or None for "not mine" (404). `StaticFolder` is a handler that serves files,
`PythonPages` one that brings Python to pages. Handlers run in the thread that polls: answer at once.

    from gdpeer.http import StaticFolder

    server.http_handler = StaticFolder("page")

Each response ends its connection; this is a doorstep for a game, not a web server.

Layer: `http`, over `protocol` and below `websocket`. Source: RFC 9110.
"""

from gdpeer.http.bodies import File
from gdpeer.http.python_pages import PythonPages
from gdpeer.http.response import Handler, Response
from gdpeer.http.static import StaticFolder, chain
from gdpeer.protocol.http_headers import Headers, Request

__all__ = ["File", "Handler", "Headers", "PythonPages", "Request", "Response", "StaticFolder", "chain"]
