"""Free ports on loopback."""

from __future__ import annotations

import contextlib
import random
import socket
import time


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago; prefer `listen(0)` where the program under test has it.

    It is below those that systems give to clients: one of these may be taken before the program listens.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """True when something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
        return True
    return False


def wait_until_listening(port: int, host: str = "127.0.0.1", timeout: float = 10.0) -> None:
    """Returns once something listens; `TimeoutError` when nothing does in time."""
    deadline = time.monotonic() + timeout
    while not is_listening(port, host):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on {host}:{port} after {timeout:g} s")
        time.sleep(0.02)
