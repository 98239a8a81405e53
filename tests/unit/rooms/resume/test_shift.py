"""Path numbers and counters of a returned client, moved behind those of its former lives."""

from __future__ import annotations

import pytest

from gdpeer.errors import PacketError
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, Raw, RemoteCall, SimplifyPath, parse
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync
from gdpeer.rooms.resume.shift import (
    MOST_PATHS,
    Shift,
    counter_of,
    is_by_number,
    move_back,
    move_counter,
    move_numbers,
)

CHECKSUM = "d41d8cd98f00b204e9800998ecf8427e"
ANN, EVE = 2, 4
BIT = 0x80000000


@pytest.mark.parametrize("number", [1, 200, 255, 256, 65_000, 65_536, 1_000_000])
@pytest.mark.parametrize("base", [1, 60, 300, 70_000])
@pytest.mark.parametrize("wide", [False, True])
def test_a_call_by_number_is_moved(number: int, base: int, wide: bool) -> None:
    data = RemoteCall(number, 300, (1, "x"), wide=wide).encode()
    moved = parse(move_numbers(data, base))
    assert isinstance(moved, RemoteCall)
    assert (moved.node_id, moved.method_id, tuple(moved.arguments)) == (number + base, 300, (1, "x"))


@pytest.mark.parametrize(
    "data",
    [
        RemoteCall(0, 1, (1,), "Main/Node").encode(),
        Raw(b"\x01\x02\x03\x04").encode(),
        ConfirmPath(True, 7).encode(),
        Despawn(7).encode(),
    ],
)
def test_packets_without_a_path_number_stay(data: bytes) -> None:
    assert move_numbers(data, 100) == data


def test_the_other_packets_are_moved() -> None:
    told = SimplifyPath(CHECKSUM, 5, "Main")
    assert move_numbers(told.encode(), 100) == told._replace(cache_id=105).encode()
    spawn = Spawn(3, 5, 1, (2, 3), "A", None, b"\x00")
    assert move_numbers(spawn.encode(), 100) == spawn._replace(spawner_id=105).encode()
    sync = Sync(9, ((BIT | 5, b"abc"), (5, b""), (BIT | 6, b"d")))
    moved = Sync(9, ((BIT | 105, b"abc"), (5, b""), (BIT | 106, b"d")))
    assert move_numbers(sync.encode(), 100) == moved.encode()
    delta = Delta(((BIT | 5, 3, b"abc"), (5, 1, b"x")))
    assert move_numbers(delta.encode(), 100) == Delta(((BIT | 105, 3, b"abc"), (5, 1, b"x"))).encode()


def test_what_follows_a_damaged_element_stays() -> None:
    whole = Sync(9, ((BIT | 5, b"abc"),)).encode()
    damaged = Sync(9, ((BIT | 6, b"abc"),)).encode()[3:-1]
    assert move_numbers(whole + damaged, 1) == Sync(9, ((BIT | 6, b"abc"),)).encode() + damaged


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\x10\x01",
        b"\x20\x01\x00\x00",
        b"\x30\x01\x02\x03\x04\x05\x06\x07\x08\x09",
        b"\x01" + b"a" * 36,
        b"\x04\x00\x01\x00",
        RemoteCall(BIT - 50, 1, ()).encode(),
        SimplifyPath(CHECKSUM, 0xFFFFFFFF, "x").encode(),
        Sync(1, ((0xFFFFFFFF, b"abc"),)).encode(),
    ],
)
def test_a_packet_that_cannot_be_moved_is_refused(data: bytes) -> None:
    with pytest.raises(PacketError):
        move_numbers(data, 100)


def test_a_call_by_number_is_told_from_one_by_path() -> None:
    assert is_by_number(RemoteCall(5, 1, ()).encode())
    assert is_by_number(RemoteCall(70_000, 1, (), wide=True).encode())
    assert is_by_number(RemoteCall(200, 300, (), wide=True).encode())
    assert not is_by_number(RemoteCall(0, 1, (), "Main").encode())
    assert not is_by_number(Raw(b"x").encode())
    assert is_by_number(b"\x20\x80\x80\x80")


def test_the_counter_of_a_sync_alone() -> None:
    sync = Sync(0xABCD, ((1, b"x"),))
    assert counter_of(sync.encode()) == 0xABCD
    assert move_counter(sync.encode(), 0x1_0003) == sync._replace(counter=3).encode()
    with pytest.raises(PacketError):
        counter_of(b"\x06\x01")


def test_an_answer_is_moved_back() -> None:
    assert move_back(ConfirmPath(True, 105).encode(), 100) == ConfirmPath(True, 5).encode()
    assert move_back(ConfirmPath(False, 100).encode(), 100) is None
    assert move_back(ConfirmPath(False, 3).encode(), 100) is None


# ---------------------------------------------------------------------------------------------------- lives


def life(shift: Shift, *numbers: int) -> list[int]:
    """Has Ann tell some numbers; returns what the others hear."""
    heard = []
    for number in numbers:
        packet = parse(shift.sent(ANN, SimplifyPath(CHECKSUM, number, "x").encode()))
        assert isinstance(packet, SimplifyPath)
        shift.told(ANN, packet.cache_id)
        heard.append(packet.cache_id)
    return heard


def test_lives_never_share_a_number() -> None:
    shift = Shift()
    assert life(shift, 1, 2, 5) == [1, 2, 5]
    shift.begin_life(ANN)
    assert life(shift, 1, 2) == [6, 7]
    shift.begin_life(ANN)
    assert life(shift, 1) == [8]
    shift.begin_life(ANN)
    shift.begin_life(ANN)
    assert life(shift, 1) == [9]
    assert shift.base(EVE) == 0
    shift.forget(ANN)
    assert life(shift, 1) == [1]


def test_numbers_that_are_used_up_begin_anew() -> None:
    shift = Shift()
    life(shift, MOST_PATHS)
    assert not shift.is_used_up(ANN)
    life(shift, MOST_PATHS + 1)
    assert shift.is_used_up(ANN)
    shift.begin_life(ANN)
    assert life(shift, 1) == [1]


def test_answers_reach_the_life_that_asked() -> None:
    shift = Shift()
    old = ConfirmPath(True, 5).encode()
    assert shift.answer(ANN, old, True) == old
    life(shift, 5)
    shift.begin_life(ANN)
    assert shift.answer(ANN, old, False) is None
    assert shift.answer(ANN, ConfirmPath(True, 7).encode(), True) == ConfirmPath(True, 2).encode()


def test_an_answer_by_path_stays_though_it_looks_like_a_number() -> None:
    shift = Shift()
    life(shift, 5)
    shift.begin_life(ANN)
    for path in ("abc", "Main/Node"):
        answer = ConfirmPath(True, None, path).encode()
        assert shift.answer(ANN, answer, False) == answer


# ---------------------------------------------------------------------------------------------------- counters


def counts(shift: Shift, *counters: int, receiver: int = EVE) -> list[int]:
    heard = []
    for counter in counters:
        data = Sync(counter, ((1, b"x"),)).encode()
        packet = parse(shift.counted(ANN, receiver, data, counter))
        assert isinstance(packet, Sync)
        heard.append(packet.counter)
    return heard


def test_the_first_life_is_not_moved() -> None:
    assert counts(Shift(), 1, 2, 2, 32_770, 65_535, 0, 1) == [1, 2, 2, 32_770, 65_535, 0, 1]


def test_the_next_life_goes_on_with_the_next_counter() -> None:
    shift = Shift()
    assert counts(shift, 100, 500) == [100, 500]
    shift.begin_life(ANN)
    assert counts(shift, 1, 1, 2, 4) == [501, 501, 502, 504]
    shift.begin_life(ANN)
    assert counts(shift, 40_000, 40_001) == [505, 506]
    assert counts(shift, 7, receiver=9) == [7]


def test_a_counter_goes_on_over_its_end() -> None:
    shift = Shift()
    counts(shift, 65_534)
    shift.begin_life(ANN)
    assert counts(shift, 1, 2, 3) == [65_535, 0, 1]


def test_a_sender_that_counts_again_without_a_return_goes_on_too() -> None:
    shift = Shift()
    assert counts(shift, 500, 1, 2) == [500, 501, 502]


def test_what_is_forgotten_counts_from_the_start() -> None:
    shift = Shift()
    counts(shift, 500)
    shift.forget(EVE)
    assert counts(shift, 3) == [3]
    shift.clear()
    assert counts(shift, 2) == [2]
