"""Runs a real proxy on loopback, with CONNECT and SOCKS5 on one port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.ports import free_port, wait_until_listening

PROXY = """
import asyncio, sys
import pproxy
async def main():
    await pproxy.Server(sys.argv[1]).start_server({"rserver": [], "verbose": lambda words: None})
    await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def proxying(sign_in: str = "") -> Iterator[int]:
    """Runs a proxy during the block; yields its port. `sign_in` ("#user:password") makes it ask for a password."""
    port = free_port()
    program = subprocess.Popen([sys.executable, "-c", PROXY, f"http+socks5://127.0.0.1:{port}{sign_in}"])
    try:
        wait_until_listening(port, timeout=60.0)
        yield port
    finally:
        program.kill()
        program.wait(60.0)
