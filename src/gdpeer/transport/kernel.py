"""How much of what a stream has handed over is still in the kernel.

A kernel takes megabytes before a slow reader shows in what it takes; what it still holds shows every byte that goes.

Layer: `transport`. Source: tcp(7), SIOCOUTQ.
"""

from __future__ import annotations

import struct
import sys
from typing import Any

__all__ = ["TELLS", "unsent_bytes"]

TELLS = sys.platform == "linux"
"""Whether the system says so."""

_SIOCOUTQ = 0x5411
_ANSWER = struct.Struct("i")


def unsent_bytes(stream: Any) -> int:
    """Bytes that the other side has not acknowledged yet; 0 where the system does not tell, or has no such stream."""
    if not TELLS:
        return 0
    from fcntl import ioctl  # type: ignore[attr-defined, unused-ignore]  # Windows has none

    try:
        answer = ioctl(stream.fileno(), _SIOCOUTQ, bytes(_ANSWER.size))
    except (AttributeError, OSError, ValueError):  # closed, or in memory
        return 0
    count: int = _ANSWER.unpack(answer)[0]
    return count
