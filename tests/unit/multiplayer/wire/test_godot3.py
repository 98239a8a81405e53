"""Godot 3's packets: what a real engine sent parses and is encoded to the same bytes; what is damaged is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gdpeer.errors import PacketError, VariantError
from gdpeer.multiplayer.wire import godot3 as wire
from gdpeer.variant import EncodedObject, NodePath, Vector2i
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden"
MESSAGES = [json.loads(line) for line in (GOLDEN / "rpc_godot3.jsonl").read_text("utf-8").splitlines()]
PACKETS = [one for one in MESSAGES if one["op"] == 2 and one["what"].startswith("data from")]
HEADER = 9


def test_the_recording_is_there() -> None:
    assert len(PACKETS) > 340


@pytest.mark.parametrize("message", PACKETS, ids=lambda one: one["what"][:70])
def test_what_an_engine_sent_parses_and_is_encoded_to_the_same_bytes(message: dict[str, Any]) -> None:
    data = bytes.fromhex(message["hex"])[HEADER:]
    packet = wire.parse(data)
    again = packet.encode()
    if isinstance(packet, wire.RemoteCall) and any(isinstance(one, NodePath) for one in packet.arguments):
        # The engine leaves garbage in the padding of a path's names.
        assert len(again) == len(data)
        assert all(ours == theirs or ours == 0 for ours, theirs in zip(again, data, strict=True))
        assert wire.parse(again) == packet
    else:
        assert again == data


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        ("02 01 00 00 00 4d 61 69 6e 00", wire.SimplifyPath(1, "Main")),
        ("03 4d 61 69 6e 00", wire.ConfirmPath("Main")),
        (
            "00 13 00 00 80 70 69 6e 67 00 01 02 00 00 00 07 00 00 00 4d 61 69 6e 00",
            wire.RemoteCall(0, "ping", [7], "Main"),
        ),
        ("00 01 00 00 00 70 69 6e 67 00 01 02 00 00 00 07 00 00 00", wire.RemoteCall(1, "ping", [7])),
        ("01 0f 00 00 80 78 00 02 00 00 00 09 00 00 00 4d 61 69 6e 00", wire.RemoteSet(0, "x", [9], "Main")),
        ("01 01 00 00 00 78 00 02 00 00 00 09 00 00 00", wire.RemoteSet(1, "x", [9])),
        ("04 68 65 79", wire.Raw(b"hey")),
    ],
)
def test_the_examples_of_the_reference(data: str, packet: wire.Packet) -> None:
    assert wire.parse(bytes.fromhex(data)) == packet
    assert packet.encode() == bytes.fromhex(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "an empty packet"),
        ("05 00", "an unknown command: 5"),
        ("00 01 00 00 00", "shorter than 6 bytes"),
        ("00 01 00 00 00 70 69", "a name without an end"),
        ("00 01 00 00 00 70 00", "the number of arguments is missing"),
        ("00 01 00 00 00 70 00 01", "an argument cannot be decoded"),
        ("00 01 00 00 00 ff 00 00", "not UTF-8"),
        ("01 01 00 00 00 70 00", "an argument cannot be decoded"),
        ("00 ff 00 00 80 70 00 00", "behind the end"),
        ("00 06 00 00 80 70 00 00", "a name without an end"),
        ("02 01 00 00", "shorter than 6 bytes"),
        ("02 01 00 00 00 ff 00", "not UTF-8"),
        ("03", "CONFIRM_PATH without a path"),
        ("04", "RAW without data"),
    ],
)
def test_damaged_packets_are_refused_with_the_reason(data: str, reason: str) -> None:
    with pytest.raises(PacketError, match=reason):
        wire.parse(bytes.fromhex(data))


def test_too_many_arguments_and_values_that_godot_3_lacks() -> None:
    with pytest.raises(ValueError, match="at most 255"):
        wire.RemoteCall(1, "x", [0] * 256).encode()
    with pytest.raises(VariantError, match="Vector2i"):
        wire.RemoteCall(1, "x", [Vector2i(1, 2)]).encode()


def test_objects_go_out_in_full_only_if_asked_for() -> None:
    thing = [EncodedObject("Node", {"name": "secret"})]
    with pytest.raises(VariantError, match="objects are allowed"):
        wire.encode_named(wire.Command.REMOTE_CALL, "take", thing)
    assert b"secret" in wire.encode_named(wire.Command.REMOTE_CALL, "take", thing, objects=True)


def test_objects_are_taken_in_full_only_if_asked_for() -> None:
    data = wire.RemoteCall(1, "take", [EncodedObject("Node", {"name": "secret"})]).encode()
    with pytest.raises(PacketError, match="cannot be decoded"):
        wire.parse(data)
    packet = wire.parse(data, objects=True)
    assert isinstance(packet, wire.RemoteCall)
    assert packet.arguments[0].class_name == "Node"
