"""`PacketPeer`: what everything has that packets come from and go to.

Layer: `websocket`. Source: reference godot-api section 2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from gdpeer.errors import Error

__all__ = ["PacketPeer"]


class PacketPeer(ABC):
    """A source and sink of packets. Iterating takes the packets that are there."""

    _packet_error = Error.OK

    @abstractmethod
    def get_available_packet_count(self) -> int:
        """How many packets can be read."""

    @abstractmethod
    def get_packet(self) -> bytes:
        """The oldest packet; empty, with `get_packet_error()`, where there is none."""

    @abstractmethod
    def put_packet(self, buffer: bytes | bytearray | memoryview) -> Error:
        """Send one packet; an empty buffer is `OK` and sends nothing."""

    def get_packet_error(self) -> Error:
        """What came of the last `get_packet`: `OK`, `FAILED` (not open), `ERR_UNAVAILABLE` (nothing there)."""
        return self._packet_error

    def __iter__(self) -> Iterator[bytes]:
        """Take the packets that are there."""
        while self.get_available_packet_count():
            yield self.get_packet()
