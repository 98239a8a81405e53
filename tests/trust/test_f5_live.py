"""F5: a live server of both dialects, ten honest peers that count, and offenders beside them."""

from __future__ import annotations

import gc
import logging
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from gdpeer.logs import LOGGED_AT_ONCE
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.rpc.path_budget import MAX_PATH_MEMORY
from gdpeer.multiplayer.wire import godot3, godot4
from gdpeer.websocket.session.godot3_header import Kind, pack_data, pack_system
from gdpeer.websocket.states import PeerState
from tests.support.figures import record
from tests.support.long import amount
from tests.trust.arena import FOUR, THREE, Arena, Offence, mutated

pytestmark = pytest.mark.timeout(amount(600, 7200))

HONEST = ("godot4", "godot3") * 5
MANY = amount(2_000, 50_000)
FEW = amount(500, 5_000)
PATHS = amount(25_000, 1_000_000)
"""More than `MAX_PATH_MEMORY` holds."""


def mutants_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    return mutated(FOUR, MANY, 4)


def mutants_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    for data in mutated(THREE, MANY, 3):
        yield pack_data(own, 1, data)


def mutants_for_all_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    for data in mutated(THREE, MANY, 33):
        yield pack_data(own, 0, data)


def headers_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    return mutated([pack_data(own, 1, b"\x04x"), pack_system(Kind.DEL, arena.ids[0])], MANY, 333)


def relayed_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    """Damaged ones for everybody, by way of the server."""
    return (godot4.Relay(0, data).encode() for data in mutated(FOUR, MANY, 44))


def forged_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    """In the name of each honest peer, to the server and to each other."""
    call = godot3.RemoteCall(0, "up", [10**6], "Main").encode()
    for number in range(FEW):
        source = arena.ids[number % len(arena.ids)]
        yield pack_data(source, (1, 0, arena.ids[0])[number % 3], call)


def forged_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    """Calls that only the authority may make, to clients by way of the server."""
    down = methods_of(arena.main).by_name["down"].number
    call = godot4.RemoteCall(0, down, [10**6], "Main").encode()
    for number in range(FEW):
        yield godot4.Relay(arena.ids[number % len(arena.ids)], call).encode()


def nobody_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    for number in range(FEW):
        yield godot4.Relay((own, 1 << 30)[number % 2], b"\x03x").encode()


def nobody_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    for number in range(FEW):
        yield pack_data(own, (own, 1 << 30)[number % 2], b"\x04x")


def system_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    for number in range(FEW):
        one = arena.ids[number % len(arena.ids)]
        news = (godot4.AddPeer(number + 2), godot4.DelPeer(one), godot4.Relay(0, godot4.DelPeer(one).encode()))
        yield news[number % 3].encode()


def system_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    for number in range(FEW):
        yield pack_system((Kind.ADD, Kind.DEL, Kind.ID)[number % 3], arena.ids[number % len(arena.ids)])


def late_auth_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    return [godot4.Auth(b"secret").encode()] * FEW


def flood_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    call = godot4.RemoteCall(0, methods_of(arena.main).by_name["up"].number, [-1], "Main").encode()
    return [call] * MANY


def flood_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    return [pack_data(own, 1, godot3.RemoteCall(0, "up", [-1], "Main").encode())] * MANY


def oversized_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    return [b"\x03" * 100_000] * 3


def oversized_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    return [pack_data(own, 1, b"\x04" * 100_000)] * 3


OFFENCES: dict[Offence, str] = {
    mutants_of_4: "bad packet",
    relayed_of_4: "bad packet",
    mutants_of_3: "bad packet",
    mutants_for_all_of_3: "bad packet",
    headers_of_3: "forged source",
    forged_of_3: "forged source",
    forged_of_4: "",
    nobody_of_4: "unknown receiver",
    nobody_of_3: "unknown receiver",
    system_of_4: "not allowed",
    system_of_3: "not allowed",
    late_auth_of_4: "not allowed",
    flood_of_4: "too many calls",
    flood_of_3: "too many calls",
    oversized_of_4: "",
    oversized_of_3: "",
}
"""Each with what it is counted as; "": it is the receiver who refuses, or the connection ends."""
FLOODS = (flood_of_4, flood_of_3)
EXACT = (forged_of_3, nobody_of_4, nobody_of_3, system_of_4, system_of_3, late_auth_of_4)
"""All that these send is refused, and for the one cause."""


@pytest.fixture
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    found = Arena(**request.param)
    yield found
    found.close()


def dialect_of(offence: Offence) -> str:
    return "godot" + offence.__name__[-1]


@pytest.mark.parametrize(
    "arena", [{"honest": HONEST}, {"honest": HONEST, "rpc_rate": 100.0}], indirect=True, ids=["free", "with a rate"]
)
def test_f5_honest_peers_hear_every_number_once_and_in_order(arena: Arena, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    has_rate = arena.api.rpc_rate > 0
    offenders = {offence: arena.offend(dialect_of(offence), offence) for offence in OFFENCES}
    arena.run()
    arena.check()
    refused = {offence.__name__: arena.refused(one) for offence, one in offenders.items()}
    for offence, kind in OFFENCES.items():
        counted = refused[offence.__name__]
        if kind and (has_rate or offence not in FLOODS):
            assert counted[kind] > 0
        if offence in EXACT:
            assert counted == {kind: FEW}
        if offence in FLOODS:
            most = 2 * arena.api.rpc_rate + arena.api.rpc_rate * arena.clock.now()
            assert len(arena.main.heard[offenders[offence].id]) <= (most if has_rate else MANY)
    for offence in (oversized_of_4, oversized_of_3):
        arena.until(lambda one=offenders[offence].client: one.get_close_code() == 1009)  # type: ignore[misc]
    assert all(one.tree.multiplayer.refused["not allowed"] for one in arena.honest)  # forged_of_4
    sums = arena.peer.stats().refused_packets
    assert sum(sums.values()) >= sum(sum(one.values()) for one in refused.values())
    tell(caplog, arena, has_rate, sums)


def tell(caplog: pytest.LogCaptureFixture, arena: Arena, has_rate: bool, sums: Any) -> None:
    """The log has a few lines about each, whatever they sent; no more than warnings."""
    lines = [one for one in caplog.records if one.name.startswith("gdpeer")]
    assert not [one for one in lines if one.exc_info]
    about = Counter(one.id for one in arena.offenders for line in lines if str(one.id) in line.getMessage())
    sent = sum(one.sent for one in arena.offenders)
    assert max(about.values()) <= (1 + len(arena.honest)) * LOGGED_AT_ONCE  # the server's, and its victims'
    name = "with_rpc_rate" if has_rate else "free"
    figures = {"packets": sent, "refused": sum(sums.values()), "honest_calls": 30 * arena.rounds, "log": len(lines)}
    record("F5", **{f"{name}_{key}": value for key, value in figures.items()})


@pytest.mark.parametrize("arena", [{"honest": HONEST, "max_refused": 300}], indirect=True)
def test_f5_who_sends_only_rubbish_is_disconnected_where_the_game_wants_it(arena: Arena) -> None:
    gone: list[int] = []
    begun = time.monotonic()
    arena.api.peer_disconnected.connect(gone.append)
    offenders = [arena.offend(dialect_of(one), one) for one in (mutants_of_4, mutants_of_3, forged_of_3, system_of_4)]
    arena.run()
    arena.until(lambda: len(gone) == len(offenders))
    arena.check()
    assert sorted(gone) == sorted(one.id for one in offenders)
    for one in offenders:
        arena.until(lambda one=one: one.client.get_ready_state() is PeerState.CLOSED)  # type: ignore[misc]
        assert one.client.get_close_code() == 1008
    most = 301 + 5 * (time.monotonic() - begun) + 1  # 300 a minute come in again
    refused = arena.peer.stats().refused_packets
    counted = sum(refused.values()) - refused.get("replication", 0)  # honest clients send these: no reason to end one
    assert 301 <= counted / len(offenders) <= most


UNASKED = 100
"""Packets before the authentication; who sends many more is turned away."""


def test_f5_who_has_not_authenticated_is_neither_heard_nor_reached() -> None:
    arena = Arena(("godot4",) * 10)
    try:
        inside = arena.offend("godot4", reaches_for_hidden)
        arena.until(lambda: inside.id in arena.api.get_peers())
        arena.api.auth_callback, arena.api.auth_timeout = (lambda peer_id, data: None), 0.0
        outside = arena.offend("godot4", speaks_unasked)
        arena.until(lambda: arena.api.get_authenticating_peers() == [outside.id] != [0])
        arena.hidden = outside.id
        arena.run()
        arena.check()
        assert arena.api.refused == {"unknown receiver": inside.sent, "not admitted": outside.sent}
        assert arena.refused(inside) == {"unknown receiver": FEW}
        found = arena.peer.get_peer(outside.id)
        assert found is not None
        assert found.get_stats().refused_packets == {"not admitted": UNASKED}
        assert (outside.heard, outside.id in arena.api.get_peers()) == (0, False)
        assert all(outside.id not in one.tree.multiplayer.get_peers() for one in arena.honest)
    finally:
        arena.close()


def reaches_for_hidden(own: int, arena: Arena) -> Iterable[bytes]:
    return [godot4.Relay(arena.hidden, b"\x03x").encode()] * FEW


def speaks_unasked(own: int, arena: Arena) -> Iterable[bytes]:
    up = methods_of(arena.main).by_name["up"].number
    packets = (godot4.RemoteCall(0, up, [-1], "Main"), godot4.Raw(b"x"), godot4.Relay(0, b"\x03x"))
    return [packets[number % 3].encode() for number in range(UNASKED)]


def paths_of_4(own: int, arena: Arena) -> Iterable[bytes]:
    checksum = methods_of(arena.main).checksum
    return (godot4.SimplifyPath(checksum, number, "Main").encode() for number in range(PATHS))


def paths_of_3(own: int, arena: Arena) -> Iterable[bytes]:
    return (pack_data(own, 1, godot3.SimplifyPath(number, f"Main{number}").encode()) for number in range(PATHS))


@pytest.mark.parametrize("arena", [{"honest": HONEST}], indirect=True)
@pytest.mark.parametrize("offence", [paths_of_4, paths_of_3])
def test_f5_a_million_paths_take_no_more_than_one_peer_may(arena: Arena, offence: Offence) -> None:
    offender = arena.offend(dialect_of(offence), offence, 1_000)
    arena.until(lambda: offender.id in arena.api.get_peers())
    gc.collect()
    tracemalloc.start()
    try:
        arena.run()
        arena.check()
        mains = [arena.main, *(one.main for one in arena.honest)]
        heard = sum(len(numbers) for main in mains for numbers in main.heard.values())
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
        peers = arena.api._calls.cache.peers
        known = len(peers[offender.id].known) if offender.id in peers else 0
        known += len(arena.api._guests.calls._peers[offender.id].known) if offence is paths_of_3 else 0
        refused = arena.refused(offender)
        assert known + refused["too many paths"] == offender.sent == PATHS
        assert 0 < known <= MAX_PATH_MEMORY // 200
        assert taken < MAX_PATH_MEMORY + (4 << 20) + 64 * heard
        offender.client.close(-1)
        arena.until(lambda: offender.id not in arena.api.get_peers())
        gc.collect()
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert left < taken - known * 100
    assert offender.id not in peers
    record("F5", **{f"{offence.__name__}_sent": PATHS, f"{offence.__name__}_kept": known})
