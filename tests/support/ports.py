"""Finds free ports on loopback, and waits for servers there."""

from __future__ import annotations

import contextlib
import random
import socket
import time


def free_port() -> int:
    """Returns a port of 127.0.0.1 that was free a moment ago. Prefer `listen(0)` if the program under test allows it.

    The port is below the range that systems give to clients, so that no client takes it before the program listens.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Returns whether a program accepts connections on a port."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
        return True
    return False


def wait_until_listening(port: int, host: str = "127.0.0.1", timeout: float = 10.0) -> None:
    """Waits until a program accepts connections on a port.

    Raises:
        TimeoutError: no program did in time.
    """
    deadline = time.monotonic() + timeout
    while not is_listening(port, host):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on {host}:{port} after {timeout:g} s")
        time.sleep(0.02)
