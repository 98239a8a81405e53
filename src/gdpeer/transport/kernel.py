"""Tells how many sent bytes the kernel still holds.

The kernel takes megabytes before a slow reader blocks `send`. The bytes that it still holds show a slow reader at once.

Layer: `transport`. Source: tcp(7), SIOCOUTQ.
"""

from __future__ import annotations

import struct
import sys
from typing import Any

__all__ = ["TELLS", "unsent_bytes"]

TELLS = sys.platform == "linux"
"""Whether the system can tell: only Linux."""

_SIOCOUTQ = 0x5411
_ANSWER = struct.Struct("i")


def unsent_bytes(stream: Any) -> int:
    """Returns how many sent bytes the other side has not acknowledged yet.

    0 where the system cannot tell: not Linux, a closed stream, or a stream in memory.
    """
    if not TELLS:
        return 0
    from fcntl import ioctl  # type: ignore[attr-defined, unused-ignore]  # Windows has none

    try:
        answer = ioctl(stream.fileno(), _SIOCOUTQ, bytes(_ANSWER.size))
    except (AttributeError, OSError, ValueError):  # closed, or in memory
        return 0
    count: int = _ANSWER.unpack(answer)[0]
    return count
