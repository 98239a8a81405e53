"""Signals and their slots."""

from __future__ import annotations

import gc
import logging
from weakref import ref

import pytest

from gdpeer.clock import ManualClock
from gdpeer.logs import LogLimit
from gdpeer.signals import Signal


@pytest.fixture
def signal() -> Signal:
    return Signal("moved")


@pytest.fixture
def calls() -> list[object]:
    return []


def test_slots_are_called_in_order_with_what_the_signal_carries(signal: Signal, calls: list[object]) -> None:
    signal.connect(lambda *arguments: calls.append(("first", arguments)))
    signal.connect(lambda *arguments: calls.append(("second", arguments)))
    signal.emit(1, "a")
    signal.emit()
    assert calls == [("first", (1, "a")), ("second", (1, "a")), ("first", ()), ("second", ())]


def test_missing_arguments_take_the_slots_default(signal: Signal, calls: list[object]) -> None:
    def closed(was_clean: bool = False) -> None:
        calls.append(was_clean)

    signal.connect(closed)
    signal.emit()
    signal.emit(True)
    assert calls == [False, True]


def test_connect_is_a_decorator(signal: Signal, calls: list[object]) -> None:
    @signal.connect
    def slot() -> None:
        calls.append("called")

    slot()
    signal.emit()
    assert calls == ["called", "called"]


def test_disconnected_slot_is_not_called(signal: Signal, calls: list[object]) -> None:
    slot = signal.connect(lambda: calls.append(1))
    signal.disconnect(slot)
    signal.emit()
    assert calls == []


def test_bound_methods_are_the_same_slot_each_time(signal: Signal, calls: list[object]) -> None:
    signal.connect(calls.append)
    assert signal.is_connected(calls.append)
    signal.disconnect(calls.append)
    assert not signal.is_connected(calls.append)


@pytest.mark.parametrize("how", ["once", "connect"])
def test_once_is_called_once(signal: Signal, calls: list[object], how: str) -> None:
    if how == "once":
        signal.once(calls.append)
    else:
        signal.connect(calls.append, once=True)
    signal.emit(1)
    signal.emit(2)
    assert calls == [1]
    assert len(signal) == 0


def test_once_is_gone_before_it_is_called(signal: Signal, calls: list[object]) -> None:
    signal.once(lambda: (calls.append(len(signal)), signal.emit()))
    signal.emit()
    assert calls == [0]


def test_slot_may_connect_itself_once_more(signal: Signal, calls: list[object]) -> None:
    def slot() -> None:
        calls.append(1)
        signal.once(slot)

    signal.once(slot)
    signal.emit()
    assert calls == [1]
    signal.emit()
    assert calls == [1, 1]


def test_slot_that_raises_is_logged_and_the_others_run(
    signal: Signal, calls: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    signal.connect(lambda: 1 / 0)
    signal.connect(lambda: calls.append("ran"))
    with caplog.at_level(logging.ERROR, "gdpeer.signals"):
        signal.emit()
    assert calls == ["ran"]
    (record,) = caplog.records
    assert "'moved'" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_signals_may_share_a_weak_reference_to_what_has_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    class Owner:
        limit = LogLimit(ManualClock())

        def log_limit_of(self, peer_id: int) -> LogLimit:
            asked.append(peer_id)
            return self.limit

    def fail(peer_id: int) -> None:
        raise ValueError(peer_id)

    asked: list[int] = []
    owner = Owner()
    came, went = (Signal(name, ref(owner)) for name in ("came", "went"))
    came.connect(fail)
    went.connect(fail)
    came.emit(5)
    went.emit_one(6)
    assert asked == [5, 6]
    del owner
    gc.collect()
    came.emit(7)  # without its owner a signal has no limit
    assert asked == [5, 6]
    assert caplog.text.count("ValueError: ") == 3


def test_keyboard_interrupt_is_not_swallowed(signal: Signal) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    signal.connect(interrupted)
    with pytest.raises(KeyboardInterrupt):
        signal.emit()


def test_changes_while_it_fires_count_from_the_next_emit(signal: Signal, calls: list[object]) -> None:
    def late() -> None:
        calls.append("late")

    def early() -> None:
        calls.append("early")
        signal.connect(late)
        signal.disconnect(last)
        signal.disconnect(early)

    def last() -> None:
        calls.append("last")

    signal.connect(early)
    signal.connect(last)
    signal.emit()
    assert calls == ["early", "last"]
    signal.emit()
    assert calls == ["early", "last", "late"]


def test_misuse_is_an_error(signal: Signal) -> None:
    with pytest.raises(TypeError, match="callable, not int"):
        signal.connect(1)  # type: ignore[arg-type]
    signal.connect(print)
    with pytest.raises(ValueError, match="already connected"):
        signal.connect(print)
    signal.disconnect(print)
    with pytest.raises(ValueError, match="is not connected"):
        signal.disconnect(print)


def test_signal_is_true_and_tells_its_slots(signal: Signal) -> None:
    assert bool(signal)
    signal.connect(print)
    assert len(signal) == 1
    assert repr(signal) == "<Signal 'moved', 1 connected>"
