"""The packets of both engines' multiplayer: damaged ones are refused with the documented error, in bounded memory."""

from __future__ import annotations

import json
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpeer.errors import PacketError
from gdpeer.multiplayer.local_peers import LoopbackMultiplayerPeer
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.multiplayer.wire import godot3, godot4
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync, decode_values
from tests.property.streams import damaged

GOLDEN = Path(__file__).parents[1] / "golden"


def recorded(name: str, skip: int) -> list[bytes]:
    """Every kind of packet that a real engine sent, without the transport's header."""
    lines = (GOLDEN / name).read_text("utf-8").splitlines()
    messages = [json.loads(line) for line in lines]
    return [bytes.fromhex(one["hex"])[skip:] for one in messages if one["op"] == 2 and len(one["hex"]) > 2 * skip]


KINDS = {
    "bad packet",
    "checksum mismatch",
    "not admitted",
    "not allowed",
    "replication",
    "too many paths",
    "unknown command",
    "unknown method",
    "unknown node",
    "unknown receiver",
    "wrong arguments",
}
FOUR = recorded("rpc_godot4.jsonl", 0)
REPLICATION = recorded("replication_godot4.jsonl", 0)
THREE = recorded("rpc_godot3.jsonl", 9)
PARSERS: list[tuple[Any, list[bytes]]] = [(godot4.parse, FOUR), (godot4.parse, REPLICATION), (godot3.parse, THREE)]


def parse_all(parse: Any, data: bytes) -> None:
    """Take the packet apart, and the one inside it where it is relayed."""
    with suppress(PacketError):
        packet = parse(data)
        if isinstance(packet, godot4.Relay):
            parse_all(parse, packet.data)


@pytest.mark.parametrize(("parse", "packets"), PARSERS, ids=["godot4", "replication", "godot3"])
@given(st.data())
def test_damaged_packets_are_refused_with_the_documented_error(parse: Any, packets: list[bytes], data: Any) -> None:
    parse_all(parse, data.draw(st.sampled_from(packets).flatmap(damaged)))


@pytest.mark.parametrize("parse", [godot4.parse, godot3.parse], ids=["godot4", "godot3"])
@given(st.binary(max_size=200))
def test_any_bytes_are_a_packet_or_a_packet_error(parse: Any, data: bytes) -> None:
    parse_all(parse, data)


def seen_again(packet: godot4.Packet) -> godot4.Packet:
    """The packet that a receiver sees when this one is sent on: without what a fault cut off."""
    if isinstance(packet, Sync | Delta):
        elements = packet.elements
        while elements and not elements[-1][-1]:  # an element without values at the end is not seen
            elements = elements[:-1]
        return packet._replace(elements=elements, problem="")
    return packet


@given(st.sampled_from(REPLICATION).flatmap(damaged) | st.binary(max_size=100).map(b"\x06".__add__))
def test_a_packet_of_replication_that_parses_means_the_same_when_it_is_sent_on(data: bytes) -> None:
    with suppress(PacketError):
        packet = godot4.parse(data)
        if isinstance(packet, Spawn | Despawn | Sync | Delta):
            assert seen_again(godot4.parse(packet.encode())) == seen_again(packet)


@given(st.sampled_from(REPLICATION).flatmap(damaged), st.none() | st.integers(0, 1000))
def test_values_of_a_synchronizer_decode_or_are_refused(data: bytes, count: int | None) -> None:
    with suppress(PacketError):
        values, used = decode_values(data, count)
        assert used <= len(data)
        assert count is None or count == len(values)


@pytest.mark.parametrize(
    "data",
    [
        b"\x06\0\0" + struct.pack("<II", 7_000, 0) * 8_000,
        b"\x16" + struct.pack("<IQI", 7_000, 1 << 40, 0) * 4_000,
        struct.pack("<BBIIII", 4, 0, 1, 1, 16_000, 2) + b"AAA\0" * 16_000 + b"A\0",
        struct.pack("<BBIIII", 4, 0, 1, 1, 0xFFFFFFFF, 2) + b"A\0" * 8_000,
    ],
    ids=["sync", "delta", "spawn", "cut"],
)
def test_memory_of_replication_is_bounded_by_the_size_of_the_packet(data: bytes) -> None:
    parse_all(godot4.parse, data)
    tracemalloc.start()
    parse_all(godot4.parse, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 16 * len(data) + 65536


@pytest.mark.parametrize("parse", [godot4.parse, godot3.parse], ids=["godot4", "godot3"])
@pytest.mark.parametrize("piece", [b"", b"\0", b"\x1c\0\0\0\1\0\0\0", b"\x1b\0\0\0\1\0\0\0\0\0\0\0"])
def test_memory_is_bounded_by_the_size_of_the_packet(parse: Any, piece: bytes) -> None:
    for head in (b"\0\1\1\xff", b"\0\1\0\0\0x\0\xff"):
        data = head + (piece or b"\x1c\0\0\0\xff\xff\xff\x7f") * 4000
        parse_all(parse, data)  # what is made once and kept does not count
        tracemalloc.start()
        parse_all(parse, data)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak <= 16 * len(data) + 65536


class Main(Node):
    @rpc("any_peer")
    def echo(self, value: Any) -> None:
        self.echoed.rpc_id(self.multiplayer.get_remote_sender_id(), value)

    @rpc("any_peer")
    def echoed(self, value: int) -> None: ...


@given(st.lists(st.sampled_from(FOUR).flatmap(damaged), max_size=8))
def test_a_server_takes_whatever_a_client_sends(packets: list[bytes]) -> None:
    peer = LoopbackMultiplayerPeer()
    tree = SceneTree()
    tree.multiplayer.multiplayer_peer = peer
    tree.root.add_child(Main("Main"))
    clients = [peer.join(), peer.join()]
    tree.poll()
    for packet in packets:
        clients[0].put_packet(packet)
        for _ in range(2):
            tree.poll()
            for client in clients:
                client.poll()
    assert tree.multiplayer.get_peers() == [client.get_unique_id() for client in clients]
    known = tree.multiplayer.refused.keys()
    assert known <= KINDS
