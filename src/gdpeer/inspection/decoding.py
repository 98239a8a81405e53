"""Decodes the messages of one client; `Decoder` recognises the kind of traffic by its first message.

In Godot's multiplayer the server speaks first and sends the client its id: 4 bytes in Godot 4, 13 in Godot 3. Traffic
that begins differently is not Godot's, and is shown raw.

Layer: `inspection`; no I/O.
"""

from __future__ import annotations

from gdpeer.inspection.decoded import MOST_TEXT, Decoded, DialectDecoder, Paths, clipped
from gdpeer.inspection.decoding_godot3 import Decoder3
from gdpeer.inspection.decoding_godot3 import is_id as is_id3
from gdpeer.inspection.decoding_godot4 import Decoder4
from gdpeer.inspection.decoding_godot4 import is_id as is_id4
from gdpeer.inspection.decoding_replication import MOST_VALUES
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames

__all__ = ["DIALECTS", "Decoder"]

DIALECTS = ("auto", "godot4", "godot3", "raw")

SHOWN = 32
"""The most bytes of a binary message that are shown."""


class RawDecoder(DialectDecoder):
    """Decodes traffic that is not Godot's."""

    def decode(self, direction: Direction, message: Message) -> Decoded:
        """Returns the kind of a message and the beginning of its content."""
        if message.is_text:
            # Cut before decoding: a character takes at most four bytes.
            return Decoded("text", detail=clipped(message.data[: 4 * MOST_TEXT + 4].decode(errors="replace")))
        more = " ..." if len(message.data) > SHOWN else ""
        return Decoded("binary", detail=f"{message.data[:SHOWN].hex(' ')}{more}")


class Decoder:
    """Decodes the messages of one client, in both directions.

    Args:
        dialect: one of `DIALECTS`; "auto" decides by the first message.
        names: the known names of methods.
        most_values: as for `Decoder4`.

    Attributes:
        dialect: the dialect found; "auto" before the first message.
    """

    def __init__(self, dialect: str, names: MethodNames, most_values: int = MOST_VALUES) -> None:
        self.dialect = dialect
        self._names = names
        self._most_values = most_values
        self._decoder = self._make()

    def decode(self, direction: Direction, message: Message) -> Decoded:
        """Returns the content of a message. Never raises: `Decoded.problem` says what is wrong with a message."""
        if self.dialect == "auto":
            self.dialect = find_dialect(direction, message)
            self._decoder = self._make()
        return self._decoder.decode(direction, message)

    def _make(self) -> DialectDecoder:
        if self.dialect == "godot4":
            return Decoder4(self._names, self._most_values)
        return Decoder3() if self.dialect == "godot3" else RawDecoder()

    @property
    def peer_id(self) -> int | None:
        """The client's id in the multiplayer; None before the server has sent it."""
        return self._decoder.peer_id

    def paths_of(self, source: int | None) -> Paths:
        """Returns the paths that a sender has named."""
        return self._decoder.paths_of(source)

    @property
    def unnamed(self) -> dict[str, str]:
        """Paths of the nodes whose methods were called by unknown numbers, each with the checksum of its methods."""
        return self._decoder.unnamed

    @property
    def checksums(self) -> dict[tuple[int | None, str], str]:
        """The checksums of the methods of nodes, by sender and path."""
        return self._decoder.checksums


def find_dialect(direction: Direction, message: Message) -> str:
    """Returns the dialect of traffic that begins with this message."""
    if direction is Direction.TO_CLIENT:
        if is_id4(message):
            return "godot4"
        if is_id3(message):
            return "godot3"
    return "raw"
