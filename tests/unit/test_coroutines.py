"""Async functions where gdpeer calls functions of the game: each place runs them, or says what to do."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import gdpeer
import gdpeer.blocking
from gdpeer import MultiplayerSpawner, MultiplayerSynchronizer, Node, Signal, coroutines, rpc
from gdpeer.coroutines import is_async
from gdpeer.http import Headers, Request
from gdpeer.rooms import Hall


class Main(Node):
    @rpc
    async def later(self) -> None: ...

    async def method(self) -> None: ...

    async def __call__(self) -> None: ...


async def later(*arguments: object) -> None: ...


def test_which_functions_are_async() -> None:
    main = Main()
    for function in (later, main.method, main.later, main, partial(later, 1), Main.method):
        assert is_async(function), function
    for function in (print, main.get_path, Main, Signal("x").emit, partial(print, 1), lambda: None, 5):
        assert not is_async(function), function


def test_an_async_slot_is_a_task_of_the_running_loop(caplog: pytest.LogCaptureFixture) -> None:
    happened: list[object] = []
    signal = Signal("told")

    async def hear(what: object) -> None:
        await asyncio.sleep(0)
        happened.append(what)
        if what == "bad":
            raise ValueError("went wrong")

    async def run() -> None:
        signal.emit("good")
        signal.emit_one("bad")
        assert happened == []
        await asyncio.sleep(0.01)

    assert signal.connect(hear) is hear
    assert signal.is_connected(hear)
    with pytest.raises(ValueError, match="already connected"):
        signal.connect(hear)
    asyncio.run(run())
    assert happened == ["good", "bad"]
    assert "a handler of signal 'told' raised" in caplog.text
    assert "ValueError: went wrong" in caplog.text
    signal.disconnect(hear)
    assert not signal.is_connected(hear)
    assert len(signal) == 0


def test_tasks_of_slots_end_with_the_loop_and_once_is_once(caplog: pytest.LogCaptureFixture) -> None:
    signal, calls = Signal("told"), list[int]()

    async def wait_for_ever() -> None:
        calls.append(1)
        await asyncio.sleep(1000)

    async def run() -> None:
        signal.once(wait_for_ever)
        signal.emit()
        signal.emit()
        await asyncio.sleep(0)
        gc.collect()

    asyncio.run(run())
    assert calls == [1]
    assert caplog.text == ""


def test_too_many_tasks_of_a_slot_are_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(coroutines, "MOST_TASKS", 2)
    signal, calls = Signal("told"), list[int]()

    async def count() -> None:
        calls.append(1)

    async def run() -> None:
        for _ in range(3):
            signal.emit()
        await asyncio.sleep(0.01)
        signal.emit()
        await asyncio.sleep(0.01)

    signal.connect(count)
    asyncio.run(run())
    assert len(calls) == 3
    assert "2 calls of <function" in caplog.text
    assert "have not ended yet" in caplog.text


def test_an_async_slot_without_a_loop_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    signal = Signal("told")
    signal.connect(later)
    signal.emit()
    assert "is async, and no asyncio loop runs here: use gdpeer.aio, or write the handler without async" in caplog.text


def lobby_with_async_identify() -> None:
    lobby = Hall([], lobby=True, secret=b"s" * 32).lobby
    assert lobby is not None
    lobby.identify = later  # type: ignore[assignment]
    lobby.player_of(Request("GET", "/", Headers()))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: gdpeer.run(later), r"run\(\) argument 'tick': <function later .* is async, .* gdpeer.aio"),
        (lambda: gdpeer.blocking.serve(later), r"serve\(\) argument 'handler': .* is async, .* use gdpeer.aio.serve"),
        (lobby_with_async_identify, "lobby.identify: .* is async, but its answer is needed at once"),
        (
            lambda: MultiplayerSynchronizer().add_visibility_filter(later),  # type: ignore[arg-type]
            r"add_visibility_filter\(\) argument 'filter': .* is async",
        ),
    ],
)
def test_an_answer_that_is_needed_at_once_cannot_be_async(call: Callable[[], Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        call()


def test_an_async_spawn_function_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    spawner = MultiplayerSpawner()
    spawner.spawn_function = later  # type: ignore[assignment]
    assert spawner.instantiate(1) is None
    assert "spawn_function: <function later" in caplog.text
    assert "is async, but its answer is needed at once" in caplog.text
