"""aiohttp: a web application with WebSocketResponse, no access log."""

import asyncio

from _common import MAX_SIZE, arguments, run
from aiohttp import WSMsgType, web

members = set()
TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY


async def echo(request):
    ws = web.WebSocketResponse(compress=False, max_msg_size=MAX_SIZE)
    await ws.prepare(request)
    async for msg in ws:
        if msg.type is TEXT:
            await ws.send_str(msg.data)
        elif msg.type is BINARY:
            await ws.send_bytes(msg.data)
    return ws


async def fanout(request):
    ws = web.WebSocketResponse(compress=False, max_msg_size=MAX_SIZE)
    await ws.prepare(request)
    members.add(ws)
    try:
        async for msg in ws:
            for member in list(members):
                if msg.type is TEXT:
                    await member.send_str(msg.data)
                else:
                    await member.send_bytes(msg.data)
    finally:
        members.discard(ws)
    return ws


async def main(port):
    app = web.Application()
    app.router.add_get("/", echo)
    app.router.add_get("/fanout", fanout)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    args = arguments()
    run(main(args.port), args.loop)
