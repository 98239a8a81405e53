"""The ids of peers: a session's server has 1, its clients have 2 to 2^31-1.

Layer: the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

import os

__all__ = ["generate_unique_id"]


def generate_unique_id() -> int:
    """Returns a random id for a client, 2 to 2^31-1, which cannot be guessed."""
    peer_id = 0
    # 0 stands for all peers, 1 for the server.
    while peer_id < 2:
        peer_id = int.from_bytes(os.urandom(4), "big") >> 1
    return peer_id
