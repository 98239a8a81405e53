"""Limits the memory that one server's responses hold.

| held | limit |
|---|---|
| pieces that are being sent | 64 KiB per response; less while many are sent, so that all hold about 2 MiB |
| bodies that a handler gave as bytes | `MOST_HELD` for all, each object counted once; but always one, however large |

Layer: `http`. Each server has its own; not to be used by several threads at a time.
"""

from __future__ import annotations

from gdpeer.errors import HandshakeError
from gdpeer.http.bodies import PIECE, Body, Source

__all__ = ["MOST_HELD", "MOST_IN_PIECES", "Outgoing", "Sending", "TooMuchHeld"]

MOST_IN_PIECES = 2_097_152
MOST_HELD = 4_194_304

_LEAST_PIECE = 4_096


class TooMuchHeld(HandshakeError):
    """Refuses a response for which there is no room (503)."""

    def __init__(self) -> None:
        super().__init__("too much is being sent already, try again later", status=503, headers=(("Retry-After", "5"),))


class Outgoing:
    """Counts the memory of all responses of one server.

    Attributes:
        in_pieces: bytes of pieces that are being sent.
        held: bytes of bodies that wait to be cut into pieces.
    """

    def __init__(self) -> None:
        self.in_pieces = 0
        self.held = 0
        # Responses per body, by the body's id(), which stays its own because the responses hold the body.
        self._users: dict[int, int] = {}

    def piece_size(self) -> int:
        """Returns the size of the next piece in bytes: smaller, the more bytes are being sent."""
        return max(_LEAST_PIECE, min(PIECE, (MOST_IN_PIECES - self.in_pieces) // 4))

    def hold(self, body: Body) -> None:
        """Counts a body for a response that begins.

        Raises:
            TooMuchHeld: there is no room; answer with 503.
        """
        size = _held_size(body)
        users = self._users.get(id(body), 0)
        if size and not users:
            # A single body may exceed the limit: refusing it always would make a large page unreachable.
            if self.held and self.held + size > MOST_HELD:
                raise TooMuchHeld
            self.held += size
        self._users[id(body)] = users + 1

    def let_go(self, body: Body) -> None:
        """Stops counting a body, for a response that has ended."""
        users = self._users[id(body)] - 1
        if users:
            self._users[id(body)] = users
        else:
            del self._users[id(body)]
            self.held -= _held_size(body)


def _held_size(body: Body) -> int:
    return len(body) if isinstance(body, bytes | bytearray | memoryview | str) else 0


class Sending:
    """The body of one response, kept while its bytes are sent; making one raises as `Outgoing.hold`.

    Attributes:
        is_over: True once all bytes were taken, or after `close`.
    """

    __slots__ = ("_body", "_outgoing", "_piece", "_source", "is_over")

    def __init__(self, outgoing: Outgoing, body: Body, source: Source) -> None:
        outgoing.hold(body)
        self._outgoing = outgoing
        self._body = body
        self._source = source
        self._piece = 0
        self.is_over = False

    def next_piece(self) -> bytes | memoryview:
        """Returns the next bytes, once the piece before was sent; empty at the end. An exception ends the response."""
        outgoing = self._outgoing
        piece: bytes | memoryview = b"" if self.is_over else self._source.next_piece(outgoing.piece_size())
        outgoing.in_pieces += len(piece) - self._piece
        self._piece = len(piece)
        if not piece:
            self.close()
        return piece

    def close(self) -> None:
        """Ends the response and drops the bytes that are left. May be called again."""
        if not self.is_over:
            self.is_over = True
            self._outgoing.in_pieces -= self._piece
            self._piece = 0
            self._outgoing.let_go(self._body)
            self._source.close()
