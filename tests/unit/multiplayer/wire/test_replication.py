"""Packets of spawners and synchronizers: an engine's packets parse and encode again; damaged ones are refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from gdpeer.errors import PacketError, VariantError
from gdpeer.multiplayer.wire import godot4
from gdpeer.multiplayer.wire.replication import (
    SCENE_CUSTOM,
    Delta,
    Despawn,
    Spawn,
    Sync,
    decode_values,
    encode_values,
    parse_despawn,
    parse_spawn,
    parse_sync,
    path_based,
)
from gdpeer.variant import Array, Color, EncodedObject, PackedByteArray, VariantType, Vector2
from tests.support.missing import ROOT

RECORDING = ROOT / "tests" / "golden" / "replication_godot4.jsonl"
MESSAGES = [json.loads(line) for line in RECORDING.read_text("utf-8").splitlines()]
PACKETS = [one for one in MESSAGES if one["op"] == 2 and not one["what"].startswith("peer id")]

U1 = Spawn(
    0,
    2,
    1,
    (2, 3),
    "U1",
    None,
    bytes.fromhex(
        "05000000 0000803f 00000040 03000000 00000000 0264 04000000 07000000 6d616465 20553100 0300000000000000"
    ),
)
EGG = Spawn(
    SCENE_CUSTOM,
    2,
    6,
    (7,),
    "Egg",
    bytes.fromhex("0207"),
    bytes.fromhex("14000000 0000803f 0000803f 0000803f 0000803f"),
)


def spawn(scene: int = 0, count: int = 0, length: int = 2, rest: bytes = b"A\0") -> bytes:
    return struct.pack("<BBIIII", 4, scene, 1, 1, count, length) + rest


# ---------------------------------------------------------------------------------------------------- the recording


def test_the_recording_is_complete() -> None:
    assert len(MESSAGES) == 678
    assert len(PACKETS) == 641


def test_packets_of_an_engine_parse_and_encode_to_the_same_bytes() -> None:
    for message in PACKETS:
        data = bytes.fromhex(message["hex"])
        packet = godot4.parse(data)
        assert packet.encode() == data, message["what"]
        if isinstance(packet, godot4.Relay):
            assert godot4.parse(packet.data).encode() == packet.data, message["what"]


def described(packet: godot4.Packet) -> str:
    """The packet in the words of the recording."""
    match packet:
        case Spawn(scene, spawner, net, syncs, name, argument, state):
            text = f"SPAWN {'custom' if scene == SCENE_CUSTOM else f'scene {scene}'}, spawner {spawner}, net {net}"
            given = "" if argument is None else f" argument of {len(argument)} bytes,"
            return f"{text}, syncs {list(syncs)}, name '{name}',{given} state of {len(state)} bytes"
        case Despawn(net):
            return f"DESPAWN net {net}"
        case Sync(counter, elements):
            return f"SYNC {counter}: " + "; ".join(f"{who(number)}, {len(values)} bytes" for number, values in elements)
        case Delta(changes):
            parts = [f"{who(number)} mask {mask:#x}, {len(values)} bytes" for number, mask, values in changes]
            return "SYNC delta: " + "; ".join(parts)
    raise AssertionError(packet)


def who(number: int) -> str:
    path = path_based(number)
    return f"net {number}" if path is None else f"path-based {path}"


def test_the_fields_are_those_that_the_recording_names() -> None:
    seen = dict.fromkeys((Spawn, Despawn, Sync, Delta), 0)
    for message in PACKETS:
        packet = godot4.parse(bytes.fromhex(message["hex"]))
        if isinstance(packet, godot4.Relay):
            packet = godot4.parse(packet.data)
        if type(packet) in seen:
            seen[type(packet)] += 1
            assert described(packet) in message["what"]
    assert seen == {Spawn: 61, Despawn: 26, Sync: 134, Delta: 151}


def test_values_of_an_engine_decode_and_encode_to_the_same_bytes() -> None:
    for message in PACKETS:
        packet = godot4.parse(bytes.fromhex(message["hex"]))
        states = []
        if isinstance(packet, Spawn):
            states = [packet.state, packet.argument or b""]
        elif isinstance(packet, Sync | Delta):
            states = [element[-1] for element in packet.elements]
        for state in states:
            values, used = decode_values(state, None)
            assert used == len(state)
            assert encode_values(values) == state, message["what"]


# ---------------------------------------------------------------------------------------------------- SPAWN


def test_the_examples_of_the_reference() -> None:
    data = bytes.fromhex("04 00 02000000 01000000 02000000 03000000  02000000 03000000  55 31 00") + U1.state
    assert parse_spawn(data) == U1
    assert U1.encode() == data
    assert decode_values(U1.state, 5) == ([Vector2(1, 2), 0.0, 100, "made U1", 0.0], len(U1.state))
    data = bytes.fromhex("04 ff 02000000 06000000 01000000 04000000 07000000 45676700 02000000 0207") + EGG.state
    assert parse_spawn(data) == EGG
    assert EGG.encode() == data
    assert decode_values(EGG.argument or b"", 1) == ([7], 2)
    assert decode_values(EGG.state, 1) == ([Color(1, 1, 1, 1)], 20)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x04", "SPAWN is shorter than 18 bytes"),
        (spawn(rest=b"")[:17], "SPAWN is shorter than 18 bytes"),
        (spawn(rest=b"A"), "has 19 bytes, and its ids and its name need 20"),
        (spawn(count=1000), "has 20 bytes, and its ids and its name need 4020"),
        (spawn(count=0xFFFFFFFF, length=0xFFFFFFFF), "need 21474836493"),
        (spawn(length=0), "SPAWN without a name .at offset 18"),
        (spawn(length=0, count=1, rest=bytes(4)), "SPAWN without a name .at offset 22"),
        (spawn(rest=b"\xff\0"), "not UTF-8 .at offset 18"),
        (spawn(SCENE_CUSTOM), "the argument of spawn.. is missing"),
        (spawn(SCENE_CUSTOM, rest=b"A\0\1\0\0"), "the argument of spawn.. is missing"),
        (spawn(SCENE_CUSTOM, rest=b"A\0" + bytes(8)), "the argument of spawn.. has a wrong size"),
        (spawn(SCENE_CUSTOM, rest=b"A\0\3\0\0\0\2\7"), "the argument of spawn.. has a wrong size"),
        (spawn(SCENE_CUSTOM, rest=b"A\0\xff\xff\xff\xff\2\7"), "the argument of spawn.. has a wrong size"),
        *((spawn(rest=mark + b"\0"), "cannot have the name") for mark in (b".", b":", b"@", b"/", b'"', b"%")),
        (spawn(length=5, rest=b"a/../"), "cannot have the name 'a/../'"),
    ],
)
def test_a_damaged_spawn_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(PacketError, match=reason) as caught:
        godot4.parse(data)
    assert caught.value.kind == "bad packet"


def test_a_long_name_is_cut_in_the_error() -> None:
    with pytest.raises(PacketError) as caught:
        parse_spawn(spawn(length=5000, rest=b"@" * 5000))
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize(
    ("rest", "name", "state"),
    [
        (b"Unit\0", "Unit", b""),
        (b"Un\0it", "Un", b""),
        (b"Units", "Units", b""),
        ("Zoë".encode() + b"\0", "Zoë", b""),
        (b"\0U1\0\0", "", b""),
        (b"Unit\0\x81", "Unit", b"\x81"),
    ],
)
def test_a_name_ends_at_its_first_zero_byte(rest: bytes, name: str, state: bytes) -> None:
    assert parse_spawn(spawn(length=5, rest=rest)) == Spawn(0, 1, 1, (), name, None, state)


def test_an_argument_of_null_is_a_value() -> None:
    packet = parse_spawn(spawn(SCENE_CUSTOM, rest=b"A\0\4\0\0\0\0\0\0\0\1\x81"))
    assert packet == Spawn(SCENE_CUSTOM, 1, 1, (), "A", bytes(4), b"\1\x81")
    assert decode_values(bytes(4), 1) == ([None], 4)


def test_other_bits_of_the_first_byte_are_ignored() -> None:
    assert godot4.parse(b"\xfc" + U1.encode()[1:]) == U1
    assert godot4.parse(b"\xfd\7\0\0\0") == Despawn(7)
    assert godot4.parse(b"\xe6\1\0" + b"\7\0\0\0\1\0\0\0\1") == Sync(1, ((7, b"\1"),))
    assert godot4.parse(b"\xf6") == Delta((), "the packet is shorter than 11 bytes")


# ---------------------------------------------------------------------------------------------------- DESPAWN


def test_a_despawn_may_have_bytes_left_over() -> None:
    assert parse_despawn(b"\5\1\0\0\0") == parse_despawn(b"\5\1\0\0\0xyz") == Despawn(1)
    assert Despawn(0xFFFFFFFF).encode() == b"\5\xff\xff\xff\xff"
    with pytest.raises(PacketError, match="DESPAWN is shorter than 5 bytes"):
        godot4.parse(b"\5\1\0\0")


# ---------------------------------------------------------------------------------------------------- SYNC, delta


def test_a_sync_without_a_counter_is_refused() -> None:
    for data in (b"\6", b"\6\1"):
        with pytest.raises(PacketError, match="SYNC is shorter than 3 bytes"):
            godot4.parse(data)


ONE = struct.pack("<II", 7, 2) + b"\2\5"
FIRST = (7, b"\2\5")
SHORT = "the packet is shorter than 11 bytes"
BEYOND = "an element ends beyond the packet"


@pytest.mark.parametrize(
    ("rest", "elements", "problem"),
    [
        (b"", (), SHORT),
        (bytes(7), (), SHORT),
        (bytes(8), (), ""),  # an element without values at the end is not seen
        (ONE, (FIRST,), ""),
        (ONE + ONE, (FIRST, FIRST), ""),
        (ONE + bytes(8), (FIRST,), ""),
        (bytes(8) + ONE, ((0, b""), FIRST), ""),
        (ONE + ONE[:-1], (FIRST,), BEYOND),
        (ONE[:-1], (), BEYOND),
        (ONE + b"\7\0\0\0\xff\xff\xff\xff\0", (FIRST,), BEYOND),
    ],
)
def test_the_elements_of_a_sync_before_a_fault_count(rest: bytes, elements: Any, problem: str) -> None:
    assert parse_sync(b"\6\xfe\xff" + rest) == Sync(0xFFFE, elements, problem)


TWO = struct.pack("<IQI", 7, 1 << 63 | 2, 2) + b"\2\5"
SECOND = (7, 1 << 63 | 2, b"\2\5")


@pytest.mark.parametrize(
    ("rest", "elements", "problem"),
    [
        (b"", (), SHORT),
        (bytes(9), (), SHORT),
        (bytes(10), (), ""),
        (bytes(16), (), ""),
        (TWO, (SECOND,), ""),
        (TWO + bytes(16), (SECOND,), ""),
        (bytes(16) + TWO, ((0, 0, b""), SECOND), ""),
        (TWO[:-1], (), BEYOND),
        (TWO + TWO[:-1], (SECOND,), BEYOND),
    ],
)
def test_the_elements_of_a_delta_before_a_fault_count(rest: bytes, elements: Any, problem: str) -> None:
    assert parse_sync(b"\x16" + rest) == Delta(elements, problem)


def test_a_sync_and_a_delta_encode_what_they_hold() -> None:
    assert Sync(0xFFFE, (FIRST, FIRST)).encode() == b"\6\xfe\xff" + ONE + ONE
    assert Sync(5, (), SHORT).encode() == b"\6\5\0"
    assert Delta((SECOND, SECOND)).encode() == b"\x16" + TWO + TWO
    assert Delta((), SHORT).encode() == b"\x16"


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, None), (7, None), (0x7FFFFFFF, None), (0x80000000, 0), (0x80000007, 7), (0xFFFFFFFF, 0x7FFFFFFF)],
)
def test_an_id_is_a_net_id_or_holds_the_number_of_a_path(number: int, path: int | None) -> None:
    assert path_based(number) == path


# ---------------------------------------------------------------------------------------------------- values


def test_values_are_compact_and_have_no_count() -> None:
    values = [1, True, None, "a", 300, Vector2(1, 2), -7, 2.5]
    data = encode_values(values)
    assert data[:7] == b"\2\1" + b"\x81" + bytes(4)
    assert decode_values(data, None) == decode_values(data, 8) == (values, len(data))
    assert decode_values(data, 2) == ([1, True], 3)
    assert decode_values(data + b"\xff", 8) == (values, len(data))
    assert decode_values(data, 0) == decode_values(b"", None) == ([], 0)
    assert encode_values(()) == b""


def test_a_lone_byte_array_has_its_header_unlike_in_a_call() -> None:
    data = encode_values([b"ab"])
    assert data == bytes.fromhex("1d000000 02000000 61620000")
    [value], used = decode_values(data, None)
    assert (type(value), value, used) == (PackedByteArray, b"ab", 12)


def test_arrays_are_typed_unless_told_otherwise() -> None:
    array = Array([1, 2], VariantType.TYPE_INT)
    assert encode_values([array])[:8] == bytes.fromhex("1c000100 02000000")
    assert encode_values([array], typed=False)[:8] == bytes.fromhex("1c000000 02000000")


@pytest.mark.parametrize(
    ("data", "count"),
    [(b"", 1), (b"\2", 1), (b"\2", None), (b"\2\1", 2), (b"\2\1", 1 << 40), (b"\x3f\0\0\0", 1), (b"\2\1\4", None)],
)
def test_damaged_and_missing_values_are_refused(data: bytes, count: int | None) -> None:
    with pytest.raises(PacketError, match="a value cannot be decoded"):
        decode_values(data, count)


def test_full_objects_are_refused() -> None:
    data = bytes.fromhex("18 00 00 00 04 00 00 00 4e 6f 64 65 00 00 00 00")
    with pytest.raises(PacketError, match="cannot be decoded"):
        decode_values(data, 1)
    for value in (EncodedObject("Node"), object(), 1 << 64):
        with pytest.raises(VariantError):
            encode_values([value])
