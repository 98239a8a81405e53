from __future__ import annotations

from typing import Any, cast

from gdpeer.websocket.native import NativeBackend
from gdpeer.websocket.turn import Turn


class Backend:
    """What a turn needs of one."""

    def __init__(self) -> None:
        self.is_touched = False
        self.is_gathered = False
        self.flushed: list[bool] = []

    def flush(self) -> None:
        self.flushed.append(self.is_gathered)


def backend() -> Any:
    return cast("NativeBackend", Backend())


def test_touched_is_told_once_a_turn() -> None:
    turn, one, other = Turn(), backend(), backend()
    turn.touch(one)
    turn.touch(other)
    turn.touch(one)
    assert turn.take_touched() == [one, other]
    assert turn.take_touched() == []
    turn.touch(one)
    assert turn.take_touched() == [one]


def test_gathered_is_flushed_once_at_the_end() -> None:
    turn, one, other = Turn(), backend(), backend()
    turn.active = True
    turn.gather(one)
    turn.gather(other)
    turn.gather(one)
    turn.flush()
    turn.flush()
    assert not turn.active
    assert one.flushed == other.flushed == [False]


def test_a_turn_begins_without_a_poller_and_idle() -> None:
    turn = Turn()
    assert turn.poller is None
    assert not turn.active
