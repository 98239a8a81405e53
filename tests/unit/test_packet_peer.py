"""Values as packets: `put_var` and `get_var`."""

from __future__ import annotations

import pytest

from gdpeer.errors import Error, VariantError
from gdpeer.packet_peer import PacketPeer
from gdpeer.variant import EncodedObject, Vector2


class Loop(PacketPeer):
    """What is put in can be taken out."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def get_available_packet_count(self) -> int:
        return len(self.packets)

    def get_packet(self) -> bytes:
        self._packet_error = Error.OK if self.packets else Error.ERR_UNAVAILABLE
        return self.packets.pop(0) if self.packets else b""

    def put_packet(self, buffer: bytes | bytearray | memoryview) -> Error:
        self.packets.append(bytes(buffer))
        return Error.OK


@pytest.mark.parametrize("engine", [3, 4])
def test_values_come_out_as_they_went_in(engine: int) -> None:
    peer = Loop()
    value = {"where": Vector2(1, 2), "lives": 3}
    assert peer.put_var(value, engine=engine) is Error.OK
    assert peer.get_var(engine=engine) == value
    assert peer.get_packet_error() is Error.OK
    assert peer.get_var(engine=engine) is None
    assert peer.get_packet_error() is Error.ERR_UNAVAILABLE


def test_a_packet_that_holds_no_value_is_taken_all_the_same() -> None:
    peer = Loop()
    peer.put_packet(b"\xff\xff\xff\xff")
    peer.put_packet(b"\x00\x00\x00\x00")
    assert peer.get_var() is None
    assert peer.get_packet_error() is Error.ERR_INVALID_DATA
    assert peer.get_var() is None
    assert peer.get_packet_error() is Error.OK


def test_objects_only_where_they_are_allowed() -> None:
    peer = Loop()
    thing = EncodedObject("Node", {})
    with pytest.raises(VariantError):
        peer.put_var(thing)
    peer.put_var(thing, full_objects=True)
    peer.put_var(thing, full_objects=True)
    assert peer.get_var() is None
    assert peer.get_packet_error() is Error.ERR_INVALID_DATA
    assert peer.get_var(allow_objects=True) == thing


def test_the_size_of_a_value_is_limited() -> None:
    peer = Loop()
    assert peer.encode_buffer_max_size == 8 << 20
    peer.encode_buffer_max_size = 1025
    assert peer.encode_buffer_max_size == 2048
    assert peer.put_var("x" * 2040) is Error.OK
    assert peer.put_var("x" * 2041) is Error.ERR_OUT_OF_MEMORY
    assert len(peer.packets) == 1
    for size in (1023, (256 << 20) + 1):
        with pytest.raises(ValueError, match="must be 1024 to"):
            peer.encode_buffer_max_size = size
    peer.encode_buffer_max_size = 1024
    peer.encode_buffer_max_size = 256 << 20
