"""What a returned player sends waits for the others: from the first SPAWN on, in order, up to a limit."""

from __future__ import annotations

import pytest

from gdpeer.multiplayer.wire.godot4 import Raw
from gdpeer.multiplayer.wire.replication import Spawn
from gdpeer.rooms.resume.delay import MOST_SECONDS, Delay
from gdpeer.rooms.resume.queue import MOST_BYTES, MOST_PACKETS

BOB, ANN, EVE = 7, 8, 9
SPAWN = Spawn(0, 1, 1, (), "Unit", None, b"").encode()
HELLO = Raw(b"hello").encode()


class Given(list[tuple[int, int, bytes]]):
    """What was handed over.

    Attributes:
        room: for how many more packets there is room.
    """

    room = 10_000

    def __call__(self, receiver: int, source: int, data: bytes) -> bool:
        if not self.room:
            return False
        self.room -= 1
        self.append((receiver, source, data))
        return True


@pytest.fixture
def delay() -> Delay:
    delay = Delay()
    delay.begin(BOB, (ANN, EVE), 100.0)
    return delay


def send(delay: Delay, data: bytes, *receivers: int) -> list[tuple[list[int], bytes]]:
    return [(list(found), packet) for found, packet in delay.sort(BOB, [(receivers, data)])]


def test_what_comes_before_a_spawn_does_not_wait(delay: Delay) -> None:
    assert send(delay, HELLO, ANN, EVE) == [([ANN, EVE], HELLO)]
    assert list(delay.sort(ANN, [((BOB, EVE), SPAWN)])) == [([BOB, EVE], SPAWN)]


def test_all_waits_in_order_from_a_spawn_on(delay: Delay) -> None:
    assert send(delay, SPAWN, ANN) == []
    assert send(delay, HELLO, ANN, EVE) == [([EVE], HELLO)]
    given = Given()
    delay.hand_over(100.0, given)
    assert given == []
    delay.confirmed(ANN, BOB)
    assert send(delay, HELLO, ANN) == []
    delay.hand_over(100.0, given)
    assert given == [(ANN, BOB, SPAWN), (ANN, BOB, HELLO), (ANN, BOB, HELLO)]
    assert send(delay, SPAWN, ANN) == [([ANN], SPAWN)]
    assert delay.lines  # for Eve


def test_one_who_has_confirmed_gets_the_first_spawn_at_once(delay: Delay) -> None:
    delay.confirmed(ANN, BOB)
    delay.confirmed(BOB, ANN)  # Ann has not returned
    delay.hand_over(100.0, Given())
    assert send(delay, SPAWN, ANN) == [([ANN], SPAWN)]


def test_nothing_waits_for_long(delay: Delay) -> None:
    send(delay, SPAWN, ANN)
    given = Given()
    delay.hand_over(100.0 + 0.9 * MOST_SECONDS, given)
    assert given == []
    delay.hand_over(100.0 + MOST_SECONDS, given)
    assert given == [(ANN, BOB, SPAWN)]
    assert not delay.lines


def test_a_client_without_room_gets_the_rest_later(delay: Delay) -> None:
    for data in (SPAWN, HELLO):
        send(delay, data, ANN)
    delay.confirmed(ANN, BOB)
    given = Given()
    given.room = 1
    delay.hand_over(100.0, given)
    assert given == [(ANN, BOB, SPAWN)]
    assert send(delay, HELLO, ANN) == []
    given.room = 2
    delay.hand_over(100.0, given)
    assert given[1:] == [(ANN, BOB, HELLO)] * 2


@pytest.mark.parametrize(
    ("fitting", "data"), [(MOST_PACKETS - 1, HELLO), (2, Raw(b"x" * (MOST_BYTES // 2 - 50)).encode())]
)
def test_what_does_not_fit_makes_all_go_on(fitting: int, data: bytes, delay: Delay) -> None:
    send(delay, SPAWN, ANN)
    for _ in range(fitting):
        assert send(delay, data, ANN) == []
    passed = send(delay, data, ANN, EVE)
    assert passed[0] == ([ANN], SPAWN)
    assert passed[-1] == ([EVE], data)
    assert passed[1:-1] == [([ANN], data)] * (fitting + 1)
    assert send(delay, HELLO, ANN) == [([ANN], HELLO)]


def test_another_return_drops_what_has_waited(delay: Delay) -> None:
    send(delay, SPAWN, ANN)
    delay.begin(BOB, (ANN,), 101.0)
    assert send(delay, HELLO, ANN) == [([ANN], HELLO)]


@pytest.mark.parametrize(
    ("forget", "is_left"),
    [
        (lambda delay: delay.forget_receiver(ANN), True),
        (lambda delay: delay.forget(ANN), True),
        (lambda delay: delay.forget(BOB), False),
        (lambda delay: delay.clear(), False),
    ],
)
def test_what_waits_is_forgotten(forget: object, is_left: bool, delay: Delay) -> None:
    send(delay, SPAWN, ANN)
    assert callable(forget)
    forget(delay)
    assert bool(delay.lines) is is_left
    given = Given()
    delay.hand_over(200.0, given)
    assert given == []
    assert send(delay, SPAWN, ANN) == [([ANN], SPAWN)]


def test_a_player_who_is_away_again_is_still_heard(delay: Delay) -> None:
    send(delay, SPAWN, ANN)
    delay.forget_receiver(BOB)
    given = Given()
    delay.hand_over(200.0, given)
    assert given == [(ANN, BOB, SPAWN)]
