"""The buffer that bytes are received into, before anybody knows whose they are.

All connections of a thread share one, so that an idle connection holds none.

Layer: `transport`.
"""

from __future__ import annotations

import threading

__all__ = ["SCRATCH_SIZE", "scratch"]

SCRATCH_SIZE = 262_144
"""Bytes of one receive: four of the largest segments that loopback hands over, and still within a core's cache."""


class _Scratch(threading.local):
    def __init__(self) -> None:
        self.buffer = bytearray(SCRATCH_SIZE)


scratch = _Scratch()
"""This thread's, in `scratch.buffer`; what is in it is good until the next receive."""
