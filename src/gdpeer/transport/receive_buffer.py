"""The buffer into which bytes are received.

All connections of a thread share one buffer, so that an idle connection needs none.

Layer: `transport`.
"""

from __future__ import annotations

import threading

__all__ = ["SCRATCH_SIZE", "scratch"]

SCRATCH_SIZE = 262_144
"""Bytes of one receive: 4 of the largest segments of the loopback interface, and small enough for a core's cache."""


class _Scratch(threading.local):
    def __init__(self) -> None:
        self.buffer = bytearray(SCRATCH_SIZE)


scratch = _Scratch()
"""This thread's buffer, as `scratch.buffer`; its content is valid until the next receive of any connection."""
