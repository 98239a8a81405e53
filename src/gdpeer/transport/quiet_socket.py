"""Sockets that close themselves and say nothing of it, as the engine's do.

Python warns of a socket that nobody closed. Ours are held by what closes them; where both are dropped together, say at
the end of a program, the socket may come first, and there is nothing to warn of.

Layer: `transport`.
"""

from __future__ import annotations

import socket

__all__ = ["QuietSocket", "quiet_pair"]


class QuietSocket(socket.socket):
    """See the module."""

    __slots__ = ()

    def __del__(self) -> None:
        socket.SocketType.close(self)  # Python's own would stumble over one that the system refused to make


def quiet_pair() -> tuple[QuietSocket, QuietSocket]:
    """As `socket.socketpair`. Errors as there."""
    first, second = socket.socketpair()
    return QuietSocket(fileno=first.detach()), QuietSocket(fileno=second.detach())
