"""The shortest packet of each kind, and every way to be shorter: the reason and where it is, for both engines."""

from __future__ import annotations

import struct

import pytest

from gdpeer.errors import PacketError
from gdpeer.multiplayer.wire import godot3, godot4
from gdpeer.multiplayer.wire.godot4 import AddPeer, Auth, ConfirmPath, DelPeer, Raw, Relay, SimplifyPath
from gdpeer.variant import EncodedObject

SUM = b"0123456789abcdef" * 2

GODOT4_REFUSED = [
    (b"", "an empty packet", -1),
    (b"\x30" + bytes(20), "a node id of a size that does not exist", -1),
    (b"\x00", "too short for its ids", 1),
    (b"\x00\x01", "too short for its ids", 2),
    (b"\x40\x01\x02", "too short for its ids", 2),
    (b"\x10\x01", "too short for its ids", 1),
    (b"\x20\x01\x02\x03", "too short for its ids", 1),
    (b"\x00\x01\x02", "the number of arguments is missing", 3),
    (b"\x20" + struct.pack("<I", 0x80000000 | 7) + b"\x01\x00", "the path would begin behind the end", 1),
    (b"\x20" + struct.pack("<I", 0x80000000 | 5) + b"\x01\x00", "the path would begin before the arguments", 1),
    (b"\x01" + SUM + bytes(4), "SIMPLIFY_PATH is shorter than 38 bytes", -1),
    (b"\x01" + SUM[:-1] + b"-" + bytes(5), "a checksum that is none", 1),
    (b"\x02", "CONFIRM_PATH with neither an id nor a path", -1),
    (b"\x02\x01\x00", "CONFIRM_PATH with neither an id nor a path", -1),
    (b"\x02\x01abc", "CONFIRM_PATH with neither an id nor a path", -1),
    (b"\x02\x01a\x00b\x00\x00", "CONFIRM_PATH with neither an id nor a path", -1),
    (b"\x02\x01\xff\x00", "a text that is not UTF-8", 2),
    (b"\x03", "RAW without data", -1),
    (b"\x07", "SYS without a sub-command", -1),
    (b"\x07\x04" + bytes(8), "an unknown sub-command of SYS: 4", 1),
    (b"\x07\x01" + bytes(3), "SYS is shorter than 6 bytes", -1),
    (b"\x07\x03" + bytes(4), "RELAY without a packet inside", 6),
]


@pytest.mark.parametrize(("data", "reason", "offset"), GODOT4_REFUSED)
def test_what_godot_4_would_not_send(data: bytes, reason: str, offset: int) -> None:
    with pytest.raises(PacketError) as caught:
        godot4.parse(data)
    where = f" (at offset {offset})" if offset >= 0 else ""
    assert (caught.value.detail, caught.value.offset) == (reason + where, offset)


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        (b"\x01" + SUM + b"\0" + struct.pack("<I", 7), SimplifyPath(SUM.decode(), 7, "")),
        (b"\x02\x00\x07\0\0\0", ConfirmPath(False, 7, None)),
        (b"\x02\x01a\0", ConfirmPath(True, None, "a")),
        (b"\x02\x01abc\0", ConfirmPath(True, 0x00636261, "abc")),
        (b"\x02\x02\xff\xff\xff\0", ConfirmPath(True, 0x00FFFFFF, None)),
        (b"\x03a", Raw(b"a")),
        (b"\x07\x00", Auth(b"")),
        (b"\x07\x01" + struct.pack("<i", -7), AddPeer(-7)),
        (b"\x07\x02" + struct.pack("<i", 7), DelPeer(7)),
        (b"\x07\x03" + struct.pack("<i", 7) + b"x", Relay(7, b"x")),
    ],
)
def test_the_shortest_of_each_kind_of_godot_4(data: bytes, packet: object) -> None:
    assert godot4.parse(data) == packet


@pytest.mark.parametrize("node_id", [0, 1, 0xFF, 0x100, 0xFFFF, 0x10000, 0x7FFFFFFF])
@pytest.mark.parametrize("method_id", [0, 0xFF, 0x100, 0xFFFF])
@pytest.mark.parametrize("count", [0, 1, 0x7F, 0x80, 0xFF])
def test_ids_take_as_few_bytes_as_they_need(node_id: int, method_id: int, count: int) -> None:
    data = godot4.encode_call(node_id, method_id, [True] * count)
    size = 0 if node_id <= 0xFF else 1 if node_id <= 0xFFFF else 2
    is_wide = method_id > 0xFF
    has_no_arguments = count == 0
    assert (data[0] >> 4) & 3 == size
    assert bool(data[0] & 0x40) == is_wide
    head = 1 + (1 << size) + 1 + is_wide
    assert int.from_bytes(data[1 : 1 + (1 << size)], "little") == node_id
    assert int.from_bytes(data[1 + (1 << size) : head], "little") == method_id
    if not has_no_arguments:
        assert data[head] == count
        assert len(data) == head + 1 + count
    call = godot4.parse(data)
    assert (call.node_id, call.method_id, list(call.arguments)) == (node_id, method_id, [True] * count)  # type: ignore[union-attr]


GODOT3_REFUSED = [
    (b"", "an empty packet", -1),
    (b"\x00\x01\0\0\0", "shorter than 6 bytes", -1),
    (b"\x00\x01\0\0\0a", "a name without an end", 5),
    (b"\x00\x01\0\0\0a\0", "the number of arguments is missing", 6),
    (b"\x00" + struct.pack("<I", 0x80000000 | 8) + b"a\0\0", "the path would begin behind the end", 1),
    (b"\x02\x01\0\0\0", "SIMPLIFY_PATH is shorter than 6 bytes", -1),
    (b"\x03a", "CONFIRM_PATH without a path", -1),
    (b"\x04", "RAW without data", -1),
    (b"\x05abc", "an unknown command: 5", -1),
    (b"\x80abc", "an unknown command: 128", -1),
]


@pytest.mark.parametrize(("data", "reason", "offset"), GODOT3_REFUSED)
def test_what_godot_3_would_not_send(data: bytes, reason: str, offset: int) -> None:
    with pytest.raises(PacketError) as caught:
        godot3.parse(data)
    where = f" (at offset {offset})" if offset >= 0 else ""
    assert (caught.value.detail, caught.value.offset) == (reason + where, offset)


def test_the_shortest_of_each_kind_of_godot_3() -> None:
    assert godot3.parse(b"\x02\x07\0\0\0\0") == godot3.SimplifyPath(7, "")
    assert godot3.parse(b"\x03a\0") == godot3.ConfirmPath("a")
    assert godot3.parse(b"\x04a") == godot3.Raw(b"a")
    call = godot3.parse(b"\x00\x07\0\0\0\0\0")
    assert (call.node_id, call.name, list(call.arguments), call.path) == (7, "", [], None)  # type: ignore[union-attr]


def test_objects_go_out_in_full_by_encode() -> None:
    thing = EncodedObject("Node", {"a": 1})
    sent = godot3.RemoteCall(7, "f", [thing]).encode()
    assert list(godot3.parse(sent, objects=True).arguments) == [thing]  # type: ignore[union-attr]
    sent = godot4.RemoteCall(7, 8, [thing]).encode()
    assert list(godot4.parse(sent, objects=True).arguments) == [thing]  # type: ignore[union-attr]
