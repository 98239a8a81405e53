"""`PacketPeer`: what everything has that packets come from and go to.

Layer: between `variant` and `websocket`. Source: reference godot-api section 2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from gdpeer.errors import Error, VariantError
from gdpeer.variant.binary.codec import bytes_to_var, bytes_to_var_with_objects, var_to_bytes, var_to_bytes_with_objects

__all__ = ["PacketPeer"]


SMALLEST_BUFFER = 1024
LARGEST_BUFFER = 256 << 20


class PacketPeer(ABC):
    """A source and sink of packets. Iterating takes the packets that are there."""

    __slots__ = ()

    _packet_error = Error.OK
    _encode_buffer_max_size = 8 << 20

    @property
    def encode_buffer_max_size(self) -> int:
        """Bytes that `put_var` sends at most; 8 MiB. 1,024 to 256 MiB, rounded up to a power of two.

        Raises:
            ValueError: on setting, outside of these.
        """
        return self._encode_buffer_max_size

    @encode_buffer_max_size.setter
    def encode_buffer_max_size(self, size: int) -> None:
        if not SMALLEST_BUFFER <= size <= LARGEST_BUFFER:
            raise ValueError(f"encode_buffer_max_size must be {SMALLEST_BUFFER} to {LARGEST_BUFFER}, not {size}")
        self._encode_buffer_max_size = 1 << (size - 1).bit_length()  # type: ignore[misc]  # every subclass has a place

    @abstractmethod
    def get_available_packet_count(self) -> int:
        """How many packets can be read."""

    @abstractmethod
    def get_packet(self) -> bytes:
        """The oldest packet; empty, with `get_packet_error()`, where there is none."""

    @abstractmethod
    def put_packet(self, buffer: bytes | bytearray | memoryview) -> Error:
        """Send one packet; an empty buffer is `OK` and sends nothing."""

    def get_var(self, allow_objects: bool = False, *, engine: int = 4) -> Any:
        """The oldest packet as the value that `put_var` sent; None, with `get_packet_error()`, where there is none.

        A packet that holds no value is taken all the same; the error is `ERR_INVALID_DATA` then.

        Args:
            allow_objects: take objects in full, each as a passive `EncodedObject`.
            engine: 3 for Godot 3's form.
        """
        if engine != 4 and engine != 3:
            raise ValueError(f"get_var() argument 'engine': expected 3 or 4, got {engine!r}")
        packet = self.get_packet()
        if self._packet_error is not Error.OK:
            return None
        try:
            return bytes_to_var_with_objects(packet, engine) if allow_objects else bytes_to_var(packet, engine)
        except VariantError:
            self._packet_error = Error.ERR_INVALID_DATA  # type: ignore[misc]
            return None

    def put_var(self, value: Any, full_objects: bool = False, *, engine: int = 4) -> Error:
        """Send a value as one packet.

        Args:
            value: an engine value.
            full_objects: send each `EncodedObject` in full.
            engine: 3 for Godot 3's form.

        Returns:
            `ERR_OUT_OF_MEMORY` where it takes more than `encode_buffer_max_size` bytes; else as `put_packet`.

        Raises:
            VariantError: it is no value of the engine.
        """
        data = var_to_bytes_with_objects(value, engine) if full_objects else var_to_bytes(value, engine)
        return Error.ERR_OUT_OF_MEMORY if len(data) > self._encode_buffer_max_size else self.put_packet(data)

    def get_packet_error(self) -> Error:
        """What came of the last `get_packet`: `OK`, `FAILED` (not open), `ERR_UNAVAILABLE` (nothing there)."""
        return self._packet_error

    def __iter__(self) -> Iterator[bytes]:
        """Take the packets that are there."""
        while self.get_available_packet_count():
            yield self.get_packet()
