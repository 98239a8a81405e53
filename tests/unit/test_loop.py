"""`run`: frames in time, and how the loop ends. In pages it is tests/backends that shows it."""

from __future__ import annotations

import time

import pytest

from gdpeer import ManualClock, loop, run
from gdpeer.loop import Frames
from gdpeer.platform import pause


def test_it_runs_until_false_comes_back() -> None:
    deltas: list[float] = []

    def tick(delta: float) -> bool | None:
        deltas.append(delta)
        return None if len(deltas) < 4 else False

    began = time.monotonic()
    run(tick, fps=50)
    took = time.monotonic() - began
    assert len(deltas) == 4
    assert 0.055 <= sum(deltas) <= took


def test_the_deltas_are_the_times_between_the_frames() -> None:
    clock, deltas = ManualClock(), [0.5]

    def tick(delta: float) -> bool:
        deltas.append(round(delta, 6))
        return len(deltas) < 5

    Frames(tick, 0.02, clock, clock.advance).run()
    assert deltas[1:] == [0.0, 0.02, 0.02, 0.02]


def test_an_exception_goes_on_to_the_caller() -> None:
    def tick(delta: float) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(tick)


@pytest.mark.parametrize("fps", [0, -1, float("nan")])
def test_frames_a_second_are_more_than_none(fps: float) -> None:
    with pytest.raises(ValueError, match="fps"):
        run(lambda delta: False, fps)


def test_a_slow_frame_is_not_made_up_for() -> None:
    clock = ManualClock()
    slept: list[float] = []
    work = [0.0, 0.05, 0.0, 0.0]

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        clock.advance(seconds)

    def tick(delta: float) -> bool:
        clock.advance(work.pop(0))
        return bool(work)

    Frames(tick, 0.02, clock, sleep).run()
    assert slept == [0.02, 0.0, 0.02]


def test_in_a_page_the_browser_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Frames] = []
    monkeypatch.setattr(loop, "IN_PAGE", True)
    monkeypatch.setattr(loop, "_run_in_page", begun.append)
    run(lambda delta: None, fps=30)
    assert [frames.length for frames in begun] == [1 / 30]


def test_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    pause(0.02)
    pause(-1)
    assert time.monotonic() - began >= 0.02
    monkeypatch.setattr("gdpeer.platform.IN_PAGE", True)
    pause(1000.0)
