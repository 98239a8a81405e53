"""Serves web pages, and a health check, on the game's own port.

A `WebSocketServer` passes each request that is no upgrade to `server.http_handler`: any callable that takes a `Request`
and returns a `Response`, or None to decline (404). `StaticFolder` is a handler that serves files. `PythonPages` is a
handler that brings Python to pages. Handlers run in the thread that polls, so they must return at once. A handler that
does not know its answer yet returns a `LateResponse`; the answer has 5 seconds.

    from gdpeer.http import StaticFolder

    server.http_handler = StaticFolder("page")

Each response ends its connection: this serves a game's few pages, and does not replace a web server.

Layer: `http`, over `protocol` and below `websocket`. Source: RFC 9110.
"""

import typing

from gdpeer.lazy_names import lazy_names

if typing.TYPE_CHECKING:
    from gdpeer.http.bodies import File as File
    from gdpeer.http.python_pages import PythonPages as PythonPages
    from gdpeer.http.response import Handler as Handler
    from gdpeer.http.response import LateResponse as LateResponse
    from gdpeer.http.response import Response as Response
    from gdpeer.http.static import StaticFolder as StaticFolder
    from gdpeer.http.static import chain as chain
    from gdpeer.protocol.http_headers import Headers as Headers
    from gdpeer.protocol.http_headers import Request as Request
else:
    _NAMES = {
        "http.bodies": "File",
        "http.python_pages": "PythonPages",
        "http.response": "Handler LateResponse Response",
        "http.static": "StaticFolder chain",
        "protocol.http_headers": "Headers Request",
    }
    __all__, __getattr__, __dir__ = lazy_names(__name__, _NAMES)
