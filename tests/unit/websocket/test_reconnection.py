"""When to connect again: pauses that grow, chance in them, and the ends after which there is no use."""

from __future__ import annotations

import pytest

from gdpeer.clock import ManualClock
from gdpeer.errors import Cause, CloseCause
from gdpeer.websocket.reconnection import Reconnection, chance

LOST = CloseCause(Cause.TCP, "lost")


def policy(clock: ManualClock, luck: float = 0.0, **settings: object) -> Reconnection:
    return Reconnection(clock=clock, chance=lambda: luck, **settings)  # type: ignore[arg-type]


def delays(found: Reconnection, count: int) -> list[float | None]:
    return [found.delay_after(LOST) for _ in range(count)]


def test_pauses_double_up_to_the_longest() -> None:
    assert delays(policy(ManualClock(), first=1.0, most=5.0), 5) == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_after_a_thousand_attempts_it_is_still_the_longest() -> None:
    assert delays(policy(ManualClock(), most=30.0, factor=10.0), 1000)[-1] == 30.0


@pytest.mark.parametrize(("luck", "pause"), [(0.0, 8.0), (0.5, 6.0), (1.0, 4.0)])
def test_chance_makes_a_pause_shorter_by_its_share_at_most(luck: float, pause: float) -> None:
    assert delays(policy(ManualClock(), luck, first=8.0, jitter=0.5), 1) == [pause]


def test_chance_is_between_nought_and_one_and_not_always_the_same() -> None:
    found = {chance() for _ in range(100)}
    assert len(found) > 90
    assert all(0 <= one < 1 for one in found)


def test_a_connection_that_held_begins_anew() -> None:
    clock = ManualClock()
    found = policy(clock, first=1.0, held=5.0)
    assert delays(found, 3) == [1.0, 2.0, 4.0]
    found.connected()
    clock.advance(5.0)
    assert delays(found, 2) == [1.0, 2.0]


def test_one_that_did_not_hold_is_a_failed_attempt() -> None:
    clock = ManualClock()
    found = policy(clock, first=1.0, held=5.0)
    assert delays(found, 2) == [1.0, 2.0]
    found.connected()
    clock.advance(4.9)
    assert delays(found, 1) == [4.0]


def test_it_gives_up_after_so_many_attempts_in_a_row() -> None:
    clock = ManualClock()
    found = policy(clock, first=1.0, attempts=2)
    assert delays(found, 3) == [1.0, 2.0, None]


def test_it_gives_up_when_its_patience_ends() -> None:
    clock = ManualClock()
    found = policy(clock, first=4.0, patience=10.0)
    assert delays(found, 1) == [4.0]
    clock.advance(4.0)
    assert delays(found, 1) == [None]  # 8 more would make 12
    assert policy(clock, first=4.0, patience=10.0).next_delay() == 4.0


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.DNS, -1),
        (Cause.TCP, -1),
        (Cause.TIMEOUT, -1),
        *((Cause.CLOSED, code) for code in (1001, 1006, 1011, 1012, 1013, 1014)),
        (Cause.TOO_SLOW, 1013),
    ],
)
def test_what_passes(cause: Cause, code: int) -> None:
    assert not policy(ManualClock()).is_final(CloseCause(cause), code)


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.NONE, -1),
        (Cause.DROPPED, -1),
        (Cause.TLS, -1),
        (Cause.PROXY, -1),
        (Cause.UPGRADE, -1),
        (Cause.SUB_PROTOCOL, -1),
        (Cause.PROTOCOL_ERROR, 1002),
        (Cause.TOO_BIG, 1009),
        *((Cause.CLOSED, code) for code in (1000, 1003, 1005, 1008, 4000)),
    ],
)
def test_what_does_not(cause: Cause, code: int) -> None:
    found = policy(ManualClock())
    assert found.is_final(CloseCause(cause), code)
    assert found.delay_after(CloseCause(cause), code) is None


def test_tls_that_breaks_after_it_was_open_passes() -> None:
    found = policy(ManualClock(), first=1.0)
    found.connected()
    assert found.delay_after(CloseCause(Cause.TLS)) == 1.0
    assert found.delay_after(CloseCause(Cause.TLS)) is None


@pytest.mark.parametrize(("status", "is_final"), [(403, True), (404, True), (426, True), (408, False), (425, False)])
def test_a_refused_origin_is_final_and_a_busy_server_is_not(status: int, is_final: bool) -> None:
    assert policy(ManualClock()).is_final(CloseCause(Cause.HTTP_STATUS, "", status)) is is_final


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_servers_that_fail_are_tried_again(status: int) -> None:
    assert not policy(ManualClock()).is_final(CloseCause(Cause.HTTP_STATUS, "", status))


def test_codes_of_one_s_own_are_tried_again_too() -> None:
    assert not policy(ManualClock(), codes=[4000]).is_final(CloseCause(Cause.CLOSED), 4000)


@pytest.mark.parametrize(
    "settings", [{"first": -1.0}, {"first": 9.0, "most": 8.0}, {"factor": 0.5}, {"jitter": 2.0}, {"held": -1.0}]
)
def test_numbers_that_make_no_sense(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="are needed"):
        Reconnection(**settings)  # type: ignore[arg-type]
