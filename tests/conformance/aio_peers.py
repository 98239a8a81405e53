"""A server and a client of the asyncio front for the conformance suite; both echo every message.

python -m tests.conformance.aio_peers server PORT
python -m tests.conformance.aio_peers client URL AGENT
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from gdpeer import ConnectionClosed
from gdpeer.aio import Connection, connect, serve

LARGEST = 64 * 2**20
OPTIONS: dict[str, Any] = {
    "compression": "deflate",
    "max_size": LARGEST,
    "max_queue": None,
    "write_limit": None,
    "ping_interval": None,
}


async def echo(ws: Connection) -> None:
    async for message in ws:
        await ws.send(message)


async def serve_suite(port: int) -> None:
    async with serve(echo, "127.0.0.1", port, **OPTIONS):
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()


async def ask_suite(base: str, agent: str) -> int:
    """Runs all cases in order, has the suite write its reports, and returns the number of cases."""
    async with connect(f"{base}/getCaseCount", **OPTIONS) as ws:
        count = int(await ws.recv())
    for number in range(1, count + 1):
        with suppress(ConnectionClosed):
            async with connect(f"{base}/runCase?{urlencode({'case': number, 'agent': agent})}", **OPTIONS) as ws:
                await echo(ws)
    async with connect(f"{base}/updateReports?{urlencode({'agent': agent})}", **OPTIONS) as ws:
        await ws.wait_closed()
    return count


if __name__ == "__main__":
    logging.getLogger("gdpeer").setLevel(logging.ERROR)
    if sys.argv[1] == "server":
        asyncio.run(serve_suite(int(sys.argv[2])))
    else:
        print(f"ran {asyncio.run(ask_suite(sys.argv[2].rstrip('/'), sys.argv[3]))} cases")
