"""A server of Godot 3's multiplayer mode, and of both dialects, against a table of the rules: whatever clients send."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpeer import OK, ManualClock, WebSocketPeer
from gdpeer.errors import PacketError
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
from gdpeer.transport.memory import memory_pair
from gdpeer.websocket.session.godot3_header import HEADER_SIZE, Kind, pack_data, pack_system, unpack

NUMBERS = st.integers(-(2**31), 2**31 - 1)
WHO = st.sampled_from(range(3))
# A sender, whom it names (a client, the server, all, nobody), whether all but that, a flaw, and the payload.
MESSAGES = st.tuples(
    WHO,
    st.sampled_from([0, 1, 2, "server", "all", "nobody"]),
    st.booleans(),
    st.sampled_from(["", "", "", "kind", "source", "cut"]),
    st.binary(max_size=5),
)


HEADS = st.builds(
    lambda kind, numbers, payload, end: (struct.pack("<Bii", kind, *numbers) + payload)[:end],
    st.one_of(st.integers(0, 5), st.integers(0, 255)),
    st.tuples(NUMBERS, NUMBERS),
    st.binary(max_size=8),
    st.one_of(st.none(), st.none(), st.integers(0, 13)),
)


@given(st.one_of(HEADS, st.binary(max_size=20)))
def test_any_bytes_are_a_header_or_a_packet_error(data: bytes) -> None:
    """What is a header, and what is refused, is known from the length and the first byte alone."""
    is_header = len(data) >= 9 and (data[0] == 0 or (data[0] in (1, 2, 3) and len(data) >= 13))
    if not is_header:
        with pytest.raises(PacketError):
            unpack(data)
        return
    header = unpack(data)
    assert (header.kind, header.source, header.target) == struct.unpack_from("<Bii", data)
    if header.kind is Kind.DATA:
        assert header.peer_id == 0
        assert pack_data(header.source, header.target, data[HEADER_SIZE:]) == data
    else:
        assert (header.peer_id,) == struct.unpack_from("<i", data, 9)
        assert pack_system(header.kind, header.peer_id) == data[:1] + struct.pack("<ii", 1, 0) + data[9:13]


@given(NUMBERS, NUMBERS, st.binary())
def test_a_header_comes_back(source: int, target: int, payload: bytes) -> None:
    assert unpack(pack_data(source, target, payload))[:3] == (Kind.DATA, source, target)


class Room:
    """Three clients, the ones of `four` in Godot 4's dialect."""

    def __init__(self, four: set[int]) -> None:
        clock = ManualClock(1.0)
        self.server = WebSocketMultiplayerPeer(("godot4", "godot3"), clock=clock)
        self.server.supported_protocols, self.server.godot3_protocols = ["g4"], ["g3"]
        self.ids: list[int] = []
        self.clients: list[WebSocketPeer] = []
        for number in range(3):
            theirs, ours = memory_pair(clock=clock)
            self.ids.append(self.server.take_stream(ours))
            client = WebSocketPeer(clock=clock)
            client.supported_protocols = ["g4" if number in four else "g3"]
            assert client.connect_through(theirs) is OK
            self.clients.append(client)
        self.poll()
        for client in self.clients:
            assert list(client)

    def poll(self) -> None:
        for _ in range(5):
            for one in (self.server, *self.clients):
                one.poll()


@given(st.sets(WHO), st.lists(MESSAGES, max_size=12))
def test_everybody_gets_what_the_rules_say(four: set[int], messages: list[Any]) -> None:
    room = Room(four)
    ours: dict[int, list[bytes]] = {number: [] for number in range(3)}
    theirs: dict[int, list[bytes]] = {number: [] for number in range(3)}
    with room.server:
        for sender, name, is_but, flaw, payload in messages:
            if sender in four:
                room.clients[sender].send(payload)
                ours[sender] += [payload] if payload else []
                continue
            names = {"server": 1, "all": 0, "nobody": 1 << 30, **dict(enumerate(room.ids))}
            target = -names[name] if is_but else names[name]
            source = room.ids[sender - 1] if flaw == "source" else room.ids[sender]
            message = pack_data(source, target, payload)
            message = b"\x02" + message[1:] if flaw == "kind" else message[:7] if flaw == "cut" else message
            room.clients[sender].send(message)
            if flaw:
                continue
            reached = {n for n in range(3) if n != sender and (target <= 0 or n == name) and not (is_but and n == name)}
            for number in reached - four if name != "server" or is_but else ():
                theirs[number].append(message)
            if target <= 1 or reached & four:
                ours[sender].append(payload)
        room.poll()
        got: dict[int, list[bytes]] = {number: [] for number in range(3)}
        while room.server.get_available_packet_count():
            source = room.server.get_packet_peer()
            got[room.ids.index(source)].append(room.server.get_packet())
        assert got == ours
        for number, client in enumerate(room.clients):
            assert sorted(client) == sorted(theirs[number])
