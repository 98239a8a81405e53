"""An echo that a load balancer can ask how it is. After `example/faq/health_check_server.py` of websockets."""

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def health_check(ws, request):
    if request.path == "/healthz":
        return ws.respond(200, "OK\n")
    return None


async def ask(url, message):
    async with connect(url) as ws:
        await ws.send(message)
        return await ws.recv()


def start(port=8080):
    return serve(echo, "127.0.0.1", port, process_request=health_check)


async def main():
    async with start() as server:
        print(await ask("ws://127.0.0.1:8080", "up"))
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
