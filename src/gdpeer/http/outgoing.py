"""What the responses of one server hold in memory, and the limits of that.

| held | limit |
|---|---|
| pieces on their way | 64 KiB a response; less where many are under way, so that all of them hold some 2 MiB |
| bodies that a handler gave as bytes | `MOST_HELD` for all, each object counted once; but always one, however large |

Layer: `http`. One server's; not for several threads at a time.
"""

from __future__ import annotations

from gdpeer.errors import HandshakeError
from gdpeer.http.bodies import PIECE, Body, Source

__all__ = ["MOST_HELD", "MOST_IN_PIECES", "Outgoing", "Sending", "TooMuchHeld"]

MOST_IN_PIECES = 2_097_152
MOST_HELD = 4_194_304

_LEAST_PIECE = 4_096


class TooMuchHeld(HandshakeError):
    """A response finds no room."""

    def __init__(self) -> None:
        words = "too much is being sent already, try again later"
        super().__init__(words, status=503, headers=(("Retry-After", "5"),))


class Outgoing:
    """All responses of one server.

    Attributes:
        in_pieces: bytes of pieces that are on their way.
        held: bytes of bodies that wait to be cut into pieces.
    """

    def __init__(self) -> None:
        self.in_pieces = 0
        self.held = 0
        self._users: dict[int, int] = {}  # by the body's identity, as long as somebody holds it

    def piece_size(self) -> int:
        """Bytes of the next piece."""
        return max(_LEAST_PIECE, min(PIECE, (MOST_IN_PIECES - self.in_pieces) // 4))

    def hold(self, body: Body) -> None:
        """A response has this body from now on.

        Raises:
            TooMuchHeld: the response is to be 503.
        """
        size = _held_size(body)
        users = self._users.get(id(body), 0)
        if size and not users:
            if self.held and self.held + size > MOST_HELD:
                raise TooMuchHeld
            self.held += size
        self._users[id(body)] = users + 1

    def let_go(self, body: Body) -> None:
        """It is over."""
        users = self._users[id(body)] - 1
        if users:
            self._users[id(body)] = users
        else:
            del self._users[id(body)]
            self.held -= _held_size(body)


def _held_size(body: Body) -> int:
    return len(body) if isinstance(body, bytes | bytearray | memoryview | str) else 0


class Sending:
    """The body of one response on its way.

    Args:
        outgoing: the server's.
        body: as the handler gave it; kept until the end.
        source: its bytes.

    Attributes:
        is_over: everything was handed out, or it was closed.

    Raises:
        TooMuchHeld: as `Outgoing.hold`.
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
        """The next bytes, once those before are out; empty at the end. What it raises ends the response."""
        outgoing = self._outgoing
        piece: bytes | memoryview = b"" if self.is_over else self._source.next_piece(outgoing.piece_size())
        outgoing.in_pieces += len(piece) - self._piece
        self._piece = len(piece)
        if not piece:
            self.close()
        return piece

    def close(self) -> None:
        """It is over, whatever is left. May be called again."""
        if not self.is_over:
            self.is_over = True
            self._outgoing.in_pieces -= self._piece
            self._piece = 0
            self._outgoing.let_go(self._body)
            self._source.close()
