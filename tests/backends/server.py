"""The other side of the cases: a server on the independent library `websockets`, whose paths say what it does.

python -m tests.backends.server       prints its port

/echo                   sends everything back
/demo                   accepts the sub-protocol "demo", and needs it
/burst?count=5&size=9   sends so many numbered messages, then what `close` below says, if a code is given
/close?code=4002&reason=bye    closes at once; without a code: an empty close frame
/last                   says as JSON how the last connection of /echo ended: [code, reason]
/sink                   counts what comes, half a second late; to the text "?" it says the sum
/refuse                 403 instead of the upgrade
/drop                   ends TCP without a close frame after the first message
/die                    the same, and with it the whole server
/silent                 accepts, and never reads or says anything, not even to a close
"""

from __future__ import annotations

import asyncio
import http
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

last: list[object] = [0, ""]


async def echo(connection: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)
    last[:] = connection.close_code, connection.close_reason


async def burst(connection: ServerConnection, query: dict[str, str]) -> None:
    size = int(query.get("size", "0"))
    for number in range(int(query["count"])):
        await connection.send(f"{number:06}".encode().ljust(size, b"."))
    if "code" in query:
        await connection.close(int(query["code"]))
    await connection.wait_closed()


async def close(connection: ServerConnection, query: dict[str, str]) -> None:
    if "code" in query:
        await connection.close(int(query["code"]), query.get("reason", ""))
        return
    async with connection.send_context():
        connection.protocol.send_close()
    await connection.wait_closed()


async def sink(connection: ServerConnection) -> None:
    await asyncio.sleep(0.5)
    total = 0
    async for message in connection:
        if message == "?":
            await connection.send(str(total))
        else:
            total += len(message)


async def end(connection: ServerConnection, whole: bool) -> None:
    await connection.recv()
    if whole:
        os._exit(0)
    connection.transport.abort()


async def handle(connection: ServerConnection) -> None:
    assert connection.request is not None
    address = urlsplit(connection.request.path)
    query = {key: values[0] for key, values in parse_qs(address.query).items()}
    match address.path:
        case "/burst":
            await burst(connection, query)
        case "/close":
            await close(connection, query)
        case "/last":
            await connection.send(json.dumps(last))
            await connection.wait_closed()
        case "/sink":
            await sink(connection)
        case "/drop" | "/die":
            await end(connection, address.path == "/die")
        case "/silent":
            connection.transport.pause_reading()
            await asyncio.sleep(60)
        case _:
            await echo(connection)


def answer(connection: ServerConnection, request: Request) -> Response | None:
    if request.path != "/refuse":
        return None
    return Response(http.HTTPStatus.FORBIDDEN, "Forbidden", Headers([("Connection", "close"), ("Content-Length", "0")]))


def choose(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    if connection.request is None or connection.request.path != "/demo":
        return None
    return next((one for one in offered if one == "demo"), None)


async def main() -> None:
    server: Server = await serve(
        handle,
        "127.0.0.1",
        0,
        compression=None,
        max_size=None,
        ping_interval=None,
        process_request=answer,
        select_subprotocol=choose,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
