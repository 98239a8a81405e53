"""An echo server over the asyncio front, for wsbench; a message on `/fanout` goes to all connections on that path.

python -m bench.aio_echo --port 9080 [--loop uvloop]
"""

from __future__ import annotations

import argparse
import asyncio

from gdpeer.aio import Connection, broadcast, serve

members: set[Connection] = set()


async def handle(ws: Connection) -> None:
    request = ws.request
    if request is None or request.path != "/fanout":
        async for message in ws:
            await ws.send(message)
        return
    members.add(ws)
    try:
        async for message in ws:
            broadcast(members, message)
    finally:
        members.discard(ws)


async def main(port: int) -> None:
    limit = 64 * 1024 * 1024
    server = await serve(handle, "127.0.0.1", port, max_size=limit, write_limit=limit, ping_interval=None)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop

        uvloop.run(main(options.port))
    else:
        asyncio.run(main(options.port))
