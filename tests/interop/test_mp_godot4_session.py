"""Who is in a session with a real Godot 4, and who reaches whom: signals, broadcasts, the relay, raw packets,
authentication, and the ways in which it ends.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gdpeer import ERR_BUG, ERR_CONNECTION_ERROR, OK, MultiplayerPeer
from tests.interop.echo_rooms import until
from tests.interop.mp_rooms import ROLE, Game, Side, Table, hosted, hosting, joining, pair, puppet
from tests.support.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]


# --- ids and signals


def test_an_engine_that_joins_and_leaves() -> None:
    with hosting() as here, puppet(url=here.url) as game:
        [them] = here.wait_for_peers()
        assert 2 <= them < 2**31
        assert (here.api.get_unique_id(), here.api.is_server()) == (1, True)
        game.see("peer_connected", here, id=1)
        names = [event["event"] for event in game.engine.events]
        assert names[:2] == ["connected_to_server", "peer_connected"]
        assert game.see("connected_to_server")["id"] == them
        assert game.do("multiplayer.get_peers()", here) == "PackedInt32Array(1)"
        assert game.do("multiplayer.is_server()", here) == "false"
        game.do("multiplayer.multiplayer_peer.close()", here)
        here.wait_for_news("peer_disconnected", them)
        assert here.told == [("peer_connected", them), ("peer_disconnected", them)]
        assert here.api.get_peers() == []
        assert game.errors == []


def test_we_join_an_engine_and_leave() -> None:
    with hosted() as (game, url), joining(url) as here:
        assert here.wait_for_peers() == [1]
        us = here.api.get_unique_id()
        assert 2 <= us < 2**31
        assert here.told == [("connected_to_server",), ("peer_connected", 1)]
        game.see("peer_connected", here, id=us)
        assert game.do("multiplayer.get_peers()", here) == f"PackedInt32Array({us})"
        here.peer.close()
        game.see("peer_disconnected", here, id=us)
        here.wait_for_news("server_disconnected")
        assert here.api.get_peers() == []
        assert game.errors == []


def test_a_client_of_nobody_fails_in_both() -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    with puppet(url=url) as game, joining(url) as here:
        here.wait_for_news("connection_failed")
        game.see("connection_failed", here)
        assert here.told == [("connection_failed",)]
        assert here.main.nothing.rpc() is ERR_CONNECTION_ERROR


def test_refusing_new_connections() -> None:
    with hosting() as here:
        here.api.refuse_new_connections = True
        with puppet(url=here.url) as game:
            game.see("connection_failed", here)
        here.api.refuse_new_connections = False
        with puppet(url=here.url) as game:
            here.wait_for_peers()
        assert [one[0] for one in here.told] == ["peer_connected"]


CALLS: list[tuple[str, Any]] = [
    ('rpc("no_such_method")', lambda side: side.main.rpc("no_such_method")),
    ('rpc("get_path")', lambda side: side.main.rpc("get_path")),
    ('rpc_id(5, "nothing")', lambda side: side.main.rpc_id(5, "nothing")),
    ('rpc_id(-5, "nothing")', lambda side: side.main.rpc_id(-5, "nothing")),
    (
        'rpc_id(multiplayer.get_unique_id(), "nothing")',
        lambda side: side.main.rpc_id(side.api.get_unique_id(), "nothing"),
    ),
    (
        'rpc_id(multiplayer.get_unique_id(), "say_local", "me")',
        lambda side: side.main.rpc_id(side.api.get_unique_id(), "say_local", "me"),
    ),
    ("multiplayer.send_bytes(PackedByteArray())", lambda side: side.api.send_bytes(b"")),
    ("multiplayer.send_bytes(PackedByteArray([238]), 5)", lambda side: side.api.send_bytes(b"\xee", 5)),
    ("multiplayer.send_bytes(PackedByteArray([238]), -5)", lambda side: side.api.send_bytes(b"\xee", -5)),
    ("multiplayer.send_auth(5, PackedByteArray([1]))", lambda side: side.api.send_auth(5, b"x")),
    ("multiplayer.complete_auth(5)", lambda side: side.api.complete_auth(5)),
    ("multiplayer.poll()", lambda side: side.api.poll()),
    ("multiplayer.get_remote_sender_id()", lambda side: side.api.get_remote_sender_id()),
    ('multiplayer.multiplayer_peer.create_client("ws://x")', lambda side: side.peer.create_client("ws://x")),
    ("multiplayer.multiplayer_peer.create_server(1)", lambda side: side.peer.create_server(1)),
    (
        # In one expression: the fixture quits once it is disconnected.
        "[multiplayer.multiplayer_peer.close(), multiplayer.send_bytes(PackedByteArray([1])), rpc('nothing'),"
        " multiplayer.multiplayer_peer.put_packet(PackedByteArray([1])), multiplayer.get_unique_id()]",
        lambda side: [
            side.peer.close(),
            side.api.send_bytes(b"x"),
            side.main.nothing.rpc(),
            side.peer.put_packet(b"x"),
            side.api.get_unique_id(),
        ],
    ),
]


def test_return_codes_are_the_engines() -> None:
    """A client of ours and an engine's, and a server of ours and an engine's, return the same."""
    with pair("client") as ours, pair("server") as theirs:
        for game, side in ((ours.game, theirs.here), (theirs.game, ours.here)):
            for expression, call in CALLS:
                expected = game.do(expression, ours.here, theirs.here)
                assert json.dumps(call(side)) == expected, (expression, side.peer)


# --- everybody to everybody: directly, by broadcast, by exclusion, through the relay


@contextmanager
def python_hosts() -> Iterator[Table]:
    with hosting() as here, puppet(url=here.url) as ann, puppet(url=here.url) as bob, joining(here.url) as cid:
        yield Table(here, ann, bob, cid)


@contextmanager
def engine_hosts() -> Iterator[Table]:
    with hosted() as (game, url), puppet(url=url) as ann, joining(url) as bob, joining(url) as cid:
        yield Table(game, ann, bob, cid)


HOST = pytest.mark.parametrize("host", [python_hosts, engine_hosts])


@HOST
def test_calls_reach_whom_they_are_for(host: Any) -> None:
    with host() as table:
        table.exchange(table.call, table.heard, local=True)
        for end in table.ends:
            assert (end.refusals if isinstance(end, Side) else end.errors) == []


@HOST
def test_raw_packets_reach_whom_they_are_for(host: Any) -> None:
    with host() as table:
        table.exchange(table.send, table.got, local=False)
        for end in table.ends:
            assert (end.refusals if isinstance(end, Side) else end.errors) == []


@HOST
def test_everybody_but_oneself_is_nobody_in_a_call_and_everybody_else_in_a_packet(host: Any) -> None:
    with host() as table:
        for end, own in zip(table.ends, table.ids, strict=True):
            table.call(end, -own, "lost")
            table.send(end, -own, "found")
        until(lambda: all(len(table.got(end)) == 3 for end in table.ends), *table.sides)
        assert [table.heard(end) for end in table.ends] == [[]] * 4
        for end, own in zip(table.ends, table.ids, strict=True):
            if isinstance(end, Game):
                end.complaint(f"Attempt to call RPC with unknown peer ID: {-own}", *table.sides)


@HOST
def test_clients_know_each_other_until_one_leaves(host: Any) -> None:
    with host() as table:
        *_, leaver = table.ends
        assert isinstance(leaver, Side)
        gone = table.ids[-1]
        for end, own in zip(table.ends, table.ids, strict=True):
            others = sorted(one for one in table.ids if one != own)
            if isinstance(end, Side):
                assert sorted(end.api.get_peers()) == others
            else:
                assert sorted(event["id"] for event in end.engine.all("peer_connected")) == others
        leaver.peer.close()
        for end in table.ends[:-1]:
            if isinstance(end, Side):
                until(lambda end=end: ("peer_disconnected", gone) in end.told, *table.sides)
                assert gone not in end.api.get_peers()
            else:
                end.see("peer_disconnected", *table.sides, id=gone)
                assert end.errors == []


def test_two_engines_keep_numbers_of_paths_between_them() -> None:
    """Through a Python server: what the one tells the other is relayed, and calls become small."""
    with hosting() as here, puppet(url=here.url) as ann, puppet(url=here.url) as bob:
        table = Table(here, ann, bob)
        a, b = table.ids[1:]
        here.peer.received.clear()
        here.peer.sent.clear()
        for number in range(8):
            ann.do(f'get_node("Child").rpc_id({b}, "poke", "{number}")', here)
            assert bob.heard("poke", f'["{number}"]', here) == a
        relayed = [packet for sender, packet in here.peer.received if sender == a]
        assert {packet[:6] for packet in relayed} == {struct.pack("<BBi", 7, 3, b)}
        assert relayed[0][6] == 1
        assert relayed[1][6] == 0x20
        assert relayed[-1][6:9] == b"\0\x01\0"
        passed_on = [packet for peers, packet in here.peer.sent if peers == (b,)]
        assert [packet[6:] for packet in passed_on] == [packet[6:] for packet in relayed]
        assert {packet[:6] for packet in passed_on} == {struct.pack("<BBi", 7, 3, a)}
        confirmation = struct.pack("<BBi", 7, 3, b) + b"\x02\x01\x01\0\0\0"
        assert ((a,), confirmation) in here.peer.sent
        assert (here.main.calls, here.child.calls) == ([], [])
        assert (ann.errors, bob.errors) == ([], [])


def test_what_engines_synchronise_among_them_passes_our_server() -> None:
    """A MultiplayerSynchronizer of one client sets the other's; what it tells us of itself is counted, once."""
    with hosting() as here, puppet(url=here.url, sync=True) as ann, puppet(url=here.url, sync=True) as bob:
        table = Table(here, ann, bob)
        for game in (ann, bob):
            game.do(f'get_node("Sync").set_multiplayer_authority({table.ids[1]})', here)
        for value in ("42", "43"):
            ann.do(f'set("process_priority", {value})', here)
            until(lambda value=value: bob.do('get("process_priority")', here) == value, here)
        assert here.api.refused == {"replication": 1}
        assert (ann.errors, bob.errors) == ([], [])


def test_without_the_relay_of_our_server_engines_reach_only_us() -> None:
    with hosting(server_relay=False) as here, puppet(url=here.url) as ann, puppet(url=here.url) as bob:
        for game in (ann, bob):
            game.see("peer_connected", here, id=1)
            game.do('multiplayer.set("server_relay", false)', here)
        until(lambda: len(here.api.get_peers()) == 2, here)
        own = int(ann.do("multiplayer.get_unique_id()", here))
        ann.do('rpc("say_local", "to all")', here)
        ann.do("multiplayer.send_bytes(PackedByteArray([238]), 0)", here)
        assert here.wait_for_call("say_local", "to all") == own
        here.wait_for_news("peer_packet", own, b"\xee")
        here.main.say_local.rpc("from the server")
        assert [game.heard("say_local", '["from the server"]', here) for game in (ann, bob)] == [1, 1]
        assert len(bob.engine.all("rpc")) == 1
        assert bob.engine.find("bytes") is None
        assert [game.do("multiplayer.get_peers()", here) for game in (ann, bob)] == ["PackedInt32Array(1)"] * 2
        assert (ann.errors, bob.errors) == ([], [])


def test_without_the_relay_of_an_engine_we_reach_only_it() -> None:
    with (
        hosted(no_relay=True) as (game, url),
        joining(url, server_relay=False) as ann,
        joining(url, server_relay=False) as bob,
    ):
        until(lambda: len(game.engine.all("peer_connected")) == 2, ann, bob)
        until(lambda: ann.api.get_peers() == bob.api.get_peers() == [1], ann, bob)
        own = ann.api.get_unique_id()
        assert ann.main.say_local.rpc("to all") is OK
        assert ann.api.send_bytes(b"\xee") is OK
        assert ann.api.send_bytes(b"\xee", bob.api.get_unique_id()) is ERR_BUG
        assert game.heard("say_local", '["to all"]', ann, bob) == own
        game.see("bytes", ann, bob, **{"from": own})
        game.do('rpc("say_local", "from the server")', ann, bob)
        ann.wait_for_call("say_local", "from the server")
        bob.wait_for_call("say_local", "from the server")
        assert len(bob.main.calls) == 1
        assert bob.news("peer_packet") == []
        assert game.errors == []


def test_a_client_that_relays_where_our_server_does_not() -> None:
    """Only the client thinks that there is a relay: what it sends to all is dropped and counted here."""
    with hosting(server_relay=False) as here, puppet(url=here.url) as game:
        game.see("peer_connected", here, id=1)
        game.do("multiplayer.send_bytes(PackedByteArray([238]), 0)", here)
        until(lambda: here.api.refused["not allowed"], here)
        assert here.news("peer_packet") == []


@ROLE
def test_raw_packets_of_every_transfer_mode(role: str) -> None:
    with pair(role) as both:
        both.do(f'call("step_bytes", {both.us})')
        for data in (b"\x01\x02\x03", b"\x04\x05", b"\xee\x06"):
            both.here.wait_for_news("peer_packet", both.them, data)
        for mode in MultiplayerPeer.TRANSFER_MODE_UNRELIABLE, MultiplayerPeer.TRANSFER_MODE_RELIABLE:
            assert both.here.api.send_bytes(b"\x07", both.them, mode, 1) is OK
        both.here.wait_for_news("peer_packet", both.them, b"\xee\x07")
        assert both.game.see("bytes", hex="07")["from"] == both.us
        assert both.game.errors == []
