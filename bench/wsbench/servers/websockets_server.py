"""websockets: the asyncio server, compression and keepalive off."""

import asyncio

from _common import MAX_SIZE, arguments, run
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

members = set()


async def handler(ws):
    if ws.request.path == "/fanout":
        members.add(ws)
        try:
            async for message in ws:
                broadcast(members, message)
        finally:
            members.discard(ws)
        return
    try:
        async for message in ws:
            await ws.send(message)
    except ConnectionClosed:
        pass


async def main(port):
    async with serve(handler, "127.0.0.1", port, compression=None, max_size=MAX_SIZE, ping_interval=None, backlog=4096):
        await asyncio.Event().wait()


if __name__ == "__main__":
    args = arguments()
    run(main(args.port), args.loop)
