"""The bad line: when things arrive, in which order, and what does not."""

from __future__ import annotations

import struct
from random import Random

import pytest

from gdpeer import MonotonicClock
from gdpeer.inspection.bad_network import ArrivalTimes, BadTunnel, Conditions, after_stall
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.tunnel import Ended, Passed
from gdpeer.multiplayer.wire import godot4
from tests.unit.inspection.tunnel_setup import State, running_tunnel


def arrivals(**conditions: float) -> ArrivalTimes:
    return ArrivalTimes(Conditions(**conditions), Random(1))  # type: ignore[arg-type]


def test_a_delay() -> None:
    assert arrivals(delay=0.08).due(100, 5.0) == pytest.approx(5.08)


def test_jitter_is_around_the_delay_and_never_reorders() -> None:
    bumpy = arrivals(delay=0.08, jitter=0.02)
    times = [bumpy.due(10, number * 0.001) for number in range(1000)]
    assert times == sorted(times)
    apart = [ArrivalTimes(Conditions(delay=0.08, jitter=0.02), Random(seed)).due(10, 0.0) for seed in range(200)]
    assert 0.06 <= min(apart) < 0.065
    assert 0.095 < max(apart) <= 0.1


def test_jitter_without_a_delay_is_never_early() -> None:
    assert min(ArrivalTimes(Conditions(jitter=0.02), Random(seed)).due(10, 1.0) for seed in range(50)) == 1.0


def test_a_rate_counts_bytes_one_after_another() -> None:
    slow = arrivals(rate=8000.0)  # 1,000 bytes a second, of which each message's head takes 14
    assert slow.due(986, 0.0) == pytest.approx(1.0)
    assert slow.due(486, 0.0) == pytest.approx(1.5)
    assert slow.due(486, 10.0) == pytest.approx(10.5)


@pytest.mark.parametrize(
    ("when", "arrives"), [(29.9, 29.9), (30.0, 32.0), (31.5, 32.0), (32.0, 32.0), (59.9, 59.9), (61.0, 62.0)]
)
def test_a_stall(when: float, arrives: float) -> None:
    assert after_stall(when, Conditions(stall=2.0, stall_every=30.0)) == pytest.approx(arrives)


def make(**conditions: object):  # type: ignore[no-untyped-def]
    names = MethodNames([["move", "shoot"]])
    return lambda url: BadTunnel(url, None, Conditions(**conditions), "godot4", names, 7)  # type: ignore[arg-type]


def test_messages_are_late_in_order_and_the_end_comes_last() -> None:
    clock = MonotonicClock()
    with running_tunnel(make(delay=0.2, jitter=0.1)) as setup:
        client = setup.join()
        began = clock.now()
        for number in range(50):
            client.send(b"\x03%d" % number)
        client.close(4001, "behind them")
        setup.until(lambda: setup.ended)
        assert clock.now() - began >= 0.1
        assert setup.heard == [Message(b"\x03%d" % number, False) for number in range(50)]
        assert setup.ended == [(True, 4001, "behind them")]
        setup.until(lambda: not setup.tunnel._arrivals)  # type: ignore[attr-defined]


def test_a_slow_line_takes_its_time() -> None:
    clock = MonotonicClock()
    with running_tunnel(make(rate=80_000.0)) as setup:  # 10,000 bytes a second
        client = setup.join()
        began = clock.now()
        client.send(b"\x03" + bytes(3000))
        setup.answer(client)  # 0.3 seconds there, and as many back
        assert clock.now() - began >= 0.6


def test_connections_break() -> None:
    with running_tunnel(make(cut_after=0.1)) as setup:
        client = setup.join()
        setup.until(lambda: client.get_ready_state() is State.CLOSED and setup.ended)
        assert (client.get_close_code(), setup.ended) == (-1, [(False, -1, "")])
        assert [event[2:] for event in setup.events_of(Ended)] == [(None, -1, "")]


SIMPLIFY = godot4.SimplifyPath(next(iter(MethodNames([["move", "shoot"]])._tables)), 1, "Main/Player").encode()
MOVE, SHOOT = godot4.RemoteCall(1, 0, [1]).encode(), godot4.RemoteCall(1, 1, [1]).encode()
SYNC = bytes.fromhex("060100020000000c000000050000000000803f00000040")
ALL = (SIMPLIFY, MOVE, SHOOT, SYNC)


@pytest.mark.parametrize(
    ("globs", "lost"),
    [
        (("sync",), {SYNC}),
        (("Main/*:move",), {MOVE}),
        (("shoot",), {SHOOT}),
        (("move", "sync"), {MOVE, SYNC}),
        (("rpc",), {MOVE, SHOOT}),
    ],
)
def test_only_what_is_named_is_lost(globs: tuple[str, ...], lost: set[bytes]) -> None:
    with running_tunnel(make(loss=1.0, unreliable=globs)) as setup:
        client = setup.join()
        setup.echoes = False
        for packet in ALL:
            client.send(packet)
        client.send(b"\x03end")
        setup.until(lambda: setup.heard and setup.heard[-1].data == b"\x03end")
        assert [message.data for message in setup.heard[:-1]] == [packet for packet in ALL if packet not in lost]
        assert {event.message.data for event in setup.events_of(Passed) if event.is_lost} == lost
        assert setup.tunnel.lost.total() == len(lost)  # type: ignore[attr-defined]


def test_losses_are_as_many_as_asked_for() -> None:
    with running_tunnel(make(loss=0.25, unreliable=("raw",)), max_queued_packets=10_000) as setup:
        client = setup.join()
        setup.echoes = False
        for number in range(2000):
            client.send(b"\x03" + struct.pack("<I", number))
        client.send(b"\x07\x01end!")
        setup.until(lambda: setup.heard and setup.heard[-1].data == b"\x07\x01end!")
        assert 1350 <= len(setup.heard) <= 1650
        numbers = [struct.unpack_from("<I", message.data, 1)[0] for message in setup.heard[:-1]]
        assert numbers == sorted(numbers)


def test_directions_are_lines_of_their_own() -> None:
    tunnel = BadTunnel("ws://localhost", None, Conditions(rate=8000.0))
    up = tunnel.due(1, Direction.TO_SERVER, Message(bytes(986), False))
    down = tunnel.due(1, Direction.TO_CLIENT, Message(bytes(986), False))
    other = tunnel.due(2, Direction.TO_SERVER, Message(bytes(986), False))
    assert up is not None
    assert down == pytest.approx(up, abs=0.5)
    assert other == pytest.approx(up, abs=0.5)


def test_a_ping_is_as_late_as_a_message() -> None:
    with running_tunnel(lambda url: BadTunnel(url, None, Conditions(delay=0.1))) as setup:
        client = setup.join()
        client.ping()
        setup.until(lambda: client.get_latency() >= 0)
        assert client.get_latency() >= 0.2


def test_a_stranger_cannot_fill_the_line_with_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.inspection.direction.MOST_MESSAGES", 10)
    with running_tunnel(lambda url: BadTunnel(url, None, Conditions(delay=0.2))) as setup:
        client = setup.join()
        for _ in range(1000):
            client.ping(b"again")
        client.ping(b"lost")
        client.send_text("after")
        setup.until(lambda: setup.heard)
        assert setup.answer(client) == b"after"
