"""Godot 4's packets: what a real engine sent parses and is encoded to the same bytes; what is damaged is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gdpeer.errors import PacketError, VariantError
from gdpeer.multiplayer.wire import godot4 as wire
from gdpeer.multiplayer.wire.replication import Despawn
from gdpeer.variant import NodePath, PackedByteArray
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden"
MESSAGES = [json.loads(line) for line in (GOLDEN / "rpc_godot4.jsonl").read_text("utf-8").splitlines()]
PACKETS = [one for one in MESSAGES if one["op"] == 2 and not one["what"].startswith("peer id")]


def test_the_recording_is_there() -> None:
    assert len(PACKETS) > 380


@pytest.mark.parametrize("message", PACKETS, ids=lambda one: one["what"][:70])
def test_what_an_engine_sent_parses_and_is_encoded_to_the_same_bytes(message: dict[str, Any]) -> None:
    data = bytes.fromhex(message["hex"])
    packet = wire.parse(data)
    again = packet.encode()
    if isinstance(packet, wire.RemoteCall) and any(isinstance(one, NodePath) for one in packet.arguments):
        # The engine leaves garbage in the padding of a path's names.
        assert len(again) == len(data)
        assert all(ours == theirs or ours == 0 for ours, theirs in zip(again, data, strict=True))
        assert wire.parse(again) == packet
    else:
        assert again == data
    if isinstance(packet, wire.Relay):
        inner = wire.parse(packet.data)
        assert inner.encode() == packet.data


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        ("00 01 05 01 02 01", wire.RemoteCall(1, 5, [1])),
        ("80 01 02", wire.RemoteCall(1, 2, ())),
        ("80 01 03 de ad", wire.RemoteCall(1, 3, (b"\xde\xad",))),
        ("00 01 03 01 04 00 00 00 04 00 00 00 72 6f 6c 6c", wire.RemoteCall(1, 3, ["roll"])),
        (
            "20 11 00 00 80 03 03 02 01 42 2c 01 82 70 11 01 00 4d 61 69 6e 00",
            wire.RemoteCall(0, 3, [1, 300, 70000], "Main"),
        ),
        ("a0 06 00 00 80 02 4d 61 69 6e 00", wire.RemoteCall(0, 2, (), "Main")),
        ("90 00 01 02", wire.RemoteCall(256, 2, ())),
        ("a0 00 00 01 00 02", wire.RemoteCall(65536, 2, ())),
        ("a0 01 00 00 00 02", wire.RemoteCall(1, 2, (), None, True)),
        ("c0 01 00 80", wire.RemoteCall(1, 0x8000, ())),
        ("02 01 01 00 00 00", wire.ConfirmPath(True, 1)),
        ("02 00 4d 61 69 6e 2f 41 00", wire.ConfirmPath(False, None, "Main/A")),
        ("03 68 65 79", wire.Raw(b"hey")),
        ("07 00", wire.Auth(b"")),
        ("07 00 61", wire.Auth(b"a")),
        ("07 01 d7 6d 34 46", wire.AddPeer(0x46346DD7)),
        ("07 02 39 27 ba 4e", wire.DelPeer(0x4EBA2739)),
        ("07 03 ff ff ff ff 03 65 78", wire.Relay(-1, b"\x03ex")),
        ("05 01 00 00 00", Despawn(1)),
    ],
)
def test_the_examples_of_the_reference(data: str, packet: wire.Packet) -> None:
    assert wire.parse(bytes.fromhex(data)) == packet
    assert packet.encode() == bytes.fromhex(data)


def test_the_example_of_simplify_path() -> None:
    packet = wire.SimplifyPath("599eb6c9feef319c68c1b0a901241908", 1, "Panel/VBoxContainer/Game")
    assert len(packet.encode()) == 63
    assert wire.parse(packet.encode()) == packet


def test_a_confirmation_that_can_be_read_both_ways_is_read_both_ways() -> None:
    packet = wire.parse(b"\x02\x01abc\0")
    assert packet == wire.ConfirmPath(True, 0x00636261, "abc")
    assert wire.parse(b"\x02\x01\xff\xff\xff\0") == wire.ConfirmPath(True, 0xFFFFFF, None)


def test_a_lone_byte_array_travels_bare_and_an_empty_one_as_nothing() -> None:
    call = wire.parse(wire.RemoteCall(1, 1, (b"xy",)).encode())
    assert isinstance(call, wire.RemoteCall)
    assert type(call.arguments[0]) is PackedByteArray
    assert wire.parse(wire.RemoteCall(1, 1, (b"",)).encode()) == wire.RemoteCall(1, 1, ())
    assert wire.RemoteCall(1, 1, (bytearray(b"xy"),)).encode() == wire.RemoteCall(1, 1, (memoryview(b"xy"),)).encode()


def test_left_over_bytes_after_the_arguments_are_ignored() -> None:
    assert wire.parse(bytes.fromhex("00 01 05 01 02 01 ff ff")) == wire.RemoteCall(1, 5, [1])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "an empty packet"),
        ("00", "too short for its ids"),
        ("00 01", "too short for its ids"),
        ("10 01", "too short for its ids"),
        ("30 01 02 03", "a size that does not exist"),
        ("00 01 05", "the number of arguments is missing"),
        ("00 01 05 02 02 01", "an argument cannot be decoded"),
        ("00 01 05 01 3f 00 00 00", "an argument cannot be decoded"),
        ("20 ff 00 00 80 03 00", "behind the end"),
        ("20 02 00 00 80 03 00 41", "before the arguments"),
        ("20 07 00 00 80 03 00 ff fe 00", "not UTF-8"),
        ("01 00", "shorter than 38 bytes"),
        ("01" + " 2d" * 32 + "00 01 00 00 00 41 00", "a checksum that is none"),
        ("01" + " 61" * 32 + "00 01 00 00 00 ff 00", "not UTF-8"),
        ("02", "neither an id nor a path"),
        ("02 01 61 62", "neither an id nor a path"),
        ("02 01 ff ff ff ff 00", "not UTF-8"),
        ("03", "RAW without data"),
        ("07", "without a sub-command"),
        ("07 04 00 00 00 00", "unknown sub-command of SYS: 4"),
        ("07 01 00", "shorter than 6 bytes"),
        ("07 03 01 00 00 00", "without a packet inside"),
    ],
)
def test_damaged_packets_are_refused_with_the_reason(data: str, reason: str) -> None:
    with pytest.raises(PacketError, match=reason):
        wire.parse(bytes.fromhex(data))


def test_objects_are_taken_only_when_asked_for() -> None:
    data = bytes.fromhex("00 01 05 01 18 00 00 00 04 00 00 00 4e 6f 64 65 00 00 00 00")
    with pytest.raises(PacketError, match="cannot be decoded"):
        wire.parse(data)
    packet = wire.parse(data, objects=True)
    assert isinstance(packet, wire.RemoteCall)
    assert packet.arguments[0].class_name == "Node"
    assert packet.encode() == data


def test_the_commands_have_the_engines_numbers() -> None:
    names = "REMOTE_CALL SIMPLIFY_PATH CONFIRM_PATH RAW SPAWN DESPAWN SYNC SYS"
    assert {one.name: one.value for one in wire.Command} == {name: at for at, name in enumerate(names.split())}
    assert [one.name for one in wire.SysCommand] == ["AUTH", "ADD_PEER", "DEL_PEER", "RELAY"]


def test_too_many_arguments() -> None:
    assert isinstance(wire.parse(wire.RemoteCall(1, 1, [0] * 255).encode()), wire.RemoteCall)
    with pytest.raises(ValueError, match="at most 255 arguments, not 256"):
        wire.RemoteCall(1, 1, [0] * 256).encode()


def test_an_argument_that_is_no_value() -> None:
    with pytest.raises(VariantError):
        wire.RemoteCall(1, 1, [object()]).encode()


def test_a_call_is_taken_apart_before_anybody_looks_at_its_arguments() -> None:
    data = wire.RemoteCall(300, 7, ["a", 1.5]).encode()
    call = wire.parse_call(data, False)
    assert (call.node_id, call.method_id, call.path, call.wide) == (300, 7, None, False)
    assert list(call.arguments.decode()) == ["a", 1.5]
    damaged = wire.parse_call(data[:-1], False)
    assert damaged.node_id == 300
    with pytest.raises(PacketError, match="an argument cannot be decoded"):
        damaged.arguments.decode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", False), (b"\0\1\2\0", True), (b"\xf8", True), (b"\3x", False), (b"\7\0", False)],
)
def test_which_packets_are_calls(data: bytes, expected: bool) -> None:
    assert wire.is_call(data) is expected


@pytest.mark.parametrize("node_id", [1, 255, 256, 65_535, 65_536])
@pytest.mark.parametrize("method_id", [0, 255, 256, 0x8001])
@pytest.mark.parametrize("count", [0, 1, 127, 128, 255])
def test_a_call_in_one_piece_is_the_same_as_its_parts(node_id: int, method_id: int, count: int) -> None:
    for arguments in (list(range(count)), ["text"] * count, (b"bytes",) * count):
        flags, body = wire.encode_call_body(method_id, arguments)
        assert wire.encode_call(node_id, method_id, arguments) == wire.call_packet(flags, body, node_id)


@pytest.mark.parametrize("arguments", [(object(),), (1, object()), range(256)])
def test_a_call_in_one_piece_is_refused_as_its_parts_are(arguments: Any) -> None:
    for encode in (wire.encode_call_body, lambda number, values: wire.encode_call(1, number, values)):
        with pytest.raises(ValueError, match=r"at most 255|object"):  # VariantError is one, too
            encode(3, arguments)
    assert wire.encode_call(1, 3, (7,)) == wire.call_packet(*wire.encode_call_body(3, (7,)), 1)
