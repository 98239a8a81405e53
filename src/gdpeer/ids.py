"""The ids of peers: 1 is a session's server, its clients have 2 to 2^31-1.

Layer: the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

import os

__all__ = ["generate_unique_id"]


def generate_unique_id() -> int:
    """A client's id, 2 to 2^31-1, that cannot be guessed."""
    peer_id = 0
    while peer_id < 2:
        peer_id = int.from_bytes(os.urandom(4), "big") >> 1
    return peer_id
