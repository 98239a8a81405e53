"""`PacketPeer`: the base of all classes that send and receive packets.

Layer: between `variant` and `websocket`. Source: reference godot-api section 2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from gdpeer.attributes import guard
from gdpeer.errors import Error, VariantError

__all__ = ["PacketPeer"]


SMALLEST_BUFFER = 1024
LARGEST_BUFFER = 256 << 20


@cache
def _codec() -> ModuleType:
    """Returns the module that encodes values: a program without values does not wait for its import."""
    return import_module("gdpeer.variant.binary.codec")


class PacketPeer(ABC):
    """Sends and receives packets. Iterating yields the packets that have arrived."""

    __slots__ = ()

    _packet_error = Error.OK
    _encode_buffer_max_size = 8 << 20

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        guard(cls)

    @property
    def encode_buffer_max_size(self) -> int:
        """The most bytes that `put_var` sends: 1,024 to 256 MiB, rounded up to a power of two. Default: 8 MiB.

        Raises:
            ValueError: on setting, outside of this range.
        """
        return self._encode_buffer_max_size

    @encode_buffer_max_size.setter
    def encode_buffer_max_size(self, size: int) -> None:
        if not SMALLEST_BUFFER <= size <= LARGEST_BUFFER:
            raise ValueError(f"encode_buffer_max_size must be {SMALLEST_BUFFER} to {LARGEST_BUFFER}, not {size}")
        self._encode_buffer_max_size = 1 << (size - 1).bit_length()  # type: ignore[misc]  # every subclass has a place

    @abstractmethod
    def get_available_packet_count(self) -> int:
        """Returns how many packets can be read."""

    @abstractmethod
    def get_packet(self) -> bytes:
        """Returns the oldest packet. Without a packet: b"", and `get_packet_error()` gives the reason."""

    @abstractmethod
    def put_packet(self, buffer: bytes | bytearray | memoryview) -> Error:
        """Sends one packet; an empty buffer is `OK` and sends nothing."""

    def get_var(self, allow_objects: bool = False, *, engine: int = 4) -> Any:
        """Returns the value of the oldest packet, which `put_var` sent.

        Without a packet: None, and `get_packet_error()` gives the reason. A packet that holds no value is removed as
        well; the error is `ERR_INVALID_DATA` then.

        Args:
            allow_objects: accept objects in full, each as a passive `EncodedObject`.
            engine: 3 for Godot 3's format.
        """
        if engine != 4 and engine != 3:
            raise ValueError(f"get_var() argument 'engine': expected 3 or 4, got {engine!r}")
        packet = self.get_packet()
        if self._packet_error is not Error.OK:
            return None
        codec = _codec()
        try:
            return (codec.bytes_to_var_with_objects if allow_objects else codec.bytes_to_var)(packet, engine)
        except VariantError:
            self._packet_error = Error.ERR_INVALID_DATA  # type: ignore[misc]
            return None

    def put_var(self, value: Any, full_objects: bool = False, *, engine: int = 4) -> Error:
        """Sends a value as one packet.

        Args:
            value: an engine value.
            full_objects: send each `EncodedObject` in full.
            engine: 3 for Godot 3's format.

        Returns:
            `ERR_OUT_OF_MEMORY` if the value needs more than `encode_buffer_max_size` bytes; else as `put_packet`.

        Raises:
            VariantError: the value is not a value of the engine.
        """
        codec = _codec()
        data = (codec.var_to_bytes_with_objects if full_objects else codec.var_to_bytes)(value, engine)
        return Error.ERR_OUT_OF_MEMORY if len(data) > self._encode_buffer_max_size else self.put_packet(data)

    def get_packet_error(self) -> Error:
        """Returns the result of the last `get_packet`: `OK`, `FAILED` (not open), `ERR_UNAVAILABLE` (no packet)."""
        return self._packet_error

    def __iter__(self) -> Iterator[bytes]:
        """Yields the packets that have arrived, and removes them."""
        while self.get_available_packet_count():
            yield self.get_packet()
