"""Sockets that close themselves without Python's warning, as the engine's sockets do.

Python warns of a socket that was not closed. Each socket here has an owner that closes it. If both are freed together,
for example at the end of a program, Python may free the socket first; a warning would be wrong then.

Layer: `transport`.
"""

from __future__ import annotations

import socket

__all__ = ["QuietSocket", "quiet_pair"]


class QuietSocket(socket.socket):
    """A socket whose destructor closes it without a ResourceWarning."""

    __slots__ = ()

    def __del__(self) -> None:
        # Not self.close(): it fails on a socket that the system refused to make, as __init__ did not finish.
        socket.SocketType.close(self)


def quiet_pair() -> tuple[QuietSocket, QuietSocket]:
    """Returns a `socket.socketpair` of quiet sockets. Errors as there."""
    first, second = socket.socketpair()
    return QuietSocket(fileno=first.detach()), QuietSocket(fileno=second.detach())
