"""uvicorn with the bare ASGI application; --ws picks the WebSocket implementation."""

import uvicorn
from _common import MAX_SIZE, arguments
from asgi_app import app

if __name__ == "__main__":
    args = arguments(ws="websockets-sansio")
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=args.port,
        loop=args.loop,
        http="httptools",
        ws=args.ws,
        ws_max_size=MAX_SIZE,
        ws_ping_interval=None,
        ws_ping_timeout=None,
        ws_per_message_deflate=False,
        access_log=False,
        log_level="error",
        lifespan="off",
        backlog=4096,
    )
